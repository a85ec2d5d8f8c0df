//! Fields of a webhook that have no name in the core: kept as they came, within bounds.

use std::collections::BTreeMap;

use super::form::Form;
use crate::gateway::lenient::beginning;

/// The most fields that are kept, and the most of each name and value: together less than a page of the database.
const MOST_FIELDS: usize = 32;
const MOST_NAME_BYTES: usize = 64;
const MOST_VALUE_BYTES: usize = 1_024;

/// What is read elsewhere, what every webhook repeats of our own account, and what Twilio guesses from the number.
const KNOWN: [&str; 43] = [
    "AccountSid",
    "Address",
    "ApiVersion",
    "Body",
    "ButtonPayload",
    "ButtonText",
    "ChannelMetadata",
    "ErrorCode",
    "ErrorMessage",
    "ExternalUserId",
    "From",
    "FromCity",
    "FromCountry",
    "FromState",
    "FromZip",
    "InteractiveData",
    "Label",
    "Latitude",
    "ListId",
    "ListTitle",
    "Longitude",
    "MessageSid",
    "MessageStatus",
    "MessageType",
    "MessagingServiceSid",
    "NumMedia",
    "NumSegments",
    "OptOutType",
    "OriginalRepliedMessageSender",
    "OriginalRepliedMessageSid",
    "ProfileName",
    "ReferralNumMedia",
    "SmsMessageSid",
    "SmsSid",
    "SmsStatus",
    "To",
    "ToCity",
    "ToCountry",
    "ToState",
    "ToZip",
    "WaId",
    "bodySHA256",
    "AddOns",
];

/// The fields of a form that nothing else reads, but for empty ones.
pub(super) fn fields(form: &Form) -> BTreeMap<String, String> {
    // Nearly every webhook has none: then nothing is allocated.
    let unnamed = form.pairs().filter(|(name, value)| !value.is_empty() && !is_known(name));
    let kept = |(name, value): (&str, &str)| (beginning(name, MOST_NAME_BYTES), beginning(value, MOST_VALUE_BYTES));
    unnamed.take(MOST_FIELDS).map(kept).collect()
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with("MediaUrl") || name.starts_with("MediaContentType")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_kept_within_bounds() {
        let long = "x".repeat(5_000);
        let form = Form::from_pairs([
            ("Body", "Bonjour"),
            ("MediaUrl0", "https://x"),
            ("ReferralSourceId", "120"),
            ("Forwarded", "true"),
            ("Empty", ""),
            ("ReferralBody", long.as_str()),
        ]);
        let kept = fields(&form.expect("a form"));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["Forwarded", "ReferralBody", "ReferralSourceId"]);
        assert_eq!((kept["Forwarded"].as_str(), kept["ReferralBody"].len()), ("true", MOST_VALUE_BYTES));
        let many: Vec<_> = (0..500).map(|n| (format!("Field{n}"), "x".to_owned())).collect();
        assert_eq!(fields(&Form::from_pairs(many).expect("a form")).len(), MOST_FIELDS);
    }
}
