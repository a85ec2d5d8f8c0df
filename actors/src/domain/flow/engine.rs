//! The engine: begins flows, hands messages to the step that waits for one, and runs the steps behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;

use super::answers::{self, AnswerKind, Written};
use super::source::{Flow, Step, StepKind};
use super::text::Text;
use super::texts::TextKey;
use super::{Appointment, Effect, Flows, Given, Milestone, Move, Running, Saying, Scene, phrases, picking};
use crate::domain::booking::Agenda;
use crate::domain::dates::to_local;
use crate::domain::ids::LeadId;
use crate::domain::lead::Lead;

/// Steps that run without an answer in between, at most: the checks let no flow go round without a question.
const MOST_STEPS: usize = 100;
/// Steps that one can go back over.
const LONGEST_TRAIL: usize = 20;

/// A move in the making.
pub(super) struct Stage<'a> {
    pub(super) flows: &'a Flows,
    pub(super) scene: &'a Scene<'a>,
    /// What is booked, without what this move gave back.
    pub(super) agenda: Arc<Agenda>,
    /// What was written, in lower case without accents.
    pub(super) said: &'a str,
    /// The message is the one that began the flow.
    pub(super) opening: bool,
    /// Kinds of answers that the message gave already.
    pub(super) used: Vec<AnswerKind>,
    /// The message led back to an earlier step: it answers nothing more.
    pub(super) spent: bool,
    pub(super) made: Move,
}

impl Flows {
    /// What a message leads to. `None`: it is none of the flows' business.
    #[must_use]
    pub fn listen(&self, running: Option<&Running>, scene: &Scene<'_>) -> Option<Move> {
        let said = phrases::said(scene.folded);
        let mut stage = Stage::new(self, scene, &said);
        if stage.comes_late(running) {
            return Some(stage.made);
        }
        match running {
            Some(running) => Some(stage.go_on(running.clone())),
            None => stage.begin(),
        }
    }

    /// The flow whose keyword stands in what was said: the longest keyword wins, then the first flow.
    pub(super) fn asked_for(&self, said: &str) -> Option<&Flow> {
        let longest = |flow: &Flow| {
            flow.keywords.iter().filter(|keyword| phrases::contains(said, keyword)).map(String::len).max()
        };
        let mut best: Option<(&Flow, usize)> = None;
        for flow in &self.flows {
            if let Some(length) = longest(flow)
                && best.is_none_or(|(_, most)| length > most)
            {
                best = Some((flow, length));
            }
        }
        best.map(|(flow, _)| flow)
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(flows: &'a Flows, scene: &'a Scene<'a>, said: &'a str) -> Self {
        let agenda = Arc::clone(scene.agenda);
        Self { flows, scene, agenda, said, opening: false, used: Vec::new(), spent: false, made: Move::default() }
    }

    fn begin(mut self) -> Option<Move> {
        // "Puis-je annuler mon rendez-vous ?" asks how that goes, and the FAQ may know.
        let asks =
            phrases::asks_whether_they_may(self.said) && (phrases::moves(self.said) || phrases::calls_off(self.said));
        if asks && (self.scene.knows)(self.scene.text) {
            return None;
        }
        if phrases::waits_for_place(self.said) && self.is_about_the_list() || self.manages() || self.is_about_the_list()
        {
            return Some(self.made);
        }
        let flow = match self.flows.asked_for(self.said) {
            Some(flow) if (flow.books() || flow.offers()) && self.asks_something_else() => return None,
            Some(flow) => flow,
            None => self.wished_for()?,
        };
        self.opening = true;
        self.start(flow);
        Some(self.made)
    }

    /// Begins a flow.
    pub(super) fn start(&mut self, flow: &'a Flow) {
        self.milestone(&flow.name, Milestone::Started);
        let running = Running::begin(flow, "", self.scene.now);
        self.run(running, flow, Some(0));
    }

    pub(super) fn milestone(&mut self, flow: &str, milestone: Milestone) {
        self.made.milestones.push((flow.to_owned(), milestone));
    }

    pub(super) fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.made.sayings.push(Saying::Text(text));
        }
    }

    pub(super) fn written(&self) -> Written<'a> {
        Written {
            text: self.scene.text,
            said: self.said,
            location: self.scene.location,
            now: to_local(self.scene.now, self.flows.zone),
            zone: self.flows.zone,
            english: self.flows.english,
        }
    }

    /// Runs steps from a place on, until one waits for an answer or the flow ends.
    pub(super) fn run(&mut self, mut running: Running, flow: &'a Flow, place: Option<usize>) {
        let (mut flow, mut place) = (flow, place);
        for _ in 0..MOST_STEPS {
            let Some(step) = place.and_then(|place| flow.steps.get(place)) else {
                match running.callers.pop() {
                    Some((caller, id)) => {
                        let Some(above) = self.flows.flow(&caller) else { break };
                        running.flow = caller;
                        running.revision = above.revision;
                        let call = above.step(&id);
                        place = call.and_then(|call| self.lead_on(&mut running, above, call, call.next));
                        flow = above;
                        continue;
                    }
                    None => {
                        let name = running.flow.clone();
                        self.milestone(&name, Milestone::Completed);
                        return;
                    }
                }
            };
            running.step.clone_from(&step.id);
            match &step.kind {
                StepKind::Say { .. } => {
                    let text = self.fill(step.text.as_ref(), &running, &[]);
                    self.say(text);
                    place = self.lead_on(&mut running, flow, step, step.next);
                }
                StepKind::Ask { answer, save, from_opening, where_seats_count, .. } => {
                    if !running.answers.contains_key(save) {
                        match self.volunteered(*answer, save, *from_opening) {
                            Some(given) => {
                                running.answers.insert(save.clone(), given);
                            }
                            None if *where_seats_count && !self.flows.knows_seats() => {}
                            None => {
                                self.take_ahead(&mut running, flow, step.next);
                                return self.wait(running, step);
                            }
                        }
                    }
                    place = self.lead_on(&mut running, flow, step, step.next);
                }
                StepKind::Choose { options, save, .. } => {
                    let known = running
                        .answers
                        .get(save)
                        .and_then(|given| options.iter().position(|option| option.value == given.value));
                    let named = || picking::by_name(self.said, &names_of(options)).filter(|_| !self.spent);
                    match known.or_else(named) {
                        Some(at) => {
                            if let Some(option) = options.get(at) {
                                let given = Given { shown: option.label.clone(), value: option.value.clone() };
                                running.answers.insert(save.clone(), given);
                            }
                            let way = step.options.get(at).copied().flatten();
                            place = self.lead_on(&mut running, flow, step, way);
                        }
                        None => return self.wait(running, step),
                    }
                }
                StepKind::Confirm { .. } => return self.wait(running, step),
                StepKind::Call { flow: called } => {
                    let Some(below) = self.flows.flow(called) else { break };
                    running.callers.push((running.flow.clone(), step.id.clone()));
                    running.flow.clone_from(called);
                    running.revision = below.revision;
                    (flow, place) = (below, Some(0));
                }
                StepKind::Book { service } => {
                    let appointment = Appointment { service: service.clone(), ..Appointment::default() };
                    running.appointment = Some(appointment);
                    return self.book(running, flow, step);
                }
                StepKind::Lead => {
                    let lead = self.lead(&running);
                    self.made.effects.push(Effect::Lead(lead));
                    place = self.lead_on(&mut running, flow, step, step.next);
                }
                StepKind::Offer { .. } => {
                    let text = self.fill(step.text.as_ref(), &running, &[]);
                    let mut known = running.answers.clone();
                    if let Some(price) = self.price_of_ride(&running) {
                        known.insert("price".to_owned(), Given { shown: price.clone(), value: price });
                    }
                    let details = serde_json::to_value(&known).unwrap_or_default();
                    self.made.effects.push(Effect::Offer { text, details });
                    place = self.lead_on(&mut running, flow, step, step.next);
                }
                StepKind::HandOver { .. } => {
                    let text = self.fill(step.text.as_ref(), &running, &[]);
                    return self.hand_over(&running, Some(text));
                }
            }
        }
        let name = running.flow.clone();
        self.milestone(&name, Milestone::Abandoned("changed"));
    }

    /// The way from a step. Where it leads back, what was answered in between is asked anew: an answer that is known would
    /// lead the same way round for ever.
    pub(super) fn lead_on(
        &mut self,
        running: &mut Running,
        flow: &Flow,
        step: &Step,
        way: Option<usize>,
    ) -> Option<usize> {
        let from = flow.position(&step.id);
        if let (Some(back), Some(from)) = (way, from)
            && back <= from
        {
            self.spent = true;
            for step in flow.steps.iter().skip(back).take(from - back + 1) {
                self.forget(running, step);
            }
        }
        way
    }

    /// Forgets what a step was answered, and what the flow that it calls was.
    fn forget(&self, running: &mut Running, step: &Step) {
        match &step.kind {
            StepKind::Ask { save, .. } | StepKind::Choose { save, .. } => {
                running.answers.remove(save);
            }
            StepKind::Call { flow } => {
                for step in self.flows.flow(flow).into_iter().flat_map(|flow| &flow.steps) {
                    self.forget(running, step);
                }
            }
            _ => {}
        }
    }

    /// Asks a step's question, and waits.
    pub(super) fn wait(&mut self, running: Running, step: &Step) {
        let question = self.question(&running, step);
        self.stay(running, question);
    }

    /// The question of a step, with its options.
    pub(super) fn question(&self, running: &Running, step: &Step) -> String {
        if let (StepKind::Book { .. }, Some(appointment)) = (&step.kind, &running.appointment) {
            return self.appointment_question(appointment);
        }
        let question = self.fill(step.text.as_ref(), running, &[]);
        let StepKind::Choose { options, .. } = &step.kind else { return question };
        let labels: Vec<String> =
            options.iter().enumerate().map(|(at, option)| format!("{} {}", at + 1, option.label)).collect();
        self.text(TextKey::Choose, running, &[("question", &question), ("options", &labels.join(" · "))])
    }

    /// Keeps what the message tells of questions behind the open one: `un taxi demain 8h pour 4`. One that answers a question tells how
    /// many people come at most: other numbers and days in it may be part of that answer.
    fn take_ahead(&mut self, running: &mut Running, flow: &Flow, mut place: Option<usize>) {
        while let Some(Step { kind: StepKind::Ask { answer, save, .. }, next, .. }) =
            place.and_then(|place| flow.steps.get(place))
        {
            let may = (self.opening || *answer == AnswerKind::Number) && !running.answers.contains_key(save);
            if let Some(given) = may.then(|| self.volunteered(*answer, save, false)).flatten() {
                running.answers.insert(save.clone(), given);
            }
            // Only ahead: a way back would be walked for ever.
            place = next.filter(|next| Some(*next) > place);
        }
    }

    fn volunteered(&mut self, kind: AnswerKind, save: &str, from_opening: bool) -> Option<Given> {
        if kind == AnswerKind::Place
            && let Some(end) = self.told_end(save)
        {
            return Some(end);
        }
        if self.spent || self.used.contains(&kind) {
            return None;
        }
        let written = self.written();
        let whole = || {
            let tells = self.opening && from_opening && self.tells_more();
            tells.then(|| Given { shown: self.scene.text.trim().to_owned(), value: self.scene.text.trim().to_owned() })
        };
        let given = answers::volunteered(kind, &written).or_else(whole)?;
        self.used.push(kind);
        Some(given)
    }

    /// Ends the flow, and calls a person.
    pub(super) fn hand_over(&mut self, running: &Running, text: Option<String>) {
        let text = text.unwrap_or_else(|| self.text(TextKey::HandOver, running, &[]));
        self.say(text);
        self.let_go(running);
        self.milestone(&running.flow, Milestone::Abandoned("handed_over"));
        self.made.hand_over = true;
        self.made.running = None;
    }

    fn lead(&self, running: &Running) -> Lead {
        let answer =
            |name: &str| running.answers.get(name).map(|given| given.value.clone()).filter(|value| !value.is_empty());
        let need = answer("need").unwrap_or_default();
        let urgent = ["urgent", "urgence", "vite", "asap", "emergency", "fuite", "inondation"];
        let said = phrases::said(&crate::domain::folding::fold(&need));
        Lead {
            id: LeadId::fresh(),
            name: answer("name").or_else(|| self.scene.contact_name.map(str::to_owned)),
            email: answer("email"),
            phone: answer("phone").or_else(|| self.scene.phone.map(str::to_owned)),
            urgent: urgent.iter().any(|word| phrases::contains(&said, word)),
            need,
            source: running.flow.clone(),
        }
    }

    /// A text of the engine, or the tenant's own instead.
    pub(super) fn text(&self, key: TextKey, running: &Running, facts: &[(&str, &str)]) -> String {
        self.fill(self.flows.texts.get(&key), running, facts)
    }

    /// What a ride costs whose two ends are known.
    fn price_of_ride(&self, running: &Running) -> Option<String> {
        let end = |name: &str| running.answers.get(name).map(|given| given.value.as_str());
        self.flows.fares.price(end("pickup")?, end("destination")?)
    }

    pub(super) fn fill(&self, text: Option<&Text>, running: &Running, facts: &[(&str, &str)]) -> String {
        let Some(text) = text else { return String::new() };
        if let Text::Fixed(text) = text {
            return text.clone();
        }
        let named = |name: &str| Value::from(BTreeMap::from([("name", Value::from(name))]));
        let mut known: BTreeMap<&str, Value> =
            running.answers.iter().map(|(name, given)| (name.as_str(), Value::from(given.shown.as_str()))).collect();
        if let Some(price) = self.price_of_ride(running) {
            known.insert("price", Value::from(price));
        }
        known.insert("tenant", named(&self.flows.tenant_name));
        known.insert("contact", named(self.scene.contact_name.unwrap_or_default()));
        known.extend(facts.iter().map(|(name, value)| (*name, Value::from(*value))));
        text.write(Value::from(known))
    }
}

/// The names of options, as messages are compared with them.
pub(super) fn names_of(options: &[super::OptionSource]) -> Vec<Vec<String>> {
    let folded = |text: &String| phrases::said(&crate::domain::folding::fold(text));
    options
        .iter()
        .map(|option| std::iter::once(&option.label).chain(&option.words).chain([&option.value]).map(folded).collect())
        .collect()
}

impl Stage<'_> {
    pub(super) fn remember(running: &mut Running, step: &str) {
        let mark = mark(&running.flow, step);
        if running.trail.last() != Some(&mark) {
            running.trail.push(mark);
        }
        if running.trail.len() > LONGEST_TRAIL {
            running.trail.remove(0);
        }
    }
}

/// How a step stands in [`Running::trail`]: another flow may have a step of the same name.
pub(super) fn mark(flow: &str, step: &str) -> String {
    format!("{flow}/{step}")
}
