//! Members who pay in Stars while faults happen: whoever's payment was taken is let into the chat, and nobody else (I13).

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::gateway::simulator::{CustomerMessage, Daemon, Faults};
use crate::gateway::telegram::simulator::TelegramSimulator;
use crate::lab::folder::{RunFolder, fresh_secret};
use crate::lab::host::lock;
use crate::lab::torture::TortureError;
use crate::lab::verdict::{Finding, Verdict};
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::paid_access::{GrantState, PaymentEventFilter, Subscription};

const TENANT: &str = "torture-access";
const CHANNEL: &str = "torture-access-tg";
const BOT: u64 = 7_000_000_009;
const CHAT: i64 = -1_001_234_567_899;
const STARS: u64 = 500;
/// Members' numbers at Telegram.
const FIRST: i64 = 75_000_000;
/// One of so many asks to be let in without having paid.
const ONE_STRANGER_IN: i64 = 4;
/// Between two who come.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the tables, and two posts of what was not taken.
const AGAIN: Duration = Duration::from_millis(250);

/// The business, its chat, and who pays.
pub(in crate::lab::torture) struct Members {
    telegram: TelegramSimulator,
    numbers: AtomicI64,
    paid: Mutex<BTreeSet<i64>>,
    strangers: AtomicI64,
}

impl Members {
    /// Writes the business into a run's folder. Its webhooks go there.
    ///
    /// # Errors
    /// [`TortureError`]
    pub(in crate::lab::torture) fn open(folder: &RunFolder, daemon: Daemon) -> Result<Self, TortureError> {
        let telegram = TelegramSimulator::on_this_machine()?;
        let token = SecretString::from(format!("{BOT}:AA{}", fresh_secret().expose_secret()));
        let webhook = fresh_secret();
        telegram.add_bot(CHANNEL, token.expose_secret(), Some(webhook.expose_secret()));
        telegram.set_daemon(daemon);
        let written: io::Result<()> = [("access-bot", &token), ("access-webhook", &webhook)]
            .into_iter()
            .try_for_each(|(name, secret)| folder.write_secret(name, secret))
            .and_then(|()| folder.write_tenant(TENANT, &tenant_file(&telegram.base_url())));
        written.map_err(TortureError::Folder)?;
        let (numbers, paid, strangers) = (AtomicI64::new(0), Mutex::default(), AtomicI64::new(0));
        Ok(Self { telegram, numbers, paid, strangers })
    }

    /// Telegram does this wrong from now on.
    pub(in crate::lab::torture) fn set_faults(&self, faults: Faults) {
        self.telegram.set_faults(faults);
    }

    /// Members come one after the other until `stop`. Resolves when each has got as far as the daemons let them.
    pub(in crate::lab::torture) async fn come(self: Arc<Self>, database: String, mut stop: watch::Receiver<bool>) {
        let Some(operator) = until_some(|| async { Operator::open(&database).await.ok() }).await else { return };
        let mut lives = JoinSet::new();
        for number in 0.. {
            let (members, operator) = (Arc::clone(&self), operator.clone());
            lives.spawn(async move { members.live(FIRST + number, &operator).await });
            if tokio::time::timeout(EVERY, stop.wait_for(|stop| *stop)).await.is_ok() {
                break;
            }
        }
        lives.join_all().await;
    }

    async fn live(&self, who: i64, operator: &Operator) {
        if who % ONE_STRANGER_IN == 0 {
            self.ask_to_join(who).await;
            self.strangers.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (message, update) = (self.number(), self.number());
        let message = CustomerMessage {
            channel: CHANNEL.to_owned(),
            id: format!("TG{message}u{update}"),
            from: format!("telegram:{who}"),
            text: "/start plan_cercle".to_owned(),
            name: Some("Awa".to_owned()),
            ..CustomerMessage::default()
        };
        until_some(|| async { self.telegram.deliver(&message).await.ok().filter(|answer| answer.status == 200) }).await;
        let invoiced = || async { subscription(operator, who).await.filter(|bought| bought.invoiced_at.is_some()) };
        let Some(bought) = until_some(invoiced).await else { return };
        let paid = self.payment(who, &bought.id.to_string());
        self.post(&paid).await;
        lock(&self.paid).insert(who);
        // Telegram is not sure that it was taken.
        self.post(&paid).await;
        let invited = || async {
            let grants = operator.access_grants(&[bought.id]).await.ok()?;
            grants.iter().any(|grant| grant.state == GrantState::Invited).then_some(())
        };
        until_some(invited).await;
        self.ask_to_join(who).await;
        until_some(|| async { self.telegram.members_of(CHAT).contains(&who).then_some(()) }).await;
    }

    fn payment(&self, who: i64, payload: &str) -> Value {
        let until = Utc::now() + TimeDelta::days(30);
        json!({ "update_id": self.number(), "message": {
            "message_id": self.number(), "date": Utc::now().timestamp(), "chat": { "id": who, "type": "private" },
            "from": { "id": who, "is_bot": false, "first_name": "Awa" },
            "successful_payment": {
                "currency": "XTR", "total_amount": STARS, "invoice_payload": payload,
                "telegram_payment_charge_id": format!("charge-{who}"), "provider_payment_charge_id": "x",
                "subscription_expiration_date": until.timestamp(), "is_recurring": true, "is_first_recurring": true,
            },
        } })
    }

    async fn ask_to_join(&self, who: i64) {
        self.post(&json!({ "update_id": self.number(), "chat_join_request": {
            "chat": { "id": CHAT, "type": "channel", "title": "Le cercle" },
            "from": { "id": who, "is_bot": false, "first_name": "Someone" },
            "user_chat_id": who, "date": Utc::now().timestamp(),
        } }))
        .await;
    }

    /// Posts an update until it is taken, as Telegram does.
    async fn post(&self, update: &Value) {
        let posted = || async {
            let answer = self.telegram.deliver_update(CHANNEL, update).await.ok()?;
            (answer.status == 200).then_some(())
        };
        until_some(posted).await;
    }

    fn number(&self) -> i64 {
        1 + self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// I13: the chat holds who paid, each payment is in the ledger once, and a stranger is not let in.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::lab::torture) async fn verdict(&self, database: &str) -> Result<Verdict, StoreError> {
        let operator = Operator::open(database).await?;
        let (paid, within) = (lock(&self.paid).clone(), self.telegram.members_of(CHAT));
        let mut finding = Finding::of("I13", "entitled");
        let missing = paid.difference(&within).count();
        finding.must(missing == 0, || format!("{missing} of {} who paid are not in the chat", paid.len()));
        let strangers = within.difference(&paid).count();
        finding.must(strangers == 0, || format!("{strangers} are in the chat and did not pay"));
        let events = operator.payment_events(&Tenants::All, &PaymentEventFilter::default(), 100_000).await?;
        let payments = events.iter().filter(|event| event.provider == "stars").count();
        finding.must(payments == paid.len(), || format!("{payments} payments in the ledger of {}", paid.len()));
        let asked = self.strangers.load(Ordering::Relaxed);
        finding.exercised(paid.len(), "nobody paid");
        Ok(finding.verdict(format!("{} paid and are in the chat, {asked} asked without having paid", paid.len())))
    }
}

async fn subscription(operator: &Operator, who: i64) -> Option<Subscription> {
    let address = Address::from_normalised(&format!("telegram:{who}"));
    operator.subscriptions_of_member(&TenantId::new(TENANT), &address).await.ok()?.pop()
}

/// Asks until there is something. Whoever cannot wait that long drops it.
async fn until_some<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> Option<T> {
    loop {
        if let Some(found) = ask().await {
            return Some(found);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn tenant_file(telegram: &str) -> String {
    format!(
        r#"# Written by `palabre torture`.
id = "{TENANT}"
name = "Le cercle"
language = "fr"
timezone = "Europe/Paris"

[limits]
per_second = 100000
per_contact_per_minute = 100000
per_day = 100000000

[[channels]]
id = "{CHANNEL}"
provider = "telegram"
address = "telegram:{BOT}"
bot_token = {{ file = "secrets/access-bot" }}
webhook_secret = {{ file = "secrets/access-webhook" }}
api_base_url = "{telegram}"
timeout = "1s"

[channels.retry]
initial = "1s"
cap = "2s"
max_attempts = 1000

[channels.breaker]
consecutive_failures = 10000
sample = 10000

[[plans]]
id = "cercle"
name = "Le cercle"
stars = {STARS}
chats = ["telegram:{CHAT}"]
bot = "{CHANNEL}"

[imprint]
name = "Belle Diop EI"
address = "12 rue des Lilas, Montreuil"
terms_url = "https://belle.example/cgv"
"#
    )
}
