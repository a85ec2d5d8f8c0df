//! Tests of log lines.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn config(level: &str) -> Logs {
    Logs { format: LogFormat::Json, level: level.to_owned() }
}

fn lines(level: &str, say: impl FnOnce()) -> Vec<Value> {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = json_subscriber(&config(level), move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, say);
    captured.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn fields_are_flat_and_keep_their_types() {
    let lines = lines("info", || {
        tracing::info!(
            elapsed_ms = 1.25,
            http.status = 200_u16,
            tenant.id = "institut-belle",
            left.out = None::<&str>,
            odd = f64::NAN,
            "request \"quoted\"\tand\ncut \\"
        );
    });
    let line = &lines[0];
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "request \"quoted\"\tand\ncut \\");
    assert_eq!(line["elapsed_ms"], 1.25);
    assert_eq!(line["http.status"], 200);
    assert_eq!(line["tenant.id"], "institut-belle");
    assert_eq!(line["odd"], Value::Null);
    assert_eq!(line.get("left.out"), None);
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
    assert_eq!(line["target"], module_path!());
}

#[test]
fn spans_lend_their_fields_and_the_innermost_wins() {
    let lines = lines("info", || {
        let outer = tracing::info_span!("tenant", tenant.id = "a", correlation.id = "outer", shard = 3);
        let _outer = outer.enter();
        let inner = tracing::info_span!("turn", correlation.id = "inner");
        let _inner = inner.enter();
        tracing::info!(shard = 4, "turned");
    });
    let line = &lines[0];
    assert_eq!(line["tenant.id"], "a");
    assert_eq!(line["correlation.id"], "inner");
    assert_eq!(line["shard"], 4);
}

#[test]
fn errors_show_their_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the commit failed")]
    struct Outer(#[source] io::Error);

    let error = Outer(io::Error::other("the disk is full"));
    let lines = lines("info", || {
        tracing::error!(error = &error as &dyn std::error::Error, "not stored");
    });
    assert_eq!(lines[0]["error"], "the commit failed: the disk is full");
}

#[test]
fn the_level_filters() {
    let lines = lines("warn,palabre::telemetry=debug", || {
        tracing::debug!("kept");
        tracing::info!(target: "elsewhere", "dropped");
        tracing::trace!("dropped");
    });
    assert_eq!(lines.len(), 1);
    assert!(json_subscriber(&config("palabre=loud=no"), io::sink).is_err());
}

#[test]
fn dropping_the_guard_writes_the_waiting_lines() {
    let captured = Captured::default();
    let (writer, guard) = NonBlockingBuilder::default().finish(BufWriter::with_capacity(WRITE_BYTES, captured.clone()));
    let subscriber = text_subscriber(&config("info"), writer).unwrap();
    tracing::subscriber::with_default(subscriber, || tracing::info!(answer = 42, "last words"));
    drop(guard);
    assert!(captured.text().contains("last words answer=42"), "{}", captured.text());
}
