//! Nobody is named where nobody should be (I10): known numbers, e-mails, names, words and secrets go through every provider,
//! flow, page, command and call of the API, and then everything that a daemon tells is searched for them.

mod installation;
mod sources;

use serde_json::Value;

use self::installation::Installation;
use self::sources::Planted;
use crate::console::palabre;

/// Where nothing planted may be, each with what was read there.
async fn told(installation: &mut Installation) -> Vec<(&'static str, String)> {
    let metrics = installation.world.metrics().await;
    let commands: [&[&str]; 5] = [
        &["outbox", "list"],
        &["outbox", "list", "--json", "--state", "sent"],
        &["conversations", "list"],
        &["bookings", "list"],
        &["health"],
    ];
    let commands = commands.map(|told| {
        let ran = palabre(&installation.world, told, "");
        format!("{}{}", ran.out, ran.err)
    });
    installation.world.terminate();
    let text = |column: &str| format!("SELECT COALESCE(CAST({column} AS text), '') FROM");
    let read = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(0).expect("a text");
    let payloads = installation.world.rows(&format!("{} event_log", text("payload")), read).await.join("\n");
    let errors = installation.world.rows(&format!("{} messages_out", text("last_error")), read).await.join("\n");
    let waits = installation.world.rows(&format!("{} messages_out", text("blocked_reason")), read).await.join("\n");
    vec![
        ("the log", installation.world.logs()),
        ("the metrics", metrics),
        ("what commands show without --reveal", commands.concat()),
        ("the event log", payloads),
        ("last_error", errors),
        ("blocked_reason", waits),
        ("the journal", installation.journal()),
        ("envelopes for Sentry", installation.sentry.bytes()),
        ("spans", installation.collector.bytes()),
        ("events that went out", installation.consumer.bytes()),
    ]
}

/// What is found of it, in any spelling that it may have got.
fn found<'t>(planted: &Planted, text: &'t str) -> Option<&'t str> {
    let folded = text.to_lowercase();
    let at = planted.spellings().iter().find_map(|spelling| folded.find(&spelling.to_lowercase()))?;
    // The folded text may be longer than the other.
    let from = text.char_indices().map(|(at, _)| at).take_while(|start| *start <= at.saturating_sub(200)).last()?;
    text.get(from..).map(|rest| rest.char_indices().nth(400).map_or(rest, |(end, _)| &rest[..end]))
}

#[tokio::test]
async fn i10_nobody_is_named_in_what_a_daemon_tells() {
    let mut installation = Installation::open();
    let mut planted = sources::customers(&installation).await;
    planted.extend(sources::programs(&installation).await);
    planted.extend(sources::people(&installation).await);
    planted.extend(sources::operators(&installation).await);
    planted.extend(installation.secrets());
    installation.until_quiet().await;

    // It was said, and it was kept where it belongs.
    let kept: Vec<String> =
        installation.world.rows("SELECT body FROM messages_in", |row| row.try_get_by_index(0).expect("a text")).await;
    let kept = kept.join("\n");
    let words = planted.iter().filter(|planted| planted.is_kept).count();
    assert!(words >= 12, "{words}");
    for planted in planted.iter().filter(|planted| planted.is_kept) {
        assert!(kept.contains(&planted.text), "`{}`, planted by {}, did not come in", planted.text, planted.by);
    }
    let told = told(&mut installation).await;
    for (place, text) in &told {
        let may_be_empty = matches!(*place, "last_error" | "blocked_reason");
        assert!(may_be_empty || text.len() > 100, "{place} says nothing: {text}");
        for planted in &planted {
            assert_eq!(found(planted, text), None, "`{}`, planted by {}, is in {place}", planted.text, planted.by);
        }
    }
    // The search finds what is there.
    assert!(found(&Planted::number("+33711223344", "a number"), "to 33711223344, twice").is_some());
    let events = installation.sentry.events();
    assert!(events.iter().any(|event| event["message"].is_string()), "{events:?}");
    let spans = installation.collector.spans();
    for name in ["webhook", "turn", "provider"] {
        assert!(spans.iter().any(|span| span.name == name), "{name}");
    }
    let went_out = installation.consumer.requests();
    assert!(went_out.iter().all(|posted| serde_json::from_slice::<Value>(&posted.body).is_ok()), "{went_out:?}");
}
