//! Runs the load: connections that post, and the server that takes replies, on one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

use super::connection::Connection;
use super::ledger::{Ledger, Sequence, Verdict};
use super::measurements::Measurements;
use super::process::{Process, Usage};
use super::progress::Snapshot;
use super::report::{self, LoadReport, Shape};
use super::schedule::{Arrival, Draw, Pick, Queue, Schedule};
use super::sink::{Sink, responders};
use super::target::Target;
use super::webhooks::{Run, Webhooks};
use crate::gateway::simulator::SimulatorError;
use crate::gateway::simulator::load::{Draft, LoadSent};

/// How often usage is read and progress shown.
const TICK: Duration = Duration::from_secs(1);

/// What load to drive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) pace: Pace,
    /// The most at once.
    pub(crate) connections: usize,
    /// Posting lasts this long after the warm-up; `once` may end it before.
    pub(crate) duration: Duration,
    pub(crate) warmup: Duration,
    pub(crate) conversations: u32,
    /// One message for each conversation, and the run is over.
    pub(crate) once: bool,
    /// The share of webhooks that repeat an earlier one.
    pub(crate) duplicates: f64,
    /// How long to wait for replies once nothing is posted any more; `None`: not at all.
    pub(crate) grace: Option<Duration>,
    /// How long to listen for surplus replies when the last one is there.
    pub(crate) linger: Duration,
    pub(crate) seed: u64,
}

/// When webhooks leave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// On a schedule, whatever the answers do.
    Open {
        schedule: Schedule,
        /// Its rate, for the report.
        per_second: f64,
    },
    /// Each connection posts as soon as it has its answer.
    Closed,
}

/// Drives a load and reports what was measured. Call it inside a `LocalSet`; the listeners are those of `target.providers`.
/// An interruption (Ctrl-C) ends it early, with a report.
///
/// # Errors
/// As [`Webhooks::new`].
pub(super) async fn drive(
    target: &Target,
    load: &Load,
    listeners: Vec<TcpListener>,
    daemon: Option<Process>,
    tell: impl Fn(&Snapshot) + 'static,
) -> Result<LoadReport, SimulatorError> {
    let run = Rc::new(LoadRun::new(target, load)?);
    let mut tasks = BackgroundTasks::default();
    for (listener, responder) in listeners.into_iter().zip(responders(target, run.run_number)) {
        let taking = Rc::clone(&run);
        let sink = Rc::new(Sink::new(responder, move |sent| taking.take(&sent)));
        tasks.spawn(sink.serve(listener));
    }
    let interrupted = Rc::clone(&run);
    tasks.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.halt();
        }
    });
    let own_before = Process::own().usage();
    let before = daemon.and_then(Process::usage);
    let samples = Rc::new(RefCell::new(Vec::new()));
    tasks.spawn(Rc::clone(&run).observe(daemon, Rc::clone(&samples), tell));

    post_all(&run, load).await;
    let posting = run.now();
    let waiting_after_posting = run.ledger.borrow().count().waiting;
    if let Some(grace) = load.grace {
        run.wait_for_replies(grace).await;
        run.linger(load.linger).await;
    }
    let used = daemon.zip(before).and_then(|(process, before)| {
        let samples = samples.borrow().clone();
        Some(report::Used { pid: process.0, before, after: process.usage()?, samples })
    });
    let own = own_before.zip(Process::own().usage());
    let ended = Ended { posting, waiting_after_posting, used, own };
    Ok(run.report(target, load, &ended))
}

/// Posts until the load is over: time is up, every conversation had its message, or somebody interrupts.
async fn post_all(run: &Rc<LoadRun>, load: &Load) {
    let until = if load.once { Duration::MAX } else { load.warmup.saturating_add(load.duration) };
    let posting = |_| {
        let run = Rc::clone(run);
        let closed = matches!(load.pace, Pace::Closed);
        spawn_local(async move {
            let (mut connection, mut draft) = (Connection::to(run.daemon), Draft::default());
            loop {
                let next = if closed { run.at_once(until) } else { run.queue.next().await };
                let Some(arrival) = next else { return };
                if run.halted.get() {
                    // It is one of those that were due and never left.
                    run.queue.push(arrival);
                    return;
                }
                run.post(&mut connection, &mut draft, arrival).await;
            }
        })
    };
    let connections: Vec<JoinHandle<()>> = (0..load.connections.max(1)).map(posting).collect();
    if let Pace::Open { schedule, .. } = load.pace {
        run.keep_schedule(schedule, until).await;
    }
    let done = futures_util::future::join_all(connections);
    tokio::pin!(done);
    // What was due in time may leave late, but not for ever. (Closed loops end by themselves.)
    let grace = load.grace.unwrap_or_default().saturating_add(TICK);
    if matches!(load.pace, Pace::Open { .. }) && tokio::time::timeout(grace, &mut done).await.is_err() {
        run.halt();
    }
    done.await;
}

/// What all tasks of a run share; they live on one thread.
struct LoadRun {
    began: Instant,
    warmup: Duration,
    daemon: std::net::SocketAddr,
    run_number: u64,
    webhooks: Webhooks,
    draw: RefCell<Draw>,
    queue: Queue,
    ledger: RefCell<Ledger>,
    measurements: RefCell<Measurements>,
    halted: Cell<bool>,
    /// Halted, or no reply is waited for any more.
    news: Notify,
}

struct Ended {
    posting: Duration,
    waiting_after_posting: u64,
    used: Option<report::Used>,
    own: Option<(Usage, Usage)>,
}

impl LoadRun {
    fn new(target: &Target, load: &Load) -> Result<Self, SimulatorError> {
        // Ids must be new in every run, also with the same seed.
        let mut random = fastrand::Rng::new();
        Ok(Self {
            began: Instant::now(),
            warmup: load.warmup,
            daemon: target.daemon,
            run_number: random.u64(..),
            webhooks: Webhooks::new(target, Run::fresh(&mut random))?,
            draw: RefCell::new(Draw::new(load.seed, load.conversations, load.duplicates, load.once)),
            queue: Queue::default(),
            ledger: RefCell::new(Ledger::new(target.matching)),
            measurements: RefCell::default(),
            halted: Cell::new(false),
            news: Notify::new(),
        })
    }

    /// Since the beginning.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn halt(&self) {
        self.halted.set(true);
        self.queue.close();
        self.news.notify_one();
    }

    fn counts(&self, due: Duration) -> bool {
        due >= self.warmup
    }

    /// The next webhook of a closed loop.
    fn at_once(&self, until: Duration) -> Option<Arrival> {
        let due = self.now();
        let pick = if due < until { self.draw.borrow_mut().next() } else { None };
        pick.map(|pick| Arrival { pick, due })
    }

    /// Puts webhooks into the queue when they are due, then closes it.
    async fn keep_schedule(&self, schedule: Schedule, until: Duration) {
        for arrival in 0.. {
            let due = schedule.instant_of(arrival);
            if due >= until || self.halted.get() {
                break;
            }
            if due > self.now() {
                tokio::time::sleep_until((self.began + due).into()).await;
            } else if arrival % 64 == 0 {
                // Far behind: let the connections work it off meanwhile.
                tokio::task::yield_now().await;
            }
            let Some(pick) = self.draw.borrow_mut().next() else { break };
            self.queue.push(Arrival { pick, due });
            if self.counts(due) {
                self.measurements.borrow_mut().lateness.record(self.now().saturating_sub(due));
            }
        }
        self.queue.close();
    }

    async fn post(&self, connection: &mut Connection, draft: &mut Draft, arrival: Arrival) {
        let Some((sequence, conversation)) = self.message_of(arrival) else { return };
        let repeats = matches!(arrival.pick, Pick::Repeat { .. });
        let request = self.webhooks.write(sequence, conversation, draft);
        let posted = self.now();
        self.ledger.borrow_mut().posted(sequence, posted);
        {
            let mut measurements = self.measurements.borrow_mut();
            measurements.posted += 1;
            measurements.in_flight += 1;
            measurements.repeats += u64::from(repeats);
        }
        let answer = connection.post(request).await;
        let at = self.now();
        match answer {
            Ok(200) => self.ledger.borrow_mut().accepted(sequence, at),
            _ => self.ledger.borrow_mut().not_accepted(sequence),
        }
        let mut measurements = self.measurements.borrow_mut();
        measurements.in_flight -= 1;
        let status = match answer {
            Ok(status) => status,
            Err(broken) => {
                *measurements.broken.entry(broken).or_default() += 1;
                return;
            }
        };
        let answers = if repeats { &mut measurements.repeat_answers } else { &mut measurements.answers };
        *answers.entry(status).or_default() += 1;
        if status == 200 && self.counts(arrival.due) {
            let latency = at.saturating_sub(arrival.due);
            if repeats {
                measurements.repeated.record(latency);
            } else {
                measurements.webhooks.record(latency);
                measurements.taken.happened(at);
            }
        }
    }

    /// The message that an arrival is about; `None` when there cannot be one.
    fn message_of(&self, arrival: Arrival) -> Option<(Sequence, u32)> {
        let mut ledger = self.ledger.borrow_mut();
        match arrival.pick {
            Pick::Fresh { conversation } => Some((ledger.add(conversation, arrival.due)?, conversation)),
            Pick::Repeat { back } => ledger.back(back),
        }
    }

    /// A send that the provider's side took.
    fn take(&self, sent: &LoadSent<'_>) {
        let at = self.now();
        let mut ledger = self.ledger.borrow_mut();
        let verdict = match self.webhooks.run().find_in(&sent.text) {
            Some(Ok(sequence)) => ledger.replied(sequence, at),
            Some(Err(_)) => ledger.foreign(),
            None => match sent.channel.and_then(|channel| self.webhooks.conversation(channel, &sent.to)) {
                Some(conversation) => ledger.replied_in(conversation, at),
                None => ledger.foreign(),
            },
        };
        if let Verdict::Reply { due } = verdict
            && self.counts(due)
        {
            let mut measurements = self.measurements.borrow_mut();
            measurements.replies.record(at.saturating_sub(due));
            measurements.replied.happened(at);
        }
        if ledger.count().waiting == 0 {
            self.news.notify_one();
        }
    }

    async fn wait_for_replies(&self, grace: Duration) {
        let all_there = async {
            while self.ledger.borrow().count().waiting > 0 && !self.halted.get() {
                self.news.notified().await;
            }
        };
        // What is missing is in the count.
        let _ = tokio::time::timeout(grace, all_there).await;
    }

    async fn linger(&self, linger: Duration) {
        if linger.is_zero() {
            return;
        }
        let halted = async {
            while !self.halted.get() {
                self.news.notified().await;
            }
        };
        let _ = tokio::time::timeout(linger, halted).await;
    }

    async fn observe(
        self: Rc<Self>,
        daemon: Option<Process>,
        samples: Rc<RefCell<Vec<u64>>>,
        tell: impl Fn(&Snapshot),
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let rss_bytes = daemon.and_then(Process::usage).map(|usage| usage.rss_bytes);
            samples.borrow_mut().extend(rss_bytes);
            tell(&self.snapshot(rss_bytes));
        }
    }

    fn snapshot(&self, rss_bytes: Option<u64>) -> Snapshot {
        let (count, measurements) = (self.ledger.borrow().count(), self.measurements.borrow());
        Snapshot {
            at: self.now(),
            posted: measurements.posted,
            in_flight: measurements.in_flight,
            queued: self.queue.len(),
            replied: count.replied,
            waiting: count.waiting,
            webhook_p99_ms: measurements.webhooks.quantile_ms(0.99),
            reply_p99_ms: measurements.replies.quantile_ms(0.99),
            rss_bytes,
        }
    }

    fn report(&self, target: &Target, load: &Load, ended: &Ended) -> LoadReport {
        let (ledger, measurements) = (self.ledger.borrow(), self.measurements.borrow());
        let (count, waited) = (ledger.count(), load.grace.is_some());
        let waiting = ended.waiting_after_posting;
        let replies = report::Replies::of(&measurements, count, ledger.matching(), waiting, waited);
        let own = ended.own.map(|(before, after)| after.cpu.saturating_sub(before.cpu));
        LoadReport {
            held: replies.hold(),
            load: Shape {
                rate_per_second: match load.pace {
                    Pace::Open { per_second, .. } => Some(per_second),
                    Pace::Closed => None,
                },
                connections: load.connections,
                warmup_seconds: load.warmup.as_secs_f64(),
                posting_seconds: ended.posting.as_secs_f64(),
                tenants: target.tenants,
                channels: target.senders.len(),
                conversations: load.conversations,
            },
            webhooks: report::Webhooks::of(&measurements, self.queue.len() as u64),
            duplicates: report::Duplicates::of(&measurements),
            daemon: ended.used.as_ref().map(|used| report::Daemon::of(used, count.accepted)),
            driver: report::Driver::of(own.unwrap_or_default(), measurements.posted),
            replies,
        }
    }
}

/// Tasks that end with the run.
#[derive(Default)]
struct BackgroundTasks(Vec<tokio::task::AbortHandle>);

impl BackgroundTasks {
    fn spawn<T: 'static>(&mut self, task: impl Future<Output = T> + 'static) {
        self.0.push(spawn_local(task).abort_handle());
    }
}

impl Drop for BackgroundTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}
