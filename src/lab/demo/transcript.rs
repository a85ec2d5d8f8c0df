//! Layout of the transcript: a line per message, and statuses under it. Pure; [`super::printer`] prints.

use std::io::IsTerminal as _;
use std::time::Duration;

use palabre_actors::domain::printable::is_obeyed;

#[derive(Clone, Debug)]
pub(super) enum TranscriptEvent {
    /// A customer wrote, and the webhook was answered.
    Wrote {
        at: Duration,
        talk: ShownMessage,
        /// How often it was delivered at once.
        copies: usize,
        /// The answer's status; `None`: no answer.
        status: Option<u16>,
        /// How long that took.
        took: Duration,
    },
    /// A message reached a phone.
    Got {
        at: Duration,
        talk: ShownMessage,
        /// Its number in this transcript.
        number: usize,
        /// From the webhook that it answers.
        took: Option<Duration>,
        /// How many attempts it took.
        attempts: i64,
    },
    /// Messages stayed without an answer, as they should.
    Silent {
        at: Duration,
        /// Who and where, and why.
        talk: ShownMessage,
    },
    /// A status callback was answered.
    Status {
        /// The message's number.
        number: usize,
        /// `delivered`
        status: &'static str,
        /// The provider's code.
        code: Option<u32>,
        /// Whether it changed anything.
        news: bool,
    },
    /// A remark.
    Note { at: Duration, text: String },
}

/// Who talks with whom, and what is said.
#[derive(Clone, Debug)]
pub(super) struct ShownMessage {
    pub customer: String,
    pub tenant: &'static str,
    pub channel: &'static str,
    /// The tenant's place among the tenants, for its colour.
    pub colour: usize,
    pub text: String,
}

/// Where lines go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether colours are wanted.
    pub colours: bool,
    /// Columns of a line.
    pub width: usize,
}

/// Columns before and after the text: time, channel, customer, arrow, tenant; latency and mark.
const AROUND_TEXT: usize = 7 + 2 + 10 + 2 + 8 + 3 + 16 + 2 + 2 + 11 + 2 + 12;

const TENANT_COLOURS: [&str; 4] = ["35", "33", "32", "34"];
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const CYAN: &str = "36";

impl Style {
    /// For standard output: colours on a terminal alone, and not where `NO_COLOR` (<https://no-color.org>) stands.
    pub fn of_stdout() -> Self {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Self {
            colours: std::io::stdout().is_terminal() && !forbidden && !dumb,
            width: columns.unwrap_or(132).clamp(AROUND_TEXT + 16, 200),
        }
    }

    pub fn good(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(RED, text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(DIM, text)
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn tenant(self, number: usize, text: &str) -> String {
        self.paint(TENANT_COLOURS.get(number % TENANT_COLOURS.len()).copied().unwrap_or(CYAN), text)
    }
}

/// A line; statuses that came together share one.
pub(super) fn lines(told: &[TranscriptEvent], style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let mut status_marks = StatusMarks::default();
    for told in told {
        match told {
            TranscriptEvent::Status { number, status, code, news } => status_marks.add(*number, status, *code, *news),
            other => lines.push(line(other, style)),
        }
    }
    lines.extend(status_marks.lines(style));
    lines
}

fn line(told: &TranscriptEvent, style: Style) -> String {
    match told {
        TranscriptEvent::Wrote { at, talk, copies, status, took } => {
            let marks = match status {
                Some(200) if *copies > 1 => style.paint(CYAN, &format!("200 × {copies}")),
                Some(200) => style.dim("200"),
                Some(other) => style.bad(&other.to_string()),
                None => style.bad("no answer"),
            };
            talk_line(*at, talk, "→", Some(*took), &marks, style)
        }
        TranscriptEvent::Got { at, talk, number, took, attempts } => {
            let mut marks = style.good(&format!("#{number}"));
            if *attempts > 1 {
                marks = format!("{marks} {}", style.paint(CYAN, &format!("attempt {attempts}")));
            }
            talk_line(*at, talk, "←", *took, &marks, style)
        }
        TranscriptEvent::Silent { at, talk } => {
            let shown = ShownMessage { text: format!("(no answer: {})", talk.text), ..talk.clone() };
            talk_line(*at, &shown, "⌀", None, "", style).trim_end().to_owned()
        }
        TranscriptEvent::Note { at, text } => format!("{}  {}", seconds(*at), style.paint(CYAN, &format!("· {text}"))),
        TranscriptEvent::Status { .. } => String::new(),
    }
}

fn talk_line(
    at: Duration,
    talk: &ShownMessage,
    arrow: &str,
    took: Option<Duration>,
    marks: &str,
    style: Style,
) -> String {
    let room = style.width - AROUND_TEXT;
    let took = took.map_or_else(|| " ".repeat(11), |took| format!("{:>11}", milliseconds(took)));
    format!(
        "{}  {}  {} {arrow} {}  {}  {}  {marks}",
        seconds(at),
        style.tenant(talk.colour, &fitted(talk.channel, 10)),
        fitted(&talk.customer, 8),
        style.tenant(talk.colour, &fitted(talk.tenant, 16)),
        fitted(&talk.text, room),
        style.dim(&took),
    )
}

/// Status callbacks that came together, by what they say.
#[derive(Default)]
struct StatusMarks {
    news: Vec<(String, Vec<usize>)>,
    no_news: Vec<(String, Vec<usize>)>,
}

/// Columns before the marks.
const MARKS_INDENT: usize = 21;

impl StatusMarks {
    fn add(&mut self, number: usize, status: &str, code: Option<u32>, news: bool) {
        let mark = match (status, code) {
            ("sent", _) => "✓".to_owned(),
            ("delivered", _) => "✓✓".to_owned(),
            ("read", _) => "read".to_owned(),
            (other, Some(code)) => format!("✗ {other} {code}"),
            (other, None) => format!("✗ {other}"),
        };
        let kept = if news { &mut self.news } else { &mut self.no_news };
        match kept.iter_mut().find(|(known, _)| *known == mark) {
            Some((_, numbers)) => numbers.push(number),
            None => kept.push((mark, vec![number])),
        }
    }

    /// As few lines as hold them.
    fn lines(self, style: Style) -> Vec<String> {
        let mut pieces: Vec<(String, String)> = Vec::new();
        for (mark, numbers) in self.news {
            let plain = group(&mark, numbers);
            let painted = if mark.starts_with('✗') { style.bad(&plain) } else { style.good(&plain) };
            pieces.push((plain, painted));
        }
        if !self.no_news.is_empty() {
            let groups: Vec<String> = self.no_news.into_iter().map(|(mark, numbers)| group(&mark, numbers)).collect();
            let plain = format!("(late or repeated: {})", groups.join(" "));
            pieces.push((plain.clone(), style.dim(&plain)));
        }
        let mut lines: Vec<String> = Vec::new();
        let mut used = usize::MAX;
        for (plain, painted) in pieces {
            let columns = plain.chars().count() + 3;
            if used.saturating_add(columns) > style.width {
                lines.push(" ".repeat(MARKS_INDENT));
                used = MARKS_INDENT;
            }
            if let Some(line) = lines.last_mut() {
                let gap = if used == MARKS_INDENT { "" } else { "   " };
                line.push_str(gap);
                line.push_str(&painted);
            }
            used += columns;
        }
        lines
    }
}

fn group(mark: &str, mut numbers: Vec<usize>) -> String {
    numbers.sort_unstable();
    numbers.iter().fold(mark.to_owned(), |group, number| format!("{group} #{number}"))
}

fn seconds(at: Duration) -> String {
    format!("{:>7.3}", at.as_secs_f64())
}

/// With as many digits as tell something.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 100.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// Exactly so many columns: cut with an ellipsis, or filled up.
fn fitted(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect();
    let length = text.chars().count();
    if length <= columns {
        return format!("{text}{}", " ".repeat(columns - length));
    }
    let cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { colours: false, width: 132 };

    fn talk(text: &str) -> ShownMessage {
        ShownMessage {
            customer: "Camille".to_owned(),
            tenant: "Institut Belle",
            channel: "belle-wa",
            colour: 0,
            text: text.to_owned(),
        }
    }

    fn wrote(text: &str, status: Option<u16>) -> TranscriptEvent {
        let took = Duration::from_micros(2_130);
        TranscriptEvent::Wrote { at: Duration::from_millis(1_250), talk: talk(text), copies: 1, status, took }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let got = TranscriptEvent::Got { at: Duration::ZERO, talk: talk("court"), number: 7, took: None, attempts: 1 };
        let told =
            [wrote("Bonjour, êtes-vous ouverts aujourd'hui ?", Some(200)), wrote(&"é".repeat(300), Some(200)), got];
        let lines = lines(&told, PLAIN);
        let column = |line: &str, mark: &str| line[..line.find(mark).unwrap()].chars().count();
        assert_eq!(column(&lines[0], "Institut"), column(&lines[2], "Institut"));
        assert_eq!(column(&lines[0], " 200"), column(&lines[1], " 200"));
        assert_eq!(column(&lines[0], " 200"), column(&lines[2], " #7"));
        assert!(lines[0].contains("  1.250") && lines[0].contains("→") && lines[0].contains("2.1 ms"), "{}", lines[0]);
        assert!(lines[1].contains('…'));
        assert!(lines.iter().all(|line| line.chars().count() <= 132));
    }

    #[test]
    fn statuses_that_came_together_share_a_line() {
        let status = |number, status, news| TranscriptEvent::Status { number, status, code: None, news };
        let failed = TranscriptEvent::Status { number: 4, status: "undelivered", code: Some(30003), news: true };
        let told = [
            status(1, "sent", true),
            status(2, "sent", true),
            status(1, "delivered", true),
            status(2, "sent", false),
            failed,
        ];
        let lines = lines(&told, PLAIN);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].trim_start(), "✓ #1 #2   ✓✓ #1   ✗ undelivered 30003 #4   (late or repeated: ✓ #2)");
    }

    #[test]
    fn many_statuses_take_several_lines() {
        let statuses = ["sent", "delivered", "read", "failed", "undelivered"];
        let told = statuses.iter().flat_map(|status| {
            (1..10).map(|number| TranscriptEvent::Status { number, status, code: None, news: true })
        });
        let lines = lines(&told.collect::<Vec<_>>(), PLAIN);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 132), "{lines:#?}");
    }

    #[test]
    fn colours_only_where_wanted() {
        let plain = lines(&[wrote("Bonjour", Some(401))], PLAIN);
        assert!(!plain[0].contains('\u{1b}'));
        let painted = lines(&[wrote("Bonjour", Some(401))], Style { colours: true, ..PLAIN });
        assert!(painted[0].contains("\u{1b}[31m401\u{1b}[0m"), "{:?}", painted[0]);
    }

    #[test]
    fn a_text_cannot_break_its_line() {
        let lines = lines(&[wrote("un\ndeux\u{1b}[31m", Some(200))], PLAIN);
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains('\n') && !lines[0].contains('\u{1b}'));
    }
}
