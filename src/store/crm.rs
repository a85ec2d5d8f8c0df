//! Tables of CRM records: whose a contact is in the tenant's CRM, and the e-mails that are logged there.
//!
//! A row is taken for a while by whoever works on it: a node that dies leaves it to the others.

use std::collections::BTreeMap;
use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{ChannelId, ContactId, CorrelationId, EventId, OutboundId, TenantId};
use palabre_actors::domain::presentation::Presentation;
use palabre_actors::domain::status::OutboxState;
use sea_orm::DbErr;

use super::StoreError;
use super::events::Events;
use super::operator::Operator;
use super::statement::{SqlText, all, change, column, count, id, integer, text, text_or_null, time};
use super::values::{Row, first_id_of};
use super::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(const $name: SqlText = SqlText { sqlite: sqlite::crm::$name, postgres: postgres::crm::$name };)*
    };
}

texts! {
    WAITING_CONTACTS NEW_CONTACTS DUE_CONTACTS ADDRESSES_OF_CONTACTS SETTLE_CONTACT RETRY_CONTACT CRM_COUNTS CRM_RECORD
    UNNOTED_EMAILS NOTE_EMAILS WAITING_EMAILS DUE_EMAILS EMAILS SETTLE_EMAIL
}

/// A record of the tenant's CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrmLink {
    /// What the CRM calls such records: `Lead`, `Contact`.
    pub kind: String,
    pub id: String,
}

/// A contact that is looked up now.
#[derive(Clone, Debug)]
pub struct CrmLookup {
    pub contact: ContactId,
    /// Failures since the last answer.
    pub attempts: u32,
    /// What was found the last time.
    pub known: Option<CrmLink>,
    pub addresses: Vec<Address>,
}

/// An e-mail that is to be logged in the CRM. `Debug` shows neither addresses nor text (I10).
#[derive(Clone)]
pub struct CrmEmail {
    pub message: OutboundId,
    pub attempts: u32,
    pub noted_at: Timestamp,
    pub state: OutboxState,
    pub from: Option<Address>,
    pub to: Address,
    pub subject: Option<String>,
    pub text: String,
    pub html: Option<String>,
    pub sent_at: Timestamp,
    /// Whom it went to. `None`: the CRM does not know them.
    pub link: Option<CrmLink>,
    /// Whether the contact was looked up at all.
    pub is_looked_up: bool,
}

impl fmt::Debug for CrmEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrmEmail").field("message", &self.message).field("state", &self.state).finish_non_exhaustive()
    }
}

/// What becomes of an e-mail's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrmEmailOutcome<'a> {
    Logged,
    /// It is never logged: it was not sent, or nobody in the CRM is meant.
    Dropped,
    /// Later; a failure is counted and named.
    Again(Option<&'a str>, Timestamp),
}

/// How many contacts of a tenant the CRM knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrmCounts {
    pub found: u64,
    pub absent: u64,
    /// Not looked up yet.
    pub pending: u64,
    /// Why a look-up failed, when the newest attempt of one did.
    pub last_error: Option<String>,
}

impl Operator {
    /// Takes contacts that nobody looked up yet, made after one, and those whose look-up is due, until then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_crm_lookups(
        &self,
        tenant: &TenantId,
        after: Timestamp,
        (now, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<CrmLookup>, StoreError> {
        // The writer is not troubled each second for nothing.
        let waiting = [text(tenant.as_str()), text(first_id_of(after)), time(now)];
        if all(self.reads(), WAITING_CONTACTS, waiting).await?.is_empty() {
            return Ok(Vec::new());
        }
        let due = [text(tenant.as_str()), time(now), time(until), count(limit)];
        let mut rows = all(self.writes(), DUE_CONTACTS, due).await?;
        let new = [text(tenant.as_str()), text(first_id_of(after)), time(now), time(until), count(limit)];
        rows.extend(all(self.writes(), NEW_CONTACTS, new).await?);
        let mut lookups: BTreeMap<ContactId, CrmLookup> = BTreeMap::new();
        for row in &rows {
            let contact = row.parse(0)?;
            let known = link(row, 2)?;
            lookups.insert(
                contact,
                CrmLookup { contact, attempts: super::values::number(row.get(1)?)?, known, addresses: Vec::new() },
            );
        }
        let contacts = column(lookups.keys().copied());
        for row in &all(self.reads(), ADDRESSES_OF_CONTACTS, [text(tenant.as_str()), contacts]).await? {
            if let Some(lookup) = lookups.get_mut(&row.parse::<ContactId>(0)?) {
                lookup.addresses.push(row.address(1)?);
            }
        }
        Ok(lookups.into_values().collect())
    }

    /// Writes what a look-up found, with its event when that is news.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_crm_lookup(
        &self,
        (tenant, lookup): (&TenantId, &CrmLookup),
        found: Option<&CrmLink>,
        provider: &'static str,
        (now, next): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let values = [
            text(tenant.as_str()),
            id(lookup.contact),
            text(if found.is_some() { "found" } else { "absent" }),
            text_or_null(found.map(|link| &*link.kind)),
            text_or_null(found.map(|link| &*link.id)),
            integer(0),
            text_or_null(None::<&str>),
            time(now),
            time(next),
        ];
        change(&tx, SETTLE_CONTACT, values).await?;
        if let Some(link) = found.filter(|link| lookup.known.as_ref() != Some(link)) {
            let mut events = Events::none();
            events.push(&correlated(tenant, lookup.contact, (link, provider), now));
            events.into_rows().insert(&tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Puts a look-up off, after a failure or without one. What was found before stays.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn retry_crm_lookup(
        &self,
        (tenant, contact): (&TenantId, ContactId),
        attempts: u32,
        reason: Option<&str>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), id(contact), integer(attempts), text_or_null(reason), time(next)];
        change(self.writes(), RETRY_CONTACT, values).await?;
        Ok(())
    }

    /// The CRM's record of a contact.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn crm_link(&self, tenant: &TenantId, contact: ContactId) -> Result<Option<CrmLink>, StoreError> {
        let rows = all(self.reads(), CRM_RECORD, [text(tenant.as_str()), id(contact)]).await?;
        Ok(rows.first().map(|row| link(row, 0)).transpose()?.flatten())
    }

    /// How many contacts the CRMs of these tenants know.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn crm_counts(&self, tenants: &[TenantId]) -> Result<BTreeMap<TenantId, CrmCounts>, StoreError> {
        let mut counts: BTreeMap<TenantId, CrmCounts> = BTreeMap::new();
        for row in &all(self.reads(), CRM_COUNTS, [column(tenants)]).await? {
            let of = counts.entry(row.tenant(0)?).or_default();
            let number = u64::from(super::values::number(row.get(2)?)?);
            match row.get::<String>(1)?.as_str() {
                "found" => of.found = number,
                "absent" => of.absent = number,
                _ => of.pending = number,
            }
            of.last_error = of.last_error.take().or(row.get(3)?);
        }
        Ok(counts)
    }

    /// Notes the e-mails that were written since a time, so that each is logged once.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn note_crm_emails(
        &self,
        tenant: &TenantId,
        channels: &[ChannelId],
        (since, now): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let unnoted = [text(tenant.as_str()), text(first_id_of(since)), column(channels)];
        if all(self.reads(), UNNOTED_EMAILS, unnoted).await?.is_empty() {
            return Ok(());
        }
        let values = [text(tenant.as_str()), text(first_id_of(since)), column(channels), time(now)];
        change(self.writes(), NOTE_EMAILS, values).await?;
        Ok(())
    }

    /// Takes e-mails that are due to be logged, until then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_crm_emails(
        &self,
        tenant: &TenantId,
        (now, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<CrmEmail>, StoreError> {
        if all(self.reads(), WAITING_EMAILS, [text(tenant.as_str()), time(now)]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let values = [text(tenant.as_str()), time(now), time(until), count(limit)];
        let claimed = all(self.writes(), DUE_EMAILS, values).await?;
        let mut noted = BTreeMap::new();
        for row in &claimed {
            noted.insert(row.parse::<OutboundId>(0)?, (super::values::number(row.get(1)?)?, row.time(2)?));
        }
        let messages = column(noted.keys().copied());
        let mut emails = Vec::new();
        for row in &all(self.reads(), EMAILS, [text(tenant.as_str()), messages]).await? {
            let message = row.parse(0)?;
            let Some((attempts, noted_at)) = noted.remove(&message) else { continue };
            emails.push(read_email(row, message, (attempts, noted_at))?);
        }
        // Their messages left by retention.
        for message in noted.into_keys() {
            self.settle_crm_email(tenant, (message, 0), CrmEmailOutcome::Dropped, now).await?;
        }
        Ok(emails)
    }

    /// Ends an attempt to log an e-mail.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_crm_email(
        &self,
        tenant: &TenantId,
        (message, attempts): (OutboundId, u32),
        outcome: CrmEmailOutcome<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (state, attempts, reason, next) = match outcome {
            CrmEmailOutcome::Logged => ("logged", attempts, None, now),
            CrmEmailOutcome::Dropped => ("dropped", attempts, None, now),
            CrmEmailOutcome::Again(reason, next) => ("pending", attempts + u32::from(reason.is_some()), reason, next),
        };
        let values =
            [text(tenant.as_str()), id(message), text(state), integer(attempts), text_or_null(reason), time(next)];
        change(self.writes(), SETTLE_EMAIL, values).await?;
        Ok(())
    }
}

fn link(row: &Row, at: usize) -> Result<Option<CrmLink>, DbErr> {
    let (kind, id): (Option<String>, Option<String>) = (row.get(at)?, row.get(at + 1)?);
    Ok(kind.zip(id).map(|(kind, id)| CrmLink { kind, id }))
}

fn read_email(row: &Row, message: OutboundId, (attempts, noted_at): (u32, Timestamp)) -> Result<CrmEmail, DbErr> {
    let presentation: Option<String> = row.get(4)?;
    let presentation: Option<Presentation> = presentation.and_then(|text| serde_json::from_str(&text).ok());
    let (subject, html) = presentation.map_or((None, None), |shown| (shown.subject, shown.html));
    let from: Option<String> = row.get(6)?;
    Ok(CrmEmail {
        message,
        attempts,
        noted_at,
        state: row.parse(1)?,
        from: from.map(|address| Address::from_normalised(&address)),
        to: row.address(2)?,
        subject,
        text: row.get::<Option<String>>(3)?.unwrap_or_default(),
        html,
        sent_at: row.time(5)?,
        link: link(row, 7)?,
        is_looked_up: row.get::<String>(9)? != "pending",
    })
}

fn correlated(
    tenant: &TenantId,
    contact: ContactId,
    (link, provider): (&CrmLink, &'static str),
    at: Timestamp,
) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: tenant.clone(),
        event_type: EventType::ContactCorrelated,
        entity_type: EntityType::Contact,
        entity_id: Some(contact.0),
        correlation: CorrelationId::fresh(),
        actor_type: ActorType::System,
        payload: Payload::builder()
            .word("provider", provider)
            .record_id("lead_id", &link.id)
            .id("kind", &link.kind)
            .finish(),
        created_at: at,
    }
}
