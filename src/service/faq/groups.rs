//! Groups of messages that ask for the same, as far as their words tell.

use std::collections::BTreeSet;
use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::faq::content_words;

use crate::store::operator::Unanswered;

/// Texts of a group that are kept as examples.
const EXAMPLES: usize = 5;
/// Messages share so much of their words (in percent of both together) to be in one group.
const ALIKE_PERCENT: usize = 50;

/// Messages that ask for the same. `Debug` does not show their texts (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct UnansweredGroup {
    /// How many messages.
    pub count: usize,
    /// When the last one came.
    pub last: Timestamp,
    /// Some of them, the newest first.
    pub examples: Vec<String>,
}

impl fmt::Debug for UnansweredGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnansweredGroup").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Alike messages together, the largest groups first. `messages` begin with the newest.
pub(super) fn grouped(messages: Vec<Unanswered>) -> Vec<UnansweredGroup> {
    let mut groups: Vec<(BTreeSet<String>, UnansweredGroup)> = Vec::new();
    for message in messages {
        let words = content_words(&message.body);
        if words.is_empty() {
            continue;
        }
        let alike = |(known, _): &&mut (BTreeSet<String>, UnansweredGroup)| {
            let shared = known.intersection(&words).count();
            shared * 100 >= ALIKE_PERCENT * known.union(&words).count()
        };
        match groups.iter_mut().find(alike) {
            Some((_, group)) => {
                group.count += 1;
                if group.examples.len() < EXAMPLES && !group.examples.contains(&message.body) {
                    group.examples.push(message.body);
                }
            }
            None => groups
                .push((words, UnansweredGroup { count: 1, last: message.created_at, examples: vec![message.body] })),
        }
    }
    let mut groups: Vec<UnansweredGroup> = groups.into_iter().map(|(_, group)| group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.last)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_messages_are_one_group() {
        let message =
            |body: &str| Unanswered { id: String::new(), body: body.to_owned(), created_at: Timestamp::UNIX_EPOCH };
        let texts =
            ["vous faites le henné ?", "le henné svp", "faites-vous du Henné", "vous vendez des crèmes ?", "👍"];
        let groups = grouped(texts.map(message).to_vec());
        let counts: Vec<usize> = groups.iter().map(|group| group.count).collect();
        assert_eq!(counts, [3, 1]);
        assert_eq!(groups[0].examples.len(), 3);
    }
}
