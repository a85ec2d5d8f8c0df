//! Why the daemon did not start.

use crate::cache::BadUrl;
use crate::console::PagesError;
use crate::gateway;
use crate::http;
use crate::media::StorageError;
use crate::runtime::ThreadGone;
use crate::spool::SpoolError;
use crate::store::StoreError;

/// Why the daemon did not start. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the operating system gave no thread")]
    Threads(#[source] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Redis' URL is invalid. Redis itself may be away.
    #[error(transparent)]
    Redis(#[from] BadUrl),
    #[error(transparent)]
    Gateway(#[from] gateway::BuildError),
    /// Where files are kept.
    #[error(transparent)]
    Media(#[from] StorageError),
    #[error(transparent)]
    Http(#[from] http::ServeError),
    /// A bug: the pages that are built in do not hold.
    #[error(transparent)]
    Console(#[from] PagesError),
    /// A bug: a thread panicked while the daemon started.
    #[error(transparent)]
    ThreadGone(#[from] ThreadGone),
}
