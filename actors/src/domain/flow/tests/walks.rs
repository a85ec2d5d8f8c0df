//! Flows walked by every sensible answer, and by random messages.

use proptest::prelude::*;

use super::*;
use crate::domain::booking::Booking;
use crate::domain::flow::walk::{FlowCustomer, walk};

const WORDS: &[&str] = &[
    "rdv",
    "appointment",
    "1",
    "2",
    "la 2e",
    "the second one",
    "demain",
    "tomorrow 3pm",
    "demain 15h",
    "jeudi",
    "mardi prochain",
    "next Tuesday",
    "oui",
    "yes",
    "non",
    "no",
    "non plutôt jeudi",
    "rather Thursday",
    "avec Sophie",
    "laisse tomber",
    "never mind",
    "retour",
    "go back",
    "quoi ?",
    "recommencer",
    "start over",
    "vous prenez la carte ?",
    "devis",
    "quote",
    "taxi",
    "inscription",
    "subscribe",
    "Diallo",
    "a@b.fr",
    "annuler mon rdv",
    "cancel my appointment",
    "décaler",
    "reschedule",
    "31 novembre",
    "hier",
    "",
    "👍",
    "16h",
    "le plus tôt possible",
    "asap",
    "manucure",
    "soin",
    "conseiller",
    "abc",
    "quand vous voulez",
    "la dernière",
    "et demie",
    "pour deux",
];

fn any_message() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Flows that may call each other, with steps that lead on or out, mostly.
fn any_flows() -> impl Strategy<Value = Vec<FlowSource>> {
    let next =
        prop_oneof![6 => Just(None), 1 => Just(Some(0_usize)), 1 => Just(Some(1)), 1 => (2_usize..7).prop_map(Some)];
    let kind = 0_usize..16;
    let steps = prop::collection::vec((kind, next.clone(), next), 1..6);
    prop::collection::vec(steps, 1..4).prop_map(|flows| {
        let named = |at: usize| format!("f{at}");
        let flow = |at: usize, steps: Vec<(usize, Option<usize>, Option<usize>)>| {
            let count = steps.len();
            // Out, back to the first, or to another that is there.
            let way = |way: Option<usize>| match way? {
                0 => Some("end".to_owned()),
                place => Some(format!("s{}", (place - 1) % count)),
            };
            let steps = steps.into_iter().enumerate().map(|(place, (kind, next, other))| {
                let text = || format!("{{{{ tenant.name }}}} {at} {place} ?");
                let save = format!("a{at}{place}");
                let option = |n: usize, next| OptionSource {
                    value: format!("o{n}"),
                    label: format!("Choix {n}"),
                    words: vec![],
                    next,
                };
                let kind = match kind {
                    0..8 => StepKind::Ask {
                        text: text(),
                        answer: AnswerKind::ALL[kind],
                        save,
                        optional: place % 2 == 1,
                        retry: None,
                        from_opening: false,
                        where_seats_count: false,
                    },
                    8 => StepKind::Choose {
                        text: text(),
                        options: vec![option(1, way(next)), option(2, way(other))],
                        save,
                    },
                    9 => StepKind::Confirm { text: text(), no: way(other) },
                    10 => StepKind::Call { flow: named(at + 1) },
                    11 => StepKind::Book { service: (place % 2 == 1).then(|| "soin".to_owned()) },
                    12 => StepKind::Lead,
                    13 => StepKind::Offer { text: text() },
                    14 => StepKind::HandOver { text: text() },
                    _ => StepKind::Say { text: text() },
                };
                StepSource { id: format!("s{place}"), kind, next: way(next) }
            });
            let own = FlowSource { keywords: vec![format!("mot{at}")], ..built_in::flow("lead", false).unwrap() };
            FlowSource { name: named(at), steps: steps.collect(), ..own }
        };
        flows.into_iter().enumerate().map(|(at, steps)| flow(at, steps)).collect()
    })
}

fn knows(text: &str) -> bool {
    text.contains("carte ?") || text.contains("horaires")
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

/// Whether a customer who wrote all this is six sensible answers from the end, with no booking over another on the way.
fn gets_out(flows: &Flows, messages: &[String]) -> Result<(), String> {
    let mut customer = FlowCustomer::new(flows, &knows, at("2026-11-30T09:00:00Z"));
    for message in messages {
        customer.say(message)?;
        customer.now += TimeDelta::minutes(1);
        let taken: Vec<&Booking> = customer.agenda.mine.iter().filter(|booking| booking.state.is_taken()).collect();
        for (at, one) in taken.iter().enumerate() {
            for other in &taken[at + 1..] {
                let apart =
                    one.resource != other.resource || one.free_at <= other.starts_at || other.free_at <= one.starts_at;
                if !apart {
                    return Err("two bookings at once".to_owned());
                }
            }
        }
        if customer.holds() && !customer.is_in_a_flow() {
            return Err(format!("a time stays kept after {message:?}"));
        }
    }
    customer.answers_to_the_end().map(drop)
}

#[test]
fn every_state_of_the_built_in_flows_is_six_answers_from_the_end() {
    for english in [false, true] {
        let flows = Flows::new(source(english)).unwrap();
        let states = walk(&flows, &knows, at("2026-11-30T09:00:00Z")).unwrap();
        assert_eq!(states.keys().collect::<Vec<_>>(), ["booking", "lead", "opt_in", "ride"]);
        // Service, day, which day, time, yes; cancel, remind, move or cancel, and day, which, time, yes again.
        assert!(states["booking"] >= 11 && states["lead"] >= 3, "{states:?}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_messages_leave_a_way_out(messages in prop::collection::vec(any_message(), 0..25), english in any::<bool>()) {
        let flows = Flows::new(source(english)).unwrap();
        gets_out(&flows, &messages).map_err(|wrong| TestCaseError::fail(format!("{wrong} after {messages:?}")))?;
    }

    /// What the checks let pass has a way out of every state; nothing else could be walked.
    #[test]
    fn any_flows_that_hold_leave_a_way_out(flows in any_flows(), messages in prop::collection::vec(any_message(), 0..12)) {
        let source = FlowsSource { flows, ..source(false) };
        if let Ok(flows) = Flows::new(source) {
            walk(&flows, &knows, at("2026-11-30T09:00:00Z")).map_err(TestCaseError::fail)?;
            let messages: Vec<String> = std::iter::once("mot0".to_owned()).chain(messages).collect();
            gets_out(&flows, &messages).map_err(|wrong| TestCaseError::fail(format!("{wrong} after {messages:?}")))?;
        }
    }
}

#[test]
fn one_can_choose_another_round_and_then_the_end() {
    let mut source = source(false);
    let option = |label: &str, next: &str| OptionSource {
        value: label.to_lowercase(),
        label: label.into(),
        words: vec![],
        next: Some(next.into()),
    };
    let ask = StepKind::Ask {
        text: "Quelle pièce ?".into(),
        answer: AnswerKind::Text,
        save: "piece".into(),
        optional: false,
        retry: None,
        from_opening: false,
        where_seats_count: false,
    };
    let options = vec![option("Encore", "piece"), option("Fini", "end")];
    let more = StepKind::Choose { text: "{{ piece }}, autre chose ?".into(), options, save: "suite".into() };
    let step = |id: &str, kind| StepSource { id: id.into(), kind, next: None };
    source.flows = vec![FlowSource {
        name: "pieces".into(),
        keywords: vec!["pièces".into()],
        steps: vec![step("piece", ask), step("suite", more)],
        ..built_in::flow("lead", false).unwrap()
    }];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("des pièces", "Quelle pièce ?"),
        ("un joint", "un joint, autre chose ? 1 Encore · 2 Fini"),
        ("encore", "Quelle pièce ?"),
        ("une vanne", "une vanne, autre chose ? 1 Encore · 2 Fini"),
        ("fini", ""),
    ]);
    assert!(talk.running.is_none());
}

#[test]
fn one_goes_back_within_the_flow_that_asked() {
    let mut source = source(false);
    let ask = |text: &str, save: &str| StepKind::Ask {
        text: text.into(),
        answer: AnswerKind::Text,
        save: save.into(),
        optional: false,
        retry: None,
        from_opening: false,
        where_seats_count: false,
    };
    // As the configuration names steps that have no name.
    let steps = |kinds: Vec<StepKind>| {
        let named = kinds.into_iter().enumerate();
        named.map(|(at, kind)| StepSource { id: format!("step-{}", at + 1), kind, next: None }).collect()
    };
    let flow = |name: &str, kinds| FlowSource {
        name: name.into(),
        keywords: vec![name.into()],
        steps: steps(kinds),
        ..built_in::flow("lead", false).unwrap()
    };
    source.flows = vec![
        flow(
            "dossier",
            vec![StepKind::Call { flow: "ville".into() }, ask("Et la rue ?", "rue"), ask("Et l'étage ?", "etage")],
        ),
        flow("ville", vec![ask("Quelle ville ?", "ville")]),
    ];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("dossier", "Quelle ville ?"),
        ("Conakry", "Et la rue ?"),
        ("rue 12", "Et l'étage ?"),
        ("retour", "Et la rue ?"),
        ("rue 14", "Et l'étage ?"),
    ]);
}
