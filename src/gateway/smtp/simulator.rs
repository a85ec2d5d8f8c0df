//! Stand-in for a mail server and its relay: takes mails, plays the faults of every simulator, and tells what became of mails.
//!
//! Nobody writes to a channel of e-mail: what comes in of a contact is that they want to hear no more.

mod read_mail;

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::runtime::{Handle, Runtime};

use self::read_mail::ReadMail;
use super::{ID_PREFIX, NAME, mail, settings};
use crate::config::Channel;
use crate::gateway::client;
use crate::gateway::simulator::load::{LoadResponder, LoadWebhooks};
use crate::gateway::simulator::posting::{Posting, PostsCallbacks, follow};
use crate::gateway::simulator::{
    Answer, CallbackPlan, CustomerMessage, Daemon, Drawn, Fate, Fault, Faults, Forgery, OnSent, SampleChannel,
    SentMessage, SimulatedProvider, Simulation, SimulatorError, StartOptions, Webhook, lock,
};

pub(in crate::gateway) struct MailSimulation;

impl Simulation for MailSimulation {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[(NAME, Scheme::Mailto)]
    }

    fn start(&self, options: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError> {
        let listener = TcpListener::bind(options.listen)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let world = Arc::new(World {
            address: listener.local_addr()?,
            fate: Fate::new(options.seed),
            on_sent: options.on_sent,
            taken: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            channels: Mutex::default(),
            posting: Posting::new(client::new()?, runtime.handle().clone(), None),
            runtime: runtime.handle().clone(),
        });
        let serving = Arc::clone(&world);
        thread::Builder::new().name("mail-simulator".to_owned()).spawn(move || serving.serve(&listener))?;
        Ok(Arc::new(MailSimulator { world, runtime: Some(runtime) }))
    }

    fn fresh_id(&self) -> String {
        format!("{ID_PREFIX}{}", uuid::Uuid::now_v7().simple())
    }

    fn base_urls(&self, _channel: &Channel) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        let SampleChannel { id, provider, address, secret_file, base_url, .. } = *sample;
        let (host, port) = base_url.trim_start_matches("smtp://").split_once(':').unwrap_or((base_url, "25"));
        format!(
            "\n[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\nhost = \"{host}\"\n\
             port = {port}\nsecurity = \"none\"\nwebhook_token = {{ file = \"{secret_file}\" }}\n\
             unsubscribe_secret = {{ file = \"{secret_file}\" }}\n"
        )
    }

    fn load_responder(&self, _channels: &[Channel], _run: u64) -> Box<dyn LoadResponder> {
        panic!("load is not played over SMTP")
    }

    fn load_webhooks(
        &self,
        _channel: &Channel,
        _base_url: &str,
        _customer: &str,
        _text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError> {
        Err(SimulatorError::Unwritten)
    }
}

struct MailSimulator {
    world: Arc<World>,
    runtime: Option<Runtime>,
}

struct World {
    address: SocketAddr,
    fate: Fate,
    on_sent: OnSent,
    taken: AtomicU64,
    is_stopped: AtomicBool,
    channels: Mutex<Vec<Channel>>,
    posting: Posting,
    runtime: Handle,
}

/// How a mail is answered.
enum Reply {
    Say(&'static str),
    Cut,
    /// Half a reply, then nothing.
    Half,
    /// So much later, unless the sender hangs up.
    Late(Duration),
}

const TAKEN: &str = "250 2.0.0 queued";

impl World {
    fn serve(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            if self.is_stopped.load(Ordering::SeqCst) {
                return;
            }
            let world = Arc::clone(self);
            // A connection that breaks is what some faults are about.
            thread::spawn(move || drop(world.converse(&stream)));
        }
    }

    fn converse(self: &Arc<Self>, stream: &TcpStream) -> io::Result<()> {
        if self.fate.drops_connection() {
            return stream.shutdown(Shutdown::Both);
        }
        let mut reader = BufReader::new(stream.try_clone()?);
        let say = |text: &str| say(stream, text);
        say("220 mail.example ESMTP")?;
        let (mut from, mut to) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => say("250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8")?,
                "MAIL" => {
                    from = address_in(&line);
                    say("250 2.1.0 ok")?;
                }
                "RCPT" => {
                    to = address_in(&line);
                    say("250 2.1.5 ok")?;
                }
                "RSET" | "NOOP" => say("250 2.0.0 ok")?,
                "DATA" => {
                    say("354 go ahead")?;
                    let bytes = read_mail(&mut reader)?;
                    match self.take(&from, &to, &bytes) {
                        Reply::Say(text) => say(text)?,
                        Reply::Cut => return stream.shutdown(Shutdown::Both),
                        Reply::Half => {
                            let mut half = stream;
                            half.write_all(b"25")?;
                            return stream.shutdown(Shutdown::Both);
                        }
                        Reply::Late(late) => {
                            stream.set_read_timeout(Some(late))?;
                            if reader.read(&mut [0]).is_ok() {
                                return Ok(());
                            }
                            stream.set_read_timeout(None)?;
                            say(TAKEN)?;
                        }
                    }
                }
                "QUIT" => return say("221 2.0.0 bye"),
                _ => say("502 5.5.1 not known")?,
            }
        }
    }

    fn take(self: &Arc<Self>, from: &str, to: &str, bytes: &[u8]) -> Reply {
        let mail = ReadMail::of(&String::from_utf8_lossy(bytes));
        let Drawn { delay, fault } = self.fate.of_send((from, to), &mail.text, Some(&mail.id));
        if delay > Duration::ZERO {
            thread::sleep(delay);
        }
        match fault {
            Some(Fault::DropBeforeReading | Fault::ResetBeforeTaking) => return Reply::Cut,
            Some(Fault::TooManyRequests { .. }) => return Reply::Say("450 4.7.1 too many mails, come back later"),
            Some(Fault::ServerError(_)) => return Reply::Say("451 4.3.0 not for the moment"),
            Some(Fault::Refuse { .. }) => return Reply::Say("554 5.7.1 refused"),
            _ => {}
        }
        let channel = lock(&self.channels).iter().find(|channel| channel.address.as_str() == from).cloned();
        let sent = SentMessage {
            sequence: self.taken.fetch_add(1, Ordering::SeqCst),
            at: Instant::now(),
            created_at: chrono::Utc::now(),
            message_id: mail::our_id(&mail.id).map(|(id, _)| id.0.to_string()),
            id: mail.id,
            channel: channel.as_ref().map(|channel| channel.id.to_string()),
            to: to.to_owned(),
            from: Some(from.to_owned()),
            text: mail.text,
            template: None,
            file: mail.file,
        };
        (self.on_sent)(sent.clone());
        if let Some(channel) = channel {
            self.runtime.block_on(follow(self, (channel, sent)));
        }
        match fault {
            Some(Fault::TakeThenReset) => Reply::Cut,
            Some(Fault::TakeThenHalfAnswer) => Reply::Half,
            Some(Fault::TakeThenServerError(_)) => Reply::Say("451 4.3.0 not for the moment"),
            Some(Fault::TakeThenWait(late)) => Reply::Late(late),
            _ => Reply::Say(TAKEN),
        }
    }

    fn channel(&self, id: &str) -> Result<Channel, SimulatorError> {
        let channels = lock(&self.channels);
        channels.iter().find(|channel| channel.id.as_str() == id).cloned().ok_or(SimulatorError::NoAccount)
    }

    fn webhook(&self, channel: &Channel, token: &str, body: &Value) -> Result<Webhook, SimulatorError> {
        let daemon = self.posting.daemon().ok_or(SimulatorError::NoDaemon)?;
        let url = daemon.reach(&format!("{}/webhooks/{NAME}/{}", daemon.public_base_url, channel.id));
        let headers =
            vec![("Content-Type", "application/json".to_owned()), ("Authorization", format!("Bearer {token}"))];
        Ok(Webhook { url, headers, body: body.to_string() })
    }
}

/// What a relay tells of a mail.
impl PostsCallbacks for World {
    type Sent = (Channel, SentMessage);

    fn posting(&self) -> &Posting {
        &self.posting
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn callback(
        &self,
        (channel, sent): &Self::Sent,
        status: &str,
        _code: Option<u32>,
    ) -> Result<Webhook, SimulatorError> {
        let event = match status {
            "sent" => "request",
            "read" => "opened",
            "failed" => "hard_bounce",
            other => other,
        };
        let body = json!({ "event": event, "email": path(&sent.to), "X-Mailin-custom": sent.id });
        self.webhook(channel, &token(channel)?, &body)
    }
}

fn token(channel: &Channel) -> Result<String, SimulatorError> {
    let token = settings(channel).ok().and_then(|account| account.webhook_token.as_ref());
    token.map(|token| token.expose_secret().to_owned()).ok_or(SimulatorError::NoAccount)
}

/// What stands behind the scheme.
fn path(address: &str) -> &str {
    address.trim_start_matches("mailto:")
}

/// That somebody wants to hear no more; the text is the mail's subject.
fn no_more(message: &CustomerMessage) -> Value {
    let mut event = json!({
        "event": "unsubscribed", "email": path(&message.from), "id": 7, "ts_event": 1_796_126_400,
        "message-id": format!("<{}@example.org>", message.id), "subject": message.text,
    });
    for (name, value) in &message.parameters {
        event[name] = serde_json::from_str(value).unwrap_or_else(|_| value.clone().into());
    }
    event
}

impl SimulatedProvider for MailSimulator {
    fn base_url(&self) -> String {
        format!("smtp://{}", self.world.address)
    }

    fn set_channels(&self, channels: &[Channel]) {
        *lock(&self.world.channels) = channels.to_vec();
    }

    fn set_daemon(&self, daemon: Daemon) {
        self.world.posting.set_daemon(daemon);
    }

    fn set_misconfigured(&self, _misconfigured: bool) {}

    fn set_faults(&self, faults: Faults) {
        self.world.fate.set(faults);
    }

    fn faults_met(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.world.fate.met()
    }

    fn set_callbacks(&self, plans: Vec<(u32, CallbackPlan)>) {
        self.world.posting.set_plans(plans);
    }

    fn callbacks_to_come(&self) -> u64 {
        self.world.posting.following()
    }

    fn enforce_rules(&self, _templates: &[Template]) {}

    fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        let channel = self.world.channel(&message.channel)?;
        self.world.webhook(&channel, &token(&channel)?, &no_more(message))
    }

    fn forged_webhook(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError> {
        let mut forged = self.webhook(message)?;
        match forgery {
            Forgery::Unsigned => forged.headers.retain(|(name, _)| *name != "Authorization"),
            Forgery::SignedBy(other) => {
                let (channel, token) = (self.world.channel(&message.channel)?, token(&self.world.channel(other)?)?);
                forged = self.world.webhook(&channel, &token, &no_more(message))?;
            }
            Forgery::UnknownChannel => forged.url.push_str("-unknown"),
        }
        Ok(forged)
    }

    fn deliver<'a>(&'a self, message: &'a CustomerMessage) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(async move { self.world.posting.post(self.webhook(message)?).await })
    }

    fn report<'a>(
        &'a self,
        _id: &'a str,
        _status: &'a str,
        _code: Option<u32>,
    ) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(std::future::ready(Err(SimulatorError::NoCallback)))
    }
}

impl Drop for MailSimulator {
    fn drop(&mut self) {
        self.world.is_stopped.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one.
        drop(TcpStream::connect(self.world.address));
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn say(mut stream: &TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes())
}

/// `MAIL FROM:<a@b.fr>`
fn address_in(line: &str) -> String {
    let between = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    format!("mailto:{}", between.map_or("", |(address, _)| address))
}

/// Up to the dot that ends a mail, which is not part of it.
fn read_mail(reader: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let begin = bytes.len();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &bytes[begin..] == b".\r\n" {
            bytes.truncate(begin);
            return Ok(bytes);
        }
        if bytes[begin] == b'.' {
            bytes.remove(begin);
        }
    }
}
