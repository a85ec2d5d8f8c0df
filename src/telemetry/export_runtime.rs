//! What tells others over the network: an HTTP client, and a thread of its own, so that nobody waits for them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::http_client;

/// What takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Nobody outside can be told of anything.
#[derive(Debug, thiserror::Error)]
pub enum ExportRuntimeError {
    #[error("the thread that tells others cannot be started")]
    Thread(#[from] io::Error),
    #[error("the HTTP client that tells others could not be made")]
    Client(#[from] reqwest::Error),
}

/// Shared by all who tell others.
#[derive(Clone, Debug)]
pub(super) struct ExportRuntime {
    pub(super) client: reqwest::Client,
    pub(super) runtime: Arc<Runtime>,
}

impl ExportRuntime {
    pub(super) fn new() -> Result<Self, ExportRuntimeError> {
        let client = http_client::builder()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(4))
            .build()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("export").enable_all().build()?;
        Ok(Self { client, runtime: Arc::new(runtime) })
    }
}
