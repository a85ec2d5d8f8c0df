//! The API's description (OpenAPI 3.1), collected from the handlers.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Palabre",
        description = "Send messages, look at the outbox, replay and cancel. Every answer that is not 2xx is an object \
            with `error`, `hint` and, where one is meant, `field`."
    ),
    paths(
        super::outbox::list,
        super::outbox::counts,
        super::outbox::show,
        super::outbox::replay,
        super::outbox::replay_all,
        super::outbox::cancel,
        super::messages::send,
        super::alerts::tell,
        super::consents::list,
        super::consents::record,
        super::channels::list,
        super::channels::pause,
        super::channels::resume,
        super::reload::reload,
        super::conversations::list,
        super::conversations::show,
        super::conversations::messages,
        super::conversations::search,
        super::conversations::read,
        super::conversations::handling::reply,
        super::conversations::handling::assign,
        super::conversations::handling::hand_over,
        super::conversations::handling::hand_back,
        super::conversations::handling::resolve,
        super::conversations::handling::reopen,
        super::conversations::handling::block,
        super::conversations::handling::unblock,
        super::contacts::list,
        super::contacts::show,
        super::contacts::merge,
        super::contacts::unmerge,
        super::contacts::link,
        super::paid_access::plans,
        super::paid_access::subscriptions,
        super::paid_access::grant,
        super::paid_access::revoke,
        super::paid_access::move_to,
        super::paid_access::cancel,
        super::paid_access::refund,
        super::paid_access::checkout,
        super::bookings::list,
        super::bookings::list_leads,
        super::broadcasts::list,
        super::broadcasts::start,
        super::broadcasts::one,
        super::broadcasts::stop,
        super::bookings::changes::book,
        super::bookings::changes::reschedule,
        super::bookings::changes::cancel,
        super::bookings::changes::done,
        super::bookings::changes::no_show,
        super::live_sessions::list,
        super::live_sessions::one,
        super::audit::list,
        super::media::list,
        super::media::upload,
        super::media::read,
        super::faq::list,
        super::faq::put,
        super::faq::delete,
        super::faq::try_out,
        super::faq::unanswered,
        super::privacy::export,
        super::privacy::erase,
        super::privacy::list,
        super::privacy::show,
        super::privacy::download,
        super::webhooks::list,
        super::webhooks::deliveries,
        super::webhooks::replay,
        super::webhooks::enable,
    ),
    components(schemas(super::problems::ErrorBody, super::conversations::handling::StaleReply,
        crate::service::events_out::EventDocument)),
    modifiers(&Keys),
    tags(
        (name = "messages", description = "Sending"),
        (name = "outbox", description = "What is on its way, what arrived, what did not"),
        (name = "channels", description = "Sender accounts"),
        (name = "configuration", description = "The tenants' files"),
        (name = "consents", description = "Who consented to what"),
        (name = "conversations", description = "Who is talked with, and what was said"),
        (name = "contacts", description = "The persons of tenants"),
        (name = "access", description = "Paid access to chats"),
        (name = "bookings", description = "Who comes when"),
        (name = "leads", description = "Who asked to be called back"),
        (name = "broadcasts", description = "One message to many contacts"),
        (name = "live sessions", description = "What is sold in a live"),
        (name = "audit", description = "Who did what"),
        (name = "faq", description = "Questions with known answers"),
        (name = "privacy", description = "What is known of persons: exported, erased"),
        (name = "webhooks", description = "Events that go out to endpoints"),
    )
)]
struct Description;

/// Bearer keys; the scopes stand beside each operation.
struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A key of [[api.keys]]. Its scopes: read, send, operate, read-content (whole addresses and texts), privacy (persons' exports and erasures).",
            ))
            .build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
        description.webhooks = Some(super::webhooks::catalogue());
    }
}

/// Serves the document.
pub(super) async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document())
}

/// The document, as JSON.
pub(super) fn document() -> Bytes {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    DOCUMENT.get_or_init(|| Bytes::from(Description::openapi().to_json().unwrap_or_default())).clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use actix_web::App;

    use super::*;
    use crate::config::ApiScope;
    use crate::http::health::Health;
    use crate::http::routes::Routes;

    #[test]
    fn the_description_has_every_endpoint_and_no_other() {
        let document: serde_json::Value = serde_json::from_slice(&document()).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let mut served: BTreeSet<(String, String)> = BTreeSet::new();
        App::new().configure(|config| {
            let mut routes = Routes::new(config, Arc::new(Health::new()));
            super::super::mount(&mut routes);
            let added = routes.added.iter().filter(|(_, path)| *path != "/api/v1/openapi.json");
            served.extend(
                added.map(|(methods, path)| (methods.trim_end_matches(", HEAD").to_owned(), (*path).to_owned())),
            );
        });
        assert_eq!(described, served);
    }

    #[test]
    fn operations_have_ids_of_their_own_and_responses_say_what_they_are() {
        let document: serde_json::Value = serde_json::from_slice(&document()).unwrap();
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} {status}");
                }
            }
        }
    }

    #[test]
    fn every_operation_says_which_scope_it_needs_and_refers_to_what_is_there() {
        let document: serde_json::Value = serde_json::from_slice(&document()).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                let Some(scope) = operation["security"][0]["key"][0].as_str() else {
                    // Its link is signed.
                    assert_eq!(operation["operationId"], "download_export", "{path}");
                    continue;
                };
                assert!(ApiScope::ALL.iter().any(|known| known.as_str() == scope), "{path}");
                assert!(operation["responses"]["401"].is_object(), "{path}");
            }
        }
        assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    }
}
