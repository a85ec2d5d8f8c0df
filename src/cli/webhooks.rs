//! `palabre webhooks …`: where events go out to, how that goes, a test, what was not taken again.

use std::sync::Arc;

use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use super::optout::among;
use super::outbox::on;
use super::terminal::{cut, moment, now, past, table};
use super::{ConfigFile, complain, complain_about, exit, has_database, load, names, on_runtime, say};
use crate::app::SystemClock;
use crate::config::{Config, suggest};
use crate::http::api::responses::{WebhookDeliveries, WebhookState};
use crate::service::events_out::{self, EventsOut, PostOutcome};
use crate::service::{Caller, ServiceError};
use crate::store::events_out::{DeliveryFilter, DeliveryState, EndpointId};
use crate::store::operator::Operator;

/// Cells that could be longer than there is room.
const CELL: usize = 28;

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub(super) enum WebhooksCommand {
    /// List the endpoints that get events and how they do, or what goes out to them
    #[command(after_help = "Examples:\n  \
        palabre webhooks list\n  \
        palabre webhooks list --deliveries --state dead --tenant institut-belle\n  \
        palabre webhooks list --deliveries --webhook crm --json\n\n\
        Exit code 0: there are some; 1: there are none. docs/events.md explains states and reasons.")]
    List(ListArgs),
    /// Post a signed test event to an endpoint at once, and say what it answered
    #[command(after_help = "Its type is `webhook_test`. Exit code 0: it was taken; 1: it was not.")]
    Test(TestArgs),
    /// Send events to an endpoint again: one by its id, or everything that is dead
    #[command(after_help = "Examples:\n  \
        palabre webhooks replay crm --since 2d\n  \
        palabre webhooks replay crm --event 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b\n\n\
        Events keep their ids. A running daemon posts them within a second.\n\
        Exit code 0: some go out again; 1: nothing fits.")]
    Replay(ReplayArgs),
    /// Let events go out again to an endpoint that answered 410
    Enable(EnableArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// List events on their way instead, the newest first
    #[arg(long)]
    deliveries: bool,
    /// With --deliveries: to this endpoint alone
    #[arg(long, value_name = "ID", requires = "deliveries")]
    webhook: Option<String>,
    /// With --deliveries: pending, delivered or dead
    #[arg(long, value_name = "STATE", requires = "deliveries")]
    state: Option<DeliveryState>,
    /// With --deliveries: how many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// With --deliveries: only what is older than this event, the next page
    #[arg(long, value_name = "ID", value_parser = names::listed, requires = "deliveries")]
    before: Option<Uuid>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The endpoint's id
    webhook: String,
    /// Its tenant; needed when several tenants have an endpoint of this name
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The endpoint's id
    webhook: String,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// This event alone, dead or delivered
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    event: Option<Uuid>,
    /// Of what is dead, only what was made from this time on: a day, an RFC 3339 time, or `2h` for two hours ago
    #[arg(long, value_name = "TIME", value_parser = past, conflicts_with = "event")]
    since: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(super) struct EnableArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The endpoint's id
    webhook: String,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
}

pub(super) fn run(command: &WebhooksCommand) -> u8 {
    match command {
        WebhooksCommand::List(args) if args.deliveries => {
            on(&args.file, async |operator, _| list_deliveries(&operator, args).await)
        }
        WebhooksCommand::List(args) => on(&args.file, async |operator, _| list(&operator, args).await),
        WebhooksCommand::Test(args) => test(args),
        WebhooksCommand::Replay(args) => {
            on(&args.file, async |operator, config| replay(&operator, args, &config).await)
        }
        WebhooksCommand::Enable(args) => {
            on(&args.file, async |operator, config| enable(&operator, args, &config).await)
        }
    }
}

async fn list(operator: &Operator, args: &ListArgs) -> Result<u8, ServiceError> {
    let rows = events_out::endpoints(&Caller::command_line(), operator, &among(&args.tenant)).await?;
    if args.json {
        let shown: Vec<WebhookState> = rows.iter().map(WebhookState::of).collect();
        say(format_args!("{:#}", serde_json::json!({ "webhooks": shown })));
    } else if !rows.is_empty() {
        let or_dash = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), moment);
        let cells = rows.iter().map(|row| {
            vec![
                row.endpoint.tenant.to_string(),
                row.endpoint.id.clone(),
                row.state.as_str().to_owned(),
                row.waiting.to_string(),
                row.dead.to_string(),
                or_dash(row.oldest),
                or_dash(row.delivered_at),
                if row.events.is_empty() { "all".to_owned() } else { cut(&row.events.join(","), CELL) },
            ]
        });
        let head = ["TENANT", "WEBHOOK", "STATE", "WAITING", "DEAD", "OLDEST WAITS SINCE", "LAST DELIVERED", "EVENTS"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    if rows.is_empty() {
        complain_about(format_args!(
            "no endpoints: a tenant's file names them in [[webhooks]], and `palabre serve` takes them over"
        ));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}

async fn list_deliveries(operator: &Operator, args: &ListArgs) -> Result<u8, ServiceError> {
    let filter = DeliveryFilter { tenants: among(&args.tenant), endpoint: args.webhook.clone(), state: args.state };
    let page = (args.before, usize::from(args.limit));
    let rows = events_out::deliveries(&Caller::command_line(), operator, &filter, page).await?;
    if args.json {
        say(format_args!("{:#}", serde_json::json!(WebhookDeliveries::of(&rows, page.1))));
    } else if !rows.is_empty() {
        let cells = rows.iter().map(|row| {
            vec![
                moment(row.created_at),
                row.endpoint.id.clone(),
                cut(&row.event_type, CELL),
                row.state.as_str().to_owned(),
                row.attempts.to_string(),
                cut(row.last_error.as_deref().unwrap_or("-"), CELL),
                row.event.to_string(),
            ]
        });
        let head = ["MADE", "WEBHOOK", "EVENT", "STATE", "ATTEMPTS", "LAST ERROR", "ID"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    if rows.is_empty() {
        complain_about(format_args!("nothing fits"));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}

/// The endpoint that is meant. `None`: there is none, or more than one; which was said.
fn meant(webhook: &str, tenant: Option<&str>, config: &Config) -> Option<EndpointId> {
    let all = config.tenants.iter().filter(|known| tenant.is_none_or(|tenant| known.id.as_str() == tenant));
    let all: Vec<EndpointId> = all
        .flat_map(|known| known.webhooks.iter().map(|own| EndpointId { tenant: known.id.clone(), id: own.id.clone() }))
        .collect();
    let mut fit = all.iter().filter(|endpoint| endpoint.id == webhook);
    match (fit.next(), fit.next()) {
        (Some(one), None) => return Some(one.clone()),
        (Some(_), Some(_)) => {
            complain_about(format_args!("several tenants have a webhook {webhook}: name one with --tenant"))
        }
        (None, _) => {
            let known: Vec<&str> = all.iter().map(|endpoint| endpoint.id.as_str()).collect();
            complain_about(format_args!("no webhook is called {webhook}: {}", suggest::help(webhook, &known)));
        }
    }
    None
}

fn test(args: &TestArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    let Some(endpoint) = meant(&args.webhook, args.tenant.as_deref(), &config) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    on_runtime(async {
        let operator = match Operator::open(&config.database.url).await {
            Ok(operator) => operator,
            Err(error) => return complain(&error),
        };
        let out = match EventsOut::new(&config, operator, Arc::new(SystemClock)) {
            Ok(out) => out,
            Err(error) => return complain(&error),
        };
        match out.test(&endpoint).await {
            Some(PostOutcome::Taken) => {
                say(format_args!("{} took the test event", endpoint.id));
                exit::OK
            }
            Some(answer) => {
                complain_about(format_args!("{} did not take the test event: {}", endpoint.id, answer.word()));
                exit::FOUND_WRONG
            }
            None => exit::FOUND_WRONG,
        }
    })
}

async fn replay(operator: &Operator, args: &ReplayArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let (now, since) = (now(), args.since.unwrap_or(Timestamp::UNIX_EPOCH));
    let endpoint = (&tenants, args.webhook.as_str());
    let caller = Caller::command_line();
    match events_out::replay(&caller, operator, endpoint, args.event, (since, now)).await {
        Ok(0) => {
            complain_about(format_args!("nothing fits: {} has no such dead event", args.webhook));
            Ok(exit::FOUND_WRONG)
        }
        Ok(events) => {
            say(format_args!("{events} event(s) go out again to {}", args.webhook));
            Ok(exit::OK)
        }
        Err(ServiceError::NotFound(_)) => Ok(unknown(&args.webhook, config)),
        Err(error) => Err(error),
    }
}

async fn enable(operator: &Operator, args: &EnableArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let endpoint = (&tenants, args.webhook.as_str());
    match events_out::enable(&Caller::command_line(), operator, endpoint, now()).await {
        Ok(true) => {
            say(format_args!(
                "events go out again to {}; what is dead waits for `palabre webhooks replay {0}`",
                args.webhook
            ));
            Ok(exit::OK)
        }
        Ok(false) => {
            complain_about(format_args!("{} is not disabled", args.webhook));
            Ok(exit::FOUND_WRONG)
        }
        Err(ServiceError::NotFound(_)) => Ok(unknown(&args.webhook, config)),
        Err(error) => Err(error),
    }
}

fn unknown(webhook: &str, config: &Config) -> u8 {
    let known: Vec<&str> =
        config.tenants.iter().flat_map(|tenant| &tenant.webhooks).map(|own| own.id.as_str()).collect();
    complain_about(format_args!("no webhook is called {webhook}: {}", suggest::help(webhook, &known)));
    exit::FOUND_WRONG
}
