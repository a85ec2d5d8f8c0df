//! Ledger of the messages that a simulated REST provider took.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::{RestSend, lock};
use crate::config::Channel;

/// A message that was taken. Addresses are written as the tables keep them.
#[derive(Clone)]
pub(in crate::gateway) struct RestSent {
    pub sequence: u64,
    pub at: Instant,
    pub created_at: DateTime<Utc>,
    pub id: String,
    /// The channel it left through.
    pub channel: String,
    pub from: String,
    pub to: String,
    pub text: String,
    pub template: Option<String>,
    pub file: Option<String>,
    pub message_id: Option<String>,
    pub callback: Option<String>,
}

impl RestSent {
    pub(super) fn of(send: &RestSend, channel: &Channel, id: String, sequence: u64) -> Self {
        Self {
            sequence,
            at: Instant::now(),
            created_at: Utc::now(),
            id,
            channel: channel.id.to_string(),
            from: channel.address.as_str().to_owned(),
            to: send.to.clone(),
            text: send.text.clone(),
            file: send.file.clone(),
            template: send.template.as_ref().map(|(name, _)| name.clone()),
            message_id: send.message_id.clone(),
            callback: send.callback.clone(),
        }
    }
}

/// What is remembered of what was taken.
#[derive(Default)]
pub(in crate::gateway) struct RestLedger {
    next: AtomicU64,
    /// The most that are kept; 0: all.
    most: usize,
    sends: Mutex<VecDeque<RestSent>>,
}

impl RestLedger {
    /// One that forgets the oldest beyond so many.
    pub(super) fn of_last(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn take(&self, sent: RestSent) {
        let mut sends = lock(&self.sends);
        if self.most > 0 && sends.len() >= self.most {
            sends.pop_front();
        }
        sends.push_back(sent);
    }

    pub(super) fn find(&self, fits: impl Fn(&RestSent) -> bool) -> Option<RestSent> {
        lock(&self.sends).iter().rev().find(|sent| fits(sent)).cloned()
    }

    /// The newest first, at most so many.
    pub fn newest(&self, most: usize, fits: impl Fn(&RestSent) -> bool) -> Vec<RestSent> {
        lock(&self.sends).iter().rev().filter(|sent| fits(sent)).take(most).cloned().collect()
    }
}
