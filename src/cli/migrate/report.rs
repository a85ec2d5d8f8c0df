//! Report of a move: its progress and its end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::terminal::{counted, table};
use super::super::{complain_about, say};
use crate::store::{Compared, MovePass, MoveProgress, MoveVerdict};

/// How often it says how far it is, to a person who watches and to a file.
const WATCHED: Duration = Duration::from_millis(200);
const WRITTEN_DOWN: Duration = Duration::from_secs(5);

/// Says how far a move is on standard error, and what came of it on standard output.
pub(super) struct Printer {
    json: bool,
    watched: bool,
    begun: Instant,
    said: Option<Instant>,
    /// A line that is written over again and again.
    open: bool,
}

impl Printer {
    pub fn new(json: bool) -> Self {
        let watched = std::io::stderr().is_terminal();
        Self { json, watched, begun: Instant::now(), said: None, open: false }
    }

    pub fn tell(&mut self, progress: MoveProgress) {
        let every = if self.watched { WATCHED } else { WRITTEN_DOWN };
        if self.said.unwrap_or(self.begun).elapsed() < every {
            return;
        }
        self.said = Some(Instant::now());
        let line = how_far(progress, self.begun.elapsed());
        if self.watched {
            // Who closed it does not want to know.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            self.open = true;
        } else {
            complain_about(format_args!("{line}"));
        }
    }

    /// What follows begins on a line of its own.
    pub fn end_line(&mut self) {
        if std::mem::take(&mut self.open) {
            complain_about(format_args!(""));
        }
    }

    pub fn copied(&mut self, passes: &[MovePass]) {
        self.end_line();
        let Some(last) = passes.last() else { return };
        let written: u64 = passes.iter().map(|pass| pass.written).sum();
        if self.json {
            let document = json!({
                "stage": "copied", "compared": last.read, "written": written, "passes": passes.len(),
                "end_takes_ms": milliseconds(last.last_takes), "elapsed_ms": milliseconds(self.begun.elapsed()),
            });
            say(format_args!("{document:#}"));
            return;
        }
        say(format_args!(
            "copied {} in {} ({} a second); the last pass looked at {}, of the log of events at what was new",
            counted(written, "row"),
            seconds(self.begun.elapsed()),
            rate(written, self.begun.elapsed()),
            counted(last.read, "row"),
        ));
        say(format_args!(
            "The end takes about {} as the machine is now, during which nothing is sent.\n\
             Next: let the daemon begin on PostgreSQL (it keeps what comes), and run this again with --finish.",
            seconds(last.last_takes)
        ));
    }

    pub fn compared(&mut self, verdict: &MoveVerdict) {
        self.end_line();
        let differing: Vec<_> = verdict.tables.iter().filter(|compared| !compared.is_same()).collect();
        if self.json {
            let document = json!({
                "stage": if verdict.is_done() { "finished" } else { "different" },
                "tables": verdict.tables.iter().map(document_of).collect::<Vec<_>>(),
                "written": verdict.pass.written, "elapsed_ms": milliseconds(self.begun.elapsed()),
            });
            say(format_args!("{document:#}"));
        } else {
            let rows: Vec<_> = verdict.tables.iter().map(row).collect();
            let head = ["table", "rows", "rows there", "checksum", "checksum there", ""];
            say(format_args!("{}", table(&head, &rows)));
        }
        if !differing.is_empty() {
            let names: Vec<_> = differing.iter().map(|compared| compared.table).collect();
            complain_about(format_args!(
                "error: PostgreSQL does not have what was written to it: {}.\n\
                 SQLite is as it was, and the daemon may go on with it. Is there a trigger or a rule on these tables?",
                names.join(", ")
            ));
        } else if !self.json {
            say(format_args!(
                "Every row is there and the same. {} in {}, {} of them written in this run.\n\
                 PostgreSQL is the database now; no daemon starts on the SQLite file any more. Keep it until you are sure.",
                counted(verdict.pass.read, "row"),
                seconds(self.begun.elapsed()),
                verdict.pass.written,
            ));
        }
    }

    pub fn done(&mut self) {
        if self.json {
            say(format_args!("{:#}", json!({ "stage": "finished" })));
        } else {
            say(format_args!("this move is finished already: there is nothing to do"));
        }
    }
}

/// `messages_in: 120000 of about 500000 rows read, 119000 written, 41000 a second`
fn how_far(progress: MoveProgress, elapsed: Duration) -> String {
    let MoveProgress { table, read, about, written } = progress;
    let of = if about > read { format!(" of about {about}") } else { String::new() };
    format!("{table}: {read}{of} rows read, {written} written, {} after the beginning", seconds(elapsed))
}

fn row(compared: &Compared) -> Vec<String> {
    let Compared { table, source, target } = compared;
    vec![
        (*table).to_owned(),
        source.rows.to_string(),
        target.rows.to_string(),
        short(source.checksum),
        short(target.checksum),
        if compared.is_same() { "same".to_owned() } else { "DIFFERENT".to_owned() },
    ]
}

fn document_of(compared: &Compared) -> Value {
    let Compared { table, source, target } = compared;
    json!({
        "table": table, "same": compared.is_same(),
        "source": { "rows": source.rows, "checksum": format!("{:032x}", source.checksum) },
        "target": { "rows": target.rows, "checksum": format!("{:032x}", target.checksum) },
    })
}

/// The first half is enough for people.
fn short(checksum: u128) -> String {
    format!("{:016x}", checksum >> 64)
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

fn rate(rows: u64, took: Duration) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "for people"
    )]
    let rate = (rows as f64 / took.as_secs_f64().max(0.001)) as u64;
    rate
}
