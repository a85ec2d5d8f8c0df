//! Numbers in a text: those that may be somebody's, and those that are money.

use chrono::NaiveDate;

/// Digits in a row, with what stands between them for the eye, that may be somebody's number.
const NUMBER_DIGITS: usize = 7;
/// What stands before or behind an amount.
const MONEY: [&str; 14] =
    ["€", "$", "£", "%", "eur", "euro", "euros", "gnf", "fg", "cfa", "fcfa", "xof", "dollars", "francs"];

fn separates(c: char) -> bool {
    matches!(c, ' ' | '.' | '-' | '(' | ')' | '\u{a0}' | '\u{202f}' | '+')
}

/// A text without the e-mail addresses and long numbers that somebody wrote into it.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let has_mailbox =
            word.trim().split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if has_mailbox {
            masked.push_str("[e-mail] ");
        } else {
            masked.push_str(word);
        }
    }
    let (text, mut masked) = (masked, String::with_capacity(text.len()));
    let mut rest = text.as_str();
    while let Some(from) = rest.find(|c: char| c.is_numeric() || c == '+') {
        masked.push_str(&rest[..from]);
        let run = &rest[from..];
        let run = &run[..run.find(|c: char| !c.is_numeric() && !separates(c)).unwrap_or(run.len())];
        let run = run.trim_end_matches(|c: char| !c.is_numeric());
        let digits = run.chars().filter(|c| c.is_numeric()).count();
        let taken = run.len().max(rest[from..].chars().next().map_or(0, char::len_utf8));
        if digits >= NUMBER_DIGITS && !is_date(run) {
            masked.push_str("[number]");
        } else {
            masked.push_str(&rest[from..from + taken]);
        }
        rest = &rest[from + taken..];
    }
    masked.push_str(rest);
    masked
}

fn is_date(text: &str) -> bool {
    ["%d.%m.%Y", "%d-%m-%Y", "%Y-%m-%d"].iter().any(|form| NaiveDate::parse_from_str(text, form).is_ok())
}

/// Long numbers of a text, digits alone.
pub(super) fn long_numbers(text: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut digits = String::new();
    for c in text.chars().chain(std::iter::once('x')) {
        if c.is_ascii_digit() {
            digits.push(c);
        } else if !separates(c) || digits.is_empty() {
            if digits.len() >= NUMBER_DIGITS {
                numbers.push(digits.clone());
            }
            digits.clear();
        }
    }
    numbers
}

/// A number of a text, and whether it is an amount of money or a percentage.
struct Figure {
    value: String,
    is_money: bool,
}

/// Every number of a text, in one spelling: `45 000`, `45.000` and `45000` are one, so are `35,00` and `35`.
fn figures(text: &str) -> Vec<Figure> {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let digits_from = |at: usize| letters[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut figures = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let length = digits_from(at);
        if length == 0 {
            at += 1;
            continue;
        }
        let before = letters[..at].iter().rev().find(|c| !c.is_whitespace()).copied();
        let mut value: String = letters[at..at + length].iter().collect();
        at += length;
        while let Some(separator) = letters.get(at).filter(|c| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | ',')) {
            let more = digits_from(at + 1);
            let fraction: String = letters[at + 1..at + 1 + more].iter().collect();
            if more == 3 {
                value.push_str(&fraction);
            } else if matches!(separator, '.' | ',') && (1..=2).contains(&more) {
                let fraction = fraction.trim_end_matches('0');
                if !fraction.is_empty() {
                    value = format!("{value}.{fraction}");
                }
            } else {
                break;
            }
            at += 1 + more;
        }
        let behind: String = letters[at..].iter().skip_while(|c| c.is_whitespace()).take(8).collect();
        let word = behind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let is_sign = |sign: Option<char>| sign.is_some_and(|c| MONEY.contains(&c.to_string().as_str()));
        let is_money = is_sign(before) || is_sign(behind.chars().next()) || MONEY.contains(&word);
        let value = value.trim_start_matches('0');
        figures.push(Figure { value: if value.is_empty() { "0" } else { value }.to_owned(), is_money });
    }
    figures
}

/// Whether every amount of money of an answer stands in what is known.
pub(super) fn amounts_stand_in(answer: &str, known: &str) -> bool {
    let known = figures(known);
    figures(answer)
        .iter()
        .filter(|figure| figure.is_money)
        .all(|figure| known.iter().any(|other| other.value == figure.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_of_people_are_masked_and_nothing_else() {
        for (text, expected) in [
            ("mon numéro est le 06 12 34 56 78 merci", "mon numéro est le [number] merci"),
            ("appelez +33612345678", "appelez [number]"),
            ("(+224) 620-00-00-00, svp", "([number], svp"),
            ("écrivez à nadia@exemple.fr ou ici", "écrivez à [e-mail] ou ici"),
            ("le 03.12.2026 à 15h30 pour 2", "le 03.12.2026 à 15h30 pour 2"),
            ("c'est 35 € ou 45 000 GNF ?", "c'est 35 € ou 45 000 GNF ?"),
            ("deux + deux", "deux + deux"),
            ("@belle", "@belle"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn an_amount_is_one_however_it_is_written() {
        let known = "Manucure 35 €, course 45.000 GNF, acompte de 30 %, soin à 65,50 €, dure 60 minutes";
        for (answer, holds) in [
            ("35 euros", true),
            ("35,00€", true),
            ("€35", true),
            ("45 000 gnf", true),
            ("65.5 €", true),
            ("30%", true),
            ("40 €", false),
            ("450 000 GNF", false),
            ("60 €", true),
            ("Il dure 75 minutes", true),
            ("à 9 h, 2 personnes", true),
        ] {
            assert_eq!(amounts_stand_in(answer, known), holds, "{answer}");
        }
    }
}
