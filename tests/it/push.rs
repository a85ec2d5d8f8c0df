//! Pushes to the browsers of people: who is told of whom, encrypted, signed, once, and not to who wants it no more.

use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;
use ring::signature::{self, ECDSA_P256_SHA256_FIXED};
use serde_json::{Value, json};

use crate::console::visitor::Visitor;
use crate::console::{add_user, signed_in};
use crate::daemon::{BELLE, Setup, Waiting, World};
use crate::http_stand_in::serve;

const ANNE: &str = "+33612345678";
const BOB: &str = "+33698765432";

/// A push service. What is pushed below `/gone` it wants no more.
#[derive(Default)]
struct PushService {
    pushed: Mutex<Vec<Pushed>>,
}

#[derive(Clone)]
struct Pushed {
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Pushed {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

async fn take(service: Data<PushService>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("a text").to_owned())).collect();
    let path = request.path().to_owned();
    let is_gone = path.starts_with("/gone");
    service.pushed.lock().expect("nobody panicked").push(Pushed { path, headers, body });
    if is_gone { HttpResponse::Gone().finish() } else { HttpResponse::Created().finish() }
}

impl PushService {
    fn start() -> (Arc<Self>, String) {
        let service = Arc::new(Self::default());
        let at = format!("http://{}", serve(&service, take));
        (service, at)
    }

    fn of(&self, path: &str) -> Vec<Pushed> {
        self.pushed.lock().expect("nobody panicked").iter().filter(|pushed| pushed.path == path).cloned().collect()
    }

    async fn until(&self, path: &str, wanted: usize) -> Vec<Pushed> {
        let mut waiting = Waiting::begin();
        loop {
            let found = self.of(path);
            if found.len() >= wanted {
                return found;
            }
            waiting.again(|| format!("{} instead of {wanted} at {path}", found.len())).await;
        }
    }
}

/// A browser with its keys.
struct Browser {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
    auth: [u8; 16],
}

/// So many bytes.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expanded(salt: &[u8], input: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(input);
    extracted.expand(info, Length(length)).expect("a length").fill(&mut bytes).expect("the same");
    bytes
}

impl Browser {
    fn new() -> Self {
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).expect("a key");
        let public = private.compute_public_key().expect("its other half").as_ref().to_vec();
        Self { private, public, auth: *b"sixteen bytes ok" }
    }

    /// What the page of the console sends.
    async fn subscribe(&self, person: &mut Visitor, endpoint: &str) -> u16 {
        let (public, auth) = (URL_SAFE_NO_PAD.encode(&self.public), URL_SAFE_NO_PAD.encode(self.auth));
        person.get("/console/account").await;
        let fields = [("endpoint", endpoint), ("p256dh", public.as_str()), ("auth", auth.as_str())];
        person.submit("/console/push", &fields).await.status
    }

    /// Decrypts a push (RFC 8291), with other code than the daemon's.
    fn read(self, body: &[u8]) -> Value {
        let (head, record) = body.split_at(86);
        let (salt, sender) = (&head[..16], &head[21..]);
        assert_eq!((&head[16..21], record.len() < 4_096), ([0, 0, 16, 0, 65].as_slice(), true));
        let theirs = UnparsedPublicKey::new(&ECDH_P256, sender);
        let input = agree_ephemeral(self.private, &theirs, |shared| {
            expanded(&self.auth, shared, &[b"WebPush: info\0", &self.public, sender], 32)
        });
        let input = input.expect("a point of the curve");
        let key = expanded(salt, &input, &[b"Content-Encoding: aes128gcm\0"], 16);
        let nonce = expanded(salt, &input, &[b"Content-Encoding: nonce\0"], 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
        let nonce = Nonce::try_assume_unique_for_key(&nonce).expect("a nonce");
        let mut record = record.to_vec();
        let plain = key.open_in_place(nonce, Aad::empty(), &mut record).expect("it is for this browser");
        let (end, plain) = plain.split_last().expect("a delimiter");
        assert_eq!(*end, 2, "the last record");
        serde_json::from_slice(plain).expect("JSON")
    }
}

/// The claims of a token, once its signature holds for the key that the browser was given.
fn claims(pushed: &Pushed, key: &str) -> Value {
    let token = pushed.header("authorization").strip_prefix("vapid t=").expect("a token");
    let (token, k) = token.split_once(", k=").expect("a key");
    assert_eq!(k, key);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let public = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key));
    public.verify(signed.as_bytes(), &decode(signature)).expect("it is signed with that key");
    let (head, claims) = signed.split_once('.').expect("two parts");
    assert_eq!(serde_json::from_slice::<Value>(&decode(head)).expect("JSON")["alg"], "ES256");
    serde_json::from_slice(&decode(claims)).expect("JSON")
}

/// The key on somebody's page.
async fn key_shown(person: &mut Visitor) -> String {
    let page = person.get("/console/account").await.body;
    let key = page.split_once("data-key=\"").expect("the switch is there").1;
    key.split_once('"').expect("its end").0.to_owned()
}

async fn conversation(world: &World, number: &str) -> String {
    world.value(&format!("SELECT id FROM conversations WHERE address = 'whatsapp:{number}'")).await
}

/// A customer writes to a person: the conversation was taken over before.
async fn waits(world: &World, number: &str) {
    let before: i64 = world.value("SELECT count(*) FROM messages_in WHERE state = 'processed'").await;
    world.write(BELLE, number, "Vous êtes là ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", before + 1).await;
}

#[tokio::test]
async fn whoever_is_to_answer_is_told_once_and_nobody_reads_who_waits() {
    let (service, at) = PushService::start();
    let daemon = format!("{}\n[webhooks]\nprivate_targets = true", Setup::default().daemon);
    let world = World::start_on(&Setup { daemon, ..Setup::default() });
    for (email, name, tenant) in [("awa", "Awa", "belle"), ("sophie", "Sophie", "belle"), ("ali", "Ali", "taxi")] {
        add_user(&world, &format!("{email}@x.example"), name, (tenant, "agent"));
    }
    let mut awa = signed_in(&world, "awa@x.example").await;
    let (mut sophie, mut ali) = (signed_in(&world, "sophie@x.example").await, signed_in(&world, "ali@x.example").await);
    for number in [ANNE, BOB] {
        waits(&world, number).await;
    }
    let key = key_shown(&mut awa).await;
    assert_eq!(key_shown(&mut ali).await, key, "one for the installation");
    let (browser, others) = (Browser::new(), [Browser::new(), Browser::new(), Browser::new()]);
    assert_eq!(browser.subscribe(&mut awa, &format!("{at}/awa")).await, 204);
    assert_eq!(others[0].subscribe(&mut sophie, &format!("{at}/sophie")).await, 204);
    assert_eq!(others[1].subscribe(&mut sophie, &format!("{at}/gone")).await, 204);
    assert_eq!(others[2].subscribe(&mut ali, &format!("{at}/ali")).await, 204);
    assert_eq!(others[2].subscribe(&mut ali, "mailto:x@y.example").await, 400, "no push service");
    assert!(awa.get("/console/account").await.body.contains("Appareils avertis : 1."));

    // Anne is Awa's.
    let anne = conversation(&world, ANNE).await;
    awa.get(&format!("/console/conversations/{anne}")).await;
    awa.submit(&format!("/console/conversations/{anne}/take-over"), &[]).await;
    waits(&world, ANNE).await;
    let pushed = service.until("/awa", 1).await.remove(0);
    let claims = claims(&pushed, &key);
    let soon = chrono::Utc::now().timestamp();
    let ends = claims["exp"].as_i64().expect("a time");
    assert!(claims["aud"] == at.as_str() && ends > soon && ends <= soon + 86_400, "{claims}");
    for (name, value) in [("content-encoding", "aes128gcm"), ("ttl", "3600"), ("urgency", "high")] {
        assert_eq!(pushed.header(name), value, "{name}");
    }
    let shown = browser.read(&pushed.body);
    assert_eq!(shown, json!({ "title": "Quelqu'un attend", "url": format!("/console/conversations/{anne}#end") }));

    // Bob is nobody's, and waits while Anne goes on: Awa is told of him alone, and Sophie of him as her first.
    let bob = conversation(&world, BOB).await;
    sophie.get(&format!("/console/conversations/{bob}")).await;
    sophie.submit(&format!("/console/conversations/{bob}/take-over"), &[]).await;
    sophie.submit(&format!("/console/conversations/{bob}/assign"), &[("to", "")]).await;
    waits(&world, ANNE).await;
    waits(&world, BOB).await;
    let first = service.until("/sophie", 1).await.remove(0);
    service.until("/awa", 2).await;
    let [to_sophie, ..] = others;
    assert_eq!(to_sophie.read(&first.body)["url"], format!("/console/conversations/{bob}#end"));
    // A browser that wants nothing any more is forgotten.
    world.until("SELECT count(*) FROM push_subscriptions", 3).await;
    assert_eq!(service.of("/gone").len(), 1);

    // After the sign-out nothing comes; nothing ever came to another tenant's people.
    sophie.get("/console/account").await;
    sophie.submit("/console/logout", &[]).await;
    world.until("SELECT count(*) FROM push_subscriptions", 2).await;
    assert_eq!(ali.submit("/console/push/forget", &[]).await.status, 303);
    world.until("SELECT count(*) FROM push_subscriptions", 1).await;
    assert_eq!((service.of("/awa").len(), service.of("/sophie").len(), service.of("/ali").len()), (2, 1, 0));
    assert!(!world.logs().contains(&at), "where a browser is reached stands in no log");
}

#[tokio::test]
async fn a_browser_is_reached_at_public_hosts_alone_and_not_where_push_is_off() {
    let world = World::start();
    add_user(&world, "awa@x.example", "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, "awa@x.example").await;
    for endpoint in ["https://127.0.0.1/x", "https://[::1]/x", "http://push.example/x", "https://169.254.169.254/", ""]
    {
        assert_eq!(Browser::new().subscribe(&mut awa, endpoint).await, 400, "{endpoint}");
    }
    assert_eq!(world.value::<i64>("SELECT count(*) FROM push_subscriptions").await, 0);
    let worker = awa.get("/console/push.js").await;
    assert_eq!((worker.status, worker.header("content-type")), (200, "text/javascript; charset=utf-8"));

    let daemon = format!("{}\n[console]\npush = false", Setup::default().daemon);
    let world = World::start_on(&Setup { daemon, ..Setup::default() });
    add_user(&world, "awa@x.example", "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, "awa@x.example").await;
    assert!(!awa.get("/console/account").await.body.contains("data-key"));
    assert_eq!(Browser::new().subscribe(&mut awa, "https://push.example/x").await, 404);
}

#[tokio::test]
async fn pushes_are_signed_with_the_configured_key() {
    // Its public half, as OpenSSL tells it.
    const PUBLIC: &str = "BMZjIG8g1NxJVfb9ncf-yeRn4LHZyRPnd4QH34W2MIUgZ8WrmzIfiN_BRT7BCCoJ--7PHakzjU48R1P8o1uKgl8";
    const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgW9slcw+SMx412amugCnr0a7PIbcH+mw/exfZFHo3b46hRANC\
                       AATGYyBvINTcSVX2/Z3H/snkZ+Cx2ckT53eEB9+FtjCFIGfFq5syH4jfwUU+wQgqCfvuzx2pM41OPEdT/KNbioJf";
    let daemon = format!("{}\n[console]\npush_key = {{ file = \"push-key\" }}", Setup::default().daemon);
    let mut world = World::asleep(&Setup { daemon, ..Setup::default() });
    world.write_secret("push-key", KEY);
    world.start_daemon();
    add_user(&world, "awa@x.example", "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, "awa@x.example").await;
    assert_eq!(key_shown(&mut awa).await, PUBLIC);
    let kept: i64 = world.value("SELECT count(*) FROM installation WHERE value LIKE 'MIGH%'").await;
    assert_eq!(kept, 0, "none is made");
}
