//! Accept batches: webhooks' messages on their way through the store.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::unconstrained;

use super::{Accepted, Refusal};
use crate::domain::message::NewInbound;
use crate::ports::{Acceptance, Inbox, PortError};

/// Batches with the store at once; more wait before it.
const AT_ONCE: usize = 64;

/// The channel on which a webhook waits for its answer.
pub(super) type Answer = oneshot::Sender<Result<Accepted, Refusal>>;

/// Messages that are made durable together.
pub(super) struct Batch {
    pub(super) messages: Vec<NewInbound>,
    pub(super) answers: Vec<Answer>,
}

/// A batch's results; `None` when the store did not answer in time.
pub(super) struct Committed {
    pub(super) results: Option<Vec<Result<Acceptance, PortError>>>,
    pub(super) answers: Vec<Answer>,
}

/// Commits batches in their order and answers in that order.
///
/// The store takes them in the order in which their futures are first polled (I3). Tokio's cooperative budget makes a task
/// that ran for long yield before it enters a channel, and a later batch may overtake it there: so these futures are
/// unconstrained.
pub(super) fn through_the_store(
    inbox: Arc<dyn Inbox>,
    deadline: Duration,
    batches: mpsc::UnboundedReceiver<Batch>,
) -> impl Stream<Item = Committed> {
    let batches = stream::unfold(batches, |mut batches| async { batches.recv().await.map(|batch| (batch, batches)) });
    let commit = move |Batch { messages, answers }| {
        let inbox = Arc::clone(&inbox);
        unconstrained(async move {
            let results = tokio::time::timeout(deadline, inbox.accept(messages)).await;
            Committed { results: results.ok(), answers }
        })
    };
    batches.map(commit).buffered(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::ids::{InboundId, TenantId};
    use crate::domain::message::Inbound;
    use crate::ports::Pending;

    /// A store that hands batches to its writer through a channel, as the real one does.
    struct Queue(mpsc::Sender<usize>);

    impl Inbox for Queue {
        fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
            Box::pin(async move {
                self.0.send(batch.capacity()).await.unwrap();
                Vec::new()
            })
        }

        fn backlog(
            &self,
            _: &TenantId,
            _: Option<InboundId>,
            _: usize,
        ) -> Pending<'_, Result<Vec<Inbound>, PortError>> {
            unreachable!()
        }

        fn tenants_behind(&self, _: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>> {
            unreachable!()
        }

        fn dead_letter(&self, _: &Inbound, _: &'static str, _: Timestamp) -> Pending<'_, Result<(), PortError>> {
            unreachable!()
        }
    }

    /// A batch that its capacity identifies.
    fn batch(number: usize) -> Batch {
        Batch { messages: Vec::with_capacity(number), answers: Vec::new() }
    }

    /// Two batches, the first of which is begun by a task that may take so many more steps before tokio makes it wait.
    /// Answers the order in which the store got them.
    async fn order(steps_left: usize) -> Vec<usize> {
        let (queue, mut got) = mpsc::channel(8);
        let (hand_over, begun) = mpsc::unbounded_channel();
        let stream = Box::pin(through_the_store(Arc::new(Queue(queue)), Duration::from_secs(10), begun));
        let (pass_on, passed_on) = oneshot::channel();
        let first = async move {
            let mut stream = stream;
            let mut steps = 0;
            while tokio::task::coop::has_budget_remaining() {
                steps += 1;
                tokio::task::coop::consume_budget().await;
            }
            // That was all of them; now it is known how many there are.
            tokio::task::yield_now().await;
            for _ in steps_left..steps {
                tokio::task::coop::consume_budget().await;
            }
            hand_over.send(batch(1)).unwrap_or_else(|_| unreachable!());
            poll_fn(|cx| {
                let _ = stream.as_mut().poll_next(cx);
                Poll::Ready(())
            })
            .await;
            hand_over.send(batch(2)).unwrap_or_else(|_| unreachable!());
            pass_on.send((stream, hand_over)).unwrap_or_else(|_| unreachable!());
        };
        // It goes on in another task, as an actor does that is woken by a message meanwhile.
        let second = async move {
            let (stream, hand_over) = passed_on.await.unwrap();
            drop(hand_over);
            pin!(stream).for_each(|_| async {}).await;
        };
        let second = tokio::spawn(second);
        tokio::spawn(first).await.unwrap();
        second.await.unwrap();
        let mut order = Vec::new();
        while let Ok(number) = got.try_recv() {
            order.push(number);
        }
        order
    }

    #[tokio::test]
    async fn i3_batches_reach_the_store_in_their_order_however_busy_the_thread_is() {
        for steps_left in 0..8 {
            assert_eq!(order(steps_left).await, [1, 2], "{steps_left} steps left");
        }
    }
}
