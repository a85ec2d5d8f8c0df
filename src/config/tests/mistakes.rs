//! Table of mistakes, and the exact error or warning for each.

use super::{TENANT, load, problems, told};

/// The one thing that is said about a daemon's file.
fn about_daemon(main: &str) -> String {
    one(&problems(main, &[("belle.toml", TENANT)]))
}

/// The one thing that is said about a tenant's file.
fn about_tenant(tenant: &str) -> String {
    one(&problems("", &[("t.toml", tenant)]))
}

fn one(problems: &[super::Problem]) -> String {
    problems.iter().map(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_in_business_hours() {
    let help = "write it like `09:00-12:30`; what goes past midnight stands on both days: `18:00-24:00`, `00:00-02:00`";
    for (hours, expected) in [
        ("tue = [\"9-12\", \"noon\"]", format!("error t.toml:LINE:16 `hours.tue[1]` is no span of hours | {help}")),
        ("tue = [\"19:00-09:00\"]", format!("error t.toml:LINE:8 `hours.tue[0]` ends before it begins | {help}")),
        (
            "tue = [\"9-12\", \"11-13\"]",
            format!("error t.toml:LINE:16 `hours.tue[1]` begins before the span before it ends | {help}"),
        ),
        (
            "tue = [\"9-12\"]\nholidays = \"FRA\"",
            "error t.toml:NEXT:12 `hours.holidays` cannot be `FRA` | did you mean `FR`?".to_owned(),
        ),
        (
            "tue = [\"9-12\"]\ndates = [\"24/12\"]",
            "error t.toml:NEXT:10 `hours.dates[0]` cannot be `24/12` | write the day like `2026-12-24`".to_owned(),
        ),
        (
            "holidays = \"FR\"",
            "warning t.toml:LINE:12 `hours.holidays` closes nothing: no day has hours | write the hours of each day, such as `tue = [\"09:00-19:00\"]`".to_owned(),
        ),
    ] {
        let tenant = format!("{TENANT}\n[hours]\n{hours}");
        let expected = expected.replace("LINE", "11").replace("NEXT", "12");
        assert_eq!(about_tenant(&tenant), expected, "{hours}");
    }
}

#[test]
fn mistakes_in_the_daemons_file() {
    for (main, expected) in [
        ("[htpp]\nlisten = \"127.0.0.1:1\"", "error palabre.toml:1:2 unknown key `htpp` | did you mean `http`?"),
        ("[http]\nlisen = \"127.0.0.1:1\"", "error palabre.toml:2:1 unknown key `lisen` | did you mean `listen`?"),
        ("[logs]\nzzz = 1", "error palabre.toml:2:1 unknown key `zzz` | the keys here are `format`, `level`"),
        ("http.workers = \"4\"", "error palabre.toml:1:16 `http.workers` must be a whole number, not text"),
        ("[http]\nworkers = -1", "error palabre.toml:2:11 `http.workers` is -1, but must be from 0 to 1024"),
        ("http = 3", "error palabre.toml:1:8 `http` must be a table, not a number"),
        (
            "[http]\nlisten = \"localhost:80\"",
            "error palabre.toml:2:10 `http.listen` is not an address to listen on | did you mean `127.0.0.1:80`?",
        ),
        (
            "http.admin_listen = \"127.0.0.1:8080\"",
            "error palabre.toml:1:21 `http.admin_listen` is the same as `http.listen` | leave it out to share one listener",
        ),
        (
            "[http]\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/33\",\n]",
            "error palabre.toml:4:3 `http.trusted_proxies[1]` is not a block of addresses | write it like `10.0.0.0/8` or `127.0.0.1`",
        ),
        (
            "http.trusted_proxies = [\"0.0.0.0/0\"]",
            "warning palabre.toml:1:25 `http.trusted_proxies[0]` trusts the whole internet | name the proxies: whoever is trusted may pretend to be anyone",
        ),
        (
            "http.public_base_url = \"hooks.example.com\"",
            "error palabre.toml:1:24 `http.public_base_url` is not a URL | write it like `https://hooks.example.com`",
        ),
        (
            "http.public_base_url = \"https://h.example/?a=1\"",
            "error palabre.toml:1:24 `http.public_base_url` must end with its host or path: no `?`, no `#`, no spaces | write it like `https://hooks.example.com`",
        ),
        (
            "http.public_base_url = \"http://h.example\"",
            "warning palabre.toml:1:24 `http.public_base_url` is plain HTTP: providers' messages cross the network in clear, and most providers refuse it | use https://",
        ),
        (
            "[database]\nurl = \"postgres://localhost\"",
            "error palabre.toml:2:7 `database.url` names no server, or no database on it | write `postgres://user:password@host:5432/database`",
        ),
        (
            "[database]\nurl = \"sqlite::memory:\"",
            "error palabre.toml:2:7 `database.url` keeps the database in memory, where accepted messages do not survive | write `sqlite://palabre.db`: a path from the folder of palabre.toml, or an absolute one after `sqlite://`",
        ),
        ("[database]\nmigrate = \"yes\"", "error palabre.toml:2:11 `database.migrate` must be true or false, not text"),
        ("[logs]\nformat = \"jsn\"", "error palabre.toml:2:10 `logs.format` cannot be `jsn` | did you mean `json`?"),
        ("[logs]\nlevel = \"inof\"", "error palabre.toml:2:9 `logs.level` has no level `inof` | did you mean `info`?"),
        (
            "[runtime]\ndrain = 20",
            "error palabre.toml:2:9 `runtime.drain` must be a duration in quotes, with its unit, such as \"30s\" or \"5m\", not a number",
        ),
        (
            "[runtime]\ndrain = \"20\"",
            "error palabre.toml:2:9 `runtime.drain` is not a duration | write a number with its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"1h 30m\"",
        ),
        ("[runtime]\nsenders = 0", "error palabre.toml:2:11 `runtime.senders` is 0, but must be from 1 to 65536"),
        (
            "[runtime]\nask_after = \"11m\"",
            "error palabre.toml:2:13 `runtime.ask_after` must be from 50 milliseconds to 10 minutes",
        ),
        (
            "[runtime]\nlease = \"19s\"",
            "error palabre.toml:2:9 `runtime.lease` is shorter than two calls of belle-wa, whose timeout is 10s | make it at least twice as long as the longest timeout",
        ),
        (
            "[runtime]\nsweep_every = \"1ms\"",
            "error palabre.toml:2:15 `runtime.sweep_every` must be from 50 milliseconds to 10 minutes",
        ),
        (
            "[runtime]\ndrain = 2026-01-01",
            "error palabre.toml:2:9 `runtime.drain` is a date, and no key takes one | put it in quotes if it is meant as text",
        ),
        (
            "[redis]\nurl = \"redis://\"",
            "error palabre.toml:2:7 `redis.url` names no server | write `redis://host:6379`, or `rediss://…` for TLS; \
             user, password and database may stand in it",
        ),
    ] {
        assert_eq!(about_daemon(main), expected, "{main}");
    }
}

#[test]
fn mistakes_in_a_tenants_file() {
    let help_secret = "write `{ env = \"NAME\" }` to take it from the environment, or `{ file = \"path\" }`; \
                       and replace the secret if this file was ever shared";
    for (from, to, expected) in [
        ("id = \"belle\"\n", "", "error t.toml `id` is missing | name the tenant, such as `id = \"institut-belle\"`"),
        (
            "\"belle\"",
            "\"Belle Institut\"",
            "error t.toml:2:6 `id` must be 1 to 64 lowercase letters, digits and hyphens | `belle-institut` would do",
        ),
        ("id = \"belle\"", "id = 3", "error t.toml:2:6 `id` must be text in quotes, not a number"),
        (
            "id = \"belle\"\n",
            "id = \"belle\"\nfaq = [{ question = \" \", keywords = [\"a\"], answer = \"b\" }]\n",
            "error t.toml:3:21 `faq[0].question` is empty | the question, for people who read this file",
        ),
        (
            "\"belle-wa\"",
            "\"status\"",
            "error t.toml:4:6 `channels[0].id` cannot be `status` | it has a meaning of its own in webhook paths; choose another",
        ),
        (
            "twilio-whatsapp",
            "twilio-watsapp",
            "error t.toml:5:12 `channels[0].provider` cannot be `twilio-watsapp` | did you mean `twilio-whatsapp`?",
        ),
        (
            "twilio-whatsapp",
            "carrier-pigeon",
            "error t.toml:5:12 `channels[0].provider` cannot be `carrier-pigeon` | one of `twilio-whatsapp`, `twilio-sms`, `greenapi-whatsapp`, `whatsapp-cloud`, `telegram`, `smtp`, `sandbox`",
        ),
        (
            "whatsapp:+14155238886",
            "whatsapp:12",
            "error t.toml:6:11 `channels[0].address` is not a WhatsApp sender | write it like `whatsapp:+14155238886`",
        ),
        (
            "whatsapp:+14155238886",
            "sms:+14155238886",
            "error t.toml:6:11 `channels[0].address` is not a WhatsApp sender | write it like `whatsapp:+14155238886`",
        ),
        (
            "whatsapp:+14155238886",
            "whatsapp:4155238886",
            "error t.toml:6:11 `channels[0].address` is not a WhatsApp sender | write it like `whatsapp:+14155238886`",
        ),
        (
            "AC0000",
            "SK0000",
            "error t.toml:7:15 `channels[0].account_sid` is an API key's | an API key can send, but Twilio signs webhooks with the account's primary auth token",
        ),
        (
            "AC00000000000000000000000000000001",
            "AC01",
            "error t.toml:7:15 `channels[0].account_sid` is not Twilio's | it is `AC` and 32 hexadecimal digits",
        ),
        (
            "AC00000000000000000000000000000001\"",
            "AC01\"\napi_base_url = \"https://api.dublin.ie1.twilio.com\"",
            "error t.toml:7:15 `channels[0].account_sid` is not Twilio's | it is `AC` and 32 hexadecimal digits",
        ),
        (
            "AC00000000000000000000000000000001\"",
            "AC01\"\napi_base_url = \"http://127.0.0.1:4010\"",
            "warning t.toml:7:15 `channels[0].account_sid` does not look like Twilio's | it is `AC` and 32 hexadecimal digits",
        ),
        (
            "{ env = \"TOKEN\" }",
            "\"0123\"",
            &format!("error t.toml:8:14 a secret may not be written out in a configuration file | {help_secret}"),
        ),
        ("{ env = \"TOKEN\" }", "{ evn = \"TOKEN\" }", "error t.toml:8:16 unknown key `evn` | did you mean `env`?"),
        (
            "{ env = \"TOKEN\" }",
            "{ env = \"TOKEN\" }\napi_base_url = \"ftp://x\"",
            "error t.toml:9:16 `channels[0].api_base_url` must begin with `https://` (or `http://`) | write it like `https://api.twilio.com`",
        ),
        (
            "{ env = \"TOKEN\" }",
            "{ env = \"TOKEN\" }\non_unknown = \"resnd\"",
            "error t.toml:9:14 `channels[0].on_unknown` cannot be `resnd` | did you mean `resend`?",
        ),
        (
            "[[channels]]",
            "timezone = \"Europe/Pari\"\n[[channels]]",
            "error t.toml:3:12 there is no time zone `Europe/Pari` | did you mean `Europe/Paris`?",
        ),
        (
            "[[channels]]",
            "language = \"de\"\n[[channels]]",
            "error t.toml:3:12 `language` cannot be `de` | one of `fr`, `en`",
        ),
        (
            "[[channels]]",
            "sellers = [\"+33612345678\", \"0612345678\"]\n[[channels]]",
            "error t.toml:3:28 `sellers[1]` is a phone number without its country | write it with + and its country code, or set the tenant's `country`",
        ),
        (
            "[[channels]]",
            "sellers = [\"telegram:anna\"]\n[[channels]]",
            "error t.toml:3:12 `sellers[0]` is no telegram id | write the number that the bot knows, such as `telegram:123456789`",
        ),
        (
            "[[channels]]",
            "country = \"FR\"\nsellers = [\"06 12 34 56 78\", \"2025550123\"]\n[[channels]]",
            "error t.toml:4:30 `sellers[1]` is no phone number of the tenant's country | write it with + and its country code",
        ),
        (
            "[[channels]]",
            "country = \"FR\"\n[notify]\nto = [\"sms:06 12 34 56 78\", \"sms:2025550123\"]\n[[channels]]",
            "error t.toml:5:29 `notify.to[1]` is no phone number of the tenant's country | write it with + and its country code",
        ),
        (
            "[[channels]]",
            "[notify]\nto = [\"sms:06 12 34 56 78\"]\n[[channels]]",
            "error t.toml:4:7 `notify.to[0]` is a phone number without its country | write it with + and its country code, or set the tenant's `country`",
        ),
        (
            "[[channels]]",
            "[[drivers]]\nname = \"Bob\"\naddress = \"620 12 34 56\"\n[[channels]]",
            "error t.toml:5:11 `drivers[0].address` is a phone number without its country | write it with + and its country code, or set the tenant's `country`",
        ),
        (
            "AC00000000000000000000000000000001\"",
            "AC00000000000000000000000000000001\"\nacount_sid = \"AC\"",
            "error t.toml:8:1 unknown key `acount_sid` | did you mean `account_sid`?",
        ),
        (
            "AC00000000000000000000000000000001\"",
            "AC00000000000000000000000000000001\"\ntimout = \"5s\"",
            "error t.toml:8:1 unknown key `timout` | did you mean `timeout`?",
        ),
        (
            "[[channels]]",
            "[limits]\nper_day = 0\n[[channels]]",
            "error t.toml:4:11 `limits.per_day` is 0, but must be from 1 to 4294967295",
        ),
        (
            "[[channels]]",
            "[session]\nidle_after = \"0s\"\n[[channels]]",
            "error t.toml:4:14 `session.idle_after` must be longer than nothing | write a number with its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"1h 30m\"",
        ),
        (
            "[[channels]]",
            "[[faq]]\nquestion = \"q\"\nkeywords = []\nanswer = \"a\"\n[[channels]]",
            "error t.toml:5:12 `faq[0].keywords` is empty, so no message can ask this question",
        ),
        (
            "[[channels]]",
            "[[faq]]\nquestion = \"q\"\nkeywords = [\"k\"]\n[[channels]]",
            "error t.toml:3:1 `faq[0].answer` is missing | what to answer",
        ),
        (
            "[[channels]]",
            "[[faq]]\nquestion = \"q\"\nkeywords = [\"k\", 3]\nanswer = \"a\"\n[[channels]]",
            "error t.toml:5:18 `faq[0].keywords[1]` must be text in quotes, not a number",
        ),
        (
            "Bien reçu.",
            "Merci {{ contact.nme }}",
            "error t.toml:1:20 `replies.fallback` does not hold: line 1: unknown name `contact.nme` | did you mean `contact.name`?",
        ),
        (
            "[[channels]]",
            "[[faq]]\nquestion = \"q\"\nkeywords = [\"horaires\"]\nanswer = \"a\"\n[[faq]]\nquestion = \"r\"\nkeywords = [\"Horaires !\"]\nanswer = \"b\"\n[[channels]]",
            "warning t.toml:9:13 `faq[1].keywords[0]` stands in `faq[0]` as well: who writes it alone is asked which is meant | give it to one question alone",
        ),
        (
            "[[channels]]",
            "[keywords]\nstop = [\"aide\"]\n[[channels]]",
            "error t.toml:4:9 `keywords.stop[0]` already means HELP",
        ),
    ] {
        assert!(TENANT.contains(from), "{from}");
        let text = TENANT.replacen(from, to, 1);
        assert_eq!(about_tenant(&text), expected, "{text}");
    }
    let sandbox = |more: &str| {
        let channel = "[[channels]]\nid = \"try\"\nprovider = \"sandbox\"\naddress = ";
        about_tenant(&format!("id = \"belle\"\nreplies.fallback = \"a\"\n{channel}{more}"))
    };
    assert_eq!(sandbox("\"sandbox:belle\""), "");
    assert_eq!(
        sandbox("\"+33612345678\""),
        "error t.toml:6:11 `channels[0].address` is not a sandbox's | write it like `sandbox:belle`"
    );
    assert_eq!(
        sandbox("\"belle\"\naccount_sid = \"AC01\""),
        "error t.toml:7:1 unknown key `account_sid` | the keys here are `id`, `provider`, `address`, `timeout`, `on_unknown`, \
         `per_second`, `pair`, `window`, `keep_order`, `cost`, `fallback_channel`, `retry`, `breaker`"
    );
    assert_eq!(
        about_tenant("id = \"belle\"\nreplies.fallback = \"a\""),
        "error t.toml `channels` is missing | add a `[[channels]]` table: without one nobody can write"
    );
    assert_eq!(
        about_tenant("id = "),
        "error t.toml:1:6 this is not TOML: string values must be quoted, expected literal string"
    );
}

#[test]
fn what_is_no_toml_is_told_with_what_was_meant() {
    let typographic = |quote: &str| format!("`{quote}` is a typographic quote: write `\"` around texts");
    let unclosed = |quote: &str| {
        format!("a text that begins with `{quote}` in this line does not end in it: close it with `{quote}`")
    };
    let unseen = |code: &str| format!("a character that cannot be seen (U+{code}) is in this line: write it anew");
    let double =
        "write `[[channels]]` everywhere, with two brackets on each side: `[channels]` is one table".to_owned();
    for (text, line, help) in [
        ("id = \"belle\nname = \"Belle\"", 1, unclosed("\"")),
        ("id = \"belle\"\nname = 'Belle", 2, unclosed("'")),
        ("id = \"belle\"\nname = \"Chez \\\"Awa\\\"", 2, unclosed("\"")),
        ("id = “belle”", 1, typographic("“")),
        ("id = «belle»", 1, typographic("«")),
        ("id = \"belle”", 1, typographic("”")),
        ("id = \"belle\"\nsellers = [\"+33612345678\", “+33612345679”]", 2, typographic("“")),
        ("id = \"belle\"\n// the name\nname = \"Belle\"", 2, "a comment begins with `#`".to_owned()),
        ("id\u{a0}= \"belle\"", 1, unseen("00A0")),
        ("id = \"belle\"\n\u{200b}name = \"Belle\"", 2, unseen("200B")),
        ("id = \"belle\"\n[[channels]]\nid = \"a\"\n[channels]\nid = \"b\"", 4, double.clone()),
        ("id = \"belle\"\n[channels]\nid = \"a\"\n[[channels]]\nid = \"b\"", 4, double),
    ] {
        let said = about_tenant(text);
        assert!(
            said.starts_with(&format!("error t.toml:{line}:")) && said.contains("this is not TOML"),
            "{text}\n{said}"
        );
        assert!(said.ends_with(&format!(" | {help}")), "{text}\n{said}");
    }
    let single = TENANT.replace("[[channels]]", "[channels]");
    assert_eq!(
        about_tenant(&single),
        "error t.toml:3:1 `channels` must be a list of tables, not one table | write `[[channels]]`, with two brackets on \
         each side: there may be several"
    );
}

#[test]
fn what_holds_and_is_probably_not_meant_gets_a_warning() {
    let with = |from: &str, to: &str| about_tenant(&TENANT.replacen(from, to, 1));
    assert_eq!(
        with("[[channels]]", "budget.per_day = 5\n[[channels]]"),
        "warning t.toml:3:18 `budget.per_day` is never reached: no channel says what a message costs | write `cost` in each \
         `[[channels]]` table, such as `cost = 0.045`"
    );
    assert_eq!(with("[[channels]]\n", "budget.per_day = 5\n[[channels]]\ncost = 0.05\n"), "");
    assert_eq!(
        with("[[channels]]", "country = \"XX\"\n[[channels]]"),
        "error t.toml:3:11 there is no country `XX` | write its code of two letters (ISO 3166), such as `FR`"
    );
    assert_eq!(with("[[channels]]", "country = \"gn\"\n[[channels]]"), "");
    assert_eq!(
        with("Bien reçu.", "Merci {contact.name}"),
        "warning t.toml:1:20 `replies.fallback` has `{contact.name}`, which customers will read as it stands | write \
         `{{ contact.name }}`, with two braces on each side"
    );
    let welcome = |text: &str| {
        with("[[channels]]", &format!("consent.double_opt_in = true\nreplies.welcome = \"{text}\"\n[[channels]]"))
    };
    let told = |missing| {
        format!(
            "warning t.toml:4:19 `replies.welcome` names {missing}: who reads it does not know what to answer | end it like \
             `Répondez OUI pour recevoir nos messages, STOP pour ne plus rien recevoir.`"
        )
    };
    assert_eq!(welcome("Bonjour !"), told("neither OUI nor STOP"));
    assert_eq!(welcome("Bonjour, répondez OUI."), told("no STOP"));
    assert_eq!(welcome("STOP pour arrêter."), told("no word to confirm with"));
    assert_eq!(welcome("Répondez Oui, ou STOP."), "");
    assert_eq!(
        about_daemon("http.admin_listen = \"0.0.0.0:9090\""),
        "warning palabre.toml:1:21 `http.admin_listen` is open on every interface: whoever reaches this machine reaches the API \
         and the console | name the address of one interface, such as `127.0.0.1:9090`"
    );
    assert_eq!(
        about_daemon("http.listen = \"[::]:8080\""),
        "warning palabre.toml:1:15 `http.listen` is open on every interface, and so are the API and the console, which share it \
         | give them a listener of their own: `admin_listen = \"127.0.0.1:9090\"`"
    );
    assert_eq!(about_daemon("http.listen = \"0.0.0.0:8080\"\nhttp.admin_listen = \"127.0.0.1:9090\""), "");
    assert_eq!(
        about_daemon("database.url = \"sqlite:///not-there/palabre.db\""),
        "warning palabre.toml:1:16 `database.url` is in a folder that is not there: `/not-there` | create it, for the user that \
         runs palabre: the daemon makes the file, and no folder"
    );
}

#[test]
fn mistakes_in_plans() {
    let plan =
        "[[plans]]\nid = \"premium\"\nname = \"Premium\"\nchats = [\"whatsapp:+33612345678\"]\nbot = \"belle-wa\"\n";
    let about = |more: &str| about_tenant(&format!("imprint.name = \"Belle\"\n{TENANT}{plan}{more}"));
    for holds in [
        "price = 999",
        "price = 999\ntrial = \"7d\"",
        "price = 999\nevery = \"year\"\ntrial = \"24h\"",
        "stars = 500\ntrial = \"0d\"",
        "price = 1230\ncurrency = \"tnd\"",
    ] {
        assert_eq!(about(holds), "", "{holds}");
    }
    for (more, expected) in [
        ("", "has no price | write `price = 999`"),
        ("price = 999\ntrial = \"36h\"", "trial` is not a whole number of days | Stripe counts whole days"),
        ("price = 999\nevery = \"once\"\ntrial = \"7d\"", "trial` is for what is paid by card and renews | give"),
        ("stars = 500\ntrial = \"7d\"", "trial` is for what is paid by card and renews | give"),
        ("stars = 500\nevery = \"year\"", "stars` cannot be the price of a year"),
        ("price = 1234\ncurrency = \"tnd\"", "price` is 1234, which no card can pay in tnd"),
        ("price = 999\ngrace = \"100d\"", "grace` is longer than 90 days"),
    ] {
        let told = about(more);
        assert!(told.contains(expected) && told.starts_with("error t.toml:"), "{more}: {told}");
    }
    let stripe = "[stripe]\nsecret_key = { env = \"TOKEN\" }\nwebhook_secrets = [{ env = \"TOKEN\" }]\n";
    let told = about_daemon(stripe);
    assert!(told.starts_with("warning palabre.toml:2:14 `http.public_base_url` is missing"), "{told}");
    assert_eq!(about_daemon(&format!("{stripe}[http]\npublic_base_url = \"https://h.example\"")), "");
}

#[test]
fn what_may_stand_once_over_all_tenants() {
    let other = TENANT.replace("id = \"belle\"", "id = \"other\"");
    let third = other.replace("belle-wa", "third-wa");
    let told: Vec<String> =
        problems("", &[("a.toml", TENANT), ("b.toml", TENANT), ("c.toml", &third)]).iter().map(told).collect();
    let sender = "another channel claims this sender already";
    let seen = "provider, account and address together belong to one channel";
    assert_eq!(
        told,
        [
            "error b.toml:2:6 another tenant is called `belle` already | see a.toml:2:6".to_owned(),
            "error b.toml:4:6 another channel is called `belle-wa` already | see a.toml:4:6; ids of channels are unique \
             over all tenants, because webhook paths name them"
                .to_owned(),
            format!("error b.toml:6:11 {sender} | see a.toml:6:11; {seen}"),
            format!("error c.toml:6:11 {sender} | see a.toml:6:11; {seen}"),
        ]
    );

    // The same number, written differently, is the same sender; at another provider it is another.
    let spelt = third.replace("whatsapp:+14155238886", "+1 (415) 523-8886");
    assert!(load("", &[("a.toml", TENANT), ("b.toml", &spelt)]).is_err());
    let by_sms = spelt.replace("twilio-whatsapp", "twilio-sms");
    assert!(load("", &[("a.toml", TENANT), ("b.toml", &by_sms)]).is_ok());
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_files() {
    let main = "[http]\nlisten = 8080\nworkrs = 3\n[logs]\nformat = \"xml\"\n";
    let tenant = "id = \"Belle\"\ntimezone = \"Paris\"\n[[channels]]\nid = \"twilio\"\nprovider = \"twilio-whatsapp\"\nadress = \"x\"\n[[faq]]\nkeywords = \"k\"\n";
    let errors = load(main, &[("a.toml", tenant), ("b.toml", "id = \n")]).expect_err("mistakes");
    let variable_names: Vec<String> =
        errors.problems.iter().map(|problem| format!("{} {}", problem.place, problem.key)).collect();
    assert_eq!(
        variable_names,
        [
            "a.toml:1:6 id",
            "a.toml:2:12 timezone",
            "a.toml:3:1 channels[0].address",
            "a.toml:3:1 channels[0].account_sid",
            "a.toml:3:1 channels[0].auth_token",
            "a.toml:4:6 channels[0].id",
            "a.toml:6:1 channels[0].adress",
            "a.toml:7:1 faq[0].question",
            "a.toml:7:1 faq[0].answer",
            "a.toml:8:12 faq[0].keywords",
            "b.toml:1:6 ",
            "palabre.toml:2:10 http.listen",
            "palabre.toml:3:1 http.workrs",
            "palabre.toml:5:10 logs.format",
        ]
    );
    let shown = errors.to_string();
    let expected = "error: there is no time zone `Paris`\n --> a.toml:2:12\n  |\n2 | timezone = \"Paris\"\n  |            ^^^^^^^\n  = help: did you mean `Europe/Paris`?\n";
    assert!(shown.contains(expected), "{shown}");
    assert!(shown.ends_with("the configuration is refused: 14 errors"), "{shown}");
}
