//! A flow as a picture: Mermaid's text.

use std::fmt::Write;

use super::source::{Flow, Step, StepKind};

/// Words of a picture, in the language of whoever looks at it.
#[derive(Clone, Copy, Debug)]
pub struct PictureWords<'a> {
    /// The end of the flow.
    pub end: &'a str,
    /// The way after a yes.
    pub yes: &'a str,
    /// The way after a no.
    pub no: &'a str,
    /// Whatever can be booked.
    pub any_service: &'a str,
}

impl PictureWords<'_> {
    /// In English.
    pub const ENGLISH: Self = Self { end: "end", yes: "yes", no: "no", any_service: "any service" };
    /// In French.
    pub const FRENCH: Self = Self { end: "fin", yes: "oui", no: "non", any_service: "toute prestation" };
}

/// The flow as a Mermaid flowchart.
#[must_use]
pub fn mermaid(flow: &Flow, words: PictureWords<'_>) -> String {
    let mut text = String::from("flowchart TD\n");
    for (place, step) in flow.steps.iter().enumerate() {
        let (open, close) = brackets(&step.kind);
        let _ = writeln!(text, "  s{place}{open}\"{}\"{close}", quoted(&label(step, words)));
    }
    let mut ends = false;
    for (place, step) in flow.steps.iter().enumerate() {
        for (way, name) in ways(step, words) {
            let target = way.map_or_else(|| "finish".to_owned(), |way| format!("s{way}"));
            ends |= way.is_none();
            let _ = match name {
                Some(name) => writeln!(text, "  s{place} -->|\"{}\"| {target}", quoted(&name)),
                None => writeln!(text, "  s{place} --> {target}"),
            };
        }
    }
    if ends {
        let _ = writeln!(text, "  finish(({}))", words.end);
    }
    text
}

pub(super) fn ways(step: &Step, words: PictureWords<'_>) -> Vec<(Option<usize>, Option<String>)> {
    match &step.kind {
        StepKind::Choose { options, .. } => {
            step.options.iter().zip(options).map(|(way, option)| (*way, Some(option.label.clone()))).collect()
        }
        StepKind::Confirm { no, .. } => {
            let no = no.as_ref().and(step.no);
            vec![(step.next, Some(words.yes.to_owned())), (no, Some(words.no.to_owned()))]
        }
        StepKind::HandOver { .. } => vec![(None, None)],
        _ => vec![(step.next, None)],
    }
}

const fn brackets(kind: &StepKind) -> (&'static str, &'static str) {
    match kind {
        StepKind::Ask { .. } | StepKind::Book { .. } => ("[/", "/]"),
        StepKind::Choose { .. } | StepKind::Confirm { .. } => ("{", "}"),
        StepKind::Call { .. } | StepKind::Lead | StepKind::Offer { .. } => ("[[", "]]"),
        StepKind::Say { .. } | StepKind::HandOver { .. } => ("[", "]"),
    }
}

pub(super) fn label(step: &Step, words: PictureWords<'_>) -> String {
    let text = match &step.kind {
        StepKind::Say { text }
        | StepKind::Ask { text, .. }
        | StepKind::Choose { text, .. }
        | StepKind::Confirm { text, .. }
        | StepKind::Offer { text }
        | StepKind::HandOver { text } => text.as_str(),
        StepKind::Call { flow } => flow,
        StepKind::Book { service } => service.as_deref().unwrap_or(words.any_service),
        StepKind::Lead => "",
    };
    let short: String = text.chars().take(40).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{} ({}) {short}{more}", step.id, step.kind.word()).trim_end().to_owned()
}

fn quoted(text: &str) -> String {
    text.replace('"', "#quot;").replace('\n', " ")
}
