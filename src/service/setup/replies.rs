//! What the bot says when no answer fits, and when it hands over to people.

use palabre_actors::domain::ids::TenantId;
use toml_edit::{Item, Value};

use super::change::{Change, SetupAccess, change};
use super::document::{TenantDocument, list_value, text_value};
use super::services::parts;
use super::{Caller, TenantFileError};

/// Texts of the bot that people may change, as `[replies]` calls them.
pub const REPLIES: [&str; 9] =
    ["fallback", "welcome", "person", "person_closed", "help", "opt_out", "opt_in", "voice", "picture"];

/// The bot's texts, in the order of [`REPLIES`]. Empty: the built-in one, or none.
#[must_use]
pub fn replies(document: &TenantDocument) -> Vec<String> {
    REPLIES.iter().map(|key| document.get("replies", key)).collect()
}

/// Writes the bot's texts, in the order of [`REPLIES`].
///
/// # Errors
/// [`TenantFileError`]; `Fields` names keys of [`REPLIES`].
pub async fn set_replies(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    texts: &[String],
) -> Result<(), TenantFileError> {
    let field_of = |key: &str| {
        let key = key.strip_prefix("replies.")?;
        REPLIES.contains(&key).then(|| key.to_owned())
    };
    let edit = |document: &mut TenantDocument| {
        for (key, text) in REPLIES.iter().zip(texts) {
            document.set("replies", key, text_value(text));
        }
    };
    change(caller, access, tenant, Change { action: "setting.replies", field_of: &field_of }, edit).await
}

/// When a person is called, and who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandoverAnswers {
    /// Whether the bot calls a person at all.
    pub calls_people: bool,
    /// Words with which customers ask for a person, between commas.
    pub keywords: String,
    pub on_anger: bool,
    /// Misses in a row after which a person is called. Empty: never.
    pub after_misses: String,
    /// Empty: twelve hours.
    pub hand_back_after: String,
    /// Addresses with their kind, between commas.
    pub notify: String,
    /// Empty: never.
    pub unread_after: String,
}

impl HandoverAnswers {
    /// As the file has them.
    #[must_use]
    pub fn of(document: &TenantDocument) -> Self {
        Self {
            calls_people: document.has("escalation"),
            keywords: document.list("escalation", "keywords").join(", "),
            on_anger: document.plain("escalation", "on_negative_mood") == "true",
            after_misses: document.plain("escalation", "after_misses"),
            hand_back_after: document.get("escalation", "hand_back_after"),
            notify: document.list("notify", "to").join(", "),
            unread_after: document.get("notify", "unread_after"),
        }
    }
}

/// Writes when a person is called, and who is told.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names answers.
pub async fn set_handover(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    answers: &HandoverAnswers,
) -> Result<(), TenantFileError> {
    let misses = match answers.after_misses.as_str() {
        "" => None,
        text => Some(text.parse::<i64>().map_err(|_| TenantFileError::Fields(vec!["after_misses".to_owned()]))?),
    };
    let field_of = |key: &str| {
        let key = key.split('[').next().unwrap_or(key);
        let field = match key {
            "notify.to" => "notify",
            "notify.unread_after" => "unread_after",
            "escalation.keywords" => "keywords",
            "escalation.after_misses" => "after_misses",
            "escalation.hand_back_after" => "hand_back_after",
            _ => return None,
        };
        Some(field.to_owned())
    };
    let edit = |document: &mut TenantDocument| {
        document.set("notify", "to", list_value(&parts(&answers.notify)));
        document.set("notify", "unread_after", text_value(&answers.unread_after));
        if !answers.calls_people {
            document.remove("escalation");
            return;
        }
        document.ensure("escalation");
        document.set("escalation", "keywords", list_value(&parts(&answers.keywords)));
        let anger = answers.on_anger || document.plain("escalation", "on_negative_mood") == "true";
        document.set("escalation", "on_negative_mood", anger.then(|| Value::from(answers.on_anger)));
        document.set("escalation", "after_misses", misses.map(Value::from));
        document.set("escalation", "hand_back_after", text_value(&answers.hand_back_after));
    };
    change(caller, access, tenant, Change { action: "setting.handover", field_of: &field_of }, edit).await
}

impl TenantDocument {
    /// Takes a table out.
    fn remove(&mut self, table: &str) {
        self.inner_mut().remove(table);
    }

    /// Makes a table, unless it is there.
    fn ensure(&mut self, table: &str) {
        let root = self.inner_mut();
        if !root.contains_key(table) {
            root.insert(table, Item::Table(super::document::spaced()));
        }
    }
}
