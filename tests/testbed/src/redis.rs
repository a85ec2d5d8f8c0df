//! Redis, or Valkey: a server of a test's own, that it may kill, freeze and empty. It keeps nothing on disk.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{free_port, lasting_port};

/// Runs the server until nobody holds the shell's standard input any more: whoever is killed lets go of it.
const WATCHMAN: &str = r#""$@" >/dev/null 2>&1 & echo $!; read -r _; kill -KILL $! 2>/dev/null; wait"#;
/// The same for a server that is started again whenever it ends. Its process is in the file that comes first.
const KEEPER: &str = r#"pid=$1; shift
(while :; do "$@" >/dev/null 2>&1 & echo $! >"$pid"; wait $!; done) 2>/dev/null & keeper=$!
echo $keeper; read -r _; kill -KILL $keeper 2>/dev/null; kill -KILL "$(cat "$pid")" 2>/dev/null; wait"#;
/// No start takes this long; it only turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server. It ends with its owner.
#[derive(Debug)]
pub struct Server {
    /// First, so that it ends before its folder goes.
    running: Option<Running>,
    folder: TempDir,
    port: u16,
}

#[derive(Debug)]
struct Running {
    watchman: Child,
    pid: String,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// There is no server on this machine, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut server = Self::absent();
        server.up();
        server
    }

    /// One that is not started yet: at its port, nobody answers.
    ///
    /// # Panics
    /// There is no room for a temporary folder.
    #[must_use]
    pub fn absent() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), port: free_port(), running: None }
    }

    /// One that is started again by itself, as a service manager does it, at the same port and with nothing in it.
    ///
    /// # Panics
    /// There is no server on this machine, or it does not start.
    #[must_use]
    pub fn kept() -> Self {
        let mut server = Self { port: lasting_port(), ..Self::absent() };
        let pid = server.pid_file().display().to_string();
        server.run(&["-c", KEEPER, "sh", &pid]);
        server
    }

    /// The shell command that kills the process of [`Server::kept`].
    #[must_use]
    pub fn crash_command(&self) -> String {
        format!("kill -KILL \"$(cat '{}')\"", self.pid_file().display())
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// Starts it, at the same port as before, and with nothing in it.
    pub fn up(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        self.run(&["-c", WATCHMAN, "sh"]);
    }

    fn run(&mut self, shell: &[&str]) {
        let port = self.port.to_string();
        let mut watchman = Command::new("sh")
            .args(shell)
            .arg(program())
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut pid = String::new();
        let said = BufReader::new(watchman.stdout.take().expect("piped")).read_line(&mut pid);
        said.expect("the shell says whom it started");
        self.running = Some(Running { watchman, pid: pid.trim().to_owned() });
        let begun = Instant::now();
        while self.try_command(&["PING"]).is_none() {
            assert!(begun.elapsed() < DEADLINE, "the server does not start: run .ci/prepare");
            std::thread::yield_now();
        }
    }

    /// kill -9: what it had is gone.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// It answers nothing any more, and keeps its connections.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on where it stopped.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = &self.running.as_ref().expect("it runs").pid;
        assert!(Command::new("kill").args([signal, pid]).status().expect("kill is there").success());
    }

    /// `redis://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it answers to a command, each line of it.
    ///
    /// # Panics
    /// It does not answer.
    pub fn command(&self, words: &[&str]) -> Vec<String> {
        self.try_command(words).expect("it answers")
    }

    fn try_command(&self, words: &[&str]) -> Option<Vec<String>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let mut asked = format!("*{}\r\n", words.len());
        for word in words {
            asked.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(asked.as_bytes()).ok()?;
        let mut answer = Vec::new();
        read(&mut BufReader::new(stream), &mut answer)?;
        Some(answer)
    }
}

/// One value of the protocol, lists flattened.
fn read(stream: &mut impl BufRead, into: &mut Vec<String>) -> Option<()> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let (kind, rest) = line.trim_end().split_at_checked(1)?;
    match kind {
        "$" => {
            // -1: nothing.
            let Ok(length) = rest.parse::<usize>() else { return Some(()) };
            let mut bytes = vec![0; length + 2];
            stream.read_exact(&mut bytes).ok()?;
            into.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
        "*" => (0..rest.parse::<usize>().unwrap_or(0)).try_for_each(|_| read(stream, into))?,
        _ => into.push(rest.to_owned()),
    }
    Some(())
}

impl Drop for Running {
    fn drop(&mut self) {
        // A frozen one dies of it, too.
        let _ = Command::new("kill").args(["-KILL", &self.pid]).stderr(Stdio::null()).status();
        drop(self.watchman.stdin.take());
        let _ = self.watchman.wait();
    }
}

fn program() -> PathBuf {
    let folders = std::env::var("PATH").unwrap_or_default();
    let named = |name: &str| folders.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    let program = named("valkey-server").or_else(|| named("redis-server"));
    program.unwrap_or_else(|| panic!("neither valkey-server nor redis-server: run .ci/prepare"))
}
