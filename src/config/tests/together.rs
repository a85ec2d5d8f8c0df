//! Tests: mistakes between keys are reported in the same run as all others.

use std::path::Path;

use super::{TENANT, problems, told, with};
use crate::config::Config;
use crate::gateway::PROVIDERS;

/// Lines are put where a `# name` stands.
const MAIN: &str = "[http]\n# http\n[logs]\n# logs\n[runtime]\n# runtime\n[database]\n# database\n# keys\n";

const A: &str = r##"id = "a"
replies.fallback = "Bien reçu."
# root
[[channels]]
id = "a-wa"
provider = "twilio-whatsapp"
address = "whatsapp:+14155238886"
account_sid = "AC00000000000000000000000000000001"
auth_token = { env = "TOKEN" }
# channel
[[channels]]
id = "a-sms"
provider = "twilio-sms"
address = "TAXI"
account_sid = "AC00000000000000000000000000000001"
auth_token = { env = "TOKEN" }
# second channel
[[templates]]
name = "rappel"
content_sid = "HX00000000000000000000000000000001"
variables = ["prenom"]
# template
[[faq]]
question = "?"
keywords = ["horaires"]
answer = "9 h"
# question
[budget]
# budget
[keywords]
# keywords
"##;

const B: &str = r##"id = "b"
replies.fallback = "Bien reçu."
# root
[[channels]]
id = "b-wa"
provider = "twilio-whatsapp"
account_sid = "AC00000000000000000000000000000001"
auth_token = { env = "TOKEN" }
# channel
"##;

/// Which file, before which line of it, what.
type ConfigLine = (&'static str, &'static str, &'static str);

const B_ADDRESS: ConfigLine = ("b", "channel", "address = \"whatsapp:+14155238887\"");

/// Mistakes that have nothing to do with anything else, and what is said of each.
const SPOILT: &[(ConfigLine, &str)] = &[
    (("main", "http", "workers = -1"), "`http.workers` is -1"),
    (("main", "logs", "format = \"xml\""), "`logs.format` cannot be `xml`"),
    (("main", "runtime", "senders = 0"), "`runtime.senders` is 0"),
    (("main", "database", "url = \"mysql://x\""), "`database.url` is not a database"),
    (("main", "keys", "[[api.keys]]\nname = \"X\""), ".name` must be 1 to 64"),
    (("a", "root", "timezone = \"Paris\""), "there is no time zone `Paris`"),
    (("a", "channel", "per_second = 0"), ".per_second` is 0"),
    (("a", "channel", "retry.max_attempts = 0"), ".retry.max_attempts` is 0"),
    (("a", "channel", "on_unknown = \"x\""), ".on_unknown` cannot be `x`"),
    (("a", "second channel", "windw = \"off\""), "unknown key `windw`"),
    (("a", "template", "language = \"français\""), ".language` cannot be `français`"),
    (("a", "question", "[[faq]]\nkeywords = []\nanswer = \"\""), ".question` is missing"),
    (("a", "budget", "alert_at = 80"), "`budget.alert_at` is 80"),
    (("a", "keywords", "help = [\"!\"]"), "`keywords.help[0]` has no letter"),
    (("b", "root", "language = \"de\""), "`language` cannot be `de`"),
    (("b", "channel", "auth_tokn = 3"), "unknown key `auth_tokn`"),
    (("b", "channel", "pair = { evry = \"6s\", burst = 0 }"), ".pair.burst` is 0"),
];

/// Mistakes and doubts that lie between keys, and what is said of each.
const COMPARED: &[(&[ConfigLine], &str)] = &[
    (&[("main", "http", "admin_listen = \"127.0.0.1:8080\"")], "is the same as `http.listen`"),
    (&[("main", "runtime", "lease = \"19s\"")], "`runtime.lease` is shorter than two calls of "),
    (
        &[("main", "runtime", "max_in_flight = 10\nmax_in_flight_per_tenant = 11")],
        "`runtime.max_in_flight_per_tenant` is more than `runtime.max_in_flight`: 10 is used instead",
    ),
    (
        &[("main", "runtime", "drain = \"9s\"\ndrain_notice = \"5s\"")],
        "`runtime.drain_notice` is more than half of `runtime.drain`: 4s 500ms is used instead",
    ),
    (
        &[("main", "http", "max_body_bytes = 2000000\nlarge_bodies_bytes = 1500000")],
        "`http.large_bodies_bytes` is less than `http.max_body_bytes`: 2000000 is used instead",
    ),
    (
        &[("a", "channel", "timeout = \"30s\""), ("main", "runtime", "lease = \"59s\"")],
        "two calls of a-wa, whose timeout is 30s",
    ),
    (&[("main", "keys", keys::TWICE_NAMED)], "is that of another key already"),
    (&[("main", "keys", keys::SAME_KEY)], "is the same as that of `one`"),
    (&[("main", "keys", keys::STRANGER)], "names no tenant: `c`"),
    (&[("main", "keys", keys::BLIND)], "has `read-content` without `read`"),
    (&[("b", "channel", "address = \"whatsapp:+14155238886\"")], "another channel claims this sender already"),
    (&[("b", "channel", "[[channels]]\nid = \"a-wa\"")], "another channel is called `a-wa` already"),
    (&[("a", "channel", "fallback_channel = \"a-smss\"")], "names no channel of this tenant: `a-smss`"),
    (&[("a", "channel", "fallback_channel = \"a-wa\"")], "is the channel itself"),
    (
        &[("a", "channel", "fallback_channel = \"a-sms\""), ("a", "second channel", "fallback_channel = \"a-wa\"")],
        "`channels[1].fallback_channel` leads back to this channel",
    ),
    (&[("a", "channel", "fallback_channel = \"a-sms\"")], "sends under a name"),
    (&[("a", "channel", "backup_api_base_url = \"https://api.twilio.com\"")], "is the same as `api_base_url`"),
    (&[("a", "channel", "retry.initial = \"1h\"")], "is longer than `channels[0].retry.cap`"),
    (&[("a", "template", "channels = [\"b-wa\"]")], "names no channel of this tenant: `b-wa`"),
    (&[("a", "template", "body = \"{{nom}}\"")], "has a place `nom` that variables does not name"),
    (
        &[("a", "template", "[[templates]]\nname = \"rappel\"\ncontent_sid = \"HX00000000000000000000000000000002\"")],
        "is `rappel`, the name of another template",
    ),
    (&[("a", "question", "template = \"rapel\"")], "names no template of this tenant: `rapel`"),
    (&[("a", "question", "template = \"rappel\"")], "would leave the template's place `prenom` empty"),
    (
        &[("a", "question", "[[faq]]\nquestion = \"?\"\nkeywords = [\"Horaire\"]\nanswer = \"10 h\"")],
        "`faq[0]` as well",
    ),
    (
        &[
            ("a", "question", "[[faq]]\nquestion = \"?\"\nkeywords = [\"Basta !\"]\nanswer = \"ok\""),
            ("a", "keywords", "stop = [\"basta\"]"),
        ],
        "`faq[1].keywords[0]` alone means STOP: who writes only this does not ask the question",
    ),
    (&[("a", "keywords", "stop = [\"aide\"]")], "already means HELP"),
    (&[("a", "budget", "hard_stop = true")], "stops nothing without a budget"),
];

/// Tables of keys, which stand before those that are spoilt.
mod keys {
    pub(super) const TWICE_NAMED: &str = "[[api.keys]]\nname = \"site\"\n[[api.keys]]\nname = \"site\"";
    pub(super) const SAME_KEY: &str =
        "[[api.keys]]\nname = \"one\"\nkey = { env = \"KEY\" }\n[[api.keys]]\nkey = { env = \"KEY\" }";
    pub(super) const STRANGER: &str = "[[api.keys]]\ntenants = [\"c\", \"a\"]";
    pub(super) const BLIND: &str = "[[api.keys]]\nscopes = [\"read-content\"]";
}

/// What is said of the three files with these lines in them; `cut` are files that are no TOML.
fn said(lines: &[ConfigLine], cut: &[&str]) -> Vec<String> {
    let text = |file: &str, base: &str| {
        let of_file = lines.iter().filter(|(of, ..)| *of == file);
        let text = of_file.fold(base.to_owned(), |text, (_, place, line)| {
            let place = format!("# {place}\n");
            assert!(text.contains(&place), "{place}");
            text.replacen(&place, &format!("{line}\n{place}"), 1)
        });
        if cut.contains(&file) { format!("{text}\n=") } else { text }
    };
    let (main, a, b) = (text("main", MAIN), text("a", A), text("b", B));
    let files = [("a.toml", a.as_str()), ("b.toml", b.as_str())];
    let environment = with(&[("KEY", "5ite-key-0123456789")]);
    let problems = match Config::from_toml_texts(&main, &files, &environment, &PROVIDERS) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.problems,
    };
    problems.iter().map(told).collect()
}

fn is_said(said: &[String], expected: &str) -> bool {
    said.iter().any(|told| told.contains(expected))
}

#[test]
fn what_lies_between_keys_is_told_beside_any_other_mistake() {
    assert_eq!(said(&[B_ADDRESS], &[]), [""; 0], "without a mistake nothing is said");
    for (lines, expected) in COMPARED {
        let mut lines = lines.to_vec();
        if !lines.iter().any(|(_, _, line)| line.starts_with("address")) {
            lines.insert(0, B_ADDRESS);
        }
        let alone = said(&lines, &[]);
        assert!(is_said(&alone, expected), "{expected}: {alone:#?}");
        for (spoilt, also) in SPOILT {
            let told = said(&[lines.as_slice(), &[*spoilt]].concat(), &[]);
            assert!(is_said(&told, expected) && is_said(&told, also), "{expected}, {also}: {told:#?}");
        }
        let every: Vec<ConfigLine> = lines.iter().copied().chain(SPOILT.iter().map(|(spoilt, _)| *spoilt)).collect();
        assert!(is_said(&said(&every, &[]), expected), "{expected}: {:#?}", said(&every, &[]));
    }
}

#[test]
fn what_lies_within_a_file_is_told_beside_files_that_are_no_toml() {
    for (lines, expected) in COMPARED {
        let within = |file: &str| lines.iter().all(|(of, ..)| *of == file);
        let others: &[&str] = match () {
            () if within("a") => &["main", "b"],
            () if within("main") && !expected.starts_with("names no tenant") => &["b"],
            () => continue,
        };
        let told = said(lines, others);
        assert!(is_said(&told, expected), "{expected}: {told:#?}");
        assert_eq!(told.iter().filter(|told| told.contains("this is not TOML")).count(), others.len(), "{told:#?}");
    }
}

#[test]
fn nothing_is_said_of_what_nobody_can_know() {
    let named: ConfigLine = ("main", "keys", "[[api.keys]]\ntenants = [\"b\"]\n");
    assert!(!is_said(&said(&[named], &["b"]), "names no tenant"), "its file cannot be read");
    let named_by_hand = "[[api.keys]]\ntenants = [\"institut-belle\", \"institut-bele\", \"Institut Belle\"]\n";
    let told: Vec<String> = problems(named_by_hand, &[("t.toml", &TENANT.replace("\"belle\"", "\"Institut Belle\""))])
        .iter()
        .map(told)
        .collect();
    let astray: Vec<&String> = told.iter().filter(|told| told.contains("names no tenant")).collect();
    assert_eq!(astray.len(), 2, "what the tenant will be called is no mistake: {astray:?}");
    assert!(astray.iter().all(|told| told.ends_with("did you mean `institut-belle`?")), "an id, no name: {astray:?}");
    let misspelt = problems("", &[("t.toml", &TENANT.replace("fallback", "falback"))]);
    assert_eq!(misspelt.len(), 1, "the misspelt key is the fallback: {misspelt:?}");
    let lease = said(&[("main", "runtime", "lease = \"19s\"")], &["main"]);
    assert!(!is_said(&lease, "runtime.lease"), "{lease:?}");
}

#[test]
fn folders_and_files_that_cannot_be_read_hide_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (main, tenants) = (folder.path().join("palabre.toml"), folder.path().join("tenants"));
    let write = |path: &Path, text: &[u8]| std::fs::write(path, text).expect("a file");
    let said = || -> Vec<String> {
        let errors = Config::load(&main, &with(&[]), &PROVIDERS).expect_err("mistakes");
        errors.problems.iter().map(told).collect()
    };
    let key = b"[http]\nworkers = -1\n[[api.keys]]\ntenants = [\"a\", \"b\"]\n";
    write(&main, key);
    let without_folder = said();
    assert!(is_said(&without_folder, "the tenants' folder `") && is_said(&without_folder, "`http.workers` is -1"));
    let follow = ["names no tenant", "there are no tenants"];
    assert!(follow.iter().all(|follow| !is_said(&without_folder, follow)), "{without_folder:#?}");

    std::fs::create_dir(&tenants).expect("a folder");
    write(&tenants.join("a.toml"), TENANT.replace("\"belle\"", "\"a\"\ntimezone = \"Paris\"").as_bytes());
    write(&tenants.join("b.toml"), b"id = \"\xff\"");
    let unreadable = said();
    assert!(is_said(&unreadable, "is not UTF-8") && is_said(&unreadable, "there is no time zone `Paris`"));
    assert!(!is_said(&unreadable, "names no tenant"), "{unreadable:#?}");

    write(&main, b"[http\n");
    let no_toml = said();
    assert!(
        is_said(&no_toml, "this is not TOML") && is_said(&no_toml, "there is no time zone `Paris`"),
        "{no_toml:#?}"
    );
    std::fs::remove_dir_all(&tenants).expect("gone");
    assert_eq!(said().len(), 1, "where such a file wanted its tenants nobody knows: {:#?}", said());
}

#[test]
fn a_tenant_that_never_answers_is_worth_a_doubt() {
    let silent = TENANT.replacen("replies.fallback = \"Bien reçu.\"", "", 1);
    let told: Vec<String> = problems("", &[("t.toml", &silent)]).iter().map(told).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("warning t.toml neither `faq` nor `replies.fallback`"), "{told:?}");
    let faq = "[[faq]]\nquestion = \"?\"\nkeywords = [\"k\"]\nanswer = \"a\"\n";
    assert!(problems("", &[("t.toml", &format!("{silent}{faq}"))]).is_empty());
}
