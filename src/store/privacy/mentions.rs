//! Takes a person's addresses out of what others wrote.

use sea_orm::DbErr;

use super::catalogue::{Erasure, PersonalTable, TABLES};
use super::erase::{ErasureReport, PAGE, position};
use super::person::DataSubject;
use crate::store::StoreError;
use crate::store::composed::{Params, execute, query};
use crate::store::operator::Operator;
use crate::store::statement::{SqlExecutor, count, text};

impl Operator {
    /// Takes the person's addresses out of what others wrote. Returns the messages that were changed.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; what was changed stays so.
    pub async fn take_out_mentions(
        &self,
        person: &DataSubject,
        report: &mut ErasureReport,
    ) -> Result<Vec<String>, StoreError> {
        let needles = person.needles();
        let mut messages = Vec::new();
        let with_words = TABLES.iter().filter(|table| {
            table.erasure != Erasure::Index && table.words().next().is_some() && table.has_column("id")
        });
        for table in with_words {
            for needles in needles.chunks(NEEDLES.len()) {
                let found = mentioning(self.reads(), person, table, needles).await?;
                for page in found.chunks(PAGE) {
                    let tx = self.begin().await?;
                    let params = with_needles(Params::default(), needles)
                        .with("tenant", text(person.tenant.as_str()))
                        .with_list("ids", page.iter().map(String::as_str));
                    let set: Vec<String> = table.words().map(|column| redaction(column, needles.len())).collect();
                    let sql = format!(
                        "UPDATE \"{}\" SET {} WHERE tenant_id = {{tenant}} AND id IN {{ids}}",
                        table.name,
                        set.join(", ")
                    );
                    report.mentions += execute(&tx, &sql, &params).await?;
                    tx.commit().await?;
                }
                if matches!(table.name, "messages_in" | "messages_out") {
                    messages.extend(found);
                }
            }
        }
        Ok(messages)
    }
}

/// Names of the values that needles are given as.
const NEEDLES: [&str; 24] = [
    "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12", "n13", "n14", "n15", "n16", "n17",
    "n18", "n19", "n20", "n21", "n22", "n23",
];

fn with_needles(params: Params, needles: &[String]) -> Params {
    NEEDLES.iter().zip(needles).fold(params, |params, (name, needle)| params.with(name, text(needle.as_str())))
}

/// `replace(replace(column, …, '…'), …, '…')`, the longest needle first.
fn redaction(column: &str, needles: usize) -> String {
    let replaced = NEEDLES
        .iter()
        .take(needles)
        .fold(format!("\"{column}\""), |inner, name| format!("replace({inner}, {{{name}}}, '…')"));
    format!("\"{column}\" = {replaced}")
}

/// Ids of the rows of a table in whose texts one of the needles stands.
async fn mentioning(
    executor: &impl SqlExecutor,
    person: &DataSubject,
    table: &PersonalTable,
    needles: &[String],
) -> Result<Vec<String>, DbErr> {
    let position = position(executor.dialect());
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let params = with_needles(Params::default(), needles)
            .with("tenant", text(person.tenant.as_str()))
            .with("after", text(after.as_str()))
            .with("limit", count(PAGE));
        let fits: Vec<String> = table
            .words()
            .flat_map(|column| {
                NEEDLES.iter().take(needles.len()).map(move |name| format!("{position}(\"{column}\", {{{name}}}) > 0"))
            })
            .collect();
        let sql = format!(
            "SELECT id FROM \"{}\" WHERE tenant_id = {{tenant}} AND id > {{after}} AND ({}) ORDER BY id LIMIT {{limit}}",
            table.name,
            fits.join(" OR ")
        );
        let rows = query(executor, &sql, &params).await?;
        for row in &rows {
            found.push(row.get::<String>(0)?);
        }
        match found.last() {
            Some(last) if rows.len() == PAGE => after.clone_from(last),
            _ => return Ok(found),
        }
    }
}
