//! Tests of the checks of templates.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::*;
use crate::domain::ids::TenantId;
use crate::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules};

fn template(name: &str, variables: &[&str], body: Option<&str>) -> Template {
    Template {
        name: name.into(),
        language: "fr".into(),
        content_id: "HX1".into(),
        variables: variables.iter().map(ToString::to_string).collect(),
        body: body.map(Into::into),
        channels: vec![],
    }
}

fn complaints(templates: Vec<Template>, used: Option<(&str, &[(&str, &str)])>) -> Vec<String> {
    let used = used.map(|(name, variables)| TemplateUse {
        name: name.into(),
        variables: variables.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<BTreeMap<_, _>>(),
    });
    let source = RulesSource {
        tenant: TenantId::new("belle"),
        tenant_name: "Institut Belle".into(),
        language: Language::Fr,
        sellers: HashSet::new(),
        double_opt_in: false,
        templates,
        faq: vec![FaqEntry {
            question: "?".into(),
            keywords: vec!["rdv".into()],
            answer: "ok".into(),
            template: used,
            ..FaqEntry::default()
        }],
        replies: Replies::default(),
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 5,
        loops: None,
        session_idle: Duration::from_secs(60),
        live_session_idle: Duration::from_secs(60),
    };
    let errors = Rules::new(source).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn templates_that_hold() {
    let rappel = template("rappel_2", &["prenom", "1"], Some("Bonjour {{prenom}}, à {{ 1 }} ! ({{prenom}})"));
    let used: &[(&str, &str)] = &[("prenom", "{{ contact.name }}"), ("1", "neuf heures")];
    assert_eq!(complaints(vec![rappel, template("autre", &[], None)], Some(("rappel_2", used))), [""; 0]);
}

#[test]
fn mistakes_in_templates_are_told_with_what_was_meant() {
    for (templates, told) in [
        (
            vec![template("a", &[], None), template("a", &[], None)],
            "templates[1].name: is `a`, the name of another template",
        ),
        (vec![template("Été", &[], None)], "templates[0].name: must be"),
        (vec![template("", &[], None)], "templates[0].name: must be"),
        (vec![template("a", &["x", "x"], None)], "templates[0].variables[1]: is `x`, the name of another place"),
        (vec![template("a", &["pré nom"], None)], "templates[0].variables[0]: must be"),
        (
            vec![template("a", &["prenom"], Some("{{prenom}} {{prenon}}"))],
            "templates[0].body: has a place `prenon` that variables does not name; did you mean `prenom`?",
        ),
        (
            vec![template("a", &["prenom"], Some("Bonjour"))],
            "templates[0].variables[0]: is `prenom`, which has no place in body",
        ),
        (vec![template("a", &[], Some("{{prenom"))], "templates[0].body: has a `{{` without its `}}`"),
    ] {
        let complaints = complaints(templates, None);
        assert!(complaints.len() == 1 && complaints[0].starts_with(told), "{told}: {complaints:?}");
    }
}

#[test]
fn mistakes_in_their_use_are_told_with_what_was_meant() {
    let rappel = || vec![template("rappel", &["prenom"], None)];
    /// The template's name, its variables, what is said of them.
    type Mistake = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let table: &[Mistake] = &[
        ("rapel", &[], &["faq[0].template: names no template of this tenant: `rapel`; did you mean `rappel`?"]),
        ("zzz", &[], &["faq[0].template: names no template of this tenant: `zzz`; there is `rappel`"]),
        ("rappel", &[], &["faq[0].template: would leave the template's place `prenom` empty; say"]),
        (
            "rappel",
            &[("prenon", "x")],
            &[
                "faq[0].template_variables.prenon: names no place of the template; did you mean `prenom`?",
                "faq[0].template: would leave the template's place `prenom` empty; say",
            ],
        ),
        ("rappel", &[("prenom", "{{ contact.nmae }}")], &["faq[0].template_variables.prenom: line 1: unknown name"]),
        ("rappel", &[("prenom", "")], &["faq[0].template_variables.prenom: is empty"]),
    ];
    for (name, variables, told) in table {
        let complaints = complaints(rappel(), Some((name, variables)));
        assert_eq!(complaints.len(), told.len(), "{complaints:?}");
        assert!(complaints.iter().zip(*told).all(|(complaint, told)| complaint.starts_with(told)), "{complaints:?}");
    }
}
