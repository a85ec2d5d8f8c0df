//! What everyone on the demo shares: the simulator, the journal, a reader of the database, the printer.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::fixtures::DemoSender;
use super::folder::{Folder, PUBLIC_BASE_URL};
use super::journal::{Journal, Line, Meant, Post};
use super::printer::Printer;
use super::transcript::ShownMessage;
use crate::gateway::twilio::simulator::{
    Daemon, InboundMessage, Sent, SignedWebhook, Simulator, SimulatorConfig, SimulatorError,
};
use crate::store::{HistoryReader, Store};

/// The demo.
pub(super) struct DemoRun {
    /// The provider.
    pub simulator: Arc<Simulator>,
    /// What happened.
    pub journal: Arc<Journal>,
    /// Connections of our own, as another process would have them.
    pub archive: HistoryReader,
    /// The daemon's store, for an operator's insert.
    pub store: Store,
    /// Prints.
    pub printer: Printer,
    /// For what the simulator does not post.
    pub client: reqwest::Client,
}

/// A message that reached a phone, with its number in the transcript.
pub(super) type Arrival = (usize, Sent);

/// Starts the provider; what it takes comes out of the channel.
///
/// # Errors
/// [`SimulatorError`]
pub(super) fn provider(
    folder: &Folder,
    journal: &Arc<Journal>,
) -> Result<(Simulator, mpsc::UnboundedReceiver<Arrival>), SimulatorError> {
    let (arrivals, arriving) = mpsc::unbounded_channel();
    let mut config = SimulatorConfig::new(folder.accounts());
    let journal = Arc::clone(journal);
    config.on_send = Some(Arc::new(move |sent: &Sent| {
        let number = journal.took(sent);
        // Nobody listens any more when the demo ends.
        let _ = arrivals.send((number, sent.clone()));
    }));
    Ok((Simulator::start(config)?, arriving))
}

/// Where webhooks go: signed for the public URL, posted to where the daemon listens.
pub(super) fn daemon(listens: std::net::SocketAddr) -> Daemon {
    Daemon { public_base_url: PUBLIC_BASE_URL.to_owned(), reached_at: format!("http://{listens}") }
}

impl DemoRun {
    /// Posts a message and notes what came of it.
    pub async fn post(&self, sender: &DemoSender, message: &InboundMessage, meant: Meant) -> Post {
        let at = self.journal.begin(&message.sid);
        let answer = self.simulator.deliver(message).await.ok();
        let took = at.elapsed();
        let acknowledged = answer.as_ref().is_some_and(|answer| answer.status == 200);
        let durable = if acknowledged && meant == Meant::Message {
            self.archive.explain(&message.sid).await.ok().map(|story| story.is_some())
        } else {
            None
        };
        let (status, answer) = answer.map(|answer| (answer.status, answer.body)).unzip();
        let post = Post {
            channel: sender.channel,
            tenant: sender.business.id,
            sid: message.sid.clone(),
            from: message.from.clone(),
            text: message.body.clone(),
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

    /// Posts what somebody signed, as it is.
    pub async fn post_signed(&self, webhook: SignedWebhook) -> Option<(u16, String)> {
        let posting = self.client.post(&webhook.post_to);
        let posting = posting.header(crate::gateway::twilio::signature::SIGNATURE_HEADER, webhook.signature);
        let posting = posting.header("Content-Type", "application/x-www-form-urlencoded").body(webhook.body);
        let response = posting.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.unwrap_or_default()))
    }

    /// The state of an outbound row as the database has it now.
    pub async fn state_of(&self, message: &str) -> Option<String> {
        let story = self.archive.explain(message).await.ok()??;
        story.outbound.into_iter().find(|row| row.id == message).map(|row| row.state)
    }
}

/// A conversation as the journal names it.
pub(super) fn line(sender: &DemoSender, from: &str) -> Line {
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
