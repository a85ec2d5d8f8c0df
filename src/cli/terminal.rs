//! Parts that the operators' commands share: tables that fit a terminal, questions, times.

use std::io::{BufRead, IsTerminal, Write};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::printable::is_obeyed;
use palabre_actors::domain::rules::Language;
pub(super) use palabre_actors::domain::typography::shortened as cut;

/// Lines are no longer than this.
pub(super) const WIDTH: usize = 120;

/// Columns side by side, each as wide as its longest cell; the last one is cut where the line would be too long.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
        }
        format!("{}\n", cut(line.trim_end(), WIDTH))
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Whether a person at the terminal types this word. Without a person, nobody does.
pub(super) fn is_confirmed(question: std::fmt::Arguments<'_>, word: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    super::complain_about(question);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == word
}

/// A text on one line, in quotes, and without what a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    let visible = text.chars().map(|c| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() });
    format!("“{}”", visible.collect::<String>())
}

/// Asks on the terminal. Without one, the answer is no: nobody is there to say yes.
pub(super) fn confirmed(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        super::complain_about(format_args!("{question}\nnobody is here to answer: add --yes"));
        return false;
    }
    let mut out = std::io::stderr();
    let _ = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "o" | "oui")
}

/// Now, as the columns keep it.
pub(super) fn now() -> Timestamp {
    let now = Utc::now();
    Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

/// `2h` ago, `2026-11-21`, or `2026-11-21T08:00:00Z`, for clap.
pub(super) fn past(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let ago = humantime::parse_duration(text).ok().and_then(|ago| TimeDelta::from_std(ago).ok());
    ago.and_then(|ago| now().checked_sub_signed(ago))
        .ok_or_else(|| "write how long ago (`2h`, `3d`), a day (`2026-11-21`), or `2026-11-21T08:00:00Z`".to_owned())
}

/// `2026-11-21 08:00:00 UTC`
pub(super) fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `4 s`, `12 min`, `3 h`, `2 d` (`2 j` in French)
pub(super) fn age(since: TimeDelta, language: Language) -> String {
    match since.num_seconds() {
        ..60 => format!("{} s", since.num_seconds().max(0)),
        60..3_600 => format!("{} min", since.num_minutes()),
        3_600..172_800 => format!("{} h", since.num_hours()),
        _ => format!("{} {}", since.num_days(), if language == Language::Fr { "j" } else { "d" }),
    }
}

/// `1 message`, `2 messages`
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit() {
        let rows = vec![vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), "é".repeat(200)]];
        let told = table(&["id", "why"], &rows);
        assert!(told.starts_with("id   why\na    bb\nccc  éé"), "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(told.ends_with("…\n"));
    }

    #[test]
    fn moments_are_read_in_three_ways() {
        assert_eq!(past("2026-11-21").unwrap().to_rfc3339(), "2026-11-21T00:00:00+00:00");
        assert_eq!(past("2026-11-21T08:00:00+01:00").unwrap().to_rfc3339(), "2026-11-21T07:00:00+00:00");
        assert!(past("2h").unwrap() < now());
        assert!(past("yesterday").unwrap_err().contains("2h"));
    }

    #[test]
    fn ages_are_told_in_fitting_units() {
        for (seconds, expected) in
            [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (100_000, "27 h"), (200_000, "2 d")]
        {
            assert_eq!(age(TimeDelta::seconds(seconds), Language::En), expected);
        }
    }
}
