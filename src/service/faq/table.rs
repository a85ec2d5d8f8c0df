//! FAQ entries as a CSV table: question, keywords, about, answer, language, enabled.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::folding::fold;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{Language, Rules};

use super::super::permissions::Permission::{FaqRead, FaqWrite};
use super::super::{Caller, ServiceError, audit};
use super::columns::COLUMNS;
use super::{LineProblem, NewEntry, checked, template};
use crate::store::operator::Operator;
use crate::store::{FaqRow, phrases};

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries that are new.
    pub added: usize,
    /// Entries whose question was there, and that say something else now.
    pub changed: usize,
    /// Entries that were there and are as they were.
    pub unchanged: usize,
    /// Entries that the table does not have, and that went (`replace`).
    pub removed: usize,
    /// Lines that do not hold, and why. When there is one, nothing was written.
    pub problems: Vec<(usize, LineProblem)>,
}

/// The entries of the table as CSV.
///
/// # Errors
/// [`ServiceError`]
pub async fn export(caller: &Caller, store: &Operator, tenant: &TenantId) -> Result<String, ServiceError> {
    caller.require(FaqRead)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "faq.export", ("tenant", tenant.as_str())).await?;
    Ok(written(&store.faq_entries(tenant).await?))
}

fn written(rows: &[FaqRow]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [&str; 6]| writer.write_record(cells).is_ok();
    write(COLUMNS);
    for row in rows {
        let (keywords, about) = (row.keywords.join(", "), row.about.join(", "));
        let enabled = if row.enabled { "yes" } else { "no" };
        write([&row.question, &keywords, &about, &row.answer, row.language.as_deref().unwrap_or(""), enabled]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// Takes a table over: an entry whose question is there already is changed, others are added. `replace` deletes the rows
/// that the table does not have. With `dry_run`, or when a line does not hold, nothing is written.
///
/// # Errors
/// [`ServiceError`]
pub async fn import(
    caller: &Caller,
    store: &Operator,
    (tenant, rules): (&TenantId, &Rules),
    csv: &[u8],
    (replace, dry_run): (bool, bool),
    at: Timestamp,
) -> Result<Imported, ServiceError> {
    caller.require(FaqWrite)?;
    caller.within(tenant)?;
    let mut imported = Imported::default();
    let known = store.faq_entries(tenant).await?;
    let (mut asked, mut kept, mut rows): (Vec<String>, Vec<String>, Vec<FaqRow>) = Default::default();
    for (line, read) in read(csv) {
        let mut entry = match read {
            Ok(entry) => entry,
            Err(problem) => {
                imported.problems.push((line, problem));
                continue;
            }
        };
        let question = fold(&entry.question);
        if asked.contains(&question) {
            imported.problems.push((line, LineProblem::Twice));
            continue;
        }
        let before = known.iter().find(|row| fold(&row.question) == question);
        asked.push(question);
        entry.id = before.map(|row| row.id.clone());
        let row = match checked(caller, (tenant, rules), entry, "import", at) {
            Ok(row) => row,
            Err(ServiceError::NotValid { field, reason }) => {
                imported.problems.push((line, LineProblem::NotValid { field, reason }));
                continue;
            }
            Err(error) => return Err(error),
        };
        kept.push(row.id.clone());
        match before {
            None => imported.added += 1,
            Some(before) if says_the_same(before, &row) => {
                imported.unchanged += 1;
                continue;
            }
            Some(_) => imported.changed += 1,
        }
        rows.push(row);
    }
    let gone: Vec<&FaqRow> = known.iter().filter(|row| replace && !kept.contains(&row.id)).collect();
    imported.removed = gone.len();
    if dry_run || !imported.problems.is_empty() {
        return Ok(imported);
    }
    audit::note(caller, store, tenant, "faq.import", ("tenant", tenant.as_str())).await?;
    for row in &rows {
        store.put_faq_entry(row).await?;
    }
    for row in gone {
        store.delete_faq_entry(tenant, &row.id).await?;
    }
    Ok(imported)
}

/// Whether a row that was there says what an imported one says. How and when it came in is another matter.
fn says_the_same(before: &FaqRow, row: &FaqRow) -> bool {
    let FaqRow { source, author, updated_at, .. } = row.clone();
    FaqRow { source, author, updated_at, ..before.clone() } == *row
}

/// Adds the entries of a trade whose questions are not there yet, neither in the tenant's file nor in the table. Answers how
/// many; `None`: there is no such trade.
///
/// # Errors
/// [`ServiceError`]
pub async fn add_template(
    caller: &Caller,
    store: &Operator,
    (tenant, rules): (&TenantId, &Rules),
    (trade, language): (&str, Language),
    at: Timestamp,
) -> Result<Option<usize>, ServiceError> {
    caller.require(FaqWrite)?;
    caller.within(tenant)?;
    let Some(csv) = template(trade, language) else { return Ok(None) };
    let mut asked: Vec<String> = rules.source().faq.iter().map(|entry| fold(&entry.question)).collect();
    asked.extend(store.faq_entries(tenant).await?.iter().map(|row| fold(&row.question)));
    let entries = read(csv.as_bytes()).into_iter().filter_map(|(_, entry)| entry.ok());
    let new: Vec<NewEntry> = entries.filter(|entry| !asked.contains(&fold(&entry.question))).collect();
    let rows = new.into_iter().map(|entry| checked(caller, (tenant, rules), entry, "template", at));
    let rows: Vec<FaqRow> = rows.collect::<Result<_, _>>()?;
    audit::note(caller, store, tenant, "faq.template", ("tenant", tenant.as_str())).await?;
    for row in &rows {
        store.put_faq_entry(row).await?;
    }
    Ok(Some(rows.len()))
}

/// The entries of a table with their lines. Commas or semicolons part the cells, as spreadsheets in either language write.
fn read(csv: &[u8]) -> Vec<(usize, Result<NewEntry, LineProblem>)> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let first = csv.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let semicolons = first.contains(&b';') && !first.contains(&b',');
    let delimiter = if semicolons { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(csv);
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(|header| header.trim().to_lowercase()).collect(),
        Err(error) => return vec![(1, Err(LineProblem::Unreadable(error.to_string())))],
    };
    let at = |column: &str| headers.iter().position(|header| header == column);
    let (Some(question), Some(answer)) = (at("question"), at("answer")) else {
        return vec![(1, Err(LineProblem::NoColumns))];
    };
    if let Some(unknown) = headers.iter().find(|header| !COLUMNS.contains(&header.as_str()) && !header.is_empty()) {
        return vec![(1, Err(LineProblem::UnknownColumn(unknown.clone())))];
    }
    let records = reader.records().enumerate().map(|(place, record)| {
        let record = match record {
            Ok(record) => record,
            Err(error) => return (place + 2, Err(LineProblem::Unreadable(error.to_string()))),
        };
        let line =
            record.position().map_or(place + 2, |position| usize::try_from(position.line()).unwrap_or(place + 2));
        let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).unwrap_or("").trim();
        let language = Some(cell(at("language")).to_owned()).filter(|language| !language.is_empty());
        let enabled = match cell(at("enabled")).to_lowercase().as_str() {
            "" | "yes" | "oui" | "true" | "1" => true,
            "no" | "non" | "false" | "0" => false,
            _ => return (line, Err(LineProblem::Enabled)),
        };
        let entry = NewEntry {
            id: None,
            question: cell(Some(question)).to_owned(),
            keywords: phrases(cell(at("keywords"))),
            about: phrases(cell(at("about"))),
            answer: cell(Some(answer)).to_owned(),
            language,
            enabled,
        };
        (line, Ok(entry))
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(question: &str, keywords: &[&str], answer: &str) -> FaqRow {
        FaqRow {
            id: "1".to_owned(),
            tenant: TenantId::new("belle"),
            question: question.to_owned(),
            keywords: keywords.iter().map(ToString::to_string).collect(),
            about: Vec::new(),
            answer: answer.to_owned(),
            language: Some("fr".to_owned()),
            enabled: true,
            source: "import".to_owned(),
            updated_at: Timestamp::UNIX_EPOCH,
            author: None,
        }
    }

    #[test]
    fn what_is_exported_is_read_again() {
        let written = written(&[row("Où, \"ici\" ?", &["où", "adresse"], "12 rue\ndes Lilas")]);
        let read: Vec<_> = read(written.as_bytes()).into_iter().map(|(line, entry)| (line, entry.unwrap())).collect();
        let entry = NewEntry {
            question: "Où, \"ici\" ?".to_owned(),
            keywords: vec!["où".to_owned(), "adresse".to_owned()],
            answer: "12 rue\ndes Lilas".to_owned(),
            language: Some("fr".to_owned()),
            enabled: true,
            ..NewEntry::default()
        };
        assert_eq!(read, [(2, entry)]);
    }

    #[test]
    fn spreadsheets_in_either_language_are_read() {
        for table in
            ["\u{feff}Question;Answer;Enabled\nOuvert ?;Oui;non\n", "answer,question,enabled\nOui,Ouvert ?,no\n"]
        {
            let read = read(table.as_bytes());
            let entry = read[0].1.as_ref().unwrap();
            assert_eq!((entry.question.as_str(), entry.answer.as_str(), entry.enabled), ("Ouvert ?", "Oui", false));
        }
    }

    #[test]
    fn a_table_without_its_columns_is_refused() {
        for (table, reason) in [
            ("a,b\n1,2\n", "must name the columns"),
            ("question,answer,keyword\na,b,c\n", "no column keyword"),
            ("question,answer,enabled\na,b,maybe\n", "yes or no"),
        ] {
            let read = read(table.as_bytes());
            assert!(read[0].1.as_ref().unwrap_err().to_string().contains(reason), "{table}");
        }
    }
}
