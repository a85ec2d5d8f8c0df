//! `palabre backup` and `palabre restore`: an installation's data in one file, and back again.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use secrecy::SecretString;
use serde_json::json;

use super::terminal::{moment, now};
use super::{ConfigFile, complain, complain_about, exit, has_database, load_without_secrets, on_runtime, say};
use crate::service::Caller;
use crate::service::backup::{self, BackupContent, BackupError, BackupManifest};

pub(super) const BACKUP_HELP: &str = "The daemon may run. Of an installation on PostgreSQL, a backup holds the files alone (spool, media, journals): save its database with\n\
    pg_dump (docs/runbooks/backup.md). The file holds personal data: give it a passphrase, and keep the two apart.";

pub(super) const RESTORE_HELP: &str = "Examples:\n  \
    palabre restore --check /backups/palabre-2026-12-01 --passphrase-file /etc/palabre/backup.pass\n  \
    palabre restore /backups/palabre-2026-12-01 --into /var/lib/palabre-restored --passphrase-file /etc/palabre/backup.pass\n\n\
    Before anything that may have been sent since the backup is sent again, its provider is asked. docs/runbooks/backup.md says what\n\
    else to do before the daemon starts on a restored database. Exit codes: 0 all is well, 1 the backup is damaged, 70 it could not run.";

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// The new file
    into: PathBuf,
    /// Encrypt with the passphrase in this file, which is its only line
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true).args(["check", "into", "database"]))]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// The backup
    #[arg(required_unless_present = "database")]
    backup: Option<PathBuf>,
    /// Only read it, from the first byte to the last, and say what is in it
    #[arg(long)]
    check: bool,
    /// The database of the configuration was restored by other means (pg_restore) and no daemon runs on it: have providers asked
    /// before anything is sent again
    #[arg(long, conflicts_with = "backup")]
    database: bool,
    /// A new or empty folder
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// The file with the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// `palabre backup`
pub(super) fn run_backup(args: &BackupArgs) -> u8 {
    let Some(config) = load_without_secrets(&args.config.config) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    let passphrase = match read_passphrase(args.passphrase_file.as_deref()) {
        Ok(passphrase) => passphrase,
        Err(code) => return code,
    };
    on_runtime(async {
        match backup::make(&Caller::command_line(), &config, &args.into, passphrase.as_ref(), now()).await {
            Ok(manifest) => {
                if args.json {
                    say(format_args!(
                        "{}",
                        json!({ "file": args.into, "encrypted": passphrase.is_some(), "manifest": manifest })
                    ));
                    return exit::OK;
                }
                say(format_args!("{}: {}", args.into.display(), summary(&manifest)));
                if passphrase.is_none() {
                    complain_about(format_args!(
                        "it is not encrypted, and holds what customers wrote: --passphrase-file does that"
                    ));
                }
                if config.database.is_server() {
                    complain_about(format_args!(
                        "the database is not in it: save it with pg_dump (docs/runbooks/backup.md)"
                    ));
                }
                exit::OK
            }
            Err(error) => complain(&error),
        }
    })
}

/// `palabre restore`
pub(super) fn run_restore(args: &RestoreArgs) -> u8 {
    let passphrase = match read_passphrase(args.passphrase_file.as_deref()) {
        Ok(passphrase) => passphrase,
        Err(code) => return code,
    };
    let Some(file) = &args.backup else { return prepare(&args.config.config) };
    on_runtime(async {
        let done = match &args.into {
            Some(into) => backup::restore(file, passphrase.as_ref(), into, now()).await,
            None => backup::check(file, passphrase.as_ref()).await.map(|content| (content, 0)),
        };
        match done {
            Ok((content, suspects)) => {
                tell(args, file, &content, suspects);
                exit::OK
            }
            Err(error) => failed(&error),
        }
    })
}

/// `palabre restore --database`
fn prepare(config: &Path) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    on_runtime(async {
        match backup::prepare(&Caller::command_line(), &config, now()).await {
            Ok(suspects) => {
                say(format_args!("providers will be asked about {suspects} messages before these are sent again"));
                exit::OK
            }
            Err(error) => complain(&error),
        }
    })
}

fn failed(error: &BackupError) -> u8 {
    let code = complain(error);
    if error.is_finding() { exit::FOUND_WRONG } else { code }
}

fn tell(args: &RestoreArgs, file: &Path, content: &BackupContent, suspects: u64) {
    let database = content.database.as_ref();
    if args.json {
        let counts = database.map(|database| {
            json!({
                "messages_in": database.inbound,
                "messages_out": database.outbound,
                "unanswered": database.unanswered,
                "unsent": database.unsent,
                "missing_migrations": database.missing_migrations,
            })
        });
        let told = json!({ "ok": true, "manifest": content.manifest, "database": counts, "asked_about": suspects });
        say(format_args!("{told}"));
        return;
    }
    say(format_args!("{}: {}", file.display(), summary(&content.manifest)));
    match database {
        Some(database) => say(format_args!(
            "the database is whole: {} messages in, {} out; {} have no answer yet, {} were not sent for sure",
            database.inbound, database.outbound, database.unanswered, database.unsent
        )),
        None => say(format_args!("it has no database: it is of an installation on PostgreSQL")),
    }
    if let Some(into) = &args.into {
        say(format_args!(
            "restored into {}; providers will be asked about {suspects} messages before these are sent again",
            into.display()
        ));
        say(format_args!("before the daemon starts there: docs/runbooks/backup.md, \"After a restore\""));
    }
}

fn summary(manifest: &BackupManifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let (files, at) = (manifest.files.len(), moment(manifest.made_at));
    format!("of {at}, {files} files, {bytes} bytes, by version {}", manifest.version)
}

/// The passphrase in a file. It is shown nowhere.
fn read_passphrase(file: Option<&Path>) -> Result<Option<SecretString>, u8> {
    let Some(file) = file else { return Ok(None) };
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let line = text.trim_end_matches(['\n', '\r']);
            if line.is_empty() || line.contains('\n') {
                complain_about(format_args!("{} is not one line with a passphrase", file.display()));
                return Err(exit::FAILED);
            }
            Ok(Some(SecretString::from(line)))
        }
        Err(error) => {
            complain_about(format_args!("{}: {error}", file.display()));
            Err(exit::FAILED)
        }
    }
}
