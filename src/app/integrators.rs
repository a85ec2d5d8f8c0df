//! Between the API and the actors: whose keys there are, and where messages to send go.

use std::sync::Arc;

use palabre_actors::domain::ids::{CorrelationId, OutboundId};
use palabre_actors::domain::turn::{Refused, SendRequest};
use palabre_actors::house::{House, SendRefusal};
use palabre_actors::ports::{Clock, Pending};
use secrecy::ExposeSecret;

use crate::config::{ApiKey, ApiScope, ApiTenants, Config};
use crate::http::api::{Api, Key, NotSent, Order, Outgoing, Scope, Sender};
use crate::store::operator::{Operator, Tenants};

/// What the API needs.
pub(super) fn api(config: &Config, operator: Operator, house: &House, clock: Arc<dyn Clock>) -> Api {
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels).map(|channel| Sender {
        id: channel.id.clone(),
        tenant: channel.tenant.clone(),
        scheme: channel.profile.scheme,
        keep_order: channel.profile.keep_order,
    });
    Api {
        keys: config.api.keys.iter().map(key).collect(),
        channels: channels.collect(),
        operator: Some(operator),
        outgoing: Arc::new(Desk { house: house.clone() }),
        clock,
    }
}

fn key(key: &ApiKey) -> Key {
    let tenants = match &key.tenants {
        ApiTenants::All => Tenants::All,
        ApiTenants::Only(tenants) => Tenants::Of(tenants.clone()),
    };
    let scopes: Vec<Scope> = key.scopes.iter().copied().map(scope).collect();
    Key::new(&key.name, key.key.expose_secret(), tenants, &scopes)
}

const fn scope(scope: ApiScope) -> Scope {
    match scope {
        ApiScope::Read => Scope::Read,
        ApiScope::ReadContent => Scope::ReadContent,
        ApiScope::Send => Scope::Send,
        ApiScope::Operate => Scope::Operate,
    }
}

/// Where messages to send are handed in.
struct Desk {
    house: House,
}

impl Outgoing for Desk {
    fn send(&self, order: Order) -> Pending<'_, Result<OutboundId, NotSent>> {
        let request = SendRequest {
            text: order.text,
            template: order.template,
            urgent: order.urgent,
            expires_at: order.expires_at,
            idempotency_key: order.idempotency_key,
            correlation: CorrelationId::fresh(),
        };
        Box::pin(async move {
            self.house.send(order.tenant, order.channel, order.to, request).await.map_err(|why| not_sent(&why))
        })
    }
}

/// Why not, and what to do, in the words of the API.
fn not_sent(why: &SendRefusal) -> NotSent {
    let refused = |word, hint| NotSent::Refused { word, hint };
    let later = |word, hint| NotSent::Later { word, hint };
    let not_configured =
        "the configuration that the daemon runs with does not have it: was it changed since the start?";
    match why {
        SendRefusal::Refused(why) => refused(why.as_str(), what_to_do(why)),
        SendRefusal::UnknownTenant => refused("unknown_tenant", not_configured),
        SendRefusal::UnknownChannel => refused("unknown_channel", not_configured),
        SendRefusal::AskedBefore => NotSent::KeyTaken,
        SendRefusal::Overloaded => {
            later("overloaded", "too much waits already, and nothing was written: come again in a moment")
        }
        SendRefusal::Stopping => {
            later("stopping", "the daemon is going down, and nothing was written: come again when it is back")
        }
        SendRefusal::Unavailable => later(
            "unavailable",
            "it may or may not have been written: ask again with the same `Idempotency-Key`, or it may go out twice",
        ),
    }
}

fn what_to_do(why: &Refused) -> &'static str {
    match why {
        Refused::OptedOut => "the contact said STOP, and nothing will be sent: only their own START ends that",
        Refused::Empty => "give `text`, `template`, or both",
        Refused::TooLong { .. } => "a text has 1600 characters at most: shorten it, or send several",
        Refused::Expired => "`expires_in` is over already: give it more time",
        Refused::UnknownTemplate => "no [[templates]] of the tenant's configuration has this name",
        Refused::TemplateNotForChannel => {
            "`channels` of the template leaves this channel out: add it there, name another `channel`, or give a `text`"
        }
        Refused::MissingVariables(_) => {
            "`variables` must fill every place that [[templates]] names in its own `variables`, with more than blanks"
        }
        Refused::UnknownVariables(_) => "`variables` names a place that [[templates]] does not have",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_word_and_says_what_to_do() {
        let refused = [
            Refused::OptedOut,
            Refused::Empty,
            Refused::TooLong { length: 1601 },
            Refused::Expired,
            Refused::UnknownTemplate,
            Refused::TemplateNotForChannel,
            Refused::MissingVariables(vec!["prenom".to_owned()]),
            Refused::UnknownVariables(Vec::new()),
        ];
        let refused = refused.into_iter().map(SendRefusal::Refused);
        let others = [SendRefusal::UnknownTenant, SendRefusal::UnknownChannel];
        let (mut words, mut hints) = (Vec::new(), Vec::new());
        for why in refused.chain(others) {
            let NotSent::Refused { word, hint } = not_sent(&why) else { panic!("{why} is for good") };
            words.push(word);
            hints.push(hint);
        }
        for why in [SendRefusal::Overloaded, SendRefusal::Stopping, SendRefusal::Unavailable] {
            let NotSent::Later { word, hint } = not_sent(&why) else { panic!("{why} passes") };
            words.push(word);
            hints.push(hint);
        }
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len(), "{words:?}");
        assert!(hints.iter().all(|hint| hint.len() > 20), "{hints:?}");
        assert_eq!(not_sent(&SendRefusal::AskedBefore), NotSent::KeyTaken);
    }

    #[test]
    fn the_hint_names_the_longest_text() {
        let hint = what_to_do(&Refused::TooLong { length: 0 });
        assert!(hint.contains(&palabre_actors::domain::rules::LONGEST_TEXT.to_string()), "{hint}");
    }
}
