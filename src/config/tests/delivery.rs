//! Tests of the keys of delivery: rate limits, windows, fallbacks, budgets, templates, consent; and of API keys.

use std::path::Path;
use std::time::Duration;

use palabre_actors::domain::channel::{BreakerPolicy, ChannelProfile, RateLimit};
use palabre_actors::domain::rate_limit::per_second;
use palabre_actors::domain::retry::RetryPolicy;

use super::{SECRET, TENANT, holds, load, problems, told, with};
use crate::config::{ApiScope, ApiTenants, Config, Environment, Tenant};
use crate::gateway::PROVIDERS;

/// A second channel and a template, in a tenant's file.
const MORE: &str = r#"
[[channels]]
id = "belle-sms"
provider = "twilio-sms"
address = "+33639980004"
account_sid = "AC00000000000000000000000000000001"
auth_token = { env = "TOKEN" }
[[templates]]
name = "rappel"
content_sid = "HX00000000000000000000000000000001"
variables = ["prenom"]
body = "Bonjour {{prenom}}"
"#;

fn tenant(more: &str) -> Tenant {
    let text = format!("{TENANT}{more}");
    match load("", &[("t.toml", &text)]) {
        Ok(loaded) if loaded.warnings.is_empty() => loaded.config.tenants.into_iter().next().expect("one"),
        Ok(loaded) => panic!("{:?}", loaded.warnings),
        Err(errors) => panic!("{errors}"),
    }
}

fn profile(more: &str) -> ChannelProfile {
    ChannelProfile::clone(&tenant(more).channels[0].profile)
}

#[test]
fn a_tenants_own_limits_say_what_its_senders_may() {
    let usual = profile("");
    for (limits, account, pair) in [
        ("per_second = 3000", Some(per_second(3_000)), usual.pair),
        ("per_second = 5", Some(per_second(5)), usual.pair),
        ("per_second = 10001", None, usual.pair),
        ("per_contact_per_minute = 55", usual.account, usual.pair),
        ("per_contact_per_minute = 56", usual.account, None),
    ] {
        let profile = profile(&format!("[limits]\n{limits}"));
        assert_eq!((profile.account, profile.pair), (account, pair), "{limits}");
    }
}

#[test]
fn a_channel_does_what_its_provider_allows() {
    let tenant = tenant(MORE);
    let [whatsapp, sms] = tenant.channels.as_slice() else { panic!("two channels") };
    assert_eq!(whatsapp.profile.account, Some(per_second(80)));
    assert_eq!(whatsapp.profile.pair, Some(RateLimit { every: Duration::from_secs(6), burst: 45 }));
    assert_eq!(whatsapp.profile.window, Some(Duration::from_secs(24 * 60 * 60)));
    assert_eq!((sms.profile.account, sms.profile.pair, sms.profile.window), (Some(per_second(1)), None, None));
    for channel in [whatsapp, sms] {
        let profile = &channel.profile;
        assert_eq!(profile.scheme, channel.address.scheme(), "what takes over writes to its own kind of address");
        assert_eq!((&profile.retry, &profile.breaker), (&RetryPolicy::default(), &BreakerPolicy::default()));
        assert_eq!((profile.keep_order, profile.cost_micros, &profile.fallback), (true, 0, &None));
        assert_eq!(profile.templates["rappel"].content_id, "HX00000000000000000000000000000001");
        assert_eq!(profile.templates["rappel"].variable_names, ["prenom"]);
    }
    assert_eq!(tenant.limits.weight, 1);
    assert_eq!(tenant.deferred_for, Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!((tenant.budget.per_day_micros, tenant.budget.per_month_micros), (None, None));
    assert!(!tenant.budget.hard_stop && (tenant.budget.alert_at - 0.8).abs() < f64::EPSILON);
    assert!(!tenant.rules.source().double_opt_in);
}

#[test]
fn what_is_written_is_what_counts() {
    let changed = profile(
        r#"per_second = 5
        pair = "off"
        window = "off"
        keep_order = false
        cost = 0.0725
        fallback_channel = "belle-sms"
        backup_api_base_url = "https://api.dublin.ie1.twilio.com"
        retry = { initial = "1s", cap = "5m", max_attempts = 4, max_age = "6h" }
        breaker = { consecutive_failures = 3, error_rate = 1, sample = 5, period = "1m", open_for = "30s" }
        [[channels]]
        id = "belle-sms"
        provider = "twilio-sms"
        address = "+33639980004"
        account_sid = "AC00000000000000000000000000000001"
        auth_token = { env = "TOKEN" }
        "#,
    );
    assert_eq!((changed.account, changed.pair, changed.window), (Some(per_second(5)), None, None));
    assert_eq!((changed.keep_order, changed.cost_micros), (false, 72_500));
    assert_eq!(changed.fallback.as_ref().map(|id| id.as_str()), Some("belle-sms"));
    let retry = RetryPolicy {
        initial: Duration::from_secs(1),
        cap: Duration::from_secs(300),
        max_attempts: 4,
        max_age: Duration::from_secs(6 * 60 * 60),
        ..RetryPolicy::default()
    };
    assert_eq!(changed.retry, retry);
    let breaker = BreakerPolicy {
        consecutive_failures: 3,
        error_rate: 1.0,
        sample: 5,
        period: Duration::from_secs(60),
        open_for: Duration::from_secs(30),
    };
    assert_eq!(changed.breaker, breaker);
    assert_eq!(profile("pair = { every = \"2s\" }").pair, Some(RateLimit { every: Duration::from_secs(2), burst: 1 }));

    let tenant = tenant(
        "[limits]\nweight = 3\n[budget]\nper_day = 2.5\nper_month = 40\nalert_at = 1\nhard_stop = true\n\
         [consent]\ndouble_opt_in = true\n[outbox]\ndeferred_for = \"2h\"\n\
         [[channels]]\nid = \"try\"\nprovider = \"sandbox\"\naddress = \"sandbox:x\"\ncost = 0.05\n",
    );
    assert_eq!((tenant.limits.weight, tenant.deferred_for), (3, Duration::from_secs(7200)));
    assert_eq!(tenant.budget.per_day_micros, Some(2_500_000));
    assert_eq!(tenant.budget.per_month_micros, Some(40_000_000));
    assert!(tenant.budget.hard_stop && tenant.rules.source().double_opt_in);
}

#[test]
fn a_backup_is_another_way_to_the_same_api() {
    let text = format!("{TENANT}backup_api_base_url = \"https://api.example/\"\n");
    let config = load("", &[("t.toml", &text)]).expect("it holds").config;
    let account = &config.tenants[0].channels[0].provider;
    assert_eq!(account.backup_api_base_url.as_deref(), Some("https://api.example"));
}

/// What is said about a tenant's file with more in it; the first line of `more` is line 9.
fn about(more: &str) -> Vec<String> {
    problems("", &[("t.toml", &format!("{TENANT}{more}"))]).iter().map(told).collect()
}

#[test]
fn mistakes_in_a_channels_way_out() {
    for (more, expected) in [
        ("per_second = 0", "error t.toml:9:14 `channels[0].per_second` is 0, but must be from 1 to 10000"),
        (
            "pair = \"of\"",
            "error t.toml:9:8 `channels[0].pair` cannot be `of` | write `pair = { every = \"6s\", burst = 45 }`, or `\"off\"`",
        ),
        (
            "pair = 6",
            "error t.toml:9:8 `channels[0].pair` must be `{ every = \"6s\", burst = 45 }` or \"off\", not a number",
        ),
        ("pair = { evry = \"6s\" }", "error t.toml:9:10 unknown key `evry` | did you mean `every`?"),
        ("pair = { every = \"2d\" }", "error t.toml:9:18 `channels[0].pair.every` must not be longer than 1day"),
        (
            "pair = { every = \"6s\", burst = 0 }",
            "error t.toml:9:32 `channels[0].pair.burst` is 0, but must be from 1 to 10000",
        ),
        (
            "window = \"of\"",
            "error t.toml:9:10 `channels[0].window` is not a duration | write a number with its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"1h 30m\"",
        ),
        ("cost = -0.01", "error t.toml:9:8 `channels[0].cost` is -0.01, but must be from 0 to 1000000000"),
        ("cost = nan", "error t.toml:9:8 `channels[0].cost` is NaN, but must be from 0 to 1000000000"),
        (
            "fallback_channel = \"belle-wa\"",
            "error t.toml:9:20 `channels[0].fallback_channel` is the channel itself | name another channel of this tenant",
        ),
        (
            "fallback_channel = \"other\"",
            "error t.toml:9:20 `channels[0].fallback_channel` names no channel of this tenant: `other` | this tenant has no other channel",
        ),
        (
            "backup_api_base_url = \"api.twilio.com\"",
            "error t.toml:9:23 `channels[0].backup_api_base_url` is not a URL | write it like `https://api.twilio.com`",
        ),
        (
            "backup_api_base_url = \"https://api.twilio.com\"",
            "warning t.toml:9:23 `channels[0].backup_api_base_url` is the same as `api_base_url` | name another way to the same API, or leave it out",
        ),
        (
            "retry.initial = \"1h\"",
            "error t.toml:9:17 `channels[0].retry.initial` is longer than `channels[0].retry.cap` | the first wait cannot be longer than the longest",
        ),
        (
            "retry.cap = \"1s\"",
            "error t.toml:9:13 `channels[0].retry.cap` is shorter than `channels[0].retry.initial` | the first wait cannot be longer than the longest",
        ),
        ("retry.max_age = \"31d\"", "error t.toml:9:17 `channels[0].retry.max_age` must not be longer than 30days"),
        (
            "retry.max_attempts = 0",
            "error t.toml:9:22 `channels[0].retry.max_attempts` is 0, but must be from 1 to 1000",
        ),
        (
            "breaker.error_rate = 1.5",
            "error t.toml:9:22 `channels[0].breaker.error_rate` is 1.5, but must be from 0.01 to 1",
        ),
        ("breaker.opn_for = \"1s\"", "error t.toml:9:9 unknown key `opn_for` | did you mean `open_for`?"),
    ] {
        assert_eq!(about(more), [expected], "{more}");
    }
}

#[test]
fn fallbacks_have_an_end() {
    let channel = |id: &str, address: &str, fallback: &str| {
        format!(
            "[[channels]]\nid = \"{id}\"\nprovider = \"twilio-sms\"\naddress = \"{address}\"\n\
             account_sid = \"AC00000000000000000000000000000001\"\nauth_token = {{ env = \"TOKEN\" }}\n{fallback}\n"
        )
    };
    let to = |id: &str| format!("fallback_channel = \"{id}\"\n");
    let chain = to("b") + &channel("b", "+33639980004", &to("c")) + &channel("c", "+33639980005", "");
    assert_eq!(about(&chain), [""; 0]);
    let circle = to("b") + &channel("b", "+33639980004", &to("c")) + &channel("c", "+33639980005", &to("b"));
    let told = about(&circle);
    assert_eq!(told.len(), 2, "both that go round, not the one that leads there: {told:?}");
    assert!(told.iter().all(|told| told.contains("leads back to this channel")), "{told:?}");
    let misspelt = to("bele") + &channel("belle", "+33639980004", "");
    assert!(about(&misspelt)[0].ends_with("names no channel of this tenant: `bele` | did you mean `belle`?"));
    let nameless = to("b") + &channel("b", "TAXI", "");
    assert!(about(&nameless)[0].contains("warning t.toml:9:20"), "{:?}", about(&nameless));
    assert!(about(&nameless)[0].contains("nobody can answer STOP"));
}

#[test]
fn mistakes_in_what_a_tenant_may_do() {
    for (more, expected) in [
        ("[limits]\nweight = 0", "error t.toml:10:10 `limits.weight` is 0, but must be from 1 to 100"),
        ("[budget]\nper_day = -1", "error t.toml:10:11 `budget.per_day` is -1, but must be from 0 to 1000000000"),
        ("[budget]\nalert_at = 80", "error t.toml:10:12 `budget.alert_at` is 80, but must be from 0 to 1"),
        ("[budget]\nper_day = \"9\"", "error t.toml:10:11 `budget.per_day` must be a number, not text"),
        (
            "[budget]\nhard_stop = true",
            "warning t.toml:10:13 `budget.hard_stop` stops nothing without a budget | set `per_day` or `per_month` beside it",
        ),
        (
            "[consent]\ndouble_optin = true",
            "error t.toml:10:1 unknown key `double_optin` | did you mean `double_opt_in`?",
        ),
        ("[outbox]\ndeferred_for = \"1y\"", "error t.toml:10:16 `outbox.deferred_for` must not be longer than 90days"),
        (
            "[keywords]\nstart = [\"oui\"]",
            "error t.toml:10:10 `keywords.start[0]` is an answer to many questions: it cannot mean that as well",
        ),
    ] {
        assert_eq!(about(more), [expected], "{more}");
    }
}

#[test]
fn mistakes_in_templates() {
    let sid = "content_sid = \"HX00000000000000000000000000000001\"\n";
    for (more, expected) in [
        (
            format!("[[templates]]\n{sid}"),
            "error t.toml:9:1 `templates[0].name` is missing | what rules and the API call it, such as `rappel_rdv`",
        ),
        (
            "[[templates]]\nname = \"a\"\n".to_owned(),
            "error t.toml:9:1 `templates[0].content_sid` is missing | it stands in Twilio's content template builder: `HX…`",
        ),
        (
            "[[templates]]\nname = \"a\"\ncontent_sid = \"SM1\"".to_owned(),
            "error t.toml:11:15 `templates[0].content_sid` must begin with `HX` and hold only letters and digits | it is `HX` and 32 hexadecimal digits",
        ),
        (
            "[[templates]]\nname = \"a\"\ncontent_sid = \"HX1\"".to_owned(),
            "error t.toml:11:15 `templates[0].content_sid` is not Twilio's | it is `HX` and 32 hexadecimal digits",
        ),
        (
            format!("[[templates]]\nname = \"a\"\n{sid}channels = [\"belle-w\"]"),
            "error t.toml:12:13 `templates[0].channels[0]` names no channel of this tenant: `belle-w` | did you mean `belle-wa`?",
        ),
        (
            format!("[[templates]]\nname = \"a\"\n{sid}language = \"français\""),
            "error t.toml:12:12 `templates[0].language` cannot be `français` | write it like `fr` or `en_GB`",
        ),
        (
            format!("[[templates]]\nname = \"a\"\n{sid}[[templates]]\nname = \"a\"\n{sid}"),
            "error t.toml:13:8 `templates[1].name` is `a`, the name of another template",
        ),
        (
            format!(
                "[[templates]]\nname = \"a\"\n{sid}variables = [\"prenom\"]\nbody = \"{{{{prenon}}}} {{{{prenom}}}}\""
            ),
            "error t.toml:13:8 `templates[0].body` has a place `prenon` that variables does not name | did you mean `prenom`?",
        ),
        (
            format!(
                "[[templates]]\nname = \"a\"\n{sid}variables = [\"prenom\"]\n[[faq]]\nquestion = \"?\"\nkeywords = [\"k\"]\nanswer = \"a\"\ntemplate = \"b\""
            ),
            "error t.toml:17:12 `faq[0].template` names no template of this tenant: `b` | there is `a`",
        ),
        (
            format!(
                "[[templates]]\nname = \"rappel\"\n{sid}variables = [\"prenom\"]\n[[faq]]\nquestion = \"?\"\nkeywords = [\"k\"]\nanswer = \"a\"\ntemplate = \"rappel\"\ntemplate_variables = {{ prenom = \"{{{{ contact.nme }}}}\" }}"
            ),
            "error t.toml:18:33 `faq[0].template_variables.prenom` does not hold: line 1: unknown name `contact.nme` | did you mean `contact.name`?",
        ),
        (
            "[[faq]]\nquestion = \"?\"\nkeywords = [\"k\"]\nanswer = \"a\"\ntemplate_variables = { prenom = \"x\" }"
                .to_owned(),
            "warning t.toml:13:22 `faq[0].template_variables` is there without a `template` | name the template that they belong to",
        ),
    ] {
        assert_eq!(about(&more), [expected], "{more}");
    }
}

const KEY: &str = "[[api.keys]]\nname = \"site\"\nkey = { env = \"SITE_KEY\" }\ntenants = [\"belle\"]\nscopes = [\"send\", \"read\", \"read\"]\n";
const SITE_KEY: (&str, &str) = ("SITE_KEY", "5ite-key-0123456789");

#[test]
fn api_keys_say_who_may_do_what() {
    assert!(holds("", &[]).api.keys.is_empty());
    let other = KEY.replace("site", "ops").replace("SITE_KEY", "OPS_KEY").replace("\"belle\"", "\"*\"");
    let other = other.replace("\"send\", \"read\", \"read\"", "\"operate\", \"read-content\", \"read\"");
    let config = holds(&format!("{KEY}{other}"), &[SITE_KEY, ("OPS_KEY", "0p5-key-0123456789ab")]);
    let [site, ops] = config.api.keys.as_slice() else { panic!("two keys") };
    assert_eq!((site.name.as_str(), &site.scopes), ("site", &vec![ApiScope::Read, ApiScope::Send]));
    assert!(matches!(&site.tenants, ApiTenants::Only(tenants) if tenants.len() == 1));
    let tenant = &config.tenants[0].id;
    assert!(site.tenants.include(tenant) && ops.tenants.include(tenant));
    assert_eq!(
        (&ops.tenants, &ops.scopes),
        (&ApiTenants::All, &vec![ApiScope::Read, ApiScope::ReadContent, ApiScope::Operate])
    );
    assert!(!format!("{config:?}").contains("5ite-key"));
}

#[test]
fn mistakes_in_api_keys() {
    let same = KEY.replace("name = \"site\"", "name = \"other\"");
    for (main, key, expected) in [
        (KEY.replace("name = \"site\"\n", ""), SITE_KEY.1, "`api.keys[0].name` is missing"),
        (KEY.replace("{ env = \"SITE_KEY\" }", "\"5ite-key\""), SITE_KEY.1, "a secret may not be written out"),
        (KEY.to_owned(), "short", "`api.keys[0].key` is shorter than 16 characters"),
        (KEY.to_owned(), "aaaaaaaaaaaaaaaaaaaa", "`api.keys[0].key` is a shorter text over and over"),
        (KEY.to_owned(), "changeme-changeme-changeme", "`api.keys[0].key` is a shorter text over and over"),
        (KEY.to_owned(), "aaaaaaaaabbbbbbbbbcc", "`api.keys[0].key` has fewer than 4 different characters"),
        (
            KEY.to_owned(),
            "0123456789abcdef-secret",
            "`api.keys[0].key` is made of runs such as `abcd` and of words that everybody tries, and could be guessed \
             | make one with `openssl rand -hex 32`",
        ),
        (
            KEY.replace("\"belle\"", "\"bele\""),
            SITE_KEY.1,
            "`api.keys[0].tenants[0]` names no tenant: `bele` | did you mean `belle`?",
        ),
        (KEY.replace("[\"belle\"]", "[]"), SITE_KEY.1, "`api.keys[0].tenants` opens nothing"),
        (KEY.replace("[\"belle\"]", "[\"*\", \"belle\"]"), SITE_KEY.1, "`*` stands alone"),
        (
            KEY.replace("\"send\"", "\"sent\""),
            SITE_KEY.1,
            "`api.keys[0].scopes[0]` cannot be `sent` | did you mean `send`?",
        ),
        (KEY.replace("\"send\", \"read\", \"read\"", ""), SITE_KEY.1, "`api.keys[0].scopes` allows nothing"),
        (
            KEY.replace("\"read\", \"read\"", "\"read-content\""),
            SITE_KEY.1,
            "`api.keys[0].scopes` has `read-content` without `read` | add `read`",
        ),
        (
            format!("{KEY}{}", KEY.replace("SITE_KEY", "OTHER_KEY")),
            SITE_KEY.1,
            "`api.keys[1].name` is that of another key already",
        ),
        (format!("{KEY}{same}"), SITE_KEY.1, "`api.keys[1].key` is the same as that of `site`"),
    ] {
        let variables = with(&[("SITE_KEY", key), ("OTHER_KEY", "0ther-key-0123456789")]);
        let errors =
            Config::from_toml_texts(&main, &[("belle.toml", TENANT)], &variables, &PROVIDERS).expect_err("a mistake");
        let told: Vec<String> = errors.problems.iter().map(told).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(expected), "{expected}: {told:?}");
        assert!(!errors.to_string().contains("5ite-key"), "{errors}");
    }
}

#[test]
fn commands_that_need_no_secret_do_not_look_for_any() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    std::fs::create_dir(folder.path().join("tenants")).expect("a folder");
    let second = TENANT.replace("belle", "second").replace("415523", "415524");
    write("palabre.toml", &format!("{KEY}{}", KEY.replace("\"site\"", "\"ops\"")));
    write("tenants/a.toml", TENANT);
    write("tenants/b.toml", &second.replace("env = \"TOKEN\"", "file = \"nowhere\""));
    let path: &Path = &folder.path().join("palabre.toml");
    let nothing_set = Environment::default();
    assert!(Config::load(path, &nothing_set, &PROVIDERS).is_err());
    let loaded =
        Config::load_without_secrets(path, &nothing_set, &PROVIDERS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((loaded.config.tenants.len(), loaded.config.api.keys.len()), (2, 2));
    write("tenants/a.toml", &TENANT.replace("{ env = \"TOKEN\" }", &format!("\"{SECRET}\"")));
    assert!(
        Config::load_without_secrets(path, &nothing_set, &PROVIDERS).is_err(),
        "what is wrong is wrong all the same"
    );
}
