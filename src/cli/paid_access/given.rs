//! `palabre access grant` and `move`: who has access, by hand.

use chrono::TimeDelta;
use clap::Args;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;

use super::{OneSubscription, done};
use crate::cli::terminal::now;
use crate::cli::{ConfigFile, complain_about, exit, say};
use crate::service::Caller;
use crate::service::paid_access::{self as access, AccessError, PaidAccess};

#[derive(Debug, Args)]
pub(in crate::cli) struct GrantArgs {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Whose plan
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Which plan
    #[arg(long, value_name = "ID")]
    plan: String,
    /// Who, as the bot's channel addresses them
    #[arg(value_name = "ADDRESS")]
    member: String,
    /// For how long, such as `30d`; for ever unless given
    #[arg(long = "for", value_name = "TIME")]
    lasting: Option<humantime::Duration>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MoveArgs {
    #[command(flatten)]
    pub(super) one: OneSubscription,
    /// To whom, as the bot's channel addresses them
    #[arg(value_name = "ADDRESS")]
    to: String,
}

pub(super) async fn move_to(access: &PaidAccess, args: &MoveArgs) -> Result<u8, AccessError> {
    let row = access::member_of(&Caller::command_line(), access, args.one.id).await?.subscription;
    let Some(to) = member(access, (&row.tenant, &row.plan), &args.to)? else { return Ok(exit::USAGE) };
    access::move_to(&Caller::command_line(), access, args.one.id, &to, now()).await?;
    done("it belongs to that account now")
}

/// A member as they were typed. `None`: they are nobody, which was said.
fn member(access: &PaidAccess, plan: (&TenantId, &str), typed: &str) -> Result<Option<Address>, AccessError> {
    match access.member(plan, typed) {
        Ok(member) => Ok(Some(member)),
        Err(error @ AccessError::BadMember(_)) => {
            complain_about(format_args!("{error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn grant(access: &PaidAccess, args: &GrantArgs) -> Result<u8, AccessError> {
    let tenant = TenantId::new(&args.tenant);
    let Some(member) = member(access, (&tenant, &args.plan), &args.member)? else { return Ok(exit::USAGE) };
    let lasting = args.lasting.and_then(|lasting| TimeDelta::from_std(*lasting).ok());
    let until = lasting.map(|lasting| now() + lasting);
    let id = access::grant(&Caller::command_line(), access, (&tenant, &args.plan), &member, until, now()).await?;
    say(format_args!("{id}"));
    Ok(exit::OK)
}
