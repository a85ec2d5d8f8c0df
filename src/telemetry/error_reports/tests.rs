//! Tests of reports: what an event carries, over HTTP.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use chrono::Utc;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, InboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, Inbound};
use palabre_actors::runtime::spans;
use secrecy::SecretString;
use serde_json::Value;

use super::super::logs::observed_json_subscriber;
use super::super::observer::{Observer, ObserverGuard};
use crate::config::{LogFormat, Logs, SentryProject};

/// A Sentry that takes whatever comes: where it is, and the bodies.
fn sentry() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    let header = line.to_ascii_lowercase();
                    length =
                        header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
                    line.clear();
                }
                let mut body = vec![0; length];
                if length == 0 || reader.read_exact(&mut body).is_err() {
                    break;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                let _ = tell.send(String::from_utf8(body).unwrap());
            }
        }
    });
    (at, told)
}

fn observer(at: &str, per_minute: u32) -> (Observer, ObserverGuard) {
    let dsn = SecretString::from(format!("http://0123456789abcdef0123456789abcdef@{at}/7"));
    let project = SentryProject { dsn, environment: "tests".to_owned(), per_minute };
    Observer::of(Some(&project), None).unwrap().unwrap()
}

/// Says things to an observer beside a log that is off.
fn heard(observer: Observer, say: impl FnOnce()) {
    let logs = Logs { format: LogFormat::Json, level: "off".to_owned() };
    tracing::subscriber::with_default(observed_json_subscriber(&logs, io::sink, observer).unwrap(), say);
}

/// The events that came, and as they were written.
fn events(told: &Receiver<String>) -> (Vec<Value>, String) {
    let bodies: Vec<String> = std::iter::from_fn(|| told.recv_timeout(Duration::from_millis(300)).ok()).collect();
    let events = bodies.iter().map(|body| serde_json::from_str(body.lines().nth(2).unwrap()).unwrap());
    (events.collect(), bodies.concat())
}

fn message() -> Inbound {
    Inbound {
        id: InboundId::fresh(),
        tenant: TenantId::new("institut-belle"),
        channel: ChannelId::new("belle-wa"),
        provider_message_id: ProviderMessageId::new("SM1"),
        from: Address::from_normalised("whatsapp:+33612345678"),
        to: Address::from_normalised("whatsapp:+14155238886"),
        content: Content { body: "un secret".to_owned(), ..Content::default() },
        correlation: CorrelationId::fresh(),
        received_at: Utc::now(),
    }
}

#[test]
fn i10_an_error_in_a_turn_carries_its_ids_and_names_nobody() {
    let (at, told) = sentry();
    let (observer, guard) = observer(&at, 5);
    let (message, conversation) = (message(), ConversationId::fresh());
    heard(observer, || {
        spans::turn(&message, Some(conversation)).in_scope(|| {
            let error = io::Error::other("no mailbox for awa.diallo@example.org, call 06 12 34 56 78");
            tracing::error!(
                target: "palabre::app",
                error = &error as &dyn std::error::Error,
                panic.location = "src/app.rs:1:1",
                batch.rows = 3,
                "a turn failed"
            );
        });
        tracing::error!(target: "sqlx::query", statement = "un secret", "somebody else's");
        tracing::warn!(target: "palabre::app", "no error");
    });
    drop(guard);
    let (events, written) = events(&told);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    let tag = |name: &str| event["tags"][name].as_str().unwrap_or_else(|| panic!("{name} of {event}")).to_owned();
    assert_eq!((tag("tenant.id"), tag("channel.id")), ("institut-belle".to_owned(), "belle-wa".to_owned()));
    assert_eq!(tag("conversation.id"), conversation.to_string());
    assert_eq!((tag("correlation.id"), tag("message.id")), (message.correlation.to_string(), message.id.to_string()));
    assert_eq!(tag("panic.location"), "src/app.rs:1:1");
    assert_eq!(
        (&event["extra"]["batch.rows"], &event["extra"]["error"]),
        (&Value::from(3), &Value::from("(withheld)"))
    );
    assert_eq!(event["fingerprint"], serde_json::json!(["palabre::app", "a turn failed", "src/app.rs:1:1"]));
    for secret in ["612345678", "12 34", "awa.diallo", "un secret"] {
        assert!(!written.contains(secret), "{secret} is in {written}");
    }
}

#[test]
fn what_was_held_back_is_counted_and_a_sentry_that_is_away_costs_nothing() {
    let (at, told) = sentry();
    let (observer, guard) = observer(&at, 2);
    heard(observer, || (0..10).for_each(|_| tracing::error!(target: "palabre::app", "again and again")));
    drop(guard);
    assert_eq!(events(&told).0.len(), 2);

    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (observer, guard) = self::observer(&away.to_string(), 1_000);
    heard(observer, || (0..900).for_each(|_| tracing::error!(target: "palabre::app", "nobody listens")));
    drop(guard);
}
