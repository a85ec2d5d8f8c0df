//! One person by every address of theirs, on two nodes: silence from STOP to START (I6).

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::InboundMessage;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Stop,
    Start,
    /// They write something, which is answered when they may be written to.
    Word,
    /// The tenant writes to them by the API.
    Written,
}

/// Who does it by which of their addresses, and at which node.
type Step = (usize, usize, usize, Act);

const PEOPLE: usize = 4;
const STEPS: usize = 24;

/// Every address of a person: their number as it is today and before Ivory Coast renumbered, on WhatsApp and by SMS, and their
/// business-scoped id.
fn addresses(person: usize) -> [String; 5] {
    let (today, before) = (format!("+22507080910{person:02}"), format!("+225080910{person:02}"));
    [format!("whatsapp:{today}"), format!("whatsapp:{before}"), today, before, format!("whatsapp:CI.{person}0")]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let act = prop_oneof![3 => Just(Act::Stop), 2 => Just(Act::Start), 4 => Just(Act::Word), 3 => Just(Act::Written)];
    prop::collection::vec((0..PEOPLE, 0..5_usize, 0..2_usize, act), STEPS)
}

impl Nodes {
    /// Somebody writes; answers when everything that follows of it is done.
    async fn hears(&self, node: usize, from: &str, body: &str, id: Option<&str>) {
        self.world.aim_at(node);
        let message = match from.strip_prefix("whatsapp:") {
            Some(from) => self.world.text(BELLE, from, body),
            None => InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, from, BELLE.sender, body),
        };
        let message = match id {
            Some(id) => message.with("ExternalUserId", id),
            None => message,
        };
        let answer = self.world.twilio.deliver(&message).await.expect("the webhook is answered");
        assert_eq!(answer.status, 200, "{from}");
        self.world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NULL", 0).await;
        self.settled().await;
    }

    async fn settled(&self) {
        self.world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending', 'unknown')", 0).await;
    }
}

#[tokio::test]
async fn i6_no_sequence_by_any_address_on_either_node_breaks_the_silence() {
    // Nothing is found out by looking: what one node knows, the other has heard.
    let nodes = Nodes::start(10_000, NEVER, None);
    let texts = || nodes.world.twilio.sends().into_iter().map(|sent| sent.body).collect::<Vec<_>>();
    let mut silent = [false; PEOPLE];
    for person in 0..PEOPLE {
        // Number and id are known to be one person from here on.
        let [number, .., id] = addresses(person);
        nodes.hears(person % 2, &number, "Enchanté", id.strip_prefix("whatsapp:")).await;
    }
    assert_eq!(texts().len(), PEOPLE, "each is answered");
    let mut runner = TestRunner::deterministic();
    let script = steps().new_tree(&mut runner).expect("a script").current();
    for (n, (person, by, node, act)) in script.into_iter().enumerate() {
        let (before, address) = (texts().len(), &addresses(person)[by]);
        let context = format!("step {n}: {act:?} by {address} at node {node}, silent: {}", silent[person]);
        let word = format!("message {n}");
        match act {
            Act::Stop => nodes.hears(node, address, "STOP", None).await,
            Act::Start => nodes.hears(node, address, "START", None).await,
            Act::Word => nodes.hears(node, address, &word, None).await,
            Act::Written => {
                // By SMS, where no window closes.
                let [.., today, before, _] = addresses(person);
                let to = format!("sms:{}", if by % 2 == 0 { today } else { before });
                let body = json!({ "tenant": "belle", "to": to, "text": word });
                let (status, told) = nodes.ask(node, Method::POST, "/api/v1/messages", &body).await;
                assert_eq!(status, if silent[person] { 422 } else { 202 }, "{context}: {told}");
                nodes.settled().await;
            }
        }
        let sent = texts().split_off(before);
        match act {
            // One confirmation at most.
            Act::Stop | Act::Start => assert!(sent.len() <= 1, "{context}: {sent:?}"),
            Act::Word | Act::Written if silent[person] => assert_eq!(sent, Vec::<String>::new(), "{context}"),
            Act::Word | Act::Written => {
                assert!(sent.len() == 1 && sent[0].contains(&word), "{context}: {sent:?}");
            }
        }
        silent[person] = match act {
            Act::Stop => true,
            Act::Start => false,
            Act::Word | Act::Written => silent[person],
        };
    }
}
