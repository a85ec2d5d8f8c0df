//! A message to a running flow: repair first, then the answer to what was asked.

use super::answers::{self, AnswerKind, Reading};
use super::engine::{Stage, names_of};
use super::source::{Flow, OnChange, Step, StepKind};
use super::texts::TextKey;
use super::{Effect, Given, Milestone, Move, Running, Saying, asides, phrases, picking};
use crate::domain::waiting::{WaitingChange, WaitingState};

impl<'a> Stage<'a> {
    pub(super) fn go_on(mut self, running: Running) -> Move {
        let Some(flow) = self.flows.flow(&running.flow) else {
            self.milestone(&running.flow, Milestone::Abandoned("changed"));
            return self.made;
        };
        let changed = running.revision != flow.revision && flow.on_change == OnChange::Restart;
        let Some(step) = flow.step(&running.step).filter(|_| !changed) else {
            self.milestone(&running.flow, Milestone::Abandoned("changed"));
            self.let_go(&running);
            self.begin_again(self.outermost(&running, flow), TextKey::Changed);
            return self.made;
        };
        self.repair_or_answer(running, flow, step);
        self.made
    }

    fn repair_or_answer(&mut self, running: Running, flow: &'a Flow, step: &'a Step) {
        let text = self.scene.text;
        let manages = running.appointment.as_ref().is_some_and(super::Appointment::manages);
        if phrases::wants_person(self.said) {
            return self.hand_over(&running, None);
        }
        if phrases::restarts(self.said) {
            self.let_go(&running);
            return self.begin_again(self.outermost(&running, flow), TextKey::Restarted);
        }
        if phrases::cancels(self.said) && !manages {
            return self.cancel(&running, self.outermost(&running, flow));
        }
        if phrases::asks_again(self.said, text) {
            return self.wait(running, step);
        }
        let is_free = matches!(
            step.kind,
            StepKind::Ask { answer: AnswerKind::Text | AnswerKind::Name | AnswerKind::Place | AnswerKind::When, .. }
        );
        if !is_free && asides::wants_to_think(self.said) {
            let text = self.text(TextKey::TakeYourTime, &running, &[]);
            return self.stay(running, text);
        }
        if phrases::goes_back(self.said) {
            return self.step_back(running, flow, step);
        }
        self.answer(running, flow, step);
    }

    /// The flow that the customer began: the one that is running, or the one that called it.
    fn outermost(&self, running: &Running, flow: &'a Flow) -> &'a Flow {
        running.callers.first().and_then(|(name, _)| self.flows.flow(name)).unwrap_or(flow)
    }

    /// Begins the flow anew, with some words before its question.
    fn begin_again(&mut self, flow: &'a Flow, key: TextKey) {
        let before = self.made.sayings.len();
        // What was just written asked for a new beginning: it is no answer to anything.
        let empty = super::Scene { text: "", folded: "", location: None, ..*self.scene };
        let mut anew = Stage { made: std::mem::take(&mut self.made), ..Stage::new(self.flows, &empty, "") };
        anew.restart(flow.name.as_str());
        self.made = anew.made;
        if let Some(Saying::Text(question)) = self.made.sayings.get(before).cloned()
            && let Some(running) = self.made.running.clone()
        {
            let text = self.text(key, &running, &[("question", &question)]);
            if let Some(saying) = self.made.sayings.get_mut(before) {
                *saying = Saying::Text(text);
            }
        }
    }

    fn restart(&mut self, name: &str) {
        if let Some(flow) = self.flows.flow(name) {
            self.start(flow);
        }
    }

    pub(super) fn cancel(&mut self, running: &Running, flow: &Flow) {
        self.let_go(running);
        if let Some(waiting) = running.appointment.as_ref().and_then(|appointment| appointment.waiting) {
            self.made.effects.push(Effect::Waiting(WaitingChange::Become(waiting, WaitingState::Ended)));
        }
        let word = flow.keywords.iter().min_by_key(|keyword| keyword.len()).cloned().unwrap_or_default();
        let key = if running.appointment.is_some() { TextKey::NotBooked } else { TextKey::Cancelled };
        let text = self.text(key, running, &[("word", &word)]);
        self.say(text);
        self.milestone(&running.flow, Milestone::Abandoned("cancelled"));
    }

    /// The question before: within an appointment, or the step before; the question that is open where there is none before.
    fn step_back(&mut self, mut running: Running, flow: &'a Flow, step: &'a Step) {
        if let Some(appointment) = &mut running.appointment
            && let Some((key, facts)) = self.appointment_before(appointment, &step.kind)
        {
            let mut appointment = std::mem::take(appointment);
            let text = self.worded(key, &running, &facts);
            appointment.question.clone_from(&text);
            running.misses = 0;
            running.appointment = Some(appointment);
            return self.stay(running, text);
        }
        if !self.go_back(&running, flow) {
            self.wait(running, step);
        }
    }

    fn go_back(&mut self, running: &Running, flow: &'a Flow) -> bool {
        let mut back = running.clone();
        while let Some(last) = back.trail.pop() {
            let Some(step) = flow.marked(&last).filter(|step| step.id != running.step) else { continue };
            if let StepKind::Ask { save, .. } | StepKind::Choose { save, .. } = &step.kind {
                back.answers.remove(save);
            }
            self.let_go(running);
            back.appointment = None;
            back.step.clone_from(&step.id);
            back.misses = 0;
            let place = flow.position(&step.id);
            // The word itself answers nothing.
            let question = place.and_then(|place| flow.steps.get(place)).map(|step| self.question(&back, step));
            self.stay(back, question.unwrap_or_default());
            return true;
        }
        false
    }

    fn answer(&mut self, mut running: Running, flow: &'a Flow, step: &'a Step) {
        let text = self.scene.text;
        let mut wrong = None;
        match &step.kind {
            StepKind::Ask { answer, save, optional, .. } => {
                let skips = *optional
                    && (phrases::is_no(self.said, text)
                        || matches!(self.said, "passer" | "skip" | "sans" | "aucun")
                        || asides::has_none(self.said));
                let reading = if skips {
                    Reading::Given(Given { shown: String::new(), value: String::new() })
                } else if self.is_question(*answer) {
                    Reading::Nothing
                } else if let Some(end) = self.told_end(save).filter(|_| *answer == AnswerKind::Place) {
                    Reading::Given(end)
                } else {
                    answers::answer(*answer, &self.written())
                };
                match reading {
                    Reading::Given(given) => {
                        running.answers.insert(save.clone(), given);
                        self.used.push(*answer);
                        return self.proceed(running, flow, step, step.next);
                    }
                    Reading::Wrong(key) => wrong = Some(key),
                    Reading::Nothing => {}
                }
            }
            StepKind::Choose { options, save, .. } => {
                if let Some(at) = picking::pick(self.said, &names_of(options)) {
                    if let Some(option) = options.get(at) {
                        let given = Given { shown: option.label.clone(), value: option.value.clone() };
                        running.answers.insert(save.clone(), given);
                    }
                    return self.proceed(running, flow, step, step.options.get(at).copied().flatten());
                }
            }
            StepKind::Confirm { no, .. } => {
                if phrases::is_yes(self.said, text) && self.correction(&running, flow).is_none() {
                    return self.proceed(running, flow, step, step.next);
                }
                if phrases::is_no(self.said, text) {
                    if no.is_none() {
                        return self.cancel(&running, self.outermost(&running, flow));
                    }
                    self.take_back(&mut running, flow, step);
                    return self.go_to(running, flow, step, step.no);
                }
            }
            StepKind::Book { .. } => return self.book(running, flow, step),
            _ => {}
        }
        self.otherwise(running, flow, step, wrong);
    }

    /// After a no, the step that it leads to asks anew, and so do the choices that led here. Other answers stay.
    fn take_back(&mut self, running: &mut Running, flow: &Flow, step: &Step) {
        self.spent = true;
        let (back, here) = (step.no.unwrap_or(usize::MAX), flow.position(&step.id).unwrap_or_default());
        for (place, step) in flow.steps.iter().enumerate() {
            match &step.kind {
                StepKind::Ask { save, .. } if place == back => drop(running.answers.remove(save)),
                StepKind::Choose { save, .. } if place == back || (back..here).contains(&place) => {
                    running.answers.remove(save);
                }
                _ => {}
            }
        }
    }

    fn proceed(&mut self, mut running: Running, flow: &'a Flow, step: &Step, place: Option<usize>) {
        let place = self.lead_on(&mut running, flow, step, place);
        self.go_to(running, flow, step, place);
    }

    fn go_to(&mut self, mut running: Running, flow: &'a Flow, step: &Step, place: Option<usize>) {
        running.misses = 0;
        Self::remember(&mut running, &step.id);
        self.run(running, flow, place);
    }

    /// Whether a message that could be any text is a question that the FAQ answers.
    fn is_question(&self, kind: AnswerKind) -> bool {
        let free = matches!(kind, AnswerKind::Text | AnswerKind::Name | AnswerKind::Place);
        let opens = [
            "est ce que",
            "vous ",
            "combien",
            "quel",
            "quels",
            "quelle",
            "ou ",
            "comment",
            "do you",
            "how",
            "what",
            "where",
            "can ",
        ];
        let asks = self.scene.text.contains('?') || opens.iter().any(|opening| self.said.starts_with(opening));
        free && asks && (self.scene.knows)(self.scene.text)
    }

    /// Nothing that was asked for: a correction, a question, another flow, or a miss.
    pub(super) fn otherwise(&mut self, mut running: Running, flow: &'a Flow, step: &'a Step, wrong: Option<TextKey>) {
        if self.correct(&mut running, flow) {
            running.misses = 0;
            return self.wait(running, step);
        }
        let question = bare(&self.question(&running, step)).to_owned();
        if (self.scene.knows)(self.scene.text) {
            let then = self.text(TextKey::BackToIt, &running, &[("question", &question)]);
            self.made.sayings.push(Saying::Answer { then });
            self.made.running = Some(running);
            return;
        }
        let other = self.flows.asked_for(self.said).filter(|other| other.name != running.flow);
        if let Some(other) = other {
            self.let_go(&running);
            self.milestone(&running.flow, Milestone::Abandoned("switched"));
            self.opening = true;
            return self.start(other);
        }
        if let Some(text) = self.price_of_service(&running, &question) {
            return self.stay(running, text);
        }
        if phrases::is_courtesy(self.said) {
            return self.stay(running, question);
        }
        running.misses += 1;
        if running.misses >= flow.attempts {
            return self.hand_over(&running, None);
        }
        let own = match &step.kind {
            StepKind::Ask { retry: Some(retry), .. } => Some(retry.clone()),
            _ => None,
        };
        let text = match own {
            Some(own) => format!("{own} {question}"),
            None => self.text(wrong.unwrap_or(TextKey::NotUnderstood), &running, &[("question", &question)]),
        };
        self.stay(running, text);
    }

    /// Says something, and waits at the step for an answer.
    pub(super) fn stay(&mut self, running: Running, text: String) {
        self.say(text);
        self.made.running = Some(running);
    }

    /// What the service costs that is talked of, when that is asked.
    fn price_of_service(&self, running: &Running, question: &str) -> Option<String> {
        let appointment = running.appointment.as_ref().filter(|_| asides::asks_for_price(self.said))?;
        let service = self.service_of(appointment)?;
        let facts = [("service", service.name.as_str()), ("price", service.price.as_deref()?), ("question", question)];
        Some(self.text(TextKey::PriceIs, running, &facts))
    }
}

/// A question without the courtesy before it (`C'est noté. À quel nom ?`), which does not fit a second time.
pub(super) fn bare(question: &str) -> &str {
    match question.split_once(". ") {
        Some((before, rest)) if before.split_whitespace().count() <= 3 && rest.contains('?') => rest,
        _ => question,
    }
}
