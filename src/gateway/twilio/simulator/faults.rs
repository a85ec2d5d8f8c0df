//! What the simulator does wrong, when told to.

use std::time::Duration;

use super::accounts::lock;

/// What goes wrong from now on. The first rule that fits a request decides; when none does, nothing is wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Looked at in this order.
    pub rules: Vec<Rule>,
    /// Answers requests for the list of messages with this status instead.
    pub list_status: Option<u16>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Rule {
    /// For which requests.
    pub when: When,
    /// How often, between 0 and 1.
    pub probability: f64,
    /// How many times at most.
    pub times: Option<u32>,
    /// Waits this long first.
    pub delay: Duration,
    /// Then this; `None`: all is well after the delay.
    pub fault: Option<Fault>,
}

/// Which requests a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Every one.
    Always,
    /// Those to an address as Twilio writes it.
    To(String),
    /// Those whose text has this in it.
    BodyContains(String),
}

/// What goes wrong with a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the request is read. Only for rules of [`When::Always`].
    DropBeforeReading,
    /// The request is read, not taken, and the connection cut without an answer.
    ResetBeforeTaking,
    /// The message is taken, and the connection cut without an answer.
    TakeThenReset,
    /// The message is taken, and the connection cut in the middle of the answer.
    TakeThenHalfAnswer,
    /// 429; nothing is taken.
    TooManyRequests {
        /// The `Retry-After` header, in seconds.
        retry_after_secs: Option<u64>,
    },
    /// This status (5xx); nothing is taken.
    ServerError(u16),
    /// The message is taken, and the answer is this status (5xx).
    TakeThenServerError(u16),
    /// A refusal with this status and Twilio's code.
    Refuse {
        /// 400
        status: u16,
        /// 21610
        code: u32,
    },
}

impl Rule {
    /// Every time.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { when: When::Always, probability: 1.0, times: None, delay: Duration::ZERO, fault: Some(fault) }
    }

    /// The next time.
    #[must_use]
    pub fn once(fault: Fault) -> Self {
        Self { times: Some(1), ..Self::always(fault) }
    }

    /// With this probability (0 to 1).
    #[must_use]
    pub fn sometimes(probability: f64, fault: Fault) -> Self {
        Self { probability, ..Self::always(fault) }
    }

    /// Nothing wrong but slow.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self { when: When::Always, probability: 1.0, times: None, delay, fault: None }
    }

    /// The same for fewer requests.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// The same, a number of times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }
}

impl Faults {
    /// Nothing wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These, in this order.
    #[must_use]
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect(), list_status: None }
    }
}

/// Draws what happens to each request, the same for the same seed and order of requests.
#[derive(Debug)]
pub(super) struct Fate {
    inner: std::sync::Mutex<Drawing>,
}

#[derive(Debug)]
struct Drawing {
    faults: Faults,
    random: fastrand::Rng,
}

/// What was drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drawn {
    pub delay: Duration,
    pub fault: Option<Fault>,
}

impl Fate {
    pub fn new(seed: u64) -> Self {
        let drawing = Drawing { faults: Faults::none(), random: fastrand::Rng::with_seed(seed) };
        Self { inner: std::sync::Mutex::new(drawing) }
    }

    pub fn set(&self, faults: Faults) {
        lock(&self.inner).faults = faults;
    }

    /// Whether the connection is cut before anything is read.
    pub fn drops_connection(&self) -> bool {
        let mut drawing = lock(&self.inner);
        let drops = |rule: &Rule| rule.fault == Some(Fault::DropBeforeReading);
        drawing.draw(|rule| drops(rule) && rule.when == When::Always).is_some()
    }

    /// What happens to a send that was read.
    pub fn of_send(&self, to: &str, body: &str) -> Drawn {
        let mut drawing = lock(&self.inner);
        if drawing.faults.rules.is_empty() {
            return Drawn::default();
        }
        let fits = |rule: &Rule| match &rule.when {
            When::Always => rule.fault != Some(Fault::DropBeforeReading),
            When::To(address) => address == to,
            When::BodyContains(text) => body.contains(text.as_str()),
        };
        drawing.draw(fits).unwrap_or_default()
    }

    pub fn of_list(&self) -> Option<u16> {
        lock(&self.inner).faults.list_status
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        lock(&self.inner).random.usize(..end)
    }
}

impl Drawing {
    fn draw(&mut self, fits: impl Fn(&Rule) -> bool) -> Option<Drawn> {
        let Self { faults, random } = self;
        let rule = faults.rules.iter_mut().find(|rule| {
            let fits = rule.times != Some(0) && fits(rule);
            fits && (rule.probability >= 1.0 || random.f64() < rule.probability)
        })?;
        rule.times = rule.times.map(|times| times - 1);
        Some(Drawn { delay: rule.delay, fault: rule.fault.clone() })
    }
}
