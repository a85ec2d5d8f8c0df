//! `palabre bookings move | cancel | done | no-show`: what becomes of a booking.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::dates::to_utc;
use palabre_actors::domain::ids::BookingId;
use uuid::Uuid;

use super::super::beside::BesideDaemon;
use super::super::outbox::on;
use super::super::{ConfigFile, complain_about, exit, names, say};
use super::visibility;
use crate::config::Config;
use crate::http::api::responses::{Booking, ChangedBooking};
use crate::service::bookings::{self, BookingChanged, BookingChoice};
use crate::service::handling::ConversationAccess;
use crate::service::messages::NotSent;
use crate::service::{Caller, ServiceError};
use crate::store::operator::Operator;

#[derive(Debug, Args)]
pub(in crate::cli) struct MoveBookingArgs {
    #[command(flatten)]
    which: Which,
    /// When it begins then: `2026-12-02 16:00` by the tenant's clocks, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Who or what does it then; as before, unless given
    #[arg(long, value_name = "RESOURCE")]
    with: Option<String>,
    /// Tell the customer
    #[arg(long)]
    tell: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CancelBookingArgs {
    #[command(flatten)]
    which: Which,
    /// Tell the customer
    #[arg(long)]
    tell: bool,
}

/// Which booking, and how it is shown afterwards.
#[derive(Debug, Args)]
pub(in crate::cli) struct Which {
    #[command(flatten)]
    file: ConfigFile,
    /// The booking: `palabre bookings list --json` has the ids
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
    /// Print one JSON document instead of a sentence
    #[arg(long)]
    json: bool,
    /// Show the name and the whole address
    #[arg(long)]
    reveal: bool,
}

pub(super) fn move_to(args: &MoveBookingArgs) -> u8 {
    on(&args.which.file, async |operator, config| {
        let id = BookingId(args.which.id);
        let row = bookings::one(&Caller::command_line(), &operator, id).await?;
        let zone = config.tenants.iter().find(|tenant| tenant.id == row.tenant).map_or(Tz::UTC, |of| of.timezone);
        let Some(starts_at) = moment(&args.to, zone) else {
            complain_about(format_args!("--to: write `2026-12-02 16:00`, or `2026-12-02T15:00:00Z`"));
            return Ok(exit::USAGE);
        };
        let choice = BookingChoice::Move { starts_at, resource: args.with.clone() };
        change((&operator, &config), &args.which, choice, args.tell).await
    })
}

pub(super) fn cancel(args: &CancelBookingArgs) -> u8 {
    on(&args.which.file, async |operator, config| {
        change((&operator, &config), &args.which, BookingChoice::Cancel, args.tell).await
    })
}

pub(super) fn settle(which: &Which, choice: BookingChoice) -> u8 {
    on(&which.file, async |operator, config| change((&operator, &config), which, choice, false).await)
}

async fn change(
    (operator, config): (&Operator, &Config),
    which: &Which,
    choice: BookingChoice,
    tells: bool,
) -> Result<u8, ServiceError> {
    let beside = BesideDaemon::open(config).await?;
    let access = ConversationAccess { store: operator, outgoing: &beside };
    let caller = Caller::command_line();
    match bookings::change(&caller, access, (BookingId(which.id), None), choice, tells).await {
        Ok(changed) => {
            told(&changed, which, tells);
            Ok(exit::OK)
        }
        Err(ServiceError::NotDone(NotSent::Refused { word, hint, .. })) => {
            complain_about(format_args!("{word}: {hint}"));
            Ok(exit::FOUND_WRONG)
        }
        Err(ServiceError::NotFound(what)) => {
            complain_about(format_args!("no such {what}"));
            Ok(exit::FOUND_WRONG)
        }
        Err(error) => Err(error),
    }
}

fn told(changed: &BookingChanged, which: &Which, tells: bool) {
    let shown = ChangedBooking {
        booking: Booking::of(&changed.row, visibility(which.reveal)),
        message_id: changed.message.map(|id| id.to_string()),
    };
    if which.json {
        return say(format_args!("{:#}", serde_json::json!(shown)));
    }
    let Booking { state, service, resource, starts_at, .. } = &shown.booking;
    let heard = match (tells, &shown.message_id) {
        (false, _) => String::new(),
        (true, Some(id)) => format!("; the customer is told by message {id}"),
        (true, None) => "; the customer is not told: they said STOP, or nothing changed".to_owned(),
    };
    say(format_args!("{state}: {service} with {resource} at {starts_at}{heard}"));
}

/// A time by the tenant's clocks, or any with its offset.
fn moment(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(to_utc(local, zone).first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_tenants_clocks() {
        let paris = chrono_tz::Europe::Paris;
        let at = |text: &str| moment(text, paris).map(|at| at.to_rfc3339());
        assert_eq!(at("2026-12-02 16:00").as_deref(), Some("2026-12-02T15:00:00+00:00"));
        assert_eq!(at("2026-07-02T16:00").as_deref(), Some("2026-07-02T14:00:00+00:00"));
        assert_eq!(at("2026-12-02T16:00:00Z").as_deref(), Some("2026-12-02T16:00:00+00:00"));
        assert_eq!(at("tomorrow"), None);
    }
}
