//! `palabre conversations …`: lists, shows and searches conversations.

use clap::{Args, Subcommand, ValueEnum};
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::ids::{ChannelId, ConversationId};
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::optout::among;
use super::outbox::on;
use super::terminal::{age, cut, moment, now, one_line, table};
use super::{ConfigFile, Tongue, complain_about, exit, mask, names, say};
use crate::config::Config;
use crate::http::api::responses::{ConversationMessages, Conversations, SearchFound, Visibility};
use crate::service::{Caller, ServiceError, conversations};
use crate::store::conversations::{
    AssignedTo, ContactRow, ConversationFilter, ConversationPage, ConversationRow, MessageRow, TimelinePage,
    TimelineSide,
};
use crate::store::operator::Operator;
use crate::store::search::SearchPage;

/// Cells that could be longer than there is room.
const CELL: usize = 18;

/// What to do with conversations.
#[derive(Debug, Subcommand)]
pub(super) enum ConversationsCommand {
    /// List conversations, those with the newest messages first
    #[command(after_help = "Examples:\n  \
        palabre conversations list --handler human --assignee nobody     who waits for a person\n  \
        palabre conversations list --tenant institut-belle --status in_progress --json\n\n\
        Names and addresses are masked unless --reveal is given.\n\
        Exit code 0: something fits; 1: nothing does.")]
    List(ListArgs),
    /// Show a conversation's messages, in and out, in the order of time
    #[command(after_help = "Examples:\n  \
        palabre conversations show ID --reveal                 its last 50 messages\n  \
        palabre conversations show ID --before MESSAGE         those before\n\n\
        Texts are left out unless --reveal is given.")]
    Show(ShowArgs),
    /// Find conversations by a name, a number or words of a message
    #[command(after_help = "Examples:\n  \
        palabre conversations search 'awa diallo'\n  \
        palabre conversations search '06 12 34 56 78'\n  \
        palabre conversations search rendez-vou --tenant institut-belle --reveal\n\n\
        Capitals and accents do not matter, the last word may be a beginning, and when nothing fits, words that are \
        spelt alike do.\nA running daemon keeps the index within a second or two of the messages.\n\
        Exit code 0: something fits; 1: nothing does.")]
    Search(SearchArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// With this status
    #[arg(long, value_enum)]
    status: Option<StatusWord>,
    /// Answered by this one
    #[arg(long, value_enum)]
    handler: Option<HandlerWord>,
    /// Through this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Assigned to this person; `nobody`: to none
    #[arg(long, value_name = "WHO")]
    assignee: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Only those before this one: the next page
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    before: Option<Uuid>,
    #[command(flatten)]
    manner: ConversationsManner,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The conversation's id
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
    /// Only what is older than this message
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    before: Option<Uuid>,
    /// Only what is newer than this message
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    after: Option<Uuid>,
    /// How many messages at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    #[command(flatten)]
    manner: ConversationsManner,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// A name, a number, or words
    query: String,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// How many messages at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Only older messages: `next` of the page before
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    #[command(flatten)]
    manner: ConversationsManner,
}

/// How something is shown.
#[derive(Clone, Copy, Debug, Args)]
struct ConversationsManner {
    /// Print JSON instead of text, in the shapes of the API
    #[arg(long)]
    json: bool,
    /// Show names, whole addresses and texts
    #[arg(long)]
    reveal: bool,
    /// In which language it is told
    #[arg(long, value_enum, default_value_t = Tongue::En)]
    language: Tongue,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum StatusWord {
    /// Nobody has answered yet
    New,
    /// It is being talked about
    InProgress,
    /// A person closed it
    Resolved,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HandlerWord {
    /// Rules answer
    Bot,
    /// A person answers
    Human,
}

impl ConversationsManner {
    fn language(self) -> Language {
        self.language.into()
    }

    fn visibility(self) -> Visibility {
        if self.reveal { Visibility::Whole } else { Visibility::Masked }
    }

    /// One of two texts.
    fn told(self, en: &'static str, fr: &'static str) -> &'static str {
        match self.language() {
            Language::En => en,
            Language::Fr => fr,
        }
    }

    /// Who it is: name and address, or a mask that tells people apart.
    fn who(self, row: &ConversationRow) -> String {
        if !self.reveal {
            return mask::contact(&row.address, &row.id.to_string());
        }
        let address = row.address.as_str();
        row.contact_name.as_ref().map_or_else(|| address.to_owned(), |name| format!("{} {address}", one_line(name)))
    }

    fn text(self, message: &MessageRow) -> String {
        if self.reveal {
            return one_line(&message.body);
        }
        let count = message.body.chars().count();
        format!("{count} {}", self.told("characters", "caractères"))
    }
}

pub(super) fn run(command: &ConversationsCommand) -> u8 {
    match command {
        ConversationsCommand::List(args) => on(&args.file, async |store, config| list(&store, args, &config).await),
        ConversationsCommand::Show(args) => on(&args.file, async |store, _| show(&store, args).await),
        ConversationsCommand::Search(args) => on(&args.file, async |store, config| search(&store, args, &config).await),
    }
}

async fn list(store: &Operator, args: &ListArgs, config: &Config) -> Result<u8, ServiceError> {
    let (caller, manner) = (Caller::command_line(), args.manner);
    let before = match args.before {
        Some(id) => match conversations::show(&caller, store, ConversationId(id)).await {
            Err(ServiceError::NotFound(_)) => return Ok(unknown(id, manner)),
            row => Some(row?.place()),
        },
        None => None,
    };
    let filter = ConversationFilter {
        tenants: among(&args.tenant),
        status: args.status.map(|status| match status {
            StatusWord::New => ConversationStatus::New,
            StatusWord::InProgress => ConversationStatus::InProgress,
            StatusWord::Resolved => ConversationStatus::Resolved,
        }),
        handler: args.handler.map(|handler| match handler {
            HandlerWord::Bot => Handler::Bot,
            HandlerWord::Human => Handler::Human,
        }),
        channel: args.channel.as_deref().map(ChannelId::new),
        assignee: args.assignee.as_deref().map(|who| match who {
            "nobody" => AssignedTo::Nobody,
            who => AssignedTo::Person(who.to_owned()),
        }),
    };
    let limit = usize::from(args.limit);
    let rows = conversations::list(&caller, store, &filter, ConversationPage { before, limit }).await?;
    if manner.json {
        json(&Conversations::of(&rows, limit, manner.visibility()));
    } else if rows.is_empty() {
        let stranger = names::stranger(&filter.tenants, filter.channel.as_ref(), config);
        let nothing = manner.told("no conversation fits", "aucune conversation ne convient").to_owned();
        complain_about(format_args!("{}", stranger.unwrap_or(nothing)));
    } else {
        say(format_args!("{}", listed(&rows, manner).trim_end()));
        if let Some(last) = rows.last().filter(|_| rows.len() == limit) {
            let more = manner.told("there may be more:", "il y en a peut-être d'autres :");
            complain_about(format_args!("{more} --before {}", last.id));
        }
    }
    Ok(if rows.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

fn listed(rows: &[ConversationRow], manner: ConversationsManner) -> String {
    let (now, language) = (now(), manner.language());
    let head = [
        "id",
        manner.told("last", "dernier"),
        manner.told("unread", "non lus"),
        manner.told("status", "état"),
        manner.told("handler", "répond"),
        manner.told("channel", "canal"),
        manner.told("who", "qui"),
    ];
    let row = |row: &ConversationRow| {
        vec![
            row.id.to_string(),
            age(now - row.place().0, language),
            row.unread.to_string(),
            status(row.status, manner).to_owned(),
            answers(row, manner),
            cut(row.channel.as_str(), CELL),
            manner.who(row),
        ]
    };
    table(&head, &rows.iter().map(row).collect::<Vec<_>>())
}

const fn status_words(status: ConversationStatus) -> (&'static str, &'static str) {
    match status {
        ConversationStatus::New => ("new", "nouvelle"),
        ConversationStatus::InProgress => ("in progress", "en cours"),
        ConversationStatus::Resolved => ("resolved", "résolue"),
    }
}

fn status(status: ConversationStatus, manner: ConversationsManner) -> &'static str {
    let (en, fr) = status_words(status);
    manner.told(en, fr)
}

fn answers(row: &ConversationRow, manner: ConversationsManner) -> String {
    match (row.handler, &row.assignee) {
        (Handler::Bot, _) => manner.told("rules", "règles").to_owned(),
        (Handler::Human, Some(who)) => cut(who, CELL),
        (Handler::Human, None) => manner.told("a person", "une personne").to_owned(),
    }
}

async fn show(store: &Operator, args: &ShowArgs) -> Result<u8, ServiceError> {
    let (caller, manner) = (Caller::command_line(), args.manner);
    let side = if args.after.is_some() && args.before.is_none() { TimelineSide::Oldest } else { TimelineSide::Newest };
    let page = TimelinePage { after: args.after, before: args.before, side, limit: usize::from(args.limit) };
    let (row, timeline) = match conversations::messages(&caller, store, ConversationId(args.id), page).await {
        Err(ServiceError::NotFound(_)) => return Ok(unknown(args.id, manner)),
        found => found?,
    };
    if manner.json {
        json(&ConversationMessages::of(&row, &timeline, manner.visibility()));
        return Ok(exit::OK);
    }
    say(format_args!("{}", header(&row, manner).trim_end()));
    if let Some(earlier) = timeline.earlier {
        say(format_args!("\n… --before {earlier}"));
    } else {
        say(format_args!(""));
    }
    for message in &timeline.messages {
        say(format_args!("{}", line(message, manner)));
    }
    if let Some(later) = timeline.later {
        say(format_args!("… --after {later}"));
    }
    Ok(exit::OK)
}

fn header(row: &ConversationRow, manner: ConversationsManner) -> String {
    let field = |name: &str, value: &str| format!("{name:<17}{value}\n");
    [
        field(manner.told("conversation", "conversation"), &row.id.to_string()),
        field(manner.told("tenant, channel", "client, canal"), &format!("{}, {}", row.tenant, row.channel)),
        field(manner.told("who", "qui"), &manner.who(row)),
        field(manner.told("status", "état"), status(row.status, manner)),
        field(manner.told("answered by", "répond"), &answers(row, manner)),
        field(manner.told("unread", "non lus"), &row.unread.to_string()),
    ]
    .concat()
}

fn line(message: &MessageRow, manner: ConversationsManner) -> String {
    let arrow = if message.is_outbound { "→" } else { "←" };
    let state = match (&message.reason, message.is_outbound) {
        (Some(reason), true) => format!("{} ({reason})", message.state),
        _ => message.state.clone(),
    };
    format!("{}  {arrow}  {:<10}  {}  {}", moment(message.created_at), state, message.id, manner.text(message))
}

async fn search(store: &Operator, args: &SearchArgs, config: &Config) -> Result<u8, ServiceError> {
    let (caller, manner) = (Caller::command_line(), args.manner);
    let tenants = among(&args.tenant);
    let page = SearchPage { before: args.before, limit: usize::from(args.limit) };
    let found = conversations::search(&caller, store, &tenants, &args.query, page).await?;
    let is_empty = found.contacts.is_empty() && found.messages.is_empty();
    if manner.json {
        json(&SearchFound::of(&found, manner.visibility()));
    } else if is_empty {
        let stranger = names::stranger(&tenants, None, config);
        let nothing = manner.told("nothing fits", "rien ne convient").to_owned();
        complain_about(format_args!("{}", stranger.unwrap_or(nothing)));
    } else {
        let people: Vec<ConversationRow> = found.contacts.iter().flat_map(of_contact).collect();
        if !people.is_empty() {
            say(format_args!("{}", listed(&people, manner)));
        }
        if found.is_approximate {
            let alike = manner.told("no message has these words; alike:", "aucun message n'a ces mots ; proches :");
            say(format_args!("{alike}"));
        }
        for message in &found.messages {
            let conversation = message.conversation.map(|id| id.to_string()).unwrap_or_default();
            say(format_args!("{conversation}  {}", line(message, manner)));
        }
        if let Some(next) = found.next {
            let more = manner.told("there may be more:", "il y en a peut-être d'autres :");
            complain_about(format_args!("{more} --before {next}"));
        }
    }
    Ok(if is_empty { exit::FOUND_WRONG } else { exit::OK })
}

fn of_contact(contact: &ContactRow) -> Vec<ConversationRow> {
    contact.conversations.clone()
}

fn unknown(id: Uuid, manner: ConversationsManner) -> u8 {
    let unknown = manner.told("no conversation has the id", "aucune conversation n'a l'identifiant");
    complain_about(format_args!("{unknown} {id}\n  palabre conversations list"));
    exit::FOUND_WRONG
}

fn json(document: &impl serde::Serialize) {
    say(format_args!("{}", serde_json::to_string_pretty(document).unwrap_or_default()));
}
