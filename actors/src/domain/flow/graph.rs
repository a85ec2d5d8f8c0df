//! A flow as a picture: Mermaid's text.

use std::fmt::Write;

use super::source::{Flow, Step, StepKind};

/// The flow as a Mermaid flowchart.
#[must_use]
pub fn mermaid(flow: &Flow) -> String {
    let mut text = String::from("flowchart TD\n");
    for (place, step) in flow.steps.iter().enumerate() {
        let (open, close) = brackets(&step.kind);
        let _ = writeln!(text, "  s{place}{open}\"{}\"{close}", quoted(&label(step)));
    }
    let mut ends = false;
    for (place, step) in flow.steps.iter().enumerate() {
        for (way, name) in ways(step) {
            let target = way.map_or_else(|| "finish".to_owned(), |way| format!("s{way}"));
            ends |= way.is_none();
            let _ = match name {
                Some(name) => writeln!(text, "  s{place} -->|\"{}\"| {target}", quoted(&name)),
                None => writeln!(text, "  s{place} --> {target}"),
            };
        }
    }
    if ends {
        text.push_str("  finish((end))\n");
    }
    text
}

pub(super) fn ways(step: &Step) -> Vec<(Option<usize>, Option<String>)> {
    match &step.kind {
        StepKind::Choose { options, .. } => {
            step.options.iter().zip(options).map(|(way, option)| (*way, Some(option.label.clone()))).collect()
        }
        StepKind::Confirm { no, .. } => {
            let no = no.as_ref().and(step.no);
            vec![(step.next, Some("yes".to_owned())), (no, Some("no".to_owned()))]
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

pub(super) fn label(step: &Step) -> String {
    let text = match &step.kind {
        StepKind::Say { text }
        | StepKind::Ask { text, .. }
        | StepKind::Choose { text, .. }
        | StepKind::Confirm { text, .. }
        | StepKind::Offer { text }
        | StepKind::HandOver { text } => text.as_str(),
        StepKind::Call { flow } => flow,
        StepKind::Book { service } => service.as_deref().unwrap_or("any service"),
        StepKind::Lead => "",
    };
    let short: String = text.chars().take(40).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{} ({}) {short}{more}", step.id, step.kind.word()).trim_end().to_owned()
}

fn quoted(text: &str) -> String {
    text.replace('"', "#quot;").replace('\n', " ")
}
