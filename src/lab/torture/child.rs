//! The daemon as a process of its own, which may be killed at any moment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::gateway::simulator::Daemon;
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::host::Host;

/// A running daemon. Dropping it kills it.
pub(super) struct Child {
    process: Process,
    listens: watch::Receiver<Option<String>>,
}

impl Child {
    /// Starts this very program as the daemon of a configuration, with settings of the environment that come first. What it
    /// says goes to the end of the log; where it listens, the provider is told when there is one to tell.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn start(
        config: &Path,
        settings: &[(&'static str, String)],
        log: &Path,
        host: Option<&Arc<Host>>,
    ) -> io::Result<Self> {
        let log = Arc::new(Mutex::new(File::options().create(true).append(true).open(log)?));
        let mut command = command(settings)?;
        command.args([OsStr::new("serve"), OsStr::new("--config"), config.as_os_str()]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (tell, listens) = watch::channel(None);
        let tell = Arc::new(tell);
        let streams = [
            process.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            process.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let (log, tell, host) = (Arc::clone(&log), Arc::clone(&tell), host.cloned());
            thread::Builder::new().name("daemon-log".to_owned()).spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Some(address) = ready(&line) {
                        let reached_at = format!("http://{address}");
                        let public_base_url = PUBLIC_BASE_URL.to_owned();
                        if let Some(host) = &host {
                            host.set_daemon(&Daemon { public_base_url, reached_at });
                        }
                        tell.send_replace(Some(address));
                    }
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    // A full disk must not end the torture: the tables tell what matters.
                    let _ = writeln!(log, "{line}");
                }
            })?;
        }
        Ok(Self { process, listens })
    }

    /// Waits until it takes webhooks. `false`: it does not within `deadline`.
    pub(super) async fn ready(&mut self, deadline: Duration) -> bool {
        let listens = self.listens.wait_for(Option::is_some);
        tokio::time::timeout(deadline, listens).await.is_ok_and(|listens| listens.is_ok())
    }

    /// How it ended by itself, when it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// It stands still, as on a machine that sleeps, or goes on.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn stand_still(&self, still: bool) -> io::Result<()> {
        let signal = if still { rustix::process::Signal::STOP } else { rustix::process::Signal::CONT };
        let id = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("no such process"))?;
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// kill -9, and waits until it is gone: its lock on the database goes with it.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(drop)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// This very program, with settings of the environment that come first.
///
/// # Errors
/// When the operating system does not know where it is.
pub(super) fn command(settings: &[(&'static str, String)]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    // The surroundings' settings are not ours.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PALABRE")) {
            command.env_remove(name);
        }
    }
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// The address in the line that says that the daemon is ready.
fn ready(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line.get("message")? == "ready").then(|| line.get("http.listen")?.as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_where_it_listens() {
        let line = r#"{"level":"info","message":"ready","http.listen":"127.0.0.1:4242"}"#;
        assert_eq!(ready(line).as_deref(), Some("127.0.0.1:4242"));
        for other in ["", "ready", r#"{"message":"ready"}"#, r#"{"message":"bye","http.listen":"127.0.0.1:1"}"#] {
            assert_eq!(ready(other), None, "{other}");
        }
    }
}
