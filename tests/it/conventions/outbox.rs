//! The drawing of the outbox's states has the same arrows as the code.

use std::collections::BTreeSet;

use palabre_actors::domain::status::{DeliveryStatus, OutboxState, Transition};

/// Where the drawing is.
pub(super) const DRAWING: &str = "docs/outbox.md";

type Arrow = (String, String, String);

/// Arrows that the code has and the drawing lacks, and the other way round. What a callback does is drawn in part: the
/// usual ways; but none that it cannot go.
pub(super) fn arrows(document: &str) -> Vec<String> {
    let drawn = drawn(document);
    let mut wanted = BTreeSet::new();
    for transition in Transition::ALL {
        let name = transition.event().as_str().trim_start_matches("message_");
        for from in transition.from() {
            wanted.insert((from.to_string(), transition.to().to_string(), name.to_owned()));
        }
    }
    let (callbacks, ours): (BTreeSet<&Arrow>, BTreeSet<&Arrow>) = drawn.iter().partition(|arrow| arrow.2 == "callback");
    let missing = wanted.iter().filter(|arrow| !ours.contains(arrow)).map(|arrow| told(arrow, "is not drawn"));
    let invented = ours.iter().filter(|arrow| !wanted.contains(**arrow)).map(|arrow| told(arrow, "is not allowed"));
    let impossible = callbacks.iter().filter(|arrow| !is_advance(arrow)).map(|arrow| told(arrow, "is no advance"));
    missing.chain(invented).chain(impossible).collect()
}

fn told((from, to, name): &Arrow, what: &str) -> String {
    format!("{from} --> {to}: {name} {what}")
}

fn is_advance((from, to, _): &Arrow) -> bool {
    let from = from.parse::<OutboxState>().ok();
    from.is_some_and(|from| {
        DeliveryStatus::ALL.iter().filter_map(|says| from.advance(*says)).any(|state| state.as_str() == to)
    })
}

/// Arrows between states; those out of nothing are how rows begin.
fn drawn(document: &str) -> BTreeSet<Arrow> {
    let drawing = document.split("```mermaid").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let arrow = |line: &str| {
        let (from, rest) = line.split_once("-->")?;
        let (to, name) = rest.split_once(':')?;
        Some((from.trim().to_owned(), to.trim().to_owned(), name.trim().to_owned()))
    };
    drawing.lines().filter_map(arrow).filter(|(from, ..)| from != "[*]").collect()
}

#[test]
fn notices_arrows_that_are_missing_or_too_many() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/outbox.md")).unwrap();
    let complaints = |from: &str, to: &str| arrows(&document.replace(from, to));
    assert_eq!(complaints("    dead --> pending: replayed\n", ""), ["dead --> pending: replayed is not drawn"]);
    let more = "    dead --> pending: replayed\n    sent --> pending: replayed\n    read --> sent: callback\n";
    assert_eq!(
        complaints("    dead --> pending: replayed\n", more),
        ["sent --> pending: replayed is not allowed", "read --> sent: callback is no advance"]
    );
    assert!(arrows("").len() > 20, "no drawing at all");
}
