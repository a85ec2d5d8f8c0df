//! `palabre outbox …`: lists, shows, replays and cancels messages; pauses channels.

mod changes;
mod history;
mod named;
mod views;
mod waiting;

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use self::named::{Named, named};
use super::terminal::past;
use super::{ConfigFile, Tongue, complain, exit, has_database, load_without_secrets, mask, on_runtime};
use crate::config::Config;
use crate::http::api::responses::Visibility;
use crate::service::ServiceError;
use crate::store::operator::{Filter, Item, Operator, OperatorReason, Tenants};

/// What to do with the outbox.
#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// List messages that need a look, newest first: dead, failed, unknown and deferred ones, and what has waited for more than a
    /// minute
    #[command(after_help = "Examples:\n  \
        palabre outbox list --by-reason              what is wrong, and how often\n  \
        palabre outbox list --state pending --by-reason    what waits, and for what\n  \
        palabre outbox list --reason 63016 --since 2h\n  \
        palabre outbox list --to +224620000000\n  \
        palabre outbox list --tenant institut-belle --state dead,failed --json\n\n\
        Addresses are masked and texts left out unless --reveal is given.\n\
        Exit code 0: something fits; 1: nothing does.")]
    List(ListArgs),
    /// Show one message and what happened to it
    #[command(after_help = "`palabre explain ID` tells the whole history in sentences.")]
    Show(ShowArgs),
    /// Send dead letters on their way again: they keep their ids and pass every check again
    #[command(after_help = "Examples:\n  \
        palabre outbox replay 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b\n  \
        palabre outbox replay --reason 20003 --since 1d --dry-run       how many would that be?\n  \
        palabre outbox replay --reason 20003 --since 1d --per-second 5 --note 'token renewed'\n  \
        palabre outbox replay --all --yes\n\n\
        Without --state, dead and failed ones are meant. A cancelled or suppressed message is replayed when\n\
        its id or --state names it; one whose contact said STOP is suppressed again.\n\
        Exit code 0: replayed; 1: nothing fits, or not from its state.")]
    Replay(ReplayArgs),
    /// Call messages back: pending, deferred, dead or failed ones will not be sent
    #[command(after_help = "A message that a sender has begun cannot be called back. \
        A cancelled message can be replayed.")]
    Cancel(CancelArgs),
    /// Let a channel send nothing for a while: its messages wait, or go by its fallback channel
    #[command(after_help = "Examples:\n  \
        palabre outbox pause belle-wa --for 2h --note 'quality rating'\n  \
        palabre outbox pause belle-wa                until `palabre outbox resume belle-wa`\n\n\
        A running daemon notices at its next sweep (runtime.sweep_every, 2 s). Webhooks are taken meanwhile.\n\
        `palabre outbox pauses` lists what is paused.")]
    Pause(PauseArgs),
    /// End a channel's pause
    Resume(ResumeArgs),
    /// List the channels that are paused: by an operator, or because their provider suspended them
    #[command(after_help = "Exit code 0: some are; 1: none is.")]
    Pauses(PausesArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Only what is older than this message: the next page
    #[arg(long, value_name = "ID", value_parser = super::names::listed)]
    before: Option<uuid::Uuid>,
    /// To this person, by any of their addresses and in whatever state: `+224620000000`, `telegram:123`; the audit log says that
    /// somebody was looked for
    #[arg(long, value_name = "ADDRESS",
        conflicts_with_all = ["channel", "state", "reason", "kind", "since", "until", "by_reason"])]
    to: Option<String>,
    /// Count them by tenant, channel, state and reason instead
    #[arg(long)]
    by_reason: bool,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The message's id, ours or the provider's (`SM…`)
    #[arg(value_name = "ID", value_parser = named)]
    id: Named,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Messages, by their ids, ours or the provider's
    #[arg(value_name = "ID", value_parser = named, conflicts_with_all = ["tenant", "channel", "state", "reason", "kind", "since", "until", "all"])]
    ids: Vec<Named>,
    #[command(flatten)]
    which: Which,
    /// Every dead letter is meant
    #[arg(long)]
    all: bool,
    /// How many become due in a second
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: u32,
    /// Only say how many there are
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Why, for the history: a few words or a ticket's number, nothing that identifies anyone
    #[arg(long, value_name = "WHY")]
    note: Option<OperatorReason>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Messages, by their ids, ours or the provider's
    #[arg(value_name = "ID", value_parser = named, required = true)]
    ids: Vec<Named>,
    /// Why, for the history: a few words or a ticket's number, nothing that identifies anyone
    #[arg(long, value_name = "WHY")]
    note: Option<OperatorReason>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The channel's id
    channel: String,
    /// For how long (`2h`, `1d`); until it is resumed unless given
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    lasting: Option<TimeDelta>,
    /// Why: a few words or a ticket's number
    #[arg(long, value_name = "WHY")]
    note: Option<OperatorReason>,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The channel's id
    channel: String,
}

#[derive(Debug, Args)]
pub(super) struct PausesArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Which messages are meant.
#[derive(Clone, Debug, Args)]
struct Which {
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Through this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// In these states
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    state: Vec<OutboxState>,
    /// For this reason: a word (`window_closed`) or a provider's code (`63016`)
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Written for this
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: Option<OutboundKind>,
    /// Written since then: how long ago (`2h`), a day, or a moment
    #[arg(long, value_name = "WHEN", value_parser = past)]
    since: Option<Timestamp>,
    /// Written before then
    #[arg(long, value_name = "WHEN", value_parser = past)]
    until: Option<Timestamp>,
}

impl Which {
    fn filter(&self) -> Filter {
        let tenants = self.tenant.iter().map(|tenant| TenantId::new(tenant)).collect::<Vec<_>>();
        Filter {
            tenants: if tenants.is_empty() { Tenants::All } else { Tenants::Of(tenants) },
            channel: self.channel.as_deref().map(ChannelId::new),
            states: self.state.clone(),
            reason: self.reason.clone(),
            kind: self.kind,
            since: self.since,
            until: self.until,
        }
    }

    fn is_empty(&self) -> bool {
        let Self { tenant, channel, state, reason, kind, since, until } = self;
        tenant.is_empty()
            && state.is_empty()
            && channel.is_none()
            && reason.is_none()
            && kind.is_none()
            && since.is_none()
            && until.is_none()
    }
}

/// How something is shown.
#[derive(Clone, Copy, Debug, Args)]
struct Manner {
    /// Print JSON instead of text, in the shapes of the API
    #[arg(long)]
    json: bool,
    /// Show whole addresses and texts
    #[arg(long)]
    reveal: bool,
    /// In which language it is told
    #[arg(long, value_enum, default_value_t = Tongue::En)]
    language: Tongue,
}

impl Manner {
    fn language(self) -> Language {
        self.language.into()
    }

    fn content(self) -> Visibility {
        if self.reveal { Visibility::Whole } else { Visibility::Masked }
    }

    /// Who gets a message: whole, or a mask that tells people apart.
    fn contact(self, item: &Item) -> String {
        match self.content() {
            Visibility::Whole => item.to.as_str().to_owned(),
            Visibility::Masked => mask::contact(&item.to, &item.conversation.to_string()),
        }
    }
}

pub(super) fn run(command: &OutboxCommand) -> u8 {
    match command {
        OutboxCommand::List(args) => {
            on(&args.file, async |operator, config| views::list(&operator, args, &config).await)
        }
        OutboxCommand::Show(args) => {
            on(&args.file, async |operator, config| history::show(&operator, args, &config).await)
        }
        OutboxCommand::Replay(args) => {
            on(&args.file, async |operator, config| changes::replay(&operator, args, &config).await)
        }
        OutboxCommand::Cancel(args) => {
            on(&args.file, async |operator, config| changes::cancel(&operator, args, &config).await)
        }
        OutboxCommand::Pause(args) => {
            on(&args.file, async |operator, config| changes::pause(&operator, args, &config).await)
        }
        OutboxCommand::Resume(args) => {
            on(&args.file, async |operator, config| changes::resume(&operator, args, &config).await)
        }
        OutboxCommand::Pauses(args) => on(&args.file, async |operator, _| changes::pauses(&operator, args).await),
    }
}

/// Opens the database of a configuration and does something with it.
pub(super) fn on(file: &ConfigFile, work: impl AsyncFnOnce(Operator, Config) -> Result<u8, ServiceError>) -> u8 {
    let path: &Path = &file.config;
    let Some(config) = load_without_secrets(path) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    on_runtime(async {
        let done = match Operator::open(&config.database.url).await {
            Ok(operator) => {
                let done = work(operator.clone(), config).await;
                // The daemons find it themselves within seconds, so a wake-up that fails is no failure.
                let _ = operator.pass_on().await;
                done
            }
            Err(error) => Err(error.into()),
        };
        done.unwrap_or_else(|error| complain(&error))
    })
}

/// Channels whose messages do not wait for each other.
fn unordered(config: &Config) -> BTreeSet<ChannelId> {
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    channels.filter(|channel| !channel.profile.keep_order).map(|channel| channel.id.clone()).collect()
}

fn lasting(text: &str) -> Result<TimeDelta, String> {
    let lasting = humantime::parse_duration(text).ok().filter(|lasting| !lasting.is_zero());
    lasting
        .and_then(|lasting| TimeDelta::from_std(lasting).ok())
        .ok_or_else(|| "write it like `30m`, `2h`, `1d`".to_owned())
}

fn states() -> impl TypedValueParser<Value = OutboxState> {
    PossibleValuesParser::new(OutboxState::ALL.iter().map(|state| state.as_str())).try_map(|word| word.parse())
}

fn kinds() -> impl TypedValueParser<Value = OutboundKind> {
    PossibleValuesParser::new(OutboundKind::ALL.iter().map(|kind| kind.as_str())).try_map(|word| word.parse())
}
