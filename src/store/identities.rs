//! Identities of addresses that were written without one: by the schema's migration, by hand, by a node of another version.

use std::collections::BTreeSet;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::ids::{ContactId, CorrelationId, TenantId};
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::error::{corrupt, is_collision};
use super::events::Events;
use super::sql;
use super::statement::{SqlExecutor, SqlText, all, change_later, count, list, text};
use super::values::Row;
use super::writer::{Merge, MergeReason, merge};

/// Addresses, or messages, that are looked at together.
const PAGE: usize = 256;
/// How often a page that collided with another node's is tried.
const TRIES: u32 = 5;

/// Checks every address and opt-out that was not checked yet. Contacts that turn out to have one number become one.
pub(super) async fn check(database: &DatabasePool) -> Result<(), DbErr> {
    while page(database, Table::OptOuts).await? || page(database, Table::Addresses).await? {}
    Ok(())
}

/// Checks the senders of the messages that wait for their turn: a conversation finds them by their identity.
pub(super) async fn check_waiting(database: &DatabasePool) -> Result<(), DbErr> {
    let mut after = (String::new(), String::new());
    loop {
        let rows = all(database, sql::WAITING_SENDERS, [text(&*after.0), text(&*after.1), count(PAGE)]).await?;
        let mut wrong = Vec::new();
        for row in &rows {
            after = (row.get(0)?, row.get(1)?);
            let identity = row.address(2)?.identity();
            if row.get::<Option<String>>(3)?.as_deref() != Some(identity.as_str()) {
                wrong.push([text(&*after.1), text(identity.as_str())]);
            }
        }
        change_later(database, sql::CHECK_SENDERS, [list(wrong)]).await?;
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

#[derive(Clone, Copy)]
enum Table {
    Addresses,
    OptOuts,
}

impl Table {
    const fn unchecked(self) -> SqlText {
        match self {
            Self::Addresses => sql::UNCHECKED_ADDRESSES,
            Self::OptOuts => sql::UNCHECKED_OPT_OUTS,
        }
    }

    const fn check(self) -> SqlText {
        match self {
            Self::Addresses => sql::CHECK_ADDRESSES,
            Self::OptOuts => sql::CHECK_OPT_OUTS,
        }
    }
}

/// Checks a page of rows. Answers whether there were any.
async fn page(database: &DatabasePool, table: Table) -> Result<bool, DbErr> {
    let rows = all(database, table.unchecked(), [count(PAGE)]).await?;
    let rows: Vec<(TenantId, Address)> =
        rows.iter().map(|row: &Row| Ok((row.tenant(0)?, row.address(1)?))).collect::<Result<_, DbErr>>()?;
    if rows.is_empty() {
        return Ok(false);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let tx = database.begin().await?;
        let done = write(&tx, table, &rows).await;
        match done {
            Ok(()) => {
                tx.commit().await?;
                return Ok(true);
            }
            Err(error) if is_collision(&error) && tries < TRIES => drop(tx),
            Err(error) => return Err(error),
        }
    }
}

async fn write(tx: &impl SqlExecutor, table: Table, rows: &[(TenantId, Address)]) -> Result<(), DbErr> {
    let checked = rows
        .iter()
        .map(|(tenant, address)| [text(tenant.as_str()), text(address.as_str()), text(address.identity().as_str())]);
    change_later(tx, table.check(), [list(checked)]).await?;
    if matches!(table, Table::OptOuts) {
        return Ok(());
    }
    let persons: BTreeSet<_> = rows.iter().map(|(tenant, address)| (tenant, address.identity())).collect();
    let persons = persons.into_iter().map(|(tenant, person)| [text(tenant.as_str()), text(person.as_str())]);
    let mut events = Events::none();
    for row in &all(tx, sql::CONTACTS_OF_IDENTITY, [list(persons)]).await? {
        let tenant = row.tenant(0)?;
        let contacts: Vec<String> = serde_json::from_str(&row.get::<String>(1)?).map_err(|_| corrupt("contacts"))?;
        let mut contacts = contacts
            .iter()
            .map(|id| id.parse().map_err(|_| corrupt("a contact")))
            .collect::<Result<Vec<ContactId>, DbErr>>()?;
        contacts.sort_unstable();
        let Some((keep, others)) = contacts.split_first() else { continue };
        for gone in others {
            let merged = Merge {
                tenant: &tenant,
                keep: *keep,
                gone: *gone,
                reason: MergeReason {
                    word: "same_number",
                    actor_type: ActorType::System,
                    correlation: CorrelationId::fresh(),
                    at: chrono::Utc::now(),
                },
            };
            merge(tx, &merged, &mut events).await?;
        }
    }
    events.into_rows().insert(tx).await.map(drop)
}
