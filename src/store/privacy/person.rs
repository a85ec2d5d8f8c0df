//! Finds every row of a person.

use std::collections::BTreeSet;

use palabre_actors::domain::address::{Address, Identity};
use palabre_actors::domain::ids::{ContactId, TenantId};
use sea_orm::DbErr;

use super::needles::{id_needles, needles};
use crate::store::StoreError;
use crate::store::composed::{Params, query};
use crate::store::database::DatabasePool;
use crate::store::operator::Operator;
use crate::store::sql::CONTACT_OF;
use crate::store::statement::{all, text};

/// Everything of a person of a tenant, by ids. `Debug` shows none of their addresses (I10).
#[derive(Clone)]
pub struct DataSubject {
    pub tenant: TenantId,
    pub contact: ContactId,
    /// The contact, and those that were merged into it.
    pub(super) contacts: BTreeSet<String>,
    pub(super) addresses: BTreeSet<String>,
    pub(super) identities: BTreeSet<String>,
    pub(super) conversations: BTreeSet<String>,
    /// Messages that came from them.
    pub(super) inbound: BTreeSet<String>,
    /// Messages to them.
    pub(super) outbound: BTreeSet<String>,
    /// Messages to others that came of theirs: notices to the tenant's people, offers to drivers.
    pub(super) about: BTreeSet<String>,
    /// E-mail addresses and numbers that they gave, beside those under which they are written to.
    pub(super) given: BTreeSet<String>,
    /// Correlation ids of what they wrote and asked for.
    pub(super) flows: BTreeSet<String>,
    /// Correlation ids of messages to them; others may have got the same.
    pub(super) sent_flows: BTreeSet<String>,
    /// Ids of bookings, leads, offers and order lines.
    pub(super) wishes: BTreeSet<String>,
    pub(super) subscriptions: BTreeSet<String>,
    /// Of these subscriptions, those that still let them in somewhere.
    pub(super) running_subscriptions: usize,
}

/// What tells in a file that a line is about a person. `Debug` shows none of their addresses (I10).
#[derive(Clone)]
pub struct Traces {
    pub tenant: TenantId,
    pub contacts: BTreeSet<String>,
    /// Ids of messages.
    pub messages: BTreeSet<String>,
    pub addresses: BTreeSet<String>,
    /// How the addresses may stand in a text.
    pub needles: Vec<String>,
}

impl Traces {
    /// Whether a message is theirs, or its text names an address of theirs.
    #[must_use]
    pub fn are_in(&self, message: &str, contact: Option<&str>, texts: &[Option<&str>]) -> bool {
        let names = |text: &str| self.addresses.contains(text) || self.needles.iter().any(|form| text.contains(form));
        self.messages.contains(message)
            || contact.is_some_and(|contact| self.contacts.contains(contact))
            || texts.iter().flatten().any(|text| names(text))
    }
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traces").field("tenant", &self.tenant).field("contacts", &self.contacts).finish_non_exhaustive()
    }
}

/// How much there is of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonCounts {
    pub addresses: usize,
    pub conversations: usize,
    pub messages: usize,
    pub subscriptions: usize,
    pub running_subscriptions: usize,
}

impl DataSubject {
    #[must_use]
    pub fn counts(&self) -> PersonCounts {
        PersonCounts {
            // WhatsApp and SMS of one number are one.
            addresses: self.identities.len(),
            conversations: self.conversations.len(),
            messages: self.inbound.len() + self.outbound.len(),
            subscriptions: self.subscriptions.len(),
            running_subscriptions: self.running_subscriptions,
        }
    }

    /// Where they were written to.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.addresses.iter().map(|address| Address::from_normalised(address))
    }

    /// Ids of the contacts that are this person.
    #[must_use]
    pub const fn contacts(&self) -> &BTreeSet<String> {
        &self.contacts
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = Identity> {
        self.identities.iter().map(|identity| Identity::from_stored(identity))
    }

    /// How their addresses may stand in other texts.
    pub(super) fn needles(&self) -> Vec<String> {
        needles(self.addresses.iter().chain(&self.identities).chain(&self.given).map(String::as_str))
    }

    /// How their numbers may stand in providers' ids.
    pub(super) fn id_needles(&self) -> Vec<String> {
        id_needles(self.addresses.iter().map(String::as_str))
    }

    /// What tells in a file that a line is about them.
    #[must_use]
    pub fn traces(&self) -> Traces {
        Traces {
            tenant: self.tenant.clone(),
            contacts: self.contacts.clone(),
            messages: self.inbound.iter().chain(&self.outbound).chain(&self.about).cloned().collect(),
            addresses: self.addresses.clone(),
            needles: self.needles(),
        }
    }

    /// Ids that events and the audit log may be about.
    fn things(&self) -> impl Iterator<Item = &str> {
        let lists =
            [&self.contacts, &self.conversations, &self.inbound, &self.outbound, &self.wishes, &self.subscriptions];
        lists.into_iter().flatten().map(String::as_str)
    }

    /// The lists of the catalogue's conditions.
    pub(super) fn params(&self) -> Params {
        let of = |list: &BTreeSet<String>| list.iter().cloned().collect::<Vec<_>>();
        let mut params = Params::default().with("tenant", text(self.tenant.as_str()));
        for (name, list) in [
            ("contacts", &self.contacts),
            ("addresses", &self.addresses),
            ("identities", &self.identities),
            ("conversations", &self.conversations),
            ("inbound", &self.inbound),
            ("outbound", &self.outbound),
            ("flows", &self.flows),
            ("subscriptions", &self.subscriptions),
        ] {
            params = params.with_list(name, of(list).iter().map(String::as_str));
        }
        params.with_list("things", self.things())
    }
}

impl std::fmt::Debug for DataSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataSubject")
            .field("contact", &self.contact)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// Everything of a contact, and of those that were merged into it. `None`: the tenant has no such contact.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn person(&self, tenant: &TenantId, contact: ContactId) -> Result<Option<DataSubject>, StoreError> {
        let reads = self.reads();
        let contacts = merged(reads, tenant, contact).await?;
        if contacts.is_empty() {
            return Ok(None);
        }
        let mut person = DataSubject {
            tenant: tenant.clone(),
            contact,
            contacts,
            addresses: BTreeSet::new(),
            identities: BTreeSet::new(),
            conversations: BTreeSet::new(),
            inbound: BTreeSet::new(),
            outbound: BTreeSet::new(),
            about: BTreeSet::new(),
            given: BTreeSet::new(),
            sent_flows: BTreeSet::new(),
            flows: BTreeSet::new(),
            wishes: BTreeSet::new(),
            subscriptions: BTreeSet::new(),
            running_subscriptions: 0,
        };
        person.find(reads).await?;
        Ok(Some(person))
    }

    /// The contact behind an address. `None`: the tenant knows nobody there.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact_behind(&self, tenant: &TenantId, address: &Address) -> Result<Option<ContactId>, StoreError> {
        let whose = [text(tenant.as_str()), text(address.identity().as_str())];
        Ok(all(self.reads(), CONTACT_OF, whose).await?.first().map(|row| row.parse(0)).transpose()?)
    }
}

impl DataSubject {
    /// Looks everything up, in the order in which one thing leads to the next.
    async fn find(&mut self, reads: &DatabasePool) -> Result<(), DbErr> {
        let sql =
            "SELECT address, identity FROM contact_addresses WHERE tenant_id = {tenant} AND contact_id IN {contacts}";
        for row in &query(reads, sql, &self.params()).await? {
            let address: String = row.get(0)?;
            self.identities.insert(Address::from_normalised(&address).identity().as_str().to_owned());
            self.identities.extend(row.get::<Option<String>>(1)?);
            self.addresses.insert(address);
        }
        let sql = "SELECT id, address FROM conversations WHERE tenant_id = {tenant} \
            AND (contact_id IN {contacts} OR origin_contact_id IN {contacts})";
        for row in &query(reads, sql, &self.params()).await? {
            self.conversations.insert(row.get(0)?);
            let address: String = row.get(1)?;
            self.identities.insert(Address::from_normalised(&address).identity().as_str().to_owned());
            self.addresses.insert(address);
        }
        // The same number on the other kind of account is the same person.
        let aliases: Vec<Address> = self.addresses().flat_map(|address| address.aliases()).collect();
        self.addresses.extend(aliases.iter().map(|address| address.as_str().to_owned()));
        for table in ["bookings", "leads", "offers", "order_lines", "waiting_list"] {
            let sql = format!(
                "SELECT id, correlation_id FROM {table} WHERE tenant_id = {{tenant}} AND contact_id IN {{contacts}}"
            );
            for row in &query(reads, &sql, &self.params()).await? {
                self.wishes.insert(row.get(0)?);
                self.flows.insert(row.get(1)?);
            }
        }
        self.find_messages(reads).await?;
        let sql = "SELECT email, phone FROM leads WHERE tenant_id = {tenant} AND contact_id IN {contacts}";
        for row in &query(reads, sql, &self.params()).await? {
            self.given.extend(row.get::<Option<String>>(0)?);
            self.given.extend(row.get::<Option<String>>(1)?);
        }
        let sql = "SELECT id, state, email FROM subscriptions WHERE tenant_id = {tenant} \
            AND (contact_id IN {contacts} OR address IN {addresses})";
        for row in &query(reads, sql, &self.params()).await? {
            self.subscriptions.insert(row.get(0)?);
            self.given.extend(row.get::<Option<String>>(2)?);
            let is_running = matches!(row.get::<String>(1)?.as_str(), "active" | "grace");
            self.running_subscriptions += usize::from(is_running);
        }
        Ok(())
    }

    /// Messages have no index by conversation: this reads all of the tenant's.
    async fn find_messages(&mut self, reads: &DatabasePool) -> Result<(), DbErr> {
        let sql = "SELECT id, correlation_id FROM messages_in WHERE tenant_id = {tenant} \
            AND (conversation_id IN {conversations} OR \"from\" IN {addresses} OR identity IN {identities})";
        for row in &query(reads, sql, &self.params()).await? {
            self.inbound.insert(row.get(0)?);
            self.flows.insert(row.get(1)?);
        }
        let sql = "SELECT id, correlation_id FROM messages_out WHERE tenant_id = {tenant} \
            AND (conversation_id IN {conversations} OR \"to\" IN {addresses})";
        for row in &query(reads, sql, &self.params()).await? {
            self.outbound.insert(row.get(0)?);
            self.sent_flows.insert(row.get(1)?);
        }
        let sql = "SELECT id FROM messages_out WHERE tenant_id = {tenant} AND correlation_id IN {flows}";
        for row in &query(reads, sql, &self.params()).await? {
            let id: String = row.get(0)?;
            if !self.outbound.contains(&id) {
                self.about.insert(id);
            }
        }
        Ok(())
    }
}

impl Operator {
    /// The same person with what was written into their conversations meanwhile, and nothing else of their messages.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn late_messages(&self, person: &DataSubject) -> Result<DataSubject, StoreError> {
        let mut late = person.clone();
        for list in [&mut late.inbound, &mut late.outbound, &mut late.about, &mut late.flows, &mut late.sent_flows] {
            list.clear();
        }
        for (table, known, found, flows) in [
            ("messages_in", &person.inbound, &mut late.inbound, &mut late.flows),
            ("messages_out", &person.outbound, &mut late.outbound, &mut late.sent_flows),
        ] {
            let sql = format!(
                "SELECT id, correlation_id FROM {table} \
                WHERE tenant_id = {{tenant}} AND conversation_id IN {{conversations}}"
            );
            for row in &query(self.reads(), &sql, &person.params()).await? {
                let id: String = row.get(0)?;
                if !known.contains(&id) {
                    found.insert(id);
                    flows.insert(row.get(1)?);
                }
            }
        }
        Ok(late)
    }

    /// Contacts and messages of a tenant that were erased: ids that files of other nodes may have.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn erased_traces(&self, tenant: &TenantId, contacts: BTreeSet<String>) -> Result<Traces, StoreError> {
        let params = Params::default().with("tenant", text(tenant.as_str()));
        let mut messages = BTreeSet::new();
        for sql in [
            "SELECT id FROM messages_in WHERE tenant_id = {tenant} AND \"from\" = ''",
            "SELECT id FROM messages_out WHERE tenant_id = {tenant} AND \"to\" = ''",
        ] {
            for row in &query(self.reads(), sql, &params).await? {
                messages.insert(row.get(0)?);
            }
        }
        Ok(Traces { tenant: tenant.clone(), contacts, messages, addresses: BTreeSet::new(), needles: Vec::new() })
    }
}

/// A contact, those that were merged into it, and the one that it was merged into. Empty: there is none.
async fn merged(reads: &DatabasePool, tenant: &TenantId, contact: ContactId) -> Result<BTreeSet<String>, DbErr> {
    let mut known = BTreeSet::from([contact.to_string()]);
    let mut there = BTreeSet::new();
    loop {
        let before = there.len();
        let params = Params::default()
            .with("tenant", text(tenant.as_str()))
            .with_list("known", known.iter().map(String::as_str));
        let sql = "SELECT id, merged_into FROM contacts WHERE tenant_id = {tenant} AND (id IN {known} OR merged_into IN {known})";
        for row in &query(reads, sql, &params).await? {
            there.insert(row.get(0)?);
            known.extend(row.get::<Option<String>>(1)?);
        }
        known.extend(there.iter().cloned());
        if there.len() == before {
            return Ok(there);
        }
    }
}
