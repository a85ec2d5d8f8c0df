//! What is read of a vCard, the text of a contact card that was shared.

use super::lenient::without_nul;

/// The most numbers of one card that are kept.
pub(super) const MAX_PHONES: usize = 8;

/// Its numbers as they stand on it: lines such as `item1.TEL;waid=33612345678:+33 6 12 34 56 78`.
pub(super) fn phones(vcard: &str) -> impl Iterator<Item = String> {
    vcard.lines().filter_map(|line| {
        let (name, number) = line.trim().split_once(':')?;
        let name = name.split_once('.').map_or(name, |(_, name)| name);
        let is_phone = name.split(';').next().is_some_and(|name| name.eq_ignore_ascii_case("TEL"));
        // The fourth version of vCards writes them as URIs.
        let number = number.trim();
        let number = number.strip_prefix("tel:").unwrap_or(number);
        (is_phone && !number.is_empty()).then(|| without_nul(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_version_are_read() {
        for (vcard, expected) in [
            (
                "BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;type=CELL;waid=33612345678:+33 6 12 34 56 78\r\nEND:VCARD",
                vec!["+33 6 12 34 56 78"],
            ),
            ("item1.TEL;waid=224620000001:+224 620 00 00 01\nitem1.X-ABLabel:Mobile", vec!["+224 620 00 00 01"]),
            ("TEL;VALUE=uri;TYPE=home:tel:+33-1-23-45-67-89\ntel:0612345678", vec!["+33-1-23-45-67-89", "0612345678"]),
            ("TEL;waid=1:\nTELEX:12\nNOTE:TEL\nTEL", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(phones(vcard).collect::<Vec<_>>(), expected, "{vcard}");
        }
    }
}
