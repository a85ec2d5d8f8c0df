//! Cards of people, as they are shared.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most cards that are read of one text, and numbers of one card.
const MOST_CARDS: usize = 32;
const MOST_PHONES: usize = 8;

/// A person whose card was shared.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactCard {
    /// The name on the card.
    pub name: String,
    /// Phone numbers as they stand on it.
    pub phones: Vec<String>,
}

impl ContactCard {
    /// The types of files that are vCards: the registered one, and an older one.
    pub const MEDIA_TYPES: [&str; 2] = ["text/vcard", "text/x-vcard"];

    /// Whether files of a type are vCards.
    #[must_use]
    pub fn is_media_type(content_type: &str) -> bool {
        Self::MEDIA_TYPES.contains(&content_type)
    }

    /// What stands on vCards (RFC 6350, and the versions before it): of each its name and its numbers. One without either is left
    /// out.
    #[must_use]
    pub fn of_vcards(text: &str) -> Vec<Self> {
        const BEGIN: &str = "BEGIN:VCARD";
        let unfolded = text.replace('\0', "\u{FFFD}").replace("\r\n ", "").replace("\n ", "");
        let cards = unfolded.split(BEGIN).skip(usize::from(unfolded.contains(BEGIN))).map(Self::of_vcard);
        cards.filter(|card| !card.name.is_empty() || !card.phones.is_empty()).take(MOST_CARDS).collect()
    }

    /// Of lines such as `item1.TEL;waid=33612345678:+33 6 12 34 56 78`.
    fn of_vcard(text: &str) -> Self {
        let fields = || {
            text.lines().filter_map(|line| {
                let (field, value) = line.trim().split_once(':')?;
                let field = field.split(';').next().unwrap_or_default();
                Some((field.rsplit('.').next().unwrap_or_default(), value.trim()))
            })
        };
        let is = |name: &'static str| move |(field, _): &(&str, &str)| field.eq_ignore_ascii_case(name);
        let name = fields().find(is("FN")).map(|(_, name)| name.replace("\\,", ",").replace("\\;", ";"));
        // The fourth version writes them as URIs.
        let phones = fields().filter(is("TEL")).map(|(_, phone)| phone.strip_prefix("tel:").unwrap_or(phone));
        let phones = phones.filter(|phone| !phone.is_empty()).take(MOST_PHONES).map(str::to_owned);
        Self { name: name.unwrap_or_default(), phones: phones.collect() }
    }
}

impl fmt::Debug for ContactCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactCard").field("phones", &self.phones.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_every_version_are_read() {
        let three = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Diallo;Awa;;;\r\nFN:Awa Dia\r\n llo\r\nTEL;type=CELL;waid=33612345678:+33 6 12 34 56 78\r\nEND:VCARD\r\n";
        let named = "BEGIN:VCARD\nFN:Belle\\, Institut\nitem1.TEL;waid=224620000001:+224 620 00 00 01\nitem1.X-ABLabel:Mobile\nEND:VCARD";
        let four = "FN:Léa\nTEL;VALUE=uri;TYPE=home:tel:+33-1-23-45-67-89\ntel:0612345678";
        for (text, expected) in [
            (three.to_owned(), vec![("Awa Diallo", vec!["+33 6 12 34 56 78"])]),
            (named.to_owned(), vec![("Belle, Institut", vec!["+224 620 00 00 01"])]),
            (four.to_owned(), vec![("Léa", vec!["+33-1-23-45-67-89", "0612345678"])]),
            (
                format!("{three}{named}"),
                vec![("Awa Diallo", vec!["+33 6 12 34 56 78"]), ("Belle, Institut", vec!["+224 620 00 00 01"])],
            ),
            ("TEL;waid=1:\nTELEX:12\nNOTE:TEL\nTEL".to_owned(), vec![]),
            ("FN:a\0b".to_owned(), vec![("a\u{FFFD}b", vec![])]),
            (String::new(), vec![]),
        ] {
            let read = ContactCard::of_vcards(&text);
            let told: Vec<_> = read
                .iter()
                .map(|card| (card.name.as_str(), card.phones.iter().map(String::as_str).collect::<Vec<_>>()))
                .collect();
            assert_eq!(told, expected, "{text}");
        }
        assert_eq!(ContactCard::of_vcards(&"BEGIN:VCARD\nFN:x\n".repeat(100)).len(), MOST_CARDS);
        assert_eq!(ContactCard::of_vcards(&"TEL:1\n".repeat(100))[0].phones.len(), MOST_PHONES);
    }
}
