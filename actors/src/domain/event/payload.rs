//! JSON object of an event, with a guard against personal data.

use std::borrow::Cow;

use super::personal::{LONGEST_BYTES, looks_personal};
use crate::domain::ids::ProviderMessageId;

/// The JSON object of an event. Built field by field, and every text is checked for personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Cow<'static, str>);

impl Payload {
    /// `{}`
    pub const EMPTY: Self = Self(Cow::Borrowed("{}"));

    /// Begins an object.
    #[must_use]
    pub fn builder() -> PayloadBuilder {
        PayloadBuilder { json: String::from("{"), refused: None }
    }

    /// `{"reason": …}`, with a word that is known at compile time.
    #[must_use]
    pub fn reason(reason: &'static str) -> Self {
        Self::builder().word("reason", reason).finish()
    }

    /// `{"provider_message_id": …, "reason": "duplicate_detected"}`, for `idempotent_ignored` (I2).
    #[must_use]
    pub fn duplicate(id: &ProviderMessageId) -> Self {
        Self::builder().provider_id("provider_message_id", id).word("reason", "duplicate_detected").finish()
    }

    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// A text that looks like personal data was about to enter the event log. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {field} looks like personal data")]
pub struct PersonalData {
    /// Which field.
    pub field: &'static str,
}

/// A [`Payload`] in the making. Field names are our own words, and each is used once.
#[derive(Clone, Debug)]
pub struct PayloadBuilder {
    json: String,
    refused: Option<PersonalData>,
}

impl PayloadBuilder {
    /// A text from outside. When it looks like personal data, [`PayloadBuilder::build`] refuses the whole.
    #[must_use]
    pub fn text(mut self, field: &'static str, text: &str) -> Self {
        if looks_personal(text) {
            self.refused.get_or_insert(PersonalData { field });
            return self;
        }
        self.put_text(field, text)
    }

    /// A word that is known at compile time, so it holds no personal data.
    #[must_use]
    pub fn word(self, field: &'static str, word: &'static str) -> Self {
        self.put_text(field, word)
    }

    /// A provider's id for a message. Some providers make ids from phone numbers: such an id is replaced by `withheld`,
    /// so that the event itself is not lost.
    #[must_use]
    pub fn provider_id(self, field: &'static str, id: &ProviderMessageId) -> Self {
        self.id(field, id.as_str())
    }

    /// An id that people or programs outside chose. One that may be personal data is replaced by `withheld`.
    #[must_use]
    pub fn id(self, field: &'static str, id: &str) -> Self {
        self.put_text(field, if looks_personal(id) { "withheld" } else { id })
    }

    /// A record's id of the tenant's CRM: letters and digits mixed, or else what [`Self::id`] takes.
    #[must_use]
    pub fn record_id(self, field: &'static str, id: &str) -> Self {
        let is_mixed = id.len() <= LONGEST_BYTES && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let has_letters = id.bytes().filter(u8::is_ascii_alphabetic).nth(1).is_some();
        if is_mixed && has_letters { self.put_text(field, id) } else { self.id(field, id) }
    }

    /// A whole number.
    #[must_use]
    pub fn number(self, field: &'static str, number: impl Into<i64>) -> Self {
        let number = number.into().to_string();
        self.put(field, &number)
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(self, field: &'static str, flag: bool) -> Self {
        self.put(field, if flag { "true" } else { "false" })
    }

    /// The payload.
    ///
    /// # Errors
    /// [`PersonalData`]: the first text that was refused.
    pub fn build(self) -> Result<Payload, PersonalData> {
        match self.refused {
            Some(refused) => Err(refused),
            None => Ok(self.finish()),
        }
    }

    /// The payload, without the fields that were refused: for those who must write the event whatever is in it.
    #[must_use]
    pub fn finish(mut self) -> Payload {
        self.json.push('}');
        Payload(Cow::Owned(self.json))
    }

    fn put_text(self, field: &'static str, text: &str) -> Self {
        let value = serde_json::Value::from(text).to_string();
        self.put(field, &value)
    }

    fn put(mut self, field: &'static str, json: &str) -> Self {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(field);
        self.json.push_str("\":");
        self.json.push_str(json);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_stand_in_their_order() {
        let payload = Payload::builder()
            .word("outcome", "rate_limited")
            .number("limit", 5_u32)
            .flag("confirmed", true)
            .text("code", "say \"63016\"")
            .build()
            .unwrap();
        assert_eq!(
            payload.as_json(),
            r#"{"outcome":"rate_limited","limit":5,"confirmed":true,"code":"say \"63016\""}"#
        );
        assert_eq!(Payload::builder().finish(), Payload::EMPTY);
        assert_eq!(Payload::reason("poisonous").as_json(), r#"{"reason":"poisonous"}"#);
    }

    #[test]
    fn i10_a_payload_with_personal_data_is_refused() {
        let builder = Payload::builder().word("reason", "x").text("to", "+33612345678").text("code", "63016");
        assert_eq!(builder.clone().build(), Err(PersonalData { field: "to" }));
        assert_eq!(builder.finish().as_json(), r#"{"reason":"x","code":"63016"}"#);
        assert!(!PersonalData { field: "to" }.to_string().contains("33"));
    }

    #[test]
    fn a_duplicate_is_reported_without_a_phone_number() {
        let sid = ProviderMessageId::new("SM0123456789abcdef0123456789abcdef");
        assert_eq!(
            Payload::duplicate(&sid).as_json(),
            r#"{"provider_message_id":"SM0123456789abcdef0123456789abcdef","reason":"duplicate_detected"}"#
        );
        let from_phone = ProviderMessageId::new("33612345678@c.us:BAE5");
        assert!(Payload::duplicate(&from_phone).as_json().contains("withheld"));
    }

    proptest! {
        #[test]
        fn a_payload_is_json_whatever_goes_in(text in any::<String>(), number in any::<i64>()) {
            let payload = Payload::builder().text("text", &text).number("number", number).finish();
            let json: serde_json::Value = serde_json::from_str(payload.as_json()).unwrap();
            prop_assert_eq!(&json["number"], number);
        }
    }
}
