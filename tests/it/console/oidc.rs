//! Signing in through a provider of OpenID Connect, and everything that must not sign anybody in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::daemon::{Setup, World};
use crate::http_stand_in::serve;

const AWA: &str = "awa@belle.example";
/// Where people reach the console, as far as the provider knows.
const CONSOLE: &str = "https://console.example.com";
const SECRET: &str = "s3cret of the client&=%";

/// A provider that signs in whoever comes, as `claims` say over what it would say itself.
#[derive(Default)]
struct IdP {
    is_away: AtomicBool,
    claims: Mutex<Value>,
    /// What `/userinfo` says.
    userinfo: Mutex<Value>,
    /// What it was asked with, for each code that was not used.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl IdP {
    /// Starts it beside a world, whose daemon does not run so far. `keys`: of `[console.oidc]`.
    fn start(keys: &str) -> (Arc<Self>, World) {
        let idp = Arc::new(Self::default());
        let issuer = format!("http://{}", serve(&idp, answer));
        let daemon = format!(
            "[console]\nbase_url = \"{CONSOLE}\"\n[console.oidc]\nissuer = \"{issuer}\"\nclient_id = \"pala:bre\"\n\
             client_secret = {{ file = \"oidc-secret\" }}\nname = \"Agence\"\n{keys}"
        );
        let world = World::asleep(&Setup { daemon, ..Setup::default() });
        world.write_secret("oidc-secret", SECRET);
        idp.signs_in(json!({ "email": AWA, "email_verified": true }));
        *idp.userinfo.lock().unwrap() = json!({ "sub": "1" });
        (idp, world)
    }

    fn signs_in(&self, claims: Value) {
        *self.claims.lock().unwrap() = claims;
    }
}

async fn answer(idp: Data<IdP>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if idp.is_away.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let issuer = format!("http://{}", request.connection_info().host());
    let fields = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect::<HashMap<String, String>>();
    match request.path() {
        "/.well-known/openid-configuration" => HttpResponse::Ok().json(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
        })),
        "/authorize" => {
            let asked = fields(request.query_string().as_bytes());
            let code = format!("code-{}", uuid::Uuid::now_v7());
            let to = format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"]);
            idp.codes.lock().unwrap().insert(code, asked);
            HttpResponse::SeeOther().insert_header(("Location", to)).finish()
        }
        "/token" => {
            let form = fields(&body);
            let (id, secret) = ("pala%3Abre", "s3cret+of+the+client%26%3D%25");
            let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            if request.headers().get("Authorization").is_none_or(|line| line != basic.as_str()) {
                return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client" }));
            }
            let Some(asked) = idp.codes.lock().unwrap().remove(&form["code"]) else {
                return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
            };
            assert_eq!(form["redirect_uri"], asked["redirect_uri"]);
            assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])), asked["code_challenge"]);
            let now = Utc::now().timestamp();
            let mut claims = json!({
                "iss": issuer, "sub": "1", "aud": asked["client_id"], "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            });
            let told = idp.claims.lock().unwrap().clone();
            claims.as_object_mut().expect("claims").extend(told.as_object().expect("claims").clone());
            let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()));
            HttpResponse::Ok().json(json!({ "id_token": token, "access_token": "access", "token_type": "Bearer" }))
        }
        "/userinfo" if request.headers().get("Authorization").is_some_and(|line| line == "Bearer access") => {
            HttpResponse::Ok().json(&*idp.userinfo.lock().unwrap())
        }
        _ => HttpResponse::NotFound().finish(),
    }
}

/// Leaves for the provider, signs in there, and answers the path that it leads back to.
async fn gone(visitor: &mut Visitor, next: &str) -> String {
    let page = visitor.get(&format!("/console/login/oidc?next={next}")).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let client = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
    let answer = client.get(page.location()).send().await.expect("the provider answers");
    let back = answer.headers()["location"].to_str().expect("a text").to_owned();
    back.strip_prefix(CONSOLE).expect("it leads back").to_owned()
}

/// Signs in through the provider in a fresh browser.
async fn came(world: &World) -> Shown {
    let mut visitor = Visitor::of(world);
    let back = gone(&mut visitor, "%2Fconsole").await;
    let page = visitor.get(&back).await;
    let is_in = visitor.get("/console/account").await.status == 200;
    assert_eq!(is_in, page.status == 303 && page.location() == "/console", "{}", page.body);
    page
}

#[tokio::test]
async fn i15_the_provider_signs_in_who_exists_and_nobody_else() {
    let (idp, mut world) = IdP::start("allow = [\"belle.example\"]");
    world.start_daemon();
    for (email, name) in [(AWA, "Awa"), ("out@belle.example", "Out"), ("ops@agency.example", "Ops")] {
        add_user(&world, email, name, ("belle", "owner"));
    }
    assert_eq!(palabre(&world, &["user", "disable", "out@belle.example"], "").code, 0);
    let mut visitor = Visitor::of(&world);
    let page = visitor.get("/console/login?next=%2Fconsole%2Ffaq").await;
    assert!(page.body.contains("Continuer avec Agence"), "{}", page.body);
    let back = gone(&mut visitor, "%2Fconsole%2Ffaq").await;
    let pass = visitor.cookies["palabre_oidc"].clone();
    let page = visitor.get(&back).await;
    assert_eq!((page.status, page.location()), (303, "/console/faq"), "{}", page.body);
    assert!(!visitor.cookies.contains_key("palabre_oidc"), "it is shown once");
    assert_eq!(visitor.get("/console/faq").await.status, 200);
    let page = visitor.get("/console/audit").await;
    assert!(page.body.contains("session.begin_oidc"), "{}", page.body);

    // The same address once more, with the cookie and without.
    let mut thief = Visitor::of(&world);
    assert_eq!(thief.get(&back).await.status, 400);
    thief.cookies.insert("palabre_oidc".to_owned(), pass.clone());
    let page = thief.get(&back).await;
    assert!(page.status == 400 && page.body.contains("a déjà servi"), "{}", page.body);
    assert_eq!(thief.get("/console/account").await.status, 303);
    // Another sign-in's state, and a pass that was written anew.
    let other = gone(&mut thief, "").await;
    thief.cookies.insert("palabre_oidc".to_owned(), pass);
    assert_eq!(thief.get(&other).await.status, 400);
    thief.cookies.insert("palabre_oidc".to_owned(), "a.9999999999.L2NvbnNvbGU.0".to_owned());
    assert_eq!(thief.get(&other).await.status, 400);

    // Nothing leads elsewhere.
    let back = gone(&mut thief, "%2F%2Fevil.example").await;
    assert_eq!(thief.get(&back).await.location(), "/console");

    let verified = |sub: &str, email: &str| json!({ "sub": sub, "email": email, "email_verified": true });
    for (claims, word) in [
        (verified("2", "nobody@belle.example"), "Personne n&#x27;a cette adresse"),
        (verified("3", "out@belle.example"), "Personne n&#x27;a cette adresse"),
        (verified("4", "ops@agency.example"), "Personne n&#x27;a cette adresse"),
        (json!({ "email": AWA, "email_verified": false }), "n&#x27;a pas vérifié"),
        (json!({ "email": AWA }), "n&#x27;a pas vérifié"),
        (json!({}), "n&#x27;a pas vérifié"),
    ] {
        idp.signs_in(claims.clone());
        let page = came(&world).await;
        assert!(page.status == 403 && page.body.contains(word), "{claims}: {}", page.body);
    }
    let users: i64 = world.value("SELECT count(*) FROM users").await;
    assert_eq!(users, 3, "nobody was added");
    let refused: i64 = world.value("SELECT count(*) FROM audit_log WHERE action = 'session.refuse_oidc'").await;
    assert_eq!(refused, 6);

    // An address that the provider tells on another page alone, as the letter of the specification has it, in its own spelling.
    idp.signs_in(json!({}));
    *idp.userinfo.lock().unwrap() = json!({ "sub": "1", "email": "Awa@Belle.example", "email_verified": "true" });
    assert_eq!(came(&world).await.status, 303);
    *idp.userinfo.lock().unwrap() = json!({ "sub": "2", "email": AWA, "email_verified": true });
    assert_eq!(came(&world).await.status, 403, "it is about somebody else");
    let logs = world.logs();
    assert!(!logs.contains("belle.example") && !logs.contains("s3cret") && !logs.contains("code-"), "i10: {logs}");
}

#[tokio::test]
async fn i15_an_account_at_the_provider_stays_its_persons_whatever_address_it_has() {
    let (idp, mut world) = IdP::start("allow = [\"belle.example\"]");
    world.start_daemon();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "owner"));
    let verified = |sub: &str, email: &str| json!({ "sub": sub, "email": email, "email_verified": true });
    let last = "SELECT u.email FROM user_sessions s JOIN users u ON u.id = s.user_id ORDER BY s.id DESC LIMIT 1";
    idp.signs_in(verified("awa-1", AWA));
    assert_eq!(came(&world).await.status, 303);
    // She marries; her new address is nobody's here, or even a colleague's.
    for email in ["awa.diop@belle.example", "sophie@belle.example"] {
        idp.signs_in(verified("awa-1", email));
        assert_eq!(came(&world).await.status, 303, "{email}");
        assert_eq!(world.value::<String>(last).await, AWA, "{email}");
    }
    // What the provider does not vouch for, and what `allow` does not name, stays out all the same.
    idp.signs_in(verified("awa-1", "awa@elsewhere.example"));
    assert_eq!(came(&world).await.status, 403);
    idp.signs_in(json!({ "sub": "awa-1", "email": AWA, "email_verified": false }));
    assert_eq!(came(&world).await.status, 403);
    // Whoever is given her old address later is not Awa.
    idp.signs_in(verified("newcomer", AWA));
    let page = came(&world).await;
    assert!(page.status == 403 && page.body.contains("Personne n&#x27;a cette adresse"), "{}", page.body);
    assert!(world.logs().contains("another account at the sign-in provider"), "{}", world.logs());
    idp.signs_in(verified("sophie-1", "sophie@belle.example"));
    assert_eq!(came(&world).await.status, 303);
    assert_eq!(world.value::<String>(last).await, "sophie@belle.example");
    // Closing the account here and opening it again lets her address count once more.
    for change in ["disable", "enable"] {
        assert_eq!(palabre(&world, &["user", change, AWA], "").code, 0, "{change}");
    }
    idp.signs_in(verified("awa-2", AWA));
    assert_eq!(came(&world).await.status, 303);
    assert_eq!(world.value::<String>(last).await, AWA);
}

#[tokio::test]
async fn i15_a_token_of_anything_else_signs_nobody_in() {
    let (idp, mut world) = IdP::start("");
    world.start_daemon();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let now = Utc::now().timestamp();
    for change in [
        json!({ "nonce": "another" }),
        json!({ "aud": "another" }),
        json!({ "azp": "another" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": now - 3_600 }),
        json!({ "iat": now - 3_600 }),
    ] {
        let mut claims = json!({ "email": AWA, "email_verified": true });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        idp.signs_in(claims);
        let page = came(&world).await;
        assert!(page.status == 502 && page.body.contains("le journal dit pourquoi"), "{change}: {}", page.body);
    }
    for told in ["(nonce)", "(aud)", "(azp)", "(iss)", "(exp)", "(iat)"] {
        assert!(world.logs().contains(told), "{told}");
    }
    idp.signs_in(json!({ "email": AWA, "email_verified": true }));
    let mut visitor = Visitor::of(&world);
    let back = gone(&mut visitor, "").await;
    assert_eq!(
        visitor.get(&format!("{back}&iss=https%3A%2F%2Fevil.example")).await.status,
        502,
        "another one's answer"
    );
    let back = gone(&mut visitor, "").await;
    let state = back.split_once("state=").expect("a state").1.to_owned();
    let declined = format!("/console/login/oidc/back?error=access_denied&state={state}");
    visitor.headers.push(("Accept-Language", "en".to_owned()));
    let page = visitor.get(&declined).await;
    assert!(page.status == 403 && page.body.contains("was not finished"), "{}", page.body);

    let back = gone(&mut visitor, "").await;
    idp.is_away.store(true, Ordering::SeqCst);
    let page = visitor.get(&back).await;
    assert!(page.status == 503 && page.body.contains("does not answer"), "{}", page.body);
    idp.is_away.store(false, Ordering::SeqCst);

    // Attempts are limited, whatever is tried: the harness comes from nowhere, which counts as one account.
    let mut statuses = Vec::new();
    let back = gone(&mut visitor, "").await;
    let (pass, state) =
        (visitor.cookies["palabre_oidc"].clone(), back.split_once("state=").expect("a state").1.to_owned());
    while statuses.len() < 61 && !statuses.contains(&429) {
        visitor.cookies.insert("palabre_oidc".to_owned(), pass.clone());
        statuses.push(visitor.get(&format!("/console/login/oidc/back?code=guess&state={state}")).await.status);
    }
    assert_eq!(statuses.pop(), Some(429), "{statuses:?}");
    assert!(statuses.iter().all(|status| *status == 400), "{statuses:?}");
}

#[tokio::test]
async fn a_provider_that_is_away_lets_passwords_in_and_the_doctor_says_so() {
    let (idp, mut world) = IdP::start("ask_code = true");
    idp.is_away.store(true, Ordering::SeqCst);
    world.start_daemon();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut visitor = Visitor::of(&world);
    let page = visitor.get("/console/login/oidc").await;
    assert!(page.status == 503 && page.body.contains("ne répond pas"), "{}", page.body);
    signed_in(&world, AWA).await;
    let doctor = || palabre(&world, &["doctor", "--language", "en"], "").out;
    let said = doctor();
    assert!(said.contains("nobody signs in through it"), "{said}");
    idp.is_away.store(false, Ordering::SeqCst);
    let said = doctor();
    assert!(said.contains("console.example.com/console/login/oidc/back"), "{said}");

    // A second factor of our own is asked for where that is wanted. The provider's absence is kept for two seconds at most.
    world
        .execute("UPDATE users SET totp_secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', totp_enabled_at = created_at")
        .await;
    let mut waiting = crate::daemon::Waiting::begin();
    while visitor.get("/console/login/oidc").await.status != 303 {
        waiting.again(|| world.logs()).await;
    }
    let back = gone(&mut visitor, "%2Fconsole%2Ffaq").await;
    let page = visitor.get(&back).await;
    assert_eq!((page.status, page.location()), (303, "/console/code?next=%2Fconsole%2Ffaq"), "{}", page.body);
    assert_eq!(visitor.get("/console/account").await.status, 303, "not without the code");
}
