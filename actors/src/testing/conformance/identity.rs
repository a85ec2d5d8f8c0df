//! Cases of identity: one person behind every spelling and address.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Subject;
use super::fixture::{Customer, accept, at, ids, now, queued, settle, taken, turn};
use crate::domain::address::{Address, Identity};
use crate::domain::conversation::{ConversationKey, Handler, State};
use crate::domain::event::EventType;
use crate::domain::ids::{CorrelationId, TenantId};
use crate::domain::message::{Inbound, NewInbound, OutboundKind};
use crate::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules, RulesSource};
use crate::domain::status::OutboxState;
use crate::domain::turn::{ConsentChange, decide};
use crate::ports::{PortErrorKind, SamePerson, Settled, ShownBy, Union};
use crate::testing::fakes::Snapshot;

/// A subscriber of Benin by the number of today, and by that before November 2024.
const TODAY: &str = "whatsapp:+2290197123456";
const BEFORE: &str = "whatsapp:+22997123456";
const BY_SMS: &str = "sms:+22997123456";
const HIDDEN: &str = "whatsapp:BJ.77";

fn anne(address: &str) -> Customer {
    let channel = if address.starts_with("sms:") { "belle-sms" } else { "belle-wa" };
    Customer::of("belle", 1).by(channel, address)
}

/// A message of theirs had its turn, with this change of consent.
async fn says(
    store: &impl Subject,
    who: &Customer,
    id: &str,
    seconds: i64,
    consent: impl FnOnce(Address) -> Option<ConsentChange>,
) {
    let message = who.sends(store, id, seconds).await;
    let mut turn = turn(&who.state(store).await, &message, seconds);
    turn.consent = consent(who.0.address.clone());
    store.commit(turn).await.expect("commits");
}

async fn are_one(store: &impl Subject, one: &str, other: &str, seconds: i64) -> Union {
    let addresses = [one, other].map(Address::from_normalised);
    store.same_person(shown(anne(one).0.tenant, addresses, seconds)).await.expect("unites")
}

fn shown(tenant: TenantId, addresses: [Address; 2], seconds: i64) -> SamePerson {
    let (shown_by, correlation) = (ShownBy::Webhook, CorrelationId::fresh());
    SamePerson { tenant, addresses, shown_by, correlation, at: at(seconds) }
}

fn stop(address: Address) -> Option<ConsentChange> {
    Some(ConsentChange::OptOut { address })
}

fn start(address: Address) -> Option<ConsentChange> {
    Some(ConsentChange::OptIn { address })
}

fn contacts(rows: &Snapshot) -> usize {
    let mut contacts: Vec<_> = rows.addresses.iter().map(|(_, _, contact)| *contact).collect();
    contacts.sort_unstable();
    contacts.dedup();
    contacts.len()
}

pub async fn i3_spellings_of_one_number_are_one_conversation(store: &impl Subject) {
    let (today, before) = (anne(TODAY), anne(BEFORE));
    says(store, &before, "SM1", 0, |_| None).await;
    let old = before.state(store).await.conversation.expect("is there");
    let waiting = [before.sends(store, "SM2", 1).await.id, today.sends(store, "SM3", 2).await.id];
    for who in [&before, &today] {
        let loaded = who.loaded(store).await;
        let found: Vec<_> = loaded.waiting.iter().map(|message| message.id).collect();
        assert_eq!(found, waiting, "both wait for one conversation");
        assert_eq!(loaded.waiting[1].from, today.0.address, "as the provider spells it");
        assert_eq!(loaded.state.conversation.expect("is there").id, old.id);
        assert_eq!(loaded.state.key.address, before.0.address, "the last spelling that had its turn");
    }
    let messages = today.loaded(store).await.waiting;
    for (seconds, message) in (3..).zip(&messages) {
        let turn = turn(&today.state(store).await, message, seconds).answered(now(seconds));
        assert_eq!(turn.outbox[0].message.to, message.from);
        store.commit(turn).await.expect("commits");
    }
    assert_eq!(before.state(store).await.key.address, today.0.address, "what is sent goes to the last spelling");
    assert_eq!(before.recipient_status(store).await.last_inbound_at, Some(at(2)), "one window");
    let rows = store.snapshot().await;
    assert_eq!((rows.conversations.len(), rows.addresses.len(), contacts(&rows)), (1, 2, 1));
}

pub async fn i6_a_stop_by_any_spelling_is_a_stop_by_all(store: &impl Subject) {
    let waiting = anne(TODAY).is_answered(store, "SM1", 0, queued(0)).await;
    says(store, &anne(BY_SMS), "SM2", 1, stop).await;
    assert_eq!(store.snapshot().await.sent_row(waiting.id).state, OutboxState::Suppressed);
    for address in [TODAY, BEFORE, BY_SMS, "sms:+2290197123456"] {
        assert!(anne(address).recipient_status(store).await.opted_out, "{address}");
        assert!(anne(address).state(store).await.opted_out, "{address}");
    }
    assert!(!anne("whatsapp:+2290297123456").recipient_status(store).await.opted_out, "another subscriber");
    says(store, &anne(BEFORE), "SM3", 2, start).await;
    for address in [TODAY, BEFORE, BY_SMS] {
        assert!(!anne(address).recipient_status(store).await.opted_out, "{address}");
    }
    assert_eq!((contacts(&store.snapshot().await), store.snapshot().await.opt_outs.len()), (1, 0));
}

pub async fn i6_two_contacts_become_one_and_are_silent_if_either_was(store: &impl Subject) {
    let (phone, hidden, sms) = (anne(TODAY), anne(HIDDEN), anne(BY_SMS));
    let on_phone = phone.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &on_phone, taken("SMa"), 1).await;
    let by_sms = sms.is_answered(store, "SM2", 2, now(2)).await;
    settle(store, &by_sms, Settled::Deferred { reason: "window_closed".into() }, 3).await;
    let on_hidden = hidden.is_answered(store, "SM3", 4, queued(4)).await;
    says(store, &phone, "SM4", 5, stop).await;
    assert_eq!(store.snapshot().await.sent_row(by_sms.id).state, OutboxState::Suppressed);
    assert_eq!(store.snapshot().await.sent_row(on_hidden.id).state, OutboxState::Pending, "nobody knows yet");

    assert_eq!(are_one(store, TODAY, HIDDEN, 6).await, Union::Made);
    assert_eq!(are_one(store, HIDDEN, BEFORE, 6).await, Union::Before);
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(on_hidden.id).state, OutboxState::Suppressed);
    assert_eq!((contacts(&rows), rows.count(EventType::ContactMerged)), (1, 1));
    for who in [&phone, &hidden, &sms] {
        assert!(who.recipient_status(store).await.opted_out && who.state(store).await.opted_out);
    }
    says(store, &hidden, "SM5", 7, start).await;
    for who in [&phone, &hidden, &sms] {
        assert!(!who.recipient_status(store).await.opted_out && !who.state(store).await.opted_out);
    }
}

pub async fn a_merged_contact_has_one_conversation_on_each_channel(store: &impl Subject) {
    let (phone, hidden) = (anne(TODAY), anne(HIDDEN));
    let sent = phone.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &sent, taken("SMa"), 1).await;
    let waits = hidden.is_answered(store, "SM2", 2, now(2)).await;
    settle(store, &waits, Settled::Deferred { reason: "window_closed".into() }, 3).await;
    let taken_over = phone.sends(store, "SM3", 4).await;
    let mut turn_over = turn(&phone.state(store).await, &taken_over, 4);
    turn_over.conversation.handler = Handler::Human;
    store.commit(turn_over).await.expect("commits");
    let (kept, folded) = (phone.state(store).await, hidden.state(store).await);
    let conversation = |state: &State| state.conversation.as_ref().expect("is there").id;
    // A turn that was decided before is too late.
    let late = hidden.sends(store, "SM4", 5).await;
    let late = turn(&folded, &late, 5).answered(now(5));

    assert_eq!(are_one(store, HIDDEN, TODAY, 6).await, Union::Made);
    let result = store.commit(late).await;
    assert!(matches!(result, Err(error) if error.kind == PortErrorKind::Conflict));
    for who in [&phone, &hidden] {
        let state = who.state(store).await;
        assert_eq!(conversation(&state), conversation(&kept), "the one in which they wrote last");
        assert_eq!(
            state.conversation.as_ref().map(|conversation| conversation.handler),
            Some(Handler::Human),
            "a person has all of it (I14)"
        );
        assert!(
            state.identities.len() == 2 && state.is_known_as(&phone.0.person) && state.is_known_as(&hidden.0.person)
        );
    }
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(waits.id).message.conversation, conversation(&kept), "what waits goes on there");
    assert_eq!(rows.sent_row(sent.id).message.conversation, conversation(&kept));
    let of = |state: &State| rows.conversations.iter().find(|row| row.conversation.id == conversation(state));
    assert_eq!(of(&folded).and_then(|row| row.merged_into), Some(conversation(&kept)));
    assert_eq!(of(&kept).and_then(|row| row.merged_into), None);
    let key = store.key_of(&phone.0.tenant, conversation(&folded)).await.expect("answers").expect("a key");
    assert_eq!(key, phone.0, "whoever asks for the other gets this one");
    // The contact writes: what waited for that goes.
    let message = hidden.loaded(store).await.waiting.remove(0);
    let mut turn = turn(&hidden.state(store).await, &message, 7);
    (turn.releases, turn.knows_deferred) = (true, true);
    store.commit(turn).await.expect("commits");
    assert_eq!(store.snapshot().await.sent_row(waits.id).state, OutboxState::Pending);
    assert_eq!(ids(&super::fixture::claim(store, "belle", 8, 9).await), [waits.id]);
}

pub async fn i6_an_address_that_joins_a_silent_contact_is_silent(store: &impl Subject) {
    says(store, &anne(HIDDEN), "SM1", 0, stop).await;
    assert_eq!(are_one(store, TODAY, HIDDEN, 1).await, Union::Made);
    for address in [TODAY, BY_SMS] {
        assert!(anne(address).state(store).await.opted_out, "{address}");
    }
    assert_eq!(are_one(store, "whatsapp:+33612349999", "whatsapp:FR.9", 2).await, Union::Strangers);
    let rows = store.snapshot().await;
    assert_eq!((rows.addresses.len(), contacts(&rows)), (2, 1));
}

/// Whichever address was known first, whoever says STOP and when, and whoever says START: what waits for any of them is
/// suppressed, and all are open again.
pub async fn i6_every_order_of_meeting_and_stopping_silences_and_opens_all(store: &impl Subject) {
    const ALL: [&str; 3] = [TODAY, BY_SMS, HIDDEN];
    let cases = [0, 1, 2].into_iter().flat_map(|stops| [0, 1, 2].map(|starts| (stops, starts)));
    let cases = cases.flat_map(|case| [(0, true), (2, true), (0, false), (2, false)].map(|order| (case, order)));
    for ((stops, starts), (first, meets_before)) in cases {
        let tenant = format!("belle-{stops}{starts}{first}{meets_before}");
        let who = |address: &str| {
            let channel = if address.starts_with("sms:") { "sms" } else { "wa" };
            Customer::of(&tenant, 1).by(&format!("{tenant}-{channel}"), address)
        };
        let mut waiting = Vec::new();
        for (seconds, n) in (0..).zip(first..first + ALL.len()) {
            let (who, id) = (who(ALL[n % ALL.len()]), format!("{tenant}-{n}"));
            waiting.push(who.is_answered(store, &id, seconds, queued(seconds)).await.id);
        }
        let meet = || shown(TenantId::new(&tenant), [TODAY, HIDDEN].map(Address::from_normalised), 4);
        if meets_before {
            store.same_person(meet()).await.expect("unites");
        }
        says(store, &who(ALL[stops]), &format!("{tenant}-stop"), 5, stop).await;
        if !meets_before {
            store.same_person(meet()).await.expect("unites");
        }
        let context = format!("STOP by {}, START by {}, {first} first, {meets_before}", ALL[stops], ALL[starts]);
        let rows = store.snapshot().await;
        for row in &waiting {
            assert_eq!(rows.sent_row(*row).state, OutboxState::Suppressed, "{context}");
        }
        for (seconds, silent) in [(6, true), (7, false)] {
            if !silent {
                says(store, &who(ALL[starts]), &format!("{tenant}-start"), seconds, start).await;
            }
            for address in ALL.into_iter().chain([BEFORE]) {
                let who = who(address);
                let known = (who.recipient_status(store).await.opted_out, who.state(store).await.opted_out);
                assert_eq!(known, (silent, silent), "{context}: {address}");
            }
        }
    }
}

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
            let found = SamePerson { correlation: message.correlation, ..shown(tenant, addresses, seconds) };
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
