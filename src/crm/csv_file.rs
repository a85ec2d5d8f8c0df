//! A CSV file with the tenant's customers: columns for a number or an e-mail address, and for an id.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use palabre_actors::domain::address::{Address, HomeCountry, Identity, Scheme, Unnamed};

use super::spellings::{self, Fit};
use super::{CrmFailure, CrmRecord, Key};

const PHONE: &[&str] =
    &["phone", "telephone", "téléphone", "mobile", "number", "numero", "numéro", "portable", "whatsapp"];
const EMAIL: &[&str] = &["email", "e-mail", "mail", "courriel"];
const ID: &[&str] = &["id", "lead_id", "leadid", "lead", "contact_id"];
const KIND: &[&str] = &["kind", "type"];
/// What a record is called when the file does not say.
const LEAD: &str = "Lead";

/// The file, read again when it changed.
pub struct CsvFile {
    path: PathBuf,
    /// What numbers without `+` mean.
    home: Option<HomeCountry>,
    read: Mutex<Option<Reading>>,
}

#[derive(Clone)]
struct Reading {
    changed_at: Option<SystemTime>,
    rows: Arc<Vec<CsvRow>>,
}

pub(super) struct CsvRow {
    phones: Vec<CsvPhone>,
    emails: Vec<String>,
    record: CrmRecord,
}

/// A number of a record.
enum CsvPhone {
    /// With its country, or of the tenant's country.
    Known(Identity),
    /// Without a country that is known: as it was written.
    Written(String),
}

impl CsvPhone {
    fn read(written: &str, home: Option<HomeCountry>) -> Self {
        match Address::written(written, Unnamed::Phone(Scheme::Sms), home) {
            // People write a trunk 0 in brackets in countries that have none, too.
            Ok(address) if !written.contains("(0)") => Self::Known(address.identity()),
            _ => Self::Written(written.to_owned()),
        }
    }

    /// Whether it is this number, and how sure that is.
    fn fit(&self, phone: &str) -> Option<Fit> {
        match self {
            Self::Known(known) => (known.as_str() == phone).then_some(Fit::Whole),
            Self::Written(written) => spellings::fit(written, phone),
        }
    }
}

impl fmt::Debug for CsvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvFile").finish_non_exhaustive()
    }
}

impl CsvFile {
    pub(super) const fn new(path: PathBuf, home: Option<HomeCountry>) -> Self {
        Self { path, home, read: Mutex::new(None) }
    }

    /// The record with one of the keys. A number that stands there without a country that is known, and that fits several
    /// records, is nobody's.
    pub(super) async fn find(&self, keys: &[Key]) -> Result<Option<CrmRecord>, CrmFailure> {
        let rows = self.rows().await?;
        for key in keys {
            let found = match key {
                Key::Email(email) => rows.iter().find(|row| row.emails.contains(email)).map(|row| &row.record),
                Key::Phone(phone) => by_phone(&rows, phone),
            };
            if let Some(found) = found {
                return Ok(Some(found.clone()));
            }
        }
        Ok(None)
    }

    /// The file is not touched on an asynchronous worker.
    async fn rows(&self) -> Result<Arc<Vec<CsvRow>>, CrmFailure> {
        let before = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (path, home) = (self.path.clone(), self.home);
        let reading = tokio::task::spawn_blocking(move || read(&path, home, before))
            .await
            .unwrap_or_else(|error| Err(CrmFailure::File(std::io::Error::other(error))))?;
        let rows = Arc::clone(&reading.rows);
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        Ok(rows)
    }
}

pub(super) fn by_phone<'r>(rows: &'r [CsvRow], phone: &str) -> Option<&'r CrmRecord> {
    let mut national: Vec<&CrmRecord> = Vec::new();
    for row in rows {
        match row.phones.iter().filter_map(|written| written.fit(phone)).max() {
            Some(Fit::Whole) => return Some(&row.record),
            Some(Fit::National) => national.push(&row.record),
            None => {}
        }
    }
    match national.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// What was read before, when the file is still the same.
fn read(path: &Path, home: Option<HomeCountry>, before: Option<Reading>) -> Result<Reading, CrmFailure> {
    let changed_at = std::fs::metadata(path).map_err(CrmFailure::File)?.modified().ok();
    if let Some(before) = before.filter(|before| before.changed_at == changed_at) {
        return Ok(before);
    }
    let bytes = std::fs::read(path).map_err(CrmFailure::File)?;
    let rows = Arc::new(parse(&String::from_utf8_lossy(&bytes), home)?);
    Ok(Reading { changed_at, rows })
}

/// The rows of a file's text.
pub(super) fn parse(text: &str, home: Option<HomeCountry>) -> Result<Vec<CsvRow>, CrmFailure> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Spreadsheets of countries with a decimal comma write semicolons.
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.matches(';').count() > heading.matches(',').count() { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(|header| header.trim().to_lowercase()).collect(),
        Err(_) => return Err(CrmFailure::Unreadable),
    };
    let of = |names: &[&str]| -> Vec<usize> {
        headers.iter().enumerate().filter(|(_, name)| names.contains(&name.as_str())).map(|(at, _)| at).collect()
    };
    let (phones, emails, ids, kinds) = (of(PHONE), of(EMAIL), of(ID), of(KIND));
    let Some(id) = ids.first() else { return Err(CrmFailure::Columns("the record's id")) };
    if phones.is_empty() && emails.is_empty() {
        return Err(CrmFailure::Columns("a phone number or an e-mail address"));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        // A line that is none is as good as not there.
        let Ok(record) = record else { continue };
        let cell = |at: &usize| record.get(*at).map(str::trim).filter(|cell| !cell.is_empty());
        let Some(id) = cell(id) else { continue };
        let kind = kinds.first().and_then(cell).unwrap_or(LEAD);
        rows.push(CsvRow {
            phones: phones.iter().filter_map(cell).map(|written| CsvPhone::read(written, home)).collect(),
            emails: emails.iter().filter_map(cell).map(str::to_lowercase).collect(),
            record: CrmRecord { kind: kind.to_owned(), id: id.to_owned() },
        });
    }
    Ok(rows)
}
