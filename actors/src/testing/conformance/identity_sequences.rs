//! Cases of identity: what people write in any order, by any of their addresses, on two nodes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Subject;
use super::fixture::{Customer, accept, at};
use super::identity::{BEFORE, BY_SMS, HIDDEN, TODAY};
use crate::domain::address::{Address, Identity};
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::ids::TenantId;
use crate::domain::message::{Inbound, NewInbound, OutboundKind};
use crate::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules, RulesSource};
use crate::domain::status::OutboxState;
use crate::domain::turn::{ConsentChange, decide};
use crate::ports::{PortErrorKind, SamePerson, ShownBy};

/// What a person may write by.
const ADDRESSES: [&str; 5] = [TODAY, BEFORE, BY_SMS, HIDDEN, "whatsapp:BJ.78"];

/// What the people of one test are to each other, as a reader of their messages would say.
#[derive(Default)]
struct Model {
    person_of: HashMap<Identity, usize>,
    silent: Vec<bool>,
}

impl Model {
    fn person(&mut self, identity: Identity) -> usize {
        let next = self.silent.len();
        let person = *self.person_of.entry(identity).or_insert(next);
        if person == next {
            self.silent.push(false);
        }
        person
    }

    fn unite(&mut self, one: usize, other: usize) {
        self.silent[one] |= self.silent[other];
        self.person_of.values_mut().filter(|person| **person == other).for_each(|person| *person = one);
    }
}

fn rules() -> Rules {
    let faq = FaqEntry {
        question: "Prix ?".into(),
        keywords: vec!["prix".into()],
        answer: "35 €".into(),
        ..FaqEntry::default()
    };
    let source = RulesSource {
        tenant: TenantId::new("belle"),
        tenant_name: "Institut Belle".into(),
        language: Language::Fr,
        sellers: HashSet::new(),
        double_opt_in: false,
        templates: Vec::new(),
        faq: vec![faq],
        replies: Replies { fallback: Some("Bien reçu.".into()), ..Replies::default() },
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 1_000,
        loops: None,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(3_600),
    };
    Rules::new(source).expect("rules")
}

/// The memory of a conversation's actor.
type Memories = HashMap<ConversationKey, State>;

/// No sequence of messages from any spelling or address of one person gets an answer after their STOP and before their START,
/// also when what conversations have in memory is old.
pub async fn i6_no_sequence_gets_an_answer_between_stop_and_start(store: &impl Subject) {
    let rules = rules();
    for seed in 1..=6_u64 {
        // Each node has memories of its own.
        let mut nodes: [Memories; 2] = Default::default();
        let (mut model, mut random) = (Model::default(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap_or_default()
        };
        let tenant = format!("belle-{seed}");
        for n in 0..25 {
            let address = ADDRESSES[next(ADDRESSES.len())];
            let body = ["prix", "bonjour", "STOP", "START", "stop", "une autre chose"][next(6)];
            let alias = (address.starts_with("whatsapp:+") && next(3) == 0).then_some(HIDDEN);
            let channel = if address.starts_with("sms:") { "sms" } else { "wa" };
            let who = Customer::of(&tenant, 1).by(&format!("{tenant}-{channel}"), address);
            let mut message: NewInbound = who.writes(&format!("SM{seed}-{n}"), n);
            message.content.body = body.into();
            message.content.details.alias = alias.map(Address::from_normalised);
            let person = model.person(who.0.person.clone());
            if let Some(alias) = &message.content.details.alias {
                let other = model.person(alias.identity());
                model.unite(person, other);
            }
            let message = accept(store, message).await;
            let kinds = has_its_turn(store, &mut nodes[next(2)], &who, &message, &rules, n).await;
            let context = format!("seed {seed}, message {n}: {body} from {address} with {alias:?}");
            match body {
                "STOP" | "stop" => model.silent[person] = true,
                "START" => model.silent[person] = false,
                _ if model.silent[person] => assert!(kinds.is_empty(), "{context}: {kinds:?}"),
                _ => assert_eq!(kinds, [OutboundKind::Reply], "{context}"),
            }
            assert_eq!(who.recipient_status(store).await.opted_out, model.silent[person], "{context}");
        }
        let rows = store.snapshot().await;
        for row in rows.outbound.iter().filter(|row| row.message.tenant == TenantId::new(&tenant)) {
            let silent = model.person(row.message.to.identity());
            let may_wait = row.message.kind == OutboundKind::OptOutConfirmation;
            assert!(!model.silent[silent] || may_wait || row.state != OutboxState::Pending, "seed {seed}: {row:?}");
        }
    }
}

/// As a conversation's actor does it: with what it has in memory, until a conflict tells that it is old.
async fn has_its_turn(
    store: &impl Subject,
    memories: &mut Memories,
    who: &Customer,
    message: &Inbound,
    rules: &Rules,
    seconds: i64,
) -> Vec<OutboundKind> {
    let mut united = false;
    for _ in 0..8 {
        let state = match memories.get(&who.0) {
            Some(state) => state.clone(),
            None => store.load(&who.0, Some(message.id)).await.expect("loads").state,
        };
        if let Some(alias) = message.content.details.alias.as_ref().filter(|_| !united)
            && !state.is_known_as(&alias.identity())
        {
            let tenant = who.0.tenant.clone();
            let addresses = [message.from.clone(), alias.clone()];
            let found = SamePerson {
                tenant,
                addresses,
                shown_by: ShownBy::Webhook,
                correlation: message.correlation,
                at: at(seconds),
            };
            store.same_person(found).await.expect("unites");
            united = true;
            memories.remove(&who.0);
            continue;
        }
        let turn = decide(&state, message, rules, &(), at(seconds));
        let kinds = turn.outbox.iter().map(|draft| draft.message.kind).collect();
        let after = State {
            key: turn.key.clone(),
            contact: Some(turn.contact.clone()),
            conversation: Some(turn.conversation.clone()),
            opted_out: match &turn.consent {
                Some(ConsentChange::OptOut { .. }) => true,
                Some(ConsentChange::OptIn { .. }) => false,
                _ => state.opted_out,
            },
            ..state
        };
        match store.commit(turn).await {
            Ok(()) => {
                memories.insert(who.0.clone(), after);
                return kinds;
            }
            Err(error) => {
                assert_eq!(error.kind, PortErrorKind::Conflict, "{error:?}");
                memories.remove(&who.0);
            }
        }
    }
    panic!("the turn conflicts for ever")
}
