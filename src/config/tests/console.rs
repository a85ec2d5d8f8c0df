//! Tests of `[console.oidc]` and `console.push_key`.

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

#[test]
fn a_key_of_pushes_is_read_in_every_base64_and_not_shown() {
    const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgW9slcw+SMx412amugCnr0a7PIbcH+mw/exfZFHo3b46hRANC\
                       AATGYyBvINTcSVX2/Z3H/snkZ+Cx2ckT53eEB9+FtjCFIGfFq5syH4jfwUU+wQgqCfvuzx2pM41OPEdT/KNbioJf";
    let read = |key: &str| {
        let environment: Environment = super::with(&[("PUSH_KEY", key)]);
        let main = "[console]\npush_key = { env = \"PUSH_KEY\" }";
        let read = Config::from_toml_texts(main, &[("belle.toml", TENANT)], &environment, &PROVIDERS);
        read.map_err(|errors| errors.problems.iter().map(told).collect::<Vec<_>>().join("\n"))
    };
    for key in [KEY.to_owned(), format!("{KEY}=="), KEY.replace('+', "-").replace('/', "_")] {
        let console = read(&key).unwrap().config.console;
        assert!(!format!("{console:?}").contains("MIGHAgEA"));
        let kept = console.push_key.expect("it is configured");
        assert!(!secrecy::ExposeSecret::expose_secret(&kept).contains(['+', '/', '=']));
    }
    for wrong in ["AAAA", &KEY[..KEY.len() - 4], "MHcCAQEEIB5QWTHGOLqxC/C7bkXqDPJFg4C/5lJva+0IuCyRGUG2"] {
        let told = read(wrong).expect_err(wrong);
        assert!(told.contains("`console.push_key` is no key of P-256") && !told.contains(wrong), "{told}");
    }
}
