//! The customers, an intruder, and small talk.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use palabre_actors::domain::ids::TenantId;
use tokio::task::JoinSet;

use super::cast::{CUSTOMERS, Customer, DESKS, Delivered, Desk, Expects, HOUSES, Line, SMALL_TALK, Step};
use super::journal::{Meant, Post};
use super::stage::{Stage, line, talk};
use super::transcript::Told;
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
pub(super) async fn play(stage: &Arc<Stage>) {
    let mut players = JoinSet::new();
    for customer in CUSTOMERS {
        players.spawn(act(Arc::clone(stage), customer));
    }
    players.spawn(intrude(Arc::clone(stage)));
    // A player that panicked has its messages missing, which the checks find.
    while players.join_next().await.is_some() {}
}

async fn act(stage: Arc<Stage>, customer: &'static Customer) {
    for step in customer.script {
        match *step {
            Step::Say(said) => write(&stage, customer, customer.desk, said).await,
            Step::SayTo(desk, said) => write(&stage, customer, desk, said).await,
            Step::Burst(lines, answers) => burst(&stage, customer, lines, answers).await,
            Step::Wait(pause) => tokio::time::sleep(pause).await,
            Step::BecomeSeller => become_seller(&stage, customer).await,
        }
    }
}

async fn write(stage: &Stage, customer: &Customer, desk: &Desk, said: Line) {
    let line = line(desk, customer.from);
    let had = stage.journal.got(&line);
    let sid = deliver(stage, customer, desk, said).await;
    match said.expects {
        Expects::Answer => _ = stage.journal.has_got(&line, had + 1, PATIENCE).await,
        Expects::Silence => {
            tokio::time::sleep(NOTICING_SILENCE).await;
            tell_silence(stage, customer, desk, &[sid]).await;
        }
        Expects::Either => {}
    }
}

async fn burst(stage: &Stage, customer: &Customer, lines: &[Line], answers: usize) {
    let line = line(customer.desk, customer.from);
    let had = stage.journal.got(&line);
    let mut silent = Vec::new();
    for said in lines {
        let sid = deliver(stage, customer, customer.desk, *said).await;
        if said.expects == Expects::Silence {
            silent.push(sid);
        }
    }
    stage.journal.has_got(&line, had + answers, PATIENCE).await;
    tell_silence(stage, customer, customer.desk, &silent).await;
}

/// Says why messages got no answer, as the database has it.
async fn tell_silence(stage: &Stage, customer: &Customer, desk: &Desk, sids: &[String]) {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for sid in sids {
        *reasons.entry(reason_of(stage, sid).await).or_default() += 1;
    }
    for (reason, count) in reasons {
        let text = if count > 1 { format!("{reason} × {count}") } else { reason };
        stage.teller.tell(Told::Silent { at: stage.teller.at(Instant::now()), talk: talk(customer.name, desk, &text) });
    }
}

/// What came of a message, once its turn was.
async fn reason_of(stage: &Stage, sid: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let story = stage.archive.explain(sid).await.ok().flatten();
        let reason = story.and_then(|story| story.inbound).and_then(|row| row.reason);
        if reason.is_some() || Instant::now() >= until {
            return reason.unwrap_or_else(|| "not processed yet".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Posts a message as often as it is meant to be. Answers its id.
async fn deliver(stage: &Stage, customer: &Customer, desk: &Desk, said: Line) -> String {
    let (at_least, at_most) = match said.expects {
        Expects::Answer => (1, 1),
        Expects::Silence => (0, 0),
        Expects::Either => (0, 1),
    };
    stage.journal.expect(line(desk, customer.from), at_least, at_most);
    let message = compose(customer, desk, said);
    let posts = match said.delivered {
        Delivered::Once => vec![stage.post(desk, &message, Meant::Message).await],
        Delivered::Again => {
            let first = stage.post(desk, &message, Meant::Message).await;
            tell(stage, customer, desk, said, &[first]);
            vec![stage.post(desk, &message, Meant::Copy).await]
        }
        Delivered::AtOnce(copies) => {
            let posts = (0..copies).map(|copy| {
                let meant = if copy == 0 { Meant::Message } else { Meant::Copy };
                stage.post(desk, &message, meant)
            });
            join_all(posts).await
        }
    };
    tell(stage, customer, desk, said, &posts);
    message.sid
}

fn compose(customer: &Customer, desk: &Desk, said: Line) -> InboundMessage {
    let account = desk.house.account;
    let mut message = InboundMessage::text(desk.kind, desk.channel, account, customer.from, desk.address, said.text);
    customer.name.clone_into(&mut message.profile_name);
    said.with.iter().fold(message, |message, (key, value)| message.with(key, value))
}

fn tell(stage: &Stage, customer: &Customer, desk: &Desk, said: Line, posts: &[Post]) {
    let Some(first) = posts.first() else { return };
    let mut text = shown(said);
    if first.meant == Meant::Copy {
        text = format!("{text} (delivered again)");
    }
    stage.teller.tell(Told::Wrote {
        at: stage.teller.at(first.at),
        talk: talk(customer.name, desk, &text),
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

async fn become_seller(stage: &Stage, customer: &Customer) {
    let house = customer.desk.house;
    let phone = customer.from.trim_start_matches("whatsapp:");
    stage.teller.note(format!("an operator inserts {}'s number into seller_phones of {}", customer.name, house.id));
    if stage.store.add_seller_phone(&TenantId::new(house.id), phone).await.is_err() {
        stage.teller.note("the row could not be inserted");
    }
    tokio::time::sleep(ROW_COUNTS_AFTER).await;
}

/// Webhooks that nobody may believe.
async fn intrude(stage: Arc<Stage>) {
    let (Some(desk), Some(other)) = (DESKS.first(), HOUSES.get(1)) else { return };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let text = "Envoyez-moi la liste de vos clientes";
    let message = |path: &str, account: &str| {
        let from = "whatsapp:+33639980099";
        let mut message = InboundMessage::text(desk.kind, desk.channel, account, from, desk.address, text);
        path.clone_into(&mut message.path);
        message
    };
    let path = format!("/webhooks/{}/{}", desk.kind.provider(), desk.channel);
    forge(&stage, desk, &message(&path, desk.house.account), Forgery::Signature).await;
    forge(&stage, desk, &message(&path, other.account), Forgery::OtherTenant).await;
    forge(&stage, desk, &message("/webhooks/twilio-whatsapp/nobody", desk.house.account), Forgery::Channel).await;
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

async fn forge(stage: &Stage, desk: &Desk, message: &InboundMessage, forgery: Forgery) {
    let (expected, what) = match forgery {
        Forgery::Signature => (401, "a wrong signature"),
        Forgery::OtherTenant => (401, "another tenant's signature"),
        Forgery::Channel => (404, "an unknown channel"),
    };
    let at = stage.journal.begin(&message.sid);
    let Ok(mut webhook) = stage.simulator.sign(message) else { return };
    if forgery == Forgery::Signature {
        webhook.signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
    }
    let (status, answer) = stage.post_signed(webhook).await.unzip();
    let post = Post {
        channel: desk.channel,
        tenant: desk.house.id,
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
    stage.teller.tell(Told::Wrote {
        at: stage.teller.at(at),
        talk: talk("intruder", desk, &format!("({what}) {}", message.body)),
        copies: 1,
        status,
        took: post.took,
    });
    stage.journal.posted(post);
}

/// Somebody says something now and then, until the end comes. Nobody is cut off in the middle of a message.
pub(super) async fn chat(stage: &Stage, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let mut random = fastrand::Rng::new();
    while let (Some(customer), Some(text)) = (random.choice(CUSTOMERS), random.choice(SMALL_TALK)) {
        if tokio::time::timeout(SMALL_TALK_EVERY, &mut end).await.is_ok() {
            return;
        }
        write(stage, customer, customer.desk, Line::small_talk(text)).await;
    }
}
