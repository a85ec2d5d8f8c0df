//! Faults that a simulator plays on demand: one set for every provider.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What goes wrong from now on. The first rule that fits a request decides; when none does, nothing is wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Looked at in this order.
    pub rules: Vec<Rule>,
    /// Answers requests for the list of messages with this status instead.
    pub list_status: Option<u16>,
    /// The share of those requests, between 0 and 1, that are answered all the same.
    pub list_spared: f64,
    /// The most faults that one message of ours meets, known by its id in the callback's URL; delays do not count. It
    /// bounds how long a run of failures can make a message wait.
    pub per_message: Option<u32>,
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
    /// Whether the delay is the longest of those that are drawn, rather than the same each time.
    pub delay_varies: bool,
    /// Then this; `None`: all is well after the delay.
    pub fault: Option<Fault>,
}

/// Which requests a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Every request.
    Always,
    /// Those to an address, as the provider writes it.
    To(String),
    /// Those from a sender, as the provider writes it.
    From(String),
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
    /// The message is taken, and the answer comes this much later.
    TakeThenWait(Duration),
    /// A refusal with this status and the provider's code.
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
        let (delay, delay_varies) = (Duration::ZERO, false);
        Self { when: When::Always, probability: 1.0, times: None, delay, delay_varies, fault: Some(fault) }
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
        Self { when: When::Always, probability: 1.0, times: None, delay, delay_varies: false, fault: None }
    }

    /// Slow by a time that is drawn anew for each request, up to `most`.
    #[must_use]
    pub fn hesitant(most: Duration) -> Self {
        Self { delay_varies: true, ..Self::slow(most) }
    }

    /// This rule, for fewer requests.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// This rule, for so many requests.
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
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }
}

impl Fault {
    /// Its name, for counts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DropBeforeReading => "drop_before_reading",
            Self::ResetBeforeTaking => "reset_before_taking",
            Self::TakeThenReset => "take_then_reset",
            Self::TakeThenHalfAnswer => "take_then_half_answer",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::ServerError(_) => "server_error",
            Self::TakeThenServerError(_) => "take_then_server_error",
            Self::TakeThenWait(_) => "take_then_wait",
            Self::Refuse { .. } => "refuse",
        }
    }
}

/// Draws what happens to each request, the same for the same seed and order of requests.
#[derive(Debug)]
pub(in crate::gateway) struct Fate {
    inner: Mutex<Drawing>,
}

#[derive(Debug)]
struct Drawing {
    faults: Faults,
    random: fastrand::Rng,
    /// Faults that each of our messages met.
    met_by: HashMap<String, u32>,
    met: BTreeMap<&'static str, u64>,
}

/// What was drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::gateway) struct Drawn {
    pub delay: Duration,
    pub fault: Option<Fault>,
}

impl Fate {
    pub fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let drawing = Drawing { faults: Faults::none(), random, met_by: HashMap::new(), met: BTreeMap::new() };
        Self { inner: Mutex::new(drawing) }
    }

    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, faults: Faults) {
        self.drawing().faults = faults;
    }

    /// How often each fault was met so far, by its name.
    pub fn met(&self) -> BTreeMap<&'static str, u64> {
        self.drawing().met.clone()
    }

    /// Whether the connection is cut before anything is read.
    pub fn drops_connection(&self) -> bool {
        let mut drawing = self.drawing();
        let drops = |rule: &Rule| rule.fault == Some(Fault::DropBeforeReading);
        drawing.draw(|rule| drops(rule) && rule.when == When::Always).is_some()
    }

    /// What happens to a send that was read: from and to whom, its text, and our id of it.
    pub fn of_send(&self, (from, to): (&str, &str), body: &str, mid: Option<&str>) -> Drawn {
        let mut drawing = self.drawing();
        if drawing.faults.rules.is_empty() {
            return Drawn::default();
        }
        let fits = |rule: &Rule| match &rule.when {
            When::Always => rule.fault != Some(Fault::DropBeforeReading),
            When::To(address) => address == to,
            When::From(sender) => sender == from,
            When::BodyContains(text) => body.contains(text.as_str()),
        };
        let drawn = drawing.draw(fits).unwrap_or_default();
        drawing.spare(drawn, mid)
    }

    pub fn of_list(&self) -> Option<u16> {
        let mut drawing = self.drawing();
        let status = drawing.faults.list_status?;
        let spared = drawing.faults.list_spared;
        (spared <= 0.0 || drawing.random.f64() >= spared).then(|| {
            *drawing.met.entry("list").or_default() += 1;
            status
        })
    }

    /// A moment up to `most`.
    pub fn moment(&self, most: Duration) -> Duration {
        most.mul_f64(self.drawing().random.f64())
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        self.drawing().random.usize(..end)
    }
}

impl Drawing {
    fn draw(&mut self, fits: impl Fn(&Rule) -> bool) -> Option<Drawn> {
        let Self { faults, random, met, .. } = self;
        let rule = faults.rules.iter_mut().find(|rule| {
            let fits = rule.times != Some(0) && fits(rule);
            fits && (rule.probability >= 1.0 || random.f64() < rule.probability)
        })?;
        rule.times = rule.times.map(|times| times - 1);
        let delay = if rule.delay_varies { rule.delay.mul_f64(random.f64()) } else { rule.delay };
        let fault = rule.fault.clone();
        if fault == Some(Fault::DropBeforeReading) {
            *met.entry(Fault::DropBeforeReading.name()).or_default() += 1;
        }
        Some(Drawn { delay, fault })
    }

    /// Takes the fault away from a message that met as many as it may.
    fn spare(&mut self, mut drawn: Drawn, mid: Option<&str>) -> Drawn {
        let Some(fault) = &drawn.fault else { return drawn };
        if let (Some(most), Some(mid)) = (self.faults.per_message, mid) {
            let met = self.met_by.entry(mid.to_owned()).or_default();
            if *met >= most {
                drawn.fault = None;
                return drawn;
            }
            *met += 1;
        }
        *self.met.entry(fault.name()).or_default() += 1;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_meets_no_more_faults_than_it_may() {
        let fate = Fate::new(1);
        let faults = Faults::of([Rule::always(Fault::ServerError(503))]);
        fate.set(Faults { per_message: Some(2), ..faults });
        let of = |mid| fate.of_send(("+2", "+1"), "", Some(mid)).fault.is_some();
        assert_eq!([of("a"), of("a"), of("a"), of("b")], [true, true, false, true]);
        assert_eq!(fate.met(), BTreeMap::from([("server_error", 3)]));
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let fate = Fate::new(seed);
            let sometimes = Rule::sometimes(0.5, Fault::ResetBeforeTaking);
            fate.set(Faults::of([sometimes, Rule::hesitant(Duration::from_secs(1))]));
            (0..50).map(|_| fate.of_send(("+2", "+1"), "", None)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|drawn| drawn.delay <= Duration::from_secs(1)));
    }

    #[test]
    fn a_share_of_the_lists_is_spared() {
        let fate = Fate::new(1);
        fate.set(Faults { list_status: Some(503), list_spared: 0.5, ..Faults::none() });
        let refused = (0..100).filter(|_| fate.of_list().is_some()).count();
        assert!((20..80).contains(&refused), "{refused}");
    }
}
