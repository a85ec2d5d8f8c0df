//! `palabre demo --access`: a member's life in a minute. Months pass, because the clocks of the daemon and of Stripe can be
//! moved.

mod checks;
mod load;
mod narrator;
mod shop;
mod watcher;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use self::checks::{AccessEvidence, judge};
pub(crate) use self::load::{AccessLoad, measure};
use self::narrator::{Narrator, Observed};
use self::shop::{AWA, CREATOR, Shop, comes_true};
use super::transcript::Style;
use super::{DemoError, Ending, interruptions};
use crate::lab::printer::print_line;
use crate::lab::verdict::Verdict;
use crate::store::paid_access::GrantState;

/// What the demo is asked to do.
#[derive(Debug)]
pub(crate) struct AccessOptions {
    /// Keeps the configuration, the database and the log in this folder.
    pub(crate) keep: Option<PathBuf>,
    /// Where the daemon listens; with port 0 on a free port.
    pub(crate) listen: SocketAddr,
    /// Prints one JSON document at the end instead of the story.
    pub(crate) json: bool,
}

/// Tells the story, and checks what is left.
///
/// # Errors
/// [`DemoError`]
pub(crate) async fn run(options: &AccessOptions) -> Result<Ending, DemoError> {
    let (begun, style) = (Instant::now(), Style::of_stdout());
    let mut interrupted = interruptions()?;
    let shop = Shop::open(options.keep.as_deref(), options.listen, None).await?;
    if !options.json {
        print_line(format_args!(
            "{}",
            style.dim(
                "A creator sells entry to a chat. The clock is moved; everything else is real HTTP on this machine."
            )
        ));
    }
    let played = tokio::select! {
        played = Narrator::new(&shop, style, options.json).play() => Some(played),
        () = interrupted.come() => None,
    };
    let Some(played) = played else {
        shop.close().await;
        return Ok(Ending::Interrupted);
    };
    let evidence = collect(shop, played?).await?;
    let verdicts = judge(&evidence);
    print(&verdicts, &evidence, begun.elapsed(), options.json, style);
    Ok(if verdicts.iter().all(|verdict| verdict.holds) { Ending::Held } else { Ending::Broken })
}

/// Stops the daemon, and looks at what it left.
async fn collect(shop: Shop, observed: Observed) -> Result<AccessEvidence, DemoError> {
    // What was told last is applied within a second.
    comes_true(async || shop.payment_events().await.iter().all(|event| event.applied_at.is_some())).await;
    comes_true(async || shop.places().await.iter().all(|place| place.state == GrantState::In)).await;
    let events = shop.payment_events().await;
    let mut evidence = AccessEvidence {
        observed,
        kept: events.len(),
        applied: events.iter().filter(|event| event.applied_at.is_some()).count(),
        told: shop.told(),
        members: shop.members(),
        expected: [CREATOR, AWA].into(),
        state: shop.subscription().await.map(|row| row.state.as_str().to_owned()).unwrap_or_default(),
        places: shop.places().await.iter().map(|place| place.state.as_str().to_owned()).collect(),
        bans: shop.telegram.calls_of("banChatMember").len(),
        unbans: shop.telegram.calls_of("unbanChatMember").iter().filter(|call| call["only_if_banned"] == true).count(),
        refused: shop.stripe.refused(),
        log: String::new(),
        secrets: shop.secrets.clone(),
    };
    evidence.secrets.push(AWA.to_string());
    let folder = shop.close().await;
    evidence.log = std::fs::read_to_string(folder.log())?;
    Ok(evidence)
}

fn print(verdicts: &[Verdict], evidence: &AccessEvidence, took: Duration, json: bool, style: Style) {
    let holds = verdicts.iter().all(|verdict| verdict.holds);
    let days = evidence.observed.sightings.iter().map(|one| one.day).max().unwrap_or_default();
    if json {
        let document = json!({
            "holds": holds, "days": days, "seconds": took.as_secs_f64(), "webhooks": evidence.observed.posted.len(),
            "messages": evidence.told.len(), "checks": verdicts,
        });
        print_line(format_args!("{}", serde_json::to_string_pretty(&document).unwrap_or_default()));
        return;
    }
    print_line(format_args!("\n{days} days in {:.1} s, one process, real HTTP\n", took.as_secs_f64()));
    for verdict in verdicts {
        let mark = if verdict.holds { style.good("✓") } else { style.bad("✗") };
        print_line(format_args!("  {mark} {:<4}{:<13} {}", verdict.id, verdict.name, verdict.checked));
        for breach in &verdict.broken {
            print_line(format_args!("{}", style.bad(&format!("                      {breach}"))));
        }
    }
    let last = if holds { style.good("every check holds") } else { style.bad("a check failed") };
    print_line(format_args!("\n{last}"));
}
