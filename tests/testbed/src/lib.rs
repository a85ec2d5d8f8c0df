//! Real servers for the tests: programs of this machine, on free ports of loopback, in temporary folders.
//!
//! Nothing outlives the tests, however they end: every folder has a lock that those who use its server hold together, and
//! a watchman, a shell that waits until nobody holds it any more, stops the server and removes the folder. The operating
//! system lets go of a lock for whoever is killed.

#![expect(clippy::expect_used, clippy::panic, reason = "it is a part of the tests")]

pub mod clock;
pub mod nginx;
pub mod postgres;
pub mod prometheus;
pub mod redis;
pub mod rig;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what Linux gives to those who ask for any port, and to outgoing connections.
const LASTING: Range<u16> = 20_000..32_000;

/// Runs a server until nobody holds the shell's standard input any more: whoever is killed lets go of it. One that is killed
/// with -9 would leave its children behind.
pub(crate) const WATCHMAN: &str = r#""$@" >/dev/null 2>&1 & echo started; read -r _; kill -TERM $!; wait"#;

/// The shell of [`WATCHMAN`]. Dropping it ends the server, and waits for that.
#[derive(Debug)]
pub(crate) struct Watchman(Child);

impl Watchman {
    /// Starts the shell, which is told [`WATCHMAN`], and waits until it has begun.
    pub(crate) fn start(shell: &mut Command) -> Self {
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("there is a shell");
        let mut said = String::new();
        let heard = BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut said);
        heard.expect("the shell says that it has begun");
        Self(shell)
    }
}

impl Drop for Watchman {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

/// A port that is free now, and stays so while a process of the test's that had it is restarted: nobody is given it who asks
/// for any port.
///
/// # Panics
/// All of them are taken.
#[must_use]
pub fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = LASTING.end - LASTING.start;
    // Tests are processes, and run beside each other.
    let first = u16::try_from(std::process::id() % u32::from(count / 16)).expect("small") * 16;
    let port = (0..count).find_map(|_| {
        let port = LASTING.start + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % count;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    });
    port.expect("a free port")
}

/// Whether root runs the tests: servers that refuse root run as somebody else then.
pub(crate) fn am_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
