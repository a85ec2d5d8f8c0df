//! The report of a torture, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::chaos::FaultsTold;
use super::evidence::{Evidence, UnknownShare};
use super::process_killer::KillCounts;
use crate::lab::verdict::Verdict;

#[derive(Debug, Serialize)]
pub(crate) struct TortureReport {
    /// Whether every promise held.
    pub(crate) holds: bool,
    /// Draws the same again.
    pub(super) seed: u64,
    /// The command that does.
    pub(super) repeat: String,
    /// What was done to the daemon.
    #[serde(flatten)]
    pub(super) killed: KillCounts,
    /// How many daemons there were at a time.
    pub(super) nodes: usize,
    /// What was done to the servers that they run on, how often.
    pub(super) disturbed: BTreeMap<&'static str, u64>,
    /// From the first start to the last look.
    pub(super) seconds: f64,
    /// Of them, after the last kill, until nothing was under way any more.
    pub(super) settling_seconds: f64,
    /// Contacts' side.
    pub(super) webhooks: Webhooks,
    /// Messages that the provider took.
    pub(super) taken: usize,
    /// What the provider did wrong, how often.
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// Messages in, by what came of them.
    pub(super) outcomes: BTreeMap<String, usize>,
    /// Messages out, by their final state.
    pub(super) states: BTreeMap<String, usize>,
    /// Messages whose outcome was unknown for a while, by network.
    pub(super) unknown: BTreeMap<&'static str, UnknownShare>,
    /// How often the whole machine stood still.
    pub(super) stalls: usize,
    /// Of a chaos day: how each kind of fault was told.
    #[serde(skip_serializing_if = "FaultsTold::is_empty")]
    pub(super) told: FaultsTold,
    pub(super) verdicts: Vec<Verdict>,
    /// The folder with configuration, database and log, when it stays.
    pub(super) kept: Option<PathBuf>,
}

/// What contacts did.
#[derive(Debug, Serialize)]
pub(super) struct Webhooks {
    pub(super) messages: usize,
    /// Messages with a 2xx.
    pub(super) acknowledged: usize,
    /// Webhooks, all copies counted.
    pub(super) posted: u32,
    /// Of them, those without an answer or with 503.
    pub(super) unanswered: u64,
    /// 2xx for what had one already.
    pub(super) repeated: u32,
}

impl Webhooks {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let posted = &evidence.posts.posted;
        Self {
            messages: posted.len(),
            acknowledged: posted.iter().filter(|posted| posted.acknowledged.is_some()).count(),
            posted: posted.iter().map(|posted| posted.posts).sum(),
            unanswered: evidence.posts.unanswered,
            repeated: posted.iter().map(|posted| posted.acknowledgements.saturating_sub(1)).sum(),
        }
    }
}

/// Counts words.
pub(super) fn counted<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

impl fmt::Display for TortureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KillCounts { kills, while_starting, while_sending } = self.killed;
        writeln!(f, "seed {}: {kills} kills in {:.0} seconds", self.seed, self.seconds)?;
        if self.nodes > 1 || !self.disturbed.is_empty() {
            writeln!(f, "  {} nodes; {}", self.nodes, list(&self.disturbed))?;
        }
        writeln!(f, "  {while_starting} before the daemon was ready, {while_sending} right after a send was taken")?;
        let webhooks = &self.webhooks;
        writeln!(
            f,
            "  {} messages in {} webhooks: {} without an answer or 503, {} acknowledged again",
            webhooks.messages, webhooks.posted, webhooks.unanswered, webhooks.repeated
        )?;
        writeln!(f, "  {} messages taken by the provider, whose faults were: {}", self.taken, list(&self.faults))?;
        writeln!(f, "  in:  {}", list(&self.outcomes))?;
        writeln!(f, "  out: {}", list(&self.states))?;
        for (network, share) in &self.unknown {
            let UnknownShare { messages, unknown, blind } = share;
            writeln!(
                f,
                "  {network}: the outcome of {unknown} of {messages} was unknown for a while, {blind} sent again blindly"
            )?;
        }
        writeln!(
            f,
            "  settled {:.1} seconds after the last kill; the machine stood still {} times",
            self.settling_seconds, self.stalls
        )?;
        for (fault, told) in &self.told {
            let (times, after, over) = (told.times, told.told_after_seconds, told.over_after_seconds);
            let alert =
                told.alert_after_seconds.map(|after| format!("its alert within {after:.0} s, ")).unwrap_or_default();
            writeln!(f, "  {times} times {fault}: told within {after:.1} s, {alert}over within {over:.1} s")?;
        }
        writeln!(f)?;
        for verdict in &self.verdicts {
            let mark = if verdict.holds { "✓" } else { "✗" };
            writeln!(f, "{mark} {:<6} {:<14} {}", verdict.id, verdict.name, verdict.checked)?;
            for broken in &verdict.broken {
                writeln!(f, "           {broken}")?;
            }
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "\nconfiguration, database and log are in {}", kept.display())?;
        }
        if !self.holds {
            writeln!(f, "\nagain: {}", self.repeat)?;
        }
        Ok(())
    }
}

fn list<K: fmt::Display, V: fmt::Display>(counts: &BTreeMap<K, V>) -> String {
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
