//! Ledger of the messages that the simulated Twilio took.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::gateway::simulator::lock;
use crate::gateway::twilio::MESSAGE_ID_PARAMETER;
use crate::gateway::twilio::form::Form;

/// A message that was taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// The number of messages taken before it.
    pub sequence: u64,
    /// When, for latencies.
    pub at: Instant,
    /// When, for people.
    pub created_at: DateTime<Utc>,
    /// What the simulator calls it.
    pub sid: String,
    /// Whose it is.
    pub account_sid: String,
    /// Our own id, from the callback's query string.
    pub mid: Option<String>,
    /// To whom, as Twilio writes it.
    pub to: String,
    /// From whom, as Twilio writes it.
    pub from: Option<String>,
    /// Through which service.
    pub messaging_service_sid: Option<String>,
    /// The text; what became of the template, where its text is known ([`super::Policy::templates`]).
    pub body: String,
    /// The template.
    pub content_sid: Option<String>,
    /// Where its file is to be read.
    pub media_url: Option<String>,
    /// What stands in its places, as JSON.
    pub content_variables: Option<String>,
    /// Where status callbacks go.
    pub status_callback: Option<String>,
}

impl Sent {
    pub(super) fn of(form: &Form, account_sid: &str, sid: String, sequence: u64) -> Self {
        let owned = |name| form.get(name).map(str::to_owned);
        let status_callback = owned("StatusCallback");
        Self {
            sequence,
            at: Instant::now(),
            created_at: Utc::now(),
            sid,
            account_sid: account_sid.to_owned(),
            mid: status_callback.as_deref().and_then(our_id),
            to: owned("To").unwrap_or_default(),
            from: owned("From"),
            messaging_service_sid: owned("MessagingServiceSid"),
            body: owned("Body").unwrap_or_default(),
            content_sid: owned("ContentSid"),
            media_url: owned("MediaUrl"),
            content_variables: owned("ContentVariables"),
            status_callback,
        }
    }
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sent({} {})", self.sequence, self.sid)
    }
}

/// A URL as Twilio calls and signs it: the fragment holds overrides for Twilio itself.
pub(super) fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

/// Our own id, from the query string of a callback's URL.
pub(super) fn our_id(callback: &str) -> Option<String> {
    let (_, query) = without_fragment(callback).split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == MESSAGE_ID_PARAMETER).map(|(_, id)| id.into_owned())
}

/// What is remembered of what was taken.
pub(super) struct Ledger {
    remembers: bool,
    next: AtomicU64,
    sends: Mutex<Vec<Sent>>,
    taken: watch::Sender<u64>,
}

impl Ledger {
    /// `remembers`: keep every message, rather than their number alone.
    pub fn new(remembers: bool) -> Self {
        Self { remembers, next: AtomicU64::new(0), sends: Mutex::default(), taken: watch::Sender::new(0) }
    }

    pub fn remembers(&self) -> bool {
        self.remembers
    }

    pub fn next_sequence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn take(&self, sent: &Sent) {
        if self.remembers {
            lock(&self.sends).push(sent.clone());
        }
        self.taken.send_modify(|count| *count += 1);
    }

    pub fn taken(&self) -> watch::Receiver<u64> {
        self.taken.subscribe()
    }

    pub fn sends(&self) -> Vec<Sent> {
        lock(&self.sends).clone()
    }

    pub fn find(&self, fits: impl Fn(&Sent) -> bool) -> Option<Sent> {
        lock(&self.sends).iter().find(|sent| fits(sent)).cloned()
    }

    /// The newest first.
    pub fn newest(&self, most: usize, fits: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        lock(&self.sends).iter().rev().filter(|sent| fits(sent)).take(most).cloned().collect()
    }
}
