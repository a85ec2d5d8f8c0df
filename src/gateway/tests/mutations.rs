//! Decoders under mutated payloads: every provider's corpus, cut, twisted, nested and blown up, always with a proof that holds,
//! so that nothing stops at the signature.
//!
//! `./test` does a few rounds. `PALABRE_FUZZ_SECONDS=600 ./test mutated` goes on for that long, with all providers at once, and
//! tells how many bodies each took and which was the slowest. A provider with a receiver joins by a line in [`CORPORA`].

use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::domain::message::NewInbound;
use secrecy::SecretString;
use serde_json::Value;

use super::super::twilio::signature::Signer;
use super::super::{PROVIDERS, Provider, Received, Receiver, WebhookRequest, Wiring, client};
use crate::digest::{hex, hmac_sha256};

/// What every secret of the samples is.
const SECRET: &str = "secret";
const PUBLIC: &str = "https://hooks.example.com";
/// Rounds in the ordinary tests: a fraction of a second for a provider.
const ROUNDS: u64 = 600;
/// Rounds in which something is blown up to a megabyte.
const LARGE_EVERY: u64 = 300;
const LARGE_BYTES: usize = 1 << 20;
/// The longest text that any decoder takes.
const LONGEST_TEXT: usize = 64 * 1024;

/// Bodies that a provider documents, one a line, and odd ones; and how a body is proved.
struct Corpus {
    provider: &'static str,
    bodies: &'static str,
    content_type: &'static str,
    prove: Prove,
}

#[derive(Clone, Copy)]
enum Prove {
    /// The secret stands in this header, after these words.
    Header(&'static str, &'static str),
    /// Hex of HMAC-SHA256 of the body, in this header.
    Hmac(&'static str),
    /// The URL carries the body's hash, and is signed.
    SignedUrl,
}

impl Corpus {
    /// Each body; those of the same provider's other product name its own addresses.
    fn texts(&self) -> Vec<String> {
        let by_sms =
            |body: &str| body.replace("whatsapp%3A%2B14155238886", "%2B33755000000").replace("whatsapp%3A", "");
        let own = |body: &str| if self.provider == "twilio-sms" { by_sms(body) } else { body.to_owned() };
        self.bodies.lines().map(own).collect()
    }
}

const JSON: &str = "application/json";
static CORPORA: [Corpus; 6] = [
    Corpus {
        provider: "twilio-whatsapp",
        bodies: include_str!("../twilio/corpus.txt"),
        content_type: "application/x-www-form-urlencoded",
        prove: Prove::SignedUrl,
    },
    Corpus {
        provider: "twilio-sms",
        bodies: include_str!("../twilio/corpus.txt"),
        content_type: "application/x-www-form-urlencoded",
        prove: Prove::SignedUrl,
    },
    Corpus {
        provider: "greenapi-whatsapp",
        bodies: include_str!("../greenapi/corpus.jsonl"),
        content_type: JSON,
        prove: Prove::Header("authorization", "Bearer "),
    },
    Corpus {
        provider: "whatsapp-cloud",
        bodies: include_str!("../whatsapp_cloud/corpus.jsonl"),
        content_type: JSON,
        prove: Prove::Hmac("x-hub-signature-256"),
    },
    Corpus {
        provider: "telegram",
        bodies: include_str!("../telegram/corpus.jsonl"),
        content_type: JSON,
        prove: Prove::Header("x-telegram-bot-api-secret-token", ""),
    },
    Corpus {
        provider: "smtp",
        bodies: include_str!("../smtp/corpus.jsonl"),
        content_type: JSON,
        prove: Prove::Header("authorization", "Bearer "),
    },
];

/// Providers with a receiver and without a corpus, and why.
const WITHOUT: [(&str, &str); 1] = [("sandbox", "it takes callers of this machine alone")];

fn receiver(provider: &dyn Provider) -> Option<std::sync::Arc<dyn Receiver>> {
    let client = client::new().unwrap();
    // A relay's webhooks are taken where the channel says with which token.
    let more = if provider.keys().contains(&"webhook_token") && provider.keys().contains(&"from_name") {
        "webhook_token = { env = \"RELAY_TOKEN\" }\n"
    } else {
        ""
    };
    let channel = super::sample_with(provider, more);
    provider.connect(&channel, Wiring::without_files(&client, Some(PUBLIC))).unwrap().receiver
}

/// Whether anything came in; what did is looked at.
fn take(corpus: &Corpus, receiver: &dyn Receiver, body: &[u8]) -> bool {
    let mut url = format!("{PUBLIC}/webhooks/{}/belle", corpus.provider);
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    };
    match corpus.prove {
        Prove::Header(name, before) => add(name, &format!("{before}{SECRET}")),
        Prove::Hmac(name) => add(name, &format!("sha256={}", hex(&hmac_sha256(SECRET.as_bytes(), &[body])))),
        Prove::SignedUrl => {
            url = Signer::with_body_hash(&url, body);
            let signature = Signer::new(&SecretString::from(SECRET)).sign_url(&url);
            headers.insert(HeaderName::from_static("x-twilio-signature"), HeaderValue::from_str(&signature).unwrap());
        }
    }
    let query = url.strip_prefix(PUBLIC).unwrap_or_default();
    let request = WebhookRequest {
        url: &url,
        query,
        content_type: corpus.content_type,
        headers: &headers,
        is_local: false,
        body,
    };
    let now = chrono::Utc::now();
    let inbound = receiver.receive(request, CorrelationId::fresh(), now);
    let status = receiver.receive_status(request, now);
    let mut came = false;
    for received in [inbound, status].into_iter().flatten() {
        came |= !matches!(received, Received::Nothing);
        look(corpus, &received);
    }
    came
}

/// What came in can be stored, and is bounded.
fn look(corpus: &Corpus, received: &Received) {
    match received {
        Received::Message(message) => storable(corpus, message),
        Received::Batch(parts) => parts.iter().for_each(|part| look(corpus, part)),
        Received::Shared { own, .. } => look(corpus, own),
        _ => {}
    }
    // Whatever it is, it can be shown (I10 says how).
    let _ = format!("{received:?}");
}

fn storable(corpus: &Corpus, message: &NewInbound) {
    let content = &message.content;
    assert!(content.body.len() <= LONGEST_TEXT, "{}: {} bytes of text", corpus.provider, content.body.len());
    let details = serde_json::to_value(&content.details).unwrap();
    let name = content.profile_name.as_deref().unwrap_or_default();
    let id = message.provider_message_id.as_str();
    for text in [content.body.as_str(), name, id, message.from.as_str()] {
        assert!(!text.contains('\0'), "{}: PostgreSQL's text holds no NUL", corpus.provider);
    }
    assert!(!holds_nul(&details), "{}: PostgreSQL's JSON holds no NUL", corpus.provider);
    assert!(!id.is_empty(), "{}: a message without an id", corpus.provider);
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(holds_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// Says which body it was, if it is dropped by a panic.
struct Witness<'a> {
    provider: &'a str,
    seed: u64,
    body: &'a [u8],
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]).into_owned();
            eprintln!("{}, seed {}, {} bytes: {shown}", self.provider, self.seed, self.body.len());
        }
    }
}

/// A body of the corpus that something was done to.
fn mutated(bodies: &[&str], random: &mut fastrand::Rng, is_large: bool) -> Vec<u8> {
    let one = bodies[random.usize(..bodies.len())];
    let mut body = match serde_json::from_str::<Value>(one) {
        Ok(mut value) if random.bool() => {
            twist(&mut value, random, 0);
            value.to_string().into_bytes()
        }
        _ => one.as_bytes().to_vec(),
    };
    for _ in 0..random.usize(..4) {
        damage(&mut body, bodies, random);
    }
    if is_large {
        blow_up(&mut body, random);
    }
    body
}

/// Replaces some part of a JSON document by something else.
fn twist(value: &mut Value, random: &mut fastrand::Rng, depth: usize) {
    let goes_deeper = depth < 12 && random.u8(..5) > 0;
    match value {
        Value::Object(fields) if goes_deeper && !fields.is_empty() => {
            let at = random.usize(..fields.len());
            if let Some((_, part)) = fields.iter_mut().nth(at) {
                twist(part, random, depth + 1);
            }
        }
        Value::Array(parts) if goes_deeper && !parts.is_empty() => {
            let at = random.usize(..parts.len());
            twist(&mut parts[at], random, depth + 1);
        }
        _ => {
            let old = value.take();
            *value = match random.u8(..10) {
                0 => Value::Null,
                1 => Value::Bool(random.bool()),
                2 => Value::from(random.i64(..)),
                3 => Value::from(f64::MAX),
                4 => Value::from("\u{0}\u{feff}\u{202e}👩‍👩‍👧‍👦"),
                5 => {
                    let longest = if random.u8(..20) == 0 { 70_000 } else { 200 };
                    Value::from("é".repeat(random.usize(..longest)))
                }
                6 => Value::Array(vec![old; random.usize(..4)]),
                7 => Value::Object([("x".to_owned(), old)].into_iter().collect()),
                8 => Value::from(i64::MIN),
                _ => (0..random.usize(..200)).fold(old, |inner, _| Value::Array(vec![inner])),
            };
        }
    }
}

/// Changes bytes.
fn damage(body: &mut Vec<u8>, bodies: &[&str], random: &mut fastrand::Rng) {
    if body.is_empty() {
        return;
    }
    let at = random.usize(..body.len());
    match random.u8(..7) {
        0 => body.truncate(at),
        1 => body[at] = random.u8(..),
        2 => body.insert(at, random.u8(..)),
        3 => {
            let end = (at + random.usize(..40)).min(body.len());
            body.drain(at..end);
        }
        4 => {
            let end = (at + random.usize(..200)).min(body.len());
            let part = body[at..end].to_vec();
            body.splice(at..at, part);
        }
        5 => {
            let other = bodies[random.usize(..bodies.len())].as_bytes();
            let from = random.usize(..=other.len());
            body.truncate(at);
            body.extend_from_slice(&other[from..]);
        }
        _ => {
            const WORDS: [&str; 8] = ["\\u0000", "\\ud83d", "1e999", "-0", "[[[[[[[[", "{\"a\":", "%00", "\u{202e}"];
            body.splice(at..at, WORDS[random.usize(..WORDS.len())].bytes());
        }
    }
}

/// Makes a megabyte of it.
fn blow_up(body: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(..=body.len());
    let filling: Vec<u8> = match random.u8(..5) {
        0 => b"[".repeat(LARGE_BYTES),
        1 => b"{\"a\":".repeat(LARGE_BYTES / 5),
        2 => "😀".as_bytes().repeat(LARGE_BYTES / 4),
        3 => b"&a=1".repeat(LARGE_BYTES / 4),
        _ => body.repeat(LARGE_BYTES / body.len().max(1)),
    };
    body.splice(at..at, filling);
}

#[test]
fn every_receiver_has_a_corpus_of_which_it_takes_most() {
    for provider in PROVIDERS {
        let Some(receiver) = receiver(*provider) else { continue };
        let Some(corpus) = CORPORA.iter().find(|corpus| corpus.provider == provider.name()) else {
            assert!(WITHOUT.iter().any(|(name, _)| *name == provider.name()), "{}: no corpus", provider.name());
            continue;
        };
        let bodies = corpus.texts();
        let taken = bodies.iter().filter(|body| take(corpus, &*receiver, body.as_bytes())).count();
        let all = bodies.len();
        // Much of it is odd on purpose, or nothing that anybody is told of.
        assert!(taken * 3 >= all, "{}: {taken} of {all} came in: does the proof hold?", provider.name());
    }
}

/// Takes bodies of a corpus until it is enough, which is asked with the number of those that were taken.
fn mutate(corpus: &Corpus, first: u64, goes_on: impl Fn(u64) -> bool) -> String {
    let provider = PROVIDERS.iter().find(|provider| provider.name() == corpus.provider).unwrap();
    let receiver = receiver(*provider).unwrap();
    let texts = corpus.texts();
    let bodies: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (mut round, mut slowest) = (0, (Duration::ZERO, first));
    while goes_on(round) {
        let seed = first + round;
        let mut random = fastrand::Rng::with_seed(seed);
        let body = mutated(&bodies, &mut random, round % LARGE_EVERY == LARGE_EVERY - 1);
        let _witness = Witness { provider: corpus.provider, seed, body: &body };
        let begun = Instant::now();
        take(corpus, &*receiver, &body);
        slowest = slowest.max((begun.elapsed(), seed));
        round += 1;
    }
    let (time, seed) = slowest;
    format!("{}: {round} bodies; the slowest took {time:?}, seed {seed}", corpus.provider)
}

#[test]
fn mutated_payloads_bring_no_panic_and_nothing_that_cannot_be_stored() {
    let seconds = std::env::var("PALABRE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let Some(longer) = seconds.map(Duration::from_secs) else {
        CORPORA.iter().for_each(|corpus| drop(mutate(corpus, 20_261_201, |round| round < ROUNDS)));
        return;
    };
    let (begun, first) = (Instant::now(), fastrand::u64(..1 << 32));
    std::thread::scope(|scope| {
        let goes_on = |_: u64| begun.elapsed() < longer;
        let told: Vec<_> = CORPORA.iter().map(|corpus| scope.spawn(move || mutate(corpus, first, goes_on))).collect();
        told.into_iter().for_each(|told| println!("{}", told.join().unwrap()));
    });
}
