//! Phones of the demo's customers, which report delivery statuses, some late or repeated.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::status::OutboxState;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::fixtures::{CUSTOMERS, CUT_OFF, SENDERS, UNREACHABLE};
use super::journal::Callback;
use super::journey;
use super::run::{Arrival, DemoRun, talk};
use super::transcript::TranscriptEvent;
use crate::gateway::simulator::SentMessage;

/// The code for a phone that cannot be reached.
const NOT_REACHABLE: u32 = 30_003;
/// Stands in the last answer to the unreachable customer.
const LAST_ANSWER: &str = "devis";
/// The most suppressed rows that are read.
const HELD_BACK_SHOWN: u64 = 1_000;
/// The interval at which a row's state is read.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// The longest wait for the daemon's question about an unknown send; it asks after about two seconds.
const QUESTION_COMES_WITHIN: Duration = Duration::from_secs(8);

/// Reports statuses of every message until the simulators are gone or this is dropped.
pub(super) async fn serve(demo: Arc<DemoRun>, mut arriving: mpsc::UnboundedReceiver<Arrival>) {
    let mut phones = JoinSet::new();
    while let Some((number, sent)) = arriving.recv().await {
        if journey::is_of_it(&sent) {
            demo.journal.phone_is_done();
            continue;
        }
        phones.spawn(report_statuses(Arc::clone(&demo), number, sent));
        while phones.try_join_next().is_some() {}
    }
}

async fn report_statuses(demo: Arc<DemoRun>, number: usize, sent: SentMessage) {
    let id = sent.message_id.clone().unwrap_or_default();
    tell(&demo, number, &sent, &id).await;
    if number == first_to(&demo, CUT_OFF) {
        wait_for_the_question(&demo, number, &id).await;
    }
    let mut known = String::new();
    for (pause_ms, status, code) in reports(number, &sent) {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let answered = demo.host.report(&sent, status, code).await.ok().map(|answer| answer.status);
        demo.journal.called_back(Callback { message: id.clone(), status, answered });
        let state = demo.state_of(&id).await.unwrap_or_default();
        demo.journal.saw(&id, &state);
        let news = state != known;
        demo.printer.tell(TranscriptEvent::Status { number, status, code, news });
        known = state;
    }
    demo.journal.phone_is_done();
}

/// The number of the first message that an address got.
fn first_to(demo: &DemoRun, address: &str) -> usize {
    demo.journal.snapshot().sends.iter().position(|sent| sent.to == address).map_or(0, |position| position + 1)
}

/// Waits until the daemon knows what became of a message whose connection was cut after the provider took it. A callback
/// before the daemon's own question would settle the row, and nothing would be checked.
async fn wait_for_the_question(demo: &DemoRun, number: usize, id: &str) {
    let mut unknown = false;
    let asking = async {
        loop {
            let state = demo.state_of(id).await.unwrap_or_default();
            demo.journal.saw(id, &state);
            match state.as_str() {
                "unknown" if !unknown => {
                    unknown = true;
                    let text =
                        "the connection broke on it: perhaps it went out, perhaps not; Palabre asks before repeating";
                    demo.printer.note(format!("#{number} {text}"));
                }
                "sent" => return,
                _ => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(QUESTION_COMES_WITHIN, asking).await.is_ok() && unknown {
        demo.printer.note(format!("#{number} the provider was asked and has it: not sent again"));
    }
}

/// The message's line in the transcript, with the time since the webhook that it answers.
async fn tell(demo: &DemoRun, number: usize, sent: &SentMessage, id: &str) {
    let sender = SENDERS.iter().find(|sender| Some(sender.address) == sent.from.as_deref());
    let customer = CUSTOMERS.iter().find(|customer| customer.from == sent.to);
    let (Some(sender), Some(customer)) = (sender, customer) else { return };
    let story = demo.history.explain(id).await.ok().flatten();
    let (cause, answers) = story.map(|story| (story.inbound, story.outbound)).unwrap_or_default();
    let answer = answers.into_iter().find(|row| row.id == id);
    let begun = cause.and_then(|cause| demo.journal.begun_at(&cause.provider_message_id));
    demo.printer.tell(TranscriptEvent::Got {
        at: demo.printer.at(sent.at),
        talk: talk(customer.name, sender, &sent.text),
        number,
        took: begun.map(|begun| sent.at.saturating_duration_since(begun)),
        attempts: answer.as_ref().map_or(1, |answer| answer.attempts),
    });
    if let Some(answer) = answer.filter(|answer| answer.kind == "opt_out_confirmation") {
        let held_back = demo.history.outbox(None, Some(OutboxState::Suppressed), HELD_BACK_SHOWN).await;
        let held_back = held_back.unwrap_or_default();
        let held_back = held_back.iter().filter(|row| row.conversation_id == answer.conversation_id).count();
        if held_back > 0 {
            demo.printer.note(format!("{held_back} answers that still waited for {} are suppressed", customer.name));
        }
    }
}

/// What a phone reports: pause in milliseconds, status, code. Real ones come in order most of the time; here one in
/// four is regular, and the others are late, repeated, or both.
fn reports(number: usize, sent: &SentMessage) -> Vec<(u64, &'static str, Option<u32>)> {
    if sent.to == UNREACHABLE && sent.text.contains(LAST_ANSWER) {
        return vec![(20, "sent", None), (150, "undelivered", Some(NOT_REACHABLE)), (80, "sent", None)];
    }
    let statuses: &[(u64, &'static str)] = match number % 4 {
        0 => &[(15, "sent"), (120, "sent"), (60, "delivered"), (180, "read"), (30, "read")],
        1 => &[(15, "sent"), (150, "delivered"), (250, "read")],
        2 => &[(0, "delivered"), (90, "sent"), (200, "read"), (40, "delivered")],
        _ => &[(0, "read"), (80, "delivered"), (120, "sent")],
    };
    statuses.iter().map(|(pause_ms, status)| (*pause_ms, *status, None)).collect()
}
