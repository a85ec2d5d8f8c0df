//! Whoever comes to a bot by a link that says who they are: taken, and told what came of it.

use std::sync::Arc;

use palabre_actors::domain::message::Category;
use palabre_actors::domain::person_link::is_person_link;
use palabre_actors::domain::rules::Language;
use palabre_actors::ports::{Pending, PortError, PortErrorKind};
use tracing::info;

use super::StartError;
use crate::config::{Config, TenantDirectory};
use crate::gateway::channel_event::{ChannelEvent, ChannelEventKind, ChannelEvents};
use crate::gateway::{BuildError, client};
use crate::media::MediaStorage;
use crate::service::ServiceError;
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
use crate::service::person_links::PersonLinks;
use crate::store::operator::{Linked, Operator};

/// What commands know of links, beside a daemon or without one. Files in a bucket need its keys.
pub(crate) fn beside(operator: Operator, config: &Config) -> Result<PersonLinks, StartError> {
    let storage = MediaStorage::of(&config.media, &client::new().map_err(BuildError::from)?)?;
    let tenants = TenantDirectory::new(config.tenants.clone());
    Ok(PersonLinks::new(operator, storage, tenants, config.http.public_base_url.clone()))
}

/// Takes `/start` events that carry a person link, links the address, and answers.
pub(super) struct PersonLinkVisitors {
    links: PersonLinks,
    tenants: TenantDirectory,
    outgoing: Arc<dyn Outgoing>,
}

impl PersonLinkVisitors {
    pub(super) const fn new(links: PersonLinks, tenants: TenantDirectory, outgoing: Arc<dyn Outgoing>) -> Self {
        Self { links, tenants, outgoing }
    }

    async fn came(&self, event: ChannelEvent) -> Result<(), PortError> {
        let ChannelEventKind::Started { from, payload } = &event.kind else { return Ok(()) };
        if !is_person_link(payload) {
            return Ok(());
        }
        let Some(tenant) = self.tenants.get(&event.tenant) else { return Ok(()) };
        let at = (event.correlation, event.received_at);
        let linked = self.links.came(&event.tenant, payload, from, at).await.map_err(again)?;
        info!(
            tenant.id = %event.tenant, channel.id = %event.channel, result = ?linked,
            "somebody came by a link that says who they are"
        );
        let is_theirs = matches!(linked, Some(Linked::Done | Linked::Before));
        let message = OutgoingMessage {
            tenant: event.tenant.clone(),
            channel: event.channel.clone(),
            to: from.clone(),
            text: Some(told(tenant.rules.source().language, is_theirs).to_owned()),
            template: None,
            choices: Vec::new(),
            presentation: None,
            category: Category::Transactional,
            urgent: true,
            send_at: None,
            expires_at: None,
            // The provider may tell it twice.
            idempotency_key: Some(format!("person:{}:{}", event.channel, event.id.as_str())),
        };
        match self.outgoing.send(message).await {
            Ok(_) | Err(NotSent::KeyTaken | NotSent::Refused { .. }) => Ok(()),
            Err(_) => Err(again(ServiceError::Busy)),
        }
    }
}

impl ChannelEvents for PersonLinkVisitors {
    fn take(&self, event: ChannelEvent) -> Pending<'_, Result<(), PortError>> {
        Box::pin(self.came(event))
    }
}

fn again(error: ServiceError) -> PortError {
    PortError::new(PortErrorKind::Unavailable, error)
}

const fn told(language: Language, is_theirs: bool) -> &'static str {
    match (language, is_theirs) {
        (Language::Fr, true) => "C'est fait : nous savons que c'est vous, ici aussi.",
        (Language::En, true) => "Done: we know that it is you, here too.",
        (Language::Fr, false) => "Ce lien ne vaut plus. Demandez-en un nouveau là où vous nous écrivez d'habitude.",
        (Language::En, false) => "This link holds no more. Ask for a new one where you usually write to us.",
    }
}
