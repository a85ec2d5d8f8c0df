//! `palabre user`: the people who may use the console.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use palabre_actors::domain::ids::{TenantId, UserId};
use secrecy::SecretString;

use super::outbox::on;
use super::{ConfigFile, Tongue, complain_about, exit, names, say, terminal};
use crate::app::SystemClock;
use crate::config::Config;
use crate::service::people::{self, Added, NewUser, People, Person, SessionTimes, Token, Weakness};
use crate::service::permissions::Role;
use crate::service::{Caller, ServiceError, Tenants};
use crate::store::operator::Operator;

/// What to do with people.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a person to a tenant, or to all: prints a link with which they choose a password, once
    #[command(after_help = "Examples:\n  \
        palabre user add awa@institut-belle.example --name Awa --tenant institut-belle --role owner\n  \
        palabre user add ops@agency.example --name Ops --tenant '*' --role operator --password\n\n\
        Roles: owner (everything), admin (everything but refunds and erasure), agent (answers customers), viewer (looks on),\n\
        support (looks for faults: no texts, no whole addresses), operator (runs the installation: --tenant '*').")]
    Add(AddArgs),
    /// Show who may use the console, with their roles
    List(ListArgs),
    /// Keep a person out: their sessions and links end at once
    Disable(EmailArgs),
    /// Let a person in again who was kept out
    Enable(EmailArgs),
    /// Print a link with which a person chooses another password, once
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Their e-mail address: they sign in with it
    email: String,
    /// Their name, as colleagues see it
    #[arg(long)]
    name: String,
    /// The tenant, or `*` for all of them
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// What they may do
    #[arg(long, value_parser = role_words())]
    role: Role,
    /// The language of their pages
    #[arg(long, value_enum, default_value_t = Tongue::Fr)]
    language: Tongue,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// Ask for their password on this terminal, instead of printing a link
    #[arg(long)]
    password: bool,
    /// Read their password from the first line of standard input
    #[arg(long, conflicts_with = "password")]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct EmailArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Their e-mail address
    email: String,
}

#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    #[command(flatten)]
    of: EmailArgs,
    /// Ask them for no codes any more, because they lost app and recovery codes; the password stays
    #[arg(long, conflicts_with_all = ["password", "password_stdin"])]
    second_factor: bool,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &UserCommand) -> u8 {
    match command {
        UserCommand::Add(args) => on(&args.file, async |operator, config| add(operator, args, &config).await),
        UserCommand::List(args) => on(&args.file, async |operator, config| list(operator, args, &config).await),
        UserCommand::Disable(args) => {
            on(&args.file, async |operator, config| disable(operator, args, true, &config).await)
        }
        UserCommand::Enable(args) => {
            on(&args.file, async |operator, config| disable(operator, args, false, &config).await)
        }
        UserCommand::Reset(args) => on(&args.of.file, async |operator, config| reset(operator, args, &config).await),
    }
}

fn role_words() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|(_, word)| *word)).try_map(|word| word.parse::<Role>())
}

fn people_of(operator: Operator, config: &Config) -> People {
    let times = SessionTimes { idle: config.console.session_idle, lasts: config.console.session_lasts };
    People::new(operator, Arc::new(SystemClock), times)
}

async fn add(operator: Operator, args: &AddArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenant = TenantId::new(&args.tenant);
    let everywhere = args.tenant == "*";
    let is_configured = config.tenants.iter().any(|known| known.id == tenant);
    if !everywhere && !is_configured && !operator.ids_of(&Tenants::All).await?.contains(&args.tenant) {
        complain_about(format_args!("{}", names::no_tenant(&args.tenant, config)));
        return Ok(exit::FOUND_WRONG);
    }
    let password = match args.password.read() {
        Ok(password) => password,
        Err(code) => return Ok(code),
    };
    let new = NewUser {
        email: &args.email,
        name: &args.name,
        language: args.language.into(),
        tenant: (!everywhere).then_some(&tenant),
        role: args.role,
        password,
    };
    match people::add(&Caller::command_line(), &people_of(operator, config), new).await {
        Ok(Added::Member(id)) => {
            let url = format!("{}/console/login", base_url(config));
            match args.json {
                true => say(format_args!("{}", serde_json::json!({ "id": id.to_string(), "sign_in": url }))),
                false => say(format_args!("{} may sign in: {url}", args.name.trim())),
            }
            Ok(exit::OK)
        }
        Ok(Added::Invited(id, token)) => {
            tell_link(args.json, id, &invitation_url(config, &token), "7 days");
            Ok(exit::OK)
        }
        Err(error) => refused(error),
    }
}

async fn list(operator: Operator, args: &ListArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = super::optout::among(&args.tenant);
    let persons = people::list(&Caller::command_line(), &people_of(operator, config), &tenants).await?;
    if args.json {
        let persons: Vec<_> = persons.iter().map(shown).collect();
        say(format_args!("{}", serde_json::json!({ "users": persons })));
        return Ok(exit::OK);
    }
    if persons.is_empty() {
        complain_about(format_args!("nobody may use the console yet: `palabre user add` lets the first person in"));
        return Ok(exit::FOUND_WRONG);
    }
    let rows: Vec<Vec<String>> = persons
        .iter()
        .map(|person| {
            let membership = person.membership.as_ref();
            let tenant = membership.map(|own| own.tenant.as_ref().map_or("*", TenantId::as_str));
            let signed_in = person.user.signed_in_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string());
            vec![
                tenant.unwrap_or("-").to_owned(),
                membership.map_or_else(|| "-".to_owned(), |own| own.role.clone()),
                person.user.name.clone(),
                person.user.email.clone(),
                state(person).to_owned(),
                signed_in.unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect();
    say(format_args!(
        "{}",
        terminal::table(&["TENANT", "ROLE", "NAME", "E-MAIL", "STATE", "LAST SIGN-IN"], &rows).trim_end()
    ));
    Ok(exit::OK)
}

fn state(person: &Person) -> &'static str {
    match person {
        Person { user, .. } if user.disabled_at.is_some() => "disabled",
        Person { is_invited: true, .. } => "invited",
        Person { user, .. } if user.password_hash.is_none() => "no password",
        Person { user, .. } if user.totp_enabled_at.is_some() => "active, code",
        _ => "active",
    }
}

fn shown(person: &Person) -> serde_json::Value {
    let membership = person.membership.as_ref();
    serde_json::json!({
        "id": person.user.id.to_string(),
        "email": person.user.email,
        "name": person.user.name,
        "language": person.user.language.as_str(),
        "tenant": membership.map(|own| own.tenant.as_ref().map_or("*", TenantId::as_str)),
        "role": membership.map(|own| own.role.as_str()),
        "state": state(person),
        "has_second_factor": person.user.totp_enabled_at.is_some(),
        "signed_in_at": person.user.signed_in_at.map(crate::http::api::responses::rfc3339),
    })
}

async fn disable(operator: Operator, args: &EmailArgs, is_disabled: bool, config: &Config) -> Result<u8, ServiceError> {
    let people = people_of(operator, config);
    match people::disable(&Caller::command_line(), &people, &args.email, is_disabled).await {
        Ok(_) => {
            let told = if is_disabled { "is signed out everywhere and cannot sign in" } else { "may sign in again" };
            say(format_args!("{} {told}", args.email.trim()));
            Ok(exit::OK)
        }
        Err(error) => refused(error),
    }
}

async fn reset(operator: Operator, args: &ResetArgs, config: &Config) -> Result<u8, ServiceError> {
    let people = people_of(operator, config);
    if args.second_factor {
        return match people::forget_code(&Caller::command_line(), &people, &args.of.email).await {
            Ok(_) => {
                say(format_args!("no code is asked for any more, and every session has ended"));
                Ok(exit::OK)
            }
            Err(error) => refused(error),
        };
    }
    let password = match args.password.read() {
        Ok(password) => password,
        Err(code) => return Ok(code),
    };
    let done = match &password {
        None => {
            people::reset(&Caller::command_line(), &people, &args.of.email).await.map(|(id, token)| (id, Some(token)))
        }
        Some(password) => {
            people::set_password(&Caller::command_line(), &people, &args.of.email, password).await.map(|id| (id, None))
        }
    };
    match done {
        Ok((id, Some(token))) => tell_link(args.json, id, &invitation_url(config, &token), "24 hours"),
        Ok((_, None)) => say(format_args!("the password is set, and every session has ended")),
        Err(error) => return refused(error),
    }
    Ok(exit::OK)
}

impl PasswordArgs {
    /// The password, when one is to be read here.
    fn read(&self) -> Result<Option<SecretString>, u8> {
        if !self.password && !self.password_stdin {
            return Ok(None);
        }
        let is_hidden = self.password && std::io::stdin().is_terminal();
        if is_hidden {
            let mut out = std::io::stderr();
            let _ = write!(out, "Password: ").and_then(|()| out.flush());
            echo(false);
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if is_hidden {
            echo(true);
            let _ = writeln!(std::io::stderr());
        }
        let password = line.trim_end_matches(['\n', '\r']);
        if read.is_err() || password.is_empty() {
            complain_about(format_args!("no password came in on standard input"));
            return Err(exit::USAGE);
        }
        Ok(Some(SecretString::from(password)))
    }
}

/// Shows what is typed, or does not. Where there is no `stty`, it is shown.
fn echo(is_on: bool) {
    let _ = Process::new("stty").arg(if is_on { "echo" } else { "-echo" }).stdin(Stdio::inherit()).status();
}

fn tell_link(json: bool, id: UserId, url: &str, lasts: &str) {
    if json {
        say(format_args!("{}", serde_json::json!({ "id": id.to_string(), "link": url })));
    } else {
        say(format_args!("{url}\n"));
        complain_about(format_args!(
            "Give them this link: with it they choose a password, once, within {lasts}. Whoever has it may do so."
        ));
    }
}

/// Where people reach the console.
fn base_url(config: &Config) -> String {
    let listener = || format!("http://{}", config.http.admin_listen.unwrap_or(config.http.listen));
    config.console.base_url.clone().unwrap_or_else(listener)
}

fn invitation_url(config: &Config, token: &Token) -> String {
    format!("{}/console/invitation/{}", base_url(config), token.as_str())
}

/// What a refusal means here.
fn refused(error: ServiceError) -> Result<u8, ServiceError> {
    let why = match &error {
        ServiceError::Invalid("email") => "this is not an e-mail address",
        ServiceError::Invalid("name") => "the name must have 1 to 80 characters, on one line",
        ServiceError::Invalid("role") => "an operator sees every tenant: --tenant '*'",
        ServiceError::Invalid("has_account") => {
            "they have an account and a password already: leave the password out, and give them the link"
        }
        ServiceError::NotFound("user") => "nobody has this e-mail address: `palabre user list`",
        ServiceError::WeakPassword(Weakness::TooShort) => "the password needs at least 10 characters",
        ServiceError::WeakPassword(_) => "the password would soon be guessed: choose another one",
        _ => return Err(error),
    };
    complain_about(format_args!("{why}"));
    Ok(exit::FOUND_WRONG)
}
