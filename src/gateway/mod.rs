//! Providers: one folder and one line in [`PROVIDERS`] each, and the traits that they implement.
//!
//! A provider reads its part of the configuration ([`ProviderSection`]), says where its webhooks come in and believes
//! and reads them ([`Receiver`]), sends and asks (`Gateway`, a port of the core), and says what its codes mean. Nothing
//! outside its folder names it. `docs/adding-a-provider.md` is the recipe.

mod call;
pub mod channel_event;
pub mod channel_setup;
pub mod chat_directory;
pub mod client;
pub mod greenapi;
pub mod guarded_client;
mod lenient;
pub mod media;
pub mod polling;
mod receiver;
mod registry;
mod retry_after;
pub mod sandbox;
mod setup_finding;
pub mod simulator;
pub mod smtp;
pub mod telegram;
#[cfg(test)]
mod tests;
pub mod twilio;
mod unknown_sends;
pub mod unreached;
pub mod whatsapp_cloud;
mod wiring;

use std::borrow::Cow;
use std::sync::Arc;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::send::SendErrorClass;
use palabre_actors::ports::Pending;

use self::channel_setup::ChannelSetup;
use self::chat_directory::ChatDirectory;
use self::media::MediaSource;
use self::polling::Poller;
pub use self::receiver::{
    Handshake, LinkAnswer, Received, Receiver, ReceiverPage, Rejection, WebhookHeaders, WebhookProtocol, WebhookRequest,
};
pub use self::registry::{BuildError, CurrentRegistry, Registered, Registry};
pub use self::setup_finding::{CHECK_TIME, SetupFinding, SetupLevel};
use self::simulator::Simulation;
pub use self::wiring::{ChannelConnection, ConnectError, Wiring};
use crate::config::{Channel, ProviderSection, Providers};

/// The providers that this build knows.
pub const PROVIDERS: &[&dyn Provider] = &[
    &twilio::Kind::Whatsapp,
    &twilio::Kind::Sms,
    &greenapi::GreenApi,
    &whatsapp_cloud::WhatsappCloud,
    &telegram::Telegram,
    &smtp::Smtp,
    &sandbox::Sandbox,
];

/// A text in English and in French.
pub type Bilingual = (&'static str, &'static str);

/// All that Palabre needs of a provider.
pub trait Provider: ProviderSection {
    /// Its page, from the root of the repository.
    fn docs(&self) -> &'static str;

    /// Paths beside the canonical `/webhooks/{provider}/{channel_id}` and its `/status`.
    fn routes(&self) -> &'static [Route] {
        &[]
    }

    /// A channel's ways in and out.
    ///
    /// # Errors
    /// [`ConnectError`]: the settings make none.
    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError>;

    /// How a channel is polled; `None`: its provider posts webhooks, or has nothing to say.
    fn poller(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn Poller>> {
        let _ = (channel, wiring);
        None
    }

    /// Tells who is in chats of a channel; `None`: the provider has none that anybody could be let into.
    fn chat_directory(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn ChatDirectory>> {
        let _ = (channel, wiring);
        None
    }

    /// How the files of a channel's messages are found; `None`: anybody may read them where the message says.
    fn media(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn MediaSource>> {
        let _ = (channel, wiring);
        None
    }

    /// The codes that it is known to give. No two families of providers have one in common: `last_error` and `explain`
    /// show a code without its provider.
    fn codes(&self) -> &'static [Code];

    /// A link that opens the channel with a payload (`/start …`). `None`: no link opens it, or nobody knows what it is called.
    fn start_link(&self, channel: &Channel, payload: &str) -> Option<String> {
        let _ = (channel, payload);
        None
    }

    /// Whether a text has the form of its ids of messages.
    fn is_message_id(&self, text: &str) -> bool;

    /// What to do about such an id that is not in the database.
    fn on_unknown_id(&self) -> Bilingual;

    /// What an operator has to put behind a webhook URL in the provider's console, and why. `None`: nothing.
    fn webhook_suffix(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// What a person fills in to connect a channel, and where to click at the provider. `None`: nobody connects one by hand.
    fn setup(&self) -> Option<&'static ChannelSetup> {
        None
    }

    /// Asks the provider whether a channel's set-up can work.
    fn checks<'a>(&'a self, channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>>;

    /// What simulates it, for the demo, tests and load. One simulates a whole family.
    ///
    /// # Errors
    /// Why it needs none.
    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str>;

    /// What the conformance suite plays it with, and may ask of it. `None`: there is nothing to play.
    #[cfg(test)]
    fn conformance(&self) -> Option<tests::Conformance> {
        self.simulation().ok().map(tests::Conformance::of)
    }
}

/// The provider of a name in the configuration.
#[must_use]
pub fn provider(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// What is known of a provider's code.
#[must_use]
pub fn code(code: &str) -> Option<&'static Code> {
    PROVIDERS.iter().flat_map(|provider| provider.codes()).find(|known| known.code == code)
}

/// Whose ids of messages look like this text.
#[must_use]
pub fn provider_of_id(text: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.is_message_id(text))
}

/// What simulates the providers, each once.
#[must_use]
pub fn simulations() -> Vec<&'static dyn Simulation> {
    let mut found: Vec<&'static dyn Simulation> = Vec::new();
    for simulation in PROVIDERS.iter().filter_map(|provider| provider.simulation().ok()) {
        if !found.iter().any(|known| known.providers() == simulation.providers()) {
            found.push(simulation);
        }
    }
    found
}

impl Providers for &[&'static dyn Provider] {
    fn sections(&self) -> Vec<&'static dyn ProviderSection> {
        self.iter().map(|provider| *provider as &dyn ProviderSection).collect()
    }
}

/// A path of a provider's own, as its console may hold it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub path: &'static str,
    /// Whose channels come in there: a whole name, or a family, which is what stands before a name's first hyphen.
    pub provider: &'static str,
    pub kind: RouteKind,
}

/// What a path of a provider's own is for.
#[derive(Clone, Copy, Debug)]
pub enum RouteKind {
    /// POST: messages. The request tells the channel.
    Messages(Locate),
    /// POST: status callbacks. The request tells the channel.
    Statuses(Locate),
    /// The same path takes POST, as [`RouteKind::Messages`], and GET: the handshake of any channel of the provider.
    MessagesAndHandshake(Locate),
    /// GET: whether the provider's webhooks are served here.
    Check,
    /// GET, on a path with `{channel_id}`: what [`Receiver::page`] shows under this name.
    Page(&'static str),
    /// GET and POST, on a path with `{channel_id}`: a link that proves itself ([`Receiver::link`]).
    Link(&'static str),
}

/// Finds a channel by what a request says of its account and address, before anything of it is believed.
pub type Locate = for<'a> fn(&WebhookRequest<'a>) -> Result<Located<'a>, Rejection>;

/// The account and the address that a request names, as the provider writes them. Only the exact pair finds a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    pub account: Cow<'a, str>,
    pub address: Cow<'a, str>,
}

/// One of a provider's codes: what the outbox does about it, and what people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `63016`
    pub code: &'static str,
    pub class: SendErrorClass,
    /// Whether it says that a provider that works finds us too fast.
    pub throttled: bool,
    pub meaning: Bilingual,
    /// The next step. Places: `{channel}`, `{fallback}`, `{replay}` (the command), `{again}` (what lets a message go once the
    /// cause is mended), `{later}` (when there is nothing to mend).
    pub advice: Bilingual,
    /// The page that says so; the code is appended to one that ends with `/` or `#`.
    pub page: &'static str,
}

impl Code {
    /// What it means.
    #[must_use]
    pub fn explain(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.meaning.0,
            Language::Fr => self.meaning.1,
        }
    }

    /// Where the provider says so.
    #[must_use]
    pub fn source(&self) -> String {
        let code = if self.page.ends_with(['/', '#']) { self.code } else { "" };
        format!("{}{code}", self.page)
    }
}
