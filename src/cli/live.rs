//! `palabre live …`: live sessions, and what was ordered in them.

use clap::{Args, Subcommand};
use palabre_actors::domain::ids::LiveSessionId;
use uuid::Uuid;

use super::optout::among;
use super::outbox::on;
use super::terminal::{cut, moment, table};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{LiveSessionItem, LiveSessionOrders, OrderLineItem, Visibility};
use crate::service::{Caller, ServiceError, Tenants, live_sessions};
use crate::store::operator::Operator;

/// Cells that could be longer than there is room.
const CELL: usize = 24;

/// What to do with live sessions.
#[derive(Debug, Subcommand)]
pub(super) enum LiveCommand {
    /// List live sessions, the newest first
    #[command(after_help = "Examples:\n  \
        palabre live list --tenant chez-fatou\n\n\
        Exit code 0: there are some; 1: there are none.")]
    List(LiveListArgs),
    /// List what was ordered in a live session
    #[command(after_help = "Examples:\n  \
        palabre live orders 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b --reveal\n  \
        palabre live orders 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b --csv --reveal > orders.csv\n\n\
        Names and addresses are left out or masked unless --reveal is given.\n\
        Exit code 0: there are some; 1: there are none.")]
    Orders(OrdersArgs),
}

#[derive(Debug, Args)]
pub(super) struct LiveListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct OrdersArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The live session
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
    /// Print a line for each with commas, as RFC 4180 has it
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Show names and whole addresses
    #[arg(long)]
    reveal: bool,
}

pub(super) fn run(command: &LiveCommand) -> u8 {
    match command {
        LiveCommand::List(args) => on(&args.file, async |operator, config| list(&operator, args, &config).await),
        LiveCommand::Orders(args) => on(&args.file, async |operator, _| orders(&operator, args).await),
    }
}

async fn list(operator: &Operator, args: &LiveListArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let page = (None, usize::from(args.limit));
    let rows = live_sessions::list(&Caller::command_line(), operator, &tenants, page).await?;
    if args.json {
        let shown: Vec<LiveSessionItem> = rows.iter().map(LiveSessionItem::of).collect();
        say(format_args!("{:#}", serde_json::json!({ "live_sessions": shown })));
    } else {
        let or_dash = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let cells = rows.iter().map(|row| {
            vec![
                moment(row.opened_at),
                row.closed_at.map_or_else(|| "goes on".to_owned(), moment),
                or_dash(row.clients),
                row.buyers.to_string(),
                row.pieces.to_string(),
                or_dash(row.unanswered),
                row.tenant.to_string(),
                row.id.to_string(),
            ]
        });
        let head = ["OPENED", "CLOSED", "PEOPLE", "BUYERS", "PIECES", "UNANSWERED", "TENANT", "ID"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    if rows.is_empty() {
        let stranger = names::stranger(&tenants, None, config);
        complain_about(format_args!("{}", stranger.unwrap_or_else(|| "no live sessions there".to_owned())));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}

async fn orders(operator: &Operator, args: &OrdersArgs) -> Result<u8, ServiceError> {
    let caller = Caller::command_line();
    let (session, rows) = live_sessions::one(&caller, operator, &Tenants::All, LiveSessionId(args.id)).await?;
    let visibility = if args.reveal { Visibility::Whole } else { Visibility::Masked };
    if args.json {
        let shown = LiveSessionOrders {
            live_session: LiveSessionItem::of(&session),
            orders: rows.iter().map(|row| OrderLineItem::of(row, visibility)).collect(),
        };
        say(format_args!("{:#}", serde_json::json!(shown)));
    } else if args.csv {
        let lines = live_sessions::export(&caller, operator, &session.tenant, session.id).await?;
        say(format_args!("{}", live_sessions::as_csv(&lines, args.reveal).trim_end()));
    } else {
        let cells = rows.iter().map(|row| {
            let shown = OrderLineItem::of(row, visibility);
            vec![
                moment(row.created_at),
                row.reference.clone(),
                row.size.clone().unwrap_or_default(),
                row.quantity.to_string(),
                shown.state,
                cut(&shown.contact_name.or(shown.address).unwrap_or_default(), CELL),
            ]
        });
        let head = ["ORDERED", "REFERENCE", "SIZE", "PIECES", "STATE", "WHO"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    if rows.is_empty() {
        complain_about(format_args!("nothing was ordered in this live session"));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}
