//! Walks flows as customers do: whether a few sensible answers end them from wherever they are. For tests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::answers::AnswerKind;
use super::appointment::Open;
use super::{Effect, Flows, MOST_ANSWERS, Reminder, Running, Scene, StepKind};
use crate::domain::Timestamp;
use crate::domain::booking::{Agenda, BookingState};
use crate::domain::folding::fold;

/// States of a walk that are looked at, at most: a flow of a tenant has some tens.
const MOST_STATES: usize = 2_000;

/// A customer in front of a tenant's flows.
#[derive(Clone)]
pub struct FlowCustomer<'a> {
    flows: &'a Flows,
    knows: &'a dyn Fn(&str) -> bool,
    /// The moment at which they write.
    pub now: Timestamp,
    /// Bookings, with the changes that their own messages made.
    pub agenda: Agenda,
    running: Option<Running>,
    reminders: Vec<Reminder>,
}

impl std::fmt::Debug for FlowCustomer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowCustomer").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl<'a> FlowCustomer<'a> {
    /// Somebody who has not written yet. `knows` says what the FAQ has an answer to.
    #[must_use]
    pub fn new(flows: &'a Flows, knows: &'a dyn Fn(&str) -> bool, now: Timestamp) -> Self {
        Self { flows, knows, now, agenda: Agenda::default(), running: None, reminders: Vec::new() }
    }

    /// Writes something. Answers whether it was the flows' business.
    ///
    /// # Errors
    /// They wait for an answer, and said nothing.
    pub fn say(&mut self, text: &str) -> Result<bool, String> {
        let (folded, agenda) = (fold(text), Arc::new(self.agenda.clone()));
        let scene = Scene { text, folded: &folded, ..self.scene(&agenda) };
        let Some(made) = self.flows.listen(self.running.as_ref(), &scene) else { return Ok(false) };
        if made.sayings.is_empty() && made.running.is_some() {
            return Err(format!("nothing was said to {text:?} in {self:?}"));
        }
        self.take(made);
        Ok(true)
    }

    /// Whether a flow waits for an answer.
    #[must_use]
    pub const fn is_in_a_flow(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a time is kept free for them.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.agenda.mine.iter().any(|booking| booking.state == BookingState::Held)
    }

    fn take(&mut self, made: super::Move) {
        for effect in made.effects {
            match effect {
                Effect::Booking(change) => self.agenda.apply(&change),
                Effect::Remind { reminder, .. } => self.reminders.push(reminder),
                Effect::HoldEnds { .. } | Effect::Lead(_) | Effect::Offer { .. } | Effect::Waiting(_) => {}
            }
        }
        self.running = made.running;
    }

    fn scene<'s>(&'s self, agenda: &'s Arc<Agenda>) -> Scene<'s> {
        Scene {
            now: self.now,
            text: "",
            folded: "",
            location: None,
            agenda,
            contact_name: Some("Nadia"),
            phone: Some("+33612345678"),
            knows: self.knows,
        }
    }

    /// They are reminded of what they booked first.
    fn reminded(&self) -> Option<Self> {
        let agenda = Arc::new(self.agenda.clone());
        let reminded =
            |reminder| self.flows.remind(reminder, None, &self.scene(&agenda)).filter(|made| made.running.is_some());
        let made = self.reminders.iter().find_map(reminded)?;
        let mut customer = self.clone();
        customer.take(made);
        Some(customer)
    }

    /// What tells states apart: where the flow waits, for what, and what is known.
    fn state(&self) -> String {
        let Some(running) = &self.running else {
            let booked = self.agenda.mine.iter().any(|booking| booking.state == BookingState::Confirmed);
            return format!("no flow, booked: {booked}");
        };
        let open = running.appointment.as_ref().map(|appointment| (appointment.open, appointment.manages()));
        let known: Vec<&String> = running.answers.keys().collect();
        format!(
            "{}.{} called by {:?}, appointment {open:?}, known {known:?}",
            running.flow, running.step, running.callers
        )
    }

    /// What sensible people answer to the question that is open.
    fn answers(&self) -> Vec<String> {
        let Some(running) = &self.running else { return Vec::new() };
        let step = self.flows.flow(&running.flow).and_then(|flow| flow.step(&running.step));
        let in_language = |french: &str, english: &str| if self.flows.english { english } else { french }.to_owned();
        let (yes, no) = (in_language("oui", "yes"), in_language("non", "no"));
        let of = |number: usize| -> Vec<String> { (1..=number).map(|place| place.to_string()).collect() };
        match step.map(|step| &step.kind) {
            Some(StepKind::Ask { answer, optional, .. }) => {
                let said = match answer {
                    AnswerKind::Text => "une fuite, 3 rue Verte".to_owned(),
                    AnswerKind::Name => "Martin".to_owned(),
                    AnswerKind::Number => "3".to_owned(),
                    AnswerKind::When => in_language("demain 15h", "tomorrow 3pm"),
                    AnswerKind::Phone => "+33612345679".to_owned(),
                    AnswerKind::Email => "martin@example.com".to_owned(),
                    AnswerKind::Place => "Kipé".to_owned(),
                    AnswerKind::YesNo => yes,
                };
                std::iter::once(said).chain(optional.then_some(no)).collect()
            }
            Some(StepKind::Choose { options, .. }) => {
                options.iter().map(|option| option.label.clone()).chain(of(options.len())).collect()
            }
            Some(StepKind::Confirm { .. }) => vec![yes, no],
            Some(StepKind::Book { .. }) => match running.appointment.as_ref().map(|appointment| appointment.open) {
                Some(Open::Service) => of(self.flows.services.len().min(3)),
                Some(Open::People) => vec!["2".to_owned()],
                None | Some(Open::Day) => {
                    let which = in_language("mardi prochain", "next Tuesday");
                    vec![in_language("le plus tôt possible", "as soon as possible"), which]
                }
                Some(Open::Which) => vec!["1".to_owned()],
                Some(Open::Time) => vec!["1".to_owned(), no],
                Some(Open::Confirm | Open::Cancel | Open::Reminder) => vec![yes, no],
                Some(Open::MoveOrCancel) => of(2),
            },
            _ => Vec::new(),
        }
    }

    /// The fewest sensible answers that end what is going on.
    ///
    /// # Errors
    /// [`MOST_ANSWERS`] do not.
    pub fn answers_to_the_end(&self) -> Result<u32, String> {
        let mut seen = BTreeSet::from([self.state()]);
        let mut open = vec![self.clone()];
        for answers in 0..=MOST_ANSWERS {
            if open.iter().any(|customer| customer.running.is_none()) {
                return Ok(answers);
            }
            let mut next = Vec::new();
            for customer in &open {
                for answer in customer.answers() {
                    let mut customer = customer.clone();
                    customer.say(&answer)?;
                    if seen.insert(customer.state()) {
                        next.push(customer);
                    }
                }
            }
            open = next;
        }
        Err(format!("no {MOST_ANSWERS} answers end {self:?}"))
    }

    /// What begins a flow, or what changes a booking that is there.
    fn beginnings(&self) -> Vec<Self> {
        let english = self.flows.english;
        let changes = if english {
            ["cancel my appointment", "move my appointment"]
        } else {
            ["annuler mon rendez-vous", "décaler mon rendez-vous"]
        };
        let keywords = self.flows.flows.iter().filter_map(|flow| flow.keywords.first().map(String::as_str));
        let said = keywords.chain(changes).filter_map(|text| {
            let mut customer = self.clone();
            customer.say(text).is_ok_and(|taken| taken).then_some(customer)
        });
        said.chain(self.reminded()).collect()
    }
}

/// Walks the graph of all flows by every sensible answer. Answers how many states there are, by the flow that they are in.
///
/// # Errors
/// A state that [`MOST_ANSWERS`] do not end, or in which nothing is said.
pub fn walk(flows: &Flows, knows: &dyn Fn(&str) -> bool, now: Timestamp) -> Result<BTreeMap<String, usize>, String> {
    let customer = FlowCustomer::new(flows, knows, now);
    let mut seen = BTreeSet::from([customer.state()]);
    let mut open = VecDeque::from([customer]);
    let mut states = BTreeMap::new();
    while let Some(customer) = open.pop_front() {
        let next = match &customer.running {
            None => customer.beginnings(),
            Some(running) => {
                *states.entry(running.flow.clone()).or_default() += 1;
                customer.answers_to_the_end()?;
                let mut next = Vec::new();
                for answer in customer.answers() {
                    let mut customer = customer.clone();
                    customer.say(&answer)?;
                    next.push(customer);
                }
                next
            }
        };
        open.extend(next.into_iter().filter(|customer| seen.insert(customer.state())));
        if seen.len() > MOST_STATES {
            return Err(format!("more than {MOST_STATES} states"));
        }
    }
    Ok(states)
}
