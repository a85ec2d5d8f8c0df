//! Tests of I10: the log shows no personal data of a request.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock};

use palabre_actors::domain::ids::CorrelationId;
use serde_json::Value;

use super::*;
use crate::config::{LogFormat, Logs};
use crate::http::{Accepted, Refusal};
use crate::telemetry::logs;

const MESSAGE: &str = "/webhooks/twilio-whatsapp/belle-wa";
const NUMBER: &str = "33698765432";
const MAIL: &str = "jeanne.secret";
const WORDS: &str = "rendez-vous-chez-le-docteur";

#[derive(Clone, Copy)]
struct Captured;

fn buffer() -> &'static Mutex<Vec<u8>> {
    static BUFFER: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    BUFFER.get_or_init(Mutex::default)
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        buffer().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that every thread logs, at every level.
fn capture() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let config = Logs { format: LogFormat::Json, level: "trace".to_owned() };
        tracing::subscriber::set_global_default(logs::json_subscriber(&config, || Captured).unwrap()).unwrap();
    });
}

fn captured() -> Vec<Value> {
    let text = String::from_utf8(buffer().lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn line_of<'a>(lines: &'a [Value], reply: &Reply) -> &'a Value {
    let id = reply.header("x-correlation-id").unwrap();
    lines.iter().find(|line| line["correlation.id"] == id).expect("a log line for the request")
}

#[tokio::test]
async fn nothing_of_a_request_reaches_log_metrics_or_answer() {
    capture();
    let server = TestServer::open();
    let form =
        format!("MessageSid=SM1&From=whatsapp%3A%2B{NUMBER}&Body={WORDS}+{MAIL}%40example.org&ProfileName={MAIL}");
    let query = format!("?phone=%2B{NUMBER}&mail={MAIL}@example.org");
    let mut replies = vec![
        server.post(&format!("{MESSAGE}{query}"), &form).await,
        server.post_with(&format!("{MESSAGE}{query}"), &[], form.as_bytes()).await,
        server.post_with(MESSAGE, &[("X-Twilio-Signature", NUMBER), ("User-Agent", MAIL)], form.as_bytes()).await,
        server.post(&format!("/webhooks/{MAIL}/{NUMBER}{query}"), &form).await,
        server.post(&format!("/{NUMBER}"), &form).await,
        server.post("/api/webhooks/twilio", &format!("{form}&AccountSid={MAIL}&To=%2B{NUMBER}")).await,
        server.post(MESSAGE, &format!("From=%2B{NUMBER}&Body={WORDS}")).await,
        server.post_with(MESSAGE, &[("Content-Type", WORDS), ("X-Twilio-Signature", "x")], form.as_bytes()).await,
        server.ask(&WORDS.to_uppercase().replace('-', ""), &format!("/webhooks/twilio-sms/{NUMBER}")).await,
        server.get(&format!("/healthz?{NUMBER}")).await,
    ];
    server.reception.will(Err(Refusal::Unavailable));
    replies.push(server.post(MESSAGE, &form).await);
    replies.push(server.get("/metrics").await);
    server.running.stop().await;

    let log = String::from_utf8(buffer().lock().unwrap().clone()).unwrap().to_lowercase();
    let words = WORDS.replace('-', "");
    for secret in [NUMBER, MAIL, WORDS, &words] {
        let at = log.find(secret).map(|at| &log[at.saturating_sub(300)..at + secret.len()]);
        assert_eq!(at, None, "{secret} is in the log");
        for reply in &replies {
            assert!(!reply.head.contains(secret) && !reply.body.contains(secret), "{secret} is in {reply:?}");
        }
    }
}

#[tokio::test]
async fn every_request_has_its_line() {
    capture();
    let server = TestServer::open();
    let first = CorrelationId::fresh();
    let accepted = server.post(MESSAGE, "MessageSid=SM1").await;
    server.reception.will(Ok(Accepted::Duplicate { first }));
    let duplicate = server.post(MESSAGE, "MessageSid=SM1").await;
    let stray = server.post("/webhooks/twilio-sms/who", "MessageSid=SM1").await;
    let unsigned = server.post_with(MESSAGE, &[], b"MessageSid=SM1").await;
    server.get("/readyz").await;
    // A line is written when its answer is: after the stop, all of them are.
    server.running.stop().await;

    let lines = captured();
    let line = line_of(&lines, &accepted);
    assert_eq!(line["message"], "request");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["http.method"], "POST");
    assert_eq!(line["http.route"], "/webhooks/{provider}/{channel_id}");
    assert_eq!(line["http.status"], 200);
    assert_eq!(line["tenant.id"], "institut-belle");
    assert_eq!(line["channel.id"], "belle-wa");
    assert_eq!(line["webhook.outcome"], "accepted");
    assert!(line["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed > 0.0));

    let line = line_of(&lines, &duplicate);
    assert_eq!(line["webhook.outcome"], "duplicate");
    assert_eq!(line["correlation.first"], first.to_string());

    let line = line_of(&lines, &stray);
    assert_eq!((line["http.status"].as_u64(), line.get("channel.id")), (Some(404), None));
    let line = line_of(&lines, &unsigned);
    assert_eq!((line["http.status"].as_u64(), line["webhook.outcome"].as_str()), (Some(401), Some("bad_signature")));

    let probe = lines.iter().find(|line| line["http.route"] == "/readyz").unwrap();
    assert_eq!(probe["level"], "DEBUG");
}
