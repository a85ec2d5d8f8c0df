//! Lists and counts of the outbox.

use std::collections::BTreeSet;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::{ListArgs, Manner, waiting};
use crate::cli::explain::{Case, fallback_of, label, misspelt, state_alone, told_meaning, told_state, what_to_do};
use crate::cli::terminal::{age, cut, now, one_line, table};
use crate::cli::{complain_about, exit, names, say, who};
use crate::config::Config;
use crate::http::api::responses::{MessagePage, OutboxCounts};
use crate::service::{Caller, ServiceError, outbox};
use crate::store::operator::{Filter, Item, Operator, OutboxCount, PageRequest, Tenants};

/// Cells of a row that could be longer than there is room.
const CHANNEL: usize = 16;
const REASON: usize = 22;
/// Next steps for one reason, beyond which they are told without the channels' names.
const MOST_STEPS: usize = 3;

pub(super) async fn list(operator: &Operator, args: &ListArgs, config: &Config) -> Result<u8, ServiceError> {
    let filter = args.which.filter();
    if args.by_reason {
        return counts(operator, &filter, args.manner, config).await;
    }
    let language = args.manner.language();
    let limit = usize::from(args.limit);
    let (caller, page) = (Caller::command_line(), PageRequest { before: args.before, limit });
    let items = match &args.to {
        Some(text) => {
            let address = match who::person(text, who::home_of(&args.which.tenant, config)) {
                Ok(address) => address,
                Err(why) => {
                    complain_about(format_args!("--to: {why}"));
                    return Ok(exit::USAGE);
                }
            };
            outbox::list_to(&caller, operator, (&filter.tenants, &address), page).await?
        }
        None => outbox::list(&caller, operator, &filter, page, now()).await?,
    };
    if args.manner.json {
        json(&MessagePage::of(&items, limit, args.manner.content()));
    } else if items.is_empty() {
        let why = match args.to {
            Some(_) => nothing_to_them(&filter, config, language),
            None => nothing_fits(&filter, config, language),
        };
        complain_about(format_args!("{why}"));
    } else {
        say(format_args!("{}", listed(&items, args.manner).trim_end()));
        if language == Language::Fr {
            let rows = items.iter().map(|item| (item.state, item.reason.as_deref()));
            say(format_args!("\n{}", legend(rows).trim_end()));
        }
        if let Some(last) = items.last().filter(|_| items.len() == limit) {
            let more = if language == Language::En { "there may be more:" } else { "il y en a peut-être d'autres :" };
            complain_about(format_args!("{more} --before {}", last.id));
        }
    }
    Ok(if items.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

fn listed(items: &[Item], manner: Manner) -> String {
    let (now, language) = (now(), manner.language());
    let row = |item: &Item| {
        let id = item.id.to_string();
        let (reason, channel) = (cut(told(&item.reason), REASON), cut(item.channel.as_str(), CHANNEL));
        let state = state_alone(item.state, language).to_owned();
        vec![id, age(now - item.created_at, language), channel, state, reason, manner.contact(item)]
    };
    let mut text = String::new();
    if manner.reveal {
        // A text may be of any length: it stands below its row.
        for item in items {
            let lines = table(&["", "", "", "", "", ""], &[row(item)]);
            text.push_str(lines.lines().nth(1).unwrap_or_default());
            text.push_str(&format!("\n    {}\n", said(&item.body, language)));
        }
        return text;
    }
    let head = [
        label("id", language),
        label("age", language),
        label("channel", language),
        label("state", language),
        label("reason", language),
        label("to", language),
    ];
    table(&head, &items.iter().map(row).collect::<Vec<_>>())
}

/// What a French list means by its words: the stored words behind the states, and the reasons, which are what `--reason`
/// takes, in sentences.
fn legend<'a>(rows: impl Iterator<Item = (OutboxState, Option<&'a str>)>) -> String {
    let (states, reasons): (Vec<_>, Vec<_>) = rows.unzip();
    let reasons: BTreeSet<&str> = reasons.into_iter().flatten().collect();
    let means = |reason| told_meaning(reason, &waiting::meaning(reason, Language::Fr), Language::Fr) + "\n";
    states_of(states.into_iter()) + &reasons.into_iter().map(means).collect::<String>()
}

/// `états : abandonné (dead), non livré (failed)`
fn states_of(states: impl Iterator<Item = OutboxState>) -> String {
    let states: BTreeSet<String> = states.map(|state| told_state(state, Language::Fr)).collect();
    format!("états : {}\n", states.into_iter().collect::<Vec<_>>().join(", "))
}

/// A text, where it is to be shown.
pub(super) fn said(text: &str, language: Language) -> String {
    if text.is_empty() { label("(no text)", language).to_owned() } else { one_line(text) }
}

pub(super) async fn counts(
    operator: &Operator,
    filter: &Filter,
    manner: Manner,
    config: &Config,
) -> Result<u8, ServiceError> {
    let counts = outbox::counts(&Caller::command_line(), operator, filter, now()).await?;
    let language = manner.language();
    if manner.json {
        json(&OutboxCounts::of(&counts));
    } else if counts.is_empty() {
        complain_about(format_args!("{}", nothing_fits(filter, config, language)));
    } else {
        say(format_args!("{}", counted(&counts, language).trim_end()));
        let meanings = meanings(&counts, config, language);
        if !meanings.is_empty() {
            say(format_args!("\n{}", meanings.trim_end()));
        }
    }
    Ok(if counts.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

fn told(reason: &Option<String>) -> &str {
    reason.as_deref().unwrap_or("-")
}

fn counted(counts: &[OutboxCount], language: Language) -> String {
    let now = now();
    let row = |count: &OutboxCount| {
        vec![
            count.messages.to_string(),
            state_alone(count.state, language).to_owned(),
            cut(told(&count.reason), REASON),
            cut(count.tenant.as_str(), CHANNEL),
            cut(count.channel.as_str(), CHANNEL),
            format!("{} … {}", age(now - count.oldest, language), age(now - count.newest, language)),
        ]
    };
    let head = [
        label("messages", language),
        label("state", language),
        label("reason", language),
        label("tenant", language),
        label("channel", language),
        label("age", language),
    ];
    table(&head, &counts.iter().map(row).collect::<Vec<_>>())
}

/// Each reason in words, and the next steps.
fn meanings(counts: &[OutboxCount], config: &Config, language: Language) -> String {
    let reasons: BTreeSet<&str> = counts.iter().filter_map(|count| count.reason.as_deref()).collect();
    let mut text = match language {
        Language::En => String::new(),
        Language::Fr => states_of(counts.iter().map(|count| count.state)),
    };
    for reason in reasons {
        let means = waiting::meaning(reason, language);
        text.push_str(&format!("{}\n", told_meaning(reason, &means, language)));
        for step in next_steps(reason, counts, config, language) {
            text.push_str(&format!("    {step}\n"));
        }
    }
    text
}

/// What can be done about all that stand somewhere for a reason: channel by channel, where that makes a difference and
/// there are few.
fn next_steps(reason: &str, counts: &[OutboxCount], config: &Config, language: Language) -> Vec<String> {
    let concerned = counts.iter().filter(|count| count.reason.as_deref() == Some(reason));
    let cases = concerned.map(|count| {
        let channel = count.channel.as_str();
        Case::of(channel, fallback_of(channel, config)).group(reason, count.state)
    });
    let cases: Vec<_> = cases.collect();
    let step = |case: &Case<'_>| what_to_do(reason, case, language);
    let steps: BTreeSet<String> = cases.iter().filter_map(step).collect();
    if steps.len() <= MOST_STEPS {
        return steps.into_iter().collect();
    }
    let steps: BTreeSet<String> = cases.into_iter().filter_map(|case| step(&case.anywhere())).collect();
    steps.into_iter().collect()
}

/// For those who looked for a person.
fn nothing_to_them(filter: &Filter, config: &Config, language: Language) -> String {
    let stranger = names::stranger(&filter.tenants, None, config).map(|doubt| format!("\n  {doubt}"));
    let nothing = match language {
        Language::En => "nothing was ever written to this person",
        Language::Fr => "rien n'a jamais été écrit à cette personne",
    };
    format!("{nothing}{}", stranger.unwrap_or_default())
}

/// For those who found nothing: what a filter looked for, and a name in it that may be misspelt.
pub(super) fn nothing_fits(filter: &Filter, config: &Config, language: Language) -> String {
    let stranger = names::stranger(&filter.tenants, filter.channel.as_ref(), config);
    let misspelt = filter.reason.as_deref().and_then(|reason| misspelt(reason, language));
    let stranger: String = stranger.into_iter().chain(misspelt).map(|doubt| format!("\n  {doubt}")).collect();
    let told = |state: &OutboxState| match (*state == OutboxState::Pending && filter.late_alone(), language) {
        (false, _) => told_state(*state, language),
        (true, Language::En) => "pending for more than a minute".to_owned(),
        (true, Language::Fr) => format!("{} depuis plus d'une minute", told_state(*state, language)),
    };
    let states: Vec<String> = filter.wanted().iter().map(told).collect();
    let states = states.join(", ");
    let narrow =
        filter.tenants != Tenants::All || filter.channel.is_some() || filter.since.is_some() || filter.until.is_some();
    let reason = |before: &str| filter.reason.as_ref().map(|reason| format!("{before}{reason}")).unwrap_or_default();
    match language {
        Language::En => format!(
            "nothing fits: no message is {states}{}{}{stranger}",
            reason(" for the reason "),
            if narrow { ", of that tenant, channel and time" } else { "" },
        ),
        Language::Fr => format!(
            "rien ne convient : aucun message n'est à l'état {states}{}{}{stranger}",
            reason(" pour la raison "),
            if narrow { ", de cette entreprise, de ce canal et de ce moment" } else { "" },
        ),
    }
}

pub(super) fn json(document: &impl serde::Serialize) {
    say(format_args!("{}", serde_json::to_string_pretty(document).unwrap_or_default()));
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
        Config::from_toml_texts("", &[("belle.toml", &tenant)], &environment, &crate::gateway::PROVIDERS)
            .unwrap()
            .config
    }

    fn count(channel: &str, reason: &str, state: OutboxState) -> OutboxCount {
        let at = "2026-11-21T12:00:00Z".parse().unwrap();
        OutboxCount {
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
        let meanings = |counts: &[OutboxCount]| meanings(counts, &config, Language::En);
        let few = [count("wa-1", "breaker_open", pending), count("wa-2", "breaker_open", pending)];
        let said = meanings(&few);
        assert!(said.contains("wa-2 cannot take it") && said.contains("a fallback_channel of wa-2 would"), "{said}");
        let one = [count("wa-1", "20003", dead), count("wa-1", "30003", OutboxState::Failed)];
        let said = meanings(&one);
        assert!(said.contains("auth_token of wa-1") && said.contains("replay --reason 20003`"), "{said}");
        assert!(said.contains("    later: `palabre outbox replay --reason 30003`\n"), "{said}");
        let many: Vec<_> = (1..=5).map(|number| count(&format!("wa-{number}"), "20003", dead)).collect();
        let said = meanings(&many);
        assert!(said.contains("auth_token of CHANNEL") && said.lines().count() == 2, "{said}");
    }

    #[test]
    fn a_count_is_told_in_french_too() {
        let said = counted(&[count("wa-1", "breaker_open", OutboxState::Pending)], Language::Fr);
        assert!(said.starts_with("messages  état        raison") && said.contains("breaker_open"), "{said}");
        assert!(said.contains(" en attente ") && !said.contains("pending"), "{said}");
        let rows =
            [(OutboxState::Dead, Some("63016")), (OutboxState::Deferred, Some("budget")), (OutboxState::Dead, None)];
        let said = legend(rows.into_iter());
        assert!(said.starts_with("états : abandonné (dead), différé (deferred)\n63016, "), "{said}");
        assert!(said.ends_with(" (budget)\n") && said.lines().count() == 3, "{said}");
    }
}
