//! `palabre broadcast …`: one message to many contacts; what it would come to, how far it is, and the end of it.

use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::domain::typography::money;
use uuid::Uuid;

use super::optout::among;
use super::outbox::on;
use super::terminal::{moment, now, past, table};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{BroadcastEstimate, BroadcastItem, BroadcastReport};
use crate::service::broadcasts::{self, BroadcastOrder};
use crate::service::{Caller, ServiceError};
use crate::store::broadcasts::Segment;
use crate::store::operator::Operator;

/// What to do with broadcasts.
#[derive(Debug, Subcommand)]
pub(super) enum BroadcastCommand {
    /// Say how many a broadcast would reach, whom it would not, and what it would cost. Nothing is written
    #[command(after_help = "Examples:\n  \
        palabre broadcast plan --tenant belle --channel belle-wa --label fidèle --template noel\n  \
        palabre broadcast plan --tenant belle --channel belle-wa --seen 7d --text 'Portes ouvertes samedi.'\n\n\
        A text goes only to those whose window is open, a template to the others as well. Never written to: whoever said STOP or\n\
        STOP PROMOTIONS, or has not confirmed where the tenant asks for it. Exit code 0: somebody is reached; 1: nobody.")]
    Plan(WhatArgs),
    /// Start a broadcast: a running daemon writes to the segment as it is now, each contact once, at its pace
    #[command(after_help = "It goes on across restarts, and keeps the hours of the law (docs/outbox.md).\n\
        `palabre broadcast show ID` tells how far it is, `palabre broadcast stop ID` ends it.")]
    Start(WhatArgs),
    /// List broadcasts, the newest first
    #[command(after_help = "Exit code 0: there are some; 1: there are none.")]
    List(BroadcastListArgs),
    /// Show a broadcast: how many wait, were written to, and what became of the messages
    Show(WhichArgs),
    /// Stop a broadcast: nobody more is written to, and what has not left is called back
    Stop(WhichArgs),
}

#[derive(Debug, Args)]
pub(super) struct WhatArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Whose contacts
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Through which channel: those with a conversation on it
    #[arg(long, value_name = "ID")]
    channel: String,
    /// Only conversations with this label
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Only those who wrote since then: how long ago (`30d`), a day, or a moment
    #[arg(long, value_name = "WHEN", value_parser = past)]
    seen: Option<Timestamp>,
    /// What to say, while free text may be sent
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// What to say otherwise: a template of the tenant's file
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// What stands in the template's places: `--with prenom=Anne`
    #[arg(long = "with", value_name = "PLACE=VALUE", value_parser = pair, requires = "template")]
    variables: Vec<(String, String)>,
    /// Messages in a minute
    #[arg(long, value_name = "N", default_value_t = broadcasts::PER_MINUTE)]
    per_minute: u32,
    /// What it may cost at most, in the tenant's currency
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<f64>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BroadcastListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhichArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The broadcast
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write PLACE=VALUE, such as prenom=Anne")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl WhatArgs {
    fn order(&self) -> BroadcastOrder {
        let template =
            |name: &String| TemplateUse { name: name.clone(), variables: self.variables.iter().cloned().collect() };
        #[expect(clippy::cast_possible_truncation, reason = "sums of money of a few units; casting saturates")]
        let micros = |amount: f64| (amount * 1_000_000.0).round() as i64;
        BroadcastOrder {
            segment: Segment {
                tenant: TenantId::new(&self.tenant),
                channel: ChannelId::new(&self.channel),
                label: self.label.clone(),
                seen_since: self.seen,
            },
            text: self.text.clone(),
            template: self.template.as_ref().map(template),
            per_minute: self.per_minute,
            budget_micros: self.budget.map(micros),
        }
    }
}

pub(super) fn run(command: &BroadcastCommand) -> u8 {
    match command {
        BroadcastCommand::Plan(args) => on(&args.file, async |operator, config| plan(&operator, args, &config).await),
        BroadcastCommand::Start(args) => on(&args.file, async |operator, config| start(&operator, args, &config).await),
        BroadcastCommand::List(args) => on(&args.file, async |operator, config| list(&operator, args, &config).await),
        BroadcastCommand::Show(args) => on(&args.file, async |operator, _| show(&operator, args).await),
        BroadcastCommand::Stop(args) => on(&args.file, async |operator, _| stop(&operator, args).await),
    }
}

async fn plan(operator: &Operator, args: &WhatArgs, config: &Config) -> Result<u8, ServiceError> {
    let order = args.order();
    let tenant = broadcasts::tenant_of(&config.tenants, &order.segment.tenant)?;
    let plan = broadcasts::plan(&Caller::command_line(), operator, tenant, &order, now()).await?;
    if args.json {
        say(format_args!("{:#}", serde_json::json!(BroadcastEstimate::of(&plan))));
    } else {
        say(format_args!("{} would be written to, for {}", plan.reached, money(Language::En, plan.cost_micros)));
        if let Some(enough) = plan.within_budget {
            say(format_args!("the budget is enough for {enough} of them"));
        }
        for (why, count) in &plan.refused {
            say(format_args!("{count} would not: {why}"));
        }
    }
    Ok(if plan.reached > 0 { exit::OK } else { exit::FOUND_WRONG })
}

async fn start(operator: &Operator, args: &WhatArgs, config: &Config) -> Result<u8, ServiceError> {
    let order = args.order();
    let tenant = broadcasts::tenant_of(&config.tenants, &order.segment.tenant)?;
    let row = broadcasts::start(&Caller::command_line(), operator, tenant, order, now()).await?;
    if args.json {
        say(format_args!("{:#}", serde_json::json!(BroadcastItem::of(&row))));
    } else {
        say(format_args!("{} goes on by itself while a daemon runs", row.id));
    }
    Ok(exit::OK)
}

async fn list(operator: &Operator, args: &BroadcastListArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let page = (None, usize::from(args.limit));
    let rows = broadcasts::list(&Caller::command_line(), operator, &tenants, page).await?;
    if args.json {
        let shown: Vec<BroadcastItem> = rows.iter().map(BroadcastItem::of).collect();
        say(format_args!("{:#}", serde_json::json!({ "broadcasts": shown })));
    } else {
        let cells = rows.iter().map(|row| {
            vec![
                moment(row.created_at),
                row.state.as_str().to_owned(),
                row.reason.clone().unwrap_or_default(),
                row.segment.channel.to_string(),
                row.segment.tenant.to_string(),
                row.id.to_string(),
            ]
        });
        let head = ["STARTED", "STATE", "REASON", "CHANNEL", "TENANT", "ID"];
        say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    }
    if rows.is_empty() {
        let stranger = names::stranger(&tenants, None, config);
        complain_about(format_args!("{}", stranger.unwrap_or_else(|| "no broadcasts there".to_owned())));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}

async fn show(operator: &Operator, args: &WhichArgs) -> Result<u8, ServiceError> {
    let (row, lines) = broadcasts::report(&Caller::command_line(), operator, args.id).await?;
    if args.json {
        say(format_args!("{:#}", serde_json::json!(BroadcastReport::of(&row, &lines))));
        return Ok(exit::OK);
    }
    let reason = row.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    say(format_args!("{}{reason}, started {} by {}", row.state.as_str(), moment(row.created_at), row.started_by));
    let cells = lines.iter().map(|line| {
        vec![
            line.state.clone(),
            line.message.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            line.reason.clone().unwrap_or_default(),
            line.count.to_string(),
            money(Language::En, line.cost_micros),
        ]
    });
    let head = ["RECIPIENTS", "MESSAGES", "REASON", "COUNT", "COST"];
    say(format_args!("{}", table(&head, &cells.collect::<Vec<_>>()).trim_end()));
    Ok(exit::OK)
}

async fn stop(operator: &Operator, args: &WhichArgs) -> Result<u8, ServiceError> {
    let called_back = broadcasts::stop(&Caller::command_line(), operator, args.id, now()).await?;
    if args.json {
        say(format_args!("{:#}", serde_json::json!({ "called_back": called_back })));
    } else {
        say(format_args!("stopped; {called_back} messages that had not left were called back"));
    }
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_pairs() {
        assert_eq!(pair("prenom=Anne=Marie"), Ok(("prenom".to_owned(), "Anne=Marie".to_owned())));
        assert!(pair("prenom").is_err());
    }
}
