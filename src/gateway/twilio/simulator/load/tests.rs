//! Tests of the simulated Twilio for load tests.

use super::*;
use crate::config::{Config, Environment};

/// Two WhatsApp channels of two accounts.
fn channels() -> Vec<Channel> {
    let mut text = "id = \"a\"\nreplies.fallback = \"ok\"\n".to_owned();
    for number in 1..=2 {
        text.push_str(&format!(
            "[[channels]]\nid = \"a-{number}\"\nprovider = \"twilio-whatsapp\"\naddress = \"whatsapp:+1415523000{number}\"\n\
             account_sid = \"AC{number:032x}\"\nauth_token = {{ env = \"TOKEN{number}\" }}\n"
        ));
    }
    let environment = Environment::from_iter([("TOKEN1", "un"), ("TOKEN2", "deux")]);
    let config =
        Config::from_toml_texts("", &[("a.toml", &text)], &environment, &crate::gateway::PROVIDERS).unwrap().config;
    config.tenants.into_iter().flat_map(|tenant| tenant.channels).collect()
}

/// The path and the `Authorization` of one of them.
fn account(channel: &Channel) -> (String, String) {
    let (_, account) = Kind::of(&channel.provider).unwrap();
    let credentials = format!("{}:{}", account.account_sid, account.auth_token.expose_secret());
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", account.account_sid);
    (path, format!("Basic {}", STANDARD.encode(credentials)))
}

fn ask(
    responder: &Responder,
    (method, path, query): (&str, &str, &str),
    authorization: &str,
    body: &str,
) -> (LoadAnswer, Vec<(Option<usize>, String, String)>) {
    let mut sent = Vec::new();
    let request = LoadRequest { method, path, query, authorization: Some(authorization), body: body.as_bytes() };
    let answer = responder.respond(&request, &mut |one: LoadSent<'_>| {
        sent.push((one.channel, one.to.into_owned(), one.text.into_owned()));
    });
    (answer, sent)
}

const SEND: &str = "From=whatsapp%3A%2B14155230002&To=whatsapp%3A%2B33700000001&Body=Bonjour+%23ab%C3%A9+%22x%22&X=1";

#[test]
fn a_send_is_taken_and_shown() {
    let channels = channels();
    let responder = Responder::new(&channels, 1);
    let (path, authorization) = account(&channels[1]);
    let (answer, sent) = ask(&responder, ("POST", &path, ""), &authorization, SEND);
    assert_eq!(answer.status, "201 Created");
    let json: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(json["sid"].as_str().unwrap().len(), 34);
    assert_eq!(sent, [(Some(1), "whatsapp:+33700000001".to_owned(), "Bonjour #abé \"x\"".to_owned())]);
}

#[test]
fn i5_who_asks_hears_what_was_taken() {
    let channels = channels();
    let responder = Responder::new(&channels, 1);
    let (path, authorization) = account(&channels[1]);
    let read = |answer: &LoadAnswer| -> Value { serde_json::from_str(&answer.json).unwrap() };
    let sent = read(&ask(&responder, ("POST", &path, ""), &authorization, SEND).0);
    let list = |query: &str| {
        let (answer, sent) = ask(&responder, ("GET", &path, query), &authorization, "");
        assert!(answer.status == "200 OK" && sent.is_empty(), "{answer:?}");
        read(&answer)
    };
    let pair = "To=whatsapp%3A%2B33700000001&From=whatsapp%3A%2B14155230002&DateSent%3E=2026-11-21&PageSize=100";
    let listed = list(pair);
    let first = &listed["messages"][0];
    assert_eq!((&first["sid"], &listed["next_page_uri"]), (&sent["sid"], &Value::Null));
    assert_eq!(first["body"], "Bonjour #abé \"x\"");
    assert!(chrono::DateTime::parse_from_rfc2822(first["date_created"].as_str().unwrap()).is_ok());
    for nobody in ["To=whatsapp%3A%2B33700000002&From=whatsapp%3A%2B14155230002", "To=whatsapp%3A%2B33700000001", ""] {
        assert_eq!(list(nobody)["messages"], json!([]), "{nobody}");
    }
}

#[test]
fn nothing_is_taken_from_strangers() {
    let channels = channels();
    let responder = Responder::new(&channels, 1);
    let ((first, _), (_, second)) = (account(&channels[0]), account(&channels[1]));
    let unknown = "/2010-04-01/Accounts/AC0/Messages.json";
    for (method, path, authorization, status) in [
        ("POST", first.as_str(), second.as_str(), "401 Unauthorized"),
        ("POST", &first, "", "401 Unauthorized"),
        ("POST", unknown, &second, "404 Not Found"),
        ("GET", &first, &second, "401 Unauthorized"),
    ] {
        let (answer, sent) = ask(&responder, (method, path, ""), authorization, "To=x");
        assert_eq!((answer.status, sent.len()), (status, 0));
    }
}

#[test]
fn a_request_is_the_simulator_s_own_form_and_its_signature_holds() {
    let channels = channels();
    let channel = &channels[1];
    let base_url = "http://127.0.0.1:8080";
    let customer = format!("+33700{}", Gap::Customer.mark());
    let text = format!("Bonjour ? #{}", Gap::Token.mark());
    let layout = Layout::new(channel, base_url, &customer, &text).unwrap();
    let filling =
        Filling { id: "0".repeat(31) + "7", customer: "000042".to_owned(), token: "0badcafe00000007".to_owned() };
    let mut draft = Draft::default();
    layout.write(&filling, &mut draft);
    let request = String::from_utf8(draft.request.clone()).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (kind, account) = Kind::of(&channel.provider).unwrap();
    let (from, own) = ("whatsapp:+33700000042", kind.wire(&channel.address));
    let text = "Bonjour ? #0badcafe00000007";
    let mut message = InboundMessage::text(kind, "a-2", &account.account_sid, from, &own, text);
    message.sid = format!("SM{}", filling.id);
    assert_eq!(body, message.form());
    assert_eq!(message.parameters().len(), 19);
    assert!(head.starts_with(&format!("POST {} HTTP/1.1\r\n", message.path)));
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(header("Host"), "127.0.0.1:8080");
    assert_eq!(header("I-Twilio-Idempotency-Token"), message.sid);
    let form = Form::parse(body.as_bytes()).unwrap();
    let url = format!("{base_url}{}", message.path);
    assert!(Signer::new(&account.auth_token).verifies_form(&url, &form, &header(SIGNATURE_HEADER)));
    let mut again = Draft { request: b"something else".to_vec(), ..Draft::default() };
    layout.write(&filling, &mut again);
    assert_eq!(again.request, draft.request, "a repetition is the same to the byte");
}
