//! `palabre migrate`: brings the schema up to date, or moves the installation to PostgreSQL.

mod report;

use std::num::NonZeroUsize;
use std::path::Path;

use clap::Args;

use self::report::Printer;
use super::{ConfigFile, complain, exit, load_without_secrets, say};
use crate::store::{Move, MoveError, MovePass, MoveState, MoveVerdict, PAGE_ROWS, Store};

pub(super) const HELP: &str = "\
To move a running installation from SQLite to PostgreSQL (docs/runbooks/migrate.md has every step):
  palabre migrate --from sqlite:///var/lib/palabre/palabre.db --to postgres://…           beside the daemon
  palabre migrate --from sqlite:///var/lib/palabre/palabre.db --to postgres://… --finish  once it is stopped

The first one may be run as often as one likes. Killed at any moment, either goes on where it was.
Exits with 1 when the databases differ at the end, or when it refuses to begin.";

/// What is to be done.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Move from here: sqlite://FILE, where FILE is relative to this folder unless it begins with a slash
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// Move to there: postgres://user@host/database, which must be empty. A password is better left to the variable,
    /// PGPASSWORD, or ~/.pgpass
    #[arg(long, value_name = "URL", requires = "from", env = "PALABRE_MIGRATE_TO", hide_env_values = true)]
    to: Option<String>,
    /// Copy what is left, hold every row against the other, and let PostgreSQL be the one. The daemon must not run on SQLite
    #[arg(long, requires = "from")]
    finish: bool,
    /// Rows that are read and written at a time: memory grows with it
    #[arg(long, value_name = "N", requires = "from", default_value_t = NonZeroUsize::new(PAGE_ROWS).unwrap_or(NonZeroUsize::MIN))]
    rows_at_once: NonZeroUsize,
    /// Print one JSON document instead of text, when it is over
    #[arg(long, requires = "from")]
    json: bool,
}

pub(super) fn run(args: &MigrateArgs) -> u8 {
    match (&args.from, &args.to) {
        (Some(from), Some(to)) => super::on_runtime(go(from, to, args)),
        _ => bring_up_to_date(&args.file.config),
    }
}

fn bring_up_to_date(config: &Path) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    super::on_runtime(async move {
        match Store::migrate(&config.database.url).await {
            Ok(steps) if steps.is_empty() => say(format_args!("the database is up to date")),
            Ok(steps) => say(format_args!("brought the database up to date: {}", steps.join(", "))),
            Err(error) => return complain(&error),
        }
        exit::OK
    })
}

/// What came of it.
enum Outcome {
    /// Rows were copied beside the daemon.
    Copied(Vec<MovePass>),
    /// It is over, or the databases differ.
    Compared(MoveVerdict),
    /// It was over before.
    Done,
}

async fn go(from: &str, to: &str, args: &MigrateArgs) -> u8 {
    let mut printer = Printer::new(args.json);
    match attempt(from, to, args, &mut printer).await {
        Ok(Outcome::Copied(passes)) => {
            printer.copied(&passes);
            exit::OK
        }
        Ok(Outcome::Compared(verdict)) => {
            printer.compared(&verdict);
            if verdict.is_done() { exit::OK } else { exit::FOUND_WRONG }
        }
        Ok(Outcome::Done) => {
            printer.done();
            exit::OK
        }
        Err(error) => {
            printer.end_line();
            let refused = !matches!(&error, MoveError::Store(error) if !error.is_refusal());
            let code = complain(&error);
            if refused { exit::FOUND_WRONG } else { code }
        }
    }
}

async fn attempt(from: &str, to: &str, args: &MigrateArgs, printer: &mut Printer) -> Result<Outcome, MoveError> {
    let mut moving = match Move::open(from, to, args.rows_at_once.get()).await? {
        MoveState::Ready(moving) => moving,
        MoveState::Done { .. } => return Ok(Outcome::Done),
    };
    let mut tell = |progress| printer.tell(progress);
    if args.finish {
        moving.finish(&mut tell).await.map(Outcome::Compared)
    } else {
        moving.copy(&mut tell).await.map(Outcome::Copied)
    }
}
