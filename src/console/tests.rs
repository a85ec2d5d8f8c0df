//! Every page and form of the route table: with nobody signed in, and with another tenant's things.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId, TenantId, UserId, WaitingId};
use palabre_actors::domain::message::NewInbound;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::{Clock, Pending};
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Environment, Tenant};
use crate::gateway::PROVIDERS;
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};
use crate::service::paid_access::tests::sold_by_belle;
use crate::service::people::{People, SessionTimes, Token};
use crate::service::privacy::{NoFiles, PersonalData};
use crate::service::{Caller, paid_access};
use crate::store::broadcasts::{BroadcastRow, BroadcastState, Segment};
use crate::store::conversations::CannedReply;
use crate::store::operator::{NewUpload, Tenants};
use crate::store::people::{NewKey, NewSession, SessionStage};
use crate::store::privacy::RequestKind;
use crate::store::{FaqRow, Store};

/// Pages for whoever is not signed in. Every other path leads to the sign-in.
const OPEN: &[&str] = &[
    "/login",
    "/login/oidc",
    "/login/oidc/back",
    "/invitation/{token}",
    "/assets/{name}",
    "/push.js",
    "/manifest.webmanifest",
];

/// Pages about things that these tests do not have: a stored file, a finished export, a folder of set-ups, an endpoint of events.
const HOLLOW: &[&str] =
    &["/media/{id}", "/privacy/{id}/file", "/channels/{id}/secret", "/webhooks/{id}/enable", "/webhooks/{id}/replay"];

/// A conversation of belle's.
const TALK: &str = "019c1a2b-0000-7000-8000-00000000a1c3";

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_780_000_000, 0).unwrap()
    }
}

/// Nothing is sent.
struct Nobody;

impl Outgoing for Nobody {
    fn send(&self, _: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }

    fn request(&self, _: TenantId, _: ConversationId, _: Request) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(async { Err(NotSent::KeyTaken) })
    }

    fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }
}

impl FailingChannels for Nobody {
    fn failing(&self, _: &TenantId, _: &ChannelId) -> Option<(String, Timestamp)> {
        None
    }
}

impl TestPhones for Nobody {
    fn post(&self, _: NewInbound) -> Pending<'_, Result<(), TestMessageRefused>> {
        Box::pin(async { Err(TestMessageRefused) })
    }
}

struct Rig {
    people: People,
    store: Store,
    /// belle and taxi.
    tenants: Vec<Tenant>,
    _folder: TempDir,
}

/// belle's file; taxi's is the same with other ids and numbers.
const BELLE: &str = r#"
    id = "belle"
    name = "Belle"
    language = "fr"
    timezone = "Europe/Paris"

    [[channels]]
    id = "belle-sms"
    provider = "twilio-sms"
    address = "+33700000001"
    account_sid = "AC00000000000000000000000000000001"
    auth_token = { env = "BELLE_TOKEN" }

    [[services]]
    id = "manucure"
    name = "Manucure"
    duration = "45m"
    resources = ["Awa"]

    [[flows]]
    use = "booking"
    keywords = ["rdv"]
"#;

fn tenants(folder: &Path) -> Vec<Tenant> {
    let main = folder.join("palabre.toml");
    std::fs::create_dir(folder.join("tenants")).unwrap();
    std::fs::write(&main, "[http]\npublic_base_url = \"https://hooks.example.com\"\n").unwrap();
    std::fs::write(folder.join("tenants/belle.toml"), BELLE).unwrap();
    let taxi = BELLE.replace("belle", "taxi").replace("+33700000001", "+33700000002").replace("0001", "0002");
    std::fs::write(folder.join("tenants/taxi.toml"), taxi).unwrap();
    Config::load_without_secrets(&main, &Environment::default(), &PROVIDERS).unwrap().config.tenants
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("palabre.db").display());
        let store = Store::open(&url, true).await.unwrap();
        let times = SessionTimes { idle: Duration::from_hours(1), lasts: Duration::from_hours(1) };
        let people = People::new(store.operator(), Arc::new(FixedClock), times);
        Self { people, store, tenants: tenants(folder.path()), _folder: folder }
    }

    fn state(&self) -> web::Data<ConsoleState> {
        let connection = Arc::new(|_: &actix_web::HttpRequest| Connection::default());
        let deps = ConsoleDeps {
            people: self.people.clone(),
            oidc: None,
            store: self.store.operator(),
            history: self.store.history(),
            outgoing: Arc::new(Nobody),
            phones: Arc::new(Nobody),
            access: Some(sold_by_belle(self.store.operator(), Arc::new(Nobody))),
            privacy: PersonalData::new(
                self.store.operator(),
                Arc::new(NoFiles),
                Arc::new(FixedClock),
                &crate::config::Privacy::default(),
            ),
            links: None,
            push: None,
            clock: Arc::new(FixedClock),
            tenants: crate::config::TenantDirectory::new(self.tenants.clone()),
            feed: LiveFeed::start(self.store.operator(), &tokio::runtime::Handle::current()),
            media: crate::service::media::MediaAccess::nowhere(Arc::new(FixedClock)),
            connection,
            base_url: None,
            failing: Arc::new(Nobody),
            public_base_url: None,
            setup: None,
        };
        web::Data::new(ConsoleState::new(deps).unwrap())
    }

    /// An owner of a tenant, and the token of their session.
    async fn owner(&self, tenant: &str) -> (UserId, Token) {
        let (store, now, user) = (&self.people.store, FixedClock.now(), UserId::fresh());
        let email = format!("owner@{tenant}.example");
        assert!(store.add_user(user, (&email, tenant, Language::Fr), now).await.unwrap());
        store.set_membership(Some(&TenantId::new(tenant)), user, "owner", now).await.unwrap();
        let token = Token::fresh().unwrap();
        let ends_at = now + TimeDelta::minutes(30);
        let session =
            NewSession { user, digest: &token.digest(), stage: SessionStage::Whole, device: "Firefox", ends_at };
        store.add_session(session, now).await.unwrap();
        (user, token)
    }
}

/// Methods and paths of the whole console.
fn table() -> Vec<(&'static str, &'static str)> {
    let mut added = Vec::new();
    let _ = App::new().configure(|config| {
        let mut routes = PageRoutes::new(config);
        add_pages(&mut routes);
        added.clone_from(&routes.added);
    });
    assert!(added.len() > 15, "{added:?}");
    added
}

fn request(method: &str, path: &str, cookie: Option<&Token>, body: String) -> TestRequest {
    let request = match method {
        "POST" => {
            TestRequest::post().insert_header(("Content-Type", "application/x-www-form-urlencoded")).set_payload(body)
        }
        _ => TestRequest::get(),
    };
    let request = request.uri(&format!("/console{path}"));
    match cookie {
        Some(token) => request.insert_header((header::COOKIE, format!("palabre_session={}", token.as_str()))),
        None => request,
    }
}

/// A path with something in its places.
fn filled(path: &str, id: &str) -> String {
    let path = path.replace("{id}", id).replace("{channel}", "belle-sms").replace("{token}", "x");
    let action = match path.split('/').nth(1) {
        Some("outbox") => "pause",
        Some("access") => "cancel",
        _ => "resolve",
    };
    path.replace("{name}", "x").replace("{action}", action)
}

#[test]
fn every_page_is_in_the_list_of_pages_that_a_browser_opens() {
    let text = include_str!("../../tests/it/console/pages.txt");
    let mut listed: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').next().unwrap().trim_end_matches('/'))
        .collect();
    let mut routes: Vec<&str> =
        table().into_iter().filter(|(method, _)| *method == "GET").map(|(_, path)| path).collect();
    listed.sort_unstable();
    routes.sort_unstable();
    assert_eq!(listed, routes);
}

#[actix_web::test]
async fn i15_nobody_comes_in_without_signing_in() {
    let rig = Rig::new().await;
    let state = rig.state();
    let app = init_service(App::new().service(web::scope("/console").configure(|config| mount(config, state)))).await;
    for (method, path) in table() {
        let filled = filled(path, "019c1a2b-0000-7000-8000-000000000001");
        for cookie in [None, Some(Token::shown("guessed"))] {
            let sent = request(method, &filled, cookie.as_ref(), "csrf=x&tenant=belle&role=owner".to_owned());
            let answer = call_service(&app, sent.to_request()).await;
            let to = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
            let is_kept_out = match (method, OPEN.contains(&path)) {
                ("GET", true) => matches!(answer.status(), StatusCode::OK | StatusCode::NOT_FOUND),
                // A guessed cookie is told only when the code is sent.
                ("GET", false) if path == "/code" && cookie.is_some() => answer.status() == StatusCode::OK,
                ("GET", false) => to.as_deref().is_some_and(|to| to.starts_with("/console/login")),
                _ => {
                    answer.status() == StatusCode::FORBIDDEN
                        || to.as_deref().is_some_and(|to| to.starts_with("/console/login"))
                }
            };
            assert!(is_kept_out, "{method} {path}: {} {to:?}", answer.status());
            assert!(answer.headers().contains_key(header::CONTENT_SECURITY_POLICY), "{method} {path}");
            assert_eq!(answer.headers().get(header::X_FRAME_OPTIONS).unwrap(), "DENY", "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn i9_every_page_and_form_about_another_tenants_thing_is_404() {
    let rig = Rig::new().await;
    let (belle, own) = rig.owner("belle").await;
    let (_, taxi) = rig.owner("taxi").await;
    let tenant = TenantId::new("belle");
    let key = NewKey {
        tenant: &tenant,
        user: None,
        name: "crm",
        digest: "d",
        scopes: "read",
        created_by: "user:x",
        ends_at: None,
    };
    let key = rig.people.store.add_key(key, FixedClock.now()).await.unwrap();
    crate::store::tests::talked(&rig.store, TALK, "belle", "bonjour").await;
    let reply = CannedReply { id: uuid::Uuid::now_v7(), shortcut: "merci".to_owned(), body: "Merci".to_owned() };
    rig.store.operator().keep_canned_reply(&tenant, &reply, ("user:x", FixedClock.now())).await.unwrap();
    let entry = FaqRow {
        id: "belle-1".to_owned(),
        tenant: tenant.clone(),
        question: "Le henné ?".to_owned(),
        keywords: vec!["henné".to_owned()],
        about: Vec::new(),
        answer: "Oui.".to_owned(),
        language: None,
        enabled: true,
        source: "hand".to_owned(),
        updated_at: FixedClock.now(),
        author: None,
    };
    assert!(rig.store.operator().put_faq_entry(&entry).await.unwrap());
    let (file, hash) = (uuid::Uuid::now_v7(), "0".repeat(64));
    let upload = NewUpload { id: file, name: "a.pdf", content_type: "application/pdf", size: 1, hash: &hash };
    rig.store.operator().add_upload(&tenant, upload, FixedClock.now()).await.unwrap();
    let shop = sold_by_belle(rig.store.operator(), Arc::new(Nobody));
    let anna = Address::from_normalised("telegram:1");
    let plan = (&tenant, "premium");
    let access = paid_access::grant(&Caller::command_line(), &shop, plan, &anna, None, FixedClock.now()).await.unwrap();
    crate::store::tests::booked(&rig.store, TALK, "belle").await;
    let dead = TALK.replace("-7000-", "-7002-");
    crate::store::tests::outbox_rows(&rig.store, &[(&dead, "belle", "dead")]).await;
    let contacts = rig.store.operator().contacts(&Tenants::All, None, 1).await.unwrap();
    let (contact, asked) = (contacts[0].id.to_string(), (("user:x", "fr"), (FixedClock.now(), None)));
    let whose = (&tenant, contacts[0].id);
    let wish = rig.store.operator().add_privacy_request(whose, RequestKind::Export, asked.0, asked.1).await.unwrap();
    let broadcast = BroadcastRow {
        id: uuid::Uuid::now_v7(),
        segment: Segment {
            tenant: tenant.clone(),
            channel: ChannelId::new("belle-sms"),
            label: None,
            seen_since: None,
        },
        text: Some("Portes ouvertes".to_owned()),
        template: None,
        per_minute: 60,
        budget_micros: None,
        state: BroadcastState::Running,
        reason: None,
        started_by: "user:x".to_owned(),
        created_at: FixedClock.now(),
        updated_at: FixedClock.now(),
    };
    rig.store.operator().start_broadcast(&broadcast).await.unwrap();
    // A path with a place in it, and a thing of belle's for that place. Of those that are about no tenant's things: none.
    let things = [
        ("/team/{id}/", Some(belle.to_string())),
        ("/conversations/{id}", Some(TALK.to_owned())),
        ("/messages/{id}/", Some(dead.clone())),
        ("/messages/{id}", Some(TALK.replace("-7000-", "-7001-"))),
        ("/replies/{id}/", Some(reply.id.to_string())),
        ("/faq/{id}", Some(entry.id.clone())),
        ("/outbox/channels/", Some(String::new())),
        ("/outbox/{id}/", Some(dead)),
        ("/contacts/{id}/", Some(contact.clone())),
        ("/privacy/{id}", Some(wish.to_string())),
        ("/live/{id}", Some(TALK.to_owned())),
        ("/access/{id}", Some(access.to_string())),
        ("/media/{id}", Some(file.to_string())),
        ("/bookings/waiting/{id}/", Some(TALK.to_owned())),
        ("/bookings/{id}", Some(TALK.to_owned())),
        ("/rides/{id}/", Some(TALK.to_owned())),
        ("/leads/{id}/", Some(TALK.to_owned())),
        ("/broadcasts/{id}", Some(broadcast.id.to_string())),
        ("/webhooks/{id}/", Some("crm".to_owned())),
        ("/channels/{id}", Some("belle-sms".to_owned())),
        ("/assets/{name}", None),
        ("/keys/{id}/", Some(key.to_string())),
        ("/invitation/{token}", None),
    ];
    let state = rig.state();
    let app = init_service(App::new().service(web::scope("/console").configure(|config| mount(config, state)))).await;
    for (method, path) in table().into_iter().filter(|(_, path)| path.contains('{')) {
        let thing = things.iter().find(|(beginning, _)| path.starts_with(beginning));
        let thing = thing.unwrap_or_else(|| panic!("{path}: say above which thing of a tenant's it is about"));
        let Some(id) = &thing.1 else { continue };
        let body = format!("csrf={}&role=agent&text=x&with={contact}", taxi.csrf());
        let sent = request(method, &filled(path, id), Some(&taxi), body);
        let answer = call_service(&app, sent.to_request()).await;
        let is_kept_out = match path {
            // Who is not on the list is off the list, whoever asks.
            "/bookings/waiting/{id}/remove" => answer.status() == StatusCode::SEE_OTHER,
            _ => answer.status() == StatusCode::NOT_FOUND,
        };
        assert!(is_kept_out, "{method} {path}: {}", answer.status());
    }
    let waiting = (Some(WaitingId(TALK.parse().unwrap())), 1);
    assert_eq!(rig.store.operator().waiting(&tenant, FixedClock.now(), waiting).await.unwrap().len(), 1);
    let memberships = rig.people.store.memberships(belle).await.unwrap();
    assert_eq!(memberships[0].role, "owner", "nothing changed");
    assert_eq!(rig.store.operator().faq_entries(&tenant).await.unwrap(), [entry]);
    assert!(rig.people.store.key("d", FixedClock.now()).await.unwrap().is_some());
    // Each of them is there for whoever it belongs to: a wall is no hole in the ground.
    for (method, path) in table().into_iter().filter(|(_, path)| path.contains('{') && !HOLLOW.contains(path)) {
        let Some(id) = things.iter().find(|(beginning, _)| path.starts_with(beginning)).and_then(|(_, id)| id.as_ref())
        else {
            continue;
        };
        let body = format!("csrf={}&role=agent&text=x&with={contact}&conversation={TALK}", own.csrf());
        let answer = call_service(&app, request(method, &filled(path, id), Some(&own), body).to_request()).await;
        assert_ne!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[actix_web::test]
async fn i15_what_a_role_does_not_allow_is_refused() {
    let rig = Rig::new().await;
    let (user, token) = rig.owner("belle").await;
    let tenant = TenantId::new("belle");
    let state = rig.state();
    let app = init_service(App::new().service(web::scope("/console").configure(|config| mount(config, state)))).await;
    // role, path, whether it is shown.
    for (role, path, is_shown) in [
        ("owner", "/audit", true),
        ("owner", "/keys", true),
        ("support", "/audit", true),
        ("support", "/keys", false),
        ("agent", "/team", true),
        ("agent", "/audit", false),
        ("agent", "/keys", false),
        ("owner", "/doctor", true),
        ("admin", "/doctor", true),
        ("support", "/doctor", false),
        ("agent", "/doctor", false),
        ("viewer", "/team", true),
        ("viewer", "/audit", false),
        ("boss", "/team", false),
    ] {
        rig.people.store.set_membership(Some(&tenant), user, role, FixedClock.now()).await.unwrap();
        let answer = call_service(&app, request("GET", path, Some(&token), String::new()).to_request()).await;
        assert_eq!(answer.status() == StatusCode::OK, is_shown, "{role} {path}: {}", answer.status());
    }
    rig.people.store.set_membership(Some(&tenant), user, "agent", FixedClock.now()).await.unwrap();
    let body = format!("csrf={}&email=a%40b.fr&name=A&role=agent&language=fr", token.csrf());
    let answer = call_service(&app, request("POST", "/team", Some(&token), body).to_request()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    rig.people.store.end_membership(Some(&tenant), user).await.unwrap();
    let answer = call_service(&app, request("GET", "/team", Some(&token), String::new()).to_request()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "they belong to no tenant any more");
}
