//! What a client says of an order: "je prends R12 taille M", "2 R12 et R15", "j'annule R12".

use crate::domain::folding::fold;
use crate::domain::number_words::cardinal;

/// One article of an order, as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The seller's reference, in capitals: `R12`.
    pub reference: String,
    /// A size: `M`, `38`.
    pub size: Option<String>,
    /// Pieces, at least one.
    pub quantity: u32,
}

impl Ordered {
    /// As it is repeated back: `2 × R12 taille M`.
    #[must_use]
    pub fn written(&self, size_word: &str) -> String {
        let mut written = if self.quantity == 1 { String::new() } else { format!("{} × ", self.quantity) };
        written.push_str(&self.reference);
        if let Some(size) = &self.size {
            written.push_str(&format!(" {size_word} {size}"));
        }
        written
    }
}

/// What a message says of orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderTalk {
    /// They take these. Empty: they take something, and it does not say which.
    Takes(Vec<Ordered>),
    /// They do not want these references after all. Empty: nothing that they ordered.
    Cancels(Vec<String>),
}

/// A client orders at most so many pieces of one thing by one message: more is a slip of the thumb.
const MOST_PIECES: u32 = 50;
/// A message that orders is no letter.
const MOST_WORDS: usize = 30;

const TAKES: [&str; 26] = [
    "JE PRENDS",
    "J PRENDS",
    "JE LA PRENDS",
    "JE LE PRENDS",
    "JP",
    "JE VEUX",
    "JE RESERVE",
    "JE COMMANDE",
    "JE ACHETE",
    "J ACHETE",
    "POUR MOI",
    "GARDE MOI",
    "GARDEZ MOI",
    "METS MOI",
    "METTEZ MOI",
    "RESERVE MOI",
    "RESERVEZ MOI",
    "JE VOUDRAIS",
    "I TAKE",
    "I LL TAKE",
    "ILL TAKE",
    "I WANT",
    "I BUY",
    "FOR ME",
    "MINE",
    "KEEP ME",
];
/// Of these, those that order something even where no reference follows.
const SURELY_TAKES: [&str; 6] = ["JE PRENDS", "JE LA PRENDS", "JE LE PRENDS", "I TAKE", "I LL TAKE", "ILL TAKE"];
const CANCELS: [&str; 9] = [
    "J ANNULE",
    "ANNULE",
    "ANNULER",
    "ANNULEZ",
    "JE NE PRENDS PLUS",
    "JE PRENDS PLUS",
    "JE VEUX PLUS",
    "CANCEL",
    "I DON T WANT",
];
/// Words that stand before a reference which is a bare number.
const REFERENCE_WORDS: [&str; 5] = ["REF", "REFERENCE", "NUMERO", "ARTICLE", "ITEM"];
const SIZE_WORDS: [&str; 5] = ["TAILLE", "POINTURE", "SIZE", "T", "EN"];
const SIZES: [&str; 10] = ["XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL", "TU", "UNIQUE"];

/// What a message says of orders; `None`: nothing. A reference alone is an order: ask only while a live session is open.
#[must_use]
pub fn order_talk(text: &str) -> Option<OrderTalk> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > MOST_WORDS || text.contains('?') {
        return None;
    }
    let says = |phrases: &[&str]| {
        phrases.iter().any(|phrase| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            words.windows(phrase.len()).any(|part| part == phrase.as_slice())
        })
    };
    let ordered = lines(&words);
    if says(&CANCELS) {
        let all = words.len() <= 4 && !words.iter().any(|word| ["RDV", "RENDEZ", "COURSE", "TAXI"].contains(word));
        return (!ordered.is_empty() || all)
            .then(|| OrderTalk::Cancels(ordered.into_iter().map(|line| line.reference).collect()));
    }
    if says(&TAKES) && (!ordered.is_empty() || says(&SURELY_TAKES)) {
        return Some(OrderTalk::Takes(ordered));
    }
    // References and nothing else: "R12 taille M", "2 R12".
    let spoken: usize = words.iter().filter(|word| !is_part(word)).count();
    (!ordered.is_empty() && spoken == 0).then_some(OrderTalk::Takes(ordered))
}

/// Whether a word belongs to a line that is nothing but an order.
fn is_part(word: &str) -> bool {
    reference(word).is_some()
        || word.chars().all(|c| c.is_ascii_digit())
        || size(word).is_some()
        || SIZE_WORDS.contains(&word)
        || REFERENCE_WORDS.contains(&word)
        || times(word).is_some()
        || matches!(
            word,
            "X" | "ET" | "AND" | "LA" | "LE" | "SVP" | "STP" | "PLEASE" | "MERCI" | "UNE" | "UN" | "DEUX" | "TROIS"
        )
}

/// `R12`, `AB3`: letters and then digits.
fn reference(word: &str) -> Option<String> {
    let letters = word.chars().take_while(char::is_ascii_uppercase).count();
    let digits = word.len().checked_sub(letters)?;
    let (head, tail) = word.split_at_checked(letters)?;
    let holds = (1..=3).contains(&letters) && (1..=4).contains(&digits) && tail.chars().all(|c| c.is_ascii_digit());
    // "X2" counts pieces, "T38" is a size.
    (holds && head != "X" && head != "T").then(|| word.to_owned())
}

/// `X2`, `2X`
fn times(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('X').or_else(|| word.strip_suffix('X'))?;
    digits.parse().ok().filter(|count| (1..=MOST_PIECES).contains(count))
}

fn number(word: &str) -> Option<u32> {
    // Larger ones are written in digits; `neuf` says of a thing that it is new.
    let named = cardinal(word).filter(|count| *count <= 4);
    named.or_else(|| word.parse().ok()).filter(|count| (1..=MOST_PIECES).contains(count))
}

fn size(word: &str) -> Option<String> {
    if SIZES.contains(&word) {
        return Some(word.to_owned());
    }
    let digits = word.strip_prefix('T').filter(|rest| !rest.is_empty()).unwrap_or(word);
    let is_size = digits.chars().all(|c| c.is_ascii_digit()) && (1..=3).contains(&digits.len());
    is_size.then(|| digits.to_owned())
}

/// The lines of a message: a reference, with what is said of its size and number around it.
fn lines(words: &[&str]) -> Vec<Ordered> {
    let mut lines: Vec<Ordered> = Vec::new();
    let mut before: Option<u32> = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1).copied();
        let named = REFERENCE_WORDS.contains(word).then(|| next.and_then(named_reference)).flatten();
        // "R 12", "R-12"
        let apart = next
            .filter(|next| word.len() == 1 && *word != "A" && !SIZES.contains(word) && next.len() <= 4)
            .and_then(|next| reference(&format!("{word}{next}")));
        if let Some(found) = reference(word) {
            lines.push(Ordered { reference: found, size: None, quantity: before.take().unwrap_or(1) });
        } else if let Some(found) = named.or(apart) {
            lines.push(Ordered { reference: found, size: None, quantity: before.take().unwrap_or(1) });
            at += 1;
        } else if *word == "X"
            && let Some(count) = next.and_then(number)
            && let Some(line) = lines.last_mut()
        {
            line.quantity = count;
            at += 1;
        } else if let Some(count) = times(word) {
            match lines.last_mut() {
                Some(line) => line.quantity = count,
                None => before = Some(count),
            }
        } else if SIZE_WORDS.contains(word)
            && let Some(said) = next.and_then(size)
            && let Some(line) = lines.last_mut()
        {
            line.size = Some(said);
            at += 1;
        } else if let Some(line) = lines.last_mut().filter(|line| line.size.is_none())
            && (SIZES.contains(word) || (word.starts_with('T') && size(word).is_some()))
        {
            line.size = size(word);
        } else if let Some(count) = number(word) {
            before = Some(count);
        } else {
            before = None;
        }
        at += 1;
    }
    lines
}

/// What stands after "réf": `R12`, or a bare number.
fn named_reference(word: &str) -> Option<String> {
    let is_number = (1..=5).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit());
    reference(word).or_else(|| is_number.then(|| word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match order_talk(text) {
            None => "-".to_owned(),
            Some(OrderTalk::Takes(lines)) => {
                let lines: Vec<String> = lines.iter().map(|line| line.written("taille")).collect();
                format!("takes {}", lines.join(", "))
            }
            Some(OrderTalk::Cancels(references)) => format!("cancels {}", references.join(", ")),
        }
    }

    #[test]
    fn orders_are_read_as_clients_write_them() {
        for (text, expected) in [
            ("je prends R12 taille M", "takes R12 taille M"),
            ("Je prends la r12 en M svp", "takes R12 taille M"),
            ("jp R12", "takes R12"),
            ("R12", "takes R12"),
            ("r12 M", "takes R12 taille M"),
            ("R12 taille 38", "takes R12 taille 38"),
            ("R12 T38", "takes R12 taille 38"),
            ("je prends R-12", "takes R12"),
            ("je prends r 12 taille L", "takes R12 taille L"),
            ("2 R12", "takes 2 × R12"),
            ("R12 x2", "takes 2 × R12"),
            ("R12 x 2", "takes 2 × R12"),
            ("R12 M 2", "takes R12 taille M"),
            ("je prends deux R12 taille XL", "takes 2 × R12 taille XL"),
            ("je prends R12 taille M et R15 taille L", "takes R12 taille M, R15 taille L"),
            ("je prends la réf 12", "takes 12"),
            ("pour moi la ref R7 !", "takes R7"),
            ("I'll take R12 size M", "takes R12 taille M"),
            ("i want 3 R2", "takes 3 × R2"),
            ("mine R12", "takes R12"),
            ("je prends la robe rouge", "takes "),
            ("j'annule R12", "cancels R12"),
            ("annule ma commande", "cancels "),
            ("cancel R12 please", "cancels R12"),
            ("je ne prends plus R12", "cancels R12"),
            // Nothing of an order.
            ("R12 est disponible en bleu ?", "-"),
            ("prix de la bleue ?", "-"),
            ("bonjour", "-"),
            ("j'ai acheté R12 la semaine dernière et elle est trop grande", "-"),
            ("je voudrais savoir si R12 existe en bleu ?", "-"),
            ("annuler mon rdv", "-"),
            ("je voudrais un rdv demain", "-"),
            ("je prends rdv à 12 h", "takes "),
            ("je suis à 12 km", "-"),
            ("38", "-"),
            ("taille M", "-"),
            ("", "-"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn a_slip_of_the_thumb_orders_one() {
        assert_eq!(told("R12 x99"), "-");
        assert_eq!(told("je prends 500 R12"), "takes R12");
    }
}
