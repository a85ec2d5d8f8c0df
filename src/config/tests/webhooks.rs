//! Tests of `[[webhooks]]`.

use super::{Config, Environment, Loaded};
use crate::gateway::PROVIDERS;

fn loaded(webhook: &str, secret: &str) -> Result<Loaded, String> {
    let tenant = format!(
        "id = \"belle\"\n[[channels]]\nid = \"try\"\nprovider = \"sandbox\"\naddress = \"sandbox:belle\"\n\
        [replies]\nfallback = \"Merci\"\n[[webhooks]]\n{webhook}"
    );
    let environment = Environment::from_iter([("HOOK", secret)]);
    let read = Config::from_toml_texts("", &[("belle.toml", &tenant)], &environment, &PROVIDERS);
    read.map_err(|errors| errors.to_string())
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn an_endpoint_is_read_and_shows_no_token() {
    let webhook = "id = \"crm\"\nurl = \"https://example.com/hook?token=abc\"\nsecret = { env = \"HOOK\" }\n\
        previous_secret = { env = \"HOOK\" }\nevents = [\"message_sent\", \"opted_out\"]";
    let tenant = loaded(webhook, SECRET).unwrap().config.tenants.remove(0);
    let endpoint = &tenant.webhooks[0];
    assert_eq!((endpoint.events.len(), endpoint.keys.len(), endpoint.reveal), (2, 2, false));
    assert_eq!(endpoint.url.as_str(), "https://example.com/hook?token=abc");
    let shown = format!("{tenant:?}");
    assert!(shown.contains("example.com") && !shown.contains("abc") && !shown.contains("MfKQ"), "{shown}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let with =
        |key: &str| format!("id = \"crm\"\nsecret = {{ env = \"HOOK\" }}\nurl = \"https://example.com/\"\n{key}");
    let table = [
        (with("events = [\"message_send\"]"), SECRET, "did you mean `message_sent`?"),
        (with("events = []"), SECRET, "`[\"*\"]` for all"),
        (with("evnts = [\"*\"]"), SECRET, "did you mean `events`?"),
        (with(""), "whsec_short", "openssl rand"),
        (with(""), "a-secret-without-its-prefix-0123456789", "openssl rand"),
        ("id = \"crm\"\nsecret = { env = \"HOOK\" }\nurl = \"ftp://example.com\"".to_owned(), SECRET, "https://"),
        ("id = \"crm\"\nsecret = { env = \"HOOK\" }".to_owned(), SECRET, "where events are posted"),
    ];
    for (webhook, secret, expected) in table {
        let told = loaded(&webhook, secret).expect_err(&webhook);
        assert!(told.contains(expected) && told.contains("belle.toml:"), "{webhook}: {told}");
        assert!(!told.contains("without-its-prefix"), "{told}");
    }
}
