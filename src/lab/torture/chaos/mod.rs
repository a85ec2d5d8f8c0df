//! Chaos day: one fault after the other while contacts write and members pay. Each must be told by the nodes' health, make its alert
//! fire, be named by `palabre doctor`, and be over once it has ended.

mod fault;
mod members;
mod witnesses;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use tokio::sync::watch;

use self::fault::{ChaosFault, FaultKind};
pub(super) use self::members::Members;
use self::witnesses::Witnesses;
use super::child::Child;
use super::evidence::Stretch;
use super::installation::{Node, ServerKind, run_command, set_clock};
use super::process_killer::{KillCounts, ProcessKiller};
use super::{NodeRuns, Options, TortureError, TortureRun, fault_profile};
use crate::gateway::simulator::{Fault, Faults, Rule};
use crate::lab::verdict::{Finding, Verdict};
use crate::lab::waiting::comes_true_within;

/// Whoever watches must hear of a fault within this time, and that it is over.
const TOLD_WITHIN: Duration = Duration::from_secs(120);
/// Without PostgreSQL for longer, messages wait on the nodes' disks. Nobody waits for an alert then: it is over before that.
const WITHOUT_DATABASE: Duration = Duration::from_millis(2_500);
/// How long before a clock jumps a message was posted whose turn may see that, and the same afterwards.
const BEFORE: TimeDelta = TimeDelta::seconds(5);
/// How far a clock jumps, forward and back in turn.
const JUMP_SECONDS: i64 = 40;

/// How one kind of fault was seen.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FaultTold {
    /// How often it was made.
    pub(super) times: u32,
    /// How often nobody told it in time.
    pub(super) unseen: u32,
    /// How often no alert fired in time.
    pub(super) without_alert: u32,
    /// How often `palabre doctor` did not name it.
    pub(super) unnamed: u32,
    /// How often it was told long after it had ended.
    pub(super) not_over: u32,
    /// The longest time until it was told, until its alert fired, and until it was over.
    pub(super) told_after_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alert_after_seconds: Option<f64>,
    pub(super) over_after_seconds: f64,
}

/// Every kind of fault, by its name.
pub(super) type FaultsTold = BTreeMap<String, FaultTold>;

/// Whether each fault was told, and its end.
pub(super) fn verdict(options: &Options, told: &FaultsTold) -> Verdict {
    judged(&ChaosFault::all(&options.servers.surroundings), told)
}

fn judged(faults: &[ChaosFault], told: &FaultsTold) -> Verdict {
    let mut finding = Finding::of("", "told");
    for fault in faults {
        let times = told.get(&fault.name).map_or(0, |told| told.times);
        finding.exercised(usize::try_from(times).unwrap_or(usize::MAX), &fault.name);
    }
    for (name, told) in told {
        for (count, by_whom) in [
            (told.unseen, "told by nobody"),
            (told.without_alert, "without an alert"),
            (told.unnamed, "not named by `palabre doctor`"),
            (told.not_over, "told on and on"),
        ] {
            finding.must(count == 0, || format!("{name}: {count} of {} {by_whom}", told.times));
        }
    }
    let times: u32 = told.values().map(|told| told.times).sum();
    finding.verdict(format!("{times} faults, each told within two minutes and then over"))
}

/// The day: nodes that run, and what happens to them.
struct ChaosDay<'a> {
    run: &'a TortureRun,
    options: &'a Options,
    nodes: &'a [Node],
    members: &'a Members,
    witnesses: Witnesses,
    killers: Vec<ProcessKiller>,
    children: Vec<Child>,
    /// A file that must not stand there.
    wrong_file: std::path::PathBuf,
    random: fastrand::Rng,
    told: FaultsTold,
    kills: u32,
    jumps: u32,
    skewed: Vec<Stretch>,
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
    members: &Arc<Members>,
) -> Result<NodeRuns, TortureError> {
    // The providers do nothing wrong but when it is their turn.
    fault_profile::clear(&run.host);
    let surroundings = &options.servers.surroundings;
    let (stop, stopping) = watch::channel(false);
    let mut day = ChaosDay {
        run,
        options,
        nodes,
        members,
        witnesses: Witnesses {
            client: run.client.clone(),
            ports: options.servers.nodes.clone(),
            prometheus: surroundings.prometheus.clone(),
            config: config.to_owned(),
            usual: BTreeMap::new(),
        },
        killers,
        children: Vec::new(),
        wrong_file: config.with_file_name("tenants").join("wrong.toml"),
        random: fastrand::Rng::with_seed(run.seed),
        told: FaultsTold::new(),
        kills: 0,
        jumps: 0,
        skewed: Vec::new(),
    };
    for killer in &mut day.killers {
        day.children.push(killer.final_run().await?);
    }
    if surroundings.prometheus.is_some() {
        for (number, node) in nodes.iter().enumerate() {
            let usual = day.witnesses.complaints(node).await.map_err(TortureError::Server)?;
            day.witnesses.usual.insert(number, usual);
        }
    }
    let mut clients = run.clients(options, stopping.clone());
    let database = options.servers.database().unwrap_or_default().to_owned();
    clients.spawn(Arc::clone(members).come(database, stopping));
    let begun = Instant::now();
    let faults = ChaosFault::all(surroundings);
    let mut first = faults.clone();
    day.random.shuffle(&mut first);
    while begun.elapsed() < lasts || !first.is_empty() {
        let any = day.random.usize(..faults.len());
        let fault = first.pop().unwrap_or_else(|| faults[any].clone());
        day.happens(&fault).await?;
        let told = day.told.get(&fault.name).map_or(0.0, |told| told.told_after_seconds);
        run.tell(format_args!("{}, told within {told:.1} s", fault.name));
        // A long day has quiet hours, a short one has none.
        let quiet = Duration::from_millis(day.random.u64(300..1_500)) + lasts / 400;
        tokio::time::sleep(quiet).await;
    }
    stop.send_replace(true);
    let kills = KillCounts { kills: day.kills, ..KillCounts::default() };
    let ended = day.killers.into_iter().flat_map(|killer| killer.ended).collect();
    let (daemons, told, skewed) = (day.children, day.told, day.skewed);
    Ok(NodeRuns { killed: kills, disturbed: BTreeMap::new(), daemons, ended, clients, told, skewed })
}

impl ChaosDay<'_> {
    async fn happens(&mut self, fault: &ChaosFault) -> Result<(), TortureError> {
        let any = self.random.usize(..self.children.len());
        // The last node's clock is the one that can jump.
        let node = if matches!(fault.kind, FaultKind::ClockJumps) { self.children.len() - 1 } else { any };
        // Whatever was before must be over, or it would be taken for this one.
        let _ = self.within(fault, node, false, TOLD_WITHIN).await;
        let is_watched = self.options.servers.surroundings.prometheus.is_some();
        let (begun, begun_at) = (Instant::now(), Utc::now());
        self.begins(fault, node).await?;
        let is_short = fault.kind.keeps_messages() && !is_watched;
        let is_told = self.within(fault, node, true, if is_short { WITHOUT_DATABASE } else { TOLD_WITHIN }).await;
        let told_after = begun.elapsed();
        let (mut is_alerted, mut is_named, mut alert_after) = (true, true, None);
        if is_watched {
            is_alerted = self.until_alert(fault, true).await;
            alert_after = Some(begun.elapsed().as_secs_f64());
            let named = self.witnesses.names(fault, (node, &self.nodes[node])).await;
            is_named = named.map_err(TortureError::Server)?;
        }
        let ended = Instant::now();
        self.ends(fault, node).await?;
        let mut is_over = self.within(fault, node, false, TOLD_WITHIN).await;
        let over_after = ended.elapsed();
        if matches!(fault.kind, FaultKind::ClockJumps) {
            // What was posted just before has its turn meanwhile.
            self.skewed.push((begun_at - BEFORE, Utc::now() + BEFORE));
        }
        if is_watched {
            is_over &= self.until_alert(fault, false).await;
        }
        let told = self.told.entry(fault.name.clone()).or_default();
        told.times += 1;
        told.unseen += u32::from(!is_told);
        told.without_alert += u32::from(!is_alerted);
        told.unnamed += u32::from(!is_named);
        told.not_over += u32::from(!is_over);
        told.told_after_seconds = told.told_after_seconds.max(told_after.as_secs_f64());
        told.alert_after_seconds = alert_after.map(|after| told.alert_after_seconds.unwrap_or_default().max(after));
        told.over_after_seconds = told.over_after_seconds.max(over_after.as_secs_f64());
        Ok(())
    }

    async fn begins(&mut self, fault: &ChaosFault, node: usize) -> Result<(), TortureError> {
        match &fault.kind {
            FaultKind::NodeKilled => {
                self.children[node].kill().map_err(TortureError::Server)?;
                self.kills += 1;
            }
            FaultKind::NodeStandsStill => self.children[node].stand_still(true).map_err(TortureError::Server)?,
            FaultKind::ServerAway(server) => self.take_away(*server).await?,
            FaultKind::ProvidersDown => {
                let down = Faults::of([Rule::always(Fault::ServerError(503))]);
                self.run.host.set_faults(&down);
                self.members.set_faults(down);
            }
            FaultKind::FileWrong => {
                std::fs::write(&self.wrong_file, "id = \"wrong").map_err(TortureError::Folder)?;
            }
            FaultKind::ClockJumps => {
                let forward = self.jumps.is_multiple_of(2);
                self.jumps += 1;
                self.set_clock(if forward { JUMP_SECONDS } else { -JUMP_SECONDS })?;
            }
            FaultKind::Made(made) => {
                run_command(Some(made.begin.as_str())).await.map_err(TortureError::Server)?;
                if let Some(server) = made.away() {
                    self.take_away(server).await?;
                }
            }
        }
        Ok(())
    }

    async fn ends(&mut self, fault: &ChaosFault, node: usize) -> Result<(), TortureError> {
        match &fault.kind {
            FaultKind::NodeKilled => self.children[node] = self.killers[node].final_run().await?,
            FaultKind::NodeStandsStill => self.children[node].stand_still(false).map_err(TortureError::Server)?,
            FaultKind::ServerAway(server) => self.bring_back(*server),
            FaultKind::ProvidersDown => {
                fault_profile::clear(&self.run.host);
                self.members.set_faults(Faults::none());
            }
            FaultKind::FileWrong => std::fs::remove_file(&self.wrong_file).map_err(TortureError::Folder)?,
            FaultKind::ClockJumps => self.set_clock(0)?,
            FaultKind::Made(made) => {
                run_command(Some(made.end.as_str())).await.map_err(TortureError::Server)?;
                made.away().into_iter().for_each(|server| self.bring_back(server));
            }
        }
        Ok(())
    }

    async fn take_away(&self, server: ServerKind) -> Result<(), TortureError> {
        let gone: io::Result<()> = self.options.servers.take_away(server, self.nodes).await;
        gone.map_err(TortureError::Server)
    }

    fn bring_back(&self, server: ServerKind) {
        self.nodes.iter().for_each(|node| node.bring_back(server));
    }

    fn set_clock(&self, seconds: i64) -> Result<(), TortureError> {
        let clocks = self.nodes.iter().filter_map(|node| node.clock.as_deref());
        let mut set = clocks.map(|clock| set_clock(clock, seconds));
        set.try_for_each(|set| set.map_err(TortureError::Folder))
    }

    /// Waits until a fault is told by a node, or by none any more.
    async fn within(&self, fault: &ChaosFault, node: usize, told: bool, deadline: Duration) -> bool {
        comes_true_within(deadline, async || self.witnesses.tell(fault, node).await == told).await
    }

    /// Waits until a fault's alert fires, or does not any more.
    async fn until_alert(&self, fault: &ChaosFault, fires: bool) -> bool {
        comes_true_within(TOLD_WITHIN, async || self.witnesses.alerts(fault).await == Some(fires)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::Surroundings;
    use super::*;

    #[test]
    fn a_fault_that_nobody_told_or_that_was_not_made_breaks_the_day() {
        let faults = ChaosFault::all(&Surroundings::default());
        let once = FaultTold { times: 1, ..FaultTold::default() };
        let well: FaultsTold = faults.iter().map(|fault| (fault.name.clone(), once.clone())).collect();
        assert!(judged(&faults, &well).holds);
        for (change, words) in [
            (FaultTold { times: 3, unseen: 1, ..FaultTold::default() }, "1 of 3 told by nobody"),
            (FaultTold { times: 3, without_alert: 1, ..FaultTold::default() }, "1 of 3 without an alert"),
            (FaultTold { times: 3, unnamed: 3, ..FaultTold::default() }, "3 of 3 not named by `palabre doctor`"),
            (FaultTold { times: 3, not_over: 2, ..FaultTold::default() }, "2 of 3 told on and on"),
            (FaultTold::default(), "nothing to check: redis crashed and away"),
        ] {
            let mut told = well.clone();
            told.insert("redis crashed and away".to_owned(), change);
            let verdict = judged(&faults, &told);
            assert!(!verdict.holds && verdict.broken[0].contains(words), "{:?}", verdict.broken);
        }
    }
}
