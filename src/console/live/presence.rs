//! Who looks at which conversation, and who writes, on all nodes. Best effort: it helps people, and decides nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who said nothing for so long has gone: pages say every 20 seconds that they are open.
const GONE_AFTER: Duration = Duration::from_secs(45);
/// Who pressed no key for so long does not write.
const TYPES_FOR: Duration = Duration::from_secs(6);
/// Other nodes are told of the same person and conversation no oftener than that.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// Notes of one text: names are long, and PostgreSQL takes less than 8,000 bytes.
const OF_ONE_TEXT: usize = 10;

/// A conversation that somebody looks at, and its tenant.
type LookedAt = (TenantId, Uuid);

/// What a page says of whoever has it open, or a channel of the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceNote {
    pub tenant: TenantId,
    pub conversation: Uuid,
    /// Id and name of the tenant's person. `None`: the customer.
    pub who: Option<(String, String)>,
    pub is_typing: bool,
    pub is_gone: bool,
}

impl PresenceNote {
    pub const fn customer_types(tenant: TenantId, conversation: Uuid) -> Self {
        Self { tenant, conversation, who: None, is_typing: true, is_gone: false }
    }

    fn place(&self) -> LookedAt {
        (self.tenant.clone(), self.conversation)
    }
}

/// Somebody who looks at a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Onlooker {
    pub who: String,
    pub name: String,
    pub is_typing: bool,
}

#[derive(Debug)]
struct Seen {
    name: String,
    at: Instant,
    typed_at: Option<Instant>,
}

/// Everybody who looks at something.
#[derive(Debug, Default)]
pub struct Presence(BTreeMap<LookedAt, BTreeMap<String, Seen>>);

impl Presence {
    /// Somebody looks at a conversation, writes, or has gone. Answers where it is not as it was.
    pub fn note(
        &mut self,
        place: LookedAt,
        (who, name): (String, String),
        (is_typing, is_gone): (bool, bool),
        now: Instant,
    ) -> Vec<LookedAt> {
        let mut changed = self.expire(now);
        let people = self.0.entry(place.clone()).or_default();
        if is_gone {
            people.remove(&who);
        } else {
            let typed_at = if is_typing { Some(now) } else { people.get(&who).and_then(|seen| seen.typed_at) };
            people.insert(who, Seen { name, at: now, typed_at });
        }
        changed.retain(|other| *other != place);
        changed.push(place);
        changed
    }

    /// Who said nothing for long has gone or does not write any more. Answers where.
    pub fn expire(&mut self, now: Instant) -> Vec<LookedAt> {
        let mut changed = Vec::new();
        self.0.retain(|place, people| {
            let mut is_changed = false;
            people.retain(|_, seen| {
                let is_here = now.duration_since(seen.at) < GONE_AFTER;
                let typed_at = seen.typed_at.filter(|at| now.duration_since(*at) < TYPES_FOR);
                is_changed |= !is_here || typed_at != seen.typed_at;
                seen.typed_at = typed_at;
                is_here
            });
            if is_changed {
                changed.push(place.clone());
            }
            !people.is_empty()
        });
        changed
    }

    /// Whether somebody looks at a conversation.
    pub fn has(&self, place: &LookedAt, who: &str, now: Instant) -> bool {
        let seen = self.0.get(place).and_then(|people| people.get(who));
        seen.is_some_and(|seen| now.duration_since(seen.at) < GONE_AFTER)
    }

    /// Those who look at a conversation.
    pub fn of(&self, place: &LookedAt) -> Vec<Onlooker> {
        let people = self.0.get(place).into_iter().flatten();
        let onlooker = |(who, seen): (&String, &Seen)| Onlooker {
            who: who.clone(),
            name: seen.name.clone(),
            is_typing: seen.typed_at.is_some(),
        };
        people.map(onlooker).collect()
    }
}

/// What other nodes are to be told. The last word about a person and a conversation wins.
#[derive(Debug, Default)]
pub struct OutgoingPresence {
    waiting: BTreeMap<(LookedAt, Option<String>), PresenceNote>,
    told: BTreeMap<(LookedAt, Option<String>), Instant>,
}

/// The JSON that nodes exchange. A node of an earlier version reads nothing in it.
#[derive(Serialize, Deserialize)]
struct Wire {
    from: String,
    presence: Vec<PresenceNote>,
}

impl OutgoingPresence {
    pub fn add(&mut self, mut note: PresenceNote) {
        let key = (note.place(), note.who.as_ref().map(|(who, _)| who.clone()));
        let typed_before = self.waiting.get(&key).is_some_and(|waiting| waiting.is_typing);
        note.is_typing |= typed_before && !note.is_gone;
        self.waiting.insert(key, note);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is due, as texts of this node. What is not yet due stays.
    pub fn texts(&mut self, from: &str, now: Instant) -> Vec<String> {
        self.told.retain(|_, at| now.duration_since(*at) < TOLD_EVERY);
        let (due, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(key, _)| !self.told.contains_key(key));
        self.waiting = waiting;
        self.told.extend(due.keys().map(|key| (key.clone(), now)));
        let notes: Vec<PresenceNote> = due.into_values().collect();
        let wire = |notes: &[PresenceNote]| Wire { from: from.to_owned(), presence: notes.to_vec() };
        notes.chunks(OF_ONE_TEXT).filter_map(|notes| serde_json::to_string(&wire(notes)).ok()).collect()
    }
}

/// Reads such a text. Nothing of the node's own, and of a text of another form.
pub fn from_text(text: &str, own: &str) -> Vec<PresenceNote> {
    let read: Option<Wire> = serde_json::from_str(text).ok();
    read.filter(|read| read.from != own).map(|read| read.presence).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tenant: &str) -> LookedAt {
        (TenantId::new(tenant), Uuid::nil())
    }

    fn who(name: &str) -> (String, String) {
        (format!("user:{name}"), name.to_owned())
    }

    #[test]
    fn who_is_silent_is_forgotten_and_tenants_are_apart() {
        let (belle, taxi, begun) = (place("belle"), place("taxi"), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut presence = Presence::default();
        presence.note(belle.clone(), who("awa"), (true, false), at(0));
        presence.note(belle.clone(), who("sophie"), (false, false), at(3));
        let names = |presence: &Presence| -> Vec<(String, bool)> {
            presence.of(&belle).into_iter().map(|seen| (seen.name, seen.is_typing)).collect()
        };
        assert_eq!(names(&presence), [("awa".to_owned(), true), ("sophie".to_owned(), false)]);
        assert!(presence.of(&taxi).is_empty());
        assert!(presence.expire(at(5)).is_empty(), "nothing changed");
        assert_eq!(presence.expire(at(6)), std::slice::from_ref(&belle));
        assert_eq!(names(&presence)[0], ("awa".to_owned(), false), "no key for a while");
        assert_eq!(presence.note(taxi.clone(), who("ali"), (false, false), at(44)), std::slice::from_ref(&taxi));
        presence.note(belle.clone(), who("awa"), (false, false), at(44));
        assert_eq!(names(&presence).len(), 2);
        assert!(presence.has(&belle, "user:awa", at(88)) && !presence.has(&belle, "user:awa", at(89)));
        assert_eq!(presence.expire(at(48)), std::slice::from_ref(&belle), "sophie has gone");
        assert_eq!(names(&presence).len(), 1);
        assert_eq!(presence.note(belle.clone(), who("awa"), (false, true), at(49)), std::slice::from_ref(&belle));
        assert!(names(&presence).is_empty());
        // Where somebody else has gone is told with the next note.
        assert_eq!(presence.note(belle.clone(), who("awa"), (false, false), at(100)), [taxi, belle]);
    }

    #[test]
    fn other_nodes_are_told_at_once_and_then_not_too_often_with_the_last_word() {
        let begun = Instant::now();
        let note = |is_typing: bool, is_gone: bool| PresenceNote {
            tenant: TenantId::new("belle"),
            conversation: Uuid::nil(),
            who: Some(who("awa")),
            is_typing,
            is_gone,
        };
        let told = |outgoing: &mut OutgoingPresence, seconds: u64| -> Vec<PresenceNote> {
            let texts = outgoing.texts("node-1", begun + Duration::from_secs(seconds));
            assert!(texts.iter().all(|text| from_text(text, "node-1").is_empty()), "a node does not hear itself");
            texts.iter().flat_map(|text| from_text(text, "node-2")).collect()
        };
        let mut outgoing = OutgoingPresence::default();
        assert!(told(&mut outgoing, 0).is_empty());
        outgoing.add(note(false, false));
        assert_eq!(told(&mut outgoing, 0), [note(false, false)]);
        for is_typing in [true, false, false] {
            outgoing.add(note(is_typing, false));
            assert!(told(&mut outgoing, 1).is_empty() && !outgoing.is_empty());
        }
        // The customer is somebody else.
        outgoing.add(PresenceNote::customer_types(TenantId::new("belle"), Uuid::nil()));
        assert_eq!(told(&mut outgoing, 1).len(), 1);
        assert_eq!(told(&mut outgoing, 2), [note(true, false)], "they have typed meanwhile");
        outgoing.add(note(true, false));
        outgoing.add(note(false, true));
        assert_eq!(told(&mut outgoing, 4), [note(false, true)]);
        assert!(outgoing.is_empty() && told(&mut outgoing, 60).is_empty());
        for number in 0..25_u128 {
            outgoing.add(PresenceNote { conversation: Uuid::from_u128(number), ..note(true, false) });
        }
        assert_eq!(
            outgoing.texts("node-1", begun).iter().map(|text| from_text(text, "").len()).collect::<Vec<_>>(),
            [10, 10, 5]
        );
        for other in ["", "{}", r#"{"from":"node-1","lanes":[],"tenants":["belle"]}"#] {
            assert!(from_text(other, "node-2").is_empty(), "{other}");
        }
    }
}
