//! Prometheus beside daemons, with the rules that operators install: their minutes last as long as a test has time for.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{WATCHMAN, Watchman, lasting_port};

/// How often it looks: every minute of the rules, but no more often and no more seldom than this.
const LOOKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A server. It ends with its owner.
#[derive(Debug)]
pub struct Server {
    /// Ends before its folder goes.
    _watchman: Watchman,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Starts one that scrapes daemons at these ports of loopback. What the rules count stays as it is, their times pass faster.
    ///
    /// # Panics
    /// There is no Prometheus on this machine.
    #[must_use]
    pub fn start(rules: &str, minute: Duration, daemons: &[u16]) -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), lasting_port());
        let every = minute.clamp(LOOKS.0, LOOKS.1).as_millis();
        let targets: Vec<String> = daemons.iter().map(|daemon| format!("\"127.0.0.1:{daemon}\"")).collect();
        let config = format!(
            "global: {{ scrape_interval: {every}ms, scrape_timeout: {every}ms, evaluation_interval: {every}ms }}\n\
             rule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: palabre\n    static_configs: [{{ targets: [{}] }}]\n",
            targets.join(", ")
        );
        let at = |name: &str| folder.path().join(name);
        fs::write(at("prometheus.yml"), config).expect("a file");
        fs::write(at("alerts.yml"), quick(rules, minute)).expect("a file");
        // The shell of the watchman throws away what is said: this one keeps it.
        let told = r#"exec "$0" "$@" 2>log"#;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", WATCHMAN, "sh", "sh", "-c", told, "prometheus"])
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path());
        Self { _watchman: Watchman::start(&mut shell), folder, port }
    }

    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it complained about.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// `90s`, `5m`, `2h` with minutes of that length; seconds stay as they are.
fn shortened(duration: &str, minute: Duration) -> Option<String> {
    let (number, unit) = duration.split_at_checked(duration.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => number.parse::<u128>().ok()?,
        "h" => number.parse::<u128>().ok()? * 60,
        _ => return None,
    };
    Some(format!("{}ms", minutes * minute.as_millis()))
}

/// The rules, with minutes of that length.
fn quick(rules: &str, minute: Duration) -> String {
    let mut text = String::new();
    for line in rules.lines() {
        let mut line = line.to_owned();
        if let Some((before, after)) = line.split_once("for: ")
            && let Some(short) = shortened(after, minute)
        {
            line = format!("{before}for: {short}");
        }
        let mut rest = line.as_str();
        while let Some((before, after)) = rest.split_once('[') {
            let (range, after) = after.split_once(']').expect("a range ends");
            let short = shortened(range, minute).unwrap_or_else(|| range.to_owned());
            let _ = write!(text, "{before}[{short}]");
            rest = after;
        }
        let _ = writeln!(text, "{rest}");
    }
    text
}
