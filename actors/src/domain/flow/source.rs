//! A flow as it is written, and as it is compiled.

use chrono::TimeDelta;

use super::answers::AnswerKind;
use super::text::Text;

/// A flow as the configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSource {
    /// Its name, unique within the tenant.
    pub name: String,
    /// Words and phrases that begin it.
    pub keywords: Vec<String>,
    /// Its steps; it begins with the first.
    pub steps: Vec<StepSource>,
    /// The customer is reminded after so long, once.
    pub remind_after: Option<TimeDelta>,
    /// It is abandoned after so long without a message.
    pub timeout: TimeDelta,
    /// Messages in a row that may be misunderstood before a person is called.
    pub attempts: u32,
    /// What happens to those who are in it when it changes.
    pub on_change: OnChange,
}

/// What happens to customers who are in a flow that changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChange {
    /// They begin again, with an apology.
    #[default]
    Restart,
    /// They go on where they are, if that step is still there.
    Continue,
}

/// A step as the configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepSource {
    /// Its id, unique within the flow.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// The step after it; `None`: the one that follows it in the list. `end` ends the flow.
    pub next: Option<String>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Says a text.
    Say {
        /// The text.
        text: String,
    },
    /// Asks for a typed answer.
    Ask {
        /// The question.
        text: String,
        /// What is expected.
        answer: AnswerKind,
        /// The name under which the answer is kept.
        save: String,
        /// Whether no is an answer.
        optional: bool,
        /// What is said when the answer is none, before the question is asked again.
        retry: Option<String>,
        /// The message that began the flow is the answer, when it says more than the keyword.
        from_opening: bool,
        /// It is asked only where the drivers' cars have their seats written. A message that tells it by itself is heard either way.
        where_seats_count: bool,
    },
    /// Asks to choose one of several.
    Choose {
        /// The question; the options are listed behind it.
        text: String,
        /// What can be chosen.
        options: Vec<OptionSource>,
        /// The name under which the choice is kept.
        save: String,
    },
    /// Asks yes or no.
    Confirm {
        /// The question.
        text: String,
        /// The step after no. `None`: the flow is cancelled.
        no: Option<String>,
    },
    /// Runs another flow, then goes on.
    Call {
        /// Its name.
        flow: String,
    },
    /// Finds, keeps and confirms an appointment.
    Book {
        /// The service; `None`: the customer chooses.
        service: Option<String>,
    },
    /// Writes what was answered as a lead.
    Lead,
    /// Offers what was answered to the people on duty.
    Offer {
        /// As they read it.
        text: String,
    },
    /// A person goes on.
    HandOver {
        /// What the customer is told.
        text: String,
    },
}

impl StepKind {
    /// Its word in the configuration.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Say { .. } => "say",
            Self::Ask { .. } => "ask",
            Self::Choose { .. } => "choose",
            Self::Confirm { .. } => "confirm",
            Self::Call { .. } => "call",
            Self::Book { .. } => "book",
            Self::Lead => "lead",
            Self::Offer { .. } => "offer",
            Self::HandOver { .. } => "hand_over",
        }
    }
}

/// Something that can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionSource {
    /// As it is kept.
    pub value: String,
    /// As customers read it.
    pub label: String,
    /// Other words for it.
    pub words: Vec<String>,
    /// The step after it; `None`: the step's own next.
    pub next: Option<String>,
}

/// A flow that was checked.
#[derive(Debug)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// Keywords, folded, the longest first.
    pub(super) keywords: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
    pub(super) remind_after: Option<TimeDelta>,
    pub(super) timeout: TimeDelta,
    pub(super) attempts: u32,
    pub(super) on_change: OnChange,
    /// Tells versions of the flow apart.
    pub revision: u64,
}

/// A step that was checked.
#[derive(Debug)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// Its text, compiled.
    pub(super) text: Option<Text>,
    /// The place of the step after it; `None`: the end.
    pub next: Option<usize>,
    /// The places of the steps after each option; as `next`.
    pub options: Vec<Option<usize>>,
    /// The place of the step after a no.
    pub no: Option<usize>,
}

impl Flow {
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    pub(super) fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The step that stands so in a trail.
    pub(super) fn marked(&self, mark: &str) -> Option<&Step> {
        self.step(mark.strip_prefix(self.name.as_str())?.strip_prefix('/')?)
    }

    /// Whether it leads to a booking.
    pub(super) fn books(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.kind, StepKind::Book { .. }))
    }

    /// Whether it offers work to people on duty.
    pub(super) fn offers(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.kind, StepKind::Offer { .. }))
    }
}
