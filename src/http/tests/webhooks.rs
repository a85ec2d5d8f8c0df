//! Tests of webhooks over real HTTP.

use std::str::FromStr as _;
use std::time::Duration;

use palabre_actors::domain::ids::CorrelationId;

use super::client::{exchange_open, post};
use super::fakes::{ACCOUNT, sign};
use super::*;
use crate::http::{Accepted, Refusal};

const MESSAGE: &str = "/webhooks/twilio-whatsapp/belle-wa";
const STATUS: &str = "/webhooks/twilio-whatsapp/belle-wa/status";
const FORM: &str = "MessageSid=SM1&From=whatsapp%3A%2B33612345678&Body=Bonjour";

#[tokio::test]
async fn a_signed_message_is_accepted_and_acknowledged() {
    let server = TestServer::open();
    let reply = server.post(MESSAGE, FORM).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "<Response/>"));
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    assert_eq!(reply.header("server"), None);
    let accepted = server.reception.accepted.lock().unwrap();
    assert_eq!(accepted[0].channel.as_str(), "belle-wa");
    let id = reply.header("x-correlation-id").unwrap();
    assert_eq!(CorrelationId::from_str(id).unwrap(), accepted[0].correlation);
    assert_eq!(accepted[0].correlation.0.get_version_num(), 7);
}

#[tokio::test]
async fn the_query_string_counts_as_it_came() {
    let server = TestServer::open();
    let reply = server.post(&format!("{MESSAGE}?a=%20+%C3%A9&b="), FORM).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn statuses_and_webhooks_that_mean_nothing() {
    let server = TestServer::open();
    assert_eq!(server.post(STATUS, "MessageSid=SM1&MessageStatus=delivered").await.status, 200);
    assert_eq!(server.reception.statuses.lock().unwrap().len(), 1);
    assert_eq!(server.post(MESSAGE, "MessageSid=nothing").await.status, 200);
    assert!(server.reception.accepted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn one_request_may_bring_several_messages_and_all_are_taken_or_none_is_acknowledged() {
    let server = TestServer::open();
    let form = "MessageSid=SM1%2BSM2";
    server.reception.will(Ok(Accepted::New));
    server.reception.will(Ok(Accepted::New));
    server.reception.will(Err(Refusal::Unavailable));
    assert_eq!(server.post(MESSAGE, form).await.status, 503, "the last of them was not stored");
    let ids = || {
        let accepted = server.reception.accepted.lock().unwrap();
        accepted.iter().map(|message| message.provider_message_id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["SM1"]);
    assert_eq!(server.post(MESSAGE, form).await.status, 200, "it came again");
    assert_eq!(ids(), ["SM1", "SM1", "SM2"], "the store tells what is a duplicate");
    assert_eq!(server.reception.statuses.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn aliases_find_their_channel_by_account_and_address() {
    let server = TestServer::open();
    let table = [
        ("/api/webhooks/twilio", "To=whatsapp%3A%2B14155238886", "belle-wa"),
        ("/api/webhooks/twilio", "To=%2B14155238886", "belle-sms"),
        ("/webhooks/twilio-sms/incoming", "To=%2B14155238886", "belle-sms"),
    ];
    for (path, to, channel) in table {
        let reply = server.post(path, &format!("MessageSid=SM1&AccountSid={ACCOUNT}&{to}")).await;
        assert_eq!(reply.status, 200, "{path} {to}");
        assert_eq!(server.reception.accepted.lock().unwrap().pop().unwrap().channel.as_str(), channel);
    }
    for path in ["/webhooks/twilio-sms/status", "/api/webhooks/twilio/status"] {
        let form = format!("MessageSid=SM1&AccountSid={ACCOUNT}&From=%2B14155238886&To=%2B33612345678");
        assert_eq!(server.post(path, &form).await.status, 200, "{path}");
        assert_eq!(server.reception.statuses.lock().unwrap().pop().unwrap().channel.as_str(), "belle-sms");
    }
    let strangers = [
        ("/webhooks/twilio-sms/incoming", "AccountSid=AC2&To=%2B14155238886".to_owned(), 404),
        ("/webhooks/twilio-sms/incoming", format!("AccountSid={ACCOUNT}&To=%2B15550000000"), 404),
        ("/webhooks/twilio-sms/incoming", format!("AccountSid={ACCOUNT}&To=whatsapp%3A%2B14155238886"), 404),
        ("/webhooks/twilio-sms/incoming", format!("AccountSid={ACCOUNT}"), 400),
        ("/webhooks/twilio-sms/status", format!("AccountSid={ACCOUNT}&To=%2B14155238886"), 400),
        ("/api/webhooks/twilio", String::new(), 400),
        ("/api/webhooks/twilio", "{\"To\":1}".to_owned(), 400),
    ];
    for (path, form, status) in strangers {
        let reply = server.post(path, &format!("{form}&MessageSid=SM1")).await;
        assert_eq!(reply.status, status, "{path} {form}");
    }
}

#[tokio::test]
async fn who_cannot_be_believed_is_turned_away() {
    let server = TestServer::open();
    let wrong = [("X-Twilio-Signature", "signed:nothing")];
    let latin = [("X-Twilio-Signature", "sign\u{e9}")];
    let nothing: [(&str, &str); 0] = [];
    let other_path = sign(&format!("{BASE}{STATUS}"), FORM.as_bytes());
    let alias = format!("MessageSid=SM1&AccountSid={ACCOUNT}&To=%2B14155238886");
    for headers in [&wrong[..], &latin, &nothing, &[("X-Twilio-Signature", &other_path)]] {
        let reply = server.post_with(MESSAGE, headers, FORM.as_bytes()).await;
        assert_eq!(reply.status, 401, "{headers:?}");
        assert!(reply.json()["hint"].as_str().unwrap().contains("public_base_url"));
        assert!(reply.header("x-correlation-id").is_some());
        assert_eq!(server.post_with("/api/webhooks/twilio", headers, alias.as_bytes()).await.status, 401);
    }
    assert!(server.reception.accepted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unknown_channels_and_paths_are_not_found() {
    let server = TestServer::open();
    for path in [
        "/webhooks/twilio-whatsapp/nobody",
        "/webhooks/nobody/belle-wa",
        "/webhooks/twilio-sms/belle-wa",
        "/webhooks/nobody/belle-wa/status",
        "/webhooks/twilio-whatsapp/belle-wa/",
        "/webhooks/twilio-whatsapp/belle%2Dwa",
        "/",
        "/api/webhooks",
    ] {
        let reply = server.post(path, FORM).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json()["hint"].is_string());
    }
    assert_eq!(server.ask("BREW", "/coffee").await.status, 404);
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let server = TestServer::open();
    let webhooks =
        [MESSAGE, STATUS, "/api/webhooks/twilio", "/webhooks/twilio-sms/incoming", "/webhooks/twilio-sms/status"];
    for path in webhooks {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let reply = server.ask(method, path).await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
    for path in ["/healthz", "/readyz", "/api/health", "/metrics", "/api/webhooks/twilio/status-check"] {
        let reply = server.post(path, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
}

#[tokio::test]
async fn malformed_webhooks_are_refused() {
    let server = TestServer::open();
    assert_eq!(server.post(MESSAGE, "From=x").await.status, 400);
    let invalid = b"MessageSid=SM1&Body=\xff\xfe";
    let signature = sign(&format!("{BASE}{MESSAGE}"), invalid);
    let reply = server.post_with(MESSAGE, &[("X-Twilio-Signature", &signature)], invalid).await;
    assert_eq!((reply.status, reply.json()["hint"].as_str()), (400, Some("not UTF-8")));
    for content_type in ["text/plain", "multipart/form-data; boundary=x", ""] {
        let headers = [("X-Twilio-Signature", signature.as_str()), ("Content-Type", content_type)];
        assert_eq!(server.post_with(MESSAGE, &headers, FORM.as_bytes()).await.status, 415, "{content_type}");
    }
    let unsigned = [("Content-Type", "text/plain")];
    assert_eq!(server.post_with(MESSAGE, &unsigned, FORM.as_bytes()).await.status, 401);
}

#[tokio::test]
async fn a_body_cut_short_is_refused() {
    let server = TestServer::open();
    let signature = sign(&format!("{BASE}{MESSAGE}"), FORM.as_bytes());
    let mut request = post(MESSAGE, &[("X-Twilio-Signature", &signature)], FORM.as_bytes());
    request.truncate(request.len() - 10);
    let reply = exchange(server.running.addr, request).await;
    assert_eq!(reply.status, 400);
    assert!(server.reception.accepted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn too_large_is_known_before_it_is_read() {
    let server = TestServer::open();
    // Announced, and not a byte of it sent: the answer comes all the same.
    let head = format!("POST {MESSAGE} HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n");
    assert_eq!(exchange_open(server.running.addr, head).await.status, 413);
    // All of it sent: the answer still arrives.
    let whole = post(MESSAGE, &[("X-Twilio-Signature", "x")], &vec![b'a'; 10 * 1024 * 1024]);
    assert_eq!(exchange(server.running.addr, whole).await.status, 413);
    // Never announced, and never ending: reading stops at the limit.
    let mut chunked = format!("POST {MESSAGE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..=LIMIT / 4096 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b'a'; 4096]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(exchange_open(server.running.addr, chunked.clone()).await.status, 413);
    // The channel comes first, then size, then the signature.
    let elsewhere = String::from_utf8(chunked).unwrap().replacen("belle-wa", "nobody-1", 1);
    assert_eq!(exchange_open(server.running.addr, elsewhere).await.status, 404);
    // Exactly at the limit is fine.
    let body = format!("MessageSid=SM1&Body={}", "a".repeat(LIMIT - 20));
    assert_eq!(body.len(), LIMIT);
    assert_eq!(server.post(MESSAGE, &body).await.status, 200);
}

#[tokio::test]
async fn a_chunked_body_is_as_good_as_any() {
    let server = TestServer::open();
    let signature = sign(&format!("{BASE}{MESSAGE}"), FORM.as_bytes());
    let (first, second) = FORM.split_at(20);
    let request = format!(
        "POST {MESSAGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {signature}\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len(),
    );
    assert_eq!(exchange(server.running.addr, request).await.status, 200);
}

#[tokio::test]
async fn refusals_tell_when_to_come_again() {
    let server = TestServer::open();
    let table = [
        (Refusal::Overloaded { retry_after: Duration::from_millis(1500) }, "2"),
        (Refusal::Unavailable, "2"),
        (Refusal::Stopping, "2"),
    ];
    for (refusal, wait) in table {
        server.reception.will(Err(refusal));
        let reply = server.post(MESSAGE, FORM).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some(wait)), "{refusal:?}");
        server.reception.will(Err(refusal));
        assert_eq!(server.post(STATUS, "MessageSid=SM1").await.status, 503);
    }
    assert!(server.reception.accepted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_duplicate_is_acknowledged_like_the_first() {
    let server = TestServer::open();
    server.reception.will(Ok(Accepted::Duplicate { first: CorrelationId::fresh() }));
    let reply = server.post(MESSAGE, FORM).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "<Response/>"));
    let text = server.get("/metrics").await.body;
    let line = "palabre_webhook_outcomes_total{tenant=\"institut-belle\",channel=\"belle-wa\",outcome=\"duplicate\"}";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn status_checks_name_their_service() {
    let server = TestServer::open();
    let table = [
        ("/webhooks/twilio-whatsapp/belle-wa/status-check", "twilio-whatsapp"),
        ("/webhooks/twilio-whatsapp/status-check", "twilio-whatsapp"),
        ("/webhooks/twilio-sms/status-check", "twilio-sms"),
        ("/webhooks/twilio-sms/incoming/status-check", "twilio-sms"),
        ("/api/webhooks/twilio/status-check", "twilio"),
    ];
    for (path, service) in table {
        let reply = server.get(path).await;
        assert_eq!(reply.json(), serde_json::json!({ "ok": true, "service": service }), "{path}");
    }
    assert_eq!(server.get("/webhooks/twilio-whatsapp/nobody/status-check").await.status, 404);
    assert_eq!(server.get("/webhooks/nobody/status-check").await.status, 404);
}

#[tokio::test]
async fn without_a_public_url_the_host_tells() {
    let server = TestServer::open_with(|deps| deps.config.public_base_url = None);
    let signature = sign(&format!("http://inner.example{MESSAGE}"), FORM.as_bytes());
    let forwarded = ("X-Forwarded-Host", "hooks.example.com");
    let reply = server.post_with(MESSAGE, &[("X-Twilio-Signature", &signature), forwarded], FORM.as_bytes()).await;
    assert_eq!(reply.status, 200, "an unlisted peer's word does not count");

    let server = TestServer::open_with(|deps| {
        deps.config.public_base_url = None;
        deps.config.trusted_proxies = vec![config::Cidr { address: std::net::Ipv4Addr::LOCALHOST.into(), prefix: 32 }];
    });
    let signature = sign(&format!("{BASE}{MESSAGE}"), FORM.as_bytes());
    let headers = [("X-Twilio-Signature", signature.as_str()), forwarded, ("X-Forwarded-Proto", "https")];
    assert_eq!(server.post_with(MESSAGE, &headers, FORM.as_bytes()).await.status, 200);
}
