//! Write health: whether the database takes what is written. The writers tell it, health endpoints ask.
//!
//! A full disk still answers questions: a database that can be read says nothing about one that can be written to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

/// 1 while the database takes what is written.
const WRITABLE: &str = "palabre_store_writable";

/// While nothing can be written, a log line says so this often.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// How often at most it is tried whether the disk has room again.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How much room is room: a few transactions, and the log that SQLite copies back.
const ROOM_BYTES: usize = 4 * 1024 * 1024;
/// On a server, where there is no such file, it is over when nothing failed for so long and something was written.
const QUIET: Duration = Duration::from_secs(5);

/// What the writers of one store met last.
#[derive(Debug)]
pub(super) struct WriteHealth {
    failing: AtomicBool,
    /// A failure was met, and nothing was written since the end of it.
    met: AtomicBool,
    state: Mutex<WriteState>,
    /// A file beside the database that may be written and removed again. `None`: the database is a server.
    probe: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct WriteState {
    problem: Option<&'static str>,
    logged_at: Option<Instant>,
    probed_at: Option<Instant>,
    refused: u64,
    /// On a server: the last failure, what was written since, and whether somebody waits for quiet.
    failed_at: Option<tokio::time::Instant>,
    is_written: bool,
    is_waited_for: bool,
}

impl WriteHealth {
    /// Of a database file, or of a server.
    pub fn new(database: Option<&Path>) -> Arc<Self> {
        gauge!(WRITABLE).set(1.0);
        let probe = database.map(|file| {
            let mut name = file.file_name().unwrap_or_default().to_owned();
            name.push("-probe");
            file.with_file_name(name)
        });
        Arc::new(Self { failing: AtomicBool::new(false), met: AtomicBool::new(false), state: Mutex::default(), probe })
    }

    /// Nothing can be written, for this reason. Returns whether that is to be logged, and how many transactions were refused
    /// since the last line.
    pub fn failed(&self, problem: &'static str) -> Option<u64> {
        self.failing.store(true, Ordering::Release);
        self.met.store(true, Ordering::Release);
        gauge!(WRITABLE).set(0.0);
        let mut state = self.lock();
        state.problem = Some(problem);
        state.refused += 1;
        (state.failed_at, state.is_written) = (Some(tokio::time::Instant::now()), false);
        if state.logged_at.is_some_and(|at| at.elapsed() < LOG_EVERY) {
            return None;
        }
        state.logged_at = Some(Instant::now());
        Some(std::mem::take(&mut state.refused))
    }

    /// Something was written. On a disk that is full, little transactions still find room in the log of a database file, or in
    /// pages that are not full: that does not end it, room does, or quiet.
    pub fn written(self: &Arc<Self>) {
        if !self.met.load(Ordering::Acquire) {
            return;
        }
        if self.failing.load(Ordering::Acquire) {
            if self.probe.is_some() {
                self.look_for_room();
            } else {
                self.wait_for_quiet();
            }
            return;
        }
        if self.met.swap(false, Ordering::AcqRel) {
            tracing::info!("the database takes changes again");
        }
    }

    /// Why nothing can be written. Nobody writes while readiness keeps traffic away, so this also tries, in the background,
    /// whether there is room again.
    pub fn problem(self: &Arc<Self>) -> Option<&'static str> {
        if !self.failing.load(Ordering::Acquire) {
            return None;
        }
        self.look_for_room();
        self.lock().problem
    }

    fn look_for_room(self: &Arc<Self>) {
        let Some(probe) = self.probe.clone() else { return };
        let mut state = self.lock();
        if state.probed_at.is_none_or(|at| at.elapsed() >= PROBE_EVERY) {
            state.probed_at = Some(Instant::now());
            let health = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                if has_room(&probe) {
                    health.over();
                }
            });
        }
    }

    fn wait_for_quiet(self: &Arc<Self>) {
        let mut state = self.lock();
        state.is_written = true;
        if std::mem::replace(&mut state.is_waited_for, true) {
            return;
        }
        let health = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(left) = health.until_quiet() {
                tokio::time::sleep(left).await;
            }
        });
    }

    /// How long to wait for quiet; `None`: it is over.
    fn until_quiet(&self) -> Option<Duration> {
        let mut state = self.lock();
        let quiet = state.failed_at.map_or(QUIET, |at| at.elapsed());
        match QUIET.checked_sub(quiet).filter(|left| !left.is_zero()) {
            Some(left) => Some(left),
            None if !state.is_written => Some(QUIET),
            None => {
                state.is_waited_for = false;
                drop(state);
                self.over();
                None
            }
        }
    }

    fn over(&self) {
        self.failing.store(false, Ordering::Release);
        gauge!(WRITABLE).set(1.0);
        self.lock().problem = None;
    }

    fn lock(&self) -> MutexGuard<'_, WriteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file of some size can be written there. It does not stay.
fn has_room(probe: &Path) -> bool {
    let written = std::fs::File::create(probe).and_then(|mut file| {
        file.write_all(&vec![0; ROOM_BYTES])?;
        file.sync_all()
    });
    let _ = std::fs::remove_file(probe);
    written.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_told_once_a_minute_and_is_over_when_there_is_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let health = WriteHealth::new(Some(&folder.path().join("palabre.db")));
        assert_eq!(health.problem(), None);
        assert_eq!(health.failed("the disk is full"), Some(1));
        for _ in 0..1_000 {
            assert_eq!(health.failed("the disk is full"), None, "one line");
        }
        assert_eq!(health.problem(), Some("the disk is full"));
        // The folder has room: the question itself has found that out, and left nothing behind.
        let mut waiting = 0;
        while health.problem().is_some() && waiting < 10_000 {
            tokio::task::yield_now().await;
            std::thread::yield_now();
            waiting += 1;
            if waiting % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(health.problem(), None);
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    }

    #[tokio::test]
    async fn without_room_it_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = folder.path().join("no-such-folder").join("palabre.db");
        assert!(!has_room(&gone));
        let health = WriteHealth::new(Some(&gone));
        health.failed("the disk is full");
        health.written();
        assert_eq!(health.problem(), Some("the disk is full"), "a little one went through");
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_server_it_is_over_when_nothing_fails_any_more() {
        let health = WriteHealth::new(None);
        let seconds = |count: u64| tokio::time::sleep(Duration::from_secs(count));
        health.failed("the disk is full");
        // Little ones go through, others do not.
        for _ in 0..10 {
            health.written();
            seconds(2).await;
            assert_eq!(health.problem(), Some("the disk is full"));
            health.failed("the disk is full");
            seconds(2).await;
        }
        // Nobody writes.
        seconds(60).await;
        assert_eq!(health.problem(), Some("the disk is full"));
        health.written();
        seconds(6).await;
        assert_eq!(health.problem(), None);
    }
}
