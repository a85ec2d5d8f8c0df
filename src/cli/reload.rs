//! `palabre reload`: a running daemon takes its tenants' files over now.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{ConfigFile, complain, complain_about, exit, on_runtime, say, warned};
use crate::config::{Config, Environment};
use crate::gateway::{PROVIDERS, client};

/// How long a daemon is given to read its files.
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) const HELP: &str = "A daemon looks at its files twice a second by itself, and at once on SIGHUP: this is for scripts that want to know.\n\
    The key needs the scope `operate` for all tenants (`tenants = [\"*\"]`). Example:\n  \
    PALABRE_API_KEY=… palabre reload --url http://127.0.0.1:9090";

#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Where the daemon's API is; its admin listener, or the public one, unless given
    #[arg(long)]
    url: Option<String>,
    /// A key of `[[api.keys]]`
    #[arg(long, env = "PALABRE_API_KEY", hide_env_values = true)]
    key: String,
    /// Print the daemon's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &ReloadArgs) -> u8 {
    let loaded = warned(Config::load_without_secrets(&args.file.config, &Environment::from_process(), &PROVIDERS));
    let url = match (&args.url, &loaded) {
        (Some(url), _) => url.clone(),
        (None, Some(loaded)) => {
            let http = &loaded.config.http;
            format!("http://{}", http.admin_listen.unwrap_or(http.listen))
        }
        (None, None) => return exit::FOUND_WRONG,
    };
    on_runtime(async {
        match ask(&url, &args.key).await {
            Ok((200, told)) => shown(&told, args.json),
            Ok((status, told)) => {
                let hint = told["hint"].as_str().or(told["error"].as_str()).unwrap_or_default();
                complain_about(format_args!("error: the daemon at {url} answered {status}: {hint}"));
                exit::FAILED
            }
            Err(error) => complain(&*error),
        }
    })
}

async fn ask(url: &str, key: &str) -> Result<(u16, Value), Box<dyn std::error::Error>> {
    let url = format!("{}/api/v1/reload", url.trim_end_matches('/'));
    let answer = client::new()?.post(url).bearer_auth(key).timeout(DEADLINE).send().await?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

fn shown(told: &Value, as_json: bool) -> u8 {
    let refused = told["refused"].as_array().map(Vec::as_slice).unwrap_or_default();
    if as_json {
        say(format_args!("{told}"));
    } else {
        let version = told["version"].as_str().unwrap_or_default();
        say(format_args!("version {version}, {} tenants", told["tenants"]));
        for place in refused {
            let text = |key: &str| place[key].as_str().unwrap_or_default().to_owned();
            complain_about(format_args!("{}: {}\n  {}", text("place"), text("reason"), text("help")));
        }
    }
    if refused.is_empty() { exit::OK } else { exit::FOUND_WRONG }
}
