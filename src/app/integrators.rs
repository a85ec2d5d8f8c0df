//! The API's side of the daemon: keys, channels, messages to send.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::ConversationKey;
use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::turn::{Command, Refused, Request, Requester, SendRequest};
use palabre_actors::engine::{Engine, Performed, SendRefusal};
use palabre_actors::ports::{ChannelKey, Clock, Pending};
use secrecy::ExposeSecret;

use crate::config::{ApiKey, ApiTenants, Config, Tenant, TenantDirectory};
use crate::http::api::{ApiDeps, Key};
use crate::service::bookings;
use crate::service::channels::{ConfiguredChannel, ConfiguredChannels};
use crate::service::media::MediaAccess;
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
use crate::service::paid_access::PaidAccess;
use crate::service::person_links::PersonLinks;
use crate::service::privacy::PersonalData;
use crate::service::reload::Reload;
use crate::store::StoredFaq;
use crate::store::operator::{Operator, Tenants};

/// The channels of tenants, as the API knows them.
pub(super) fn channels(tenants: &[Arc<Tenant>]) -> Vec<ConfiguredChannel> {
    let channels = tenants.iter().flat_map(|tenant| {
        tenant.channels.iter().map(|channel| ConfiguredChannel {
            id: channel.id.clone(),
            tenant: channel.tenant.clone(),
            country: tenant.country,
            scheme: channel.profile.scheme,
            keep_order: channel.profile.keep_order,
        })
    });
    channels.collect()
}

pub(super) fn api(
    config: &Config,
    (operator, channels, (media, links), tenants): (
        Operator,
        ConfiguredChannels,
        (MediaAccess, PersonLinks),
        TenantDirectory,
    ),
    outgoing: Arc<dyn Outgoing>,
    (access, faq, privacy, reload): (PaidAccess, StoredFaq, PersonalData, Arc<dyn Reload>),
    clock: Arc<dyn Clock>,
) -> ApiDeps {
    ApiDeps {
        keys: config.api.keys.iter().map(key).collect(),
        channels,
        tenants: Some(tenants),
        operator: Some(operator),
        outgoing,
        access: Some(access),
        faq,
        privacy: Some(privacy),
        reload: Some(reload),
        person_links: Some(links),
        media,
        clock,
    }
}

/// Sends through the engine.
pub(super) fn outgoing(tenants: &TenantDirectory, engine: &Engine) -> Arc<dyn Outgoing> {
    Arc::new(EngineOutgoing { engine: engine.clone(), tenants: tenants.clone() })
}

fn key(key: &ApiKey) -> Key {
    let tenants = match &key.tenants {
        ApiTenants::All => Tenants::All,
        ApiTenants::Only(tenants) => Tenants::Of(tenants.clone()),
    };
    Key::new(&key.name, key.key.expose_secret(), tenants, &key.scopes)
}

/// Sends messages of the API through the engine.
struct EngineOutgoing {
    engine: Engine,
    /// For hints about unknown templates.
    tenants: TenantDirectory,
}

impl Outgoing for EngineOutgoing {
    fn send(&self, message: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        let request = SendRequest {
            text: message.text,
            template: message.template,
            choices: message.choices,
            presentation: message.presentation,
            category: message.category,
            urgent: message.urgent,
            send_at: message.send_at,
            expires_at: message.expires_at,
            idempotency_key: message.idempotency_key,
            correlation: CorrelationId::fresh(),
        };
        Box::pin(async move {
            let tenant = message.tenant.clone();
            let sent = self.engine.send(message.tenant, message.channel, message.to, request).await;
            sent.map_err(|why| not_sent(&why, &self.templates_of(&tenant)))
        })
    }

    fn act(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        with: Address,
        action: Action,
    ) -> Pending<'_, Result<OutboundId, NotSent>> {
        let by = Requester { actor_type: ActorType::System, name: None };
        let request = Request { by, correlation: CorrelationId::fresh(), command: Command::Act(action) };
        Box::pin(async move {
            let key = ConversationKey::new(tenant.clone(), channel, with);
            let performed = self.engine.perform(key, request).await;
            let performed = performed.map_err(|why| not_done(&why, true, &self.templates_of(&tenant)))?;
            // An action always writes its row.
            performed.message.ok_or(NotSent::UnknownConversation)
        })
    }

    fn request(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        let writes = matches!(request.command, Command::Reply(_));
        Box::pin(async move {
            let performed = self.engine.request(&tenant, conversation, request).await;
            performed.map_err(|why| not_done(&why, writes, &self.templates_of(&tenant)))
        })
    }

    fn request_of(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        with: Address,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(async move {
            let performed = self.engine.perform(ConversationKey::new(tenant.clone(), channel, with), request).await;
            performed.map_err(|why| not_done(&why, false, &self.templates_of(&tenant)))
        })
    }

    fn show_typing(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        to: Address,
        in_reply_to: ProviderMessageId,
    ) -> Pending<'_, Option<Duration>> {
        Box::pin(async move { self.engine.show_typing(&ChannelKey { tenant, channel }, to, in_reply_to).await })
    }
}

impl EngineOutgoing {
    /// The names of a tenant's templates.
    fn templates_of(&self, tenant: &TenantId) -> Vec<String> {
        let Some(tenant) = self.tenants.get(tenant) else { return Vec::new() };
        tenant.rules.source().templates.iter().map(|template| template.name.clone()).collect()
    }
}

/// Why a request of a conversation was not met. It has no `to` and no `channel` that could be changed.
fn not_done(why: &SendRefusal, writes: bool, templates: &[String]) -> NotSent {
    match (why, not_sent(why, templates)) {
        (SendRefusal::Refused(Refused::OptedOut), NotSent::Refused { word, hint, .. }) => {
            NotSent::Refused { word, hint, field: None }
        }
        (SendRefusal::Refused(Refused::TemplateNotForChannel), NotSent::Refused { word, field, .. }) => {
            let hint = "`channels` of the template leaves this channel out: add it there, or give a `text`";
            NotSent::Refused { word, hint: Cow::Borrowed(hint), field }
        }
        (SendRefusal::Unavailable, NotSent::Later { word, .. }) if !writes => {
            NotSent::Later { word, hint: "it may or may not have been done: ask again, which does it once" }
        }
        (_, told) => told,
    }
}

/// Why a message was not sent, in the words of the API: reason, what to do, which field. `templates` are the
/// tenant's.
fn not_sent(why: &SendRefusal, templates: &[String]) -> NotSent {
    let refused = |word, (field, hint)| NotSent::Refused { word, hint, field: Some(field) };
    let later = |word, hint| NotSent::Later { word, hint };
    let not_configured = |field| {
        let hint = "the configuration that the daemon runs with does not have it: was it changed since the start?";
        (Cow::Borrowed(field), Cow::Borrowed(hint))
    };
    match why {
        SendRefusal::Refused(Refused::Stale) => NotSent::Stale,
        SendRefusal::Refused(Refused::Booking(why)) => bookings::not_booked(*why),
        SendRefusal::Refused(why) => refused(why.as_str(), what_to_do(why, templates)),
        SendRefusal::UnknownTenant => refused("unknown_tenant", not_configured("tenant")),
        SendRefusal::UnknownChannel => refused("unknown_channel", not_configured("channel")),
        SendRefusal::UnknownConversation => NotSent::UnknownConversation,
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

/// The field, and what is expected there. The names are the configuration's, never the request's (I10).
fn what_to_do(why: &Refused, templates: &[String]) -> (Cow<'static, str>, Cow<'static, str>) {
    let fixed = |field, hint| (Cow::Borrowed(field), Cow::Borrowed(hint));
    match why {
        Refused::OptedOut => {
            fixed("to", "the contact said STOP, and nothing will be sent: only their own START ends that")
        }
        Refused::Empty => fixed("text", "give `text`, `template`, or both"),
        Refused::TooLong { length, most } => {
            let hint = format!("a text has {most} characters at most, this one {length}: shorten it, or send several");
            (Cow::Borrowed("text"), Cow::Owned(hint))
        }
        Refused::Expired => fixed("expires_in", "it is over before it may be sent: give it more time"),
        Refused::UnknownTemplate if templates.is_empty() => {
            fixed("template.name", "the tenant's configuration has no [[templates]]")
        }
        Refused::UnknownTemplate => {
            let hint =
                format!("no [[templates]] of the tenant's configuration has this name: there is {}", list(templates));
            (Cow::Borrowed("template.name"), Cow::Owned(hint))
        }
        Refused::TemplateNotForChannel => fixed(
            "template.name",
            "`channels` of the template leaves this channel out: add it there, name another `channel`, or give a `text`",
        ),
        Refused::MissingVariables(missing) => {
            let first = missing.first().map(|name| format!(".{name}")).unwrap_or_default();
            let hint = format!("`template.variables` needs {} as well, with more than blanks", list(missing));
            (Cow::Owned(format!("template.variables{first}")), Cow::Owned(hint))
        }
        Refused::OfferOver => fixed("id", "it was taken just now, or is over: look again"),
        Refused::UnknownStep => fixed("step", "name a flow of the tenant and one of its steps"),
        // It has words of its own.
        Refused::Booking(_) => fixed("id", "read it again"),
        Refused::Stale => {
            fixed("version", "the conversation went on since it was read: read it again, or send it with `force`")
        }
        Refused::UnknownVariables(known) if known.is_empty() => {
            fixed("template.variables", "the template has no places: leave `template.variables` out")
        }
        Refused::UnknownVariables(known) => {
            let hint =
                format!("`template.variables` names a place that the template does not have: it has {}", list(known));
            (Cow::Borrowed("template.variables"), Cow::Owned(hint))
        }
    }
}

/// `a`, `b`, `c`, each in backticks.
fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_word_and_says_what_to_do() {
        let refused = [
            Refused::OptedOut,
            Refused::Empty,
            Refused::TooLong { length: 1601, most: 1600 },
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
            let NotSent::Refused { word, hint, field } = not_sent(&why, &[]) else { panic!("{why} is for good") };
            assert!(field.is_some_and(|field| !field.is_empty()), "{word}");
            words.push(word);
            hints.push(hint.into_owned());
        }
        for why in [SendRefusal::Overloaded, SendRefusal::Stopping, SendRefusal::Unavailable] {
            let NotSent::Later { word, hint } = not_sent(&why, &[]) else { panic!("{why} passes") };
            words.push(word);
            hints.push(hint.to_owned());
        }
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len(), "{words:?}");
        assert!(hints.iter().all(|hint| hint.len() > 20), "{hints:?}");
        assert_eq!(not_sent(&SendRefusal::AskedBefore, &[]), NotSent::KeyTaken);
        assert_eq!(not_sent(&SendRefusal::UnknownConversation, &[]), NotSent::UnknownConversation);
        assert_eq!(not_sent(&SendRefusal::Refused(Refused::Stale), &[]), NotSent::Stale);
    }

    #[test]
    fn a_refused_request_of_a_conversation_names_nothing_that_it_does_not_have() {
        let opted_out = not_done(&SendRefusal::Refused(Refused::OptedOut), true, &[]);
        assert!(matches!(opted_out, NotSent::Refused { word: "opted_out", field: None, .. }), "{opted_out:?}");
        let template = not_done(&SendRefusal::Refused(Refused::TemplateNotForChannel), true, &[]);
        let NotSent::Refused { hint, .. } = template else { panic!("{template:?}") };
        assert!(!hint.contains("another `channel`"), "{hint}");
        for (writes, named) in [(true, true), (false, false)] {
            let NotSent::Later { hint, .. } = not_done(&SendRefusal::Unavailable, writes, &[]) else {
                panic!("it passes")
            };
            assert_eq!(hint.contains("Idempotency-Key"), named, "{hint}");
        }
    }

    #[test]
    fn the_field_and_what_is_expected_there_are_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let table = [
            (Refused::TooLong { length: 1_700, most: 1_600 }, "text", &["1600", "1700"][..]),
            (
                Refused::MissingVariables(names(&["heure", "prenom"])),
                "template.variables.heure",
                &["`heure`, `prenom`"],
            ),
            (Refused::UnknownVariables(names(&["heure"])), "template.variables", &["it has `heure`"]),
            (Refused::UnknownVariables(Vec::new()), "template.variables", &["no places"]),
            (Refused::UnknownTemplate, "template.name", &["`rappel`, `a_bientot`"]),
        ];
        for (why, field, parts) in table {
            let (told, hint) = what_to_do(&why, &names(&["rappel", "a_bientot"]));
            assert_eq!(told, field, "{why}");
            assert!(parts.iter().all(|part| hint.contains(part)), "{why}: {hint}");
        }
    }
}
