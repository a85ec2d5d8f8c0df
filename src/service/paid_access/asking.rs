//! What people are told, and what bots are asked to do for them.

use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, OutboundId, TenantId};
use palabre_actors::domain::message::Category;
use palabre_actors::domain::presentation::Presentation;
use serde_json::Value;

use super::{AccessError, PaidAccess};
use crate::service::messages::{NotSent, OutgoingMessage};
use crate::store::operator::Tenants;
use crate::store::paid_access::Subscription;

/// Somebody whom a channel of a tenant reaches.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a ChannelId,
    pub address: &'a Address,
}

impl Subscription {
    /// Who may enter by it. `None`: nobody has claimed it yet.
    pub(super) fn member(&self) -> Option<Person<'_>> {
        let address = self.address.as_ref()?;
        Some(Person { tenant: &self.tenant, channel: &self.channel, address })
    }
}

/// One tenant alone.
pub(super) fn only(tenant: &TenantId) -> Tenants {
    Tenants::Of([tenant.clone()].into())
}

impl PaidAccess {
    /// Writes to somebody, once under this key.
    pub(super) async fn write(&self, to: Person<'_>, text: String, key: String) -> Result<(), AccessError> {
        self.send(to, text, None, key).await
    }

    /// Writes an e-mail to somebody, once under this key.
    pub(super) async fn mail(
        &self,
        to: Person<'_>,
        (subject, text): (String, String),
        key: String,
    ) -> Result<(), AccessError> {
        self.send(to, text, Some(Presentation { subject: Some(subject), ..Presentation::default() }), key).await
    }

    async fn send(
        &self,
        to: Person<'_>,
        text: String,
        presentation: Option<Presentation>,
        key: String,
    ) -> Result<(), AccessError> {
        let message = OutgoingMessage {
            tenant: to.tenant.clone(),
            channel: to.channel.clone(),
            to: to.address.clone(),
            text: Some(text),
            template: None,
            choices: Vec::new(),
            presentation,
            category: Category::Transactional,
            urgent: true,
            send_at: None,
            expires_at: None,
            idempotency_key: Some(key),
        };
        match self.outgoing.send(message).await {
            // A key that is taken was written before, by a look that was cut short. Who said STOP, or blocked the bot, is told
            // nothing more.
            Ok(_) | Err(NotSent::KeyTaken | NotSent::Refused { .. }) => Ok(()),
            Err(why) => Err(AccessError::Message(why)),
        }
    }

    /// Tells the people of a tenant whom its file names under `[notify]`, once under this key.
    pub(super) async fn alert(&self, tenant: &TenantId, text: &str, key: &str) -> Result<(), AccessError> {
        let creator = self.creators.get(tenant);
        let alerts = creator.as_ref().map(|creator| creator.alerts.as_slice()).unwrap_or_default();
        for (at, (channel, address)) in alerts.iter().enumerate() {
            self.write(Person { tenant, channel, address }, text.to_owned(), format!("{key}:{at}")).await?;
        }
        Ok(())
    }

    /// Has the bot do something in the conversation with somebody.
    pub(super) async fn ask(&self, with: Person<'_>, kind: &str, arguments: Value) -> Result<OutboundId, AccessError> {
        let action = Action { kind: kind.to_owned(), arguments };
        let asked = self.outgoing.act(with.tenant.clone(), with.channel.clone(), with.address.clone(), action).await;
        asked.map_err(AccessError::Message)
    }

    /// Has the bot do something to somebody: they are the action's `user`.
    pub(super) async fn ask_about(
        &self,
        whom: Person<'_>,
        kind: &str,
        mut arguments: Value,
    ) -> Result<OutboundId, AccessError> {
        if let Some(fields) = arguments.as_object_mut() {
            fields.insert("user".to_owned(), whom.address.as_str().into());
        }
        self.ask(whom, kind, arguments).await
    }
}
