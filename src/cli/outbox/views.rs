//! Looking.

use std::collections::BTreeSet;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::{ListArgs, Manner, ShowArgs, unknown};
use crate::cli::explain::{last_error, told_event, told_wait, wait_todo, what_to_do};
use crate::cli::terminal::{age, counted, cut, moment, now, table};
use crate::cli::{complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::documents::{Content, Counts, MessageHistory, Messages};
use crate::store::operator::{Count, Filter, Item, Operator, Page, Shown, Tenants};
use crate::store::{StoreError, Wait};

/// Cells of a row that could be longer than there is room.
const CHANNEL: usize = 16;
const REASON: usize = 22;

pub(super) async fn list(desk: &Operator, args: &ListArgs, config: &Config) -> Result<u8, StoreError> {
    let filter = args.which.filter();
    if args.by_reason {
        return counts(desk, &filter, args.manner, config).await;
    }
    let limit = usize::from(args.limit);
    let items = desk.list(&filter, Page { before: args.before, limit }).await?;
    if args.manner.json {
        json(&Messages::of(&items, limit, content(args.manner)));
    } else if items.is_empty() {
        complain_about(format_args!("{}", nothing_fits(&filter, config)));
    } else {
        say(format_args!("{}", listed(&items, args.manner).trim_end()));
        if let Some(last) = items.last().filter(|_| items.len() == limit) {
            complain_about(format_args!("there may be more: --before {}", last.id));
        }
    }
    Ok(if items.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

fn listed(items: &[Item], manner: Manner) -> String {
    let (now, content) = (now(), content(manner));
    let row = |item: &Item| {
        vec![
            item.id.to_string(),
            age(now - item.created_at),
            cut(item.channel.as_str(), CHANNEL),
            item.state.to_string(),
            cut(item.reason.as_deref().unwrap_or("-"), REASON),
            content.address(&item.to),
        ]
    };
    let mut text = String::new();
    if manner.reveal {
        // A text may be of any length: it stands below its row.
        for item in items {
            let lines = table(&["", "", "", "", "", ""], &[row(item)]);
            text.push_str(lines.lines().nth(1).unwrap_or_default());
            text.push_str(&format!("\n    {}\n", one_line(&item.body)));
        }
        return text;
    }
    table(&["id", "age", "channel", "state", "reason", "to"], &items.iter().map(row).collect::<Vec<_>>())
}

/// The next step, where there is one: a message that arrived needs none.
fn todo(item: &Item, reason: &str) -> Option<&'static str> {
    let arrived = matches!(item.state, OutboxState::Sent | OutboxState::Delivered | OutboxState::Read);
    what_to_do(reason, Language::En).filter(|_| !arrived)
}

/// On one line, and without what a terminal would obey.
fn one_line(text: &str) -> String {
    if text.is_empty() {
        return "(no text)".to_owned();
    }
    let visible = text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
    format!("“{}”", visible.collect::<String>())
}

pub(super) async fn counts(
    desk: &Operator,
    filter: &Filter,
    manner: Manner,
    config: &Config,
) -> Result<u8, StoreError> {
    let counts = desk.counts(filter).await?;
    if manner.json {
        json(&Counts::of(&counts));
    } else if counts.is_empty() {
        complain_about(format_args!("{}", nothing_fits(filter, config)));
    } else {
        let now = now();
        let rows: Vec<_> = counts
            .iter()
            .map(|count| {
                vec![
                    count.messages.to_string(),
                    count.state.to_string(),
                    cut(count.reason.as_deref().unwrap_or("-"), REASON),
                    cut(count.tenant.as_str(), CHANNEL),
                    cut(count.channel.as_str(), CHANNEL),
                    format!("{} … {}", age(now - count.oldest), age(now - count.newest)),
                ]
            })
            .collect();
        say(format_args!("{}", table(&["messages", "state", "reason", "tenant", "channel", "age"], &rows).trim_end()));
        say(format_args!("\n{}", meanings(&counts).trim_end()));
    }
    Ok(if counts.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

/// Each reason in words, and the next step.
fn meanings(counts: &[Count]) -> String {
    let reasons: BTreeSet<&str> = counts.iter().filter_map(|count| count.reason.as_deref()).collect();
    let mut text = String::new();
    for reason in reasons {
        let means = last_error(reason, Language::En);
        // A code is told with its number before it.
        let means = if means.starts_with(reason) { means } else { format!("{reason}, {means}") };
        text.push_str(&format!("{means}\n"));
        if let Some(todo) = what_to_do(reason, Language::En) {
            text.push_str(&format!("    {todo}\n"));
        }
    }
    text
}

pub(super) async fn show(desk: &Operator, args: &ShowArgs) -> Result<u8, StoreError> {
    let Some(shown) = desk.show(&Tenants::All, args.id).await? else { return Ok(unknown(args.id)) };
    let waits = desk.waits(args.id, now()).await?;
    if args.manner.json {
        json(&MessageHistory::of(&shown, waits.as_ref(), content(args.manner)));
    } else {
        say(format_args!("{}", told(&shown, waits.as_ref(), args.manner)));
    }
    Ok(exit::OK)
}

fn told(shown: &Shown, waits: Option<&Wait>, manner: Manner) -> String {
    let Shown { item, events } = shown;
    let says = if manner.reveal {
        one_line(&item.body)
    } else {
        format!("{} characters (--reveal shows them)", item.body.chars().count())
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let next_step = match waits {
        Some(waits) => wait_todo(waits, Language::En),
        None => item.reason.as_deref().and_then(|reason| todo(item, reason)).map(str::to_owned),
    };
    let fields = [
        ("message", item.id.to_string()),
        ("tenant, channel", format!("{}, {}", item.tenant, item.channel)),
        ("sent via", or_dash(item.sent_via.as_ref().map(ToString::to_string))),
        ("to", content(manner).address(&item.to)),
        ("says", says),
        ("template", or_dash(item.template.as_ref().map(|template| template.name.clone()))),
        ("kind", item.kind.to_string()),
        ("state", item.state.to_string()),
        ("reason", or_dash(item.reason.as_deref().map(|reason| last_error(reason, Language::En)))),
        ("waits", or_dash(waits.map(|waits| told_wait(waits, Language::En)))),
        ("what to do", or_dash(next_step)),
        ("attempts, life", format!("{}, {}", item.attempts, item.life)),
        ("next attempt", moment(item.next_attempt_at)),
        ("expires", or_dash(item.expires_at.map(moment))),
        ("at the provider", or_dash(item.provider_message_id.clone())),
        ("flow", item.correlation.to_string()),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        text.push_str(&format!("{name:<17}{value}\n"));
    }
    text.push('\n');
    for event in events {
        text.push_str(&format!("{}  {:<18} {}\n", event.created_at, event.event_type, told_event(event, Language::En)));
    }
    text.push_str(&format!("\n{}: palabre explain {}", counted(events.len() as u64, "event"), item.id));
    text
}

/// For those who found nothing: what a filter looked for, and a name in it that may be misspelt.
pub(super) fn nothing_fits(filter: &Filter, config: &Config) -> String {
    let stranger = names::stranger(&filter.tenants, filter.channel.as_ref(), config);
    let stranger = stranger.map(|stranger| format!("\n  {stranger}")).unwrap_or_default();
    format!("nothing fits: {}{stranger}", described(filter))
}

fn described(filter: &Filter) -> String {
    let states: Vec<&str> = filter.wanted().iter().map(|state| state.as_str()).collect();
    let mut text = format!("no message is {}", states.join(", "));
    if let Some(reason) = &filter.reason {
        text.push_str(&format!(" for the reason {reason}"));
    }
    if filter.tenants != Tenants::All || filter.channel.is_some() || filter.since.is_some() || filter.until.is_some() {
        text.push_str(", of that tenant, channel and time");
    }
    text
}

pub(super) fn json(document: &impl serde::Serialize) {
    say(format_args!("{}", serde_json::to_string_pretty(document).unwrap_or_default()));
}

fn content(manner: Manner) -> Content {
    if manner.reveal { Content::Whole } else { Content::Masked }
}
