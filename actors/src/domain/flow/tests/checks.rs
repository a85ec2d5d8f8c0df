//! What the checks of flows find.

use super::*;

fn step(id: &str, kind: StepKind, next: Option<&str>) -> StepSource {
    StepSource { id: id.into(), kind, next: next.map(Into::into) }
}

fn ask(id: &str, next: Option<&str>) -> StepSource {
    let kind = StepKind::Ask {
        text: "?".into(),
        answer: AnswerKind::Text,
        save: id.into(),
        optional: false,
        retry: None,
        from_opening: false,
        where_seats_count: false,
    };
    step(id, kind, next)
}

fn say(id: &str, text: &str, next: Option<&str>) -> StepSource {
    step(id, StepKind::Say { text: text.into() }, next)
}

#[track_caller]
fn found(steps: Vec<StepSource>, expected: &[&str]) {
    let mut source = source(false);
    source.services.truncate(1);
    source.flows = vec![FlowSource { name: "essai".into(), steps, ..built_in::flow("lead", false).unwrap() }];
    let messages: Vec<String> = match Flows::new(source) {
        Ok(_) => vec![],
        Err(errors) => errors
            .iter()
            .map(|error| {
                format!("{}:{} {}", error.step.map_or("-".into(), |step| step.to_string()), error.field, error.message)
            })
            .collect(),
    };
    assert_eq!(messages, expected);
}

#[test]
fn mistakes_in_flows_are_found() {
    let hand_over = || step("fin", StepKind::HandOver { text: "Une personne vous répond.".into() }, None);
    found(vec![ask("a", None), say("b", "Merci {{ a }}, {{ contact.name }}.", None)], &[]);
    found(vec![], &["-:steps is empty: a flow needs a step"]);
    found(vec![ask("a", Some("bb")), ask("b", None)], &["0:next there is no step `bb`; did you mean `b`?"]);
    found(vec![ask("a", None), ask("a", None)], &["1:id `a` stands twice, or is a word of its own"]);
    found(
        vec![say("a", "Bonjour {{ nom }}", None)],
        &[
            "0:say unknown name `nom`; known are tenant, contact, question, options, service, date, time, resource, price, what, word, people, places",
        ],
    );
    found(
        vec![say("a", "Bonjour {{ contact.name", None)],
        &["0:say line 1: unexpected end of input, expected end of variable block"],
    );
    found(vec![say("a", " ", None)], &["0:say is empty"]);
    found(vec![ask("a", Some("end")), ask("b", None)], &["1:next no way leads to the step `b`"]);
    found(vec![ask("a", Some("a"))], &["0:next no way leads from the step `a` to the end"]);
    found(
        vec![say("a", "Bonjour", Some("b")), say("b", "Bonjour", Some("a"))],
        &["0:next no way leads from the step `a` to the end", "1:next no way leads from the step `b` to the end"],
    );
    found(
        (0..7).map(|n| ask(&format!("q{n}"), None)).collect(),
        &["0:next from the step `q0` it takes 7 answers to the end; customers give 6 at most"],
    );
    found(vec![step("a", StepKind::Call { flow: "autre".into() }, None)], &["0:call there is no flow `autre`"]);
    found(vec![step("a", StepKind::Call { flow: "essai".into() }, None)], &["-:steps the flow `essai` calls itself"]);
    found(vec![step("a", StepKind::Book { service: Some("x".into()) }, None)], &["0:service there is no service `x`"]);
    found(
        vec![step("a", StepKind::Choose { text: "?".into(), options: vec![], save: "x".into() }, None)],
        &["0:options is empty: there is nothing to choose"],
    );
    let choice = OptionSource { value: "x".into(), label: "X".into(), words: vec![], next: Some("fim".into()) };
    found(
        vec![
            step("a", StepKind::Choose { text: "?".into(), options: vec![choice], save: "x".into() }, None),
            hand_over(),
        ],
        &["0:options[0].next there is no step `fim`; did you mean `fin`?"],
    );
}

#[test]
fn texts_of_the_engine_are_overridden_by_name() {
    let mut source = source(false);
    source.texts = BTreeMap::from([("ask_day".to_owned(), "Quand ?".to_owned())]);
    let mut talk = Talk::with(Flows::new(source.clone()).unwrap());
    assert_eq!(talk.say("rdv manucure"), "Quand ?");
    source.texts =
        BTreeMap::from([("ask_dya".to_owned(), "Quand ?".to_owned()), ("full".to_owned(), "{{ dat }}".to_owned())]);
    let errors = Flows::new(source).unwrap_err();
    let messages: Vec<String> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
    assert_eq!(messages[0], "texts.ask_dya is no text of the engine; did you mean `ask_day`?");
    assert!(messages[1].starts_with("texts.full unknown name `dat`"));
}

#[test]
fn built_in_flows_hold_in_both_languages() {
    for english in [false, true] {
        let flows = Flows::new(source(english)).unwrap();
        assert_eq!(flows.all().len(), built_in::NAMES.len());
        for flow in flows.all() {
            let picture = graph::mermaid(flow, graph::PictureWords::FRENCH);
            assert!(picture.starts_with("flowchart TD\n") && picture.contains("finish((fin))"), "{picture}");
        }
    }
    assert!(built_in::flow("nothing", false).is_none());
}

#[test]
fn a_flow_calls_another_and_goes_on() {
    let mut source = source(false);
    let asks = FlowSource {
        name: "nom".into(),
        keywords: vec![],
        steps: vec![ask("prenom", None)],
        ..built_in::flow("lead", false).unwrap()
    };
    let calls = FlowSource {
        name: "carte".into(),
        keywords: vec!["carte de fidélité".into()],
        steps: vec![step("a", StepKind::Call { flow: "nom".into() }, None), say("b", "Merci {{ prenom }}.", None)],
        ..asks.clone()
    };
    source.flows = vec![calls, asks];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[("une carte de fidélité", "?"), ("Nadia", "Merci Nadia.")]);
    assert!(talk.running.is_none());
}

#[test]
fn what_a_called_flow_asks_counts() {
    let mut source = source(false);
    let flow = |name: &str, steps| FlowSource { name: name.into(), steps, ..built_in::flow("lead", false).unwrap() };
    let questions = |count: usize| (0..count).map(|n| ask(&format!("q{n}"), None)).collect::<Vec<_>>();
    let calling = |own: usize| {
        let call = step("appel", StepKind::Call { flow: "autre".into() }, None);
        questions(own).into_iter().chain([call]).collect::<Vec<_>>()
    };
    source.flows = vec![flow("essai", calling(3)), flow("autre", questions(3))];
    assert!(Flows::new(source.clone()).is_ok());
    // Whoever declines is out at once; whoever does not has all the rest before them.
    let declines = step("non", StepKind::Confirm { text: "?".into(), no: None }, None);
    let asks = std::iter::once(declines).chain(questions(3)).collect::<Vec<_>>();
    let then = std::iter::once(step("appel", StepKind::Call { flow: "autre".into() }, None)).chain(questions(4));
    source.flows = vec![flow("essai", then.collect()), flow("autre", asks)];
    let errors = Flows::new(source.clone()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].message.contains("from the step `q0` it takes too many answers"), "{errors:?}");
    source.flows = vec![flow("essai", calling(4)), flow("autre", questions(3))];
    let errors = Flows::new(source).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].message.contains("from the step `q0` it takes 7 answers"), "{errors:?}");
}

#[test]
fn a_new_beginning_in_a_called_flow_begins_with_the_caller() {
    let mut source = source(false);
    let flow = |name: &str, keyword: &str, steps| FlowSource {
        name: name.into(),
        keywords: vec![keyword.into()],
        steps,
        ..built_in::flow("lead", false).unwrap()
    };
    let call = step("appel", StepKind::Call { flow: "nom".into() }, None);
    let called = StepKind::Ask {
        text: "Et le nom ?".into(),
        answer: AnswerKind::Name,
        save: "nom".into(),
        optional: false,
        retry: None,
        from_opening: false,
        where_seats_count: false,
    };
    source.flows = vec![
        flow("carte", "carte de fidélité", vec![ask("motif", None), call, say("fin", "Merci {{ nom }}.", None)]),
        flow("nom", "autre", vec![step("nom", called, None)]),
    ];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("une carte de fidélité", "?"),
        ("pour mes achats", "Et le nom ?"),
        ("recommencer", "D'accord, on recommence. ?"),
        ("pour ma fille", "Et le nom ?"),
        ("Nadia", "Merci Nadia."),
    ]);
    talk.dialogue(&[("une carte de fidélité", "?"), ("pour mes achats", "Et le nom ?")]);
    assert!(talk.say("laisse tomber").contains("carte"), "the word that begins the flow which they began");
}
