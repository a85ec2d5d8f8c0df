//! Who looks at which conversation on this node, and who writes. Best effort: it helps people, and decides nothing.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use serde::Serialize;
use uuid::Uuid;

/// Who said nothing for so long has gone: pages say every 20 seconds that they are open.
const GONE_AFTER: TimeDelta = TimeDelta::seconds(45);
/// Who pressed no key for so long does not write.
const TYPES_FOR: TimeDelta = TimeDelta::seconds(6);

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
    at: Timestamp,
    typed_at: Option<Timestamp>,
}

/// Everybody who looks at something.
#[derive(Debug, Default)]
pub struct Presence(BTreeMap<(TenantId, Uuid), BTreeMap<String, Seen>>);

impl Presence {
    pub fn note(
        &mut self,
        tenant: &TenantId,
        conversation: Uuid,
        (who, name): (String, String),
        (is_typing, is_gone): (bool, bool),
        now: Timestamp,
    ) {
        self.0.retain(|_, people| {
            people.retain(|_, seen| seen.at > now - GONE_AFTER);
            !people.is_empty()
        });
        let people = self.0.entry((tenant.clone(), conversation)).or_default();
        if is_gone {
            people.remove(&who);
            return;
        }
        let typed_at = people.get(&who).and_then(|seen| seen.typed_at).filter(|at| *at > now - TYPES_FOR);
        people.insert(who, Seen { name, at: now, typed_at: if is_typing { Some(now) } else { typed_at } });
    }

    /// Those who look at a conversation, as of the last note.
    pub fn of(&self, tenant: &TenantId, conversation: Uuid) -> Vec<Onlooker> {
        let people = self.0.get(&(tenant.clone(), conversation));
        let people = people.into_iter().flatten();
        people
            .map(|(who, seen)| Onlooker {
                who: who.clone(),
                name: seen.name.clone(),
                is_typing: seen.typed_at.is_some(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_forgotten_and_tenants_are_apart() {
        let (belle, taxi, talk) = (TenantId::new("belle"), TenantId::new("taxi"), Uuid::now_v7());
        let at = |seconds: i64| Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let who = |name: &str| (format!("user:{name}"), name.to_owned());
        let mut presence = Presence::default();
        presence.note(&belle, talk, who("awa"), (true, false), at(0));
        presence.note(&belle, talk, who("sophie"), (false, false), at(3));
        let names = |presence: &Presence| -> Vec<(String, bool)> {
            presence.of(&belle, talk).into_iter().map(|seen| (seen.name, seen.is_typing)).collect()
        };
        assert_eq!(names(&presence), [("awa".to_owned(), true), ("sophie".to_owned(), false)]);
        assert!(presence.of(&taxi, talk).is_empty());
        presence.note(&belle, talk, who("awa"), (false, false), at(20));
        assert_eq!(names(&presence)[0], ("awa".to_owned(), false), "no key for a while");
        presence.note(&belle, talk, who("awa"), (false, false), at(60));
        assert_eq!(names(&presence).len(), 1, "sophie has gone");
        presence.note(&belle, talk, who("awa"), (false, true), at(61));
        assert!(names(&presence).is_empty());
    }
}
