//! The console: pages for the people of the tenants. They ask `service` and decide nothing.

mod account;
mod actions;
mod agenda;
mod analytics;
mod assets;
mod audit;
mod broadcasts;
mod channel_list;
mod code;
mod composer;
mod conversation;
mod cookies;
mod csv_file;
mod dealings;
mod display;
mod doctor;
mod errors;
mod explain;
mod faq;
mod finish;
mod flows;
mod form_answers;
mod home;
mod inbox;
mod invitation;
mod keys;
mod leads;
mod live;
mod login;
mod lookups;
mod media;
mod member;
mod navigation;
mod new_tenant;
mod oidc;
mod outbox;
mod pages;
mod paid_access;
mod paid_access_member;
mod person_link;
mod privacy;
mod push;
mod replies;
mod rides;
mod routes;
mod sales;
mod same_person;
mod sandbox;
mod search;
mod session;
mod settings;
mod setup;
mod shown_files;
mod state;
mod team;
mod tenants;
mod test_phones;
#[cfg(test)]
mod tests;
mod texts;
mod timeline;
mod webhooks;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

pub use self::errors::ConsoleError;
pub use self::live::LiveFeed;
pub use self::member::Member;
pub use self::pages::{Page, Pages, PagesError};
pub use self::session::Form;
pub use self::state::{Connection, ConnectionOf, ConsoleDeps, ConsoleState, FailingChannels, SetupDeps};
pub use self::test_phones::{TestMessageRefused, TestPhones};

use self::routes::PageRoutes;

/// Adds the pages below `/console`, where this is called.
pub fn mount(config: &mut ServiceConfig, state: web::Data<ConsoleState>) {
    let pages = web::scope("")
        .app_data(state)
        .wrap(from_fn(finish::finish))
        .configure(|config| add_pages(&mut PageRoutes::new(config)))
        .default_service(web::to(nothing_here));
    config.service(pages);
}

/// Every page and form of the console.
fn add_pages(routes: &mut PageRoutes<'_>) {
    home::mount(routes);
    login::mount(routes);
    oidc::mount(routes);
    code::mount(routes);
    invitation::mount(routes);
    tenants::mount(routes);
    new_tenant::mount(routes);
    account::mount(routes);
    team::mount(routes);
    keys::mount(routes);
    audit::mount(routes);
    assets::mount(routes);
    inbox::mount(routes);
    conversation::mount(routes);
    composer::mount(routes);
    actions::mount(routes);
    explain::mount(routes);
    replies::mount(routes);
    sandbox::mount(routes);
    outbox::mount(routes);
    agenda::mount(routes);
    leads::mount(routes);
    rides::mount(routes);
    flows::mount(routes);
    sales::mount(routes);
    broadcasts::mount(routes);
    webhooks::mount(routes);
    analytics::mount(routes);
    faq::mount(routes);
    paid_access::mount(routes);
    paid_access_member::mount(routes);
    privacy::mount(routes);
    same_person::mount(routes);
    push::mount(routes);
    person_link::mount(routes);
    setup::mount(routes);
    channel_list::mount(routes);
    settings::mount(routes);
    doctor::mount(routes);
    live::mount(routes);
    media::mount(routes);
}

async fn nothing_here() -> Result<Page, ConsoleError> {
    Err(ConsoleError::NotFound)
}
