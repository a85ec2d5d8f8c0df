//! The files of a journal: `message_events_2026-01-06.json`, appended to; rewritten where a person is erased alone.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime, TimeZone};
use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use super::JournalLine;

const PREFIX: &str = "message_events_";
const SUFFIX: &str = ".json";
/// Of each of the files that were written last so much is read at start: the lines of minutes, where those of seconds may be
/// written again.
const TAIL_BYTES: u64 = 32 * 1024 * 1024;
const TAIL_FILES: usize = 3;

/// Where a tenant's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFolder(PathBuf);

impl JournalFolder {
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A day's file.
    #[must_use]
    pub fn file(&self, day: NaiveDate) -> PathBuf {
        self.0.join(format!("{PREFIX}{day}{SUFFIX}"))
    }

    /// The days that have a file.
    ///
    /// # Errors
    /// The folder cannot be read. One that is not there has no days.
    pub fn days(&self) -> io::Result<Vec<NaiveDate>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut days = Vec::new();
        for entry in entries {
            days.extend(entry?.file_name().to_str().and_then(day_of_name));
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Appends whole lines to a day's file, durably: all of them, or none.
    ///
    /// # Errors
    /// The folder cannot be made, or the disk refused.
    pub fn append(&self, day: NaiveDate, lines: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let path = self.file(day);
        let is_new = !path.exists();
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
        let end = cut_torn_line(&mut file)?;
        if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
            // Part of a line may be there: the next append cuts it where this fails as well.
            let _ = file.set_len(end);
            return Err(error);
        }
        if is_new {
            File::open(&self.0)?.sync_all()?;
        }
        Ok(())
    }

    /// The events that were written last, as far back as they may be written again.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn last_events(&self) -> io::Result<HashSet<Uuid>> {
        let mut files = Vec::new();
        for day in self.days()? {
            let path = self.file(day);
            files.push((fs::metadata(&path)?.modified()?, path));
        }
        files.sort_unstable();
        let mut events = HashSet::new();
        for (_, path) in files.iter().rev().take(TAIL_FILES) {
            let mut file = File::open(path)?;
            let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
            file.seek(SeekFrom::Start(start))?;
            for line in BufReader::new(file).split(b'\n') {
                // The first may be the end of one.
                events.extend(serde_json::from_slice::<JournalLine>(&line?).map(|line| line.id));
            }
        }
        Ok(events)
    }

    /// Takes address and text out of lines, where they stand: a line keeps its length, so that whoever appends meanwhile does no
    /// harm and takes none. Answers how many lines that were.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn forget(&self, is_theirs: impl Fn(&JournalLine) -> bool) -> io::Result<u64> {
        let mut changed = 0;
        for day in self.days()? {
            changed += forget_in(&self.file(day), &is_theirs)?;
        }
        Ok(changed)
    }

    /// Reads a day's lines. What is no line is counted.
    ///
    /// # Errors
    /// The file cannot be read. One that is not there has no lines.
    pub fn read(&self, day: NaiveDate, mut each: impl FnMut(JournalLine)) -> io::Result<u64> {
        let file = match File::open(self.file(day)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            file => file?,
        };
        let mut unreadable = 0;
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice(&line?) {
                Ok(line) => each(line),
                Err(_) => unreadable += 1,
            }
        }
        Ok(unreadable)
    }
}

fn forget_in(path: &Path, is_theirs: &impl Fn(&JournalLine) -> bool) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let (mut at, mut found) = (0, Vec::new());
    for line in BufReader::new(&file).split(b'\n') {
        let line = line?;
        let length = line.len();
        if let Ok(read) = serde_json::from_slice::<JournalLine>(&line)
            && read.is_revealed()
            && is_theirs(&read)
        {
            let mut bytes = serde_json::to_vec(&read.veiled())?;
            bytes.resize(bytes.len().max(length), b' ');
            if bytes.len() == length {
                found.push((at, bytes));
            }
        }
        at += length as u64 + 1;
    }
    for (at, bytes) in &found {
        file.seek(SeekFrom::Start(*at))?;
        file.write_all(bytes)?;
    }
    if !found.is_empty() {
        file.sync_data()?;
    }
    Ok(found.len() as u64)
}

/// The day of a moment where the tenant is.
#[must_use]
pub fn day_of(at: Timestamp, zone: chrono_tz::Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// When a day begins where the tenant is. Where clocks skip midnight, at the first hour that they show.
#[must_use]
pub(super) fn start_of(day: NaiveDate, zone: chrono_tz::Tz) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    let hours = (0..4).map(|hour| midnight + chrono::TimeDelta::hours(hour));
    let found = hours.filter_map(|at| zone.from_local_datetime(&at).earliest()).next();
    found.map_or_else(|| midnight.and_utc(), |at| at.to_utc())
}

fn day_of_name(name: &str) -> Option<NaiveDate> {
    name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Takes the end of a file off that is no whole line: whoever wrote it was killed. Answers where the file ends.
fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 4096;
    let whole = file.metadata()?.len();
    let mut end = whole;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(end - start).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < whole {
        file.set_len(end)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 6).unwrap()
    }

    #[test]
    fn lines_are_appended_and_a_torn_one_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let folder = JournalFolder::new(dir.path().join("a/b"));
        assert_eq!(folder.days().unwrap(), []);
        folder.append(day(), b"{\"a\":1}\n").unwrap();
        let path = folder.path().join("message_events_2026-01-06.json");
        for torn in ["{\"b\":", &"x".repeat(10_000)] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(torn.as_bytes()).unwrap();
            folder.append(day(), b"{\"c\":3}\n").unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{\"c\":3}\n{\"c\":3}\n");
        fs::write(folder.path().join("message_events_x.json"), "").unwrap();
        assert_eq!(folder.days().unwrap(), [day()]);
    }

    #[test]
    fn i16_a_line_loses_address_and_text_and_keeps_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let folder = JournalFolder::new(dir.path().to_owned());
        let line = |number: u128, from: &str| {
            let line = JournalLine {
                id: Uuid::from_u128(number),
                tenant_id: "belle".to_owned(),
                channel: None,
                provider: None,
                direction: "in".to_owned(),
                event: "webhook_received".to_owned(),
                contact_id: None,
                lead_id: None,
                correlation_id: Uuid::from_u128(1),
                created_at: "2026-01-06T10:00:00Z".parse().unwrap(),
                message_id: Uuid::from_u128(number),
                from: Some(from.to_owned()),
                to: None,
                body: Some(format!("{from} says \"é\"")),
            };
            serde_json::to_string(&line).unwrap() + "\n"
        };
        let (rose, paul) = (line(1, "whatsapp:+33611111111"), line(2, "whatsapp:+33622222222"));
        folder.append(day(), format!("{rose}no line\n{paul}").as_bytes()).unwrap();
        let is_rose = |line: &JournalLine| line.from.as_deref() == Some("whatsapp:+33611111111");
        assert_eq!(folder.forget(is_rose).unwrap(), 1);
        assert_eq!(folder.forget(is_rose).unwrap(), 0);
        let text = fs::read_to_string(folder.file(day())).unwrap();
        assert!(!text.contains("33611111111") && text.ends_with(&format!("no line\n{paul}")), "{text}");
        assert_eq!(text.len(), rose.len() + "no line\n".len() + paul.len());
        let mut read = Vec::new();
        assert_eq!(folder.read(day(), |line| read.push(line.id)).unwrap(), 1, "what is no line is left alone");
        assert_eq!(read, [Uuid::from_u128(1), Uuid::from_u128(2)]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(JournalFolder::new(dir.path().join("file/journal")).append(day(), b"{}\n").is_err());
    }

    #[test]
    fn a_day_begins_where_the_tenant_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let paris = chrono_tz::Europe::Paris;
        assert_eq!(day_of(at("2026-01-05T23:30:00Z"), paris), day());
        assert_eq!(start_of(day(), paris), at("2026-01-05T23:00:00Z"));
        // In Beirut, clocks of that night went from 23:59 to 01:00.
        let skipped = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();
        assert_eq!(start_of(skipped, chrono_tz::Asia::Beirut), at("2024-03-30T22:00:00Z"));
    }
}
