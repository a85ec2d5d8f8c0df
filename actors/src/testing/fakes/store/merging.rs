//! Persons of the fake store, and contacts that become one.

use serde_json::json;

use super::{Data, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::address::{Address, Identity};
use crate::domain::conversation::{ConversationStatus, Handler};
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{ContactId, ConversationId, TenantId};
use crate::ports::{SamePerson, Union};
use crate::testing::fakes::OutboundRow;

impl Data {
    /// The contact that a person is.
    pub(super) fn contact_of(&self, tenant: &TenantId, person: &Identity) -> Option<ContactId> {
        let theirs = self.addresses.iter().filter(|((t, address), _)| t == tenant && address.identity() == *person);
        theirs.map(|(_, contact)| *contact).min()
    }

    /// Everything that a contact is known by.
    pub(super) fn identities_of(&self, tenant: &TenantId, contact: ContactId) -> Vec<Identity> {
        let theirs = self.addresses.iter().filter(|((t, _), c)| t == tenant && **c == contact);
        let mut identities: Vec<_> = theirs.map(|((_, address), _)| address.identity()).collect();
        identities.sort();
        identities.dedup();
        identities
    }

    /// The person by every address of their contact.
    pub(super) fn person(&self, tenant: &TenantId, address: &Address) -> Vec<Identity> {
        let person = address.identity();
        match self.contact_of(tenant, &person) {
            Some(contact) => self.identities_of(tenant, contact),
            None => vec![person],
        }
    }

    pub(super) fn same_person(&mut self, found: &SamePerson) -> Union {
        let tenant = &found.tenant;
        let [first, second] = &found.addresses;
        let one = self.contact_of(tenant, &first.identity());
        let other = self.contact_of(tenant, &second.identity());
        let contact = match (one, other) {
            (None, None) => return Union::Strangers,
            (Some(one), Some(other)) if one == other => return Union::Before,
            (Some(contact), None) => {
                self.addresses.insert((tenant.clone(), second.clone()), contact);
                contact
            }
            (None, Some(contact)) => {
                self.addresses.insert((tenant.clone(), first.clone()), contact);
                contact
            }
            (Some(one), Some(other)) => {
                self.merge(found, one.min(other), one.max(other));
                one.min(other)
            }
        };
        self.settle_consent(tenant, contact, found.at);
        Union::Made
    }

    fn merge(&mut self, found: &SamePerson, keep: ContactId, gone: ContactId) {
        let mut by_channel: Vec<_> = self
            .conversations
            .values()
            .filter(|row| row.tenant == found.tenant && row.merged_into.is_none())
            .filter(|row| row.contact == keep || row.contact == gone)
            .map(|row| (row.channel.clone(), std::cmp::Reverse(row.conversation.last_inbound_at), row.conversation.id))
            .collect();
        by_channel.sort();
        let mut folded = 0;
        for pair in by_channel.windows(2) {
            if pair[0].0 == pair[1].0 {
                self.fold(pair[0].2, pair[1].2, found.at);
                folded += 1;
            }
        }
        self.conversations.values_mut().filter(|row| row.contact == gone).for_each(|row| row.contact = keep);
        self.addresses.values_mut().filter(|contact| **contact == gone).for_each(|contact| *contact = keep);
        for dates in [&mut self.welcomed, &mut self.confirmed] {
            if let Some(at) = dates.remove(&gone) {
                let first = dates.get(&keep).map_or(at, |other| at.min(*other));
                dates.insert(keep, first);
            }
        }
        self.log(StoreEvent {
            tenant: &found.tenant,
            event_type: EventType::ContactMerged,
            entity: (EntityType::Contact, Some(keep.0)),
            correlation: found.correlation,
            actor_type: ActorType::Provider,
            payload: json!({ "merged": gone.to_string(), "conversations": folded, "reason": found.shown_by.as_str() }),
            at: found.at,
        });
    }

    fn fold(&mut self, survivor: ConversationId, part: ConversationId, at: Timestamp) {
        let Some(row) = self.conversations.get_mut(&part) else { return };
        row.merged_into = Some(survivor);
        row.conversation.timer_at = None;
        let session = row.conversation.session.take();
        let other = row.conversation.clone();
        if let Some(row) = session.and_then(|session| self.sessions.get_mut(&session.id)) {
            row.closed_at = Some(at);
        }
        if let Some(row) = self.conversations.get_mut(&survivor) {
            let conversation = &mut row.conversation;
            if other.status == ConversationStatus::InProgress {
                conversation.status = other.status;
            }
            if other.handler == Handler::Human {
                conversation.handler = other.handler;
                conversation.assignee = conversation.assignee.take().or(other.assignee);
            }
            conversation.recent_answers.extend(other.recent_answers);
            conversation.recent_answers.sort_unstable();
            conversation.last_inbound_at = conversation.last_inbound_at.max(other.last_inbound_at);
            conversation.flow = conversation.flow.take().or(other.flow);
        }
        let unsettled = |row: &&mut OutboundRow| row.state.is_in_line() || row.awaits_contact() || row.is_held();
        let rows = self.outbound.values_mut().filter(|row| row.message.conversation == part);
        rows.filter(unsettled).for_each(|row| row.message.conversation = survivor);
        self.timers.values_mut().filter(|row| row.conversation == part).for_each(|row| row.conversation = survivor);
        let head = self.head(survivor);
        let line = self.outbound.values_mut().filter(|row| row.message.conversation == survivor);
        for row in line.filter(|row| row.state == crate::domain::status::OutboxState::Pending) {
            row.behind = Some(row.message.id) != head;
        }
    }

    fn settle_consent(&mut self, tenant: &TenantId, contact: ContactId, at: Timestamp) {
        self.conversations.values_mut().filter(|row| row.contact == contact).for_each(|row| {
            row.conversation.version += 1;
        });
        let theirs = self.addresses.iter().find(|((t, _), c)| t == tenant && **c == contact);
        let Some(address) = theirs.map(|((_, address), _)| address.clone()) else { return };
        if self.is_opted_out(tenant, &address) {
            self.suppress(tenant, &address, at);
        } else if self.confirmed.contains_key(&contact) {
            self.release_confirmed(tenant, &address, at);
        }
    }
}
