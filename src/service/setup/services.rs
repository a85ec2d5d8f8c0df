//! What can be booked, as people write it.

use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use toml_edit::Value;

use super::change::{Change, SetupAccess, change};
use super::document::{ROOT, TenantDocument, list_of, list_value, text_of, text_value};
use super::trades::{BOOKING_WORDS, of};
use super::{Caller, TenantFileError, id_of, unused};

/// The flow that books.
const BOOKING: &str = "booking";

/// A service, as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAnswers {
    /// Empty: a new one.
    pub id: String,
    /// Empty: it is taken out.
    pub name: String,
    pub duration: String,
    pub price: String,
    /// People or places, between commas. Empty: the business itself.
    pub resources: String,
}

/// The services of a file.
#[must_use]
pub fn services(document: &TenantDocument) -> Vec<ServiceAnswers> {
    let tables = document.tables("services").into_iter();
    let answers = tables.map(|table| ServiceAnswers {
        id: text_of(table, "id"),
        name: text_of(table, "name"),
        duration: text_of(table, "duration"),
        price: text_of(table, "price"),
        resources: list_of(table, "resources").join(", "),
    });
    answers.collect()
}

/// Writes the services. The first one brings the flow that books it.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names answers by their number (`duration_0`).
pub async fn set_services(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    answers: &[ServiceAnswers],
) -> Result<(), TenantFileError> {
    let numbered = || answers.iter().enumerate().filter(|(_, service)| !service.name.is_empty());
    let durations: Vec<Option<String>> = numbered().map(|(_, service)| duration(&service.duration)).collect();
    let wrong = numbered().zip(&durations).filter(|(_, duration)| duration.is_none());
    let wrong: Vec<String> = wrong.map(|((at, _), _)| format!("duration_{at}")).collect();
    if !wrong.is_empty() {
        return Err(TenantFileError::Fields(wrong));
    }
    let places: Vec<usize> = numbered().map(|(at, _)| at).collect();
    let field_of = |key: &str| {
        let (at, key) = key.strip_prefix("services[")?.split_once(']')?;
        let key = key.trim_start_matches('.').split('[').next().filter(|key| !key.is_empty()).unwrap_or("name");
        let key = if key == "id" { "name" } else { key };
        Some(format!("{key}_{}", places.get(at.parse::<usize>().ok()?)?))
    };
    let about = Change { action: "setting.services", field_of: &field_of };
    let edit = |document: &mut TenantDocument| {
        let itself = document.get(ROOT, "name");
        let mut ids: Vec<String> = answers.iter().map(|service| service.id.clone()).collect();
        let mut rows = Vec::new();
        for ((_, service), duration) in numbered().zip(&durations) {
            let id = if service.id.is_empty() { fresh_id(&service.name, &mut ids) } else { service.id.clone() };
            let resources = if service.resources.is_empty() { vec![itself.clone()] } else { parts(&service.resources) };
            rows.push((
                id,
                vec![
                    ("name", text_value(&service.name)),
                    ("duration", duration.as_deref().map(Value::from)),
                    ("price", text_value(&service.price)),
                    ("resources", list_value(&resources)),
                ],
            ));
        }
        let can_be_booked = !rows.is_empty();
        document.set_tables("services", rows);
        let flows = document.tables("flows");
        // A file of the tenant's own may book as well.
        let books = flows.iter().any(|flow| text_of(*flow, "use") == BOOKING || flow.contains_key("file"));
        if can_be_booked && !books {
            let language: Language = document.get(ROOT, "language").parse().unwrap_or_default();
            let words = of(BOOKING_WORDS, language).split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
            let words = list_value(&words).unwrap_or_else(|| Value::from(BOOKING));
            document.push("flows", vec![("use", BOOKING.into()), ("keywords", words)]);
        }
    };
    change(caller, access, tenant, about, edit).await
}

fn fresh_id(name: &str, ids: &mut Vec<String>) -> String {
    let stem = Some(id_of(name)).filter(|id| !id.is_empty()).unwrap_or_else(|| "service".to_owned());
    let id = unused(stem, ids);
    ids.push(id.clone());
    id
}

/// What stands between commas.
pub(super) fn parts(text: &str) -> Vec<String> {
    text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

/// A duration as the file has it: `45 min` and `1h30` are `45m` and `1h 30m`. `None`: it is none.
fn duration(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let minutes = |text: &str| -> Option<u32> {
        let digits =
            text.strip_suffix("minutes").or_else(|| text.strip_suffix("min")).or_else(|| text.strip_suffix("mn"));
        digits.or_else(|| text.strip_suffix('m')).unwrap_or(text).parse().ok()
    };
    let total = match bare.split_once('h') {
        Some((hours, "")) => hours.parse::<u32>().ok()?.checked_mul(60)?,
        Some((hours, rest)) => hours.parse::<u32>().ok()?.checked_mul(60)?.checked_add(minutes(rest)?)?,
        None => minutes(&bare)?,
    };
    match (total / 60, total % 60) {
        (0, 0) => None,
        (0, minutes) => Some(format!("{minutes}m")),
        (hours, 0) => Some(format!("{hours}h")),
        (hours, minutes) => Some(format!("{hours}h {minutes}m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("45", Some("45m")),
            ("45 min", Some("45m")),
            ("45m", Some("45m")),
            ("1h30", Some("1h 30m")),
            ("1h 30m", Some("1h 30m")),
            ("1 h", Some("1h")),
            ("90 minutes", Some("1h 30m")),
            ("2H", Some("2h")),
            ("", None),
            ("0", None),
            ("une heure", None),
            ("99999999999h", None),
        ] {
            assert_eq!(duration(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn two_services_of_one_name_have_two_ids() {
        let mut ids = vec!["pose".to_owned(), String::new()];
        assert_eq!(fresh_id("Pose", &mut ids), "pose-2");
        assert_eq!(fresh_id("Pose", &mut ids), "pose-3");
        assert_eq!(fresh_id("<>", &mut ids), "service");
    }
}
