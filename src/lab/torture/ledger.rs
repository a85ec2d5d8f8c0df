//! Ledger of what clients posted, written before a webhook leaves and after its answer came.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::fixtures::{Contact, Said};

/// A message that a contact wrote.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    /// The provider's id.
    pub(super) provider_id: String,
    /// Whose channel it went to.
    pub(super) tenant: String,
    pub(super) channel: String,
    pub(super) contact: u32,
    /// What it means.
    pub(super) said: Said,
    /// What makes its text unlike every other; the answer repeats it.
    pub(super) mark: String,
    /// When its webhook left for the first time.
    pub(super) begun: DateTime<Utc>,
    /// When the first 2xx was read; `None`: there was none.
    pub(super) acknowledged: Option<DateTime<Utc>>,
    /// How often its webhook was posted, copies included.
    pub(super) posts: u32,
    /// How often it got a 2xx.
    pub(super) acknowledgements: u32,
}

#[derive(Debug, Default)]
pub(super) struct PostLedger {
    posts: Mutex<PostRecords>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct PostRecords {
    /// In the order in which they were begun.
    pub(super) posted: Vec<Posted>,
    /// Answers that no honest webhook should get: the status, and the message.
    pub(super) turned_away: Vec<(u16, String)>,
    /// Posts without an answer, and those that got 502 to 504: the daemon was dead, dying or just born.
    pub(super) unanswered: u64,
}

/// A message's place in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PostId(usize);

impl PostLedger {
    /// A message is about to be posted for the first time.
    pub(super) fn begin(&self, contact: &Contact, said: Said, mark: &str, provider_id: &str) -> PostId {
        let mut posts = self.posts();
        posts.posted.push(Posted {
            provider_id: provider_id.to_owned(),
            tenant: contact.sender.tenant(),
            channel: contact.sender.channel(),
            contact: contact.index,
            said,
            mark: mark.to_owned(),
            begun: Utc::now(),
            acknowledged: None,
            posts: 0,
            acknowledgements: 0,
        });
        PostId(posts.posted.len() - 1)
    }

    /// A webhook of it leaves.
    pub(super) fn posting(&self, entry: PostId) {
        self.note(entry, |posted| posted.posts += 1);
    }

    /// One of them was answered with 2xx.
    pub(super) fn acknowledged(&self, entry: PostId) {
        self.note(entry, |posted| {
            posted.acknowledged.get_or_insert_with(Utc::now);
            posted.acknowledgements += 1;
        });
    }

    /// One of them got another status, or none.
    pub(super) fn refused(&self, entry: PostId, status: Option<u16>) {
        let mut posts = self.posts();
        match status {
            // A load balancer says 502 and 504 when there is nobody to ask.
            None | Some(502..=504) => posts.unanswered += 1,
            Some(status) => {
                let provider_id =
                    posts.posted.get(entry.0).map(|posted| posted.provider_id.clone()).unwrap_or_default();
                posts.turned_away.push((status, provider_id));
            }
        }
    }

    /// Messages that wait for their first 2xx, and those that have it.
    pub(super) fn count(&self) -> (usize, usize) {
        let posts = self.posts();
        let acknowledged = posts.posted.iter().filter(|posted| posted.acknowledged.is_some()).count();
        (posts.posted.len() - acknowledged, acknowledged)
    }

    pub(super) fn snapshot(&self) -> PostRecords {
        self.posts().clone()
    }

    fn note(&self, entry: PostId, change: impl FnOnce(&mut Posted)) {
        if let Some(posted) = self.posts().posted.get_mut(entry.0) {
            change(posted);
        }
    }

    fn posts(&self) -> MutexGuard<'_, PostRecords> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
