//! What the pages of the console share.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use minijinja::Value;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Language;
use palabre_actors::ports::Clock;

use super::live::LiveFeed;
use super::navigation::Features;
use super::pages::{Page, Pages, PagesError, ShopShown};
use super::test_phones::TestPhones;
use super::{ConsoleError, Member};
use crate::config::TenantDirectory;
use crate::service::media::MediaAccess;
use crate::service::messages::Outgoing;
use crate::service::paid_access::PaidAccess;
use crate::service::people::{OidcSignIn, People};
use crate::service::person_links::PersonLinks;
use crate::service::privacy::PersonalData;
use crate::service::push::PushNotices;
use crate::service::reload::Reload;
use crate::service::setup::TenantFolder;
use crate::store::HistoryReader;
use crate::store::operator::Operator;

/// What the console needs of the rest of the daemon.
#[derive(Clone)]
pub struct ConsoleDeps {
    pub people: People,
    /// `None`: people sign in with their passwords alone.
    pub oidc: Option<OidcSignIn>,
    pub store: Operator,
    pub history: HistoryReader,
    pub outgoing: Arc<dyn Outgoing>,
    pub phones: Arc<dyn TestPhones>,
    /// `None`: nothing is sold.
    pub access: Option<PaidAccess>,
    pub privacy: PersonalData,
    /// `None`: browsers are not told.
    pub push: Option<PushNotices>,
    /// Links between addresses of one person; `None` in tests of other things.
    pub links: Option<PersonLinks>,
    pub clock: Arc<dyn Clock>,
    pub tenants: TenantDirectory,
    pub feed: LiveFeed,
    /// Files of messages.
    pub media: MediaAccess,
    pub connection: ConnectionOf,
    /// `console.base_url`
    pub base_url: Option<String>,
    pub failing: Arc<dyn FailingChannels>,
    /// `http.public_base_url`
    pub public_base_url: Option<String>,
    /// `None`: the tenants stand in no files that are followed, and nobody sets one up here.
    pub setup: Option<SetupDeps>,
}

/// Channels that their provider does not serve.
pub trait FailingChannels: Send + Sync {
    /// Why, and since when. `None`: nothing is wrong with it.
    fn failing(&self, tenant: &TenantId, channel: &ChannelId) -> Option<(String, Timestamp)>;
}

/// What setting tenants up needs.
#[derive(Clone)]
pub struct SetupDeps {
    pub folder: TenantFolder,
    /// What is written counts at once.
    pub reload: Arc<dyn Reload>,
}

/// Shared by all workers.
pub struct ConsoleState {
    pub deps: ConsoleDeps,
    pub pages: Pages,
}

/// How a browser reached us, as the listed proxies tell it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// Where from, if that is known.
    pub source: Option<IpAddr>,
    pub is_https: bool,
}

/// Tells how a request reached us.
pub type ConnectionOf = Arc<dyn Fn(&HttpRequest) -> Connection + Send + Sync>;

impl ConsoleState {
    /// # Errors
    /// [`PagesError`]
    pub fn new(deps: ConsoleDeps) -> Result<Self, PagesError> {
        Ok(Self { deps, pages: Pages::built_in()? })
    }

    /// How a request reached us.
    pub(super) fn connection(&self, request: &HttpRequest) -> Connection {
        (self.deps.connection)(request)
    }

    /// Where people reach the console, without a slash at its end.
    pub(super) fn base_url(&self, request: &HttpRequest) -> String {
        self.deps.base_url.clone().unwrap_or_else(|| {
            let scheme = if self.connection(request).is_https { "https" } else { "http" };
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            format!("{scheme}://{}", host.unwrap_or("localhost"))
        })
    }

    /// Renders a page for a member: its template, and where it stands in the navigation.
    ///
    /// # Errors
    /// The template is wrong: a bug.
    pub fn page(&self, template: (&str, &str), member: &Member, context: Value) -> Result<Page, ConsoleError> {
        let name = self.tenant_name(member);
        let features = self.tenant(&member.tenant).map(|tenant| Features::of(&tenant)).unwrap_or_default();
        let shop = ShopShown { name: &name, features };
        Ok(Page::html(self.pages.render(template, member, (shop, context))?))
    }

    /// Renders a page for anybody.
    ///
    /// # Errors
    /// The template is wrong: a bug.
    pub fn bare(&self, template: &str, language: Language, context: Value) -> Result<Page, ConsoleError> {
        Ok(Page::html(self.pages.bare(template, language, context)?))
    }
}

impl fmt::Debug for ConsoleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleState").field("people", &self.deps.people).finish_non_exhaustive()
    }
}
