//! Tests of secrets: they are found, and never shown.

use secrecy::ExposeSecret;

use super::{SECRET, TENANT, load, problems, told};
use crate::config::{Config, Environment};
use crate::gateway::PROVIDERS;
use crate::gateway::twilio::TwilioAccount;

fn token(config: &Config) -> String {
    let channel = &config.tenants[0].channels[0];
    let account: &TwilioAccount = channel.provider.settings().expect("Twilio's");
    account.auth_token.expose_secret().to_owned()
}

#[test]
fn a_secret_comes_from_the_environment() {
    let loaded = load("", &[("t.toml", TENANT)]).expect("it holds");
    assert_eq!(token(&loaded.config), SECRET);
}

#[test]
fn a_secret_comes_from_a_file_beside_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("tenants")).expect("a folder");
    std::fs::create_dir(path("secrets")).expect("a folder");
    std::fs::write(path("palabre.toml"), "").expect("a file");
    std::fs::write(path("tenants/t.toml"), TENANT.replace("env = \"TOKEN\"", "file = \"secrets/belle\""))
        .expect("a file");

    for (content, expected) in [
        (Some(&b"abc\n"[..]), Ok("abc")),
        (Some(b"abc\r\n"), Ok("abc")),
        (Some(b"abc"), Ok("abc")),
        (Some(b"\n"), Err("is empty")),
        (Some(b"abc\ndef\n"), Err("has line breaks")),
        (Some(b" abc"), Err("has line breaks, control characters, or spaces")),
        (Some(b"\xff"), Err("is not UTF-8 text")),
        (Some(&[b'x'; 10_000]), Err("is longer than any secret")),
        (None, Err("it is not there")),
    ] {
        let _ = std::fs::remove_file(path("secrets/belle"));
        if let Some(content) = content {
            std::fs::write(path("secrets/belle"), content).expect("a file");
        }
        let loaded = Config::load(&path("palabre.toml"), &Environment::default(), &PROVIDERS);
        match (loaded, expected) {
            (Ok(loaded), Ok(expected)) => assert_eq!(token(&loaded.config), expected),
            (Err(errors), Err(expected)) => {
                let told = told(&errors.problems[0]);
                assert!(errors.problems.len() == 1 && told.contains(expected), "{told}");
                assert!(told.contains("t.toml:8:14"), "{told}");
                assert!(!told.contains("abc"), "{told}");
            }
            (loaded, expected) => panic!("{loaded:?} for {expected:?}"),
        }
    }
}

#[test]
fn a_secret_that_is_not_there_is_asked_for() {
    for (reference, expected) in [
        ("{ env = \"MISSING\" }", "needs the environment variable `MISSING`, which is not set"),
        ("{ env = \"EMPTY\" }", "the environment variable `EMPTY` is empty"),
        ("{}", "`channels[0].auth_token.env` is missing"),
        ("{ env = \"TOKEN\", file = \"f\" }", "names both a variable and a file"),
        ("[\"x\"]", "must be `{ env = \"NAME\" }` or `{ file = \"path\" }`, not an array"),
    ] {
        let text = TENANT.replace("{ env = \"TOKEN\" }", reference);
        let environment = super::with(&[("EMPTY", " ")]);
        let errors = Config::from_toml_texts("", &[("t.toml", &text)], &environment, &PROVIDERS).expect_err(reference);
        let told = told(&errors.problems[0]);
        assert!(errors.problems.len() == 1 && told.contains(expected) && told.contains("t.toml:8:"), "{told}");
    }
}

/// However a secret got into a file, nothing that is printed shows it.
#[test]
fn no_output_shows_a_secret_or_a_whole_phone_number() {
    let inline = format!("auth_token = \"{SECRET}\"");
    let reference = "auth_token = { env = \"TOKEN\" }";
    let phone = "+33639980017";
    let tenants = [
        TENANT.replace(reference, &inline),
        TENANT.replace(reference, &format!("auth_tokn = \"{SECRET}\"")),
        TENANT.replace(reference, &format!("pasted = \"{SECRET}\"")),
        TENANT.replace(reference, &format!("auth_token = {{ env = [\"{SECRET}\"] }}")),
        TENANT.replace(reference, &format!("auth_token = {{ value = \"{SECRET}\" }}")),
        TENANT.replace(reference, &format!("auth_token = \"{SECRET}")),
        TENANT.replace(reference, &format!("auth_token = {{ env = \"{SECRET}\" }}")),
        TENANT.replace(reference, "auth_token = { file = \"5ecret0fbelle63998000123456789abc\" }"),
        TENANT.replace(reference, &format!("auth_token = {{ file = \"{SECRET}\" }}")),
        TENANT.replace(reference, &format!("auth_token = {{ file = \"{SECRET}/a+b=\" }}")),
        TENANT.replace(reference, &format!("auth_token = {{ file = \"/{SECRET}/c\" }}")),
        TENANT.replace(reference, &format!("auth_token = {{ file = \"{SECRET}.x\" }}")),
        TENANT.replace(reference, &format!("auth_token = \"\"\"\nfirst\n{SECRET} \\q\n\"\"\"")),
        TENANT.replace(reference, &format!("{reference}\napi_base_url = \"https://me:{SECRET}@api.twilio.com\"")),
        TENANT.replace(reference, &format!("{reference}\ntimeout = [\"{phone}\", \"{SECRET}\"] # token")),
        TENANT.replace("id = \"belle\"", &format!("id = \"belle\"\nsellers = [\"{phone}\", \"x\"]")),
        TENANT.replace("whatsapp:+14155238886", &format!("whatsapp:{phone}00000000")),
    ];
    for tenant in &tenants {
        let errors = load("", &[("t.toml", tenant)]).expect_err(tenant);
        for shown in [errors.to_string(), format!("{errors:?}"), told(&errors.problems[0])] {
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(!shown.contains("6399800"), "{shown}");
        }
    }
    for main in [
        format!("redis.url = \"redis://:{SECRET}@localhost\""),
        format!("redis.url = [\"{SECRET}\"]"),
        format!("database.url = \"postgres://me:{SECRET}@localhost/palabre\""),
    ] {
        for problem in problems(&main, &[("t.toml", TENANT)]) {
            assert!(!format!("{problem}{problem:?}").contains(SECRET), "{problem}");
        }
    }
    let variables = super::with(&[("PALABRE__REDIS__URL", SECRET), ("PALABRE__HTTP__WORKERS", SECRET)]);
    let errors = Config::from_toml_texts("", &[("t.toml", TENANT)], &variables, &PROVIDERS).expect_err("mistakes");
    assert!(!format!("{errors}{errors:?}{variables:?}").contains(SECRET), "{errors}");
}

#[test]
fn a_valid_configuration_does_not_show_its_secrets() {
    let environment = super::with(&[
        ("PALABRE__REDIS__URL", "redis://:5ecret-0f-belle@localhost"),
        ("PALABRE__DATABASE__URL", "postgres://me:5ecret-0f-belle@localhost/palabre"),
    ]);
    let loaded = Config::from_toml_texts("", &[("t.toml", TENANT)], &environment, &PROVIDERS).expect("it holds");
    assert!(!format!("{loaded:?}").contains(SECRET));
    assert!(!format!("{:?}", super::environment()).contains(SECRET));
}

#[test]
fn i10_what_stands_in_the_wrong_place_is_not_repeated() {
    let tenant = TENANT
        .replace("id = \"belle\"", "id = \"Belle 33639981113\"\nlanguage = \"+33639981111\"\n\"33639981112\" = 1");
    assert_ne!(tenant, TENANT);
    let main = "[logs]\nformat = \"33639981114\"\n[http]\nlisten = \"f3a9c0d1e2f3a4b5c6d7e8f9a0b1c2d3\"\n";
    let errors = load(main, &[("t.toml", &tenant)]).expect_err("it does not hold");
    let told = errors.to_string();
    assert!(told.matches('*').count() >= 20, "{told}");
    for hidden in ["3639981111", "3639981112", "3639981113", "3639981114", "c0d1e2f3"] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
}
