//! Prints the transcript while it happens.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::transcript::{Look, Told, lines};
use crate::cli::say;

/// Status callbacks of so long share a line.
const GATHER: Duration = Duration::from_millis(250);

/// Tells what happens, in the order of telling. Clones tell the same.
#[derive(Clone)]
pub(super) struct Teller {
    telling: mpsc::UnboundedSender<Told>,
    begun: Instant,
}

impl Teller {
    /// A teller whose clock starts now, and the task that prints; it ends when every clone is gone. `quiet`: nothing is
    /// printed.
    pub fn start(look: Look, quiet: bool) -> (Self, JoinHandle<()>) {
        let (telling, told) = mpsc::unbounded_channel();
        let printing = tokio::spawn(print(told, look, quiet));
        (Self { telling, begun: Instant::now() }, printing)
    }

    pub fn tell(&self, told: Told) {
        // Nobody listens any more when the demo ends.
        let _ = self.telling.send(told);
    }

    pub fn note(&self, text: impl Into<String>) {
        self.tell(Told::Note { at: self.begun.elapsed(), text: text.into() });
    }

    /// A moment as the transcript counts it.
    pub fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.begun)
    }
}

async fn print(mut told: mpsc::UnboundedReceiver<Told>, look: Look, quiet: bool) {
    let mut statuses: Vec<Told> = Vec::new();
    let mut flush_at = tokio::time::Instant::now();
    loop {
        let next = if statuses.is_empty() {
            told.recv().await
        } else {
            match tokio::time::timeout_at(flush_at, told.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    show(&std::mem::take(&mut statuses), look, quiet);
                    continue;
                }
            }
        };
        match next {
            Some(status @ Told::Status { .. }) => {
                if statuses.is_empty() {
                    flush_at = tokio::time::Instant::now() + GATHER;
                }
                statuses.push(status);
            }
            Some(other) => show(&[other], look, quiet),
            None => break,
        }
    }
    show(&statuses, look, quiet);
}

fn show(told: &[Told], look: Look, quiet: bool) {
    if !quiet {
        for line in lines(told, look) {
            say(format_args!("{line}"));
        }
    }
}
