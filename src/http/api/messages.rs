//! Asking for a message to be sent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, OutboundId, TenantId};
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::ports::Pending;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::{Caller, Scope};
use super::documents::{Refused, Taken};
use super::problems::{self, invalid};
use super::{Api, Call, Sender, Told, answer, asks};
use crate::http::problem::Problem;
use crate::store::operator::Item;

/// A message that somebody asks for. It never stands in a log.
#[derive(Clone)]
pub struct Order {
    /// Who sends.
    pub tenant: TenantId,
    /// Through which channel.
    pub channel: ChannelId,
    /// To whom.
    pub to: Address,
    /// What to say, while free text may be sent.
    pub text: Option<String>,
    /// What to say otherwise.
    pub template: Option<TemplateUse>,
    /// Whether it passes when the budget is spent.
    pub urgent: bool,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// The same key is the same message.
    pub idempotency_key: Option<String>,
}

/// Takes messages to send.
pub trait Outgoing: Send + Sync {
    /// Makes a message durable; it is sent in its turn.
    fn send(&self, order: Order) -> Pending<'_, Result<OutboundId, NotSent>>;
}

/// Why nothing was written. Its texts repeat nothing of the order (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The rules say no: a word, and what to do.
    Refused {
        /// `opted_out`, `unknown_template`, …
        word: &'static str,
        /// For people.
        hint: Cow<'static, str>,
        /// Which field is meant, where it is one: `template.variables.heure`.
        field: Option<Cow<'static, str>>,
    },
    /// Another message has this idempotency key.
    KeyTaken,
    /// Nothing is promised: try again.
    Later {
        /// `overloaded`, `stopping`, `unavailable`
        word: &'static str,
        /// For people.
        hint: &'static str,
    },
}

/// A message to send: a text, a template, or both (the template is for when the window is closed).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// Who sends. May be left out when the key sees one tenant alone, or `channel` says it.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Through which channel. May be left out when one channel of the tenant fits `to`.
    #[serde(default)]
    pub channel: Option<String>,
    /// A phone number (`+33612345678`) or an address (`whatsapp:+33612345678`, `sms:+33612345678`).
    #[schema(example = "whatsapp:+33612345678")]
    pub to: String,
    /// What to say, while free text may be sent.
    #[serde(default)]
    pub text: Option<String>,
    /// What to say otherwise.
    #[serde(default)]
    pub template: Option<UseOfTemplate>,
    /// Whether it passes when the budget is spent.
    #[serde(default)]
    pub urgent: bool,
    /// After so long it is not sent any more: `"2h"`.
    #[serde(default)]
    #[schema(example = "24h")]
    pub expires_in: Option<String>,
}

/// A template of the tenant's configuration, and what stands in its places.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UseOfTemplate {
    /// Its name.
    pub name: String,
    /// By the names (or numbers) of its places.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// Asks for a message. It is durable when the answer comes, and sent in its turn: `GET /api/v1/outbox/{id}` tells what
/// became of it. The same `Idempotency-Key` is the same message, however often it is asked for.
#[utoipa::path(post, path = "/api/v1/messages", tag = "messages", request_body = NewMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 64 visible characters of your choice")),
    security(("key" = ["send"])), responses(
    (status = 202, body = Taken, description = "It is durable"),
    (status = 200, body = Taken, description = "It was asked for before, under the same key"),
    (status = 400, body = Refused), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 409, body = Refused), (status = 413, body = Refused),
    (status = 422, body = Refused), (status = 503, body = Refused)
))]
pub(super) async fn send(call: Call<'_>) -> Told {
    call.caller.may(Scope::Send)?;
    let asked: NewMessage = asks::json(call.body)?;
    let order = order(&call, asked)?;
    if let Some(key) = &order.idempotency_key
        && let Some(first) = call.operator().by_key(&order.tenant, key).await?
    {
        return again(&first, &order);
    }
    match call.api.outgoing.send(order.clone()).await {
        Ok(id) => answer(StatusCode::ACCEPTED, &Taken { id: id.to_string() }),
        Err(NotSent::Refused { word, hint, field }) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Err(Problem { field, ..Problem::new(status, word, "").hinting(hint) })
        }
        Err(NotSent::Later { word, hint }) => Err(problems::later(word, hint)),
        // Two copies raced, and the other one was first.
        Err(NotSent::KeyTaken) => {
            let key = order.idempotency_key.as_deref().unwrap_or_default();
            let first = call.operator().by_key(&order.tenant, key).await?.ok_or(problems::UNAVAILABLE)?;
            again(&first, &order)
        }
    }
}

/// The first message's id, when it is the same message.
fn again(first: &Item, order: &Order) -> Told {
    let text = order.text.as_deref().map(str::trim).unwrap_or_default();
    let template = order.template.as_ref().map(TemplateUse::on_one_line);
    let same = first.to == order.to && first.body == text && first.template == template;
    if same { super::told(&Taken { id: first.id.to_string() }) } else { Err(problems::KEY_REUSED) }
}

fn order(call: &Call<'_>, asked: NewMessage) -> Result<Order, Problem> {
    let tenant = tenant(call.api, call.caller, asked.tenant.as_deref(), asked.channel.as_deref())?;
    let (sender, to) = route(call.api, &tenant, asked.channel.as_deref(), &asked.to)?;
    let template = asked.template.map(|template| TemplateUse { name: template.name, variables: template.variables });
    let expires_at = asked
        .expires_in
        .as_deref()
        .map(|given| asks::lasting("expires_in", given))
        .transpose()?
        .map(|lasting| call.now() + lasting);
    let mut said = asked.text.iter().chain(template.iter().flat_map(|template| template.variables.values()));
    if said.any(|text| text.contains('\0')) {
        return Err(invalid("text", "bad text", "a text has no NUL characters"));
    }
    if asked.text.as_deref().is_none_or(|text| text.trim().is_empty()) && template.is_none() {
        return Err(invalid("text", "nothing to say", "give `text`, `template`, or both"));
    }
    Ok(Order {
        channel: sender.id.clone(),
        tenant,
        to,
        text: asked.text,
        template,
        urgent: asked.urgent,
        expires_at,
        idempotency_key: key(call)?,
    })
}

fn key(call: &Call<'_>) -> Result<Option<String>, Problem> {
    const BAD: Problem = invalid(
        "Idempotency-Key",
        "bad idempotency key",
        "1 to 64 visible characters, and not whom it goes to (`+33…`, `…@…`): a UUID or an order's id is good",
    );
    let Some(value) = call.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().map_err(|_| BAD)?.trim();
    let fits = (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) && !names_somebody(key);
    if fits { Ok(Some(key.to_owned())) } else { Err(BAD) }
}

/// Whether a key is an address: of two messages to one person the second would be taken for the first again.
fn names_somebody(key: &str) -> bool {
    let number = key.rsplit(':').next().unwrap_or_default();
    let digits = number.strip_prefix('+').map(|digits| digits.bytes().filter(u8::is_ascii_digit).count());
    key.contains('@') || digits.is_some_and(|digits| digits >= 7)
}

/// The tenant that is named, the one whose channel is, or the only one that the key sees.
fn tenant(api: &Api, caller: &Caller, named: Option<&str>, channel: Option<&str>) -> Result<TenantId, Problem> {
    let mut seen: Vec<&TenantId> = api.channels.iter().map(|channel| &channel.tenant).collect();
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
            let mut channels = api.channels.iter().filter(|known| caller.sees(&known.tenant));
            let known = channels.find(|known| known.id.as_str() == channel).ok_or(problems::UNKNOWN_CHANNEL)?;
            Ok(known.tenant.clone())
        }
    }
}

/// The channel that is named, or the only one that fits, and the address as that channel writes it.
fn route<'a>(api: &'a Api, tenant: &TenantId, named: Option<&str>, to: &str) -> Result<(&'a Sender, Address), Problem> {
    const BAD: Problem = invalid(
        "to",
        "bad address",
        "write +33612345678, whatsapp:+33612345678 or sms:+33612345678, with the country code",
    );
    let scheme = to.split_once(':').map(|(scheme, _)| scheme.parse::<Scheme>());
    let scheme = scheme.transpose().map_err(|_| BAD)?;
    if scheme.is_none() && !to.trim_start().starts_with('+') {
        return Err(BAD);
    }
    let mut fitting = api.channels.iter().filter(|channel| channel.tenant == *tenant);
    let sender = if let Some(named) = named {
        fitting.find(|channel| channel.id.as_str() == named).ok_or(problems::UNKNOWN_CHANNEL)?
    } else {
        let fitting: Vec<&Sender> =
            fitting.filter(|channel| scheme.is_none_or(|scheme| scheme == channel.scheme)).collect();
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
    let to = Address::parse(sender.scheme, to, None).map_err(|_| BAD)?;
    Ok((sender, to))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::http::header::{self, HeaderMap, HeaderValue};

    use super::*;
    use crate::http::api::caller::Key;
    use crate::store::operator::Tenants;

    #[test]
    fn a_key_is_whatever_does_not_name_somebody() {
        let uuid = "reminder-5f2c9a1e-0b7d-4e21-9c55-77de01a4b2f3-1";
        for key in ["order-17953410", "20261122-0942", "179534101", uuid, "a+b"] {
            assert!(!names_somebody(key), "{key}");
        }
        for key in ["+33612345678", "whatsapp:+33612345678", "sms:+33612345678", "anne@example.org"] {
            assert!(names_somebody(key), "{key}");
        }
    }

    struct Nowhere;

    impl Outgoing for Nowhere {
        fn send(&self, _order: Order) -> Pending<'_, Result<OutboundId, NotSent>> {
            Box::pin(async { Err(NotSent::Later { word: "stopping", hint: "" }) })
        }
    }

    struct Never;

    impl palabre_actors::ports::Clock for Never {
        fn now(&self) -> Timestamp {
            Timestamp::MIN_UTC
        }
    }

    fn api() -> Api {
        let sender = |id: &str, tenant: &str, scheme| Sender {
            id: ChannelId::new(id),
            tenant: TenantId::new(tenant),
            scheme,
            keep_order: true,
        };
        let channels = [
            sender("belle-wa", "belle", Scheme::Whatsapp),
            sender("belle-sms", "belle", Scheme::Sms),
            sender("taxi-sms", "taxi", Scheme::Sms),
        ];
        Api {
            keys: Arc::new([]),
            channels: Arc::new(channels),
            operator: None,
            outgoing: Arc::new(Nowhere),
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
            ("belle", Some("belle-wa"), "0612345678", Err("bad address")),
            ("belle", Some("belle-wa"), "whatsapp:+33", Err("bad address")),
            ("belle", None, "fax:+33612345678", Err("bad address")),
        ];
        let api = api();
        for (tenant, channel, to, expected) in table {
            let found = route(&api, &TenantId::new(tenant), channel, to);
            let found = found.map(|(sender, to)| (sender.id.to_string(), to.as_str().to_owned()));
            let expected = expected.map(|(channel, to): (&str, &str)| (channel.to_owned(), to.to_owned()));
            assert_eq!(found.map_err(|problem| problem.error), expected, "{to} by {channel:?}");
        }
    }
}
