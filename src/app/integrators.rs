//! Between the API and the actors: whose keys there are, and where messages to send go.

use std::sync::Arc;

use palabre_actors::domain::ids::OutboundId;
use palabre_actors::house::House;
use palabre_actors::ports::{Clock, Pending};

use crate::config::Config;
use crate::http::api::{Api, Key, NotSent, Order, Outgoing, Sender};
use crate::store::Store;

/// What the API needs.
pub(super) fn api(config: &Config, store: &Store, house: &House, clock: Arc<dyn Clock>) -> Api {
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels).map(|channel| Sender {
        id: channel.id.clone(),
        tenant: channel.tenant.clone(),
        scheme: channel.address.scheme(),
        keep_order: true,
    });
    let keys: Vec<Key> = Vec::new();
    Api {
        keys: keys.into(),
        channels: channels.collect(),
        operator: Some(store.operator()),
        outgoing: Arc::new(Desk { house: house.clone() }),
        clock,
    }
}

/// Where messages to send are handed in.
struct Desk {
    #[expect(dead_code, reason = "until the house can send")]
    house: House,
}

impl Outgoing for Desk {
    fn send(&self, _order: Order) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::Unavailable) })
    }
}
