//! How an address may stand in a text: its number or e-mail in the forms in which people write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use phonenumber::Mode;

/// A shorter text may be anything: a price, a time.
const SHORTEST: usize = 6;

/// What may stand in texts for these addresses, the longest first.
pub(super) fn needles<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = addresses.into_iter().flat_map(forms).collect();
    found.retain(|form| form.chars().count() >= SHORTEST);
    found.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    found.dedup();
    found
}

/// What stands of a number in ids that WhatsApp gives to messages: the number in Base64, without the end that what follows
/// changes.
pub(super) fn id_needles<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let numbers = addresses.into_iter().filter_map(|address| address.split_once(":+").map(|(_, digits)| digits));
    let mut found: Vec<String> = numbers
        .filter(|digits| digits.len() > SHORTEST)
        .map(|digits| STANDARD_NO_PAD.encode(&digits.as_bytes()[..digits.len() / 3 * 3]))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn forms(address: &str) -> Vec<String> {
    let path = address.split_once(':').map_or(address, |(_, path)| path);
    let mut forms = vec![address.to_owned(), path.to_owned(), path.to_lowercase()];
    let Some(digits) = path.strip_prefix('+') else { return forms };
    forms.push(digits.to_owned());
    let Ok(number) = phonenumber::parse(None, path) else { return forms };
    let national = number.format().mode(Mode::National).to_string();
    let international = number.format().mode(Mode::International).to_string();
    for form in [national, international] {
        for between in ["", ".", "-", "\u{a0}"] {
            forms.push(form.replace(' ', between));
        }
        forms.push(form);
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_ids_of_whatsapp() {
        let id = "wamid.HBgLMzM2MTIzNDU2NzgVAgASGBQzQTdCMUFCNEE5RkQ0RjA4RTYA";
        let needles = id_needles(["whatsapp:+33612345678", "sms:+33612345678", "mailto:rose@example.org"]);
        assert_eq!(needles.len(), 1);
        assert!(id.contains(&needles[0]), "{needles:?}");
    }

    #[test]
    fn a_number_is_found_as_people_write_it() {
        let forms = needles(["whatsapp:+33612345678", "mailto:Rose.Petit@example.org", "sms:12345"]);
        for form in [
            "+33612345678",
            "33612345678",
            "0612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "+33 6 12 34 56 78",
            "rose.petit@example.org",
            "Rose.Petit@example.org",
            "sms:12345",
        ] {
            assert!(forms.iter().any(|known| known == form), "{form} in {forms:?}");
        }
        assert!(!forms.iter().any(|form| form == "12345"), "too short to tell");
        let longest = forms.iter().map(String::len).collect::<Vec<_>>();
        assert!(longest.is_sorted_by(|one, other| one >= other));
    }
}
