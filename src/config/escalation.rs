//! Validation of `[escalation]` and `[notify]`.

use std::time::Duration;

use palabre_actors::domain::address::{Address, HomeCountry, Unnamed};
use palabre_actors::domain::folding::fold;
use palabre_actors::domain::rules::Escalation;

use super::document::Scope;
use super::fields::{address, duration, number, or_default, settled};
use super::raw::{RawEscalation, RawNotify, RawTenant};
use super::types::Channel;

/// The bot gets a conversation back after this long unless told otherwise.
const HAND_BACK_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// When a person is called, and who is told. `None`: something was reported.
pub(super) fn escalation(
    root: &Scope<'_>,
    raw: &RawTenant,
    home: Option<HomeCountry>,
) -> Option<(Escalation, Vec<Address>)> {
    let to = addresses(&root.table("notify"), &raw.notify, home);
    let unread_after = raw.notify.unread_after.as_ref();
    let unread_after = settled(unread_after.map(|raw| duration(&root.table("notify"), "unread_after", raw)));
    let read = raw
        .escalation
        .as_ref()
        .map_or_else(|| Some(Escalation::default()), |raw| section(&root.table("escalation"), raw));
    let to = to?;
    let escalation = Escalation { notifies: !to.is_empty(), unread_after: unread_after?, ..read? };
    Some((escalation, to))
}

fn section(scope: &Scope<'_>, raw: &RawEscalation) -> Option<Escalation> {
    let keywords = raw.keywords.clone().unwrap_or_default();
    let mut valid = true;
    for (at, keyword) in keywords.iter().enumerate() {
        if fold(keyword).is_empty() {
            valid = false;
            scope.wrong(&format!("keywords[{at}]"), "has no letter or digit, so no message can match it", "");
        }
    }
    let after_misses = settled(raw.after_misses.map(|raw| number(scope, "after_misses", raw, 1..=100)));
    let hand_back_after =
        or_default(raw.hand_back_after.as_ref(), HAND_BACK_AFTER, |raw| duration(scope, "hand_back_after", raw));
    let escalation = Escalation {
        enabled: true,
        on_negative_mood: raw.on_negative_mood.unwrap_or(false),
        after_misses: after_misses?,
        hand_back_after: Some(hand_back_after?),
        ..Escalation::default()
    };
    valid.then(|| escalation.with_keywords(&keywords))
}

fn addresses(scope: &Scope<'_>, raw: &RawNotify, home: Option<HomeCountry>) -> Option<Vec<Address>> {
    let mut addresses = Vec::new();
    let mut valid = true;
    for (at, text) in raw.to.iter().flatten().enumerate() {
        match address(scope, &format!("to[{at}]"), text, (Unnamed::Refused, home)) {
            Some(address) => addresses.push(address),
            None => valid = false,
        }
    }
    valid.then_some(addresses)
}

/// Warns of addresses that none of the tenant's channels can reach.
pub(super) fn doubts(root: &Scope<'_>, notify: &[Address], channels: &[Channel]) {
    for (at, address) in notify.iter().enumerate() {
        if channels.iter().all(|channel| channel.profile.scheme != address.scheme()) {
            let key = format!("to[{at}]");
            let reason = format!("no channel of the tenant writes to {} addresses: nobody is told", address.scheme());
            root.table("notify").warning(&key, reason, "add such a channel, or name another address");
        }
    }
}
