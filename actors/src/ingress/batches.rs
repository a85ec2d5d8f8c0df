//! Batches of webhooks' messages on their way through the store.

use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::{Accepted, Refusal};
use crate::domain::message::NewInbound;
use crate::kit::Outside;
use crate::ports::{Acceptance, PortError};

/// Batches with the store at once; more wait before it.
const AT_ONCE: usize = 64;

/// Where a webhook waits for its answer.
pub(super) type Answer = oneshot::Sender<Result<Accepted, Refusal>>;

/// Messages that are made durable together.
pub(super) struct Batch {
    pub(super) messages: Vec<NewInbound>,
    pub(super) answers: Vec<Answer>,
}

/// What came of a batch; no results when the store did not answer in time.
pub(super) struct Committed {
    pub(super) results: Option<Vec<Result<Acceptance, PortError>>>,
    pub(super) answers: Vec<Answer>,
}

/// The batches on their way through the store: begun in their order, and back in their order.
pub(super) fn through_the_store(
    outside: Arc<Outside>,
    batches: mpsc::UnboundedReceiver<Batch>,
) -> impl Stream<Item = Committed> {
    let batches = stream::unfold(batches, |mut batches| async { batches.recv().await.map(|batch| (batch, batches)) });
    let commit = move |Batch { messages, answers }| {
        let outside = Arc::clone(&outside);
        async move {
            let deadline = outside.settings.store_deadline;
            let results = tokio::time::timeout(deadline, outside.ports.inbox.accept(messages)).await;
            Committed { results: results.ok(), answers }
        }
    };
    batches.map(commit).buffered(AT_ONCE)
}
