//! Parts that the tasks of a demo share: simulators, journal, a reader of the database, the printer.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::fixtures::DemoSender;
use super::journal::{ConversationKey, Journal, Meant, Post};
use super::printer::Printer;
use super::transcript::ShownMessage;
use crate::gateway::simulator::{CustomerMessage, Daemon, Forgery, SentMessage, SimulatorError};
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::host::Host;
use crate::store::{HistoryReader, Store};

/// What the tasks of a demo share.
pub(super) struct DemoRun {
    /// The simulated providers.
    pub host: Host,
    pub journal: Arc<Journal>,
    /// Reads the database over connections of its own, as another process would.
    pub history: HistoryReader,
    /// The daemon's store, for an operator's insert.
    pub store: Store,
    pub printer: Printer,
    /// For what the simulator does not post.
    pub client: reqwest::Client,
}

/// The seed of the simulators' ids and draws.
const SEED: u64 = 1;

/// A message that reached a phone, with its number in the transcript.
pub(super) type Arrival = (usize, SentMessage);

/// Starts the simulators; what they take comes out of the channel.
///
/// # Errors
/// [`SimulatorError`]
pub(super) fn host(journal: &Arc<Journal>) -> Result<(Host, mpsc::UnboundedReceiver<Arrival>), SimulatorError> {
    let (arrivals, arriving) = mpsc::unbounded_channel();
    let journal = Arc::clone(journal);
    let on_sent = move |sent: SentMessage| {
        let number = journal.took(&sent);
        // Nobody listens any more when the demo ends.
        let _ = arrivals.send((number, sent));
    };
    Ok((Host::start(SEED, Some(Arc::new(on_sent)))?, arriving))
}

/// Where webhooks go: signed for the public URL, posted to where the daemon listens.
pub(super) fn daemon(listens: std::net::SocketAddr) -> Daemon {
    Daemon { public_base_url: PUBLIC_BASE_URL.to_owned(), reached_at: format!("http://{listens}") }
}

impl DemoRun {
    /// Posts a message and notes what came of it.
    pub async fn post(&self, sender: &DemoSender, message: &CustomerMessage, meant: Meant) -> Post {
        let at = self.journal.begin(&message.id);
        let answer = self.host.deliver(message).await.ok();
        let took = at.elapsed();
        let acknowledged = answer.as_ref().is_some_and(|answer| answer.status == 200);
        let durable = if acknowledged && meant == Meant::Message {
            self.history.explain(&message.id).await.ok().map(|story| story.is_some())
        } else {
            None
        };
        let (status, answer) = answer.map(|answer| (answer.status, answer.body)).unzip();
        let post = Post {
            channel: sender.channel,
            tenant: sender.business.id,
            provider_id: message.id.clone(),
            from: message.from.clone(),
            text: message.text.clone(),
            meant,
            at,
            took,
            status,
            answer: answer.unwrap_or_default(),
            durable,
        };
        self.journal.posted(post.clone());
        post
    }

    /// Posts a webhook that no daemon may believe.
    pub async fn post_forged(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Option<(u16, String)> {
        let webhook = self.host.forged_webhook(message, forgery).ok()?;
        let response = webhook.request(&self.client).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.unwrap_or_default()))
    }

    /// The state of an outbound row as the database has it now.
    pub async fn state_of(&self, message: &str) -> Option<String> {
        let story = self.history.explain(message).await.ok()??;
        story.outbound.into_iter().find(|row| row.id == message).map(|row| row.state)
    }
}

/// A conversation as the journal names it.
pub(super) fn conversation(sender: &DemoSender, from: &str) -> ConversationKey {
    (sender.address.to_owned(), from.to_owned())
}

/// A line of the transcript.
pub(super) fn talk(customer: &str, sender: &DemoSender, text: &str) -> ShownMessage {
    let colour =
        super::fixtures::BUSINESSES.iter().position(|business| business.id == sender.business.id).unwrap_or_default();
    ShownMessage {
        customer: customer.to_owned(),
        tenant: sender.business.name,
        channel: sender.channel,
        colour,
        text: text.to_owned(),
    }
}
