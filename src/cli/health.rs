//! `palabre health`: whether a daemon is ready for messages, for health checks of containers and scripts.

use std::time::Duration;

use clap::Args;

use super::{ConfigFile, complain, complain_about, exit, load_without_secrets, on_runtime, say};
use crate::config::Http;
use crate::gateway::client;

/// Whoever asks gives up soon.
const DEADLINE: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Where the daemon is; the listener of the configuration unless given
    #[arg(long)]
    url: Option<String>,
}

/// Runs the command.
pub(super) fn run(args: &HealthArgs) -> u8 {
    let url = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => match load_without_secrets(&args.file.config) {
            Some(config) => format!("http://{}", Http::reached_at(config.http.listen)),
            None => return exit::FAILED,
        },
    };
    let client = match client::new() {
        Ok(client) => client,
        Err(error) => return complain(&error),
    };
    on_runtime(async {
        match client.get(format!("{url}/readyz")).timeout(DEADLINE).send().await {
            Ok(answer) if answer.status().is_success() => {
                say(format_args!("ready"));
                exit::OK
            }
            Ok(answer) => {
                complain_about(format_args!("not ready: {url}/readyz answers {}", answer.status().as_u16()));
                exit::FOUND_WRONG
            }
            Err(_) => {
                complain_about(format_args!("not ready: nobody answers at {url}"));
                exit::FOUND_WRONG
            }
        }
    })
}
