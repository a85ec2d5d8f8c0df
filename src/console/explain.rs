//! `/console/messages/{id}`: the whole story of one message.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::OutboundId;
use serde::Serialize;

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::timeline::why;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::service::inbox;

/// One line of the story.
#[derive(Serialize)]
struct Step {
    time: String,
    machine: String,
    text: String,
    why: Option<String>,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/messages/{id}", show);
}

/// `GET /console/messages/{id}`
pub async fn show(member: Member, state: web::Data<ConsoleState>, id: web::Path<String>) -> Result<Page, ConsoleError> {
    // Only our own ids lead here: a provider's may be anybody's.
    let id: OutboundId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let history =
        inbox::history(&member.caller, (&state.deps.store, &state.deps.history), id.0, &member.tenant).await?;
    let display = state.display(&member);
    let steps: Vec<Step> = history.events.iter().filter_map(|event| step(&state, &member, &display, event)).collect();
    let body = match &history.inbound {
        Some(row) if row.id == id.to_string() => row.body.clone(),
        _ => {
            history.outbound.iter().find(|row| row.id == id.to_string()).map(|row| row.body.clone()).unwrap_or_default()
        }
    };
    let conversation = history.inbound.as_ref().and_then(|row| row.conversation_id.clone());
    let conversation = conversation.or_else(|| history.outbound.first().map(|row| row.conversation_id.clone()));
    let context =
        context! { id => id.to_string(), body, steps => shown(steps), conversation, flow => history.correlation_id };
    state.page(("explain.html", "conversations"), &member, context)
}

fn step(
    state: &ConsoleState,
    member: &Member,
    display: &Display,
    event: &crate::store::entity::event_log::Model,
) -> Option<Step> {
    let texts = state.pages.texts();
    let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let word = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
    let kind = event.event_type.as_str();
    let key = match kind {
        "webhook_received" => "received",
        "idempotent_ignored" => "ignored",
        kind => kind.strip_prefix("message_").unwrap_or(kind),
    };
    let at = event.created_at.parse().ok()?;
    let text = texts
        .find(member.language, "explain", key)
        .or_else(|| texts.find(member.language, "event", key))
        .map_or_else(|| kind.to_owned(), ToOwned::to_owned);
    let outcome = word("outcome").and_then(|word| texts.find(member.language, "explain", &format!("outcome_{word}")));
    let who = state.text(member, "event", "somebody");
    let text = text.replace("{outcome}", outcome.unwrap_or("…")).replace("{who}", &who);
    let is_bad = matches!(kind, "message_failed" | "message_dead" | "message_postponed" | "message_deferred");
    let reason = word("code").or_else(|| word("reason")).filter(|_| is_bad);
    Some(Step {
        time: display.exact(at),
        machine: Display::machine(at),
        text,
        why: reason.map(|reason| why(texts, display, reason)),
    })
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::rules::Language;
    use palabre_actors::domain::turn::Outcome;

    use crate::console::texts::Texts;

    #[test]
    fn i11_every_outcome_has_words() {
        let texts = Texts::built_in().unwrap();
        for outcome in Outcome::ALL {
            for language in Language::ALL {
                let key = format!("outcome_{}", outcome.as_str());
                assert!(texts.find(*language, "explain", &key).is_some(), "{key} in {language}");
            }
        }
    }
}
