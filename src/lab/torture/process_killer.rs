//! Starts a daemon and kills it at a drawn moment.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::child::Child;
use crate::lab::host::Host;

/// How long a daemon may take to get ready, on a machine that has other things to do.
const START: Duration = Duration::from_secs(60);
/// For how long a kill waits for the provider to take something.
const WAIT_FOR_A_SEND: Duration = Duration::from_secs(3);

/// A moment to kill at, from the daemon's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KillTime {
    /// This long after its process began, ready or not.
    Starting(Duration),
    /// This long after it got ready.
    Running(Duration),
    /// The provider has just taken so many more messages; the daemon may not know it of the last one. Then this long.
    Sending(u64, Duration),
}

impl KillTime {
    pub(super) fn draw(random: &mut fastrand::Rng) -> Self {
        let millis = |random: &mut fastrand::Rng, most: u64| Duration::from_millis(random.u64(..most));
        match random.u8(..100) {
            0..20 => Self::Starting(millis(random, 150)),
            20..60 => Self::Running(millis(random, 2_500)),
            _ => Self::Sending(random.u64(1..12), millis(random, 12)),
        }
    }
}

/// How often daemons were killed, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct KillCounts {
    pub(super) kills: u32,
    /// Of them, before the daemon was ready.
    pub(super) while_starting: u32,
    /// Of them, when the provider had just taken a message.
    pub(super) while_sending: u32,
}

impl KillCounts {
    /// The sum over two nodes.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            kills: self.kills + other.kills,
            while_starting: self.while_starting + other.while_starting,
            while_sending: self.while_sending + other.while_sending,
        }
    }
}

/// Why the daemon's process failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("the daemon's process cannot be started or killed")]
    Process(#[from] io::Error),
    /// It never got ready.
    #[error("the daemon did not get ready within a minute; its log is {0}")]
    NotReady(PathBuf),
}

/// Starts and kills the daemon.
pub(super) struct ProcessKiller {
    pub(super) config: PathBuf,
    /// Settings of the environment, beside the configuration.
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) log: PathBuf,
    /// The simulated providers.
    pub(super) host: Arc<Host>,
    /// Whether the provider posts straight to it, and not to whatever stands before it.
    pub(super) is_reached: bool,
    /// How long the daemon is away between a kill and the next start: from a quarter more than the shortest time to
    /// twice as long.
    pub(super) away: Duration,
    /// Daemons that ended before they were killed, and how.
    pub(super) ended: Vec<String>,
}

impl ProcessKiller {
    /// Starts the daemon, waits for the moment, kills it.
    ///
    /// # Errors
    /// [`ChildError`]
    pub(super) async fn run_and_kill(&mut self, moment: KillTime, killed: &mut KillCounts) -> Result<(), ChildError> {
        let mut child = self.start()?;
        let was_ready = match moment {
            KillTime::Starting(after) => {
                tokio::time::sleep(after).await;
                child.ready(Duration::ZERO).await
            }
            KillTime::Running(after) => {
                self.wait_ready(&mut child).await?;
                tokio::time::sleep(after).await;
                true
            }
            KillTime::Sending(count, after) => {
                self.wait_ready(&mut child).await?;
                let wanted = self.host.taken() + count;
                let taken = tokio::time::timeout(WAIT_FOR_A_SEND, self.host.taken_at_least(wanted)).await;
                killed.while_sending += u32::from(taken.is_ok());
                tokio::time::sleep(after).await;
                true
            }
        };
        killed.while_starting += u32::from(!was_ready);
        killed.kills += 1;
        if let Some(status) = child.ended() {
            self.ended.push(format!("the daemon ended by itself: {status}"));
        }
        child.kill()?;
        Ok(())
    }

    /// The time between a kill and the next start.
    pub(super) async fn pause(&self, random: &mut fastrand::Rng) {
        tokio::time::sleep(self.away.mul_f64(1.25 + 0.75 * random.f64())).await;
    }

    /// Starts the daemon for the last time.
    ///
    /// # Errors
    /// [`ChildError`]
    pub(super) async fn final_run(&mut self) -> Result<Child, ChildError> {
        let mut child = self.start()?;
        self.wait_ready(&mut child).await?;
        Ok(child)
    }

    fn start(&self) -> io::Result<Child> {
        let tells = self.is_reached.then_some(&self.host);
        Child::start(&self.config, &self.settings, &self.log, tells)
    }

    async fn wait_ready(&self, child: &mut Child) -> Result<(), ChildError> {
        if child.ready(START).await { Ok(()) } else { Err(ChildError::NotReady(self.log.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_every_kind_are_drawn_and_the_same_by_the_same_seed() {
        let draw = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..50).map(|_| KillTime::draw(&mut random)).collect::<Vec<_>>()
        };
        let moments = draw(1);
        assert_eq!(moments, draw(1));
        assert_ne!(moments, draw(2));
        let count = |fits: fn(&KillTime) -> bool| moments.iter().filter(|moment| fits(moment)).count();
        assert!(count(|moment| matches!(moment, KillTime::Starting(_))) > 3);
        assert!(count(|moment| matches!(moment, KillTime::Running(_))) > 3);
        assert!(count(|moment| matches!(moment, KillTime::Sending(1.., _))) > 3);
    }
}
