//! The console's side of the daemon.

use std::sync::Arc;

use actix_web::web;
use palabre_actors::ports::Clock;

use super::StartError;
use crate::config::{Config, TenantDirectory};
use crate::console::{self, Connection, ConsoleDeps, ConsoleState, FailingChannels, LiveFeed, SetupDeps, TestPhones};
use crate::gateway::BuildError;
use crate::gateway::client::{self, ClientError};
use crate::http::{self, ConsoleRoutes};
use crate::oidc::OidcProvider;
use crate::service::media::MediaAccess;
use crate::service::messages::Outgoing;
use crate::service::paid_access::PaidAccess;
use crate::service::people::{OidcSignIn, People, SessionTimes};
use crate::service::person_links::PersonLinks;
use crate::service::privacy::PersonalData;
use crate::service::push::PushNotices;
use crate::store::HistoryReader;
use crate::store::operator::Operator;

/// The people of the installation.
pub(super) fn people(config: &Config, operator: Operator, clock: Arc<dyn Clock>) -> People {
    let times = SessionTimes { idle: config.console.session_idle, lasts: config.console.session_lasts };
    People::new(operator, clock, times)
}

/// The provider through which people sign in, if one is configured.
fn oidc(config: &Config) -> Result<Option<OidcSignIn>, ClientError> {
    let (Some(settings), Some(base_url)) = (&config.console.oidc, &config.console.base_url) else { return Ok(None) };
    Ok(Some(OidcSignIn::new(OidcProvider::new(client::new()?, settings.clone()), base_url)))
}

/// What stands below `/console`. `None`: it is switched off.
pub(super) fn routes(
    (config, tenants): (&Config, TenantDirectory),
    people: People,
    (operator, history, privacy): (Operator, HistoryReader, PersonalData),
    (outgoing, phones): (Arc<dyn Outgoing>, Arc<dyn TestPhones>),
    (access, media, links): (Option<PaidAccess>, MediaAccess, PersonLinks),
    (feed, clock, push): (LiveFeed, Arc<dyn Clock>, Option<PushNotices>),
    (setup, failing): (Option<SetupDeps>, Arc<dyn FailingChannels>),
) -> Result<Option<ConsoleRoutes>, StartError> {
    if !config.console.enabled {
        return Ok(None);
    }
    let listeners = config.http.clone();
    let deps = ConsoleDeps {
        people,
        oidc: oidc(config).map_err(BuildError::from)?,
        store: operator,
        history,
        outgoing,
        phones,
        access,
        privacy,
        push,
        links: Some(links),
        clock,
        tenants,
        feed,
        media,
        connection: Arc::new(move |request| Connection {
            source: http::source(request, &listeners),
            is_https: http::is_https(request, &listeners),
        }),
        base_url: config.console.base_url.clone(),
        public_base_url: config.http.public_base_url.clone(),
        failing,
        setup,
    };
    let state = web::Data::new(ConsoleState::new(deps)?);
    Ok(Some(ConsoleRoutes(Arc::new(move |config| console::mount(config, state.clone())))))
}
