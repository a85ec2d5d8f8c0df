//! Tests of the abuse limiter, and of bodies larger than the memory for them.

use super::client::{exchange, post};
use super::*;

const MESSAGE: &str = "/webhooks/twilio-whatsapp/belle-wa";
const SMS: &str = "/webhooks/twilio-sms/belle-sms";
const FORM: &str = "MessageSid=SM1&From=whatsapp%3A%2B33612345678&Body=Bonjour";

/// A server behind a proxy that says whom it speaks for.
fn behind_a_proxy(failures_per_minute: u32) -> TestServer {
    TestServer::open_with(|deps| {
        deps.config.trusted_proxies = vec![config::Cidr { address: [127, 0, 0, 1].into(), prefix: 32 }];
        deps.config.failures_per_minute = failures_per_minute;
    })
}

impl TestServer {
    async fn post_from(&self, source: &str, path: &str, signature: Option<&str>) -> Reply {
        let mut headers = vec![("X-Forwarded-For", source)];
        headers.extend(signature.map(|signature| ("X-Twilio-Signature", signature)));
        self.post_with(path, &headers, FORM.as_bytes()).await
    }

    async fn signed_from(&self, source: &str, path: &str) -> Reply {
        let signature = fakes::sign(&format!("{BASE}{path}"), FORM.as_bytes());
        self.post_from(source, path, Some(&signature)).await
    }
}

#[tokio::test]
async fn i9_a_stranger_who_floods_turns_nobody_elses_webhook_away() {
    let server = behind_a_proxy(5);
    for n in 0..40 {
        let signature = (n % 2 == 0).then_some("wrong");
        let reply = server.post_from("198.51.100.7", MESSAGE, signature).await;
        let expected = if n < 6 { 401 } else { 503 };
        assert_eq!(reply.status, expected, "{n}: {}", reply.body);
        if expected == 503 {
            assert!(reply.header("retry-after").is_some_and(|wait| (1..=12).contains(&wait.parse::<u64>().unwrap())));
        }
        assert_eq!(server.signed_from("192.0.2.1", MESSAGE).await.status, 200, "{n}: the provider's own");
    }
    assert_eq!(server.signed_from("198.51.100.7", MESSAGE).await.status, 200, "what is believed never waits");
    assert_eq!(server.signed_from("198.51.100.7", SMS).await.status, 200, "another channel is not concerned");
    assert_eq!(server.reception.accepted.lock().unwrap().len(), 42);
}

#[tokio::test]
async fn i9_webhooks_of_foreign_accounts_do_not_count() {
    let server = behind_a_proxy(3);
    let foreign =
        "MessageSid=SM1&AccountSid=AC00000000000000000000000000000009&To=whatsapp%3A%2B14155238886&Body=Bonjour";
    let own = foreign.replace("AC00000000000000000000000000000009", fakes::ACCOUNT);
    let headers = [("X-Forwarded-For", "198.51.100.7"), ("X-Twilio-Signature", "wrong")];
    for n in 0..40 {
        let reply = server.post_with(MESSAGE, &headers, foreign.as_bytes()).await;
        assert_eq!(reply.status, 401, "{n}: somebody set their webhooks to this URL");
    }
    for n in 0..8 {
        let expected = if n < 4 { 401 } else { 503 };
        assert_eq!(server.post_with(MESSAGE, &headers, own.as_bytes()).await.status, expected, "{n}: a wrong key");
    }
    let metrics = server.get("/metrics").await.body;
    let line = |outcome| format!("channel=\"belle-wa\",outcome=\"{outcome}\"}}");
    assert!(metrics.lines().any(|text| text.contains(&line("foreign_account")) && !text.ends_with(" 0")), "{metrics}");
}

#[tokio::test]
async fn who_is_not_known_is_not_refused() {
    let server = behind_a_proxy(2);
    for n in 0..20 {
        assert_eq!(server.post_with(MESSAGE, &[], FORM.as_bytes()).await.status, 401, "{n}");
    }
    assert_eq!(server.post(MESSAGE, FORM).await.status, 200);
    let open = behind_a_proxy(0);
    for n in 0..20 {
        assert_eq!(open.post_from("198.51.100.7", MESSAGE, None).await.status, 401, "{n}");
    }
}

#[tokio::test]
async fn what_nobody_signed_is_not_read() {
    let server = TestServer::open();
    // The body never comes: whoever waited for it would answer 408 after ten seconds, or nothing.
    let head = format!("POST {MESSAGE} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
    assert_eq!(exchange(server.running.addr, head).await.status, 401);
    let large = format!("POST {MESSAGE} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", LIMIT + 1);
    assert_eq!(exchange(server.running.addr, large).await.status, 413);
}

#[tokio::test]
async fn large_bodies_share_what_memory_there_is_for_them() {
    let server = TestServer::open_with(|deps| deps.config.large_bodies_bytes = 30_000);
    let form = |length: usize| format!("{FORM}&Filler={}", "x".repeat(length));
    assert_eq!(server.post(MESSAGE, &form(20_000)).await.status, 200);
    let reply = server.post(MESSAGE, &form(50_000)).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")), "{}", reply.body);
    assert_eq!(server.post(MESSAGE, &form(20_000)).await.status, 200, "what was taken is given back");
    // Small ones are not counted.
    let none = TestServer::open_with(|deps| deps.config.large_bodies_bytes = 0);
    assert_eq!(none.post(MESSAGE, &form(10_000)).await.status, 200);
    let signature = fakes::sign(&format!("{BASE}{MESSAGE}"), form(17_000).as_bytes());
    let request = post(MESSAGE, &[("X-Twilio-Signature", &signature)], form(17_000).as_bytes());
    assert_eq!(exchange(none.running.addr, request).await.status, 503);
}
