//! What a command asks of conversations beside the daemon: loaded, decided and committed by itself.

use std::sync::Arc;

use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::ConversationKey;
use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId, TenantId};
use palabre_actors::domain::turn::{Refused, Request, Start, decide_request};
use palabre_actors::engine::Performed;
use palabre_actors::ports::{Pending, PortErrorKind, Turns as _};

use super::terminal::now;
use crate::config::Config;
use crate::service::bookings::not_booked;
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
use crate::store::{Store, StoreError};

/// How often a turn is decided anew because the daemon committed one of the same conversation meanwhile.
const ATTEMPTS: u32 = 5;

const NO_DAEMON: NotSent =
    NotSent::Later { word: "no_daemon", hint: "only a running daemon can do this: use the console or the API" };
const UNAVAILABLE: NotSent =
    NotSent::Later { word: "unavailable", hint: "the database refused, or is busy: look, and try again" };

/// The conversations of the database. A daemon that has one in its memory finds at its next turn that it changed.
pub(super) struct BesideDaemon<'a> {
    store: Store,
    config: &'a Config,
}

impl<'a> BesideDaemon<'a> {
    /// # Errors
    /// [`StoreError`]
    pub(super) async fn open(config: &'a Config) -> Result<Self, StoreError> {
        Ok(Self { store: Store::beside(&config.database.url).await?, config })
    }

    async fn perform(&self, key: ConversationKey, request: Request) -> Result<Performed, NotSent> {
        let tenant = self.config.tenants.iter().find(|tenant| tenant.id == key.tenant);
        let tenant = tenant.ok_or(NotSent::UnknownConversation)?;
        for _ in 0..ATTEMPTS {
            let now = now();
            let mut loaded = self.store.load(&key, None).await.map_err(|_| UNAVAILABLE)?;
            loaded.state.agenda = Arc::new(self.store.agenda(&key, now).await.map_err(|_| UNAVAILABLE)?);
            let mut turn = match decide_request(&loaded.state, &request, &tenant.rules, now) {
                Ok(Some(turn)) => turn,
                Ok(None) => return Ok(Performed::default()),
                Err(Refused::Booking(why)) => return Err(not_booked(why)),
                Err(why) => {
                    return Err(NotSent::Refused { word: why.as_str(), hint: why.to_string().into(), field: None });
                }
            };
            for draft in &mut turn.outbox {
                if let Start::Queued { behind, .. } = &mut draft.start {
                    *behind |= loaded.open_rows;
                }
            }
            let message = turn.outbox.first().map(|draft| draft.message.id);
            let performed = Performed { changed: true, version: turn.conversation.version, message, timer: None };
            match self.store.commit(turn).await {
                Ok(()) => return Ok(performed),
                Err(error) if error.kind == PortErrorKind::Conflict => {}
                Err(_) => return Err(UNAVAILABLE),
            }
        }
        Err(UNAVAILABLE)
    }
}

impl Outgoing for BesideDaemon<'_> {
    fn send(&self, _: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NO_DAEMON) })
    }

    fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NO_DAEMON) })
    }

    fn request(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(async move {
            let key = self.store.key_of(&tenant, conversation).await.map_err(|_| UNAVAILABLE)?;
            self.perform(key.ok_or(NotSent::UnknownConversation)?, request).await
        })
    }

    fn request_of(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        with: Address,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(self.perform(ConversationKey::new(tenant, channel, with), request))
    }
}
