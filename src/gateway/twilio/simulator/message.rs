//! Webhooks of the simulated Twilio: inbound messages and status callbacks, with every parameter of the real ones.

use uuid::Uuid;

use crate::gateway::twilio::Kind;

/// A message that a contact writes.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// The product it comes in through.
    pub kind: Kind,
    /// The path and query of our webhook, `/webhooks/twilio-whatsapp/belle-wa`.
    pub path: String,
    /// The account that receives it.
    pub account_sid: String,
    /// `SM…`; the same again makes a duplicate.
    pub sid: String,
    /// Who writes, as Twilio writes it.
    pub from: String,
    /// Our sender, as Twilio writes it.
    pub to: String,
    /// What they write.
    pub body: String,
    /// The name they show (WhatsApp).
    pub profile_name: String,
    /// More parameters, or other values for the usual ones.
    pub more: Vec<(String, String)>,
}

impl InboundMessage {
    /// A text on a channel's canonical path, with a fresh id.
    #[must_use]
    pub fn text(kind: Kind, channel_id: &str, account_sid: &str, from: &str, to: &str, body: &str) -> Self {
        Self {
            kind,
            path: format!("/webhooks/{}/{channel_id}", kind.provider()),
            account_sid: account_sid.to_owned(),
            sid: fresh_sid(),
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            profile_name: "Camille".to_owned(),
            more: Vec::new(),
        }
    }

    /// Adds a parameter, or replaces its value.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.more.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The parameters, nineteen for a plain text, in the order in which Twilio sends them.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, String)> {
        let pairs = match self.kind {
            Kind::Whatsapp => self.whatsapp(),
            Kind::Sms => self.sms(),
        };
        let mut pairs: Vec<(String, String)> =
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        for (key, value) in &self.more {
            match pairs.iter_mut().find(|(known, _)| known == key) {
                Some(pair) => pair.1.clone_from(value),
                None => pairs.push((key.clone(), value.clone())),
            }
        }
        if self.kind == Kind::Whatsapp {
            pairs.push(("ChannelMetadata".to_owned(), self.channel_metadata()));
        }
        pairs
    }

    /// The parameters as a body.
    #[must_use]
    pub fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::with_capacity(1_024)).extend_pairs(self.parameters()).finish()
    }

    fn whatsapp(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("SmsMessageSid", &self.sid),
            ("NumMedia", "0"),
            ("ProfileName", &self.profile_name),
            ("MessageType", "text"),
            ("SmsSid", &self.sid),
            ("WaId", self.wa_id()),
            ("SmsStatus", "received"),
            ("Body", &self.body),
            ("To", &self.to),
            ("ToCountry", country(&self.to)),
            ("MessagingServiceSid", "MG00000000000000000000000000000001"),
            ("NumSegments", "1"),
            ("ReferralNumMedia", "0"),
            ("MessageSid", &self.sid),
            ("AccountSid", &self.account_sid),
            ("From", &self.from),
            ("FromCountry", country(&self.from)),
            ("ApiVersion", "2010-04-01"),
        ]
    }

    fn sms(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("ToCountry", country(&self.to)),
            ("ToState", ""),
            ("SmsMessageSid", &self.sid),
            ("NumMedia", "0"),
            ("ToCity", ""),
            ("FromZip", ""),
            ("SmsSid", &self.sid),
            ("FromState", ""),
            ("SmsStatus", "received"),
            ("FromCity", ""),
            ("Body", &self.body),
            ("FromCountry", country(&self.from)),
            ("To", &self.to),
            ("ToZip", ""),
            ("NumSegments", "1"),
            ("MessageSid", &self.sid),
            ("AccountSid", &self.account_sid),
            ("From", &self.from),
            ("ApiVersion", "2010-04-01"),
        ]
    }

    /// The number's digits; empty for a user without a number.
    fn wa_id(&self) -> &str {
        self.from.strip_prefix("whatsapp:+").unwrap_or_default()
    }

    fn channel_metadata(&self) -> String {
        let context = serde_json::json!({ "ProfileName": self.profile_name, "WaId": self.wa_id() });
        serde_json::json!({ "type": "whatsapp", "data": { "context": context } }).to_string()
    }
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for InboundMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InboundMessage({} to {})", self.sid, self.path)
    }
}

/// The parameters of a status callback.
pub(super) fn status_parameters(
    account_sid: &str,
    sid: &str,
    from: &str,
    to: &str,
    status: &str,
    error_code: Option<u32>,
) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("SmsSid", sid.to_owned()),
        ("SmsStatus", status.to_owned()),
        ("MessageStatus", status.to_owned()),
        ("To", to.to_owned()),
        ("MessageSid", sid.to_owned()),
        ("AccountSid", account_sid.to_owned()),
        ("From", from.to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    if to.starts_with("whatsapp:") {
        pairs.push(("ChannelPrefix", "whatsapp".to_owned()));
        pairs.push(("ChannelInstallSid", "XE00000000000000000000000000000001".to_owned()));
    }
    if status == "read" {
        pairs.push(("EventType", "READ".to_owned()));
    }
    if let Some(code) = error_code {
        // The real one leaves the text empty more often than not.
        pairs.push(("ErrorCode", code.to_string()));
        pairs.push(("ErrorMessage", String::new()));
    }
    pairs
}

/// `SM` and 32 hexadecimal digits, never the same twice.
#[must_use]
pub fn fresh_sid() -> String {
    format!("SM{}", Uuid::now_v7().simple())
}

fn country(address: &str) -> &'static str {
    let number = address.rsplit(':').next().unwrap_or_default();
    [("+33", "FR"), ("+1", "US"), ("+44", "GB"), ("+221", "SN")]
        .into_iter()
        .find_map(|(prefix, country)| number.starts_with(prefix).then_some(country))
        .unwrap_or_default()
}
