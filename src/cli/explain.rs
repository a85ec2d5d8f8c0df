//! `palabre explain ID`: the history of one message, from its webhook to the last callback (I11).

mod document;
mod labels;
mod sentences;
mod timeline;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::rules::Language;

pub(in crate::cli) use self::labels::label;
pub(in crate::cli) use self::sentences::{
    Case, event as told_event, fallback_of, last_error, misspelt, told_wait, wait_todo, what_to_do,
};
#[cfg(feature = "lab")]
pub(in crate::cli) use self::sentences::{why_inbound, why_outbound};
pub(in crate::cli) use self::words::{
    contact_wrote as told_contact_wrote, happened, kind as told_kind, meaning as told_meaning, outbound_state,
    state as told_state, state_alone,
};
use super::terminal::now;
use super::{complain, complain_about, exit, has_database, load_without_secrets, say, who};
use crate::config::Config;
use crate::gateway;
use crate::service::{Caller, ServiceError, outbox};
use crate::store::entity::message_out;
use crate::store::operator::{Operator, Tenants};
use crate::store::{BlockedReason, FlowHistory, HistoryReader, StoreError};

/// How a history is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// English or French.
    pub language: Language,
    /// One JSON document instead of text.
    pub json: bool,
    /// Bodies and whole addresses, which are masked otherwise.
    pub show_content: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { language: Language::En, json: false, show_content: false }
    }
}

/// Prints the history of an id. An unknown one ends with [`exit::FOUND_WRONG`].
pub(super) fn run(config: &Path, id: &str, manner: Manner) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    super::on_runtime(async {
        match look_up(&config, id).await {
            Ok(Some((history, around))) => {
                tell(&history, &around, manner);
                exit::OK
            }
            Ok(None) => {
                complain_about(format_args!("{}", unknown(id, manner.language)));
                exit::FOUND_WRONG
            }
            Err(error) => complain(&error),
        }
    })
}

/// Prints the history of the newest message from or to a person.
pub(super) fn run_for(config: &Path, person: &str, tenants: &[String], manner: Manner) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    let address = match who::person(person, who::home_of(tenants, &config)) {
        Ok(address) => address,
        Err(why) => {
            complain_about(format_args!("--to: {why}"));
            return exit::USAGE;
        }
    };
    if !has_database(&config) {
        return exit::FAILED;
    }
    super::on_runtime(async {
        match newest_with(&config, &who::among(tenants), &address).await {
            Ok(Some((history, around))) => {
                tell(&history, &around, manner);
                exit::OK
            }
            Ok(None) => {
                complain_about(format_args!(
                    "{}",
                    match manner.language {
                        Language::En => "nothing was said by or to this person",
                        Language::Fr => "rien n'a été dit par cette personne, ni à elle",
                    }
                ));
                exit::FOUND_WRONG
            }
            Err(error) => complain(&error),
        }
    })
}

async fn newest_with(
    config: &Config,
    tenants: &Tenants,
    address: &Address,
) -> Result<Option<(FlowHistory, Around)>, ServiceError> {
    let operator = Operator::open(&config.database.url).await?;
    match outbox::latest_with(&Caller::command_line(), &operator, (tenants, address)).await? {
        Some(id) => Ok(look_up(config, &id).await?),
        None => Ok(None),
    }
}

/// The reason of messages that may leave only after the contact has written again.
pub(in crate::cli) const WINDOW_CLOSED: &str = "window_closed";

/// What is known of a history's messages beside their rows.
#[derive(Debug, Default)]
struct Around {
    /// What holds those back that wait, by their ids.
    waits: BTreeMap<String, BlockedReason>,
    /// Which channels take over from theirs, by the channels' ids.
    fallbacks: BTreeMap<String, String>,
    /// When the contacts of those last wrote whose window is closed, by the messages' ids; `None`: never.
    wrote: BTreeMap<String, Option<Timestamp>>,
}

impl Around {
    fn wait(&self, row: &message_out::Model) -> Option<&BlockedReason> {
        self.waits.get(&row.id)
    }

    fn fallback(&self, row: &message_out::Model) -> Option<&str> {
        self.fallbacks.get(&row.channel_id).map(String::as_str)
    }
}

async fn look_up(config: &Config, id: &str) -> Result<Option<(FlowHistory, Around)>, StoreError> {
    let archive = HistoryReader::open(&config.database.url).await?;
    let Some(history) = archive.explain(id.trim()).await? else { return Ok(None) };
    let mut around = Around::default();
    for row in &history.outbound {
        if let Some(fallback) = fallback_of(&row.channel_id, config) {
            around.fallbacks.insert(row.channel_id.clone(), fallback.to_owned());
        }
        if row.reason() == Some(WINDOW_CLOSED) {
            let wrote = archive.contact_wrote(&row.tenant_id, &row.conversation_id).await?;
            around.wrote.insert(row.id.clone(), wrote);
        }
        let Ok(message) = row.id.parse() else { continue };
        if let Some(wait) = archive.blocked_reason(message, now()).await? {
            around.waits.insert(row.id.clone(), wait);
        }
    }
    Ok(Some((history, around)))
}

fn tell(history: &FlowHistory, around: &Around, manner: Manner) {
    if manner.json {
        let document = document::of(history, around, manner);
        say(format_args!("{}", serde_json::to_string_pretty(&document).unwrap_or_default()));
    } else {
        say(format_args!("{}", timeline::text(history, around, manner)));
    }
}

fn unknown(id: &str, language: Language) -> String {
    let (english, french) = if id.trim().starts_with('+') || id.contains(':') || id.contains('@') {
        (
            "that looks like an address: `palabre explain --to` finds the newest message from or to a person",
            "cela ressemble à une adresse : `palabre explain --to` trouve le dernier message d'une personne, ou pour elle",
        )
    } else if uuid::Uuid::parse_str(id.trim()).is_ok() {
        (
            "it has the form of our ids: is it from another database? `--config` tells which one is read",
            "il a la forme de nos identifiants : vient-il d'une autre base ? `--config` dit laquelle est lue",
        )
    } else if let Some(provider) = gateway::provider_of_id(id.trim()) {
        provider.on_unknown_id()
    } else {
        (
            "give a message's id, ours (messages_in.id, messages_out.id) or the provider's (SM…), or a correlation id as \
             in the logs",
            "donner l'identifiant d'un message, le nôtre (messages_in.id, messages_out.id) ou celui du fournisseur (SM…), ou \
             celui d'un fil (correlation.id) comme dans les journaux",
        )
    };
    match language {
        Language::En => format!("no message and no flow has this id\n  {english}"),
        Language::Fr => format!("aucun message ni aucun fil n'a cet identifiant\n  {french}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_is_answered_with_what_to_do() {
        let table = [
            ("SM0123456789abcdef0123456789abcdef", "debugger"),
            ("019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b", "another database"),
            ("+33639980001", "address"),
            ("whatsapp:+33639980001", "address"),
            ("what", "correlation id"),
        ];
        for (id, expected) in table {
            let text = unknown(id, Language::En);
            assert!(text.contains(expected), "{id}: {text}");
            let french = unknown(id, Language::Fr);
            assert!(french.starts_with("aucun message") && french != text, "{french}");
            assert!(!text.contains("33639980001") && !french.contains("33639980001"));
        }
    }
}
