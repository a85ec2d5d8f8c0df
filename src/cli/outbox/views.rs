//! Looking.

use std::collections::BTreeSet;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::{ListArgs, Manner, ShowArgs, unknown};
use crate::cli::explain::{Case, fallback_of, last_error, told_event, told_wait, wait_todo, what_to_do};
use crate::cli::terminal::{age, counted, cut, moment, now, table};
use crate::cli::{complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::documents::{Content, Counts, MessageHistory, Messages};
use crate::store::operator::{Count, Filter, Item, Operator, Page, Shown, Tenants};
use crate::store::{StoreError, Wait};

/// Cells of a row that could be longer than there is room.
const CHANNEL: usize = 16;
const REASON: usize = 22;
/// Next steps for one reason, beyond which they are told without the channels' names.
const MOST_STEPS: usize = 3;

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
fn next_step(item: &Item, waits: Option<&Wait>, config: &Config) -> Option<String> {
    let channel = item.channel.as_str();
    let case = Case::of(channel, fallback_of(channel, config)).message(item.id, item.state);
    if let Some(waits) = waits {
        return wait_todo(waits, &case, Language::En);
    }
    let arrived = matches!(item.state, OutboxState::Sent | OutboxState::Delivered | OutboxState::Read);
    item.reason.as_deref().filter(|_| !arrived).and_then(|reason| what_to_do(reason, &case, Language::En))
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
        say(format_args!("\n{}", meanings(&counts, config).trim_end()));
    }
    Ok(if counts.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

/// Each reason in words, and the next steps.
fn meanings(counts: &[Count], config: &Config) -> String {
    let reasons: BTreeSet<&str> = counts.iter().filter_map(|count| count.reason.as_deref()).collect();
    let mut text = String::new();
    for reason in reasons {
        let means = last_error(reason, Language::En);
        // A code is told with its number before it.
        let means = if means.starts_with(reason) { means } else { format!("{reason}, {means}") };
        text.push_str(&format!("{means}\n"));
        for step in next_steps(reason, counts, config) {
            text.push_str(&format!("    {step}\n"));
        }
    }
    text
}

/// What can be done about all that stand somewhere for a reason: channel by channel, where that makes a difference and
/// there are few.
fn next_steps(reason: &str, counts: &[Count], config: &Config) -> Vec<String> {
    let concerned = counts.iter().filter(|count| count.reason.as_deref() == Some(reason));
    let cases = concerned.map(|count| {
        let channel = count.channel.as_str();
        Case::of(channel, fallback_of(channel, config)).group(reason, count.state)
    });
    let cases: Vec<_> = cases.collect();
    let told = |case: &Case<'_>| what_to_do(reason, case, Language::En);
    let steps: BTreeSet<String> = cases.iter().filter_map(told).collect();
    if steps.len() <= MOST_STEPS {
        return steps.into_iter().collect();
    }
    let steps: BTreeSet<String> = cases.into_iter().filter_map(|case| told(&case.anywhere())).collect();
    steps.into_iter().collect()
}

pub(super) async fn show(desk: &Operator, args: &ShowArgs, config: &Config) -> Result<u8, StoreError> {
    let Some(shown) = desk.show(&Tenants::All, args.id).await? else { return Ok(unknown(args.id)) };
    let waits = desk.waits(args.id, now()).await?;
    if args.manner.json {
        json(&MessageHistory::of(&shown, waits.as_ref(), content(args.manner)));
    } else {
        say(format_args!("{}", told(&shown, waits.as_ref(), args.manner, config)));
    }
    Ok(exit::OK)
}

fn told(shown: &Shown, waits: Option<&Wait>, manner: Manner, config: &Config) -> String {
    let Shown { item, events } = shown;
    let says = if manner.reveal {
        one_line(&item.body)
    } else {
        format!("{} characters (--reveal shows them)", item.body.chars().count())
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
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
        ("what to do", or_dash(next_step(item, waits, config))),
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

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::{ChannelId, TenantId};

    use super::*;
    use crate::config::Environment;

    /// Five WhatsApp channels, of which the first has one that takes over.
    fn config() -> Config {
        let channel = |number: usize, more: &str| {
            format!(
                "[[channels]]\nid = \"wa-{number}\"\nprovider = \"twilio-whatsapp\"\naddress = \"whatsapp:+1415523888{number}\"\n\
                 account_sid = \"AC00000000000000000000000000000001\"\nauth_token = {{ env = \"TOKEN\" }}\n{more}"
            )
        };
        let others: String = (2..=5).map(|number| channel(number, "")).collect();
        let tenant = format!("id = \"belle\"\n{}{others}", channel(1, "fallback_channel = \"wa-2\"\n"));
        let environment = Environment::from_iter([("TOKEN", "secret")]);
        Config::from_toml_texts("", &[("belle.toml", &tenant)], &environment).unwrap().config
    }

    fn count(channel: &str, reason: &str, state: OutboxState) -> Count {
        let at = "2026-11-21T12:00:00Z".parse().unwrap();
        Count {
            tenant: TenantId::new("belle"),
            channel: ChannelId::new(channel),
            state,
            reason: Some(reason.to_owned()),
            messages: 1,
            oldest: at,
            newest: at,
        }
    }

    #[test]
    fn next_steps_name_the_channels_while_these_are_few() {
        let (dead, pending) = (OutboxState::Dead, OutboxState::Pending);
        let config = config();
        let few = [count("wa-1", "breaker_open", pending), count("wa-2", "breaker_open", pending)];
        let told = meanings(&few, &config);
        assert!(told.contains("wa-2 cannot take it") && told.contains("a fallback_channel of wa-2 would"), "{told}");
        let one = [count("wa-1", "20003", dead), count("wa-1", "30003", OutboxState::Failed)];
        let told = meanings(&one, &config);
        assert!(told.contains("auth_token of wa-1") && told.contains("replay --reason 20003`"), "{told}");
        assert!(told.contains("    later: `palabre outbox replay --reason 30003`\n"), "{told}");
        let many: Vec<_> = (1..=5).map(|number| count(&format!("wa-{number}"), "20003", dead)).collect();
        let told = meanings(&many, &config);
        assert!(told.contains("auth_token of CHANNEL") && told.lines().count() == 2, "{told}");
    }
}
