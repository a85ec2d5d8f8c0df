//! Advice for names of tenants and channels that the configuration does not have.

use palabre_actors::domain::ids::ChannelId;
use uuid::Uuid;

use crate::config::{Config, suggest};
use crate::store::operator::Tenants;

/// A tenant that nobody knows, and what was probably meant.
pub(super) fn no_tenant(id: &str, config: &Config) -> String {
    let known: Vec<&str> = config.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    format!("no tenant is called {id}: {}", suggest::help(id, &known))
}

/// A channel that nobody knows, and what was probably meant.
pub(super) fn no_channel(id: &str, config: &Config) -> String {
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    let known: Vec<&str> = channels.map(|channel| channel.id.as_str()).collect();
    format!("no channel is called {id}: {}", suggest::help(id, &known))
}

/// An id of a list, where the next page begins.
pub(super) fn listed(text: &str) -> Result<Uuid, String> {
    text.parse()
        .map_err(|_| "it is the last id of the page before, such as 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b".to_owned())
}

/// Of the names in a filter that found nothing, one that the configuration does not have: it may be misspelt. (The
/// database may know names that left the configuration, so it is asked first.)
pub(super) fn stranger(tenants: &Tenants, channel: Option<&ChannelId>, config: &Config) -> Option<String> {
    let tenants = match tenants {
        Tenants::All => &[][..],
        Tenants::Of(tenants) => tenants,
    };
    let tenant = tenants.iter().find(|tenant| config.tenants.iter().all(|known| known.id != **tenant));
    let mut channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    let channel = channel.filter(|channel| channels.all(|known| known.id != **channel));
    tenant
        .map(|tenant| no_tenant(tenant.as_str(), config))
        .or_else(|| channel.map(|channel| no_channel(channel.as_str(), config)))
}
