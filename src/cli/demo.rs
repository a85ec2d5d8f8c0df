//! `palabre demo`: its arguments.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{complain, complain_about, exit, explain, on_runtime};
use crate::lab::demo::paid_access::{self, AccessLoad, AccessOptions};
use crate::lab::demo::{self, DemoError, Ending, Options, Reasons};

/// The code of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Tell another story instead: a member of a paid chat pays, enters, cannot pay, is out, pays again
    #[arg(long, conflicts_with_all = ["stay", "seconds"])]
    access: bool,
    /// With --access, measure instead of telling a story: so many members pay while other messages go through, and it is taken
    /// how soon each has the way in
    #[arg(long, value_name = "N", requires = "access")]
    members: Option<u64>,
    /// With --members, messages of others in a second
    #[arg(long, value_name = "N", requires = "members", default_value_t = 500)]
    rate: u64,
    /// With --members, let so many other members' access end at one moment afterwards, and measure how they are worked off
    #[arg(long, value_name = "N", requires = "members", default_value_t = 0)]
    expiries: u64,
    /// Stay when all is said: print the URLs and let customers go on talking slowly, until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Let customers go on talking until so many seconds have passed since the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    seconds: u64,
    /// Keep the configuration, the database and the log in this folder, for `palabre explain` and `palabre serve`
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where the daemon listens; with port 0 on a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Print one JSON document at the end instead of the transcript
    #[arg(long)]
    json: bool,
}

/// Runs the demo; answers 1 when an invariant is broken.
pub(super) fn run(args: &DemoArgs) -> u8 {
    let options = Options {
        stay: args.stay,
        at_least: Duration::from_secs(args.seconds),
        keep: args.keep.clone(),
        listen: args.listen,
        json: args.json,
    };
    let reasons = Reasons { inbound: explain::why_inbound, outbound: explain::why_outbound };
    let other = AccessOptions { keep: args.keep.clone(), listen: args.listen, json: args.json };
    on_runtime(async {
        if let Some(members) = args.members {
            let load = AccessLoad { members, rate: args.rate, expiries: args.expiries };
            return match paid_access::measure(&other, load).await {
                Ok(()) => exit::OK,
                Err(error) => complain(&error),
            };
        }
        let ended = if args.access { paid_access::run(&other).await } else { demo::run(&options, reasons).await };
        match ended {
            Ok(Ending::Held) => exit::OK,
            Ok(Ending::Broken) => exit::FOUND_WRONG,
            Ok(Ending::Interrupted) => INTERRUPTED,
            Err(DemoError::Config(errors)) => {
                complain_about(format_args!("{errors}"));
                exit::FAILED
            }
            Err(error) => complain(&error),
        }
    })
}
