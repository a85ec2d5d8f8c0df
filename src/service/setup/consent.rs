//! Whether customers agree before anything is sent to them, and what STOP and START answer.

use palabre_actors::domain::ids::TenantId;
use toml_edit::Value;

use super::change::{Change, SetupAccess, change};
use super::document::{TenantDocument, text_value};
use super::{Caller, TenantFileError};

/// Texts of the agreement, as `[replies]` calls them.
const TEXTS: [&str; 3] = ["welcome", "opt_out", "opt_in"];

/// How a business asks its customers whether it may write to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentAnswers {
    /// Whether they confirm before the business writes of its own accord.
    pub is_asked: bool,
    /// The question. Empty: the built-in one.
    pub welcome: String,
    /// After STOP. Empty: the built-in text.
    pub opt_out: String,
    /// After START. Empty: the built-in text.
    pub opt_in: String,
}

impl ConsentAnswers {
    /// As the file has them.
    #[must_use]
    pub fn of(document: &TenantDocument) -> Self {
        let [welcome, opt_out, opt_in] = TEXTS.map(|key| document.get("replies", key));
        Self { is_asked: document.plain("consent", "double_opt_in") == "true", welcome, opt_out, opt_in }
    }
}

/// Writes how customers agree.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names texts of `[replies]`.
pub async fn set_consent(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    answers: &ConsentAnswers,
) -> Result<(), TenantFileError> {
    let field_of = |key: &str| {
        let key = key.strip_prefix("replies.")?;
        TEXTS.contains(&key).then(|| key.to_owned())
    };
    let edit = |document: &mut TenantDocument| {
        let is_written = answers.is_asked || !document.plain("consent", "double_opt_in").is_empty();
        document.set("consent", "double_opt_in", is_written.then(|| Value::from(answers.is_asked)));
        for (key, text) in TEXTS.iter().zip([&answers.welcome, &answers.opt_out, &answers.opt_in]) {
            document.set("replies", key, text_value(text));
        }
    };
    change(caller, access, tenant, Change { action: "setting.consent", field_of: &field_of }, edit).await
}
