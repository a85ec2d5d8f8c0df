//! Conformance suite over all gateways: each provider of the list that can be played runs it against its own simulator.
//!
//! A new provider joins by its line in the list, and says itself where it differs ([`Conformance`]). What comes in is made by
//! the simulator and read by the provider's receiver; what goes out crosses a real connection, with every fault that simulators
//! play.

mod callbacks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Choice, Generation, NewInbound, Outbound, OutboundKind, ProviderConsent};
use palabre_actors::domain::presentation::{FilePlace, Presentation, SentFile};
use palabre_actors::domain::send::{
    Found, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice,
};
use palabre_actors::ports::Pending;
use tempfile::TempDir;

use super::super::media::{FilesOut, SentFiles};
use super::super::simulator::{
    CustomerMessage, Daemon, Fault, Faults, Forgery, Rule, SampleChannel, SentMessage, SimulatedProvider, Simulation,
    StartOptions, Webhook,
};
use super::super::{
    ChannelConnection, PROVIDERS, Provider, Received, Receiver, Rejection, WebhookRequest, Wiring, client,
};
use crate::config::{Channel, Config, Environment};

const PUBLIC: &str = "https://hooks.example.com";
/// What nobody believes may be believed by no header.
const SECRETS: [&str; 2] = ["12345678-un-secret-du-fournisseur", "87654321-un-autre-secret-tout-autre"];

/// What plays a provider, and what the suite may ask of it.
#[derive(Clone, Copy)]
pub struct Conformance {
    pub simulation: &'static dyn Simulation,
    /// Whether the daemon hears what customers write; if not, it hears that they want to hear no more.
    pub hears_texts: bool,
    /// Whether an error that it answers leaves open what became of the message.
    pub errors_leave_open: bool,
    /// Whether a message may have several files.
    pub takes_several_files: bool,
}

impl Conformance {
    pub fn of(simulation: &'static dyn Simulation) -> Self {
        Self { simulation, hears_texts: true, errors_leave_open: true, takes_several_files: false }
    }
}

/// One provider with two channels of two accounts, and its running simulator.
struct Subject {
    provider: &'static dyn Provider,
    simulator: Arc<dyn SimulatedProvider>,
    is: Conformance,
    channels: Vec<Channel>,
    connections: Vec<ChannelConnection>,
    sent: Arc<Mutex<Vec<SentMessage>>>,
    secrets: TempDir,
}

/// Files that are sent: each is at a link, and has three bytes.
struct AnyFile;

impl SentFiles for AnyFile {
    fn link<'a>(&'a self, _: &'a TenantId, file: &'a SentFile) -> Pending<'a, Result<String, SendError>> {
        Box::pin(async move { Ok(format!("https://files.example/{}", file.name)) })
    }

    fn read<'a>(&'a self, _: &'a TenantId, _: &'a SentFile) -> Pending<'a, Result<Bytes, SendError>> {
        Box::pin(async { Ok(Bytes::from_static(b"abc")) })
    }
}

/// Every provider that can be played, under the name of each.
fn subjects() -> Vec<Subject> {
    let played = PROVIDERS.iter().filter_map(|provider| Some((*provider, provider.conformance()?)));
    played.map(|(provider, is)| Subject::start(provider, is)).collect()
}

fn address(scheme: Scheme, number: u32) -> String {
    match scheme {
        Scheme::Whatsapp | Scheme::Sms => format!("{scheme}:+3361234{number:04}"),
        Scheme::Telegram => format!("telegram:{}", 12_345_000 + number),
        Scheme::Mailto => format!("mailto:client{number}@example.org"),
        Scheme::Sandbox => format!("sandbox:belle/client{number}"),
    }
}

/// A sender's address, which some providers tie to their secret.
fn sender(scheme: Scheme, account: usize) -> String {
    match scheme {
        Scheme::Telegram => format!("telegram:{}", SECRETS[account].split('-').next().unwrap()),
        Scheme::Mailto => format!("mailto:belle{account}@example.org"),
        _ => format!("{scheme}:+1415523800{account}"),
    }
}

impl Subject {
    fn start(provider: &'static dyn Provider, is: Conformance) -> Self {
        let simulation = is.simulation;
        let sent: Arc<Mutex<Vec<SentMessage>>> = Arc::default();
        let taken = Arc::clone(&sent);
        let on_sent = Arc::new(move |message| taken.lock().unwrap().push(message));
        let options = StartOptions { listen: ([127, 0, 0, 1], 0).into(), seed: 7, on_sent };
        let simulator = simulation.start(options).unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let (scheme, base_url) = (provider.capabilities().scheme, simulator.base_url());
        let mut text = "id = \"belle\"\nreplies.fallback = \"ok\"\n".to_owned();
        for (account, secret) in SECRETS.iter().enumerate() {
            let file = secrets.path().join(format!("secret-{account}"));
            std::fs::write(&file, secret).unwrap();
            let (id, sender) = (format!("belle-{account}"), sender(scheme, account));
            text.push_str(&simulation.channel_toml(&SampleChannel {
                id: &id,
                provider: provider.name(),
                address: &sender,
                account: u32::try_from(account).unwrap() + 1,
                secret_file: &file.display().to_string(),
                base_url: &base_url,
            }));
            text.push_str("timeout = \"1s\"\n");
        }
        let loaded = Config::from_toml_texts("", &[("belle.toml", &text)], &Environment::default(), &PROVIDERS);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{}: {errors}", provider.name()));
        let channels = loaded.config.tenants[0].channels.clone();
        let client = client::new().unwrap();
        let wiring = Wiring { client: &client, public_base_url: Some(PUBLIC), files: &FilesOut::of(Arc::new(AnyFile)) };
        let connections = channels.iter().map(|channel| provider.connect(channel, wiring).unwrap()).collect();
        simulator.set_channels(&channels);
        simulator.set_daemon(Daemon::at(PUBLIC));
        Self { provider, simulator, is, channels, connections, sent, secrets }
    }

    fn name(&self) -> &'static str {
        self.provider.name()
    }

    /// The first channel with one of the secrets, and perhaps with another as the one before it.
    fn channel_with(&self, secret: usize, before: Option<usize>) -> Channel {
        let file = |account| self.secrets.path().join(format!("secret-{account}")).display().to_string();
        let (base_url, sender) = (self.simulator.base_url(), sender(self.provider.capabilities().scheme, 0));
        let mut table = self.is.simulation.channel_toml(&SampleChannel {
            id: "belle-0",
            provider: self.name(),
            address: &sender,
            account: 1,
            secret_file: &file(secret),
            base_url: &base_url,
        });
        if let Some(before) = before {
            let keys = self.provider.keys().iter().filter(|key| key.starts_with("previous_"));
            let before: String = keys.map(|key| format!("{key} = {{ file = \"{}\" }}\n", file(before))).collect();
            assert_ne!(before, "", "{}: a secret cannot be changed without losing webhooks", self.name());
            table.push_str(&before);
        }
        let text = format!("id = \"belle\"\nreplies.fallback = \"ok\"\n{table}");
        let loaded = Config::from_toml_texts("", &[("belle.toml", &text)], &Environment::default(), &PROVIDERS);
        loaded.unwrap_or_else(|errors| panic!("{}: {errors}", self.name())).config.tenants[0].channels[0].clone()
    }

    fn receiver_of(&self, channel: &Channel) -> Arc<dyn Receiver> {
        let (client, files) = (client::new().unwrap(), FilesOut::of(Arc::new(AnyFile)));
        let wiring = Wiring { client: &client, public_base_url: Some(PUBLIC), files: &files };
        self.provider.connect(channel, wiring).unwrap().receiver.unwrap()
    }

    fn receiver(&self) -> Option<&Arc<dyn Receiver>> {
        self.connections[0].receiver.as_ref()
    }

    fn says(&self, id: &str, text: &str) -> CustomerMessage {
        CustomerMessage {
            channel: self.channels[0].id.to_string(),
            id: id.to_owned(),
            from: address(self.provider.capabilities().scheme, 1),
            text: text.to_owned(),
            ..CustomerMessage::default()
        }
    }

    fn webhook(&self, message: &CustomerMessage) -> Webhook {
        self.simulator.webhook(message).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    /// What the first channel's receiver makes of a request.
    fn receive(&self, webhook: &Webhook, body: &[u8]) -> Result<Received, Rejection> {
        received(&**self.receiver().unwrap(), &webhook.url, &headers_of(webhook), body)
    }

    fn read(&self, message: &CustomerMessage) -> NewInbound {
        let webhook = self.webhook(message);
        match self.receive(&webhook, webhook.body.as_bytes()) {
            Ok(Received::Message(message)) => *message,
            other => panic!("{}: {other:?}", self.name()),
        }
    }

    /// Whether what came in is what the customer said; where nobody can write, that they want to hear no more.
    fn heard(&self, read: &NewInbound, text: &str) -> bool {
        let content = &read.content;
        let has_stopped = content.details.provider_consent == Some(ProviderConsent::Stop);
        if self.is.hears_texts { content.body == text } else { content.body.is_empty() && has_stopped }
    }

    fn outbound(&self, body: &str) -> Outbound {
        Outbound {
            presentation: None,
            id: OutboundId::fresh(),
            tenant: self.channels[0].tenant.clone(),
            channel: self.channels[0].id.clone(),
            conversation: ConversationId::fresh(),
            in_reply_to: None,
            to: Address::from_normalised(&address(self.provider.capabilities().scheme, 1)),
            body: body.to_owned(),
            template: None,
            choices: Vec::new(),
            action: None,
            kind: OutboundKind::Reply,
            urgent: true,
            expires_at: None,
            generation: Generation::first(chrono::Utc::now()),
            correlation: CorrelationId::fresh(),
            attempts: 1,
            created_at: chrono::Utc::now(),
        }
    }

    async fn send(&self, message: &Outbound) -> Result<Receipt, SendError> {
        self.connections[0].gateway.send(asked(message)).await
    }
}

fn asked(message: &Outbound) -> OutboundRequest<'_> {
    let content = OutboundContent::Text(&message.body);
    OutboundRequest { message, channel: &message.channel, to: &message.to, content }
}

fn headers_of(webhook: &Webhook) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &webhook.headers {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn received(receiver: &dyn Receiver, url: &str, headers: &HeaderMap, body: &[u8]) -> Result<Received, Rejection> {
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = url.strip_prefix(PUBLIC).unwrap_or(url);
    let request = WebhookRequest { url, query, content_type, headers, is_local: false, body };
    if query.contains("/status") {
        receiver.receive_status(request, chrono::Utc::now())
    } else {
        receiver.receive(request, CorrelationId::fresh(), chrono::Utc::now())
    }
}

#[test]
fn texts_of_every_script_come_in_whole() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some() && subject.is.hears_texts) {
        let texts =
            ["Bonjour & à+demain 😀", "مرحبا، هل أنتم مفتوحون؟", "שלום", "👩‍👩‍👧‍👦🇬🇳", "a\tb\nc", "100 % \\ \"x\" <b>"];
        for text in texts {
            let id = subject.is.simulation.fresh_id();
            let read = subject.read(&subject.says(&id, text));
            assert_eq!((read.content.body.as_str(), read.provider_message_id.as_str()), (text, id.as_str()));
            assert_eq!(read.from.as_str(), address(subject.provider.capabilities().scheme, 1), "{}", subject.name());
            assert_eq!(read.to, subject.channels[0].address);
            assert!(subject.provider.is_message_id(&id), "{}: {id}", subject.name());
        }
        let nul = subject.read(&subject.says(&subject.is.simulation.fresh_id(), "a\0b"));
        assert_eq!(nul.content.body, "a\u{FFFD}b", "{}: PostgreSQL's text holds no NUL", subject.name());
    }
}

#[test]
fn i2_a_repeated_webhook_has_the_same_key() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let (first, second) = (subject.is.simulation.fresh_id(), subject.is.simulation.fresh_id());
        let key = |id: &str| subject.read(&subject.says(id, "Bonjour")).provider_message_id;
        assert_eq!(key(&first), key(&first), "{}", subject.name());
        assert_ne!(key(&first), key(&second), "{}", subject.name());
    }
}

#[test]
fn what_has_no_proof_or_anothers_is_refused() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let message = subject.says(&subject.is.simulation.fresh_id(), "Bonjour");
        let other = subject.channels[1].id.to_string();
        for forgery in [Forgery::Unsigned, Forgery::SignedBy(&other)] {
            let forged = subject.simulator.forged_webhook(&message, forgery).unwrap();
            let refused = subject.receive(&forged, forged.body.as_bytes()).err();
            assert_eq!(refused, Some(Rejection::BadSignature), "{}: {forgery:?}", subject.name());
        }
        let mut bare = subject.webhook(&message);
        let proof = subject.receiver().unwrap().protocol().proof.clone();
        bare.headers.retain(|(name, _)| proof.as_ref().is_none_or(|proof| !name.eq_ignore_ascii_case(proof.as_str())));
        let refused = subject.receive(&bare, bare.body.as_bytes()).err();
        assert_eq!(refused, Some(Rejection::BadSignature), "{}: no proof at all", subject.name());
    }
}

#[test]
fn the_secret_before_this_one_is_believed_while_it_is_given() {
    let proven = |subject: &&Subject| subject.receiver().is_some_and(|receiver| receiver.protocol().proof.is_some());
    let mut providers = 0;
    for subject in subjects().iter().filter(proven) {
        providers += 1;
        let message = subject.says(&subject.is.simulation.fresh_id(), "Bonjour");
        let (new, old) = (subject.channel_with(0, Some(1)), subject.channel_with(1, None));
        let by_the_new = subject.webhook(&message);
        subject.simulator.set_channels(std::slice::from_ref(&old));
        let by_the_old = subject.webhook(&message);
        let (changing, changed) = (subject.receiver_of(&new), subject.receiver_of(&subject.channel_with(0, None)));
        let unsigned = subject.simulator.forged_webhook(&message, Forgery::Unsigned).unwrap();
        for (receiver, webhook, is_believed) in [
            (&changing, &by_the_new, true),
            (&changing, &by_the_old, true),
            (&changing, &unsigned, false),
            (&changed, &by_the_new, true),
            (&changed, &by_the_old, false),
        ] {
            let read = received(&**receiver, &webhook.url, &headers_of(webhook), webhook.body.as_bytes());
            let fits = match &read {
                Ok(Received::Message(read)) => is_believed && subject.heard(read, "Bonjour"),
                Err(rejection) => !is_believed && *rejection == Rejection::BadSignature,
                Ok(_) => false,
            };
            assert!(fits, "{}: {read:?}", subject.name());
        }
    }
    assert!(providers >= 5, "{providers}");
}

#[test]
fn damaged_bodies_bring_no_message_and_no_panic() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let webhook = subject.webhook(&subject.says(&subject.is.simulation.fresh_id(), "Bonjour 😀"));
        let body = webhook.body.as_bytes();
        for cut in 0..body.len() {
            let read = subject.receive(&webhook, &body[..cut]);
            assert!(!matches!(read, Ok(Received::Message(_))), "{}: cut at {cut}", subject.name());
        }
        let mut not_utf8 = body.to_vec();
        let at = body.windows(7).position(|text| text == b"Bonjour").unwrap();
        not_utf8[at] = 0xff;
        let read = subject.receive(&webhook, &not_utf8);
        assert!(!matches!(read, Ok(Received::Message(_))), "{}: no UTF-8", subject.name());
        for junk in ["", "null", "[]", "{}", "\0", "&&&===", "\u{feff}"] {
            assert!(!matches!(subject.receive(&webhook, junk.as_bytes()), Ok(Received::Message(_))), "{junk}");
        }
        let deep = "[".repeat(1 << 20);
        assert!(!matches!(subject.receive(&webhook, deep.as_bytes()), Ok(Received::Message(_))), "{}", subject.name());
    }
}

#[test]
fn a_megabyte_is_read_or_refused() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let message = subject.says(&subject.is.simulation.fresh_id(), &"é".repeat(1 << 19));
        let webhook = subject.webhook(&message);
        match subject.receive(&webhook, webhook.body.as_bytes()) {
            Ok(Received::Message(read)) => assert!(read.content.body.len() <= 64 * 1024, "{}", subject.name()),
            Err(Rejection::Malformed(_)) => {}
            other => panic!("{}: {other:?}", subject.name()),
        }
    }
}

#[test]
fn fields_that_nobody_knows_change_nothing() {
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let mut message = subject.says(&subject.is.simulation.fresh_id(), "Bonjour");
        for (name, value) in [("Invented", "1"), ("invented_tomorrow", r#"{"a": [1, {"b": null}]}"#)] {
            message.parameters.push((name.to_owned(), value.to_owned()));
        }
        assert!(subject.heard(&subject.read(&message), "Bonjour"), "{}", subject.name());
    }
}

#[tokio::test]
async fn i5_every_fault_leaves_open_what_it_leaves_open() {
    for subject in subjects() {
        let unknown = |class| class == SendErrorClass::Unknown;
        let again = |class| matches!(class, SendErrorClass::Retry { .. });
        let after =
            |class| matches!(class, SendErrorClass::Retry { after: Some(after) } if after >= Duration::from_secs(17));
        let refused = |class| again(class) || class == SendErrorClass::Reject;
        type Fits<'a> = &'a dyn Fn(SendErrorClass) -> bool;
        let on_error: Fits<'_> = if subject.is.errors_leave_open { &unknown } else { &refused };
        let table: [(Fault, Fits<'_>); 8] = [
            (Fault::ResetBeforeTaking, &unknown),
            (Fault::TakeThenReset, &unknown),
            (Fault::TakeThenHalfAnswer, &unknown),
            (Fault::ServerError(503), on_error),
            (Fault::TakeThenServerError(500), on_error),
            (Fault::TakeThenWait(Duration::from_secs(3)), &unknown),
            (Fault::TooManyRequests { retry_after_secs: None }, &again),
            (Fault::TooManyRequests { retry_after_secs: Some(17) }, &after),
        ];
        for (fault, fits) in table {
            subject.simulator.set_faults(Faults::of([Rule::once(fault.clone())]));
            let message = subject.outbound("Bonjour");
            let failed = subject.send(&message).await.expect_err(subject.name());
            assert!(fits(failed.class), "{}: {fault:?}: {failed:?}", subject.name());
            assert!(!format!("{failed:?}").contains("6123"), "i10: {failed:?}");
            assert!(SECRETS.iter().all(|secret| !format!("{failed:?}").contains(secret)), "i10: {failed:?}");
            if matches!(fault, Fault::TooManyRequests { .. }) {
                assert!(failed.throttled, "{}: a provider that works", subject.name());
            }
        }
        subject.simulator.set_faults(Faults::none());
        let sent = subject.send(&subject.outbound("Bonjour")).await;
        assert!(sent.is_ok_and(|receipt| !receipt.provider_message_id.as_str().is_empty()), "{}", subject.name());
    }
}

#[tokio::test]
async fn a_file_goes_out_with_its_text_or_alone_and_several_where_they_can() {
    for subject in subjects() {
        let file = |name: &str, kind: &str| SentFile {
            place: FilePlace::Upload("7".to_owned()),
            content_type: kind.to_owned(),
            name: name.to_owned(),
        };
        let with = |text: &str, files: &[SentFile]| Outbound {
            presentation: Some(Box::new(Presentation { files: files.to_vec(), ..Presentation::default() })),
            ..subject.outbound(text)
        };
        for (text, name, kind) in
            [("Nos tarifs", "tarifs.pdf", "application/pdf"), ("", "rose.png", "image/png"), ("", "a.ogg", "audio/ogg")]
        {
            let sent = subject.send(&with(text, &[file(name, kind)])).await;
            assert!(sent.is_ok(), "{} {name}: {sent:?}", subject.name());
            let taken = subject.sent.lock().unwrap().last().cloned().unwrap();
            assert!(taken.file.is_some_and(|file| file.ends_with(name)), "{} {name}", subject.name());
            assert_eq!(taken.text, text, "{} {name}", subject.name());
        }
        let two = [file("a.png", "image/png"), file("b.png", "image/png")];
        match subject.send(&with("", &two)).await {
            Ok(_) => assert!(subject.is.takes_several_files, "{}", subject.name()),
            Err(refused) => {
                assert!(!subject.is.takes_several_files, "{}: {refused:?}", subject.name());
                assert_eq!(refused.class, SendErrorClass::Reject, "{}", subject.name());
            }
        }
    }
}

#[tokio::test]
async fn i5_what_was_taken_is_never_said_to_be_absent() {
    for subject in subjects() {
        subject.simulator.set_faults(Faults::of([Rule::once(Fault::TakeThenReset)]));
        let message = subject.outbound("Une question à part");
        assert!(subject.send(&message).await.is_err(), "{}", subject.name());
        let found = subject.connections[0].gateway.find(asked(&message)).await;
        assert_ne!(found, Ok(Found::Absent), "{}", subject.name());
    }
}

#[tokio::test]
async fn an_opt_out_at_the_provider_has_its_class() {
    for subject in subjects() {
        let opted_out = subject.provider.codes().iter().filter(|code| code.class == SendErrorClass::OptedOut);
        for code in opted_out.filter_map(|code| code.code.parse().ok()) {
            subject.simulator.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code })]));
            let refused = subject.send(&subject.outbound("Bonjour")).await.expect_err(subject.name());
            assert_eq!(refused.class, SendErrorClass::OptedOut, "{}: {code}", subject.name());
        }
    }
}

#[tokio::test]
async fn the_longest_text_passes_with_an_emoji_at_its_end_and_choices_always_do() {
    for subject in subjects() {
        let most = subject.provider.capabilities().longest_text;
        // In UTF-16 units, as the configuration counts: the emoji has two.
        let longest = "x".repeat(most - 2) + "😀";
        let sent = subject.send(&subject.outbound(&longest)).await;
        assert!(sent.is_ok(), "{}: {sent:?}", subject.name());
        let message = subject.outbound("Ça vous va ?");
        let choices: Vec<Choice> =
            ["Oui", "Non"].map(|label| Choice { id: label.to_lowercase(), label: label.to_owned() }).into();
        let content = OutboundContent::Choices { text: &message.body, choices: &choices };
        let sent = subject.connections[0].gateway.send(OutboundRequest { content, ..asked(&message) }).await;
        assert!(sent.is_ok(), "{}: {sent:?}", subject.name());
    }
}

#[tokio::test]
async fn somebody_is_typing_is_shown_where_it_can_be_and_is_no_message() {
    for subject in subjects() {
        let lasts = subject.provider.capabilities().typing;
        let to = Address::from_normalised(&address(subject.provider.capabilities().scheme, 1));
        let answered = ProviderMessageId::new("wamid.HBgLMzM2MTIzNDU2NzgVAgASGBQz");
        for faults in [Faults::none(), Faults::of([Rule::always(Fault::ServerError(500))])] {
            subject.simulator.set_faults(faults);
            let notice = TypingNotice { to: &to, in_reply_to: Some(&answered) };
            let shown = subject.connections[0].gateway.show_typing(notice);
            assert_eq!(shown.is_some(), lasts.is_some(), "{}", subject.name());
            if let Some(shown) = shown {
                shown.await;
            }
        }
        assert!(subject.sent.lock().unwrap().is_empty(), "{}", subject.name());
        assert!(lasts.is_none_or(|lasts| lasts >= Duration::from_secs(3)), "{}: a call every so often", subject.name());
    }
}

#[tokio::test]
async fn texts_of_every_script_go_out_whole_and_an_emoji_at_a_split_stays_one() {
    for subject in subjects() {
        for text in ["Bonjour & à+demain 😀", "مرحبا، هل أنتم مفتوحون؟", "שלום", "👩‍👩‍👧‍👦🇬🇳", "100 % \\ \"x\" <b>"]
        {
            let sent = subject.send(&subject.outbound(text)).await;
            assert!(sent.is_ok(), "{} {text}: {sent:?}", subject.name());
            let taken = subject.sent.lock().unwrap().last().cloned().unwrap();
            assert_eq!(taken.text, text, "{}", subject.name());
        }
        let most = subject.provider.capabilities().longest_text;
        // Around the lengths at which messengers cut.
        for before in [1_598, 4_094, 4_095, 4_096].into_iter().filter(|before| before + 40 < most) {
            let text = format!("{}😀{}", "x".repeat(before), "y".repeat(30));
            let had = subject.sent.lock().unwrap().len();
            let sent = subject.send(&subject.outbound(&text)).await;
            assert!(sent.is_ok(), "{} {before}: {sent:?}", subject.name());
            let joined: String = subject.sent.lock().unwrap()[had..].iter().map(|sent| sent.text.as_str()).collect();
            assert_eq!(joined, text, "{}: cut at {before}", subject.name());
        }
    }
}
