//! Fake gateway, which follows a test's script.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::address::Address;
use crate::domain::ids::{ChannelId, OutboundId, ProviderMessageId};
use crate::domain::message::Outbound;
use crate::domain::send::{
    Found, OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice, numbered,
};
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
    /// The sender sees [`SendErrorClass::Unknown`], and it is taken so much later: questions may overtake it.
    TakeLate(Duration),
    /// Is silent until [`FakeGateway::release`], then takes it.
    Hang,
    /// The gateway's code panics.
    Panic,
}

/// A message in the form in which it was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The message.
    pub message: Outbound,
    /// The channel that it was meant for.
    pub channel: ChannelId,
    /// Who got it.
    pub to: Address,
    /// The text, or the template's id.
    pub said: Said,
    /// What the provider calls it.
    pub receipt: Receipt,
}

/// The content of a taken message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Free text.
    Text(String),
    /// A template's id, and what stood in its places, in their order.
    Template(String, Vec<String>),
    /// The kind of an action.
    Action(String),
}

impl From<&OutboundContent<'_>> for Said {
    fn from(form: &OutboundContent<'_>) -> Self {
        match form {
            OutboundContent::Text(text) => Self::Text((*text).to_owned()),
            OutboundContent::Choices { text, choices } => Self::Text(numbered(text, choices)),
            OutboundContent::Template { content_id, variables } => Self::Template(
                (*content_id).to_owned(),
                variables.iter().map(|(_, value)| (*value).to_owned()).collect(),
            ),
            OutboundContent::Action(action) => Self::Action(action.kind.clone()),
        }
    }
}

impl Taken {
    fn of(request: &OutboundRequest<'_>) -> Self {
        let name = format!("SM{}", uuid::Uuid::now_v7().simple());
        Self {
            message: request.message.clone(),
            channel: request.channel.clone(),
            to: request.to.clone(),
            said: Said::from(&request.content),
            receipt: Receipt { provider_message_id: ProviderMessageId::new(&name) },
        }
    }
}

type Choice = Box<dyn Fn(&Outbound) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct Inner {
    script: VecDeque<Answer>,
    choice: Option<Choice>,
    finds: VecDeque<Result<Found, SendError>>,
    begun: Vec<Outbound>,
    taken: Vec<Taken>,
    late: Vec<(Instant, Taken)>,
    asked: Vec<OutboundId>,
    finds_hang: bool,
    actions: HashSet<String>,
    on_unknown: OnUnknown,
    classes: HashMap<String, SendErrorClass>,
    typing: Vec<(Address, Instant)>,
    typing_answer: Option<Answer>,
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

    /// From now on questions are not answered until [`FakeGateway::release`].
    pub fn hang_finds(&self, hang: bool) {
        self.lock().finds_hang = hang;
    }

    /// What to do when it cannot tell.
    pub fn set_on_unknown(&self, on_unknown: OnUnknown) {
        self.lock().on_unknown = on_unknown;
    }

    /// What a code means from now on; without it, none means anything.
    pub fn knows_code(&self, code: &str, class: SendErrorClass) {
        self.lock().classes.insert(code.to_owned(), class);
    }

    /// Actions of this kind are known from now on; without it, none are.
    pub fn knows_action(&self, kind: &str) {
        self.lock().actions.insert(kind.to_owned());
    }

    /// Lets every send and every question that hangs now go on.
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
        self.lock().taken.iter().map(|taken| taken.message.clone()).collect()
    }

    /// Every request that it took, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Taken> {
        self.lock().taken.clone()
    }

    /// What it called a message that it took; the first time, if it took it more than once.
    #[must_use]
    pub fn receipt(&self, id: OutboundId) -> Option<Receipt> {
        self.lock().taken.iter().find(|taken| taken.message.id == id).map(|taken| taken.receipt.clone())
    }

    /// The messages that it was asked about.
    #[must_use]
    pub fn asked(&self) -> Vec<OutboundId> {
        self.lock().asked.clone()
    }

    /// To whom it showed that somebody is typing, and when.
    #[must_use]
    pub fn typing(&self) -> Vec<(Address, Instant)> {
        self.lock().typing.clone()
    }

    /// Showing that somebody is typing hangs, or panics.
    pub fn answer_typing(&self, answer: Answer) {
        self.lock().typing_answer = Some(answer);
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

    fn take(&self, request: &OutboundRequest<'_>) -> Receipt {
        let taken = Taken::of(request);
        let receipt = taken.receipt.clone();
        self.lock().taken.push(taken);
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
    SendError { class: SendErrorClass::Unknown, code: None, throttled: false, detail: "scripted".to_owned() }
}

impl Gateway for FakeGateway {
    #[expect(clippy::panic, reason = "the script asks for it")]
    fn send<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let mut released = self.released.subscribe();
            released.mark_unchanged();
            if let OutboundContent::Action(action) = &request.content
                && !self.lock().actions.contains(&action.kind)
            {
                return Err(SendError::unsupported_action());
            }
            match self.begin(request.message) {
                Answer::Take => Ok(self.take(&request)),
                Answer::Refuse(error) => Err(error),
                Answer::TakeAndLose => {
                    self.take(&request);
                    Err(lost())
                }
                Answer::Lose => Err(lost()),
                Answer::TakeLate(after) => {
                    self.lock().late.push((Instant::now() + after, Taken::of(&request)));
                    Err(lost())
                }
                Answer::Hang => {
                    released.changed().await.map_err(|_| lost())?;
                    Ok(self.take(&request))
                }
                Answer::Panic => panic!("scripted panic"),
            }
        })
    }

    /// Like a provider that finds messages by recipient and content: the receipts of duplicate candidates are among the answers.
    fn find<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        let (answer, hangs) = {
            let mut inner = self.lock();
            inner.asked.push(request.message.id);
            let come = inner.late.extract_if(.., |(at, _)| *at <= Instant::now()).map(|(_, taken)| taken);
            let come: Vec<_> = come.collect();
            inner.taken.extend(come);
            let said = Said::from(&request.content);
            let fits = inner.taken.iter().rev().filter(|taken| taken.to == *request.to && taken.said == said);
            let fits: Vec<_> = fits.map(|taken| taken.receipt.clone()).collect();
            let truth = if fits.is_empty() { Found::Absent } else { Found::Taken(fits) };
            (inner.finds.pop_front().unwrap_or(Ok(truth)), inner.finds_hang)
        };
        let mut released = self.released.subscribe();
        self.progress.send_modify(|count| *count += 1);
        Box::pin(async move {
            if hangs {
                released.changed().await.map_err(|_| lost())?;
            }
            answer
        })
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        self.lock().classes.get(code).copied()
    }

    fn on_unknown(&self) -> OnUnknown {
        self.lock().on_unknown
    }

    #[expect(clippy::panic, reason = "the script asks for it")]
    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        let answer = {
            let mut inner = self.lock();
            inner.typing.push((notice.to.clone(), Instant::now()));
            inner.typing_answer.clone()
        };
        self.progress.send_modify(|count| *count += 1);
        Some(Box::pin(async move {
            match answer {
                Some(Answer::Hang) => std::future::pending().await,
                Some(Answer::Panic) => panic!("scripted panic"),
                _ => {}
            }
        }))
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
