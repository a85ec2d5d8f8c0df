//! Validation of fallback channels, which take over for others of their tenant.

use palabre_actors::domain::address::Scheme;

use super::channel::Checked;
use super::document::Scope;
use super::fields::quoted;
use super::raw::RawTenant;
use super::suggest;

/// Whether every `fallback_channel` is another channel of the tenant, and none leads back to where it began. Judged by
/// what is written, so that a mistake elsewhere in a channel is not taken for its absence.
pub(super) fn check(root: &Scope<'_>, raw: &RawTenant) -> bool {
    let channels = raw.channels.as_deref().unwrap_or_default();
    let ids: Vec<&str> = channels.iter().filter_map(|channel| channel.id.as_deref()).collect();
    let next = |id: &str| {
        let channel = channels.iter().find(|channel| channel.id.as_deref() == Some(id))?;
        channel.fallback_channel.as_deref()
    };
    let mut holds = true;
    for (index, channel) in channels.iter().enumerate() {
        let Some(fallback) = channel.fallback_channel.as_deref() else { continue };
        let scope = root.element("channels", index);
        let own = channel.id.as_deref().unwrap_or_default();
        if scope.is_reported("fallback_channel") {
            holds = false;
        } else if fallback == own {
            scope.wrong("fallback_channel", "is the channel itself", "name another channel of this tenant");
            holds = false;
        } else if !ids.contains(&fallback) {
            let others: Vec<&str> = ids.iter().copied().filter(|id| *id != own).collect();
            let help = if others.is_empty() {
                "this tenant has no other channel".to_owned()
            } else {
                suggest::help(fallback, &others)
            };
            scope.wrong("fallback_channel", &format!("names no channel of this tenant: {}", quoted(fallback)), &help);
            holds = false;
        } else if leads_to(own, fallback, ids.len(), next) {
            scope.wrong("fallback_channel", "leads back to this channel", "a chain of fallbacks must have an end");
            holds = false;
        }
    }
    holds
}

fn leads_to<'r>(own: &str, fallback: &'r str, channels: usize, next: impl Fn(&str) -> Option<&'r str>) -> bool {
    std::iter::successors(Some(fallback), |id| next(id)).take(channels + 1).any(|id| id == own)
}

/// A fallback that no contact of the channel can be reached through, or that none can answer to, is worth a warning.
pub(super) fn doubts(root: &Scope<'_>, raw: &RawTenant, channels: &[Checked]) {
    for (index, (raw, channel)) in raw.channels.iter().flatten().zip(channels).enumerate() {
        let scope = root.element("channels", index);
        let Some(fallback) = raw.fallback_channel.as_deref().filter(|_| !scope.is_reported("fallback_channel")) else {
            continue;
        };
        let fallback = channels.iter().find(|other| other.id.as_ref().is_some_and(|id| id.as_str() == fallback));
        let Some((own, fallback)) = channel.address.as_ref().zip(fallback.and_then(|other| other.address.as_ref()))
        else {
            continue;
        };
        if !carries(own.scheme(), fallback.scheme()) {
            let reason = format!("`{}` cannot carry this channel's addresses", scope.name("fallback_channel"));
            scope.warning("fallback_channel", reason, "its messages will wait instead");
        } else if !fallback.is_phone() && fallback.path().chars().any(char::is_alphabetic) {
            let reason =
                format!("`{}` sends under a name, to which nobody can answer STOP", scope.name("fallback_channel"));
            scope.warning("fallback_channel", reason, "let a phone number or a short code take over");
        }
    }
}

/// Whether who is reached by one scheme may be reached by the other: a phone number is one on WhatsApp and for SMS.
fn carries(from: Scheme, to: Scheme) -> bool {
    let by_phone = |scheme: Scheme| matches!(scheme, Scheme::Whatsapp | Scheme::Sms);
    from == to || (by_phone(from) && by_phone(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_carry_phones_and_nothing_else() {
        for from in Scheme::ALL {
            for to in Scheme::ALL {
                let phones = [Scheme::Whatsapp, Scheme::Sms];
                let expected = from == to || (phones.contains(from) && phones.contains(to));
                assert_eq!(carries(*from, *to), expected, "{from} {to}");
            }
        }
    }
}
