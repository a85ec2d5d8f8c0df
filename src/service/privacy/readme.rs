//! The page of an export: everything of a person, to be read without a program.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rules::Language;
use serde::Serialize;
use serde_json::Value as Json;

use crate::store::privacy::ExportedTable;

const TEMPLATE: &str = include_str!("readme.html");

/// A message, in or out.
#[derive(Serialize)]
struct MessageShown<'a> {
    at: &'a str,
    is_theirs: bool,
    channel: &'a str,
    body: &'a str,
}

/// A table as rows of texts; columns without a value in any row are left out.
#[derive(Serialize)]
struct TableShown<'a> {
    title: &'a str,
    columns: Vec<&'a str>,
    rows: Vec<Vec<String>>,
}

pub(super) fn render(
    tenant_name: &str,
    tables: &[ExportedTable],
    language: Language,
    now: Timestamp,
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("readme.html", TEMPLATE)?;
    let others: Vec<TableShown<'_>> = tables
        .iter()
        .filter(|table| !table.name.starts_with("messages_"))
        .map(|table| shown(table, language))
        .collect();
    environment.get_template("readme.html")?.render(context! {
        fr => language == Language::Fr,
        language => language.as_str(),
        tenant => tenant_name,
        made_at => now.format("%Y-%m-%d %H:%M UTC").to_string(),
        lines => Value::from(Serde(lines(tables))),
        tables => Value::from(Serde(others)),
    })
}

fn lines(tables: &[ExportedTable]) -> Vec<MessageShown<'_>> {
    let mut lines: Vec<MessageShown<'_>> = Vec::new();
    for (name, is_theirs) in [("messages_in", true), ("messages_out", false)] {
        let rows = tables.iter().filter(|table| table.name == name).flat_map(|table| &table.rows);
        lines.extend(rows.map(|row| MessageShown {
            at: text(row, "created_at"),
            is_theirs,
            channel: text(row, "channel_id"),
            body: text(row, "body"),
        }));
    }
    lines.sort_by(|one, other| one.at.cmp(other.at));
    lines
}

fn text<'a>(row: &'a Json, field: &str) -> &'a str {
    row.get(field).and_then(Json::as_str).unwrap_or_default()
}

fn shown(table: &ExportedTable, language: Language) -> TableShown<'_> {
    let mut columns: Vec<&str> = Vec::new();
    for row in &table.rows {
        for (name, value) in row.as_object().into_iter().flatten() {
            if !value.is_null() && !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
    }
    let cell = |value: Option<&Json>| match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let rows = table.rows.iter().map(|row| columns.iter().map(|column| cell(row.get(*column))).collect()).collect();
    TableShown { title: title(table.name, language), columns, rows }
}

/// What a table is called on the page.
fn title(table: &'static str, language: Language) -> &'static str {
    let (fr, en) = match table {
        "contacts" => ("Vous", "You"),
        "contact_addresses" => ("Vos adresses", "Your addresses"),
        "conversations" => ("Conversations", "Conversations"),
        "consents" => ("Vos consentements", "Your consents"),
        "opt_outs" => ("Vos refus", "Your refusals"),
        "notes" => ("Notes prises à votre sujet", "Notes about you"),
        "conversation_labels" => ("Étiquettes", "Labels"),
        "timers" => ("Ce qui est prévu", "What is planned"),
        "bookings" => ("Rendez-vous", "Bookings"),
        "leads" => ("Demandes de rappel", "Requests to be called back"),
        "offers" => ("Courses et offres", "Rides and offers"),
        "subscriptions" => ("Abonnements", "Subscriptions"),
        "payment_events" => {
            ("Paiements (conservés par obligation légale)", "Payments (kept because the law asks for it)")
        }
        "access_grants" => ("Accès aux salons", "Access to chats"),
        "event_log" => ("Journal des événements", "Log of events"),
        "audit_log" => ("Qui a consulté ou modifié vos données", "Who looked at your data, or changed it"),
        "privacy_requests" => ("Demandes d'export et d'effacement", "Requests to export and erase"),
        other => (other, other),
    };
    if language == Language::Fr { fr } else { en }
}
