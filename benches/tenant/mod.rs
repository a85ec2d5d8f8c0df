//! A tenant with a FAQ and a flow, for the benches that decide turns.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use palabre_actors::domain::fare::Fares;
use palabre_actors::domain::flow::{BookingTemplates, Flows, FlowsSource, built_in};
use palabre_actors::domain::hours::Hours;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules, RulesSource};
use palabre_actors::domain::slots::BookingPolicy;

/// Its rules: so many FAQ entries, no sellers, and a limit that nobody reaches.
pub fn source(entries: usize, fallback: &str) -> RulesSource {
    let entry = |n: usize| FaqEntry {
        id: format!("faq[{n}]"),
        question: format!("Question {n} ?"),
        keywords: vec![format!("mot{n}"), format!("une phrase {n}")],
        answer: format!("Réponse {n}."),
        ..FaqEntry::default()
    };
    RulesSource {
        tenant: TenantId::new("belle"),
        tenant_name: "Institut Belle".to_owned(),
        language: Language::Fr,
        sellers: HashSet::new(),
        faq: (0..entries).map(entry).collect(),
        replies: Replies { fallback: Some(fallback.to_owned()), ..Replies::default() },
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 1_000,
        loops: None,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(7_200),
        double_opt_in: false,
        templates: Vec::new(),
    }
}

/// The rules, with the built-in flow that takes down what somebody needs.
pub fn rules(source: RulesSource) -> Rules {
    let flows = Flows::new(FlowsSource {
        flows: built_in::flow("lead", false).into_iter().collect(),
        services: Vec::new(),
        policy: BookingPolicy::default(),
        hours: Hours::default(),
        zone: chrono_tz::Europe::Paris,
        english: false,
        tenant_name: source.tenant_name.clone(),
        texts: BTreeMap::new(),
        templates: BookingTemplates::default(),
        drivers: Vec::new(),
        fares: Fares::default(),
    });
    Rules::new(source).unwrap().with_flows(flows.unwrap())
}
