//! The thread that owns the folder. What waits to be kept is written at once: one fsync for all of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use metrics::{counter, gauge};
use palabre_actors::domain::ids::TenantId;
use tokio::sync::{Notify, oneshot};
use tracing::{error, info};

use super::files::{Entry, Files, Page, Position};
use super::shares::Shares;
use super::{SpoolError, Stock, Unkept, metric};

/// Appends that are written at once.
const TOGETHER: usize = 256;
/// Messages of a page.
const PAGE: usize = 512;

/// Where the answer to an append goes: whether it is kept.
pub(super) type Answer = oneshot::Sender<bool>;

/// Messages to keep.
pub(super) struct Append {
    pub encoded: Vec<u8>,
    /// Whose each record is, and how many bytes it takes.
    pub whose: Vec<(TenantId, u64)>,
    pub answer: Answer,
}

/// What may be asked.
pub(super) enum Job {
    Append(Append),
    /// The oldest messages.
    Peek(oneshot::Sender<Result<Page, SpoolError>>),
    /// A page is in the database, but for those that it will never take.
    Advance {
        upto: Position,
        records: u64,
        refused: Vec<Entry>,
        done: oneshot::Sender<Result<(), SpoolError>>,
    },
}

/// What the thread shares with those who look.
#[derive(Debug)]
pub(super) struct Board {
    stock: RwLock<Stock>,
    shares: Mutex<Shares>,
    /// Messages that are kept, or on their way here. It grows before they are handed over, and shrinks when they are in the
    /// database, or were refused.
    pub held: AtomicU64,
    /// Something was kept.
    pub kept: Notify,
}

impl Board {
    pub fn stock(&self) -> Stock {
        *self.stock.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own.
struct Clerk {
    files: Files,
    board: Arc<Board>,
    max_bytes: u64,
    /// The last write failed, as the one before it may have.
    failing: bool,
}

/// Starts the thread. It ends when nobody can ask any more.
pub(super) fn start(files: Files, max_bytes: u64) -> Result<(Sender<Job>, Arc<Board>), SpoolError> {
    let board = Arc::new(Board {
        stock: RwLock::default(),
        shares: Mutex::default(),
        held: files.records().into(),
        kept: Notify::new(),
    });
    let mut clerk = Clerk { files, board: Arc::clone(&board), max_bytes, failing: false };
    clerk.publish();
    let (jobs, queue) = mpsc::channel();
    let thread = std::thread::Builder::new().name("palabre-spool".to_owned());
    thread.spawn(move || clerk.run(&queue)).map_err(SpoolError::Thread)?;
    Ok((jobs, board))
}

impl Clerk {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| queue.recv().ok()) {
            match job {
                Job::Append(first) => next = self.append(first, queue),
                Job::Peek(answer) => {
                    // Whoever asked may have gone.
                    let _ = answer.send(self.files.peek(PAGE));
                }
                Job::Advance { upto, records, refused, done } => {
                    let _ = done.send(self.advance(upto, records, &refused));
                }
            }
            self.publish();
        }
    }

    /// Writes what waits, as one when that may be. Answers the job that came behind it.
    fn append(&mut self, first: Append, queue: &Receiver<Job>) -> Option<Job> {
        let (mut waiting, mut next) = (vec![first], None);
        while waiting.len() < TOGETHER && next.is_none() {
            match queue.try_recv() {
                Ok(Job::Append(append)) => waiting.push(append),
                Ok(other) => next = Some(other),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let together: Vec<u8> = waiting.iter().flat_map(|append| &append.encoded).copied().collect();
        let records = waiting.iter().map(|append| append.whose.len() as u64).sum();
        let written = self.files.append(&together, records);
        if matches!(written, Err(Unkept::Full)) {
            // All of it is too much, some of it may fit.
            for append in waiting {
                let written = self.files.append(&append.encoded, append.whose.len() as u64);
                self.note(&written, &[&append]);
                let _ = append.answer.send(written.is_ok());
            }
            return next;
        }
        self.note(&written, &waiting.iter().collect::<Vec<_>>());
        waiting.into_iter().for_each(|append| _ = append.answer.send(written.is_ok()));
        next
    }

    fn note(&mut self, written: &Result<(), Unkept>, appends: &[&Append]) {
        let records = appends.iter().map(|append| append.whose.len() as u64).sum();
        match written {
            Ok(()) => {
                counter!(metric::KEPT).increment(records);
                if std::mem::take(&mut self.failing) {
                    info!("the spool can be written again");
                }
                self.board.kept.notify_one();
            }
            Err(unkept) => {
                counter!(metric::REFUSED).increment(records);
                for (tenant, bytes) in appends.iter().flat_map(|append| &append.whose) {
                    self.board.shares().release(tenant, *bytes);
                }
                self.board.held.fetch_sub(records, Ordering::SeqCst);
                // Once, however many webhooks meet it.
                if !std::mem::replace(&mut self.failing, true) {
                    error!(
                        error = unkept as &dyn std::error::Error,
                        "the spool takes no messages, webhooks are refused"
                    );
                }
            }
        }
    }

    fn advance(&mut self, upto: Position, records: u64, refused: &[Entry]) -> Result<(), SpoolError> {
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
        self.board.held.fetch_sub(before.saturating_sub(left), Ordering::SeqCst);
        counter!(metric::DRAINED).increment(records - refused.len() as u64);
        Ok(())
    }

    fn publish(&mut self) {
        let (records, bytes) = (self.files.records(), self.files.bytes());
        let before = self.board.stock();
        let oldest_ms = match records {
            0 => None,
            // What is taken is taken from the front.
            _ if before.records > 0 && records >= before.records => before.oldest_ms,
            _ => self.files.peek(1).ok().and_then(|page| page.entries.first().map(|entry| entry.at_ms)),
        };
        // A refusal holds until something was kept or taken.
        self.failing &= records >= before.records;
        let stock = Stock { records, bytes, max_bytes: self.max_bytes, oldest_ms, takes: !self.failing };
        *self.board.stock.write().unwrap_or_else(PoisonError::into_inner) = stock;
        #[expect(clippy::cast_precision_loss, reason = "gauges; far fewer than 2^52")]
        {
            gauge!(metric::RECORDS).set(records as f64);
            gauge!(metric::BYTES).set(bytes as f64);
        }
    }
}
