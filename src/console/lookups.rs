//! What the pages about conversations look up: tenants, channels, names, times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, HomeCountry, Scheme};
use palabre_actors::domain::ids::{ChannelId, TenantId};

use super::display::{Display, address, calling_code};
use super::{ConsoleError, ConsoleState, Member};
use crate::config::{Channel, Tenant};
use crate::service::Permission;
use crate::service::handling::ConversationAccess;
use crate::service::inbox;
use crate::store::conversations::{ConversationRow, MessageRow};

/// Whether free text may be sent to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageWindow {
    /// For so long.
    Open(TimeDelta),
    Closed,
    /// They have never written there.
    Never,
}

fn calling_code_of(country: HomeCountry) -> Option<u16> {
    Some(phonenumber::metadata::DATABASE.by_id(country.code())?.country_code())
}

impl ConsoleState {
    pub(super) fn now(&self) -> Timestamp {
        self.deps.clock.now()
    }

    #[must_use]
    pub(super) fn access(&self) -> ConversationAccess<'_> {
        ConversationAccess { store: &self.deps.store, outgoing: &*self.deps.outgoing }
    }

    /// A tenant of the configuration. `None`: it is not configured any more, and its rows are still there.
    #[must_use]
    pub(super) fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.deps.tenants.get(id)
    }

    #[must_use]
    pub(super) fn channel(&self, tenant: &TenantId, id: &ChannelId) -> Option<Channel> {
        self.deps.tenants.channel(tenant, id)
    }

    /// The tenant's channel for trying it out.
    pub(super) fn test_channel(&self, tenant: &TenantId) -> Option<Channel> {
        let tenant = self.tenant(tenant)?;
        tenant.channels.iter().find(|channel| channel.address.scheme() == Scheme::Sandbox).cloned()
    }

    /// What the tenant that a member looks at is called.
    pub(super) fn tenant_name(&self, member: &Member) -> String {
        self.tenant(&member.tenant).map_or_else(|| member.tenant.to_string(), |tenant| tenant.name.clone())
    }

    /// The channels whose messages do not wait for each other.
    #[must_use]
    pub(super) fn unordered(&self) -> BTreeSet<ChannelId> {
        let tenants = self.deps.tenants.all();
        let channels = tenants.iter().flat_map(|tenant| &tenant.channels);
        channels.filter(|channel| !channel.profile.keep_order).map(|channel| channel.id.clone()).collect()
    }

    /// The calling code of the tenant's country: numbers with it are written without. Where the file names no country: that of a
    /// number of the tenant's own.
    #[must_use]
    pub(super) fn home(&self, tenant: &TenantId) -> Option<u16> {
        let tenant = self.tenant(tenant)?;
        let own = || {
            let phone = tenant.channels.iter().map(|channel| &channel.address).find(|address| address.is_phone());
            phone.and_then(calling_code)
        };
        tenant.country.and_then(calling_code_of).or_else(own)
    }

    /// How a member sees an address: as people write it, or masked when their role shows no people.
    #[must_use]
    pub(super) fn seen_address(&self, member: &Member, of: &Address) -> String {
        match member.caller.may(Permission::ContentRead) {
            true => address(of, self.home(&member.tenant)),
            false => of.to_string(),
        }
    }

    /// How a member sees a person: by name, if their role shows people, else by address. `None`: there is neither.
    #[must_use]
    pub(super) fn seen_person(&self, member: &Member, name: Option<&str>, at: Option<&Address>) -> Option<String> {
        let name = name.filter(|_| member.caller.may(Permission::ContentRead));
        name.map(ToOwned::to_owned).or_else(|| at.map(|at| self.seen_address(member, at)))
    }

    /// How long free text may still be sent to a contact. `None`: there is no such limit on the channel.
    #[must_use]
    pub(super) fn window(&self, of: &ConversationRow) -> Option<MessageWindow> {
        let lasting = self.channel(&of.tenant, &of.channel)?.profile.window?;
        let lasting = TimeDelta::from_std(lasting).ok()?;
        Some(match of.last_inbound_at.map(|last| last + lasting - self.now()) {
            Some(left) if left > TimeDelta::zero() => MessageWindow::Open(left),
            Some(_) => MessageWindow::Closed,
            None => MessageWindow::Never,
        })
    }

    /// How a member sees times.
    #[must_use]
    pub(super) fn display(&self, member: &Member) -> Display {
        let timezone = self.tenant(&member.tenant).map_or(Tz::UTC, |tenant| tenant.timezone);
        Display { language: member.language, timezone, now: self.now() }
    }

    /// A text in the member's language.
    #[must_use]
    pub(super) fn text(&self, member: &Member, section: &str, key: &str) -> String {
        self.pages.texts().get(member.language, section, key).to_owned()
    }

    /// Who wrote a message that went out: somebody of the team, or the bot.
    pub(super) fn writer(&self, member: &Member, message: &MessageRow) -> String {
        match message.kind.as_deref() {
            Some("manual") => self.text(member, "inbox", "you"),
            _ => self.text(member, "badge", "bot"),
        }
    }

    /// The names of the tenant's people, by who they are in events (`user:…`).
    ///
    /// # Errors
    /// [`ConsoleError`]
    pub(super) async fn names(&self, member: &Member) -> Result<BTreeMap<String, String>, ConsoleError> {
        let mut names = inbox::colleagues(&member.caller, &self.deps.store, &member.tenant).await?;
        names.insert(member.caller.who.to_string(), member.name.clone());
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_tenants_country_are_written_as_there() {
        let guinea = HomeCountry::of_code("GN").and_then(calling_code_of);
        let number = |text: &str| address(&Address::from_normalised(text), guinea);
        assert_eq!(number("whatsapp:+224620000000"), "620 00 00 00");
        assert_eq!(number("whatsapp:+14155238886"), "+1 415-523-8886");
    }
}
