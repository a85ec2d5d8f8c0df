//! Where the navigation leads: what a member may see, and nothing else.

use palabre_actors::domain::flow::Flows;
use serde::Serialize;

use super::Member;
use super::texts::Texts;
use crate::config::Tenant;
use crate::service::Permission;

/// Where a place of the navigation leads, the key of its text, its icon, and who may go there.
type PlaceRow = (&'static str, &'static str, &'static str, Permission);

/// What a tenant uses: a place that would always be empty is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    /// Times can be booked.
    pub books: bool,
    /// People may ask to be called back.
    pub takes_leads: bool,
    /// Work is offered to people on duty.
    pub offers_work: bool,
    /// Conversations follow flows.
    pub has_flows: bool,
    /// Access to chats is sold.
    pub sells: bool,
}

impl Features {
    /// Those of a tenant's file.
    pub(super) fn of(tenant: &Tenant) -> Self {
        let flows = tenant.rules.flows();
        Self {
            books: flows.is_some_and(|flows| !flows.services().is_empty()),
            takes_leads: flows.is_some_and(Flows::takes_leads),
            offers_work: flows.is_some_and(Flows::offers_work),
            has_flows: flows.is_some_and(|flows| !flows.all().is_empty()),
            sells: !tenant.access.plans.is_empty() || tenant.access.stripe_account.is_some(),
        }
    }

    fn has(self, place: &str) -> bool {
        match place {
            "bookings" => self.books,
            "leads" => self.takes_leads,
            "rides" => self.offers_work,
            "flows" => self.has_flows,
            "access" => self.sells,
            _ => true,
        }
    }
}

/// The daily ones first. A page stands here from the day it is there.
const PLACES: &[PlaceRow] = &[
    ("/console/conversations", "conversations", "inbox", Permission::ConversationRead),
    ("/console/bookings", "bookings", "calendar", Permission::BookingRead),
    ("/console/rides", "rides", "ride", Permission::BookingRead),
    ("/console/leads", "leads", "lead", Permission::LeadRead),
    ("/console/faq", "faq", "faq", Permission::FaqRead),
    ("/console/flows", "flows", "flow", Permission::ConversationRead),
    ("/console/analytics", "analytics", "chart", Permission::AnalyticsRead),
    ("/console/outbox", "outbox", "send", Permission::OutboxRead),
    ("/console/live", "live", "sale", Permission::LeadRead),
    ("/console/broadcasts", "broadcasts", "broadcast", Permission::BroadcastSend),
    ("/console/access", "access", "key", Permission::AccessRead),
    ("/console/replies", "replies", "reply", Permission::ConversationWrite),
    ("/console/sandbox", "sandbox", "phone", Permission::ConversationWrite),
];

/// What is seldom needed stands under the member's own name.
const SELDOM: &[PlaceRow] = &[
    ("/console/setup", "setup", "setup", Permission::SettingWrite),
    ("/console/channels", "channels", "send", Permission::ChannelRead),
    ("/console/settings", "settings", "setup", Permission::SettingRead),
    ("/console/webhooks", "webhooks", "send", Permission::SettingRead),
    ("/console/doctor", "doctor", "setup", Permission::SettingWrite),
    ("/console/team", "team", "people", Permission::TeamRead),
    ("/console/keys", "keys", "key", Permission::KeyWrite),
    ("/console/audit", "audit", "book", Permission::AuditRead),
];

/// A place, as templates see it.
#[derive(Serialize)]
pub(super) struct NavigationPlace<'a> {
    href: &'a str,
    key: &'a str,
    label: &'a str,
    icon: &'a str,
}

/// Where this member may go.
pub(super) fn places<'a>(texts: &'a Texts, member: &'a Member, features: Features) -> Vec<NavigationPlace<'a>> {
    open(PLACES, texts, member).filter(|place| features.has(place.key)).collect()
}

/// What stands under the member's own name.
pub(super) fn account<'a>(texts: &'a Texts, member: &'a Member) -> Vec<NavigationPlace<'a>> {
    let own = |href, key, icon| NavigationPlace { href, key, label: texts.get(member.language, "nav", key), icon };
    let mut places = vec![own("/console/account", "account", "people")];
    if member.tenants.len() > 1 || member.sees_all {
        places.push(own("/console/tenants", "tenants", "people"));
    }
    places.extend(open(SELDOM, texts, member));
    places
}

fn open<'a>(
    rows: &'a [PlaceRow],
    texts: &'a Texts,
    member: &'a Member,
) -> impl Iterator<Item = NavigationPlace<'a>> + use<'a> {
    let open = rows.iter().filter(|(_, _, _, permission)| member.caller.may(*permission));
    open.map(|(href, key, icon, _)| NavigationPlace { href, key, label: texts.get(member.language, "nav", key), icon })
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::rules::Language;

    use super::*;

    #[test]
    fn every_place_has_its_name_and_its_icon() {
        let (texts, parts) = (Texts::built_in().unwrap(), include_str!("templates/parts.html"));
        for (href, key, icon, _) in PLACES.iter().chain(SELDOM) {
            for language in [Language::Fr, Language::En] {
                assert!(texts.find(language, "nav", key).is_some(), "{href}: nav.{key} in {language}");
            }
            assert!(parts.contains(&format!("name == \"{icon}\"")), "{href}: {icon}");
        }
    }
}
