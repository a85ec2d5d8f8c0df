//! Groups of messages that ask for the same, as far as their words tell.

use std::collections::BTreeSet;
use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::faq::{asked_concepts, content_words};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Rules;
use uuid::Uuid;

use super::super::permissions::Permission::{ContentRead, FaqRead};
use super::super::{Caller, ServiceError, audit};
use crate::store::operator::{Operator, Unanswered};
use crate::store::with_rows;

/// Messages that are looked at.
const MOST_UNANSWERED: usize = 5_000;
/// Groups that are told of.
const MOST_GROUPS: usize = 50;
/// Texts of a group that are kept as examples.
const EXAMPLES: usize = 5;
/// Messages share so much of their words (in percent of both together) to be in one group.
const ALIKE_PERCENT: usize = 50;

/// Messages that ask for the same. `Debug` does not show their texts (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct UnansweredGroup {
    /// How many messages.
    pub count: usize,
    /// Of how many customers.
    pub customers: usize,
    /// When the last one came.
    pub last: Timestamp,
    /// Where the last one came.
    pub conversation: Option<Uuid>,
    /// Some of them, the newest first.
    pub examples: Vec<String>,
}

impl fmt::Debug for UnansweredGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnansweredGroup").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The messages since then that no entry answered, alike ones together, the largest groups first. What an entry answers by now
/// is left out. `rules` are those of the tenant's file.
///
/// # Errors
/// [`ServiceError`]
pub async fn unanswered(
    caller: &Caller,
    store: &Operator,
    (tenant, rules): (&TenantId, &Rules),
    since: Timestamp,
) -> Result<Vec<UnansweredGroup>, ServiceError> {
    caller.require(FaqRead)?;
    caller.require(ContentRead)?;
    caller.within(tenant)?;
    audit::look(caller, store, tenant, "faq.unanswered", ("tenant", tenant.as_str())).await?;
    let rows = store.faq_entries(tenant).await?;
    let (whole, _) = with_rows(rules, &rows);
    let rules = whole.as_ref().unwrap_or(rules);
    let open = |group: &UnansweredGroup| group.examples.iter().any(|text| rules.read_faq(text).answers.is_empty());
    let groups = grouped(store.unanswered(tenant, since, MOST_UNANSWERED).await?);
    Ok(groups.into_iter().filter(open).take(MOST_GROUPS).collect())
}

/// What tells which messages are alike.
struct AskedFor {
    words: BTreeSet<String>,
    concepts: BTreeSet<&'static str>,
}

impl AskedFor {
    fn of(text: &str) -> Self {
        Self { words: content_words(text), concepts: asked_concepts(text) }
    }

    fn is_like(&self, other: &Self) -> bool {
        let shared = self.words.intersection(&other.words).count();
        let share_words = shared > 0 && shared * 100 >= ALIKE_PERCENT * self.words.union(&other.words).count();
        share_words || !self.concepts.is_disjoint(&other.concepts)
    }

    fn says_something(&self) -> bool {
        !self.words.is_empty() || !self.concepts.is_empty()
    }
}

/// Alike messages together, the largest groups first. `messages` begin with the newest.
fn grouped(messages: Vec<Unanswered>) -> Vec<UnansweredGroup> {
    let mut groups: Vec<(AskedFor, BTreeSet<Option<Uuid>>, UnansweredGroup)> = Vec::new();
    for message in messages {
        let subject = AskedFor::of(&message.body);
        if !subject.says_something() {
            continue;
        }
        match groups.iter_mut().find(|(known, ..)| known.is_like(&subject)) {
            Some((_, conversations, group)) => {
                conversations.insert(message.conversation);
                group.count += 1;
                group.customers = conversations.len();
                if group.examples.len() < EXAMPLES && !group.examples.contains(&message.body) {
                    group.examples.push(message.body);
                }
            }
            None => {
                let group = UnansweredGroup {
                    count: 1,
                    customers: 1,
                    last: message.created_at,
                    conversation: message.conversation,
                    examples: vec![message.body],
                };
                groups.push((subject, BTreeSet::from([message.conversation]), group));
            }
        }
    }
    let mut groups: Vec<UnansweredGroup> = groups.into_iter().map(|(_, _, group)| group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.customers, group.count, group.last)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_messages_are_one_group() {
        let message = |(talk, body): (u128, &str)| Unanswered {
            id: String::new(),
            body: body.to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            conversation: Some(Uuid::from_u128(talk)),
        };
        let texts = [
            (1, "vous faites le henné ?"),
            (2, "le henné svp"),
            (1, "faites-vous du Henné"),
            (3, "vous vendez des crèmes ?"),
            (4, "👍"),
            (5, "il y a un parking ?"),
            (6, "où est-ce que je peux me garer"),
            (7, "Y a-t-il un parking près de l'institut ?"),
        ];
        let groups = grouped(texts.map(message).to_vec());
        let told: Vec<(usize, usize, &str)> =
            groups.iter().map(|group| (group.customers, group.count, group.examples[0].as_str())).collect();
        let expected =
            [(3, 3, "il y a un parking ?"), (2, 3, "vous faites le henné ?"), (1, 1, "vous vendez des crèmes ?")];
        assert_eq!(told, expected);
    }
}
