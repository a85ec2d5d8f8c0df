//! Typed answers: what a message gives to a question.

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::people::{people, read_when};
use super::proposed::proposed_hour;
use super::texts::TextKey;
use super::{Given, dated, phrases};
use crate::domain::address::{Address, Scheme};
use crate::domain::dates::Phrase;
use crate::domain::message::Location;
use crate::domain::number_words;
use crate::domain::words::stored_words;

/// What a question expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// Anything that says something.
    Text,
    /// What somebody is called.
    Name,
    /// A whole number.
    Number,
    /// A day, a time, or both.
    When,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A shared location, or words for a place.
    Place,
    /// Yes or no.
    YesNo,
}

stored_words!(AnswerKind {
    Text => "text",
    Name => "name",
    Number => "number",
    When => "when",
    Phone => "phone",
    Email => "email",
    Place => "place",
    YesNo => "yes_no",
});

/// What a message is to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An answer.
    Given(Given),
    /// Something that was meant as an answer and is none.
    Wrong(TextKey),
    /// Nothing that answers it.
    Nothing,
}

/// The longest text that is kept of an answer, in characters.
const LONGEST: usize = 500;

/// A message, with what reading it needs.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// As it was written.
    pub text: &'a str,
    /// In lower case without accents.
    pub said: &'a str,
    /// A place that was shared.
    pub location: Option<&'a Location>,
    /// Now, as the tenant's clocks show it.
    pub now: NaiveDateTime,
    /// The tenant's time zone.
    pub zone: Tz,
    /// The tenant's language.
    pub english: bool,
}

fn given(shown: impl Into<String>, value: impl Into<String>) -> Reading {
    Reading::Given(Given { shown: shown.into(), value: value.into() })
}

/// Reads a message as the answer to a question that was just asked.
#[must_use]
pub fn answer(kind: AnswerKind, written: &Written<'_>) -> Reading {
    let text = written.text.trim();
    match kind {
        AnswerKind::Text => {
            let kept: String = text.chars().take(LONGEST).collect();
            if written.said.is_empty() { Reading::Nothing } else { given(kept.clone(), kept) }
        }
        AnswerKind::Name if phrases::is_courtesy(written.said) || phrases::is_yes(written.said, text) => {
            Reading::Nothing
        }
        AnswerKind::Name => name(text).map_or(Reading::Nothing, |name| given(name.clone(), name)),
        AnswerKind::Number => people(written.said)
            .or_else(|| number(written.said))
            .map_or(Reading::Wrong(TextKey::BadNumber), number_given),
        AnswerKind::When => match (when(read_named(written), written), proposed_hour(written.said, written.now)) {
            // `vers 4` is a time where one was asked for.
            (Reading::Nothing, Some(hour)) => when(hour, written),
            (read, _) => read,
        },
        AnswerKind::Phone => phone(text).map_or(Reading::Wrong(TextKey::BadPhone), |phone| given(phone.clone(), phone)),
        AnswerKind::Email => email(text).map_or(Reading::Wrong(TextKey::BadEmail), |mail| given(mail.clone(), mail)),
        AnswerKind::Place => place(written),
        AnswerKind::YesNo if phrases::is_yes(written.said, text) => {
            given(if written.english { "yes" } else { "oui" }, "yes")
        }
        AnswerKind::YesNo if phrases::is_no(written.said, text) => {
            given(if written.english { "no" } else { "non" }, "no")
        }
        AnswerKind::YesNo => Reading::Nothing,
    }
}

/// Reads an answer out of a message that was not asked for it: only what cannot be anything else.
#[must_use]
pub fn volunteered(kind: AnswerKind, written: &Written<'_>) -> Option<Given> {
    let found = match kind {
        AnswerKind::Email if written.text.contains('@') => answer(kind, written),
        AnswerKind::Phone => phone(written.text).map_or(Reading::Nothing, |phone| given(phone.clone(), phone)),
        AnswerKind::When => when(read_named(written), written),
        AnswerKind::Number => people(written.said).map_or(Reading::Nothing, number_given),
        AnswerKind::Place if written.location.is_some() => place(written),
        AnswerKind::Name => introduced(written.text).map_or(Reading::Nothing, |name| given(name.clone(), name)),
        _ => Reading::Nothing,
    };
    match found {
        Reading::Given(given) => Some(given),
        Reading::Wrong(_) | Reading::Nothing => None,
    }
}

fn number_given(number: i64) -> Reading {
    given(number.to_string(), number.to_string())
}

const INTRODUCTIONS: [&str; 17] = [
    "je m'appelle",
    "je m’appelle",
    "je mappelle",
    "mon nom est",
    "mon nom c'est",
    "moi c'est",
    "c'est moi",
    "c'est",
    "au nom de",
    "je suis",
    "my name is",
    "i'm",
    "i am",
    "this is",
    "it's",
    "nom :",
    "nom:",
];

fn after_introduction(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    // Lower case may have another length; then nothing is taken off.
    if lower.len() != text.len() {
        return None;
    }
    INTRODUCTIONS.iter().find_map(|words| lower.starts_with(words).then(|| text.get(words.len()..)).flatten())
}

fn name(text: &str) -> Option<String> {
    let bare = after_introduction(text).unwrap_or(text).trim_matches(|c: char| !c.is_alphanumeric() && c != ')');
    let fits = bare.chars().any(char::is_alphabetic)
        && !text.contains('?')
        && bare.chars().filter(char::is_ascii_digit).count() <= 1
        && bare.split_whitespace().count() <= 6
        && bare.chars().count() <= 80;
    fits.then(|| bare.to_owned())
}

/// A name that the message itself announces as one.
fn introduced(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    let (at, words) =
        INTRODUCTIONS.iter().take(6).chain(&["my name is"]).find_map(|words| Some((lower.find(words)?, words)))?;
    let rest = text.get(at + words.len()..)?.split([',', '.', '\n', ';']).next()?;
    let words: Vec<&str> =
        rest.split_whitespace().take_while(|word| word.starts_with(char::is_uppercase)).take(3).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

pub(super) fn number(said: &str) -> Option<i64> {
    said.split_whitespace().find_map(number_words::number)
}

fn phone(text: &str) -> Option<String> {
    let mut run = String::new();
    let mut best = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_digit() || (c == '+' && run.is_empty()) {
            run.push(c);
        } else if !matches!(c, ' ' | '.' | '-' | '(' | ')' | '/' | '\u{a0}') {
            if run.len() > best.len() {
                best = std::mem::take(&mut run);
            }
            run.clear();
        }
    }
    let digits = best.chars().filter(char::is_ascii_digit).count();
    if !(8..=15).contains(&digits) {
        return None;
    }
    // A number with its country is kept in its one spelling; a national one as it was written.
    let international = best.starts_with('+') || best.starts_with("00");
    let spelled = if let Some(rest) = best.strip_prefix("00") { format!("+{rest}") } else { best.clone() };
    if !international {
        return Some(best);
    }
    Address::parse(Scheme::Sms, &spelled, None).ok().map(|address| address.path().to_owned())
}

fn email(text: &str) -> Option<String> {
    let joined = text.replace(" @ ", "@").replace(" @", "@").replace("@ ", "@");
    let found = joined
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')'))
        .find(|word| word.contains('@'))?;
    let bare = found.trim_matches(|c: char| !c.is_alphanumeric()).trim_start_matches("mailto:");
    let (_, domain) = bare.rsplit_once('@')?;
    let (host, top) = domain.rsplit_once('.')?;
    let fits =
        !host.is_empty() && top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic()) && !domain.contains("..");
    let address = Address::parse(Scheme::Mailto, bare, None).ok().filter(|_| fits)?;
    Some(address.path().to_owned())
}

/// What a message says of a day and a time.
fn read_named(written: &Written<'_>) -> Phrase {
    read_when(written.text, written.said, written.now, written.english)
}

fn when(found: Phrase, written: &Written<'_>) -> Reading {
    match dated::moment(found, written.now, written.zone, written.english) {
        Ok(Some(given)) => Reading::Given(given),
        Ok(None) => Reading::Nothing,
        Err(key) => Reading::Wrong(key),
    }
}

/// Who is or goes somewhere, before the place.
const SUBJECTS: &str =
    "je suis |je pars |je vais |je serai |on est |on va |nous sommes |c'est |i am |i'm |i go |we are |en fait ";
const PREPOSITIONS: &str = "à l'|à la |à |a l'|a la |a |au |aux |vers |pour |depuis |de |to the |to |from |at the |at ";

/// A text without the first of these words that it begins with, in either case.
fn without_lead<'a>(text: &'a str, leads: &str) -> &'a str {
    let behind = |lead: &str| {
        let (start, rest) = text.split_at_checked(lead.len())?;
        (start.to_lowercase() == lead).then(|| rest.trim_start())
    };
    leads.split('|').find_map(behind).filter(|rest| !rest.is_empty()).unwrap_or(text)
}

fn place(written: &Written<'_>) -> Reading {
    if let Some(location) = written.location {
        let value = format!("{:.6},{:.6}", location.latitude, location.longitude);
        let shown = location.label.clone().or_else(|| location.address.clone()).unwrap_or_else(|| value.clone());
        return given(shown, value);
    }
    let text = written.text.trim().trim_end_matches(['.', '!', ',']);
    let text = without_lead(text, SUBJECTS);
    let bare = without_lead(text, PREPOSITIONS);
    let says_something = bare.chars().filter(|c| c.is_alphanumeric()).count() >= 2;
    if !says_something || text.ends_with('?') || bare.chars().count() > 120 {
        return Reading::Nothing;
    }
    given(bare, bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    fn reading(kind: AnswerKind, text: &str) -> String {
        let said = phrases::said(&fold(text));
        let written = Written {
            text,
            said: &said,
            location: None,
            now: "2026-11-30T10:00:00".parse().unwrap(),
            zone: Tz::Europe__Paris,
            english: false,
        };
        match answer(kind, &written) {
            Reading::Given(given) => given.value,
            Reading::Wrong(key) => format!("<{key}>"),
            Reading::Nothing => "-".to_owned(),
        }
    }

    #[test]
    fn answers_are_read_by_their_kind() {
        for (kind, text, expected) in [
            (AnswerKind::Email, "diallo@exemple.fr", "diallo@exemple.fr"),
            (AnswerKind::Email, "c'est Diallo@Exemple.FR.", "diallo@exemple.fr"),
            (AnswerKind::Email, "diallo @ exemple.fr", "diallo@exemple.fr"),
            (AnswerKind::Email, "diallo@exemple", "<bad_email>"),
            (AnswerKind::Email, "diallo@.fr", "<bad_email>"),
            (AnswerKind::Email, "a@b@c.fr", "<bad_email>"),
            (AnswerKind::Email, "plus tard", "<bad_email>"),
            (AnswerKind::Phone, "06 12 34 56 78", "0612345678"),
            (AnswerKind::Phone, "c'est le +33 6 12 34 56 78 merci", "+33612345678"),
            (AnswerKind::Phone, "0033612345678", "+33612345678"),
            (AnswerKind::Phone, "1234", "<bad_phone>"),
            (AnswerKind::Number, "on est trois", "3"),
            (AnswerKind::Number, "12", "12"),
            (AnswerKind::Number, "beaucoup", "<bad_number>"),
            (AnswerKind::Name, "Diallo", "Diallo"),
            (AnswerKind::Name, "je m'appelle Aïssatou Diallo", "Aïssatou Diallo"),
            (AnswerKind::Name, "C'est Martin.", "Martin"),
            (AnswerKind::Name, "vous prenez la carte ?", "-"),
            (AnswerKind::Name, "euh", "-"),
            (AnswerKind::Name, "ok", "-"),
            (AnswerKind::Name, "0612345678", "-"),
            (AnswerKind::When, "demain 15h", "2026-12-01T14:00:00Z"),
            (AnswerKind::When, "9h", "2026-12-01T08:00:00Z"),
            (AnswerKind::When, "16h", "2026-11-30T15:00:00Z"),
            (AnswerKind::When, "jeudi", "2026-12-03"),
            (AnswerKind::When, "hier", "<bad_date>"),
            (AnswerKind::When, "bof", "-"),
            (AnswerKind::Place, "à l'aéroport", "aéroport"),
            (AnswerKind::Place, "Kipé, rond-point", "Kipé, rond-point"),
            (AnswerKind::Place, "Je suis à Cosa devant la pharmacie", "Cosa devant la pharmacie"),
            (AnswerKind::Name, "c'est moi Fatou", "Fatou"),
            (AnswerKind::Place, "?", "-"),
            (AnswerKind::YesNo, "oui merci", "yes"),
            (AnswerKind::YesNo, "non", "no"),
            (AnswerKind::YesNo, "bleu", "-"),
            (AnswerKind::Text, "fuite salle de bain", "fuite salle de bain"),
            (AnswerKind::Text, "…", "-"),
        ] {
            assert_eq!(reading(kind, text), expected, "{kind} {text}");
        }
    }

    #[test]
    fn answers_that_nobody_asked_for_are_read_with_care() {
        let volunteered = |kind, text: &str| {
            let said = phrases::said(&fold(text));
            let now = "2026-11-30T10:00:00".parse().unwrap();
            let written = Written { text, said: &said, location: None, now, zone: Tz::Europe__Paris, english: false };
            super::volunteered(kind, &written).map(|given| given.value)
        };
        for (kind, text, expected) in [
            (AnswerKind::Number, "manucure demain 15h pour deux", Some("2")),
            (AnswerKind::Number, "pour 15h", None),
            (AnswerKind::Number, "4 personnes", Some("4")),
            (AnswerKind::Number, "on est 5 avec les enfants", Some("5")),
            (AnswerKind::Number, "table pour 6 samedi soir", Some("6")),
            (AnswerKind::Number, "juste moi", Some("1")),
            (AnswerKind::Number, "table for two tonight", Some("2")),
            (AnswerKind::Number, "pour un massage", None),
            (AnswerKind::Number, "pour deux heures", None),
            (AnswerKind::Number, "pour le 4", None),
            (AnswerKind::Email, "devis à a@b.fr svp", Some("a@b.fr")),
            (AnswerKind::Email, "devis svp", None),
            (AnswerKind::Phone, "rappelez-moi au 06 12 34 56 78", Some("0612345678")),
            (AnswerKind::Name, "Bonjour, je m'appelle Aïssatou Diallo et j'ai une fuite", Some("Aïssatou Diallo")),
            (AnswerKind::Name, "Bonjour", None),
            (AnswerKind::Text, "tout", None),
        ] {
            assert_eq!(volunteered(kind, text).as_deref(), expected, "{kind} {text}");
        }
    }
}
