//! Prints the transcript while it happens.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::transcript::{Style, TranscriptEvent, lines};
use crate::lab::printer::print_line;

/// Status callbacks of so long share a line.
const GATHER: Duration = Duration::from_millis(250);

/// Prints events in the order in which they are handed over. Clones share one output.
#[derive(Clone)]
pub(super) struct Printer {
    telling: mpsc::UnboundedSender<TranscriptEvent>,
    begun: Instant,
}

impl Printer {
    /// A printer whose clock starts now, and the task that prints; it ends when every clone is gone. `quiet`: nothing is
    /// printed.
    pub fn start(style: Style, quiet: bool) -> (Self, JoinHandle<()>) {
        let (telling, told) = mpsc::unbounded_channel();
        let printing = tokio::spawn(print(told, style, quiet));
        (Self { telling, begun: Instant::now() }, printing)
    }

    pub fn tell(&self, told: TranscriptEvent) {
        // Nobody listens any more when the demo ends.
        let _ = self.telling.send(told);
    }

    pub fn note(&self, text: impl Into<String>) {
        self.tell(TranscriptEvent::Note { at: self.begun.elapsed(), text: text.into() });
    }

    /// The time since the start, as the transcript shows it.
    pub fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.begun)
    }
}

async fn print(mut told: mpsc::UnboundedReceiver<TranscriptEvent>, style: Style, quiet: bool) {
    let mut statuses: Vec<TranscriptEvent> = Vec::new();
    let mut flush_at = tokio::time::Instant::now();
    loop {
        let next = if statuses.is_empty() {
            told.recv().await
        } else {
            match tokio::time::timeout_at(flush_at, told.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    show(&std::mem::take(&mut statuses), style, quiet);
                    continue;
                }
            }
        };
        match next {
            Some(status @ TranscriptEvent::Status { .. }) => {
                if statuses.is_empty() {
                    flush_at = tokio::time::Instant::now() + GATHER;
                }
                statuses.push(status);
            }
            Some(other) => show(&[other], style, quiet),
            None => break,
        }
    }
    show(&statuses, style, quiet);
}

fn show(told: &[TranscriptEvent], style: Style, quiet: bool) {
    if !quiet {
        for line in lines(told, style) {
            print_line(format_args!("{line}"));
        }
    }
}
