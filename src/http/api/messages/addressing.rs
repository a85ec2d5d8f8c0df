//! Which tenant and channel send a message, and the address as that channel writes it.

use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::TenantId;

use super::super::ApiDeps;
use super::super::caller::Caller;
use super::super::problems::{self, bad_address, invalid};
use crate::http::problem::HttpProblem;
use crate::service::channels::ConfiguredChannel;

/// The tenant that is named, the one whose channel is, or the only one that the key sees.
pub(in crate::http::api) fn tenant(
    api: &ApiDeps,
    caller: &Caller,
    named: Option<&str>,
    channel: Option<&str>,
) -> Result<TenantId, HttpProblem> {
    let configured = api.channels.now();
    let mut seen: Vec<&TenantId> = configured.iter().map(|channel| &channel.tenant).collect();
    seen.retain(|tenant| caller.sees(tenant));
    seen.dedup();
    match (named, &seen[..]) {
        (Some(named), seen) => seen
            .iter()
            .find(|tenant| tenant.as_str() == named)
            .map(|tenant| (*tenant).clone())
            .ok_or(problems::UNKNOWN_TENANT),
        (None, [tenant]) => Ok((*tenant).clone()),
        (None, _) => {
            let Some(channel) = channel else {
                return Err(invalid(
                    "tenant",
                    "no tenant",
                    "this key sees several: name one in `tenant`, or a `channel`",
                ));
            };
            let mut channels = configured.iter().filter(|known| caller.sees(&known.tenant));
            let known = channels.find(|known| known.id.as_str() == channel).ok_or(problems::UNKNOWN_CHANNEL)?;
            Ok(known.tenant.clone())
        }
    }
}

/// The channel that is named, or the only one that fits, and the address as that channel writes it.
pub(in crate::http::api) fn channel_and_address(
    api: &ApiDeps,
    tenant: &TenantId,
    named: Option<&str>,
    to: &str,
) -> Result<(ConfiguredChannel, Address), HttpProblem> {
    let wrong = |error| bad_address("to", error);
    let scheme = Address::scheme_written(to).map_err(wrong)?;
    let configured = api.channels.now();
    let mut fitting = configured.iter().filter(|channel| channel.tenant == *tenant);
    let sender = if let Some(named) = named {
        fitting.find(|channel| channel.id.as_str() == named).ok_or(problems::UNKNOWN_CHANNEL)?
    } else {
        let fitting: Vec<&ConfiguredChannel> =
            fitting.filter(|channel| scheme.map_or(takes_phones(channel), |scheme| scheme == channel.scheme)).collect();
        match fitting[..] {
            [sender] => sender,
            [] => return Err(invalid("to", "no channel fits", "no channel of this tenant writes to such an address")),
            _ => {
                return Err(invalid("channel", "several channels fit", "name one in `channel`, or the scheme in `to`"));
            }
        }
    };
    if scheme.is_some_and(|scheme| scheme != sender.scheme) {
        return Err(invalid("channel", "the channel does not fit", "this channel does not write to such an address"));
    }
    let to = Address::written(to, Unnamed::Phone(sender.scheme), sender.country).map_err(wrong)?;
    Ok((sender.clone(), to))
}

fn takes_phones(channel: &ConfiguredChannel) -> bool {
    matches!(channel.scheme, Scheme::Sms | Scheme::Whatsapp)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::http::header::{self, HeaderMap, HeaderValue};

    use palabre_actors::domain::Timestamp;
    use palabre_actors::domain::action::Action;
    use palabre_actors::domain::address::HomeCountry;
    use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId};
    use palabre_actors::domain::turn::Request;
    use palabre_actors::engine::Performed;
    use palabre_actors::ports::Pending;

    use super::*;
    use crate::http::api::Key;
    use crate::service::channels::ConfiguredChannels;
    use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
    use crate::store::operator::Tenants;

    struct Nowhere;

    impl Outgoing for Nowhere {
        fn send(&self, _: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
            Box::pin(async { Err(NotSent::Later { word: "stopping", hint: "" }) })
        }

        fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
            Box::pin(async { Err(NotSent::Later { word: "stopping", hint: "" }) })
        }

        fn request(&self, _: TenantId, _: ConversationId, _: Request) -> Pending<'_, Result<Performed, NotSent>> {
            Box::pin(async { Err(NotSent::Later { word: "stopping", hint: "" }) })
        }
    }

    struct Never;

    impl palabre_actors::ports::Clock for Never {
        fn now(&self) -> Timestamp {
            Timestamp::MIN_UTC
        }
    }

    fn api() -> ApiDeps {
        let sender = |id: &str, tenant: &str, scheme| ConfiguredChannel {
            id: ChannelId::new(id),
            tenant: TenantId::new(tenant),
            country: HomeCountry::of_code(if tenant == "taxi" { "US" } else { "FR" }).filter(|_| tenant != "nowhere"),
            scheme,
            keep_order: true,
        };
        let channels = [
            sender("belle-wa", "belle", Scheme::Whatsapp),
            sender("belle-sms", "belle", Scheme::Sms),
            sender("taxi-sms", "taxi", Scheme::Sms),
            sender("nowhere-sms", "nowhere", Scheme::Sms),
            sender("bot", "robots", Scheme::Telegram),
        ];
        ApiDeps {
            keys: Arc::new([]),
            channels: ConfiguredChannels::new(channels.into()),
            tenants: None,
            operator: None,
            faq: crate::store::StoredFaq::beside(std::collections::HashMap::new()),
            outgoing: Arc::new(Nowhere),
            access: None,
            privacy: None,
            reload: None,
            media: crate::service::media::MediaAccess::nowhere(Arc::new(Never)),
            clock: Arc::new(Never),
        }
    }

    #[test]
    fn a_channel_says_whose_it_is() {
        let caller = |tenants: &[&str]| {
            let seen = Tenants::Of(tenants.iter().map(|tenant| TenantId::new(tenant)).collect());
            let bearer = (header::AUTHORIZATION, HeaderValue::from_static("Bearer 0123"));
            Caller::of(&[Key::new("site", "0123", seen, &[])], &HeaderMap::from_iter([bearer])).unwrap()
        };
        // The key's tenants, `tenant`, `channel` -> whose, or what is wrong
        let table: [(&[&str], _, _, _); 8] = [
            (&["belle", "taxi"], None, Some("taxi-sms"), Ok("taxi")),
            (&["belle", "taxi"], Some("belle"), Some("taxi-sms"), Ok("belle")),
            (&["belle", "taxi"], None, Some("other-sms"), Err("unknown channel")),
            (&["belle", "taxi"], None, None, Err("no tenant")),
            (&["belle"], None, None, Ok("belle")),
            (&["belle"], None, Some("taxi-sms"), Ok("belle")),
            (&["belle"], Some("taxi"), None, Err("unknown tenant")),
            (&["taxi", "other"], None, Some("belle-wa"), Ok("taxi")),
        ];
        for (tenants, named, channel, expected) in table {
            let found = tenant(&api(), &caller(tenants), named, channel).map(|tenant| tenant.to_string());
            let expected = expected.map(str::to_owned);
            assert_eq!(found.map_err(|problem| problem.error), expected, "i9: {tenants:?}, {named:?}, {channel:?}");
        }
    }

    #[test]
    fn an_address_finds_its_channel() {
        // tenant, channel, to -> channel and address, or what is wrong
        let table = [
            ("belle", None, "whatsapp:+33612345678", Ok(("belle-wa", "whatsapp:+33612345678"))),
            ("belle", None, "sms:+33612345678", Ok(("belle-sms", "sms:+33612345678"))),
            ("belle", Some("belle-sms"), "+33 6 12 34 56 78", Ok(("belle-sms", "sms:+33612345678"))),
            ("taxi", None, "+33612345678", Ok(("taxi-sms", "sms:+33612345678"))),
            ("belle", None, "+33612345678", Err("several channels fit")),
            ("taxi", None, "whatsapp:+33612345678", Err("no channel fits")),
            ("taxi", Some("belle-sms"), "sms:+33612345678", Err("unknown channel")),
            ("belle", Some("belle-sms"), "whatsapp:+33612345678", Err("the channel does not fit")),
            ("belle", Some("belle-wa"), "06 12 34 56 78", Ok(("belle-wa", "whatsapp:+33612345678"))),
            ("belle", None, "sms:0612345678", Ok(("belle-sms", "sms:+33612345678"))),
            ("taxi", None, "sms:2025550123", Ok(("taxi-sms", "sms:+12025550123"))),
            ("taxi", None, "(202) 555-0123", Ok(("taxi-sms", "sms:+12025550123"))),
            ("belle", None, "sms:2025550123", Err("bad address")),
            ("nowhere", None, "sms:0612345678", Err("bad address")),
            ("nowhere", None, "PALABRE", Err("bad address")),
            ("taxi", None, "38080", Err("bad address")),
            ("robots", None, "telegram:123456", Ok(("bot", "telegram:123456"))),
            ("robots", None, "+33612345678", Err("no channel fits")),
            ("robots", Some("bot"), "123456", Err("bad address")),
            ("belle", Some("belle-wa"), "whatsapp:+33", Err("bad address")),
            ("belle", None, "fax:+33612345678", Err("bad address")),
        ];
        let api = api();
        for (tenant, channel, to, expected) in table {
            let found = channel_and_address(&api, &TenantId::new(tenant), channel, to);
            let found = found.map(|(sender, to)| (sender.id.to_string(), to.as_str().to_owned()));
            let expected = expected.map(|(channel, to): (&str, &str)| (channel.to_owned(), to.to_owned()));
            assert_eq!(found.map_err(|problem| problem.error), expected, "{to} by {channel:?}");
        }
    }
}
