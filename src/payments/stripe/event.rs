//! Events of Stripe: which object they point at. Nothing else of them is believed.

use serde::Deserialize;
use serde_json::Value;

/// Why a verified body is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("not an event of Stripe's")]
    Malformed(#[from] serde_json::Error),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`: each is taken once.
    pub id: String,
    /// `invoice.paid`, …
    pub kind: String,
    /// The connected account that it is about. `None`: the platform's own.
    pub account: Option<String>,
    /// Whether real money moved.
    pub is_live: bool,
    /// When it happened, in seconds since 1970.
    pub created: Option<i64>,
    /// Where to look.
    pub subject: Subject,
}

/// What an event is about, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    CheckoutSession(String),
    Subscription(String),
    Invoice(String),
    Charge(String),
    /// The connected account itself.
    Account,
    /// Nothing that matters here.
    Other,
}

impl Subject {
    /// A word and an id, as they are stored until the event is applied.
    #[must_use]
    pub fn stored(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::CheckoutSession(id) => ("checkout_session", Some(id)),
            Self::Subscription(id) => ("subscription", Some(id)),
            Self::Invoice(id) => ("invoice", Some(id)),
            Self::Charge(id) => ("charge", Some(id)),
            Self::Account => ("account", None),
            Self::Other => ("other", None),
        }
    }

    /// What [`Subject::stored`] stored.
    #[must_use]
    pub fn from_stored(word: &str, id: Option<&str>) -> Self {
        match (word, id.map(ToOwned::to_owned)) {
            ("checkout_session", Some(id)) => Self::CheckoutSession(id),
            ("subscription", Some(id)) => Self::Subscription(id),
            ("invoice", Some(id)) => Self::Invoice(id),
            ("charge", Some(id)) => Self::Charge(id),
            ("account", _) => Self::Account,
            _ => Self::Other,
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    created: Option<i64>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

impl Event {
    /// Reads a body whose signature was verified.
    ///
    /// # Errors
    /// [`EventError`]
    pub fn read(body: &[u8]) -> Result<Self, EventError> {
        let envelope: Envelope = serde_json::from_slice(body)?;
        let subject = subject(&envelope.kind, &envelope.data.object);
        Ok(Self {
            id: envelope.id,
            kind: envelope.kind,
            account: envelope.account,
            is_live: envelope.livemode,
            created: envelope.created,
            subject,
        })
    }
}

fn subject(kind: &str, object: &Value) -> Subject {
    let field = |name: &str| object.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let found = match kind {
        kind if kind.starts_with("checkout.session.") => field("id").map(Subject::CheckoutSession),
        kind if kind.starts_with("customer.subscription.") => field("id").map(Subject::Subscription),
        kind if kind.starts_with("invoice.") => field("id").map(Subject::Invoice),
        // Both name their charge.
        kind if kind.starts_with("charge.dispute.") || kind.starts_with("refund.") => {
            field("charge").map(Subject::Charge)
        }
        kind if kind.starts_with("charge.refund.") => field("charge").map(Subject::Charge),
        kind if kind.starts_with("charge.") => field("id").map(Subject::Charge),
        "account.updated" | "account.application.deauthorized" => Some(Subject::Account),
        _ => None,
    };
    found.unwrap_or(Subject::Other)
}
