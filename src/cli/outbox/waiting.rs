//! Why messages wait that have no reason of their own: nobody was at them yet, and what holds them back is another message,
//! their channel, or their time. It is read from where they stand, when somebody asks, and told in a word.

use std::collections::BTreeMap;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use crate::cli::explain::{is_known, last_error};
use crate::cli::terminal::now;
use crate::store::operator::{Count, Filter, Item, Operator, Page, Tenants};
use crate::store::{StoreError, Wait};

/// Each costs a look into the database.
const MOST_LOOKS: usize = 200;
/// Of each channel's waiting messages, so many of the newest are looked at.
const SAMPLE: usize = 20;

/// What one waits for, in a word: a reason of docs/outbox.md, a provider's code, or `line`, `turn`, `time`, `paused`.
fn word(wait: &Wait) -> String {
    match wait {
        Wait::Behind { .. } => "line".to_owned(),
        Wait::Turn { .. } => "turn".to_owned(),
        Wait::Time { reason: None, .. } => "time".to_owned(),
        // An operator's words are for `show`.
        Wait::Paused { reason, .. } if !is_known(reason) || reason == "operator" => "paused".to_owned(),
        Wait::Paused { reason, .. } | Wait::Rests { reason, .. } | Wait::Time { reason: Some(reason), .. } => {
            reason.clone()
        }
    }
}

/// What a word means that is no reason.
pub(super) fn meaning(word: &str, language: Language) -> String {
    let (english, french) = match word {
        "line" => (
            "another message of the same conversation comes first",
            "un autre message de la même conversation passe d'abord",
        ),
        "turn" => ("it is due, and waits for a free sender", "son heure est venue, et il attend un expéditeur libre"),
        "time" => ("it is not to be sent before its time", "il ne doit pas partir avant son heure"),
        reason => return last_error(reason, language),
    };
    if language == Language::En { english.to_owned() } else { french.to_owned() }
}

fn has_no_reason(item: &Item) -> bool {
    item.state == OutboxState::Pending && item.reason.is_none()
}

/// The words of those items that wait without a reason, by their ids. The first few hundred of them: who lists more is told
/// nothing of the rest.
///
/// # Errors
/// [`StoreError`]: the database refused.
pub(super) async fn of_items(desk: &Operator, items: &[Item]) -> Result<BTreeMap<String, String>, StoreError> {
    let mut words = BTreeMap::new();
    for item in items.iter().filter(|item| has_no_reason(item)).take(MOST_LOOKS) {
        if let Some(wait) = desk.waits(item.id, now()).await? {
            words.insert(item.id.to_string(), word(&wait));
        }
    }
    Ok(words)
}

/// What the messages of a count wait for that have no reason: each word once, what holds a whole channel up before what
/// stands in a line behind it.
///
/// # Errors
/// [`StoreError`]: the database refused.
pub(super) async fn of_count(desk: &Operator, filter: &Filter, count: &Count) -> Result<Vec<String>, StoreError> {
    if count.state != OutboxState::Pending || count.reason.is_some() {
        return Ok(Vec::new());
    }
    let of_count = Filter {
        tenants: Tenants::Of(vec![count.tenant.clone()]),
        channel: Some(count.channel.clone()),
        states: vec![OutboxState::Pending],
        ..filter.clone()
    };
    let mut items = desk.list(&of_count, Page { before: None, limit: MOST_LOOKS }).await?;
    items.retain(has_no_reason);
    items.truncate(SAMPLE);
    Ok(in_order(of_items(desk, &items).await?.into_values()))
}

fn in_order(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for word in words {
        *counted.entry(word).or_default() += 1;
    }
    let mut words: Vec<(String, usize)> = counted.into_iter().collect();
    words.sort_by_key(|(word, count)| (word == "line", word == "turn", std::cmp::Reverse(*count)));
    words.into_iter().map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::OutboundId;

    use super::*;

    #[test]
    fn a_wait_is_told_in_a_word_that_can_be_looked_up() {
        let until = "2026-11-21T12:00:00Z".parse().unwrap();
        let paused = |reason: &str| Wait::Paused { reason: reason.to_owned(), until };
        let behind = Wait::Behind { message: OutboundId::fresh(), state: OutboxState::Unknown, reason: None };
        for (wait, expected) in [
            (behind, "line"),
            (paused("quality rating"), "paused"),
            (paused("operator"), "paused"),
            (paused("30002"), "30002"),
            (Wait::Rests { reason: "breaker_open".to_owned(), until }, "breaker_open"),
            (Wait::Time { reason: Some("63018".to_owned()), until }, "63018"),
            (Wait::Time { reason: None, until }, "time"),
            (Wait::Turn { before: 7 }, "turn"),
        ] {
            assert_eq!(word(&wait), expected);
            let told = [Language::En, Language::Fr].map(|language| meaning(expected, language));
            assert!(told[0] != told[1] && !told[0].contains("no words"), "{told:?}");
        }
    }

    #[test]
    fn what_holds_a_channel_up_comes_before_what_stands_behind_it() {
        let words = ["line", "line", "turn", "line", "breaker_open"].map(str::to_owned);
        assert_eq!(in_order(words.into_iter()), ["breaker_open", "turn", "line"]);
    }
}
