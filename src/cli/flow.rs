//! `palabre flow check | graph | try`: the tenants' flows, without a daemon.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;

use clap::{Args, Subcommand};
use palabre_actors::domain::booking::{Agenda, BookingChange};
use palabre_actors::domain::flow::graph::PictureWords;
use palabre_actors::domain::flow::{Effect, Flow, Flows, Milestone, Move, Running, Saying, Scene, graph, picture};
use palabre_actors::domain::folding::fold;
use palabre_actors::domain::rules::{Facts, Rules, TextName};
use palabre_actors::domain::waiting::WaitingChange;

use super::terminal::now;
use super::{ConfigFile, complain_about, exit, load_without_secrets, say};
use crate::config::Tenant;

/// What to do with flows.
#[derive(Debug, Subcommand)]
pub(super) enum FlowCommand {
    /// Check every tenant's flows: names, texts, and a way out of every step
    #[command(after_help = "Exit code 0: they hold; 1: something is wrong, with file and line.")]
    Check(FlowFileArgs),
    /// Draw a flow as Mermaid's text, which many editors show as a picture, or as SVG
    #[command(after_help = "Examples:\n  palabre flow graph --tenant institut-belle booking > booking.mmd\n  \
        palabre flow graph --tenant institut-belle booking --svg > booking.svg")]
    Graph(GraphArgs),
    /// Talk with a tenant's flows here in the terminal: nothing is sent and nothing is written
    #[command(after_help = "Example:\n  palabre flow try --tenant institut-belle\n\n\
        Lines are what a customer writes. What a flow would write down stands in brackets.")]
    Try(TryArgs),
}

#[derive(Debug, Args)]
pub(super) struct FlowFileArgs {
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// The flow's name
    flow: String,
    /// Draw it as a picture (SVG), which every browser shows
    #[arg(long)]
    svg: bool,
}

#[derive(Debug, Args)]
pub(super) struct TryArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
}

pub(super) fn run(command: &FlowCommand) -> u8 {
    match command {
        FlowCommand::Check(args) => check(args),
        FlowCommand::Graph(args) => with_flows(&args.file, &args.tenant, |_, flows| draw(flows, args)),
        FlowCommand::Try(args) => with_flows(&args.file, &args.tenant, |tenant, flows| talk(&tenant.rules, flows)),
    }
}

fn check(args: &FlowFileArgs) -> u8 {
    let Some(config) = load_without_secrets(&args.file.config) else { return exit::FOUND_WRONG };
    for tenant in &config.tenants {
        for flow in tenant.rules.flows().map(Flows::all).unwrap_or_default() {
            say(format_args!("{}: {} ({} steps) holds", tenant.id, flow.name, flow.steps.len()));
        }
    }
    exit::OK
}

fn with_flows(file: &ConfigFile, id: &str, work: impl FnOnce(&Tenant, &Flows) -> u8) -> u8 {
    let Some(config) = load_without_secrets(&file.config) else { return exit::FOUND_WRONG };
    let Some(tenant) = config.tenants.iter().find(|tenant| tenant.id.as_str() == id) else {
        complain_about(format_args!("there is no tenant `{id}`"));
        return exit::FOUND_WRONG;
    };
    match tenant.rules.flows() {
        Some(flows) => work(tenant, flows),
        None => {
            complain_about(format_args!("the tenant `{id}` has no flows: add `[[flows]]` to its file"));
            exit::FOUND_WRONG
        }
    }
}

fn draw(flows: &Flows, args: &GraphArgs) -> u8 {
    let name = args.flow.as_str();
    let Some(flow) = flows.all().iter().find(|flow| flow.name == name) else {
        let known: Vec<&str> = flows.all().iter().map(|flow: &Flow| flow.name.as_str()).collect();
        complain_about(format_args!("there is no flow `{name}`; there are {}", known.join(", ")));
        return exit::FOUND_WRONG;
    };
    let words = if flows.is_english() { PictureWords::ENGLISH } else { PictureWords::FRENCH };
    let drawn = match args.svg {
        true => picture::svg(flow, &BTreeMap::new(), words),
        false => graph::mermaid(flow, words),
    };
    say(format_args!("{}", drawn.trim_end()));
    exit::OK
}

/// Reads what a customer writes, line by line, and prints what comes back.
fn talk(rules: &Rules, flows: &Flows) -> u8 {
    let mut agenda = Arc::new(Agenda::default());
    let mut running: Option<Running> = None;
    if io::stdin().is_terminal() {
        complain_about(format_args!("write what a customer would write; an empty line or Ctrl-D ends it"));
    }
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if line.trim().is_empty() {
            break;
        }
        let folded = fold(&line);
        let knows = |text: &str| !rules.read_faq(text).answers.is_empty();
        let scene = Scene {
            now: now(),
            text: &line,
            folded: &folded,
            location: None,
            agenda: &agenda,
            contact_name: None,
            phone: None,
            knows: &knows,
        };
        let made = flows.listen(running.as_ref(), &scene);
        match made {
            Some(made) => {
                for change in changes(&made) {
                    Arc::make_mut(&mut agenda).apply(&change);
                }
                tell(rules, &line, &made);
                running = if made.hand_over { None } else { made.running };
            }
            None => {
                say(format_args!("{}", answer(rules, &line).unwrap_or_else(|| "[no flow and no FAQ entry]".to_owned())))
            }
        }
    }
    exit::OK
}

fn changes(made: &Move) -> Vec<BookingChange> {
    let of = |effect: &Effect| match effect {
        Effect::Booking(change) => Some(change.clone()),
        _ => None,
    };
    made.effects.iter().filter_map(of).collect()
}

fn answer(rules: &Rules, line: &str) -> Option<String> {
    let entry = rules.read_faq(line).answers.first().copied()?;
    rules.write(TextName::Answer(entry), &Facts { body: line, contact_name: None })?.ok()
}

fn tell(rules: &Rules, line: &str, made: &Move) {
    for saying in &made.sayings {
        match saying {
            Saying::Text(text) => say(format_args!("{text}")),
            Saying::Answer { then } => {
                say(format_args!("{}\n{then}", answer(rules, line).unwrap_or_default()));
            }
        }
    }
    for effect in &made.effects {
        match effect {
            Effect::Booking(BookingChange::Hold(booking)) => {
                say(format_args!(
                    "[{} with {} is kept free from {}]",
                    booking.service, booking.resource, booking.starts_at
                ));
            }
            Effect::Booking(BookingChange::Move(booking)) => {
                say(format_args!("[{} is moved to {} with {}]", booking.service, booking.starts_at, booking.resource));
            }
            Effect::Booking(BookingChange::Late(_, minutes)) => say(format_args!("[{minutes} minutes late]")),
            Effect::Booking(BookingChange::Become(_, state)) => say(format_args!("[a booking is {state} now]")),
            Effect::Remind { at, .. } => say(format_args!("[a reminder at {at}]")),
            Effect::HoldEnds { .. } => {}
            Effect::Waiting(WaitingChange::Join(entry)) => say(format_args!("[waits for {}]", entry.service)),
            Effect::Waiting(WaitingChange::Become(_, state)) => {
                say(format_args!("[an entry of the waiting list is {state} now]"))
            }
            Effect::Lead(lead) => say(format_args!("[a lead{}]", if lead.urgent { ", urgent" } else { "" })),
            Effect::Offer { text, .. } => say(format_args!("[an offer: {text}]")),
        }
    }
    for (flow, milestone) in &made.milestones {
        match milestone {
            Milestone::Started => say(format_args!("[{flow} begins]")),
            Milestone::Completed => say(format_args!("[{flow} is finished]")),
            Milestone::Abandoned(why) => say(format_args!("[{flow} ends: {why}]")),
        }
    }
    if made.hand_over {
        say(format_args!("[a person has the conversation now]"));
    }
}
