//! Tests of texts.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::ids::TenantId;
use crate::domain::rules::{ExtraKeywords, FaqEntry, Replies, Rules};

fn source() -> RulesSource {
    RulesSource {
        tenant: TenantId::new("institut-belle"),
        tenant_name: "Institut Belle".into(),
        language: Language::Fr,
        sellers: HashSet::new(),
        double_opt_in: false,
        templates: vec![],
        faq: vec![],
        replies: Replies::default(),
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 5,
        loops: None,
        session_idle: Duration::from_secs(1800),
        live_session_idle: Duration::from_secs(3600),
    }
}

fn with_fallback(template: &str) -> Result<Rules, Vec<RuleError>> {
    Rules::new(RulesSource { replies: Replies { fallback: Some(template.into()), ..Replies::default() }, ..source() })
}

fn fallback(template: &str, name: Option<&str>) -> String {
    let rules = with_fallback(template).unwrap();
    let facts = Facts { body: "vos horaires ?", contact_name: name };
    rules.write(TextName::Fallback, &facts).unwrap().unwrap()
}

fn complaint(template: &str) -> String {
    let errors = with_fallback(template).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].field, "replies.fallback");
    errors[0].message.clone()
}

#[test]
fn texts_are_filled_in_and_tidied() {
    let sample = "Merci {{ contact.name }}, nous avons bien reçu votre message.";
    assert_eq!(fallback(sample, Some("Camille")), "Merci Camille, nous avons bien reçu votre message.");
    assert_eq!(fallback(sample, None), "Merci, nous avons bien reçu votre message.");
    assert_eq!(fallback("Bonjour {{ contact.name }} !", None), "Bonjour !");
    assert_eq!(fallback("{{ contact.name | default('chez vous') }}", None), "chez vous");
    assert_eq!(fallback("{% if contact.name %}{{ contact.name | upper }}{% else %}?{% endif %}", None), "?");
    assert_eq!(
        fallback("{{ tenant.name }} ({{ tenant.id }}) : « {{ message.body }} »", None),
        "Institut Belle (institut-belle) : « vos horaires ? »"
    );
    assert_eq!(fallback("Tel quel , sans rien.", Some("x")), "Tel quel, sans rien.");
    assert_eq!(fallback("{{ contact.name }}", Some("{{ tenant.id }} <b>&")), "{{ tenant.id }} <b>&");
}

#[test]
fn mistakes_are_found_before_a_message_meets_them() {
    assert_eq!(complaint("{{ contact.nmae }}"), "line 1: unknown name `contact.nmae`; did you mean `contact.name`?");
    assert_eq!(complaint("a\nb {{ mesage.body }}"), "line 2: unknown name `mesage.body`; did you mean `message.body`?");
    assert!(complaint("{% if false %}{{ tenant.nam }}{% endif %}").contains("did you mean `tenant.name`?"));
    assert!(complaint("{{ price }}").contains("unknown name `price`; known are"));
    assert!(complaint("{{ price }} {{ hour }}").contains("unknown name `hour` (and `price`); known are"));
    assert!(complaint("{{ contact['nmae'] }}").contains("undefined"));
    assert!(complaint("ok\n{{ contact.name").starts_with("line 2: syntax error"));
    assert!(complaint("{{ contact.name | uper }}").contains("uper"));
    assert!(complaint("{% if contact.name %}x").contains("syntax error"));
    assert!(complaint("  ").contains("empty"));
    assert!(complaint("{% for a in 'x' * 500 %}{% for b in 'x' * 500 %}{% endfor %}{% endfor %}").contains("too long"));
    assert!(complaint(&"x".repeat(1601)).contains("1601"));
    assert!(complaint(&"{{ contact.name }}".repeat(2000)).contains("longer"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let entry = |keyword: &str, answer: &str| FaqEntry {
        question: "?".into(),
        keywords: vec![keyword.into()],
        answer: answer.into(),
        ..FaqEntry::default()
    };
    let errors = Rules::new(RulesSource {
        faq: vec![entry("a", "ok"), entry("!", "{{ nope }}"), entry("c", "")],
        replies: Replies { opt_out: Some("{{".into()), help: Some("{{ tenant.nme }}".into()), ..Replies::default() },
        keywords: ExtraKeywords { stop: vec!["start".into()], ..ExtraKeywords::default() },
        session_idle: Duration::ZERO,
        ..source()
    })
    .unwrap_err();
    let mut fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "faq[1].answer",
            "faq[1].keywords[0]",
            "faq[2].answer",
            "keywords.stop[0]",
            "replies.help",
            "replies.opt_out",
            "session_idle"
        ]
    );
}

#[test]
fn consent_texts_are_there_without_the_tenant() {
    let facts = Facts { body: "STOP", contact_name: None };
    for language in [Language::Fr, Language::En] {
        let rules = Rules::new(RulesSource { language, ..source() }).unwrap();
        let confirm = if language == Language::Fr { "CONFIRMER" } else { "CONFIRM" };
        for (name, word) in [
            (TextName::OptOut, "START"),
            (TextName::OptIn, "STOP"),
            (TextName::Help, "STOP"),
            (TextName::Welcome, confirm),
            (TextName::Welcome, "STOP"),
            (TextName::Confirmed, "STOP"),
        ] {
            let text = rules.write(name, &facts).unwrap().unwrap();
            assert!(text.contains(word) && text.starts_with("Institut Belle"), "{text}");
        }
        assert_eq!(rules.write(TextName::Fallback, &facts), None);
        assert_eq!(rules.write(TextName::Seller, &facts), None);
        assert_eq!(rules.write(TextName::Answer(0), &facts), None);
    }
}

#[test]
fn a_confirmation_survives_a_template_that_breaks() {
    // breaks on this message only: the trials do not contain it
    let rules = Rules::new(RulesSource {
        replies: Replies {
            opt_out: Some("{% if message.body == 'STOP' %}{{ 1 // 0 }}{% endif %}ok".into()),
            fallback: Some("{% if message.body == 'STOP' %}{{ 1 // 0 }}{% endif %}ok".into()),
            ..Replies::default()
        },
        ..source()
    })
    .unwrap();
    let facts = Facts { body: "STOP", contact_name: None };
    assert!(rules.write(TextName::OptOut, &facts).unwrap().unwrap().contains("START"));
    assert_eq!(rules.write(TextName::Fallback, &facts), Some(Err(TemplateFailed)));
}

#[test]
fn i9_a_template_that_writes_without_end_is_stopped() {
    let rules = with_fallback("{% for a in 'x' * 3000 %}{{ message.body }}{% endfor %}").unwrap();
    let body = "bla".repeat(10_000);
    let text = rules.write(TextName::Fallback, &Facts { body: &body, contact_name: None }).unwrap().unwrap();
    assert_eq!(text.encode_utf16().count(), 1_600);
}

#[test]
fn i10_debug_shows_no_seller() {
    let source = RulesSource { sellers: HashSet::from(["+33612345678".to_owned()]), ..source() };
    let rules = Rules::new(source).unwrap();
    assert!(!format!("{rules:?}").contains("33612345678"));
}

proptest! {
    #[test]
    fn rendering_holds_for_any_message(body in any::<String>(), name in proptest::option::of(any::<String>())) {
        let rules = with_fallback("Merci {{ contact.name }}, « {{ message.body }} » est noté.").unwrap();
        let facts = Facts { body: &body, contact_name: name.as_deref() };
        let text = rules.write(TextName::Fallback, &facts).unwrap().unwrap();
        prop_assert!(text.encode_utf16().count() <= 1_600);
    }

    #[test]
    fn building_never_panics(template in "[{}%a-z .|'\n]{0,60}") {
        let _ = with_fallback(&template);
    }
}
