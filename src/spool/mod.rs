//! Where messages are kept while the database is away: a folder on this machine's disk.
//!
//! [`Spooled`] stands before the database's inbox. What the database cannot take is appended here, is on the disk before
//! its webhook is answered (I1), and goes into the database, in order (I3), as soon as that is back; the dedupe key makes
//! one of what came twice (I2). A message is on this machine alone for that time: see `docs/decisions/0013-spool.md`. Status
//! callbacks go the same way (`docs/decisions/0017-callbacks-in-the-spool.md`).
//!
//! [`record`] is the format, [`files`] the folder, [`clerk`] the thread that owns it, [`inbox`] the way of a webhook,
//! [`drain`] the way back.

mod clerk;
mod drain;
mod files;
mod inbox;
mod kept;
pub mod metric;
mod patience;
mod record;
mod shares;

use std::io;
use std::path::{Path, PathBuf};

pub use self::drain::Drained;
pub use self::inbox::Spooled;
pub use self::patience::PATIENCE;

/// The spool cannot be opened, read or emptied.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A file or the folder.
    #[error(
        "{} cannot be used: set `spool.dir` to a folder that is the daemon's, or `spool.max_bytes = 0` to go without",
        path.display()
    )]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another daemon has the folder.
    #[error("another palabre has the spool {}: give this one a `spool.dir` of its own", folder.display())]
    InUse {
        /// Which.
        folder: PathBuf,
    },
    /// An older version of the program was started on what a newer one kept.
    #[error("{} was written by a newer palabre: start that one until the spool is empty", path.display())]
    Newer {
        /// Which segment.
        path: PathBuf,
    },
    /// Messages that the database refused cannot be kept beside the others.
    #[error("messages that the database refuses for good cannot be set aside")]
    SetAside(#[source] io::Error),
    /// No thread.
    #[error("the operating system gave no thread")]
    Thread(#[source] io::Error),
    /// A bug: the thread that owns the folder panicked.
    #[error("the spool's thread is gone")]
    Gone,
}

/// Why messages were not kept.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error("it is full: `spool.max_bytes` is the limit")]
    Full,
    #[error("it cannot be written")]
    Failed(#[source] io::Error),
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Messages that are not in the database yet.
    pub records: u64,
    /// What they take of the disk.
    pub bytes: u64,
    /// What they may take.
    pub max_bytes: u64,
    /// When the oldest came, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// Whether it takes more: false from a refusal on until something is kept or taken again.
    pub takes: bool,
}

/// The opened folder, not in use yet.
#[derive(Debug)]
pub struct Spool {
    files: files::Files,
    max_bytes: u64,
}

impl Spool {
    /// Opens the folder, making it when it is not there. What an earlier process left is counted and checked.
    ///
    /// # Errors
    /// [`SpoolError`]: the daemon should not start.
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        Ok(Self { files: files::Files::open(folder, max_bytes)?, max_bytes })
    }
}
