//! Subcommands that change something: replay, cancel, pause, resume.

use std::collections::BTreeMap;

use palabre_actors::domain::ids::{ChannelId, OutboundId};
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::Pause;

use super::named::{find, unknown};
use super::views::{counts, json, nothing_fits};
use super::{CancelArgs, Manner, PauseArgs, PausesArgs, ReplayArgs, ResumeArgs, Tongue, unordered};
use crate::cli::terminal::{confirmed, counted, moment, now, table};
use crate::cli::{complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{ChannelPause, Message, Replayed, Visibility};
use crate::service::{Caller, ServiceError, channels, outbox};
use crate::store::operator::{self, Changed, Operator, OperatorReason, Tenants};

/// What changes something speaks English, as its notes do.
const LANGUAGE: Language = Language::En;

pub(super) async fn replay(operator: &Operator, args: &ReplayArgs, config: &Config) -> Result<u8, ServiceError> {
    let reason = args.note.clone().unwrap_or_else(OperatorReason::unsaid);
    let manner =
        operator::ReplayOptions { reason, per_second: args.per_second, unordered: unordered(config), at: now() };
    if !args.ids.is_empty() {
        return one_by_one(operator, args, (manner, config)).await;
    }
    if args.which.is_empty() && !args.all {
        complain_about(format_args!(
            "nothing says which messages: give ids, a filter such as --reason 63016, or --all\n  \
             `palabre outbox list --by-reason` shows what there is"
        ));
        return Ok(exit::USAGE);
    }
    let filter = args.which.filter();
    let caller = Caller::command_line();
    let found = outbox::replayable(&caller, operator, &filter).await?;
    let messages: u64 = found.iter().map(|count| count.messages).sum();
    if messages == 0 {
        let dead = [OutboxState::Dead, OutboxState::Failed];
        let looked_for = if filter.states.is_empty() { dead.to_vec() } else { filter.states.clone() };
        let looked_for = operator::Filter { states: looked_for, ..filter };
        complain_about(format_args!("{}", nothing_fits(&looked_for, config, LANGUAGE)));
        return Ok(exit::FOUND_WRONG);
    }
    if args.dry_run {
        tell_replayed(messages, args);
        return Ok(exit::OK);
    }
    if !args.yes {
        let states = found.iter().map(|count| count.state).collect();
        counts(
            operator,
            &operator::Filter { states, ..filter.clone() },
            Manner { json: false, reveal: false, language: Tongue::En },
            config,
        )
        .await?;
        let seconds = messages.div_ceil(u64::from(args.per_second));
        let all = counted(messages, "message");
        if !confirmed(&format!("replay {all}, due over the next {}?", counted(seconds, "second"))) {
            return Ok(exit::FOUND_WRONG);
        }
    }
    let messages = outbox::replay_all(&caller, operator, &filter, &manner).await?;
    tell_replayed(messages, args);
    Ok(if messages == 0 { exit::FOUND_WRONG } else { exit::OK })
}

fn tell_replayed(messages: u64, args: &ReplayArgs) {
    if args.json {
        json(&Replayed { messages, dry_run: args.dry_run });
    } else if args.dry_run {
        say(format_args!("{} would be replayed; nothing was changed", counted(messages, "message")));
    } else {
        say(format_args!("{} replayed, {} a second", counted(messages, "message"), args.per_second));
    }
}

async fn one_by_one(
    operator: &Operator,
    args: &ReplayArgs,
    (manner, config): (operator::ReplayOptions, &Config),
) -> Result<u8, ServiceError> {
    let (caller, mut code) = (Caller::command_line(), exit::OK);
    for named in &args.ids {
        let id = match find(named, config, LANGUAGE).await? {
            Ok(id) => id,
            Err(wrong) => {
                code = wrong;
                continue;
            }
        };
        if args.dry_run {
            let shown = match outbox::show(&caller, operator, id, manner.at).await {
                Err(ServiceError::NotFound(_)) => {
                    code = unknown(id, LANGUAGE);
                    continue;
                }
                shown => shown?.0,
            };
            let state = shown.item.state;
            let may = state.after(palabre_actors::domain::status::Transition::Replay).is_some();
            say(format_args!("{id}  {state}  {} be replayed", if may { "would" } else { "could not" }));
            code = if may { code } else { exit::FOUND_WRONG };
            continue;
        }
        let changed = outbox::replay(&caller, operator, id, &manner).await?;
        code = tell_changed(id, &changed, ("replayed: it passes every check again", args.json)).max(code);
    }
    Ok(code)
}

pub(super) async fn cancel(operator: &Operator, args: &CancelArgs, config: &Config) -> Result<u8, ServiceError> {
    let reason = args.note.clone().unwrap_or_else(OperatorReason::unsaid);
    let (caller, mut code) = (Caller::command_line(), exit::OK);
    for named in &args.ids {
        let id = match find(named, config, LANGUAGE).await? {
            Ok(id) => id,
            Err(wrong) => {
                code = wrong;
                continue;
            }
        };
        let changed = outbox::cancel(&caller, operator, id, &reason, now()).await?;
        code = tell_changed(id, &changed, ("cancelled: it will not be sent", args.json)).max(code);
    }
    Ok(code)
}

fn tell_changed(id: OutboundId, changed: &Changed, (done, as_json): (&str, bool)) -> u8 {
    match changed {
        Changed::Done(item) if as_json => json(&Message::of(item, Visibility::Masked)),
        Changed::Done(_) => say(format_args!("{id}  {done}")),
        Changed::NoSuchMessage => return unknown(id, LANGUAGE),
        Changed::NotFrom(state) => {
            complain_about(format_args!("{id} is {state}: {}", instead(*state)));
            return exit::FOUND_WRONG;
        }
    }
    exit::OK
}

/// What can be done from a state that does not allow what was asked for.
fn instead(state: OutboxState) -> &'static str {
    match state {
        OutboxState::Pending => "it waits for its next attempt; it can only be cancelled",
        OutboxState::Sending => "a sender is at it; ask again in a moment",
        OutboxState::Unknown => "the provider is being asked about it; wait for the answer, or it may arrive twice",
        OutboxState::Deferred => {
            "it waits for the contact, or for the budget, and goes by itself then; it can only be cancelled"
        }
        OutboxState::Sent | OutboxState::Delivered | OutboxState::Read => "the provider has it",
        OutboxState::Cancelled => "it is called back already; it can only be replayed",
        OutboxState::Suppressed => "it is suppressed; it can only be replayed",
        OutboxState::Dead | OutboxState::Failed => "it can be replayed or cancelled",
    }
}

pub(super) async fn pause(operator: &Operator, args: &PauseArgs, config: &Config) -> Result<u8, ServiceError> {
    let now = now();
    let until = args.lasting.and_then(|lasting| now.checked_add_signed(lasting)).unwrap_or_else(operator::endless);
    let until = until.min(operator::endless());
    let reason = args.note.clone().unwrap_or_else(OperatorReason::unsaid);
    let channel = ChannelId::new(&args.channel);
    match channels::pause(&Caller::command_line(), operator, &channel, &reason, (until, now)).await {
        Err(ServiceError::NotFound(_)) => return Ok(no_channel(&channel, config)),
        paused => drop(paused?),
    }
    let until = match args.lasting {
        Some(_) => format!("until {}", moment(until)),
        None => format!("until `palabre outbox resume {channel}`"),
    };
    say(format_args!("{channel} is paused {until}"));
    Ok(exit::OK)
}

pub(super) async fn resume(operator: &Operator, args: &ResumeArgs, config: &Config) -> Result<u8, ServiceError> {
    let channel = ChannelId::new(&args.channel);
    match channels::resume(&Caller::command_line(), operator, &channel).await {
        Err(ServiceError::NotFound(_)) => return Ok(no_channel(&channel, config)),
        Err(error) => return Err(error),
        Ok(true) => say(format_args!("{channel} sends again")),
        Ok(false) => {
            complain_about(format_args!("{channel} was not paused"));
            return Ok(exit::FOUND_WRONG);
        }
    }
    Ok(exit::OK)
}

pub(super) async fn pauses(operator: &Operator, args: &PausesArgs) -> Result<u8, ServiceError> {
    let pauses = channels::pauses(&Caller::command_line(), operator, now()).await?;
    if args.json {
        let channel_key = |pause: &Pause| (pause.channel_key.channel.to_string(), ChannelPause::of(pause));
        json(&pauses.iter().map(channel_key).collect::<BTreeMap<_, _>>());
        return Ok(if pauses.is_empty() { exit::FOUND_WRONG } else { exit::OK });
    }
    if pauses.is_empty() {
        complain_about(format_args!("no channel is paused"));
        return Ok(exit::FOUND_WRONG);
    }
    let row = |pause: &Pause| {
        let until = if pause.until < operator::endless() { moment(pause.until) } else { "it is resumed".to_owned() };
        vec![pause.channel_key.channel.to_string(), pause.channel_key.tenant.to_string(), until, pause.reason.clone()]
    };
    let rows: Vec<_> = pauses.iter().map(row).collect();
    say(format_args!("{}", table(&["channel", "tenant", "until", "why"], &rows).trim_end()));
    Ok(exit::OK)
}

/// The database does not have it. When the configuration does, no daemon has started with it yet.
fn no_channel(channel: &ChannelId, config: &Config) -> u8 {
    let stranger = names::stranger(&Tenants::All, Some(channel), config);
    let new = || format!("{channel} is new: it is known once the daemon has started with it");
    complain_about(format_args!("{}", stranger.unwrap_or_else(new)));
    exit::FOUND_WRONG
}
