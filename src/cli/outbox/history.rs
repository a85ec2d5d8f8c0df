//! One message of the outbox: its state, what it waits for, its history.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::named::{self, unknown};
use super::views::{json, said};
use super::{Manner, ShowArgs};
use crate::cli::explain::{
    Case, WINDOW_CLOSED, fallback_of, happened, label, last_error, told_contact_wrote, told_event, told_kind,
    told_meaning, told_state, told_wait, wait_todo, what_to_do,
};
use crate::cli::terminal::{moment, now};
use crate::cli::{exit, say};
use crate::config::Config;
use crate::http::api::responses::MessageHistory;
use crate::service::{Caller, ServiceError, outbox};
use crate::store::BlockedReason;
use crate::store::operator::{Item, ItemWithEvents, Operator};

pub(super) async fn show(operator: &Operator, args: &ShowArgs, config: &Config) -> Result<u8, ServiceError> {
    let language = args.manner.language();
    let id = match named::find(&args.id, config, language).await? {
        Ok(id) => id,
        Err(code) => return Ok(code),
    };
    let caller = Caller::command_line();
    let (shown, waits) = match outbox::show(&caller, operator, id, now()).await {
        Err(ServiceError::NotFound(_)) => return Ok(unknown(id, language)),
        shown => shown?,
    };
    if args.manner.json {
        json(&MessageHistory::of(&shown, waits.as_ref(), args.manner.content()));
    } else {
        let wrote = match shown.item.reason.as_deref() {
            Some(WINDOW_CLOSED) => Some(outbox::contact_wrote(&caller, operator, &shown.item).await?),
            _ => None,
        };
        say(format_args!("{}", told(&shown, (waits.as_ref(), wrote), args.manner, config)));
    }
    Ok(exit::OK)
}

/// What holds it back, and, where the window is closed, when its contact last wrote.
type Beside<'a> = (Option<&'a BlockedReason>, Option<Option<Timestamp>>);

fn told(shown: &ItemWithEvents, (waits, wrote): Beside<'_>, manner: Manner, config: &Config) -> String {
    let ItemWithEvents { item, events } = shown;
    let language = manner.language();
    let field = |name: &'static str, value: String| format!("{:<17}{value}\n", label(name, language));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let reason = item.reason.as_deref().map(|reason| match language {
        Language::En => last_error(reason, language),
        // What `--reason` takes stands behind it.
        Language::Fr => told_meaning(reason, &last_error(reason, language), language),
    });
    let mut text = [
        field("message", item.id.to_string()),
        field("tenant, channel", format!("{}, {}", item.tenant, item.channel)),
        field("sent via", or_dash(item.sent_via.as_ref().map(ToString::to_string))),
        field("to", manner.contact(item)),
        field("says", says(item, manner)),
        field("template", or_dash(item.template.as_ref().map(|template| template.name.clone()))),
        field("kind", told_kind(item.kind.as_str(), language)),
        field("state", told_state(item.state, language)),
        field("reason", or_dash(reason)),
        field("waits", or_dash(waits.map(|waits| told_wait(waits, language)))),
        wrote.map(|at| field("contact wrote", told_contact_wrote(at, language))).unwrap_or_default(),
        field("what to do", or_dash(next_step(item, waits, config, language))),
        field("attempts, life", format!("{}, {}", item.attempts, item.generation)),
        field("next attempt", moment(item.next_attempt_at)),
        field("expires", or_dash(item.expires_at.map(moment))),
        field("at the provider", or_dash(item.provider_message_id.clone())),
        field("conversation", item.conversation.to_string()),
        field("flow", item.correlation.to_string()),
    ]
    .concat();
    text.push('\n');
    for event in events {
        let happened = happened(&event.event_type, &told_event(event, language), language);
        text.push_str(&format!("{}  {happened}\n", event.created_at));
    }
    text + &ending(events.len(), item, language)
}

fn ending(events: usize, item: &Item, language: Language) -> String {
    let s = if events == 1 { "" } else { "s" };
    match language {
        Language::En => format!("\n{events} event{s}: palabre explain {}", item.id),
        Language::Fr => format!("\n{events} événement{s} : palabre explain {} --language fr", item.id),
    }
}

fn says(item: &Item, manner: Manner) -> String {
    let count = item.body.chars().count();
    match manner.language() {
        language if item.body.is_empty() || manner.reveal => said(&item.body, language),
        Language::En => format!("{count} characters (--reveal shows them)"),
        Language::Fr => format!("{count} caractères (--reveal les montre)"),
    }
}

/// The next step, where there is one: a message that arrived needs none.
fn next_step(item: &Item, waits: Option<&BlockedReason>, config: &Config, language: Language) -> Option<String> {
    let channel = item.channel.as_str();
    let case = Case::of(channel, fallback_of(channel, config)).message(item.id, item.state);
    if let Some(waits) = waits {
        return wait_todo(waits, &case, language);
    }
    let arrived = matches!(item.state, OutboxState::Sent | OutboxState::Delivered | OutboxState::Read);
    item.reason.as_deref().filter(|_| !arrived).and_then(|reason| what_to_do(reason, &case, language))
}
