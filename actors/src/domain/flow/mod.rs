//! Flows: conversations that finish a job step by step.
//!
//! A flow is data ([`FlowSource`]), checked when it is loaded ([`Flows::new`]). The engine ([`Flows::listen`]) is pure: a
//! message and what the conversation remembers in, what is said and changed out. Repair is the engine's and not each flow's:
//! correct, cancel, go back, repeat, a question in the middle, several answers in one message, a person after too many misses.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::Timestamp;
use super::booking::{Agenda, BookingChange, Service};
use super::fare::Fares;
use super::hours::Hours;
use super::lead::Lead;
use super::message::Location;
use super::offer::Driver;
use super::slots::{BookingPolicy, Calendar};
use super::waiting::WaitingChange;

pub mod answers;
mod appointment;
mod arranging;
mod asides;
mod bookings;
pub mod built_in;
mod check;
mod control;
mod corrections;
mod dated;
mod engine;
mod facts;
mod finding;
pub mod graph;
mod journey;
mod lateness;
mod lexicon;
mod people;
pub mod phrases;
mod picking;
pub mod picture;
mod placing;
mod proposed;
mod source;
mod text;
mod texts;
mod waiting;
#[cfg(any(test, feature = "testing"))]
pub mod walk;
mod ways_out;
mod wishes;

pub use self::appointment::Appointment;
pub use self::source::{Flow, FlowSource, OnChange, OptionSource, Step, StepKind, StepSource};
pub use self::texts::TextKey;
pub use self::{check::FlowError, ways_out::MOST_ANSWERS};

/// The number of the form in which a running flow is stored (`conversations.flow.version`).
pub const STORED_AS: u32 = 1;

/// A tenant's flows, checked and compiled once.
#[derive(Debug)]
pub struct Flows {
    flows: Vec<Flow>,
    services: Vec<Service>,
    policy: BookingPolicy,
    hours: Hours,
    zone: chrono_tz::Tz,
    english: bool,
    tenant_name: String,
    texts: HashMap<TextKey, text::Text>,
    templates: BookingTemplates,
    drivers: Vec<Driver>,
    fares: Fares,
}

/// What a tenant's flows are made of.
#[derive(Clone, Debug)]
pub struct FlowsSource {
    /// The flows, in the order in which a message is looked at.
    pub flows: Vec<FlowSource>,
    /// What can be booked.
    pub services: Vec<Service>,
    /// How times are offered.
    pub policy: BookingPolicy,
    /// Business hours.
    pub hours: Hours,
    /// The tenant's time zone.
    pub zone: chrono_tz::Tz,
    /// Whether the texts that the tenant did not write are English.
    pub english: bool,
    /// The name that customers know.
    pub tenant_name: String,
    /// Texts of the tenant instead of the built-in ones, by [`TextKey`].
    pub texts: BTreeMap<String, String>,
    /// What is said of bookings outside the window.
    pub templates: BookingTemplates,
    /// Who takes offers.
    pub drivers: Vec<Driver>,
    /// Prices of rides, for flows that ask for `pickup` and `destination`.
    pub fares: Fares,
}

/// The names of the tenant's templates that say outside the window what happens to a booking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingTemplates {
    /// It begins soon.
    pub reminder: Option<String>,
    /// A person booked it for the customer.
    pub booked: Option<String>,
    /// A person moved it.
    pub moved: Option<String>,
    /// A person called it off.
    pub cancelled: Option<String>,
    /// A time became free that they wait for.
    pub waiting: Option<String>,
}

/// An answer that a step got. `Debug` does not show it (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// As it is said back.
    pub shown: String,
    /// As programs read it: an id of an option, an e-mail address, a moment.
    pub value: String,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(…)")
    }
}

/// What a conversation remembers of the flow that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The flow's name.
    pub flow: String,
    /// The flow as it was when it began.
    pub revision: u64,
    /// The step whose answer is waited for.
    pub step: String,
    /// Answers so far, by the names under which steps save them.
    #[serde(default)]
    pub answers: BTreeMap<String, Given>,
    /// Messages in a row that were not understood.
    #[serde(default)]
    pub misses: u32,
    /// Steps that were asked before this one, as `flow/step`, the latest last.
    #[serde(default)]
    pub trail: Vec<String>,
    /// What the customer is choosing an appointment with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<Appointment>,
    /// Flows that called this one, and the step at which each goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<(String, String)>,
    /// When it began.
    pub since: Timestamp,
    /// The customer was reminded once.
    #[serde(default)]
    pub reminded: bool,
}

impl Running {
    /// A flow that has just begun, at a step.
    pub(super) fn begin(flow: &Flow, step: &str, since: Timestamp) -> Self {
        let (flow, revision, step) = (flow.name.clone(), flow.revision, step.to_owned());
        Self { flow, revision, step, ..Self::begin_nowhere(since) }
    }

    /// No flow at all: what texts are written with that belong to none.
    pub(super) fn begin_nowhere(since: Timestamp) -> Self {
        Self {
            flow: String::new(),
            revision: 0,
            step: String::new(),
            answers: BTreeMap::new(),
            misses: 0,
            trail: Vec::new(),
            appointment: None,
            callers: Vec::new(),
            since,
            reminded: false,
        }
    }
}

/// What a flow decides on.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Now.
    pub now: Timestamp,
    /// What was written.
    pub text: &'a str,
    /// The same, folded.
    pub folded: &'a str,
    /// A place that was shared instead.
    pub location: Option<&'a Location>,
    /// Bookings, offers and the waiting list, as the turn found them.
    pub agenda: &'a Arc<Agenda>,
    /// The contact's name.
    pub contact_name: Option<&'a str>,
    /// The contact's phone number, where the channel shows it.
    pub phone: Option<&'a str>,
    /// Whether the FAQ has an answer to a text.
    pub knows: &'a dyn Fn(&str) -> bool,
}

/// Something to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saying {
    /// This text.
    Text(String),
    /// The FAQ's answer to what was written, and this text behind it.
    Answer {
        /// Goes back to the question that is open.
        then: String,
    },
}

/// Something that a flow changes beside what it remembers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A booking.
    Booking(BookingChange),
    /// The customer is to be reminded of a booking then.
    Remind {
        /// When.
        at: Timestamp,
        /// Of which, as JSON of a [`Reminder`].
        reminder: Reminder,
    },
    /// A hold ends then.
    HoldEnds {
        /// When.
        at: Timestamp,
        /// Which booking.
        booking: super::ids::BookingId,
    },
    /// Somebody asks to be called.
    Lead(Lead),
    /// Somebody waits for a time, or does not any more.
    Waiting(WaitingChange),
    /// Work is offered to the people on duty.
    Offer {
        /// As they read it.
        text: String,
        /// What is known of it.
        details: serde_json::Value,
    },
}

/// What a reminder is about: the payload of its timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// Which booking.
    pub booking: super::ids::BookingId,
    /// When it was to begin: a booking that moved is not reminded of by its old time.
    pub starts_at: Timestamp,
}

/// What happened to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// It began.
    Started,
    /// It reached its end.
    Completed,
    /// It ended before: `cancelled`, `handed_over`, `switched`, `timeout`, `opted_out`, `changed`.
    Abandoned(&'static str),
}

/// What a flow makes of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// What is said, in order.
    pub sayings: Vec<Saying>,
    /// What is remembered; `None`: no flow runs any more.
    pub running: Option<Running>,
    /// What else changes.
    pub effects: Vec<Effect>,
    /// What happened to which flow.
    pub milestones: Vec<(String, Milestone)>,
    /// A person is to go on.
    pub hand_over: bool,
    /// The customer comes late: the tenant's people are told.
    pub late: bool,
}

impl Flows {
    /// Checks and compiles.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(source: FlowsSource) -> Result<Self, Vec<FlowError>> {
        let mut errors = Vec::new();
        let source = FlowsSource { services: check::with_most_places(&source.services), ..source };
        let facts =
            check::Known { services: &source.services, texts: &source.texts, has_drivers: !source.drivers.is_empty() };
        let flows = check::compile(&source.flows, &facts, &mut errors);
        let texts = check::texts(&facts, source.english, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            flows,
            services: source.services,
            policy: source.policy,
            hours: source.hours,
            zone: source.zone,
            english: source.english,
            tenant_name: source.tenant_name,
            texts,
            templates: source.templates,
            drivers: source.drivers,
            fares: source.fares,
        })
    }

    /// The flows.
    #[must_use]
    pub fn all(&self) -> &[Flow] {
        &self.flows
    }

    /// The services that can be booked.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Whether decisions need the tenant's agenda.
    #[must_use]
    pub fn needs_agenda(&self) -> bool {
        !self.services.is_empty() || !self.drivers.is_empty()
    }

    /// A text of the engine.
    #[must_use]
    pub fn say(&self, key: TextKey, facts: &[(&str, &str)]) -> String {
        let mut facts: BTreeMap<&str, minijinja::Value> =
            facts.iter().map(|(name, value)| (*name, minijinja::Value::from(*value))).collect();
        let tenant = BTreeMap::from([("name", minijinja::Value::from(self.tenant_name.as_str()))]);
        facts.insert("tenant", minijinja::Value::from(tenant));
        self.texts.get(&key).map(|text| text.write(minijinja::Value::from(facts))).unwrap_or_default()
    }

    /// What is said of bookings outside the window.
    #[must_use]
    pub const fn templates(&self) -> &BookingTemplates {
        &self.templates
    }

    /// The tenant's time zone.
    #[must_use]
    pub const fn zone(&self) -> chrono_tz::Tz {
        self.zone
    }

    /// How long a time is kept free for somebody of the waiting list.
    #[must_use]
    pub const fn waiting_hold(&self) -> TimeDelta {
        self.policy.waiting_hold
    }

    /// Business hours.
    #[must_use]
    pub const fn hours(&self) -> &Hours {
        &self.hours
    }

    /// A service by its id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Whether its own texts are English.
    #[must_use]
    pub fn is_english(&self) -> bool {
        self.english
    }

    fn flow(&self, name: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.name == name)
    }

    /// Free times, among what is taken.
    #[must_use]
    pub const fn calendar<'a>(&'a self, agenda: &'a Agenda, now: Timestamp) -> Calendar<'a> {
        Calendar { hours: &self.hours, zone: self.zone, agenda, policy: &self.policy, now, people: 1 }
    }
}

#[cfg(test)]
mod tests;
