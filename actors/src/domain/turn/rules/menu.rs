//! Rule: a number or words pick an entry of the menu that was offered last.

use super::Ruling;
use crate::domain::faq::content_words;
use crate::domain::message::OutboundKind;
use crate::domain::number_words::cardinal_or_ordinal;
use crate::domain::rules::TextName;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "menu";

/// A longer message is a new question.
const MOST_WORDS: usize = 4;

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let offered = turn.turn.conversation.memory.as_ref().is_some_and(|memory| !memory.menu.is_empty());
    if !offered {
        return Ruling::Pass;
    }
    let mut memory = turn.memory();
    let menu = std::mem::take(&mut memory.menu);
    let faq = &turn.rules.source().faq;
    let entries: Vec<usize> = menu.iter().filter_map(|id| faq.iter().position(|entry| entry.id == *id)).collect();
    let questions: Vec<&str> = entries.iter().map(|entry| faq[*entry].question.as_str()).collect();
    let picked = picked(heard.folded, &questions).map(|at| entries[at]);
    if picked.is_some() {
        memory.misses = 0;
    }
    turn.remember(memory);
    let Some(entry) = picked else { return Ruling::Pass };
    turn.answered_by = vec![entry];
    Ruling::Done(turn.answer(TextName::Answer(entry), OutboundKind::Reply, Outcome::AnsweredFaq))
}

/// The place of the entry that a short message picks: by its number, or by a word that stands in its question alone.
fn picked(folded: &str, questions: &[&str]) -> Option<usize> {
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > MOST_WORDS {
        return None;
    }
    let number = words.iter().find_map(|word| {
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        // A menu is short; `neuf` is a word of questions, too.
        let named = || cardinal_or_ordinal(word).filter(|number| *number <= 3).and_then(|it| usize::try_from(it).ok());
        digits.parse::<usize>().ok().or_else(named)
    });
    if let Some(number) = number {
        return number.checked_sub(1).filter(|at| *at < questions.len());
    }
    let said = content_words(folded);
    let shared = |question: &&str| content_words(question).intersection(&said).count();
    let counts: Vec<usize> = questions.iter().map(shared).collect();
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    let mut best = counts.iter().enumerate().filter(|(_, count)| **count == most);
    let (at, _) = best.next()?;
    best.next().is_none().then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    #[test]
    fn numbers_and_words_pick() {
        let questions = ["Quels sont vos horaires ?", "Puis-je annuler un rendez-vous ?", "Comment payer ?"];
        for (said, expected) in [
            ("1", Some(0)),
            ("2.", Some(1)),
            ("la 3", Some(2)),
            ("la 2e", Some(1)),
            ("le premier", Some(0)),
            ("4", None),
            ("0", None),
            ("horaires", Some(0)),
            ("payer", Some(2)),
            ("annuler svp", Some(1)),
            ("autre chose", None),
            ("je voudrais bien savoir les horaires", None),
            ("", None),
        ] {
            assert_eq!(picked(&fold(said), &questions), expected, "{said}");
        }
    }
}
