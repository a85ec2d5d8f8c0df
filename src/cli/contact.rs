//! `palabre contact …`: exports and erases persons, makes two contacts one, and parts them again.

mod persons;

use clap::{Args, Subcommand};
use palabre_actors::domain::ids::ContactId;
use uuid::Uuid;

use super::outbox::on;
use super::terminal::now;
use super::{ConfigFile, complain_about, exit, say};
use crate::http::api::responses::{Contact, Visibility};
use crate::service::{Caller, ServiceError, contacts};
use crate::store::conversations::ContactRow;
use crate::store::operator::Operator;

/// What to do with contacts.
#[derive(Debug, Subcommand)]
pub(super) enum ContactCommand {
    /// Write everything that is known of a person into a signed ZIP: JSON for programs, a page for people
    #[command(after_help = "Examples:\n  \
        palabre contact export 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b\n  \
        palabre contact export --tenant institut-belle whatsapp:+33612345678 --to nadia.zip\n\n\
        The file lies in privacy.export_dir until privacy.export_retention is over, unless --to names another place.")]
    Export(persons::ExportArgs),
    /// Erase a person: nothing is left of them but what keeps us from writing to them again
    #[command(after_help = "Examples:\n  \
        palabre contact erase --tenant institut-belle whatsapp:+33612345678 --dry-run\n  \
        palabre contact erase 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b --yes\n\n\
        It cannot be taken back. Messages stay as empty rows, so that counts stay right. Whoever said STOP stays silent: a hash\n\
        of their address is kept. What the law wants kept of payments stays, without a name (privacy.payment_retention).\n\
        Exit code 0: erased; 1: there is no such person, or a subscription of theirs is running.")]
    Erase(persons::EraseArgs),
    /// Tell whether a file is an export of this installation, unchanged
    Verify(persons::VerifyArgs),
    /// Make two contacts one: the first goes on, with the addresses and conversations of the other
    #[command(
        after_help = "Whoever of them said STOP silences both, by every address. `palabre contact unmerge` takes it back.\n\
        `palabre conversations search` finds contacts; GET /api/v1/contacts has their ids as well.\n\
        Exit code 0: they are one; 1: they are not, and the reason is said."
    )]
    Merge(MergeArgs),
    /// Part a contact from the one that they were merged into: their addresses and conversations are theirs again
    #[command(after_help = "If they were silent together, both are silent after it: only their own START ends that.\n\
        What was said while they were one stays in the conversation where it was said.\n\
        Exit code 0: they are two; 1: they are not, and the reason is said.")]
    Unmerge(UnmergeArgs),
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The contact that goes on
    #[arg(value_name = "ID", value_parser = contact)]
    id: ContactId,
    /// The contact that becomes a part of it
    #[arg(long = "with", value_name = "ID", value_parser = contact)]
    other: ContactId,
    #[command(flatten)]
    manner: ContactManner,
}

#[derive(Debug, Args)]
pub(super) struct UnmergeArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The contact that was merged into another
    #[arg(value_name = "ID", value_parser = contact)]
    id: ContactId,
    #[command(flatten)]
    manner: ContactManner,
}

#[derive(Clone, Copy, Debug, Args)]
struct ContactManner {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Show name and whole addresses
    #[arg(long)]
    reveal: bool,
}

fn contact(text: &str) -> Result<ContactId, String> {
    let id: Result<Uuid, _> = text.trim().parse();
    id.map(ContactId).map_err(|_| "it is a contact's id, such as 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b".to_owned())
}

pub(super) fn run(command: &ContactCommand) -> u8 {
    let caller = Caller::command_line();
    match command {
        ContactCommand::Export(args) => persons::export(args),
        ContactCommand::Erase(args) => persons::erase(args),
        ContactCommand::Verify(args) => persons::verify(args),
        ContactCommand::Merge(args) => on(&args.file, async |operator, _| {
            let merged = contacts::merge(&caller, &operator, (args.id, args.other), now()).await;
            told(&operator, merged, args.manner).await
        }),
        ContactCommand::Unmerge(args) => on(&args.file, async |operator, _| {
            let parted = contacts::unmerge(&caller, &operator, args.id, now()).await;
            told(&operator, parted, args.manner).await
        }),
    }
}

async fn told(
    operator: &Operator,
    done: Result<ContactRow, ServiceError>,
    manner: ContactManner,
) -> Result<u8, ServiceError> {
    let row = match done {
        Ok(row) => row,
        Err(ServiceError::NotValid { reason, .. }) => {
            complain_about(format_args!("{reason}"));
            return Ok(exit::FOUND_WRONG);
        }
        Err(ServiceError::NotFound(what)) => {
            complain_about(format_args!(
                "no {what} has this id: is another configuration meant (--config, PALABRE_CONFIG)?"
            ));
            return Ok(exit::FOUND_WRONG);
        }
        Err(error) => return Err(error),
    };
    let merged = contacts::merged_into(&Caller::command_line(), operator, &row).await?;
    let visibility = if manner.reveal { Visibility::Whole } else { Visibility::Masked };
    let shown = Contact::of(&row, visibility).with_merged(&merged);
    if manner.json {
        say(format_args!("{}", serde_json::to_string_pretty(&shown).unwrap_or_default()));
    } else {
        let name = shown.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        say(format_args!("{}  {name}{}", shown.id, shown.addresses.join(", ")));
        for id in &shown.merged_ids {
            say(format_args!("  with {id}"));
        }
    }
    Ok(exit::OK)
}
