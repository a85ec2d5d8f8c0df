//! Ways out of flows: how many answers each step is from the end.

use std::collections::{BTreeSet, HashMap};

use super::source::{Flow, StepKind};

/// The most answers that a customer gives from any step to the end, on the shortest way.
pub const MOST_ANSWERS: u32 = 6;

/// A step that leads nowhere, too far, or round without a question.
pub(super) struct LostStep {
    /// The place of its flow.
    pub(super) flow: usize,
    /// Its place in it.
    pub(super) step: usize,
    /// What is wrong with it, for people.
    pub(super) message: String,
}

/// Every step from which customers do not find the way out.
pub(super) fn lost_steps(flows: &[Flow]) -> Vec<LostStep> {
    let mut lost = Vec::new();
    let mut answers = FewestAnswers { flows, known: HashMap::new() };
    for (at, flow) in flows.iter().enumerate() {
        walk(at, flow, &answers.fewest_of(flow, Some(0)), &mut lost);
    }
    if lost.is_empty() {
        called(&mut answers, &mut lost);
    }
    lost
}

impl Flow {
    /// The places that may come after a step.
    #[must_use]
    pub fn ways(&self, place: usize) -> Vec<Option<usize>> {
        let Some(step) = self.steps.get(place) else { return Vec::new() };
        match &step.kind {
            StepKind::Choose { .. } => step.options.clone(),
            // A no without a step of its own cancels: that is a way out as well.
            StepKind::Confirm { no, .. } => vec![step.next, no.as_ref().and(step.no)],
            StepKind::HandOver { .. } => vec![None],
            _ => vec![step.next],
        }
    }
}

/// Answers that a step takes by itself, on the shortest way. What a called flow asks is counted by [`FewestAnswers`].
const fn answers_of(kind: &StepKind) -> u32 {
    match kind {
        StepKind::Ask { .. } | StepKind::Choose { .. } | StepKind::Confirm { .. } => 1,
        // Day, time, yes; the service is a step more.
        StepKind::Book { service: Some(_) } => 3,
        StepKind::Book { service: None } => 4,
        StepKind::Say { .. }
        | StepKind::Call { .. }
        | StepKind::Lead
        | StepKind::Offer { .. }
        | StepKind::HandOver { .. } => 0,
    }
}

/// The fewest answers from steps to the end of all, called flows included.
struct FewestAnswers<'a> {
    flows: &'a [Flow],
    /// From the first step of a flow, when so many are left behind its end.
    known: HashMap<(&'a str, Option<u32>), Option<u32>>,
}

impl<'a> FewestAnswers<'a> {
    /// From each step of a flow, when so many are left behind its end. `None`: no way leads there.
    fn fewest_of(&mut self, flow: &'a Flow, behind: Option<u32>) -> Vec<Option<u32>> {
        let mut fewest: Vec<Option<u32>> = vec![None; flow.steps.len()];
        // By relaxation.
        for _ in 0..=flow.steps.len() {
            for place in (0..flow.steps.len()).rev() {
                let Some(step) = flow.steps.get(place) else { continue };
                let from = |way: Option<usize>| match way {
                    Some(place) => fewest.get(place).copied().flatten(),
                    None => behind,
                };
                let least = match &step.kind {
                    // A no without a step of its own leaves all flows, as a person does.
                    StepKind::HandOver { .. } | StepKind::Confirm { no: None, .. } => Some(0),
                    StepKind::Call { flow: called } => self.through(called, from(step.next)),
                    _ => flow.ways(place).into_iter().filter_map(from).min(),
                };
                if let Some(known) = fewest.get_mut(place) {
                    *known = least.map(|least| least.saturating_add(answers_of(&step.kind)));
                }
            }
        }
        fewest
    }

    /// Through a called flow to the end, when so many are left behind it.
    fn through(&mut self, name: &'a str, behind: Option<u32>) -> Option<u32> {
        if let Some(known) = self.known.get(&(name, behind)) {
            return *known;
        }
        let flow = self.flows.iter().find(|flow| flow.name == name)?;
        let least = self.fewest_of(flow, behind).first().copied().flatten();
        self.known.insert((name, behind), least);
        least
    }
}

fn walk(at: usize, flow: &Flow, fewest: &[Option<u32>], lost: &mut Vec<LostStep>) {
    let mut reached = BTreeSet::new();
    let mut open = vec![0];
    while let Some(place) = open.pop() {
        if reached.insert(place) {
            open.extend(flow.ways(place).into_iter().flatten());
        }
    }
    for (place, step) in flow.steps.iter().enumerate() {
        let mut wrong = |message: String| lost.push(LostStep { flow: at, step: place, message });
        if !reached.contains(&place) {
            wrong(format!("no way leads to the step `{}`", step.id));
            continue;
        }
        match fewest.get(place).copied().flatten() {
            None => wrong(format!("no way leads from the step `{}` to the end", step.id)),
            Some(answers) if answers > MOST_ANSWERS => wrong(format!(
                "from the step `{}` it takes {answers} answers to the end; customers give {MOST_ANSWERS} at most",
                step.id
            )),
            Some(_) if talks_for_ever(flow, place) => {
                wrong(format!("from the step `{}` it comes back without asking anything", step.id));
            }
            Some(_) => {}
        }
    }
}

/// Steps of called flows, from which it is as far as from the flow that calls them.
fn called(answers: &mut FewestAnswers<'_>, lost: &mut Vec<LostStep>) {
    let mut open: Vec<(usize, Option<u32>)> = (0..answers.flows.len()).map(|at| (at, Some(0))).collect();
    let mut seen: BTreeSet<(usize, Option<u32>)> = open.iter().copied().collect();
    while let Some((at, behind)) = open.pop() {
        let Some(flow) = answers.flows.get(at) else { continue };
        let fewest = answers.fewest_of(flow, behind);
        for (place, step) in flow.steps.iter().enumerate() {
            let least = fewest.get(place).copied().flatten();
            let is_told = lost.iter().any(|known| (known.flow, known.step) == (at, place));
            if least.is_none_or(|least| least > MOST_ANSWERS) && !is_told {
                let message = format!(
                    "from the step `{}` it takes too many answers to the end of the flow that calls it; customers give \
                     {MOST_ANSWERS} at most",
                    step.id
                );
                lost.push(LostStep { flow: at, step: place, message });
            }
            if let StepKind::Call { flow: name } = &step.kind
                && let Some(below) = answers.flows.iter().position(|flow| flow.name == *name)
            {
                let then = step.next.map_or(behind, |next| fewest.get(next).copied().flatten());
                if seen.insert((below, then)) {
                    open.push((below, then));
                }
            }
        }
    }
}

/// Whether a step comes back to itself without a question in between.
fn talks_for_ever(flow: &Flow, place: usize) -> bool {
    let silent = |place: usize| flow.steps.get(place).is_some_and(|step| answers_of(&step.kind) == 0);
    let mut seen = BTreeSet::new();
    let mut open = if silent(place) { flow.ways(place) } else { Vec::new() };
    while let Some(next) = open.pop() {
        match next {
            Some(next) if next == place => return true,
            Some(next) if silent(next) && seen.insert(next) => open.extend(flow.ways(next)),
            _ => {}
        }
    }
    false
}
