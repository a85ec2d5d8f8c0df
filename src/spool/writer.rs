//! Spool writer: the thread that owns the folder.
//!
//! All appends that wait are written together: one fsync for all of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use metrics::{counter, gauge};
use palabre_actors::domain::ids::TenantId;
use tokio::sync::{Notify, oneshot};
use tracing::{error, info};

use super::files::{Position, RawEntry, SpoolFiles, SpoolPage};
use super::shares::Shares;
use super::{AppendError, SpoolError, SpoolStats, metric};

/// Appends that are written together.
const APPENDS_AT_ONCE: usize = 256;
/// Records of a page.
const PAGE: usize = 512;

/// Gets whether the append is on the disk.
pub(super) type AppendAnswer = oneshot::Sender<bool>;

pub(super) struct Append {
    pub encoded: Vec<u8>,
    /// The tenant of each record, and its size in bytes.
    pub owners: Vec<(TenantId, u64)>,
    pub answer: AppendAnswer,
}

pub(super) enum SpoolJob {
    Append(Append),
    /// Reads the oldest records.
    Peek(oneshot::Sender<Result<SpoolPage, SpoolError>>),
    /// A page is in the database, except for records that it will never take.
    Advance {
        upto: Position,
        records: u64,
        refused: Vec<RawEntry>,
        done: oneshot::Sender<Result<(), SpoolError>>,
    },
}

/// State that the writer thread shares.
#[derive(Debug)]
pub(super) struct SpoolState {
    stats: RwLock<SpoolStats>,
    shares: Mutex<Shares>,
    /// Records that are on the disk or on their way there. Incremented before they are handed over, decremented when
    /// they are in the database or were refused.
    pub outstanding: AtomicU64,
    /// Notified when something was appended.
    pub appended: Notify,
}

impl SpoolState {
    pub fn stats(&self) -> SpoolStats {
        *self.stats.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SpoolWriter {
    files: SpoolFiles,
    state: Arc<SpoolState>,
    max_bytes: u64,
    /// The last append failed.
    failing: bool,
}

/// Starts the thread. It ends when every sender is dropped.
pub(super) fn start(files: SpoolFiles, max_bytes: u64) -> Result<(Sender<SpoolJob>, Arc<SpoolState>), SpoolError> {
    let state = Arc::new(SpoolState {
        stats: RwLock::default(),
        shares: Mutex::default(),
        outstanding: files.records().into(),
        appended: Notify::new(),
    });
    let mut writer = SpoolWriter { files, state: Arc::clone(&state), max_bytes, failing: false };
    writer.publish();
    let (jobs, queue) = mpsc::channel();
    let thread = std::thread::Builder::new().name("palabre-spool".to_owned());
    thread.spawn(move || writer.run(&queue)).map_err(SpoolError::Thread)?;
    Ok((jobs, state))
}

impl SpoolWriter {
    fn run(mut self, queue: &Receiver<SpoolJob>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| queue.recv().ok()) {
            match job {
                SpoolJob::Append(first) => next = self.append(first, queue),
                SpoolJob::Peek(answer) => {
                    // The caller may have given up.
                    let _ = answer.send(self.files.peek(PAGE));
                }
                SpoolJob::Advance { upto, records, refused, done } => {
                    let _ = done.send(self.advance(upto, records, &refused));
                }
            }
            self.publish();
        }
    }

    /// Writes all appends that wait, together if they fit. Returns the job behind them.
    fn append(&mut self, first: Append, queue: &Receiver<SpoolJob>) -> Option<SpoolJob> {
        let (mut waiting, mut next) = (vec![first], None);
        while waiting.len() < APPENDS_AT_ONCE && next.is_none() {
            match queue.try_recv() {
                Ok(SpoolJob::Append(append)) => waiting.push(append),
                Ok(other) => next = Some(other),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let combined: Vec<u8> = waiting.iter().flat_map(|append| &append.encoded).copied().collect();
        let records = waiting.iter().map(|append| append.owners.len() as u64).sum();
        let written = self.files.append(&combined, records);
        if matches!(written, Err(AppendError::Full)) {
            // Together they do not fit, single ones may.
            for append in waiting {
                let written = self.files.append(&append.encoded, append.owners.len() as u64);
                self.finish_append(&written, &[&append]);
                let _ = append.answer.send(written.is_ok());
            }
            return next;
        }
        self.finish_append(&written, &waiting.iter().collect::<Vec<_>>());
        waiting.into_iter().for_each(|append| _ = append.answer.send(written.is_ok()));
        next
    }

    fn finish_append(&mut self, written: &Result<(), AppendError>, appends: &[&Append]) {
        let records = appends.iter().map(|append| append.owners.len() as u64).sum();
        match written {
            Ok(()) => {
                counter!(metric::KEPT).increment(records);
                if std::mem::take(&mut self.failing) {
                    info!("the spool can be written again");
                }
                self.state.appended.notify_one();
            }
            Err(error) => {
                counter!(metric::REFUSED).increment(records);
                for (tenant, bytes) in appends.iter().flat_map(|append| &append.owners) {
                    self.state.shares().release(tenant, *bytes);
                }
                self.state.outstanding.fetch_sub(records, Ordering::SeqCst);
                // Logged once, however many webhooks fail.
                if !std::mem::replace(&mut self.failing, true) {
                    error!(
                        error = error as &dyn std::error::Error,
                        "the spool takes no messages, webhooks are refused"
                    );
                }
            }
        }
    }

    fn advance(&mut self, upto: Position, records: u64, refused: &[RawEntry]) -> Result<(), SpoolError> {
        if !refused.is_empty() {
            self.files.set_aside(refused).map_err(SpoolError::SetAside)?;
            counter!(metric::SET_ASIDE).increment(refused.len() as u64);
            error!(
                messages = refused.len(),
                "the database refuses messages of the spool for good, they were set aside: see docs/runbooks/spool.md"
            );
        }
        let before = self.files.records();
        let left = self.files.advance(upto, records)?;
        self.state.outstanding.fetch_sub(before.saturating_sub(left), Ordering::SeqCst);
        counter!(metric::DRAINED).increment(records - refused.len() as u64);
        Ok(())
    }

    fn publish(&mut self) {
        let (records, bytes) = (self.files.records(), self.files.bytes());
        let before = self.state.stats();
        let oldest_ms = match records {
            0 => None,
            // Records leave from the front only.
            _ if before.records > 0 && records >= before.records => before.oldest_ms,
            _ => self.files.peek(1).ok().and_then(|page| page.entries.first().map(|entry| entry.at_ms)),
        };
        // The failure lasts until an append succeeds or records leave.
        self.failing &= records >= before.records;
        let stats = SpoolStats { records, bytes, max_bytes: self.max_bytes, oldest_ms, accepting: !self.failing };
        *self.state.stats.write().unwrap_or_else(PoisonError::into_inner) = stats;
        #[expect(clippy::cast_precision_loss, reason = "gauges; far fewer than 2^52")]
        {
            gauge!(metric::RECORDS).set(records as f64);
            gauge!(metric::BYTES).set(bytes as f64);
        }
    }
}
