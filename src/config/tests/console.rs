//! Tests of `[console.oidc]`.

use super::{Config, Environment, Loaded, SECRET, TENANT, environment, told};
use crate::config::ConsoleOidc;
use crate::gateway::PROVIDERS;

const WHOLE: &str =
    "issuer = \"https://id.example.com/\"\nclient_id = \"palabre\"\nclient_secret = { env = \"TOKEN\" }\n";

fn loaded(base_url: &str, oidc: &str) -> Result<Loaded, String> {
    let main = format!("[console]\n{base_url}\n[console.oidc]\n{oidc}");
    let environment: Environment = environment();
    let read = Config::from_toml_texts(&main, &[("belle.toml", TENANT)], &environment, &PROVIDERS);
    read.map_err(|errors| errors.problems.iter().map(told).collect::<Vec<_>>().join("\n"))
}

fn oidc(keys: &str) -> Result<ConsoleOidc, String> {
    let loaded = loaded("base_url = \"https://console.example.com\"", keys)?;
    Ok(loaded.config.console.oidc.expect("it is configured"))
}

#[test]
fn a_provider_is_read_and_shows_no_secret() {
    let read = oidc(&format!("{WHOLE}name = \"Agency\"\nallow = [\"Agency.example\", \"awa@belle.example\"]")).unwrap();
    assert_eq!((read.issuer.as_str(), read.name.as_deref()), ("https://id.example.com", Some("Agency")));
    assert!(!read.ask_code && !format!("{read:?}").contains(SECRET));
    for (email, is_allowed) in [
        ("ops@agency.example", true),
        ("awa@belle.example", true),
        ("sophie@belle.example", false),
        ("ops@evil-agency.example", false),
        ("ops@sub.agency.example", false),
    ] {
        assert_eq!(read.allows(email), is_allowed, "{email}");
    }
    assert!(oidc(WHOLE).unwrap().allows("anybody@example.com"));
    assert!(oidc(&WHOLE.replace("https://id.example.com/", "http://127.0.0.1:9000/realms/a")).is_ok());
}

#[test]
fn what_does_not_hold_is_told_with_its_line() {
    for (keys, expected) in [
        (WHOLE.replace("client_id", "client_di"), "did you mean `client_id`?"),
        (WHOLE.replace("https://", "http://"), "`console.oidc.issuer` is plain HTTP"),
        (WHOLE.replace("https://", ""), "`console.oidc.issuer` is not a URL"),
        (WHOLE.replace("{ env = \"TOKEN\" }", "\"inline\""), "write `{ env = \"NAME\" }`"),
        (format!("{WHOLE}allow = []"), "`console.oidc.allow` is empty"),
        (format!("{WHOLE}allow = [\"b.fr\", \"*.example\"]"), "`console.oidc.allow[1]` is neither"),
        (format!("{WHOLE}allow = [\"@b.fr\"]"), "`console.oidc.allow[0]` is neither"),
        (format!("{WHOLE}name = \" \""), "`console.oidc.name` is empty"),
        ("name = \"Agency\"".to_owned(), "`console.oidc.issuer` is missing"),
    ] {
        let told = oidc(&keys).expect_err(&keys);
        assert!(told.contains(expected), "{told}");
    }
    let told = loaded("", WHOLE).expect_err("it has nowhere to come back to");
    assert!(told.contains("`console.base_url` is missing"), "{told}");
}
