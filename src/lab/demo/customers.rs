//! The customers, an intruder, and small talk.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use palabre_actors::domain::ids::TenantId;
use tokio::task::JoinSet;

use super::fixtures::{
    BUSINESSES, CUSTOMERS, Customer, Delivered, DemoSender, Expects, Line, SENDERS, SMALL_TALK, Step,
};
use super::journal::{Meant, Post};
use super::run::{DemoRun, line, talk};
use super::transcript::TranscriptEvent;
use crate::gateway::twilio::simulator::InboundMessage;

/// The longest that a customer waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a customer takes to notice that nobody answers.
const NOTICING_SILENCE: Duration = Duration::from_millis(150);
/// The daemon looks at `seller_phones` every second.
const ROW_COUNTS_AFTER: Duration = Duration::from_millis(1_600);
/// Between two messages of small talk.
const SMALL_TALK_EVERY: Duration = Duration::from_millis(700);

/// Everyone at once, until each has said everything. Dropping it silences them.
pub(super) async fn play(demo: &Arc<DemoRun>) {
    let mut players = JoinSet::new();
    for customer in CUSTOMERS {
        players.spawn(act(Arc::clone(demo), customer));
    }
    players.spawn(intrude(Arc::clone(demo)));
    // A player that panicked has its messages missing, which the checks find.
    while players.join_next().await.is_some() {}
}

async fn act(demo: Arc<DemoRun>, customer: &'static Customer) {
    for step in customer.script {
        match *step {
            Step::Say(said) => write(&demo, customer, customer.sender, said).await,
            Step::SayTo(sender, said) => write(&demo, customer, sender, said).await,
            Step::Burst(lines, answers) => burst(&demo, customer, lines, answers).await,
            Step::Wait(pause) => tokio::time::sleep(pause).await,
            Step::BecomeSeller => become_seller(&demo, customer).await,
        }
    }
}

async fn write(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: Line) {
    let line = line(sender, customer.from);
    let had = demo.journal.got(&line);
    let sid = deliver(demo, customer, sender, said).await;
    match said.expects {
        Expects::Answer => _ = demo.journal.has_got(&line, had + 1, PATIENCE).await,
        Expects::Silence => {
            tokio::time::sleep(NOTICING_SILENCE).await;
            tell_silence(demo, customer, sender, &[sid]).await;
        }
        Expects::Either => {}
    }
}

async fn burst(demo: &DemoRun, customer: &Customer, lines: &[Line], answers: usize) {
    let line = line(customer.sender, customer.from);
    let had = demo.journal.got(&line);
    let mut silent = Vec::new();
    for said in lines {
        let sid = deliver(demo, customer, customer.sender, *said).await;
        if said.expects == Expects::Silence {
            silent.push(sid);
        }
    }
    demo.journal.has_got(&line, had + answers, PATIENCE).await;
    tell_silence(demo, customer, customer.sender, &silent).await;
}

/// Says why messages got no answer, as the database has it.
async fn tell_silence(demo: &DemoRun, customer: &Customer, sender: &DemoSender, sids: &[String]) {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for sid in sids {
        *reasons.entry(reason_of(demo, sid).await).or_default() += 1;
    }
    for (reason, count) in reasons {
        let text = if count > 1 { format!("{reason} × {count}") } else { reason };
        demo.printer.tell(TranscriptEvent::Silent {
            at: demo.printer.at(Instant::now()),
            talk: talk(customer.name, sender, &text),
        });
    }
}

/// What came of a message, once its turn was.
async fn reason_of(demo: &DemoRun, sid: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let story = demo.archive.explain(sid).await.ok().flatten();
        let reason = story.and_then(|story| story.inbound).and_then(|row| row.reason);
        if reason.is_some() || Instant::now() >= until {
            return reason.unwrap_or_else(|| "not processed yet".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Posts a message as often as it is meant to be. Answers its id.
async fn deliver(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: Line) -> String {
    let (at_least, at_most) = match said.expects {
        Expects::Answer => (1, 1),
        Expects::Silence => (0, 0),
        Expects::Either => (0, 1),
    };
    demo.journal.expect(line(sender, customer.from), at_least, at_most);
    let message = compose(customer, sender, said);
    let posts = match said.delivered {
        Delivered::Once => vec![demo.post(sender, &message, Meant::Message).await],
        Delivered::Again => {
            let first = demo.post(sender, &message, Meant::Message).await;
            tell(demo, customer, sender, said, &[first]);
            vec![demo.post(sender, &message, Meant::Copy).await]
        }
        Delivered::AtOnce(copies) => {
            let posts = (0..copies).map(|copy| {
                let meant = if copy == 0 { Meant::Message } else { Meant::Copy };
                demo.post(sender, &message, meant)
            });
            join_all(posts).await
        }
    };
    tell(demo, customer, sender, said, &posts);
    message.sid
}

fn compose(customer: &Customer, sender: &DemoSender, said: Line) -> InboundMessage {
    let account = sender.business.account;
    let mut message =
        InboundMessage::text(sender.kind, sender.channel, account, customer.from, sender.address, said.text);
    customer.name.clone_into(&mut message.profile_name);
    said.with.iter().fold(message, |message, (key, value)| message.with(key, value))
}

fn tell(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: Line, posts: &[Post]) {
    let Some(first) = posts.first() else { return };
    let mut text = shown(said);
    if first.meant == Meant::Copy {
        text = format!("{text} (delivered again)");
    }
    demo.printer.tell(TranscriptEvent::Wrote {
        at: demo.printer.at(first.at),
        talk: talk(customer.name, sender, &text),
        copies: posts.len(),
        status: posts.iter().map(|post| post.status).find(|status| *status != Some(200)).unwrap_or(first.status),
        took: posts.iter().map(|post| post.took).max().unwrap_or_default(),
    });
}

/// What a message shows of itself, also when it is no text.
fn shown(said: Line) -> String {
    let parameter = |name| said.with.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    if let Some(button) = parameter("ButtonText") {
        return format!("[button] {button}");
    }
    if parameter("Latitude").is_some() {
        return format!("[place] {}", parameter("Label").unwrap_or_default());
    }
    if parameter("NumMedia").is_some() { format!("[photo] {}", said.text) } else { said.text.to_owned() }
}

async fn become_seller(demo: &DemoRun, customer: &Customer) {
    let business = customer.sender.business;
    let phone = customer.from.trim_start_matches("whatsapp:");
    demo.printer.note(format!("an operator inserts {}'s number into seller_phones of {}", customer.name, business.id));
    if demo.store.add_seller_phone(&TenantId::new(business.id), phone).await.is_err() {
        demo.printer.note("the row could not be inserted");
    }
    tokio::time::sleep(ROW_COUNTS_AFTER).await;
}

/// Webhooks that nobody may believe.
async fn intrude(demo: Arc<DemoRun>) {
    let (Some(sender), Some(other)) = (SENDERS.first(), BUSINESSES.get(1)) else { return };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let text = "Envoyez-moi la liste de vos clientes";
    let message = |path: &str, account: &str| {
        let from = "whatsapp:+33639980099";
        let mut message = InboundMessage::text(sender.kind, sender.channel, account, from, sender.address, text);
        path.clone_into(&mut message.path);
        message
    };
    let path = format!("/webhooks/{}/{}", sender.kind.provider(), sender.channel);
    forge(&demo, sender, &message(&path, sender.business.account), Forgery::Signature).await;
    forge(&demo, sender, &message(&path, other.account), Forgery::OtherTenant).await;
    forge(&demo, sender, &message("/webhooks/twilio-whatsapp/nobody", sender.business.account), Forgery::Channel).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Forgery {
    /// Signed with no key at all.
    Signature,
    /// Signed by another tenant's account.
    OtherTenant,
    /// For a channel that is not there.
    Channel,
}

async fn forge(demo: &DemoRun, sender: &DemoSender, message: &InboundMessage, forgery: Forgery) {
    let (expected, what) = match forgery {
        Forgery::Signature => (401, "a wrong signature"),
        Forgery::OtherTenant => (401, "another tenant's signature"),
        Forgery::Channel => (404, "an unknown channel"),
    };
    let at = demo.journal.begin(&message.sid);
    let Ok(mut webhook) = demo.simulator.sign(message) else { return };
    if forgery == Forgery::Signature {
        webhook.signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
    }
    let (status, answer) = demo.post_signed(webhook).await.unzip();
    let post = Post {
        channel: sender.channel,
        tenant: sender.business.id,
        sid: message.sid.clone(),
        from: message.from.clone(),
        text: message.body.clone(),
        meant: Meant::Forgery(expected),
        at,
        took: at.elapsed(),
        status,
        answer: answer.unwrap_or_default(),
        durable: None,
    };
    demo.printer.tell(TranscriptEvent::Wrote {
        at: demo.printer.at(at),
        talk: talk("intruder", sender, &format!("({what}) {}", message.body)),
        copies: 1,
        status,
        took: post.took,
    });
    demo.journal.posted(post);
}

/// Somebody says something now and then, until the end comes. Nobody is cut off in the middle of a message.
pub(super) async fn chat(demo: &DemoRun, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let mut random = fastrand::Rng::new();
    while let (Some(customer), Some(text)) = (random.choice(CUSTOMERS), random.choice(SMALL_TALK)) {
        if tokio::time::timeout(SMALL_TALK_EVERY, &mut end).await.is_ok() {
            return;
        }
        write(demo, customer, customer.sender, Line::small_talk(text)).await;
    }
}
