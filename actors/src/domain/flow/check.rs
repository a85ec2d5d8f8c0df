//! Checks of flows when they are loaded: names, texts, and a graph in which every state has a way out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use super::source::{Flow, FlowSource, Step, StepKind, StepSource};
use super::text::{FACTS, Text};
use super::texts::TextKey;
use super::ways_out;
use crate::domain::booking::Service;
use crate::domain::folding::fold;
use crate::domain::party::MOST_PLACES;

/// The word that ends a flow.
const END: &str = "end";

/// What is wrong with a flow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FlowError {
    /// The place of the flow; `None`: the texts that all flows share.
    pub flow: Option<usize>,
    /// The place of the step in it.
    pub step: Option<usize>,
    /// The key, as the configuration writes it.
    pub field: String,
    /// What is wrong, for people.
    pub message: String,
}

/// What flows may speak of.
pub(super) struct Known<'a> {
    pub(super) services: &'a [Service],
    pub(super) texts: &'a BTreeMap<String, String>,
    pub(super) has_drivers: bool,
}

pub(super) fn compile(sources: &[FlowSource], known: &Known<'_>, errors: &mut Vec<FlowError>) -> Vec<Flow> {
    services(known.services, errors);
    let flows: Vec<Flow> =
        sources.iter().enumerate().map(|(at, source)| flow(at, source, known, sources, errors)).collect();
    for (at, source) in sources.iter().enumerate() {
        if sources.iter().take(at).any(|other| other.name == source.name) {
            errors.push(of_flow(at, "name", format!("there are two flows `{}`", source.name)));
        }
        if calls_itself(sources, &source.name, &source.name, 0) {
            errors.push(of_flow(at, "steps", format!("the flow `{}` calls itself", source.name)));
        }
    }
    if errors.is_empty() {
        let lost = ways_out::lost_steps(&flows).into_iter();
        errors.extend(lost.map(|lost| FlowError {
            flow: Some(lost.flow),
            step: Some(lost.step),
            field: "next".to_owned(),
            message: lost.message,
        }));
    }
    flows
}

fn of_flow(flow: usize, field: &str, message: String) -> FlowError {
    FlowError { flow: Some(flow), step: None, field: field.to_owned(), message }
}

/// The texts of the engine: the tenant's own where it has them.
pub(super) fn texts(known: &Known<'_>, english: bool, errors: &mut Vec<FlowError>) -> HashMap<TextKey, Text> {
    let names = names(&[]);
    let mut wrong = |key: &str, message: String| {
        errors.push(FlowError { flow: None, step: None, field: format!("texts.{key}"), message });
    };
    for key in known.texts.keys().filter(|key| TextKey::from_str(key).is_err()) {
        let likeness = |word: &TextKey| likeness(word.as_str(), key);
        let meant = TextKey::ALL.iter().max_by_key(|word| likeness(word));
        wrong(key, format!("is no text of the engine; did you mean `{}`?", meant.map_or("", |word| word.as_str())));
    }
    let mut texts = HashMap::new();
    for key in TextKey::ALL {
        let own = known.texts.get(key.as_str()).map(String::as_str);
        match Text::new(own.unwrap_or_else(|| key.built_in(english)), &names) {
            Ok(text) => {
                texts.insert(*key, text);
            }
            Err(message) => wrong(key.as_str(), message),
        }
    }
    texts
}

/// How alike two words are, in thousandths.
fn likeness(one: &str, other: &str) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
    let thousandths = (strsim::jaro_winkler(one, other) * 1000.0) as u32;
    thousandths
}

fn services(services: &[Service], errors: &mut Vec<FlowError>) {
    for (at, service) in services.iter().enumerate() {
        let mut wrong = |field: &str, message: &str| {
            let field = format!("services[{at}].{field}");
            errors.push(FlowError { flow: None, step: None, field, message: message.to_owned() });
        };
        if service.resources.is_empty() {
            wrong("resources", "names nobody, so nobody can be booked");
        }
        if service.duration.num_minutes() < 5 || service.duration.num_minutes() % 5 != 0 {
            wrong("duration", "must be a multiple of five minutes");
        }
        if !(1..=MOST_PLACES).contains(&service.capacity) {
            wrong("capacity", &format!("must be from 1 to {MOST_PLACES} people; write several resources for more"));
        }
        if services.iter().take(at).any(|other| other.id == service.id) {
            wrong("id", "stands twice");
        }
    }
}

/// The services, each with the most people that one of its resources takes at once: whoever has it for themselves takes all of
/// those places.
pub(super) fn with_most_places(services: &[Service]) -> Vec<Service> {
    let counted = |service: &Service| {
        let shares = |other: &&Service| other.resources.iter().any(|one| service.resources.contains(one));
        let most = services.iter().filter(shares).map(|other| other.capacity).max();
        Service { most_places: most.unwrap_or(1).max(1), ..service.clone() }
    };
    services.iter().map(counted).collect()
}

/// Names that a text may use.
fn names(saved: &[&str]) -> Vec<String> {
    let own = ["tenant", "contact"].into_iter().chain(FACTS);
    saved.iter().copied().chain(own).map(str::to_owned).collect()
}

fn flow(at: usize, source: &FlowSource, known: &Known<'_>, all: &[FlowSource], errors: &mut Vec<FlowError>) -> Flow {
    if source.steps.is_empty() {
        errors.push(of_flow(at, "steps", "is empty: a flow needs a step".to_owned()));
    }
    // Answers of a flow that is called may be spoken of as well.
    let saved: Vec<&str> = all.iter().flat_map(|flow| &flow.steps).filter_map(saved_as).collect();
    let names = names(&saved);
    let mut keywords: Vec<String> =
        source.keywords.iter().map(|keyword| super::phrases::said(&fold(keyword))).collect();
    if let Some(empty) = keywords.iter().position(String::is_empty) {
        errors.push(of_flow(
            at,
            &format!("keywords[{empty}]"),
            "has no letter or digit, so no message can match it".to_owned(),
        ));
    }
    keywords.sort_by_key(|keyword| std::cmp::Reverse(keyword.len()));
    let mut ids = BTreeSet::new();
    let steps = source.steps.iter().enumerate().map(|(place, step)| {
        let mut wrong = |field: &str, message: String| {
            errors.push(FlowError { flow: Some(at), step: Some(place), field: field.to_owned(), message });
        };
        if !ids.insert(step.id.as_str()) || step.id == END {
            wrong("id", format!("`{}` stands twice, or is a word of its own", step.id));
        }
        self::step(step, place, source, (known, &names, all), &mut wrong)
    });
    let steps = steps.collect();
    Flow {
        name: source.name.clone(),
        keywords,
        steps,
        remind_after: source.remind_after,
        timeout: source.timeout,
        attempts: source.attempts.max(1),
        on_change: source.on_change,
        revision: revision(source),
    }
}

fn saved_as(step: &StepSource) -> Option<&str> {
    match &step.kind {
        StepKind::Ask { save, .. } | StepKind::Choose { save, .. } => Some(save),
        _ => None,
    }
}

fn step(
    step: &StepSource,
    place: usize,
    flow: &FlowSource,
    (known, names, all): (&Known<'_>, &[String], &[FlowSource]),
    wrong: &mut dyn FnMut(&str, String),
) -> Step {
    let find = |field: &str, id: Option<&str>, wrong: &mut dyn FnMut(&str, String)| match id {
        None => (place + 1 < flow.steps.len()).then_some(place + 1),
        Some(END) => None,
        Some(id) => {
            let found = flow.steps.iter().position(|other| other.id == id);
            if found.is_none() {
                let meant = flow.steps.iter().max_by_key(|other| likeness(&other.id, id));
                let meant = meant.map_or(END, |step| step.id.as_str());
                wrong(field, format!("there is no step `{id}`; did you mean `{meant}`?"));
            }
            found
        }
    };
    let next = find("next", step.next.as_deref(), wrong);
    let (mut options, mut no) = (Vec::new(), None);
    match &step.kind {
        StepKind::Choose { options: choices, .. } => {
            if choices.is_empty() {
                wrong("options", "is empty: there is nothing to choose".to_owned());
            }
            for (at, choice) in choices.iter().enumerate() {
                options.push(match &choice.next {
                    Some(id) => find(&format!("options[{at}].next"), Some(id), wrong),
                    None => next,
                });
            }
        }
        StepKind::Confirm { no: Some(id), .. } => no = find("no", Some(id), wrong),
        StepKind::Book { service: Some(service) } if !known.services.iter().any(|known| known.id == *service) => {
            wrong("service", format!("there is no service `{service}`"));
        }
        StepKind::Book { .. } if known.services.is_empty() => {
            wrong("book", "there are no `[[services]]` that could be booked".to_owned());
        }
        StepKind::Offer { .. } if !known.has_drivers => {
            wrong("offer", "has nobody to take it; add `[[drivers]]`".to_owned());
        }
        StepKind::Call { flow: called } if !all.iter().any(|flow| flow.name == *called) => {
            wrong("call", format!("there is no flow `{called}`"));
        }
        _ => {}
    }
    let text = match &step.kind {
        StepKind::Say { text }
        | StepKind::Ask { text, .. }
        | StepKind::Choose { text, .. }
        | StepKind::Confirm { text, .. }
        | StepKind::Offer { text }
        | StepKind::HandOver { text } => {
            let compiled = Text::new(text, names);
            compiled.map_err(|message| wrong(step.kind.word(), message)).ok()
        }
        StepKind::Call { .. } | StepKind::Book { .. } | StepKind::Lead => None,
    };
    if let StepKind::Ask { retry: Some(retry), .. } = &step.kind
        && let Err(message) = Text::new(retry, names)
    {
        wrong("retry", message);
    }
    Step { id: step.id.clone(), kind: step.kind.clone(), text, next, options, no }
}

fn calls_itself(all: &[FlowSource], name: &str, from: &str, depth: usize) -> bool {
    let Some(flow) = all.iter().find(|flow| flow.name == from).filter(|_| depth <= all.len()) else { return false };
    flow.steps.iter().any(|step| {
        matches!(&step.kind, StepKind::Call { flow } if flow == name || calls_itself(all, name, flow, depth + 1))
    })
}

/// FNV-1a over what the flow is written as, kept within what every JSON reader takes for a whole number.
fn revision(source: &FlowSource) -> u64 {
    let text = format!("{:?}", source.steps);
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 12
}
