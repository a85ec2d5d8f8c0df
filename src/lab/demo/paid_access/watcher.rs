//! What the bots of a load sent, and when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::gateway::simulator::SentMessage;
use crate::lab::folder::PUBLIC_BASE_URL;

/// What was sent, by whom it was sent to.
#[derive(Default)]
pub(super) struct Watcher {
    pub(super) pages: Mutex<HashMap<String, String>>,
    pub(super) links: Mutex<HashMap<String, Instant>>,
    /// When somebody wrote who has no answer yet, and how long answers took.
    pub(super) waiting: Mutex<HashMap<String, Instant>>,
    answers: Mutex<Vec<Duration>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watcher {
    pub(super) fn saw(&self, sent: &SentMessage) {
        if let Some(asked_at) = lock(&self.waiting).remove(&sent.to) {
            lock(&self.answers).push(sent.at.saturating_duration_since(asked_at));
        }
        if sent.text.contains("https://t.me/+") {
            lock(&self.links).entry(sent.to.clone()).or_insert(sent.at);
        } else if let Some(page) = sent.text.split_whitespace().find(|word| word.starts_with(PUBLIC_BASE_URL)) {
            lock(&self.pages)
                .entry(sent.to.clone())
                .or_insert_with(|| page.trim_start_matches(PUBLIC_BASE_URL).to_owned());
        }
    }

    pub(super) fn takes_answers(&self) -> Vec<Duration> {
        std::mem::take(&mut *lock(&self.answers))
    }
}
