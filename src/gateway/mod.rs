//! One folder per provider: verify and decode what comes in, send and classify what goes out, and a simulator that
//! behaves like it.

pub mod client;
mod registry;
pub mod simulator;
pub mod twilio;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::domain::message::NewInbound;
use palabre_actors::ports::StatusUpdate;

pub use self::registry::{BuildError, Registered, Registry};
use self::simulator::Simulation;

/// What the lab can simulate, one line per provider.
pub const SIMULATIONS: &[&dyn Simulation] = &[&twilio::simulator::TwilioSimulation];

/// A webhook as it came in, before anyone believes it.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRequest<'a> {
    /// The public URL as the provider called it, query string included.
    pub url: &'a str,
    /// The path and query alone.
    pub query: &'a str,
    /// `Content-Type`, or empty.
    pub content_type: &'a str,
    /// The provider's signature header, if it came.
    pub signature: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
}

/// Why a webhook is turned away. None of these shows anything of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 401
    #[error("the signature is missing or wrong")]
    BadSignature,
    /// 400, with a word that says what is wrong.
    #[error("malformed webhook: {0}")]
    Malformed(&'static str),
    /// 404: signed, and to a number or of an account that is not this channel's. Two numbers of one account share a token,
    /// and their webhook URLs are easily mixed up: the answer would leave from the other number.
    #[error("the message is to a number, or of an account, that is not this channel's")]
    NotOurs,
}

/// What a webhook says.
#[derive(Clone, Debug)]
pub enum Received {
    /// A message from a contact.
    Message(Box<NewInbound>),
    /// News of a message of ours.
    Status(StatusUpdate),
    /// Nothing for us, and the provider need not repeat it.
    Nothing,
}

/// A channel's way in: believes a webhook, or does not, and reads it.
pub trait Receiver: Send + Sync {
    /// A webhook on the channel's inbound path.
    ///
    /// # Errors
    /// [`Rejection`]: nothing of it may be used.
    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection>;

    /// A webhook on the channel's status path.
    ///
    /// # Errors
    /// [`Rejection`]: nothing of it may be used.
    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection>;

    /// Content type and body of the 200 that the provider expects.
    fn acknowledgement(&self) -> (&'static str, &'static str);
}
