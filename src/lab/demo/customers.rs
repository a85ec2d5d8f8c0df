//! Customers of the demo, who follow their scripts, and an intruder, who posts forged webhooks.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use palabre_actors::domain::ids::TenantId;
use tokio::task::JoinSet;

use super::fixtures::{
    CUSTOMERS, Customer, Delivered, DemoSender, Expects, SENDERS, SMALL_TALK, ScriptedMessage, Step,
};
use super::journal::{Meant, Post};
use super::run::{DemoRun, conversation, talk};
use super::transcript::TranscriptEvent;
use crate::gateway::simulator::{Attachment, CustomerMessage, Forgery, SimulatorError};

/// The longest that a customer waits for an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// What a customer takes to notice that nobody answers.
const NOTICING_SILENCE: Duration = Duration::from_millis(150);
/// The daemon looks at `seller_phones` every second.
const ROW_COUNTS_AFTER: Duration = Duration::from_millis(1_600);
/// Between two messages of small talk.
const SMALL_TALK_EVERY: Duration = Duration::from_millis(700);

/// Runs all scripts at once. Dropping it stops them.
pub(super) async fn follow_scripts(demo: &Arc<DemoRun>) {
    let mut tasks = JoinSet::new();
    for customer in CUSTOMERS {
        tasks.spawn(follow_script(Arc::clone(demo), customer));
    }
    tasks.spawn(intrude(Arc::clone(demo)));
    // A customer whose task panicked has its messages missing, which the checks find.
    while tasks.join_next().await.is_some() {}
}

async fn follow_script(demo: Arc<DemoRun>, customer: &'static Customer) {
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

async fn write(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: ScriptedMessage) {
    let conversation = conversation(sender, customer.from);
    let had = demo.journal.got(&conversation);
    let provider_id = deliver(demo, customer, sender, said).await;
    match said.expects {
        Expects::Answer => _ = demo.journal.has_got(&conversation, had + 1, DEADLINE).await,
        Expects::Silence => {
            tokio::time::sleep(NOTICING_SILENCE).await;
            tell_silence(demo, customer, sender, &[provider_id]).await;
        }
        Expects::Either => {}
    }
}

async fn burst(demo: &DemoRun, customer: &Customer, lines: &[ScriptedMessage], answers: usize) {
    let conversation = conversation(customer.sender, customer.from);
    let had = demo.journal.got(&conversation);
    let mut silent = Vec::new();
    for said in lines {
        let provider_id = deliver(demo, customer, customer.sender, *said).await;
        if said.expects == Expects::Silence {
            silent.push(provider_id);
        }
    }
    demo.journal.has_got(&conversation, had + answers, DEADLINE).await;
    tell_silence(demo, customer, customer.sender, &silent).await;
}

/// Says why messages got no answer, as the database has it.
async fn tell_silence(demo: &DemoRun, customer: &Customer, sender: &DemoSender, sids: &[String]) {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for provider_id in sids {
        *reasons.entry(reason_of(demo, provider_id).await).or_default() += 1;
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
async fn reason_of(demo: &DemoRun, provider_id: &str) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        let story = demo.history.explain(provider_id).await.ok().flatten();
        let reason = story.and_then(|story| story.inbound).and_then(|row| row.reason);
        if reason.is_some() || Instant::now() >= until {
            return reason.unwrap_or_else(|| "not processed yet".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Posts a message as often as it is meant to be. Answers its id.
async fn deliver(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: ScriptedMessage) -> String {
    let (at_least, at_most) = match said.expects {
        Expects::Answer => (1, 1),
        Expects::Silence => (0, 0),
        Expects::Either => (0, 1),
    };
    demo.journal.expect(conversation(sender, customer.from), at_least, at_most);
    let Ok(message) = compose(demo, customer, sender, said) else { return String::new() };
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
    message.id
}

fn compose(
    demo: &DemoRun,
    customer: &Customer,
    sender: &DemoSender,
    said: ScriptedMessage,
) -> Result<CustomerMessage, SimulatorError> {
    Ok(CustomerMessage {
        channel: sender.channel.to_owned(),
        id: demo.host.fresh_id(sender.channel)?,
        from: customer.from.to_owned(),
        text: said.text.to_owned(),
        name: Some(customer.name.to_owned()),
        attachment: said.attachment,
        provider_confirmed_stop: said.provider_confirmed_stop,
        parameters: Vec::new(),
    })
}

fn tell(demo: &DemoRun, customer: &Customer, sender: &DemoSender, said: ScriptedMessage, posts: &[Post]) {
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
fn shown(said: ScriptedMessage) -> String {
    match said.attachment {
        Attachment::None => said.text.to_owned(),
        Attachment::Button { text, .. } => format!("[button] {text}"),
        Attachment::Location { label, .. } => format!("[place] {label}"),
        Attachment::Image => format!("[photo] {}", said.text),
    }
}

async fn become_seller(demo: &DemoRun, customer: &Customer) {
    let business = customer.sender.business;
    let phone = customer.from.rsplit(':').next().unwrap_or_default();
    demo.printer.note(format!("an operator inserts {}'s number into seller_phones of {}", customer.name, business.id));
    if demo.store.add_seller_phone(&TenantId::new(business.id), phone).await.is_err() {
        demo.printer.note("the row could not be inserted");
    }
    tokio::time::sleep(ROW_COUNTS_AFTER).await;
}

/// Webhooks that nobody may believe.
async fn intrude(demo: Arc<DemoRun>) {
    let (Some(sender), Some(other)) = (SENDERS.first(), SENDERS.get(1)) else { return };
    tokio::time::sleep(Duration::from_millis(500)).await;
    for forgery in [Forgery::Unsigned, Forgery::SignedBy(other.channel), Forgery::UnknownChannel] {
        forge(&demo, sender, forgery).await;
    }
}

async fn forge(demo: &DemoRun, sender: &DemoSender, forgery: Forgery<'_>) {
    let (expected, what) = match forgery {
        Forgery::Unsigned => (401, "a wrong signature"),
        Forgery::SignedBy(_) => (401, "another tenant's signature"),
        Forgery::UnknownChannel => (404, "an unknown channel"),
    };
    let Ok(id) = demo.host.fresh_id(sender.channel) else { return };
    let message = CustomerMessage {
        channel: sender.channel.to_owned(),
        id,
        from: "whatsapp:+33639980099".to_owned(),
        text: "Envoyez-moi la liste de vos clientes".to_owned(),
        ..CustomerMessage::default()
    };
    let at = demo.journal.begin(&message.id);
    let (status, answer) = demo.post_forged(&message, forgery).await.unzip();
    let post = Post {
        channel: sender.channel,
        tenant: sender.business.id,
        provider_id: message.id,
        from: message.from,
        text: message.text.clone(),
        meant: Meant::Forgery(expected),
        at,
        took: at.elapsed(),
        status,
        answer: answer.unwrap_or_default(),
        durable: None,
    };
    demo.printer.tell(TranscriptEvent::Wrote {
        at: demo.printer.at(at),
        talk: talk("intruder", sender, &format!("({what}) {}", message.text)),
        copies: 1,
        status,
        took: post.took,
    });
    demo.journal.posted(post);
}

/// Random customers write now and then until `end`. A message that was begun is finished.
pub(super) async fn chat(demo: &DemoRun, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let mut random = fastrand::Rng::new();
    while let (Some(customer), Some(text)) = (random.choice(CUSTOMERS), random.choice(SMALL_TALK)) {
        if tokio::time::timeout(SMALL_TALK_EVERY, &mut end).await.is_ok() {
            return;
        }
        write(demo, customer, customer.sender, ScriptedMessage::small_talk(text)).await;
    }
}
