//! Who the business is: name, language, clock, its own numbers.

use palabre_actors::domain::ids::TenantId;

use super::change::{Change, SetupAccess, change};
use super::document::{ROOT, TenantDocument, list_value, text_value};
use super::services::parts;
use super::{Caller, TenantFileError};

/// What people say of their business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusinessAnswers {
    pub name: String,
    /// `fr` or `en`
    pub language: String,
    /// IANA.
    pub timezone: String,
    /// Numbers of its own people, between commas.
    pub phones: String,
}

impl BusinessAnswers {
    /// As the file has them.
    #[must_use]
    pub fn of(document: &TenantDocument) -> Self {
        Self {
            name: document.get(ROOT, "name"),
            language: document.get(ROOT, "language"),
            timezone: document.get(ROOT, "timezone"),
            phones: document.list(ROOT, "sellers").join(", "),
        }
    }
}

/// Writes who the business is.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names answers.
pub async fn set_business(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    answers: &BusinessAnswers,
) -> Result<(), TenantFileError> {
    if answers.name.is_empty() {
        return Err(TenantFileError::Fields(vec!["name".to_owned()]));
    }
    let about = Change { action: "setting.business", field_of: &field_of };
    let edit = |document: &mut TenantDocument| {
        document.set(ROOT, "name", text_value(&answers.name));
        document.set(ROOT, "language", text_value(&answers.language));
        document.set(ROOT, "timezone", text_value(&answers.timezone));
        document.set(ROOT, "sellers", list_value(&parts(&answers.phones)));
    };
    change(caller, access, tenant, about, edit).await
}

/// The answer that a key of the file comes from.
pub(super) fn field_of(key: &str) -> Option<String> {
    let key = key.split('[').next().unwrap_or(key);
    let field = match key {
        "id" | "name" => "name",
        "language" => "language",
        "timezone" => "timezone",
        "sellers" => "phones",
        _ => return None,
    };
    Some(field.to_owned())
}
