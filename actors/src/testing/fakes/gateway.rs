//! A provider that does what the test's script says.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::ids::{ChannelId, OutboundId, ProviderMessageId};
use crate::domain::message::Outbound;
use crate::domain::send::{Found, Receipt, SendError, SendErrorClass};
use crate::ports::{Gateway, Gateways, Pending};

/// What the provider does with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Takes it.
    Take,
    /// Does not take it and says why.
    Refuse(SendError),
    /// Takes it, and the answer is lost: the sender sees [`SendErrorClass::Unknown`].
    TakeAndLose,
    /// Does not take it, and the sender sees [`SendErrorClass::Unknown`] all the same.
    Lose,
    /// Is silent until [`FakeGateway::release`], then takes it.
    Hang,
    /// The gateway's code panics.
    Panic,
}

type Choice = Box<dyn Fn(&Outbound) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct Inner {
    script: VecDeque<Answer>,
    choice: Option<Choice>,
    finds: VecDeque<Result<Found, SendError>>,
    begun: Vec<Outbound>,
    taken: Vec<(Outbound, Receipt)>,
    asked: Vec<OutboundId>,
}

/// A gateway that records what it is given. Without a script it takes everything.
pub struct FakeGateway {
    inner: Mutex<Inner>,
    progress: watch::Sender<u64>,
    released: watch::Sender<u64>,
}

impl FakeGateway {
    /// Takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Mutex::default(), progress: watch::Sender::new(0), released: watch::Sender::new(0) }
    }

    /// The next sends get these answers, in this order; then it takes everything again.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().script.extend(answers);
    }

    /// Decides by the message, before the script; `None` leaves it to the script.
    pub fn choose(&self, choice: impl Fn(&Outbound) -> Option<Answer> + Send + Sync + 'static) {
        self.lock().choice = Some(Box::new(choice));
    }

    /// The next questions get these answers. Without them it tells what it truly took.
    pub fn script_finds(&self, answers: impl IntoIterator<Item = Result<Found, SendError>>) {
        self.lock().finds.extend(answers);
    }

    /// Lets every send that hangs now go on.
    pub fn release(&self) {
        self.released.send_modify(|count| *count += 1);
    }

    /// Every send that was begun, in order.
    #[must_use]
    pub fn begun(&self) -> Vec<Outbound> {
        self.lock().begun.clone()
    }

    /// Every message that it took, in order: what the contact sees.
    #[must_use]
    pub fn taken(&self) -> Vec<Outbound> {
        self.lock().taken.iter().map(|(message, _)| message.clone()).collect()
    }

    /// What it called a message that it took; the first time, if it took it more than once.
    #[must_use]
    pub fn receipt(&self, id: OutboundId) -> Option<Receipt> {
        self.lock().taken.iter().find(|(message, _)| message.id == id).map(|(_, receipt)| receipt.clone())
    }

    /// The messages that it was asked about.
    #[must_use]
    pub fn asked(&self) -> Vec<OutboundId> {
        self.lock().asked.clone()
    }

    /// Comes back when so many sends were begun.
    pub async fn wait_begun(&self, count: usize) {
        self.wait(|inner| inner.begun.len() >= count).await;
    }

    /// Comes back when it took so many messages.
    pub async fn wait_taken(&self, count: usize) {
        self.wait(|inner| inner.taken.len() >= count).await;
    }

    async fn wait(&self, done: impl Fn(&Inner) -> bool) {
        let mut progress = self.progress.subscribe();
        while !done(&self.lock()) {
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, message: &Outbound) -> Answer {
        let answer = {
            let mut inner = self.lock();
            inner.begun.push(message.clone());
            let chosen = inner.choice.as_ref().and_then(|choice| choice(message));
            chosen.or_else(|| inner.script.pop_front()).unwrap_or(Answer::Take)
        };
        self.progress.send_modify(|count| *count += 1);
        answer
    }

    fn take(&self, message: &Outbound) -> Receipt {
        let receipt = {
            let mut inner = self.lock();
            let name = format!("SM{:032x}", inner.taken.len() + 1);
            let receipt = Receipt { provider_message_id: ProviderMessageId::new(&name) };
            inner.taken.push((message.clone(), receipt.clone()));
            receipt
        };
        self.progress.send_modify(|count| *count += 1);
        receipt
    }
}

impl Default for FakeGateway {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FakeGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeGateway").finish_non_exhaustive()
    }
}

fn lost() -> SendError {
    SendError { class: SendErrorClass::Unknown, code: None, detail: "scripted".to_owned() }
}

impl Gateway for FakeGateway {
    #[expect(clippy::panic, reason = "the script asks for it")]
    fn send<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let mut released = self.released.subscribe();
            released.mark_unchanged();
            match self.begin(message) {
                Answer::Take => Ok(self.take(message)),
                Answer::Refuse(error) => Err(error),
                Answer::TakeAndLose => {
                    self.take(message);
                    Err(lost())
                }
                Answer::Lose => Err(lost()),
                Answer::Hang => {
                    released.changed().await.map_err(|_| lost())?;
                    Ok(self.take(message))
                }
                Answer::Panic => panic!("scripted panic"),
            }
        })
    }

    fn find<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Found, SendError>> {
        let answer = {
            let mut inner = self.lock();
            inner.asked.push(message.id);
            let truth = inner.taken.iter().find(|(taken, _)| taken.id == message.id);
            let truth = truth.map_or(Found::Absent, |(_, receipt)| Found::Taken(receipt.clone()));
            inner.finds.pop_front().unwrap_or(Ok(truth))
        };
        self.progress.send_modify(|count| *count += 1);
        Box::pin(async move { answer })
    }
}

/// Fake gateways by channel. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct FakeGateways(Arc<Mutex<HashMap<ChannelId, Arc<FakeGateway>>>>);

impl FakeGateways {
    /// The gateway of a channel, made when it is not there yet.
    #[must_use]
    pub fn of(&self, channel: &ChannelId) -> Arc<FakeGateway> {
        let mut gateways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gateways.entry(channel.clone()).or_default())
    }

    /// Takes a channel out of the configuration.
    pub fn remove(&self, channel: &ChannelId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(channel);
    }
}

impl Gateways for FakeGateways {
    fn get(&self, channel: &ChannelId) -> Option<Arc<dyn Gateway>> {
        let gateways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gateways.get(channel).map(|gateway| Arc::clone(gateway) as Arc<dyn Gateway>)
    }
}
