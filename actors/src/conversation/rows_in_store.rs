//! What a conversation knows of its rows in the store.

use std::time::Duration;

use tokio::time::Instant;

/// How soon the store is asked whether queued rows are settled.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// The time between two questions doubles up to this.
pub(super) const ASK_AGAIN_AT_LAST: Duration = Duration::from_secs(4);

/// Rows of the conversation in the store that are before a new one, and how sure that is.
pub(super) struct RowsInStore {
    /// There are rows without an outcome that this instance does not track.
    pub(super) queued: bool,
    /// There are some that wait for the contact to write.
    pub(super) deferred: bool,
    /// When the store was asked.
    pub(super) asked_at: Option<Instant>,
    /// How long its answer is trusted while rows queue.
    pub(super) ask_again_after: Duration,
}

impl Default for RowsInStore {
    fn default() -> Self {
        Self { queued: false, deferred: false, asked_at: None, ask_again_after: ASK_AGAIN_AFTER }
    }
}
