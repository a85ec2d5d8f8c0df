//! Chaos day: one fault after the other while contacts write. Each must be told by the nodes' health, which `palabre doctor` and the
//! alerts read, and be over once it has ended.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::child::Child;
use super::installation::{Node, ServerKind};
use super::process_killer::{KillCounts, ProcessKiller};
use super::{NodeRuns, Options, TortureError, TortureRun, fault_profile};
use crate::gateway::simulator::{Fault, Faults, Rule};
use crate::lab::verdict::{Finding, Verdict};

/// Whoever watches must hear of a fault within this time, and that it is over.
const TOLD_WITHIN: Duration = Duration::from_secs(120);
/// Without PostgreSQL for longer, messages wait on the nodes' disks, and come back node by node: not in their order.
const WITHOUT_DATABASE: Duration = Duration::from_millis(2_500);
/// How often the nodes are asked.
const LOOK: Duration = Duration::from_millis(50);
/// A node that does not answer within this time is down for whoever asks.
const ANSWER: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChaosFault {
    NodeKilled,
    NodeStandsStill,
    DatabaseCrashed,
    RedisCrashed,
    ProviderDown,
    FileWrong,
}

impl ChaosFault {
    const ALL: [Self; 6] = [
        Self::NodeKilled,
        Self::NodeStandsStill,
        Self::DatabaseCrashed,
        Self::RedisCrashed,
        Self::ProviderDown,
        Self::FileWrong,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NodeKilled => "a node killed",
            Self::NodeStandsStill => "a node stands still",
            Self::DatabaseCrashed => "postgresql crashed and away",
            Self::RedisCrashed => "redis crashed and away",
            Self::ProviderDown => "the providers down",
            Self::FileWrong => "a tenant's file wrong",
        }
    }

    /// The part of `/api/health` that tells it. `None`: the node does not answer at all.
    const fn part(self) -> Option<&'static str> {
        match self {
            Self::NodeKilled | Self::NodeStandsStill => None,
            Self::DatabaseCrashed => Some("store"),
            Self::RedisCrashed => Some("redis"),
            Self::ProviderDown => Some("channels"),
            Self::FileWrong => Some("configuration"),
        }
    }
}

/// How one kind of fault was seen.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FaultTold {
    /// How often it was made.
    pub(super) times: u32,
    /// How often nobody told it in time.
    pub(super) unseen: u32,
    /// How often it was told long after it had ended.
    pub(super) not_over: u32,
    /// The longest time until it was told, and until it was over.
    pub(super) told_after_seconds: f64,
    pub(super) over_after_seconds: f64,
}

/// Every kind of fault, by its name.
pub(super) type FaultsTold = BTreeMap<&'static str, FaultTold>;

/// Whether each fault was told, and its end.
pub(super) fn verdict(told: &FaultsTold) -> Verdict {
    let mut finding = Finding::of("", "told");
    for fault in ChaosFault::ALL {
        let name = fault.as_str();
        let times = told.get(name).map_or(0, |told| told.times);
        finding.exercised(usize::try_from(times).unwrap_or(usize::MAX), name);
    }
    for (name, told) in told {
        finding.must(told.unseen == 0, || format!("{name}: {} of {} told by nobody", told.unseen, told.times));
        finding.must(told.not_over == 0, || format!("{name}: {} of {} told on and on", told.not_over, told.times));
    }
    let times: u32 = told.values().map(|told| told.times).sum();
    finding.verdict(format!("{times} faults, each told within two minutes and then over"))
}

/// The day: nodes that run, and what happens to them.
struct ChaosDay<'a> {
    run: &'a TortureRun,
    options: &'a Options,
    nodes: &'a [Node],
    killers: Vec<ProcessKiller>,
    children: Vec<Child>,
    /// A file that must not stand there.
    wrong_file: std::path::PathBuf,
    random: fastrand::Rng,
    told: FaultsTold,
    kills: u32,
}

/// Has contacts write for so long while faults happen, each kind at least once.
///
/// # Errors
/// [`TortureError`]
pub(super) async fn day(
    run: &TortureRun,
    options: &Options,
    (killers, nodes): (Vec<ProcessKiller>, &[Node]),
    (lasts, config): (Duration, &Path),
) -> Result<NodeRuns, TortureError> {
    // The providers do nothing wrong but when it is their turn.
    fault_profile::clear(&run.host);
    let (stop, stopping) = watch::channel(false);
    let mut day = ChaosDay {
        run,
        options,
        nodes,
        killers,
        children: Vec::new(),
        wrong_file: config.with_file_name("tenants").join("wrong.toml"),
        random: fastrand::Rng::with_seed(run.seed),
        told: FaultsTold::new(),
        kills: 0,
    };
    for killer in &mut day.killers {
        day.children.push(killer.final_run().await?);
    }
    let clients = run.clients(options, stopping);
    let begun = Instant::now();
    let mut first = ChaosFault::ALL.to_vec();
    day.random.shuffle(&mut first);
    while begun.elapsed() < lasts || !first.is_empty() {
        let any = ChaosFault::ALL[day.random.usize(..ChaosFault::ALL.len())];
        let fault = first.pop().unwrap_or(any);
        day.happens(fault).await?;
        let told = day.told.get(fault.as_str()).map_or(0.0, |told| told.told_after_seconds);
        run.tell(format_args!("{}, told within {told:.1} s", fault.as_str()));
        // A long day has quiet hours, a short one has none.
        let quiet = Duration::from_millis(day.random.u64(300..1_500)) + lasts / 400;
        tokio::time::sleep(quiet).await;
    }
    stop.send_replace(true);
    let kills = KillCounts { kills: day.kills, ..KillCounts::default() };
    let ended = day.killers.into_iter().flat_map(|killer| killer.ended).collect();
    Ok(NodeRuns { killed: kills, disturbed: BTreeMap::new(), daemons: day.children, ended, clients, told: day.told })
}

impl ChaosDay<'_> {
    async fn happens(&mut self, fault: ChaosFault) -> Result<(), TortureError> {
        let node = self.random.usize(..self.children.len());
        // Whatever was before must be over, or it would be taken for this one.
        let _ = self.within(fault, node, false, TOLD_WITHIN).await;
        let begun = Instant::now();
        self.begins(fault, node).await?;
        let told_within = if fault == ChaosFault::DatabaseCrashed { WITHOUT_DATABASE } else { TOLD_WITHIN };
        let is_told = self.within(fault, node, true, told_within).await;
        let told_after = begun.elapsed();
        let ended = Instant::now();
        self.ends(fault, node).await?;
        let is_over = self.within(fault, node, false, TOLD_WITHIN).await;
        let told = self.told.entry(fault.as_str()).or_default();
        told.times += 1;
        told.unseen += u32::from(!is_told);
        told.not_over += u32::from(!is_over);
        told.told_after_seconds = told.told_after_seconds.max(told_after.as_secs_f64());
        told.over_after_seconds = told.over_after_seconds.max(ended.elapsed().as_secs_f64());
        Ok(())
    }

    async fn begins(&mut self, fault: ChaosFault, node: usize) -> Result<(), TortureError> {
        match fault {
            ChaosFault::NodeKilled => {
                self.children[node].kill().map_err(TortureError::Server)?;
                self.kills += 1;
            }
            ChaosFault::NodeStandsStill => self.children[node].stand_still(true).map_err(TortureError::Server)?,
            ChaosFault::DatabaseCrashed => self.take_away(ServerKind::Database).await?,
            ChaosFault::RedisCrashed => self.take_away(ServerKind::Redis).await?,
            ChaosFault::ProviderDown => {
                self.run.host.set_faults(&Faults::of([Rule::always(Fault::ServerError(503))]));
            }
            ChaosFault::FileWrong => {
                std::fs::write(&self.wrong_file, "id = \"wrong").map_err(TortureError::Folder)?;
            }
        }
        Ok(())
    }

    async fn ends(&mut self, fault: ChaosFault, node: usize) -> Result<(), TortureError> {
        match fault {
            ChaosFault::NodeKilled => self.children[node] = self.killers[node].final_run().await?,
            ChaosFault::NodeStandsStill => self.children[node].stand_still(false).map_err(TortureError::Server)?,
            ChaosFault::DatabaseCrashed => self.nodes.iter().for_each(|node| node.bring_back(ServerKind::Database)),
            ChaosFault::RedisCrashed => self.nodes.iter().for_each(|node| node.bring_back(ServerKind::Redis)),
            ChaosFault::ProviderDown => fault_profile::clear(&self.run.host),
            ChaosFault::FileWrong => std::fs::remove_file(&self.wrong_file).map_err(TortureError::Folder)?,
        }
        Ok(())
    }

    async fn take_away(&self, server: ServerKind) -> Result<(), TortureError> {
        let gone: io::Result<()> = self.options.servers.take_away(server, self.nodes).await;
        gone.map_err(TortureError::Server)
    }

    /// Waits until a fault is told by a node, or by none any more.
    async fn within(&self, fault: ChaosFault, node: usize, told: bool, deadline: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < deadline {
            if self.is_told(fault, node).await == told {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    async fn is_told(&self, fault: ChaosFault, node: usize) -> bool {
        let ports = &self.options.servers.nodes;
        let Some(part) = fault.part() else {
            return match ports.get(node) {
                Some(port) => self.health(*port).await.is_none(),
                None => false,
            };
        };
        for port in ports {
            let report = self.health(*port).await;
            if report.is_some_and(|report| {
                report["components"][part]["status"].as_str().is_some_and(|status| status != "up")
            }) {
                return true;
            }
        }
        false
    }

    async fn health(&self, port: u16) -> Option<Value> {
        let asked = self.run.client.get(format!("http://127.0.0.1:{port}/api/health")).timeout(ANSWER).send();
        asked.await.ok()?.json().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> FaultsTold {
        let once = FaultTold { times: 1, ..FaultTold::default() };
        ChaosFault::ALL.into_iter().map(|fault| (fault.as_str(), once.clone())).collect()
    }

    #[test]
    fn a_fault_that_nobody_told_or_that_was_not_made_breaks_the_day() {
        assert!(verdict(&told()).holds);
        for (change, words) in [
            (FaultTold { times: 3, unseen: 1, ..FaultTold::default() }, "1 of 3 told by nobody"),
            (FaultTold { times: 3, not_over: 2, ..FaultTold::default() }, "2 of 3 told on and on"),
            (FaultTold::default(), "nothing to check: redis crashed and away"),
        ] {
            let mut told = told();
            told.insert(ChaosFault::RedisCrashed.as_str(), change);
            let verdict = verdict(&told);
            assert!(!verdict.holds && verdict.broken[0].contains(words), "{:?}", verdict.broken);
        }
    }
}
