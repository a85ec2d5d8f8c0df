//! Web push: tells people on their phones that somebody waits, also while the console is closed.
//!
//! What a push service gets is encrypted for the browser, and names nobody even there. Who is told: whoever the conversation is
//! assigned to; of one that is nobody's, all of the tenant who may read conversations. Each browser once for each stretch of
//! waiting, whatever node finds it, and at most once: a push is a hint, the console has the truth.

mod encryption;
mod vapid;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use palabre_actors::ports::Clock;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::sync::{OnceCell, Semaphore};
use url::Url;
use uuid::Uuid;

use self::encryption::{BrowserKeys, encrypt};
use self::vapid::VapidKey;
use super::people::SignedIn;
use super::permissions::{Permission, Role};
use super::{ServiceError, Who, audit};
use crate::config::Config;
use crate::gateway::client::ClientError;
use crate::gateway::guarded_client;
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::push::{DuePush, PushSettled, PushTarget};
use crate::telemetry::metrics::PUSHES;

/// How long a push service may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long it keeps a push for a phone that is off, in seconds: later, nobody need hurry.
const KEPT_SECONDS: &str = "3600";
/// Pushes on their way at once.
const AT_ONCE: usize = 16;
/// Rows of one look.
const BATCH: usize = 500;
/// Waits between the attempts of one push.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];
/// Longer endpoints are none of a push service.
const LONGEST_ENDPOINT: usize = 1_000;

/// Pushes to browsers. Clones share it.
#[derive(Clone)]
pub struct PushNotices(Arc<Shared>);

struct Shared {
    store: Operator,
    client: reqwest::Client,
    /// Whether endpoints may be on this machine or its network: for tests.
    private: bool,
    /// Whom a push service writes to when something is wrong with us.
    contact: Option<String>,
    /// `console.push_key`
    configured_key: Option<SecretString>,
    clock: Arc<dyn Clock>,
    key: OnceCell<VapidKey>,
    permits: Semaphore,
}

impl fmt::Debug for PushNotices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushNotices").finish_non_exhaustive()
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushAnswer {
    Taken,
    Gone,
    /// It would be the same again.
    Refused,
    /// Another attempt may do.
    Again,
}

impl PushNotices {
    /// `None`: `console.push` is off.
    ///
    /// # Errors
    /// [`ClientError`]: there is no HTTP client.
    pub fn new(config: &Config, store: Operator, clock: Arc<dyn Clock>) -> Result<Option<Self>, ClientError> {
        if !config.console.enabled || !config.console.push {
            return Ok(None);
        }
        let private = config.webhooks.private_targets;
        let base_url = config.console.base_url.as_ref().or(config.http.public_base_url.as_ref());
        Ok(Some(Self(Arc::new(Shared {
            store,
            client: guarded_client::new(private)?,
            private,
            contact: base_url.filter(|url| url.starts_with("https://")).cloned(),
            configured_key: config.console.push_key.clone(),
            clock,
            key: OnceCell::new(),
            permits: Semaphore::new(AT_ONCE),
        }))))
    }

    /// The key that browsers ask for: the configured one, or one that is made once and kept in the database.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn public_key(&self) -> Result<String, ServiceError> {
        Ok(self.key().await?.public())
    }

    async fn key(&self) -> Result<&VapidKey, ServiceError> {
        let make = async || {
            if let Some(key) = &self.0.configured_key {
                return VapidKey::read(key.expose_secret()).ok_or(ServiceError::Invalid("push key"));
            }
            let fresh = VapidKey::fresh().ok_or(ServiceError::Busy)?;
            let kept = self.0.store.push_key(&fresh).await?;
            VapidKey::read(&kept).ok_or(ServiceError::Busy)
        };
        self.0.key.get_or_try_init(make).await
    }

    /// The browser in which somebody is signed in is told from now on.
    ///
    /// # Errors
    /// [`ServiceError`]: `Invalid("subscription")` when it is none that a push service gave.
    pub async fn subscribe(&self, person: &SignedIn, target: PushTarget<'_>) -> Result<(), ServiceError> {
        let is_fine =
            self.endpoint(target.endpoint).is_some() && BrowserKeys::read(target.p256dh, target.auth).is_some();
        if !is_fine {
            return Err(ServiceError::Invalid("subscription"));
        }
        let user = person.user.id;
        audit::note_person(&self.0.store, user, "push.subscribe", ("user", &user.to_string())).await?;
        Ok(self.0.store.add_push((user, person.session.id), target, self.0.clock.now()).await?)
    }

    /// One of a person's browsers is told no more, or none of them (`None`).
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn unsubscribe(&self, person: &SignedIn, endpoint: Option<&str>) -> Result<(), ServiceError> {
        let user = person.user.id;
        audit::note_person(&self.0.store, user, "push.unsubscribe", ("user", &user.to_string())).await?;
        self.0.store.remove_push(user, endpoint).await?;
        Ok(())
    }

    /// How many of a person's browsers are told.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn count(&self, person: &SignedIn) -> Result<i64, ServiceError> {
        Ok(self.0.store.push_count(person.user.id).await?)
    }

    /// Where pushes may go: to public hosts alone, and encrypted on their way.
    fn endpoint(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_ENDPOINT)?;
        let is_fine = url.scheme() == "https" || (self.0.private && url.scheme() == "http");
        (is_fine && guarded_client::check(&url, self.0.private).is_ok()).then_some(url)
    }

    /// Tells browsers of those who wait. `looks_at`: whether a person has the conversation open, and need not be told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn tell_due(&self, looks_at: impl Fn(&TenantId, Uuid, &str) -> bool) -> Result<(), StoreError> {
        let (now, mut after) = (self.0.clock.now(), Uuid::nil());
        loop {
            let mut rows = self.0.store.due_pushes(now, after, BATCH).await?;
            let is_full = rows.len() == BATCH;
            let Some(mut last) = rows.last().map(|row| row.subscription) else { return Ok(()) };
            if is_full && rows.first().is_some_and(|row| row.subscription != last) {
                // The last browser's may go on: they come whole with the next page.
                rows.retain(|row| row.subscription != last);
                last = rows.last().map_or(last, |row| row.subscription);
            }
            after = last;
            self.tell(&rows, &looks_at).await?;
            if !is_full {
                return Ok(());
            }
        }
    }

    async fn tell(
        &self,
        rows: &[DuePush],
        looks_at: &impl Fn(&TenantId, Uuid, &str) -> bool,
    ) -> Result<(), StoreError> {
        for rows in rows.chunk_by(|one, other| one.subscription == other.subscription) {
            let Some(first) = rows.first() else { continue };
            let new: Vec<&DuePush> = rows.iter().filter(|row| may_be_told(row) && !was_told(row)).collect();
            if new.is_empty() {
                continue;
            }
            // Those of the last minutes alone: the others are not found any more.
            let told = rows.iter().map(mark).collect::<Vec<_>>().join(" ");
            if !self.0.store.claim_push(first.subscription, (&first.told, &told)).await? {
                continue;
            }
            let who = Who::User(first.user).to_string();
            let unseen = new.into_iter().filter(|row| !looks_at(&row.tenant, row.conversation, &who));
            let unseen: Vec<Uuid> = unseen.map(|row| row.conversation).collect();
            if !unseen.is_empty() {
                let (push, to, text) = (self.clone(), first.clone(), payload(first.language, &unseen));
                tokio::spawn(async move { push.deliver(&to, &text).await });
            }
        }
        Ok(())
    }

    async fn deliver(&self, to: &DuePush, text: &str) {
        // The semaphore is never closed.
        let Ok(_permit) = self.0.permits.acquire().await else { return };
        let mut answer = self.post(to, text).await;
        for wait in AGAIN_AFTER {
            if answer != PushAnswer::Again {
                break;
            }
            tokio::time::sleep(wait).await;
            answer = self.post(to, text).await;
        }
        let (outcome, settled) = match answer {
            PushAnswer::Taken => ("taken", PushSettled::Taken),
            PushAnswer::Gone => ("gone", PushSettled::Gone),
            PushAnswer::Refused => ("refused", PushSettled::Failed),
            PushAnswer::Again => ("unreached", PushSettled::Failed),
        };
        counter!(PUSHES, "outcome" => outcome).increment(1);
        if let Err(error) = self.0.store.settle_push(to.subscription, settled).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "what became of a push was not noted");
        }
    }

    async fn post(&self, to: &DuePush, text: &str) -> PushAnswer {
        let Some((url, body, authorization)) = self.request(to, text).await else { return PushAnswer::Refused };
        let request = self
            .0
            .client
            .post(url)
            .timeout(TIMEOUT)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("TTL", KEPT_SECONDS)
            .header("Urgency", "high")
            .body(body);
        match request.send().await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => PushAnswer::Taken,
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => PushAnswer::Gone,
            Ok(status) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => PushAnswer::Again,
            Ok(_) => PushAnswer::Refused,
            Err(error) if guarded_client::is_not_public(&error) => PushAnswer::Refused,
            Err(_) => PushAnswer::Again,
        }
    }

    /// Where it goes, what, and in whose name. `None`: it cannot go.
    async fn request(&self, to: &DuePush, text: &str) -> Option<(Url, Vec<u8>, String)> {
        let url = self.endpoint(&to.endpoint)?;
        let body = encrypt(&BrowserKeys::read(&to.p256dh, &to.auth)?, text.as_bytes())?;
        let key = self.key().await.ok()?;
        let origin = url.origin().ascii_serialization();
        let authorization = key.authorization(&origin, self.0.contact.as_deref(), self.0.clock.now())?;
        Some((url, body, authorization))
    }
}

/// Whether the role of a browser's person lets them read conversations; a word that this version does not know does not.
fn may_be_told(row: &DuePush) -> bool {
    row.role.parse::<Role>().is_ok_and(|role| role.permissions().allows(Permission::ConversationRead))
}

/// Somebody who waits, as a browser's row remembers them: another stretch of waiting is told of again.
fn mark(row: &DuePush) -> String {
    format!("{}@{}", row.conversation.simple(), row.waiting_since.timestamp_micros())
}

fn was_told(row: &DuePush) -> bool {
    let mark = mark(row);
    row.told.split(' ').any(|told| told == mark)
}

/// What the browser shows: no name and no text, because a phone shows it to whoever is near.
fn payload(language: Language, conversations: &[Uuid]) -> String {
    let (title, url) = match (language, conversations) {
        (Language::Fr, [one]) => ("Quelqu'un attend".to_owned(), page(*one)),
        (Language::En, [one]) => ("Somebody waits".to_owned(), page(*one)),
        (Language::Fr, several) => (format!("{} personnes attendent", several.len()), LIST.to_owned()),
        (Language::En, several) => (format!("{} people wait", several.len()), LIST.to_owned()),
    };
    json!({ "title": title, "url": url }).to_string()
}

const LIST: &str = "/console/conversations?tab=waiting";

fn page(conversation: Uuid) -> String {
    format!("/console/conversations/{conversation}#end")
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::Timestamp;

    use super::*;

    #[test]
    fn i10_a_push_names_nobody() {
        let one = Uuid::from_u128(1);
        let shown = |language, conversations: &[Uuid]| -> serde_json::Value {
            serde_json::from_str(&payload(language, conversations)).unwrap()
        };
        let page = format!("/console/conversations/{one}#end");
        assert_eq!(shown(Language::Fr, &[one]), json!({ "title": "Quelqu'un attend", "url": page }));
        let several = json!({ "title": "2 people wait", "url": "/console/conversations?tab=waiting" });
        assert_eq!(shown(Language::En, &[one, Uuid::from_u128(2)]), several);
    }

    #[test]
    fn a_stretch_of_waiting_is_told_of_once_and_the_next_one_again() {
        let at: Timestamp = "2026-11-30T08:00:00.000001Z".parse().unwrap();
        let mut row = DuePush {
            subscription: Uuid::nil(),
            user: palabre_actors::domain::ids::UserId::fresh(),
            language: Language::Fr,
            endpoint: String::new(),
            p256dh: String::new(),
            auth: String::new(),
            told: String::new(),
            role: "agent".to_owned(),
            tenant: TenantId::new("belle"),
            conversation: Uuid::from_u128(7),
            waiting_since: at,
        };
        assert!(may_be_told(&row) && !was_told(&row));
        row.told = format!("other@1 {}", mark(&row));
        assert!(was_told(&row));
        row.waiting_since += chrono::TimeDelta::microseconds(1);
        assert!(!was_told(&row));
        row.role = "boss".to_owned();
        assert!(!may_be_told(&row));
    }
}
