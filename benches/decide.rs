//! What one turn's decision costs: a question with a known answer, a fallback, a flow that begins, its next step, a question
//! in the middle of it, a STOP, and silence after one.

#![expect(clippy::unwrap_used, reason = "a bench may fail")]

mod tenant;

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::{ConversationKey, State};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, InboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::live::LiveKnowledge;
use palabre_actors::domain::message::{Content, Inbound};
use palabre_actors::domain::rules::{Rules, RulesSource};
use palabre_actors::domain::turn::{Prepared, Turn, decide};

fn rules() -> Rules {
    let source = tenant::source(20, "Merci {{ contact.name }}, nous avons bien reçu votre message.");
    let sellers = HashSet::from(["+33612340001".to_owned()]);
    tenant::rules(RulesSource { sellers, per_contact_per_minute: 5, ..source })
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
