//! Pauses of channels.

use serde_json::json;

use super::*;
use crate::daemon::TAXI;

impl Office {
    /// Waits until the daemon has noticed how a channel stands: its metrics say so.
    pub(super) async fn noticed(&self, channel: &str, state: &str) {
        let series = |line: &str| {
            line.starts_with("palabre_channel_state{")
                && line.contains(&format!("channel=\"{channel}\""))
                && line.contains(&format!("state=\"{state}\""))
                && line.ends_with(" 1")
        };
        for _ in 0..10_000 {
            if self.world.metrics().await.lines().any(series) {
                return;
            }
        }
        panic!("the daemon never noticed that {channel} is {state}:\n{}", self.world.logs());
    }
}

#[tokio::test]
async fn a_paused_channel_sends_nothing_and_goes_on_in_order() {
    let office = Office::open();
    let told = office.palabre_ok(&["outbox", "pause", "belle", "--note", "quality rating"]);
    assert!(told.contains("belle") && told.contains("outbox resume belle"), "{told}");
    office.noticed("belle", "paused").await;
    for n in 0..5 {
        for who in [ANNE, BOB] {
            assert_eq!(office.world.write(BELLE, who, &format!("{n}")).await.status, 200, "webhooks are taken");
        }
    }
    office.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 10).await;
    let (_, channels) = office.get(CRM, "/api/v1/channels").await;
    assert_eq!(channels["channels"][0]["paused"], json!({ "reason": "quality rating", "until": null }));
    // The other tenant's channel works, so the senders had their turn.
    office.world.write(TAXI, ANNE, "Un taxi").await;
    office.world.twilio.taken_at_least(1).await;
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM messages_out WHERE state = 'pending'").await, 10);
    assert_eq!(office.world.twilio.taken(), 1);
    let mut waits = Vec::new();
    for of in ["min", "max"] {
        let sql = format!("SELECT {of}(id) FROM messages_out WHERE \"to\" = 'whatsapp:{ANNE}' AND tenant_id = 'belle'");
        let id: String = office.world.value(&sql).await;
        let (_, shown) = office.get(CRM, &format!("/api/v1/outbox/{id}")).await;
        waits.push((id, shown["waits"].clone()));
    }
    let [(first, paused), (last, behind)] = &waits[..] else { panic!("two of them") };
    assert_eq!(
        (&paused["what"], &paused["reason"], &paused["until"]),
        (&json!("pause"), &json!("quality rating"), &json!(null))
    );
    assert_eq!((&behind["what"], &behind["behind"]), (&json!("line"), &json!(first)));
    let shown = office.palabre_ok(&["outbox", "show", first]);
    assert!(shown.contains("until somebody resumes it: its channel is paused, “quality rating”"), "{shown}");
    let told = office.palabre_ok(&["explain", last]);
    assert!(told.contains(&format!("`palabre explain {first}` tells why")), "{told}");

    let counted = office.palabre_ok(&["outbox", "list", "--state", "pending", "--by-reason"]);
    let rows: Vec<Vec<_>> =
        counted.lines().skip(1).take(2).map(|row| row.split_whitespace().take(3).collect()).collect();
    assert_eq!(rows, [vec!["8", "pending", "line"], vec!["2", "pending", "paused"]], "{counted}");
    assert!(counted.contains("`palabre outbox resume belle` ends"), "{counted}");
    let (_, page) = office.get(CRM, "/api/v1/outbox?state=pending").await;
    let reasons: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["reason"]).collect();
    let of = |reason: &str| reasons.iter().filter(|known| **known == reason).count();
    assert_eq!((of("paused"), of("line"), reasons.len()), (2, 8, 10), "{page}");
    let (_, counts) = office.get(CRM, "/api/v1/outbox/counts?state=pending").await;
    assert_eq!((&counts["counts"][0]["reason"], &counts["counts"][1]["messages"]), (&json!("line"), &json!(2)));
    let listed = office.palabre_ok(&["outbox", "list", "--state", "pending", "--language", "fr"]);
    assert_eq!((listed.matches(" paused ").count(), listed.matches(" line ").count()), (2, 8), "{listed}");
    assert!(listed.starts_with("id ") && listed.contains("raison"), "{listed}");

    office.palabre_ok(&["outbox", "resume", "belle"]);
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 11).await;
    let expected: Vec<_> = (0..5).map(|n| format!("Vous avez écrit : {n}")).collect();
    let of_belle = |who: &str| {
        let (to, from) = (format!("whatsapp:{who}"), format!("whatsapp:{}", BELLE.sender));
        let sends = office.world.twilio.sends().into_iter();
        sends
            .filter(|sent| sent.to == to && sent.from.as_ref() == Some(&from))
            .map(|sent| sent.body)
            .collect::<Vec<_>>()
    };
    assert_eq!((of_belle(ANNE), of_belle(BOB)), (expected.clone(), expected));
    assert_eq!(office.palabre(&["outbox", "resume", "belle"]).code, 1, "it was not paused any more");
    assert_eq!(office.palabre(&["outbox", "pauses", "--json"]).code, 1, "none is");
}

/// Nobody waits for the daemon to notice: some are on their way when the pause comes, and none of them may be left
/// behind by a pause that has no end.
#[tokio::test]
async fn what_a_pause_catches_on_its_way_goes_on_after_it() {
    let office = Office::open();
    for round in 0..3 {
        for n in 0..10 {
            office.world.write(BELLE, &format!("+336123456{n:02}"), &format!("{round}/{n}")).await;
            if n == 4 {
                let (status, _) = office.post(OPS, "/api/v1/channels/belle/pause", &json!({})).await;
                assert_eq!(status, 200);
            }
        }
        office.noticed("belle", "paused").await;
        assert_eq!(office.post(OPS, "/api/v1/channels/belle/resume", &json!({})).await.0, 200);
    }
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 30).await;
    assert_eq!(office.world.twilio.taken(), 30);
}
