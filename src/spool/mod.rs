//! Spool: messages and callbacks on disk while the database is away.
//!
//! [`SpooledInbox`] stands before the database's inbox. What the database cannot take is appended here, is on the
//! disk before its webhook is answered (I1), and goes into the database, in order (I3), as soon as that is back; the
//! dedupe key recognises what came twice (I2). A message is on this machine alone for that time: see
//! `docs/decisions/0013-spool.md`. Status callbacks go the same way
//! (`docs/decisions/0017-callbacks-in-the-spool.md`).
//!
//! [`codec`] is the format of a record, [`entry`] its content, [`files`] the folder, [`writer`] the thread that owns
//! it, [`inbox`] the way of a webhook, [`drain`] the way into the database.

mod codec;
mod drain;
mod entry;
mod files;
mod inbox;
mod look;
pub mod metric;
mod retry_deadline;
mod shares;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use self::drain::Drained;
pub use self::inbox::SpooledInbox;
pub use self::look::{SpoolContent, look};
pub use self::retry_deadline::RETRY_WITHIN;

/// The spool cannot be opened, read or emptied.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error(
        "{} cannot be used: set `spool.dir` to a folder that is the daemon's, or `spool.max_bytes = 0` to go without",
        path.display()
    )]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A link where the spool has a file of its own: whoever placed it chooses what is written over.
    #[error("{} is a link, which the spool does not follow: remove it", path.display())]
    Link { path: PathBuf },
    /// Another daemon has the folder.
    #[error("another palabre has the spool {}: give this one a `spool.dir` of its own", folder.display())]
    InUse { folder: PathBuf },
    /// A newer version of the program wrote it.
    #[error("{} was written by a newer palabre: start that one until the spool is empty", path.display())]
    Newer { path: PathBuf },
    /// Messages that the database refused cannot be set aside.
    #[error("messages that the database refuses for good cannot be set aside")]
    SetAside(#[source] io::Error),
    #[error("the operating system gave no thread")]
    Thread(#[source] io::Error),
    /// A bug: the thread that owns the folder panicked.
    #[error("the spool's thread is gone")]
    Gone,
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
enum AppendError {
    #[error("it is full: `spool.max_bytes` is the limit")]
    Full,
    #[error("it cannot be written")]
    Failed(#[source] io::Error),
}

/// Size and state of the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Messages and callbacks that are not in the database yet.
    pub records: u64,
    /// Their size on disk.
    pub bytes: u64,
    pub max_bytes: u64,
    /// When the oldest came, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// False from a failed append on, until one succeeds or records leave.
    pub accepting: bool,
}

/// The opened folder, not in use yet.
#[derive(Debug)]
pub struct SpoolFolder {
    files: files::SpoolFiles,
    max_bytes: u64,
}

impl SpoolFolder {
    /// Opens the folder, and makes it when there is none. What an earlier process left is counted and checked.
    ///
    /// # Errors
    /// [`SpoolError`]: the daemon should not start.
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        Ok(Self { files: files::SpoolFiles::open(folder, max_bytes)?, max_bytes })
    }
}
