//! A creator's shop: a daemon whose clock can be moved, a simulated Stripe, and a simulated Telegram with the creator's chat.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::DemoError;
use super::watcher::Watcher;
use crate::app::{self, RunningDaemon, SystemClock};
use crate::config::{Config, Environment};
use crate::gateway::client;
use crate::gateway::simulator::{CustomerMessage, Daemon, SentMessage, SimulatorError, StartOptions};
use crate::gateway::telegram::simulator::TelegramSimulator;
use crate::lab::folder::{PUBLIC_BASE_URL, RunFolder, fresh_secret};
use crate::lab::waiting::comes_true_within;
use crate::payments::stripe::SIGNATURE_HEADER;
use crate::payments::stripe::simulator::{SECRET_KEY, SimulatedStripe, WEBHOOK_SECRET, WebhookFaults};
use crate::store::operator::{Operator, Tenants};
use crate::store::paid_access::{AccessGrant, PaymentEventFilter, PaymentEventLine, Subscription, SubscriptionFilter};
use crate::telemetry::{self, logs, metrics};

const TENANT: &str = include_str!("belle.toml");
/// Somebody else's business, whose messages go through while members pay.
const TRAFFIC: &str = include_str!("traffic.toml");
const TRAFFIC_BOT: &str = "7000000002";
pub(super) const TRAFFIC_CHANNEL: &str = "trafic-tg";
const ACCOUNT: &str = "acct_DemoBelle00001";
pub(super) const CHANNEL: &str = "belle-tg";
pub(super) const CHAT: i64 = -1_001_234_567_890;
const BOT: &str = "7000000001";
pub(super) const CREATOR: i64 = 70_000_010;
pub(super) const AWA: i64 = 70_000_011;
pub(super) const STRANGER: i64 = 70_000_012;
pub(super) const EMAIL: &str = "awa@example.com";

/// How long something may take that is to happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A clock that runs with the system's, and can be moved on.
#[derive(Default)]
struct MovableClock {
    ahead_s: AtomicI64,
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::seconds(self.ahead_s.load(Ordering::Relaxed))
    }
}

/// The simulated Stripe on a thread of its own: its server needs one that runs nothing else.
struct StripeThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for StripeThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Everything that takes part in the story.
pub(super) struct Shop {
    pub folder: RunFolder,
    pub stripe: SimulatedStripe,
    pub telegram: TelegramSimulator,
    pub client: reqwest::Client,
    /// What nobody may repeat in a log.
    pub secrets: Vec<String>,
    pub operator: Operator,
    clock: Arc<MovableClock>,
    daemon: RunningDaemon,
    log: logs::LogGuard,
    /// Dropped after what uses it.
    _stripe: StripeThread,
}

impl Shop {
    /// Starts all of it in a new folder, or in the given one; for a load, with other people's traffic, and with somebody who sees
    /// what is sent.
    pub async fn open(
        keep: Option<&Path>,
        listen: SocketAddr,
        watcher: Option<&Arc<Watcher>>,
    ) -> Result<Self, DemoError> {
        let folder = RunFolder::open("palabre-demo-", keep)?;
        let clock = Arc::new(MovableClock::default());
        let (stripe, stripe_thread) = start_stripe(clock.now())?;
        let telegram = match watcher.cloned() {
            Some(watcher) => {
                let on_sent = Arc::new(move |sent: SentMessage| watcher.saw(&sent));
                TelegramSimulator::start(StartOptions {
                    listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                    seed: 1,
                    on_sent,
                })?
            }
            None => TelegramSimulator::on_this_machine()?,
        };
        let (token, webhook) = (
            SecretString::from(format!("{BOT}:AA{}", fresh_secret().expose_secret())),
            SecretString::from(fresh_secret().expose_secret().to_owned()),
        );
        telegram.add_bot(CHANNEL, token.expose_secret(), Some(webhook.expose_secret()));
        telegram.set_member(CHAT, CREATOR, "creator");
        let level = if watcher.is_some() { "warn" } else { "palabre=debug,palabre_actors=debug,info" };
        folder.write_config(&configuration(listen, stripe.base_url(), level))?;
        if watcher.is_some() {
            let token = SecretString::from(format!("{TRAFFIC_BOT}:AA{}", fresh_secret().expose_secret()));
            let secret = SecretString::from(fresh_secret().expose_secret().to_owned());
            telegram.add_bot(TRAFFIC_CHANNEL, token.expose_secret(), Some(secret.expose_secret()));
            folder.write_tenant("trafic", &TRAFFIC.replace("http://simulator.invalid", &telegram.base_url()))?;
            folder.write_secret("traffic", &token)?;
            folder.write_secret("traffic-webhook", &secret)?;
        }
        let tenant = TENANT.replace("http://simulator.invalid", &telegram.base_url());
        // All that Telegram lets a bot do, where that is to be measured.
        let limits = if watcher.is_some() { "\n\n[limits]\nper_second = 30\n" } else { "" };
        folder.write_tenant("institut-belle", &format!("{tenant}{limits}"))?;
        let stripe_secrets = [SecretString::from(SECRET_KEY), SecretString::from(WEBHOOK_SECRET)];
        for (name, secret) in [
            ("bot", &token),
            ("bot-webhook", &webhook),
            ("stripe", &stripe_secrets[0]),
            ("stripe-webhook", &stripe_secrets[1]),
        ] {
            folder.write_secret(name, secret)?;
        }
        // The process's own environment is not read: the demo is the same everywhere.
        let config = Config::load(&folder.config(), &Environment::default(), &crate::gateway::PROVIDERS)?.config;
        let log = logs::install_to(&config.logs, File::create(folder.log())?)?;
        telemetry::panics::install();
        let exporter = metrics::install()?;
        let daemon = app::start_in(config, exporter, Arc::clone(&clock) as _).await?;
        telegram.set_daemon(Daemon {
            public_base_url: PUBLIC_BASE_URL.to_owned(),
            reached_at: format!("http://{}", daemon.addr),
        });
        let operator = daemon.store().operator();
        let secrets = [token, webhook].into_iter().chain(stripe_secrets);
        let secrets = secrets.map(|secret| secret.expose_secret().to_owned()).chain([EMAIL.to_owned()]).collect();
        Ok(Self {
            folder,
            stripe,
            telegram,
            client: client::new()?,
            secrets,
            clock,
            daemon,
            operator,
            log,
            _stripe: stripe_thread,
        })
    }

    /// Where the daemon's public pages are on this machine.
    pub fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.addr)
    }

    /// Days pass, for the daemon and for Stripe.
    pub fn pass(&self, days: i64) {
        let seconds = TimeDelta::days(days).num_seconds();
        self.clock.ahead_s.fetch_add(seconds, Ordering::Relaxed);
        self.stripe.advance(seconds);
    }

    /// The daemon's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time passes for the daemon, until then.
    pub fn pass_to(&self, moment: Timestamp) {
        self.clock.ahead_s.fetch_add((moment - self.now()).num_seconds() + 1, Ordering::Relaxed);
    }

    /// Opens the plan's page and presses its button: where Stripe's page is.
    pub async fn checkout(&self, page: &str) -> Option<String> {
        let (path, token) = page.split_once("?m=")?;
        let shown = self.client.get(self.page(page)).send().await.ok()?;
        if !shown.status().is_success() {
            return None;
        }
        let form = [("m", token)];
        let pressed = self.client.post(self.page(&format!("{path}/buy"))).form(&form).send().await.ok()?;
        pressed.headers().get("location")?.to_str().ok().map(str::to_owned)
    }

    /// Awa writes to the bot.
    pub async fn write(&self, number: u32, text: &str) -> Result<(), DemoError> {
        let message = CustomerMessage {
            channel: CHANNEL.to_owned(),
            id: format!("TG{number}u{number}"),
            from: format!("telegram:{AWA}"),
            text: text.to_owned(),
            name: Some("Awa".to_owned()),
            ..CustomerMessage::default()
        };
        self.telegram.deliver(&message).await?;
        Ok(())
    }

    /// Somebody opens an invitation and asks to be let in.
    pub async fn asks_to_join(&self, number: i64, who: i64) -> Result<(), DemoError> {
        let update = json!({ "update_id": number, "chat_join_request": {
            "chat": { "id": CHAT, "type": "channel", "title": "Le cercle" },
            "from": { "id": who, "is_bot": false, "first_name": "Someone" },
            "user_chat_id": who, "date": self.clock.now().timestamp(),
        } });
        self.telegram.deliver_update(CHANNEL, &update).await?;
        Ok(())
    }

    /// Posts what Stripe has to tell, in another order and some of it twice. Returns the ids of the events, each as often as it
    /// was posted.
    pub async fn hear_stripe(&self, seed: u64) -> Vec<String> {
        let url = self.page("/webhooks/stripe");
        let faults = WebhookFaults { seed, shuffled: true, repeated: true, ..WebhookFaults::default() };
        let mut posted = Vec::new();
        for (body, signature) in self.stripe.posts(faults) {
            let event: Value = serde_json::from_str(&body).unwrap_or_default();
            posted.extend(event["id"].as_str().map(str::to_owned));
            let request = self.client.post(&url).header(SIGNATURE_HEADER, signature);
            // One that is not taken is missed in the end.
            let _ = request.header("content-type", "application/json").body(body).send().await;
        }
        posted
    }

    /// What the bot wrote to Awa.
    pub fn told(&self) -> Vec<String> {
        let calls = self.telegram.calls_of("sendMessage");
        let texts = calls.iter().filter(|call| call["chat_id"] == AWA).filter_map(|call| call["text"].as_str());
        texts.map(str::to_owned).collect()
    }

    /// Who is in the chat.
    pub fn members(&self) -> BTreeSet<i64> {
        self.telegram.members_of(CHAT)
    }

    pub async fn subscription(&self) -> Option<Subscription> {
        let found = self.operator.subscriptions(&Tenants::All, &SubscriptionFilter::default(), 10).await;
        found.ok()?.pop()
    }

    pub async fn places(&self) -> Vec<AccessGrant> {
        let Some(subscription) = self.subscription().await else { return Vec::new() };
        self.operator.access_grants(&[subscription.id]).await.unwrap_or_default()
    }

    pub async fn payment_events(&self) -> Vec<PaymentEventLine> {
        let found = self.operator.payment_events(&Tenants::All, &PaymentEventFilter::default(), 1_000).await;
        found.unwrap_or_default()
    }

    /// Stops everything, and flushes the log. What was written and who is in the chat can still be looked at in the folder.
    pub async fn close(self) -> RunFolder {
        self.daemon.stop().await;
        drop(self.operator);
        // The log's last lines are written by the time this is gone.
        drop(self.log);
        self.folder
    }
}

/// Waits until something is so. `false`: it never was.
pub(super) async fn comes_true(is_so: impl AsyncFnMut() -> bool) -> bool {
    comes_true_within(DEADLINE, is_so).await
}

fn start_stripe(now: Timestamp) -> Result<(SimulatedStripe, StripeThread), SimulatorError> {
    let (ready, started) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::Builder::new().name("stripe-simulator".to_owned()).spawn(move || {
        actix_rt::System::new().block_on(async move {
            let _ = ready.send(SimulatedStripe::start(ACCOUNT, now));
            // An error means that nobody needs it any more.
            let _ = stopped.await;
        });
    })?;
    let held = StripeThread { stop: Some(stop), thread: Some(thread) };
    let stripe = started.recv().map_err(|_| SimulatorError::Stopped)??;
    stripe.sign_in_own_time();
    Ok((stripe, held))
}

fn configuration(listen: SocketAddr, stripe: &str, level: &str) -> String {
    let admin = SocketAddr::new(listen.ip(), 0);
    format!(
        r#"# Written by `palabre demo --access`.
[http]
listen = "{listen}"
admin_listen = "{admin}"
public_base_url = "{PUBLIC_BASE_URL}"

[database]
url = "sqlite://palabre.db"

[logs]
level = "{level}"

[runtime]
drain = "5s"

[stripe]
secret_key = {{ file = "secrets/stripe" }}
webhook_secrets = [{{ file = "secrets/stripe-webhook" }}]
api_base_url = "{stripe}"
"#
    )
}
