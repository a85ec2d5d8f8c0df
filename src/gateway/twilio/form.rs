//! Parameters of a webhook, decoded once for both signature and decoder.

use std::cmp::Ordering;

/// The most parameters one webhook may have. Twilio sends about twenty, and more with media; Node's own parser stops at
/// the same number.
pub const MAX_PARAMETERS: usize = 1_000;

/// Decoded parameters, without repetitions, in the order in which Twilio signs them: by key, then by value.
///
/// One buffer holds all the text. As the signature covers neither the order nor repetitions, neither can be read from
/// here: what is used is exactly what was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Form {
    text: String,
    pairs: Vec<Pair>,
}

/// Where a key and its value stand in the text: `key` up to `middle`, the value up to `end`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pair {
    start: u32,
    middle: u32,
    end: u32,
}

/// The body is no list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAForm {
    /// Bytes that are not UTF-8 once percent-decoded.
    #[error("not UTF-8")]
    NotUtf8,
    /// More parameters than [`MAX_PARAMETERS`], or 4 GiB of text.
    #[error("too large")]
    TooLarge,
    /// JSON that is not one object.
    #[error("not a JSON object")]
    NotJson,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`NotAForm::NotUtf8`], [`NotAForm::TooLarge`].
    pub fn parse(body: &[u8]) -> Result<Self, NotAForm> {
        let mut raw = Raw::sized(body.len())?;
        for piece in body.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty()) {
            let (key, value) = match piece.iter().position(|&byte| byte == b'=') {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &b""[..]),
            };
            raw.push(|text| decode(key, text), |text| decode(value, text))?;
        }
        raw.finish()
    }

    /// Reads a flat JSON object: texts, numbers and booleans count, anything nested does not.
    ///
    /// # Errors
    /// [`NotAForm::NotJson`], [`NotAForm::TooLarge`].
    pub fn parse_json(body: &[u8]) -> Result<Self, NotAForm> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(body).map_err(|_| NotAForm::NotJson)?;
        let mut pairs = Vec::with_capacity(object.len());
        for (key, value) in object {
            match value {
                serde_json::Value::String(value) => pairs.push((key, value)),
                serde_json::Value::Number(value) => pairs.push((key, value.to_string())),
                serde_json::Value::Bool(value) => pairs.push((key, value.to_string())),
                serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {}
            }
        }
        Self::from_pairs(pairs)
    }

    /// Takes parameters that are decoded already.
    ///
    /// # Errors
    /// [`NotAForm::TooLarge`].
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, NotAForm> {
        let mut raw = Raw::sized(0)?;
        for (key, value) in pairs {
            raw.push(
                |text| text.extend_from_slice(key.as_ref().as_bytes()),
                |text| text.extend_from_slice(value.as_ref().as_bytes()),
            )?;
        }
        raw.finish()
    }

    /// The parameters in the order of the signature.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (self.key(*pair), self.value(*pair)))
    }

    /// What the signature covers, in order: each key with its value right behind it.
    pub(super) fn signed(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|pair| &self.text[pair.start as usize..pair.end as usize])
    }

    /// The value of a parameter; of a repeated one, the least.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn key(&self, pair: Pair) -> &str {
        &self.text[pair.start as usize..pair.middle as usize]
    }

    fn value(&self, pair: Pair) -> &str {
        &self.text[pair.middle as usize..pair.end as usize]
    }
}

/// Keys alone: values are personal data (I10).
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs().map(|(key, _)| key)).finish()
    }
}

/// Decoded bytes that were not checked to be UTF-8 yet.
struct Raw {
    text: Vec<u8>,
    pairs: Vec<Pair>,
}

impl Raw {
    fn sized(bytes: usize) -> Result<Self, NotAForm> {
        // Decoding never makes anything longer, so the offsets of a body below 4 GiB fit.
        u32::try_from(bytes).map_err(|_| NotAForm::TooLarge)?;
        Ok(Self { text: Vec::with_capacity(bytes), pairs: Vec::with_capacity(32) })
    }

    fn push(&mut self, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) -> Result<(), NotAForm> {
        if self.pairs.len() == MAX_PARAMETERS {
            return Err(NotAForm::TooLarge);
        }
        let start = self.offset()?;
        key(&mut self.text);
        let middle = self.offset()?;
        value(&mut self.text);
        self.pairs.push(Pair { start, middle, end: self.offset()? });
        Ok(())
    }

    fn offset(&self) -> Result<u32, NotAForm> {
        u32::try_from(self.text.len()).map_err(|_| NotAForm::TooLarge)
    }

    fn finish(self) -> Result<Form, NotAForm> {
        // One pass over the whole. It does not notice a character that begins in one value and ends in the next.
        let text = String::from_utf8(self.text).map_err(|_| NotAForm::NotUtf8)?;
        let whole = |at: u32| text.is_char_boundary(at as usize);
        if !self.pairs.iter().all(|pair| whole(pair.middle) && whole(pair.end)) {
            return Err(NotAForm::NotUtf8);
        }
        let mut form = Form { text, pairs: self.pairs };
        let text = &form.text;
        let part = |from: u32, to: u32| &text[from as usize..to as usize];
        form.pairs.sort_unstable_by(|a, b| {
            utf16_order(part(a.start, a.middle), part(b.start, b.middle))
                .then_with(|| utf16_order(part(a.middle, a.end), part(b.middle, b.end)))
        });
        form.pairs.dedup_by(|a, b| {
            part(a.start, a.middle) == part(b.start, b.middle) && part(a.middle, a.end) == part(b.middle, b.end)
        });
        Ok(form)
    }
}

/// Percent-decodes a piece, `+` being a space. A `%` without two hexadecimal digits stands for itself.
fn decode(mut piece: &[u8], text: &mut Vec<u8>) {
    while let Some(at) = piece.iter().position(|&byte| byte == b'%' || byte == b'+') {
        text.extend_from_slice(&piece[..at]);
        let rest = &piece[at..];
        let (byte, used) = match rest {
            [b'%', high, low, ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [b'+', ..] => (b' ', 1),
            _ => (b'%', 1),
        };
        text.push(byte);
        piece = &rest[used..];
    }
    text.extend_from_slice(piece);
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The order of JavaScript's `sort`, by UTF-16 units, which is how Twilio's own client sorts keys. It differs from the
/// order of UTF-8 bytes in one case: what lies beyond the first plane (lead byte 0xF0 and up) is written with surrogates
/// there, and those sort before U+E000 (0xEE, 0xEF).
fn utf16_order(a: &str, b: &str) -> Ordering {
    match a.bytes().zip(b.bytes()).find(|(x, y)| x != y) {
        None => a.len().cmp(&b.len()),
        Some((x, y)) if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) => y.cmp(&x),
        Some((x, y)) => x.cmp(&y),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(body: &str) -> Vec<(String, String)> {
        let form = Form::parse(body.as_bytes()).unwrap();
        form.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn decodes() {
        let table: [(&str, &[(&str, &str)]); 9] = [
            ("", &[]),
            ("&&", &[]),
            ("a=b", &[("a", "b")]),
            ("a", &[("a", "")]),
            ("=b", &[("", "b")]),
            ("a=b=c", &[("a", "b=c")]),
            ("b=+%2B%20&a=%C3%A9", &[("a", "é"), ("b", " + ")]),
            ("a=2&a=1&a=2", &[("a", "1"), ("a", "2")]),
            ("a=%zz%4", &[("a", "%zz%4")]),
        ];
        for (body, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(parsed(body), expected, "{body}");
        }
    }

    #[test]
    fn refuses_what_is_not_text() {
        for body in [&b"a=%FF"[..], b"a=\xff", b"a=%C3&b=%A9", b"%C3=%A9", b"a=%E2%82"] {
            assert_eq!(Form::parse(body), Err(NotAForm::NotUtf8), "{body:?}");
        }
    }

    #[test]
    fn refuses_too_many_parameters() {
        let body = |count: usize| vec!["a"; count].join("&");
        assert!(Form::parse(body(MAX_PARAMETERS).as_bytes()).is_ok());
        assert_eq!(Form::parse(body(MAX_PARAMETERS + 1).as_bytes()), Err(NotAForm::TooLarge));
    }

    #[test]
    fn reads_a_flat_json_object() {
        let form = Form::parse_json(br#"{"b":"x","a":1,"c":true,"d":null,"e":[1]}"#).unwrap();
        assert_eq!(form.pairs().collect::<Vec<_>>(), [("a", "1"), ("b", "x"), ("c", "true")]);
        assert_eq!(Form::parse_json(b"[]"), Err(NotAForm::NotJson));
        assert_eq!(Form::parse_json(b""), Err(NotAForm::NotJson));
    }

    #[test]
    fn shows_no_values() {
        let form = Form::parse(b"Body=secret").unwrap();
        assert_eq!(format!("{form:?}"), r#"["Body"]"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Form::parse(&body);
            let _ = Form::parse_json(&body);
        }

        #[test]
        fn reads_what_a_library_wrote(pairs in prop::collection::vec((".{0,12}", ".{0,12}"), 0..12)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(Form::parse(body.as_bytes()).unwrap(), Form::from_pairs(pairs).unwrap());
        }

        #[test]
        fn sorts_like_javascript(a in ".{0,4}", b in ".{0,4}") {
            prop_assert_eq!(utf16_order(&a, &b), a.encode_utf16().cmp(b.encode_utf16()));
        }
    }
}
