//! `palabre contact …`: exports and erases persons, makes two contacts one, parts them again, and makes links between addresses.

mod persons;

use clap::{Args, Subcommand};
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::{ChannelId, ContactId};
use uuid::Uuid;

use super::outbox::on;
use super::terminal::now;
use super::{ConfigFile, complain, complain_about, exit, load, say};
use crate::app::person_links::beside;
use crate::config::Config;
use crate::http::api::responses::{Contact, ContactLink, Visibility};
use crate::service::person_links::LinkTo;
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
    /// Make a signed link by which a contact shows that another address is theirs as well
    #[command(after_help = "Examples:\n  \
        palabre contact link 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b --channel belle-tg\n  \
        palabre contact link 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b --to mailto:nadia@example.org\n\n\
        A bot's link: send it where they write to you already. An e-mail address's link: send it to that address alone.\n\
        It holds for two days. Exit code 0: here it is; 1: there can be none, and the reason is said.")]
    Link(LinkArgs),
}

#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The contact
    #[arg(value_name = "ID", value_parser = contact)]
    id: ContactId,
    /// The bot that the link opens
    #[arg(long, value_name = "ID", required_unless_present = "to", conflicts_with = "to")]
    channel: Option<String>,
    /// The e-mail address that is to be theirs
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
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
        ContactCommand::Link(args) => on(&args.file, async |operator, config| link(operator, args, config).await),
    }
}

async fn link(operator: Operator, args: &LinkArgs, config: Config) -> Result<u8, ServiceError> {
    let to = match (&args.channel, &args.to) {
        (Some(channel), _) => LinkTo::Channel(ChannelId::new(channel)),
        (None, to) => match Address::written(to.as_deref().unwrap_or_default(), Unnamed::Only(Scheme::Mailto), None) {
            Ok(mailbox) => LinkTo::Mailbox(mailbox),
            Err(error) => {
                complain_about(format_args!("--to: {error}"));
                return Ok(exit::USAGE);
            }
        },
    };
    // The key of links is with the files: a bucket wants its own keys.
    let config = if config.media.bucket.is_some() { load(&args.file.config) } else { Some(config) };
    let Some(config) = config else { return Ok(exit::FOUND_WRONG) };
    let links = match beside(operator, &config) {
        Ok(links) => links,
        Err(error) => return Ok(complain(&error)),
    };
    let made = match links.make(&Caller::command_line(), args.id, &to, now()).await {
        Ok(made) => ContactLink::from(made),
        Err(error) => return refused(error),
    };
    if args.json {
        say(format_args!("{}", serde_json::to_string_pretty(&made).unwrap_or_default()));
    } else {
        say(format_args!("{}", made.url));
        complain_about(format_args!("it holds until {}", made.expires_at));
    }
    Ok(exit::OK)
}

/// Says why something cannot be.
fn refused(error: ServiceError) -> Result<u8, ServiceError> {
    match error {
        ServiceError::NotValid { reason, .. } => complain_about(format_args!("{reason}")),
        ServiceError::NotFound(what) => complain_about(format_args!(
            "no {what} has this id: is another configuration meant (--config, PALABRE_CONFIG)?"
        )),
        error => return Err(error),
    }
    Ok(exit::FOUND_WRONG)
}

async fn told(
    operator: &Operator,
    done: Result<ContactRow, ServiceError>,
    manner: ContactManner,
) -> Result<u8, ServiceError> {
    let row = match done {
        Ok(row) => row,
        Err(error) => return refused(error),
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
