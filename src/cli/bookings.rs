//! `palabre bookings …`, `palabre leads …`: what flows wrote down for the tenants' people.

mod changes;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::BookingState;
use palabre_actors::domain::ids::{LeadId, TenantId};
use palabre_actors::domain::lead::LeadState;
use uuid::Uuid;

use self::changes::{CancelBookingArgs, MoveBookingArgs, Which};
use super::optout::among;
use super::outbox::on;
use super::terminal::{cut, moment, now, one_line, past, table};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{Booking, Lead, Visibility};
use crate::service::bookings::BookingChoice;
use crate::service::{Caller, ServiceError, bookings, leads};
use crate::store::operator::Operator;

/// Cells that could be longer than there is room.
const CELL: usize = 24;
/// Leads that are read at once.
const AT_ONCE: usize = 500;

/// What to do with bookings.
#[derive(Debug, Subcommand)]
pub(super) enum BookingsCommand {
    /// List bookings in order of time, from now on
    #[command(after_help = "Examples:\n  \
        palabre bookings list --tenant institut-belle --days 7 --reveal\n  \
        palabre bookings list --state cancelled --from 2026-11-01 --json\n\n\
        Names and addresses are masked unless --reveal is given.\n\
        Exit code 0: there are some; 1: there are none.")]
    List(BookingsArgs),
    /// Move a booking to another time, or to somebody else
    #[command(after_help = "Examples:\n  \
        palabre bookings move ID --to '2026-12-02 16:00' --tell\n  \
        palabre bookings move ID --to 2026-12-02T15:00:00Z --with Sophie\n\n\
        Works beside a running daemon. Of two who want one time, one gets it.\n\
        Exit code 0: moved; 1: that time is taken, or the booking is not as it was.")]
    Move(MoveBookingArgs),
    /// Call a booking off: its time is free at once
    Cancel(CancelBookingArgs),
    /// Say that a booking took place
    Done(Which),
    /// Say that nobody came to a booking
    NoShow(Which),
}

#[derive(Debug, Args)]
pub(super) struct BookingsArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// In this state: held, confirmed, cancelled, done, no_show
    #[arg(long, value_name = "STATE")]
    state: Option<BookingState>,
    /// From this time on: a day, an RFC 3339 time, or `2h` for two hours ago
    #[arg(long, value_name = "TIME", value_parser = past)]
    from: Option<Timestamp>,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Show names and whole addresses
    #[arg(long)]
    reveal: bool,
}

/// What to do with leads.
#[derive(Debug, Subcommand)]
pub(super) enum LeadsCommand {
    /// List leads, the newest first
    #[command(after_help = "Examples:\n  \
        palabre leads list --tenant martin-plomberie --state new --reveal\n  \
        palabre leads list --csv --reveal > leads.csv\n\n\
        What people said is left out unless --reveal is given.\n\
        Exit code 0: there are some; 1: there are none.")]
    List(LeadsArgs),
    /// Say where a lead stands: new, contacted, won or lost
    Mark(MarkArgs),
}

#[derive(Debug, Args)]
pub(super) struct LeadsArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// In this state: new, contacted, won, lost
    #[arg(long, value_name = "STATE")]
    state: Option<LeadState>,
    /// Print a line for each with commas, as RFC 4180 has it
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Show what they said
    #[arg(long)]
    reveal: bool,
}

#[derive(Debug, Args)]
pub(super) struct MarkArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// The lead
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
    /// new, contacted, won or lost
    state: LeadState,
}

pub(super) fn run(command: &BookingsCommand) -> u8 {
    match command {
        BookingsCommand::List(args) => on(&args.file, async |operator, config| list(&operator, args, &config).await),
        BookingsCommand::Move(args) => changes::move_to(args),
        BookingsCommand::Cancel(args) => changes::cancel(args),
        BookingsCommand::Done(which) => changes::settle(which, BookingChoice::Done),
        BookingsCommand::NoShow(which) => changes::settle(which, BookingChoice::NoShow),
    }
}

pub(super) fn run_leads(command: &LeadsCommand) -> u8 {
    match command {
        LeadsCommand::List(args) => on(&args.file, async |operator, config| list_leads(&operator, args, &config).await),
        LeadsCommand::Mark(args) => on(&args.file, async |operator, _| {
            let tenant = TenantId::new(&args.tenant);
            let lead = (&tenant, LeadId(args.id));
            leads::mark(&Caller::command_line(), &operator, lead, args.state, now()).await?;
            Ok(exit::OK)
        }),
    }
}

const fn visibility(reveal: bool) -> Visibility {
    if reveal { Visibility::Whole } else { Visibility::Masked }
}

fn none(tenants: &[String], config: &Config, what: &str) -> u8 {
    let stranger = names::stranger(&among(tenants), None, config);
    complain_about(format_args!("{}", stranger.unwrap_or_else(|| what.to_owned())));
    exit::FOUND_WRONG
}

async fn list(operator: &Operator, args: &BookingsArgs, config: &Config) -> Result<u8, ServiceError> {
    let from = args.from.unwrap_or_else(now);
    let within = (from, from + TimeDelta::days(i64::from(args.days)));
    let tenants = among(&args.tenant);
    let page = (args.state, usize::from(args.limit));
    let rows = bookings::list(&Caller::command_line(), operator, &tenants, within, page).await?;
    let shown: Vec<Booking> = rows.iter().map(|row| Booking::of(row, visibility(args.reveal))).collect();
    if args.json {
        say(format_args!("{:#}", serde_json::json!({ "bookings": shown })));
    } else {
        let cells = rows.iter().zip(&shown).map(|(row, shown)| {
            let who = shown.contact_name.clone().or_else(|| shown.address.clone()).unwrap_or_default();
            vec![
                moment(row.starts_at),
                cut(&row.service, CELL),
                cut(&row.resource, CELL),
                shown.people.to_string(),
                shown.state.clone(),
                cut(&who, CELL),
                row.tenant.to_string(),
            ]
        });
        let head = ["BEGINS", "SERVICE", "WITH", "PEOPLE", "STATE", "WHO", "TENANT"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    Ok(if rows.is_empty() { none(&args.tenant, config, "no bookings there") } else { exit::OK })
}

async fn list_leads(operator: &Operator, args: &LeadsArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let (mut before, mut rows) = (None, Vec::new());
    loop {
        let page = leads::list(&Caller::command_line(), operator, &tenants, args.state, (before, AT_ONCE)).await?;
        let last = page.last().map(|row| row.id).filter(|_| page.len() == AT_ONCE);
        rows.extend(page);
        match last {
            Some(last) => before = Some(last),
            None => break,
        }
    }
    let shown: Vec<Lead> = rows.iter().map(|row| Lead::of(row, visibility(args.reveal))).collect();
    if args.json {
        say(format_args!("{:#}", serde_json::json!({ "leads": shown })));
    } else if args.csv {
        say(format_args!("{}", leads::as_csv(&rows, args.reveal).trim_end()));
    } else {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let cells = shown.iter().map(|lead| {
            vec![
                lead.created_at.clone(),
                lead.state.clone(),
                if lead.urgent { "urgent".to_owned() } else { String::new() },
                cut(&or_dash(&lead.name), CELL),
                cut(&or_dash(&lead.phone), CELL),
                cut(&one_line(&or_dash(&lead.need)), 2 * CELL),
                lead.id.clone(),
            ]
        });
        let head = ["CAME", "STATE", "", "NAME", "PHONE", "NEED", "ID"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    Ok(if shown.is_empty() { none(&args.tenant, config, "no leads there") } else { exit::OK })
}
