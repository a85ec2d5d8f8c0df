//! Checks of what must be unique over all tenants.

use std::collections::HashMap;

use super::channel::Checked;
use super::document::Scope;
use super::fields::quoted;
use super::problem::Location;
use super::raw::RawTenant;

/// Who claimed what first.
#[derive(Debug, Default)]
pub(super) struct Claims {
    tenants: HashMap<String, Location>,
    channels: HashMap<String, Location>,
    senders: HashMap<(String, String, String), Location>,
}

impl Claims {
    /// Ids count even when the rest of the file does not hold.
    pub(super) fn ids(&mut self, root: &Scope<'_>, raw: &RawTenant) {
        if let Some(id) = &raw.id {
            let taken = first(&mut self.tenants, id.clone(), root.place("id"));
            if let Some(first) = taken {
                root.error("id", format!("another tenant is called {} already", quoted(id)), &format!("see {first}"));
            }
        }
        for (index, channel) in raw.channels.iter().flatten().enumerate() {
            let scope = root.element("channels", index);
            let Some(id) = &channel.id else { continue };
            if let Some(first) = first(&mut self.channels, id.clone(), scope.place("id")) {
                let help = format!(
                    "see {first}; ids of channels are unique over all tenants, because webhook paths name them"
                );
                scope.error("id", format!("another channel is called {} already", quoted(id)), &help);
            }
        }
    }

    /// Two channels that claim one sender would both believe its webhooks. What makes a sender counts even when the rest
    /// of its channel does not hold.
    pub(super) fn senders(&mut self, root: &Scope<'_>, channels: &[Checked]) {
        for (index, channel) in channels.iter().enumerate() {
            let Some(sender) = channel.sender.clone() else { continue };
            let scope = root.element("channels", index);
            if let Some(first) = first(&mut self.senders, sender, scope.place("address")) {
                let help = format!("see {first}; provider, account and address together belong to one channel");
                scope.error("address", "another channel claims this sender already".to_owned(), &help);
            }
        }
    }
}

/// The earlier claim, if there is one.
fn first<K: std::hash::Hash + Eq>(claims: &mut HashMap<K, Location>, claim: K, place: Location) -> Option<Location> {
    match claims.entry(claim) {
        std::collections::hash_map::Entry::Occupied(taken) => Some(taken.get().clone()),
        std::collections::hash_map::Entry::Vacant(free) => {
            free.insert(place);
            None
        }
    }
}
