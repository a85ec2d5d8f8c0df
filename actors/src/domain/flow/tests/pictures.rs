//! Pictures of flows.

use super::*;
use crate::domain::flow::graph::PictureWords;

#[test]
fn every_built_in_flow_has_a_picture_with_its_steps_and_counts() {
    for english in [false, true] {
        let flows = Flows::new(source(english)).unwrap();
        for flow in flows.all() {
            let counts = BTreeMap::from([(flow.steps[0].id.clone(), 12)]);
            let drawn = picture::svg(flow, &counts, PictureWords::FRENCH);
            assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
            assert_eq!(drawn.matches("<rect").count(), flow.steps.len());
            assert_eq!(drawn.matches("class=\"step here\"").count(), 1);
            assert!(drawn.contains(">12</text>") && drawn.contains(">fin</text>"));
            assert_eq!(drawn.matches("<g ").count(), drawn.matches("</g>").count());
            assert!(!drawn.contains("style="), "pages refuse inline styles");
            assert!(!drawn.contains("any service"), "words of the reader's language");
        }
    }
}

#[test]
fn a_picture_escapes_what_the_tenant_wrote_and_draws_branches_side_by_side() {
    let step = |id: &str, kind, next: Option<&str>| StepSource { id: id.into(), kind, next: next.map(str::to_owned) };
    let option = |label: &str, next: &str| OptionSource {
        value: label.into(),
        label: label.into(),
        words: vec![],
        next: Some(next.into()),
    };
    let options = vec![option("Bien", "merci"), option("<script>", "encore")];
    let say = |text: &str| StepKind::Say { text: text.into() };
    let flow = FlowSource {
        name: "a & b".into(),
        keywords: vec!["avis".into()],
        steps: vec![
            step(
                "note",
                StepKind::Choose { text: "Comment \"c\'était\" <b>?".into(), options, save: "note".into() },
                None,
            ),
            step("merci", say("Merci"), Some("end")),
            step("encore", say("Oh"), Some("note")),
        ],
        remind_after: None,
        timeout: TimeDelta::hours(1),
        attempts: 2,
        on_change: OnChange::Continue,
    };
    let flows = Flows::new(FlowsSource { flows: vec![flow], ..source(false) }).unwrap();
    let drawn = picture::svg(&flows.all()[0], &BTreeMap::new(), PictureWords::FRENCH);
    assert!(!drawn.contains("<script>") && !drawn.contains("<b>"), "{drawn}");
    assert!(drawn.contains("a &amp; b") && drawn.contains("&lt;script&gt;"));
    let tops: Vec<&str> = drawn
        .split("<rect ")
        .skip(1)
        .map(|rect| rect.split("y=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert!(tops[0] != tops[1] && tops[1] == tops[2], "{tops:?}");
}
