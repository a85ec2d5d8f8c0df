//! Threads: the actix System, the shard arbiters, the runtime of sockets.

use std::io;
use std::thread::JoinHandle;

use actix_rt::{Arbiter, ArbiterHandle, System};
use tokio::sync::oneshot;

/// The process's threads. Dropping it ends them without waiting; [`Threads::stop`] waits.
#[derive(Debug)]
pub struct Threads {
    io: Option<tokio::runtime::Runtime>,
    system: System,
    system_thread: Option<JoinHandle<()>>,
    shards: Vec<ArbiterHandle>,
}

/// A thread ended before it answered, which only a panic there can do.
#[derive(Debug, thiserror::Error)]
#[error("a runtime thread ended too early")]
pub struct ThreadGone;

/// How many threads a setting of 0 means.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Threads {
    /// Starts the threads: `shards` arbiters and as many I/O workers as there are cores.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(shards: usize) -> io::Result<Self> {
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores().max(2))
            .thread_name("palabre-io")
            .enable_all()
            .build()?;
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let system_thread = std::thread::Builder::new().name("palabre-system".to_owned()).spawn(move || {
            let runner = System::new();
            let shards =
                runner.block_on(async move { (0..shards.max(1)).map(|_| Arbiter::new().handle()).collect::<Vec<_>>() });
            // The receiver waits below.
            let _ = tell.send((System::current(), shards));
            if let Err(error) = runner.run() {
                tracing::error!(error = %error, "the actor system ended with an error");
            }
        })?;
        let (system, shards) = told.recv().map_err(io::Error::other)?;
        Ok(Self { io: Some(io), system, system_thread: Some(system_thread), shards })
    }

    /// The runtime of pools and sockets.
    ///
    /// # Panics
    /// Never: it is there until [`Threads::stop`] consumes `self`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "only `stop` and `drop` take it")]
    pub fn io(&self) -> &tokio::runtime::Handle {
        self.io.as_ref().expect("taken by stop or drop alone").handle()
    }

    /// Runs a function on the System's thread.
    ///
    /// # Errors
    /// [`ThreadGone`]
    pub async fn on_system<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ThreadGone> {
        on(self.system.arbiter(), work).await
    }

    /// Runs a function on every shard's arbiter, with the shard's number.
    ///
    /// # Errors
    /// [`ThreadGone`]
    pub async fn on_each_shard<T: Send + 'static>(
        &self,
        work: impl Fn(usize) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, ThreadGone> {
        let mut results = Vec::with_capacity(self.shards.len());
        for (number, shard) in self.shards.iter().enumerate() {
            let work = work.clone();
            results.push(on(shard, move || work(number)).await?);
        }
        Ok(results)
    }

    /// Ends the threads and waits for them. Call it from a thread that is none of them.
    pub fn stop(mut self) {
        self.end(true);
    }

    fn end(&mut self, wait: bool) {
        for shard in &self.shards {
            shard.stop();
        }
        self.system.stop();
        if let Some(io) = self.io.take() {
            io.shutdown_background();
        }
        if let (Some(thread), true) = (self.system_thread.take(), wait) {
            // Its panic was logged where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end(false);
    }
}

async fn on<T: Send + 'static>(
    arbiter: &ArbiterHandle,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ThreadGone> {
    let (tell, told) = oneshot::channel();
    arbiter.spawn_fn(move || {
        // The caller may have given up.
        let _ = tell.send(work());
    });
    told.await.map_err(|_| ThreadGone)
}
