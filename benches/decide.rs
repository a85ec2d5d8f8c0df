//! What one turn's decision costs: a question with a known answer, a fallback, a flow that begins, its next step, a question
//! in the middle of it, a STOP, and silence after one.

#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use std::collections::{BTreeMap, HashSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::{ConversationKey, State};
use palabre_actors::domain::flow::{BookingTemplates, Flows, FlowsSource, built_in};
use palabre_actors::domain::hours::Hours;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, InboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::live::LiveKnowledge;
use palabre_actors::domain::message::{Content, Inbound};
use palabre_actors::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules, RulesSource};
use palabre_actors::domain::slots::BookingPolicy;
use palabre_actors::domain::turn::{Prepared, Turn, decide};

fn rules() -> Rules {
    let entry = |n: usize| FaqEntry {
        id: format!("faq[{n}]"),
        question: format!("Question {n} ?"),
        keywords: vec![format!("mot{n}"), format!("une phrase {n}")],
        answer: format!("Réponse {n}."),
        ..FaqEntry::default()
    };
    let source = RulesSource {
        tenant: TenantId::new("belle"),
        tenant_name: "Institut Belle".to_owned(),
        language: Language::Fr,
        sellers: HashSet::from(["+33612340001".to_owned()]),
        faq: (0..20).map(entry).collect(),
        replies: Replies {
            fallback: Some("Merci {{ contact.name }}, nous avons bien reçu votre message.".to_owned()),
            ..Replies::default()
        },
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 5,
        loops: None,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(7_200),
        double_opt_in: false,
        templates: Vec::new(),
    };
    let flows = Flows::new(FlowsSource {
        flows: built_in::flow("lead", false).into_iter().collect(),
        services: Vec::new(),
        policy: BookingPolicy::default(),
        hours: Hours::default(),
        zone: chrono_tz::Europe::Paris,
        english: false,
        tenant_name: "Institut Belle".to_owned(),
        texts: BTreeMap::new(),
        templates: BookingTemplates::default(),
        drivers: Vec::new(),
        fares: palabre_actors::domain::fare::Fares::default(),
    });
    Rules::new(source).unwrap().with_flows(flows.unwrap())
}

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_795_262_400, 0).unwrap()
}

fn inbound(body: &str) -> Inbound {
    Inbound {
        id: InboundId::fresh(),
        tenant: TenantId::new("belle"),
        channel: ChannelId::new("belle-wa"),
        provider_message_id: ProviderMessageId::new("SM0123456789abcdef0123456789abcdef"),
        from: Address::from_normalised("whatsapp:+33612345678"),
        to: Address::from_normalised("whatsapp:+14155238886"),
        content: Content { body: body.to_owned(), profile_name: Some("Camille".to_owned()), ..Content::default() },
        correlation: CorrelationId::fresh(),
        received_at: noon(),
    }
}

/// The conversation after a first turn, so that nothing has to be made.
fn state(rules: &Rules, first: &str, opted_out: bool) -> State {
    let message = inbound(first);
    let key = ConversationKey::new(message.tenant.clone(), message.channel.clone(), message.from.clone());
    let new = State {
        key: key.clone(),
        contact: None,
        identities: Vec::new(),
        conversation: None,
        opted_out: false,
        confirmed: false,
        agenda: Arc::default(),
        prepared: Prepared { live: LiveKnowledge::Closed, ..Prepared::default() },
        welcomed: false,
    };
    let Turn { contact, mut conversation, .. } = decide(&new, &message, rules, &(), noon());
    conversation.recent_answers.clear();
    State {
        key,
        contact: Some(contact),
        identities: Vec::new(),
        conversation: Some(conversation),
        opted_out,
        confirmed: false,
        agenda: Arc::default(),
        prepared: Prepared { live: LiveKnowledge::Closed, ..Prepared::default() },
        welcomed: false,
    }
}

fn decisions(criterion: &mut Criterion) {
    let rules = rules();
    let mut group = criterion.benchmark_group("decide");
    let question = "Bonjour, c'est au sujet de la phrase : une phrase 13, merci !";
    for (name, first, body, opted_out) in [
        ("faq", "Bonjour", question, false),
        ("fallback", "Bonjour", "Bonjour, je voudrais savoir si vous avez de la place jeudi matin.", false),
        ("flow begins", "Bonjour", "Bonjour, je voudrais un devis pour ma salle de bain.", false),
        ("flow step", "devis", "peindre un salon de 20 m2", false),
        ("question in a flow", "devis", question, false),
        ("stop", "Bonjour", "Arrêt !", false),
        ("silence", "Bonjour", "Vous êtes là ?", true),
    ] {
        let (state, message) = (state(&rules, first, opted_out), inbound(body));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decide(black_box(&state), black_box(&message), &rules, &(), noon()));
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
