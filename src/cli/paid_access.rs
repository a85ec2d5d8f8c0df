//! `palabre access …`: plans, members, what payment systems told; access by hand, cancellations, refunds, reconciliation.

mod chat_audit;
mod given;

use std::sync::Arc;

use clap::{Args, Subcommand};
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::SubscriptionState;
use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId, TenantId};
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::Pending;
use serde_json::json;
use uuid::Uuid;

use super::optout::among;
use super::terminal::{moment, now, table};
use super::{ConfigFile, complain, complain_about, exit, load, mask, names, on_runtime, say};
use crate::app;
use crate::config::Config;
use crate::service::Caller;
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
use crate::service::paid_access::{self as access, AccessError, MemberView, PaidAccess, Reconciled};
use crate::store::operator::Operator;
use crate::store::paid_access::{Money, PaymentEventFilter, SubscriptionFilter};

/// What to do with paid access.
#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// What is sold
    Plans(WhichTenants),
    /// Who bought, until when, and whether they are in
    #[command(after_help = "Examples:\n  \
        palabre access members --tenant belle --state grace     whose renewal failed\n  \
        palabre access members --plan premium --json\n\n\
        Addresses are masked unless --reveal is given. Exit code 0: something fits; 1: nothing does.")]
    Members(MembersArgs),
    /// What payment systems told, the newest first, and what came of it
    Events(EventsArgs),
    /// Give somebody access by hand
    #[command(
        after_help = "Example:\n  palabre access grant --tenant belle --plan premium telegram:123456789 --for 30d"
    )]
    Grant(given::GrantArgs),
    /// End somebody's access at once, and the renewal; nothing is given back
    Revoke(OneSubscription),
    /// Give a purchase to another account: the old one has to leave, the new one is invited; once in thirty days
    #[command(
        after_help = "Example:\n  palabre access move 0190a0b0-0000-7000-8000-000000000001 telegram:123456789\n\n\
        A payer moves a purchase by themselves on their own page, once it has been on an account for thirty days."
    )]
    Move(given::MoveArgs),
    /// End a subscription at the end of what is paid
    Cancel(CancelArgs),
    /// Give the last payment back, which ends what it paid for; a subscription is renewed all the same until it is cancelled
    Refund(OneSubscription),
    /// Compare every subscription with Stripe and every payment in Stars with the bots' lists, and mend what differs
    Reconcile(WhichTenants),
    /// Compare every paid chat with the ledgers: who is in and should not be, who should be in and is not
    #[command(after_help = "Examples:\n  \
        palabre access audit --tenant belle          what the daemon would find now\n  \
        palabre access audit --tenant belle --json\n\n\
        It looks and changes nothing: the daemon does the same every day, and removes who should not be in where the plan has \
        `removes_strangers`. Addresses are masked unless --reveal is given. Exit code 0: all are where they should be; 1: \
        somebody is not, or a bot may not let people in and out.")]
    Audit(chat_audit::AuditArgs),
    /// Make a tenant's account at Stripe, or complete it: prints the page on which the creator does it
    Connect(ConnectArgs),
}

#[derive(Debug, Args)]
pub(super) struct WhichTenants {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct MembersArgs {
    #[command(flatten)]
    which: WhichTenants,
    /// Of this plan
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// In this state: pending, active, grace, expired, revoked
    #[arg(long, value_name = "STATE")]
    state: Option<SubscriptionState>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Only those before this one: the next page
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    before: Option<Uuid>,
    /// Show whole addresses
    #[arg(long)]
    reveal: bool,
}

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    which: WhichTenants,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

#[derive(Debug, Args)]
pub(super) struct OneSubscription {
    #[command(flatten)]
    file: ConfigFile,
    /// The subscription's id
    #[arg(value_name = "ID", value_parser = names::listed)]
    id: Uuid,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    one: OneSubscription,
    /// At once, not at the end of what is paid
    #[arg(long)]
    now: bool,
}

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Whose account
    #[arg(long, value_name = "ID")]
    tenant: String,
}

/// Runs it. The daemon does what follows of a change within a second: what its member is told, and the way in or out.
pub(super) fn run(command: &AccessCommand) -> u8 {
    match command {
        AccessCommand::Plans(args) => with(&args.file, async |access| plans(&access, args)),
        AccessCommand::Members(args) => with(&args.which.file, async |access| members(&access, args).await),
        AccessCommand::Events(args) => with(&args.which.file, async |access| events(&access, args).await),
        AccessCommand::Grant(args) => with(&args.file, async |access| given::grant(&access, args).await),
        AccessCommand::Revoke(args) => with(&args.file, async |access| {
            access::revoke(&Caller::command_line(), &access, args.id, now()).await?;
            done("access ends now")
        }),
        AccessCommand::Move(args) => with(&args.one.file, async |access| given::move_to(&access, args).await),
        AccessCommand::Cancel(args) => with(&args.one.file, async |access| {
            access::cancel(&Caller::command_line(), &access, args.one.id, args.now, now()).await?;
            done(if args.now { "the subscription has ended" } else { "the subscription ends with what is paid" })
        }),
        AccessCommand::Refund(args) => with(&args.file, async |access| {
            access::refund(&Caller::command_line(), &access, args.id, now()).await?;
            done("the last payment is given back")
        }),
        AccessCommand::Reconcile(args) => with(&args.file, async |access| {
            let tenants = among(&args.tenant);
            let Reconciled { looked_at, found, booked, failed } =
                access::reconcile(&Caller::command_line(), &access, &tenants, now()).await?;
            if args.json {
                let report =
                    json!({ "looked_at": looked_at, "found": found, "stars_booked": booked, "failed": failed });
                say(format_args!("{report}"));
            } else {
                say(format_args!(
                    "{looked_at} purchases by card compared, {found} found of whose payment nothing was told, {booked} payments in \
                     Stars booked, {failed} could not be looked at"
                ));
            }
            Ok(if failed == 0 { exit::OK } else { exit::FAILED })
        }),
        AccessCommand::Audit(args) => with(&args.which.file, async |access| chat_audit::run(&access, args).await),
        AccessCommand::Connect(args) => with(&args.file, async |access| {
            let tenant = TenantId::new(&args.tenant);
            let (account, page) = access::connect(&Caller::command_line(), &access, &tenant).await?;
            say(format_args!("account: {account}\nThe creator completes it here: {page}"));
            say(format_args!("Then put `account = \"{account}\"` under `[stripe]` into the tenant's file."));
            Ok(exit::OK)
        }),
    }
}

fn with(file: &ConfigFile, work: impl AsyncFnOnce(PaidAccess) -> Result<u8, AccessError>) -> u8 {
    let Some(config) = load(&file.config) else { return exit::FOUND_WRONG };
    on_runtime(async {
        let operator = match Operator::open(&config.database.url).await {
            Ok(operator) => operator,
            Err(error) => return complain(&error),
        };
        let Some(access) = connected(&config, operator) else {
            complain_about(format_args!("nothing is sold here: no tenant has `[[plans]]` (docs/access.md)"));
            return exit::FOUND_WRONG;
        };
        work(access).await.unwrap_or_else(|error| complain(&error))
    })
}

fn connected(config: &Config, operator: Operator) -> Option<PaidAccess> {
    let tenants: Vec<_> = config.tenants.iter().cloned().map(Arc::new).collect();
    let access = app::paid_access::connect(config, &tenants, operator, Arc::new(NoDaemon));
    access.sells().then_some(access)
}

fn done(text: &str) -> Result<u8, AccessError> {
    say(format_args!("{text}"));
    Ok(exit::OK)
}

fn plans(access: &PaidAccess, args: &WhichTenants) -> Result<u8, AccessError> {
    let found = access::plans(&Caller::command_line(), access, &among(&args.tenant))?;
    if args.json {
        let plans: Vec<_> = found
            .iter()
            .map(|(tenant, plan)| {
                json!({
                    "tenant_id": tenant.as_str(), "id": plan.id, "name": plan.name, "price": plan.price,
                    "currency": plan.currency.as_str(), "every": plan.every.as_str(), "stars": plan.stars,
                    "chats": plan.chats.len(),
                })
            })
            .collect();
        say(format_args!("{}", json!({ "plans": plans })));
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(tenant, plan)| {
                let money = |price: u64| Money {
                    amount: price.try_into().unwrap_or(i64::MAX),
                    currency: plan.currency.to_string(),
                };
                let price = plan.price.map(|price| access::amount(&money(price), Language::En)).unwrap_or_default();
                let stars = plan.stars.map(|stars| stars.to_string()).unwrap_or_default();
                vec![
                    tenant.to_string(),
                    plan.id.clone(),
                    plan.name.clone(),
                    price,
                    plan.every.as_str().to_owned(),
                    stars,
                ]
            })
            .collect();
        say(format_args!("{}", table(&["TENANT", "PLAN", "NAME", "PRICE", "EVERY", "STARS"], &rows)));
    }
    Ok(if found.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

async fn members(access: &PaidAccess, args: &MembersArgs) -> Result<u8, AccessError> {
    let filter = SubscriptionFilter { plan: args.plan.clone(), state: args.state, before: args.before, typed: None };
    let tenants = among(&args.which.tenant);
    let found = access::members(&Caller::command_line(), access, &tenants, &filter, usize::from(args.limit)).await?;
    let who = |member: &MemberView| match &member.subscription.address {
        Some(address) if args.reveal => address.as_str().to_owned(),
        Some(address) => mask::contact(address, ""),
        None => "-".to_owned(),
    };
    if args.which.json {
        let members: Vec<_> = found
            .iter()
            .map(|member| {
                let row = &member.subscription;
                json!({
                    "id": row.id, "tenant_id": row.tenant.as_str(), "plan_id": row.plan, "state": row.state.as_str(),
                    "address": who(member), "paid_with": row.payer.as_str(),
                    "current_period_end": row.current_period_end, "grace_until": row.grace_until,
                    "chats": member.places.iter().map(|place| place.state.as_str()).collect::<Vec<_>>(),
                    "created_at": row.created_at,
                })
            })
            .collect();
        say(format_args!("{}", json!({ "members": members })));
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|member| {
                let row = &member.subscription;
                let until = row.grace_until.or(row.current_period_end).map(moment).unwrap_or_default();
                let places: Vec<&str> = member.places.iter().map(|place| place.state.as_str()).collect();
                vec![
                    row.id.to_string(),
                    row.tenant.to_string(),
                    row.plan.clone(),
                    who(member),
                    row.state.as_str().to_owned(),
                    until,
                    row.payer.as_str().to_owned(),
                    places.join(" "),
                ]
            })
            .collect();
        let head = ["ID", "TENANT", "PLAN", "MEMBER", "STATE", "UNTIL", "PAID WITH", "CHATS"];
        say(format_args!("{}", table(&head, &rows)));
    }
    Ok(if found.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

async fn events(access: &PaidAccess, args: &EventsArgs) -> Result<u8, AccessError> {
    let tenants = among(&args.which.tenant);
    let found = access::events(
        &Caller::command_line(),
        access,
        &tenants,
        &PaymentEventFilter::default(),
        usize::from(args.limit),
    )
    .await?;
    if args.which.json {
        let events: Vec<_> = found
            .iter()
            .map(|event| {
                json!({
                    "id": event.id, "tenant_id": event.tenant.as_str(), "provider": event.provider, "type": event.kind,
                    "livemode": event.is_live, "subscription_id": event.subscription, "outcome": event.outcome,
                    "attempts": event.attempts, "received_at": event.received_at, "applied_at": event.applied_at,
                })
            })
            .collect();
        say(format_args!("{}", json!({ "events": events })));
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|event| {
                let outcome = event.outcome.clone().unwrap_or_else(|| "waits".to_owned());
                vec![moment(event.received_at), event.tenant.to_string(), event.kind.clone(), outcome]
            })
            .collect();
        say(format_args!("{}", table(&["RECEIVED", "TENANT", "WHAT", "OUTCOME"], &rows)));
    }
    Ok(if found.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

/// Nothing is sent from the command line: the daemon does what follows of a change.
struct NoDaemon;

const NO_DAEMON: NotSent =
    NotSent::Later { word: "no_daemon", hint: "only a running daemon can do this: use the console or the API" };

impl Outgoing for NoDaemon {
    fn send(&self, _: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NO_DAEMON) })
    }

    fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NO_DAEMON) })
    }

    fn request(&self, _: TenantId, _: ConversationId, _: Request) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(async { Err(NO_DAEMON) })
    }
}
