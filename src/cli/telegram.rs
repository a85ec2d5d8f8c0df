//! `palabre telegram`: the webhooks of the bots of a configuration.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigFile, complain, complain_about, exit, load, names, on_runtime};
use crate::config::{Channel, Config};
use crate::gateway::telegram::{self, WebhookError, WebhookInfo, webhook_setup};
use crate::gateway::{Wiring, client};

/// Commands for Telegram's bots.
#[derive(Debug, Subcommand)]
pub(super) enum TelegramCommand {
    /// Tell Telegram where to post each bot's updates, with the channel's secret and every kind of update that is read
    SetWebhook(ChangeArgs),
    /// What Telegram has of each bot's webhook: its URL, what waits, and why it could not deliver
    Info(InfoArgs),
    /// Take the webhooks back, before polling (`updates = "poll"`)
    DeleteWebhook(ChangeArgs),
}

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this channel
    #[arg(long)]
    channel: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    of: InfoArgs,
    /// Forget the updates that wait at Telegram
    #[arg(long)]
    drop_pending: bool,
}

/// What came of one channel.
enum Done {
    Set(String),
    Deleted,
    Info(WebhookInfo),
}

pub(super) fn run(command: &TelegramCommand) -> u8 {
    let of = match command {
        TelegramCommand::SetWebhook(args) | TelegramCommand::DeleteWebhook(args) => &args.of,
        TelegramCommand::Info(args) => args,
    };
    let Some(config) = load(&of.file.config) else { return exit::FOUND_WRONG };
    let channels = channels(&config, of.channel.as_deref());
    if channels.is_empty() {
        match &of.channel {
            Some(channel) => complain_about(format_args!("{}", names::no_channel(channel, &config))),
            None => complain_about(format_args!("no channel of the configuration is a Telegram bot's")),
        }
        return exit::FOUND_WRONG;
    }
    let client = match client::new() {
        Ok(client) => client,
        Err(error) => return complain(&error),
    };
    let wiring = Wiring::without_files(&client, config.http.public_base_url.as_deref());
    on_runtime(async {
        let mut failed = false;
        let mut documents = Vec::new();
        for channel in channels {
            let done = one(command, channel, wiring).await;
            failed |= done.is_err();
            match (&done, of.json) {
                (_, true) => documents.push(document(channel, &done)),
                (Ok(done), false) => print(channel, done),
                (Err(error), false) => complain_about(format_args!("{}: {error}", channel.id)),
            }
        }
        if of.json {
            let _ = writeln!(std::io::stdout(), "{:#}", json!({ "channels": documents }));
        }
        if failed { exit::FOUND_WRONG } else { exit::OK }
    })
}

/// The bots, or the one that is named.
fn channels<'c>(config: &'c Config, named: Option<&str>) -> Vec<&'c Channel> {
    let all = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    all.filter(|channel| match named {
        Some(id) => channel.id.as_str() == id,
        None => channel.provider.name() == telegram::NAME,
    })
    .collect()
}

async fn one(command: &TelegramCommand, channel: &Channel, wiring: Wiring<'_>) -> Result<Done, WebhookError> {
    match command {
        TelegramCommand::SetWebhook(args) => {
            webhook_setup::set(channel, wiring, args.drop_pending).await.map(Done::Set)
        }
        TelegramCommand::DeleteWebhook(args) => {
            webhook_setup::delete(channel, wiring, args.drop_pending).await.map(|()| Done::Deleted)
        }
        TelegramCommand::Info(_) => webhook_setup::info(channel, wiring).await.map(Done::Info),
    }
}

fn print(channel: &Channel, done: &Done) {
    let mut out = std::io::stdout().lock();
    let _ = match done {
        Done::Set(url) => writeln!(out, "{}: Telegram posts to {url}", channel.id),
        Done::Deleted => writeln!(out, "{}: the bot has no webhook any more", channel.id),
        Done::Info(info) if info.url.is_empty() => writeln!(out, "{}: the bot has no webhook", channel.id),
        Done::Info(info) => {
            let waits = info.pending_update_count;
            let trouble = info.last_error_message.as_deref().map(|why| format!(", last error: {why}"));
            writeln!(out, "{}: {}, {waits} waiting{}", channel.id, info.url, trouble.unwrap_or_default())
        }
    };
}

fn document(channel: &Channel, done: &Result<Done, WebhookError>) -> Value {
    let mut document = json!({ "channel": channel.id.as_str(), "ok": done.is_ok() });
    match done {
        Ok(Done::Set(url)) => document["url"] = url.as_str().into(),
        Ok(Done::Deleted) => document["url"] = Value::Null,
        Ok(Done::Info(info)) => document["webhook"] = json!(info),
        Err(error) => document["error"] = error.to_string().into(),
    }
    document
}
