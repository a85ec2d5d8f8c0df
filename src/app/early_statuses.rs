//! Status callbacks that come before it is known which message they are about: applied again for a while.
//!
//! A provider that does not repeat our own id in its callbacks may tell a status before the answer to the send was written,
//! or before a lost answer was looked up. Other such callbacks are about messages that somebody else sent, and never find
//! one: so many are held at once, and no more.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::engine::Engine;
use palabre_actors::ports::{Advanced, PortError, StatusUpdate};
use tokio::sync::Semaphore;

/// Callbacks that are held at once, some 300 bytes each.
const MOST_HELD: usize = 512;
/// The first wait. Each is twice as long as the one before: 51 seconds in all.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const TIMES: u32 = 9;

/// Applies status callbacks, those that come early several times.
#[derive(Clone)]
pub(super) struct EarlyStatuses {
    engine: Engine,
    held: Arc<Semaphore>,
}

impl EarlyStatuses {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, held: Arc::new(Semaphore::new(MOST_HELD)) }
    }

    /// Applies a callback; if its message is not known yet, again in the background.
    ///
    /// # Errors
    /// The store's, of the first time.
    pub(super) async fn apply(&self, update: StatusUpdate) -> Result<Advanced, PortError> {
        // Our own id names the message, whatever is known of it.
        if update.id.is_some() {
            return self.engine.advance(update).await;
        }
        let advanced = self.engine.advance(update.clone()).await?;
        if advanced == Advanced::NoSuchMessage
            && let Ok(place) = Arc::clone(&self.held).try_acquire_owned()
        {
            let engine = self.engine.clone();
            tokio::spawn(async move {
                let _place = place;
                again(&engine, &update).await;
            });
        }
        Ok(advanced)
    }
}

async fn again(engine: &Engine, update: &StatusUpdate) {
    for time in 0..TIMES {
        tokio::time::sleep(FIRST_WAIT * 2_u32.pow(time)).await;
        match engine.advance(update.clone()).await {
            Ok(Advanced::NoSuchMessage) => {}
            Err(error) if error.is_transient() => {}
            Ok(_) | Err(_) => return,
        }
    }
}
