//! How long every provider's decoder takes for a megabyte of something bad: told, not judged. Slow is more than ten milliseconds.
//!
//! The bodies carry a proof that holds, so its cost is in the numbers: a megabyte of HMAC-SHA256 takes a millisecond or three.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use palabre::config::{Config, Environment};
use palabre::gateway::twilio::signature::Signer;
use palabre::gateway::{PROVIDERS, Provider, Receiver, WebhookRequest, Wiring, client};
use palabre_actors::domain::ids::CorrelationId;
use secrecy::SecretString;
use sha2::Sha256;

const SECRET: &str = "secret";
const PUBLIC: &str = "https://hooks.example.com";
const MEGABYTE: usize = 1 << 20;
const SLOW: Duration = Duration::from_millis(10);
/// The best of so many counts: the machine does other things too.
const TRIES: usize = 5;

/// The receiver of the sample on the provider's page.
fn receiver(provider: &dyn Provider) -> Option<std::sync::Arc<dyn Receiver>> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(provider.docs())).unwrap();
    let named = format!("provider = \"{}\"", provider.name());
    let blocks = page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains(&named)).unwrap();
    let more = if provider.name() == "smtp" { "webhook_token = { env = \"RELAY_TOKEN\" }\n" } else { "" };
    let tenant = format!("id = \"belle\"\nreplies.fallback = \"ok\"\n{block}\n{more}");
    let secrets = tenant.split("env = \"").skip(1).filter_map(|rest| Some((rest.split('"').next()?, SECRET)));
    let environment = Environment::from_iter(secrets);
    let loaded = Config::from_toml_texts("", &[("belle.toml", &tenant)], &environment, &PROVIDERS).unwrap();
    let client = client::new().unwrap();
    let wiring = Wiring::without_files(&client, Some(PUBLIC));
    provider.connect(&loaded.config.tenants[0].channels[0], wiring).unwrap().receiver
}

/// The URL, the type and the headers with which a provider posts a body.
fn posted(provider: &str, body: &[u8]) -> (String, &'static str, HeaderMap) {
    let mut url = format!("{PUBLIC}/webhooks/{provider}/belle");
    let is_form = provider.starts_with("twilio");
    if is_form {
        url = Signer::with_body_hash(&url, body);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let proofs = [
        ("authorization", format!("Bearer {SECRET}")),
        ("x-telegram-bot-api-secret-token", SECRET.to_owned()),
        ("x-hub-signature-256", format!("sha256={digest}")),
        ("x-twilio-signature", Signer::new(&SecretString::from(SECRET)).sign_url(&url)),
    ];
    let headers =
        proofs.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap()));
    (url, if is_form { "application/x-www-form-urlencoded" } else { "application/json" }, headers.collect())
}

/// A message of the provider's corpus in which a text is a megabyte long, and bodies that are nothing.
fn bodies(provider: &str) -> Vec<(&'static str, Vec<u8>)> {
    let folder = if provider.starts_with("twilio") { "twilio" } else { provider.split('-').next().unwrap() };
    let folder = if folder == "whatsapp" { "whatsapp_cloud" } else { folder };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway").join(folder);
    let file =
        ["corpus.jsonl", "corpus.txt"].map(|name| corpus.join(name)).into_iter().find(|path| path.exists()).unwrap();
    let first = std::fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned();
    let long = |with: &str| {
        let at = first.find("horaires").unwrap_or(first.len() / 2);
        format!("{}{}{}", &first[..at], with.repeat(MEGABYTE / with.len()), &first[at..]).into_bytes()
    };
    vec![
        ("a long text", long("x")),
        ("a long text of escapes", long("\\u00e9")),
        ("a long text of emoji", long("😀")),
        ("nested lists", b"[".repeat(MEGABYTE)),
        ("nested objects", b"{\"a\":".repeat(MEGABYTE / 5)),
        ("many small lists", [b"[".to_vec(), b"[],".repeat(MEGABYTE / 3), b"[]]".to_vec()].concat()),
        (
            "many messages",
            [b"[".to_vec(), format!("{first},").repeat(MEGABYTE / first.len()).into_bytes(), b"0]".to_vec()].concat(),
        ),
        ("many pairs", b"a=1&".repeat(MEGABYTE / 4)),
        ("many escapes", b"%F0%9F%98%80".repeat(MEGABYTE / 12)),
        ("zeros", vec![0; MEGABYTE]),
    ]
}

fn main() {
    let mut slow = 0;
    for provider in PROVIDERS {
        // It takes callers of this machine alone, and has no corpus.
        let Some(receiver) = receiver(*provider).filter(|_| provider.name() != "sandbox") else { continue };
        for (what, body) in bodies(provider.name()) {
            let (url, content_type, headers) = posted(provider.name(), &body);
            let query = url.strip_prefix(PUBLIC).unwrap_or_default();
            let request =
                WebhookRequest { url: &url, query, content_type, headers: &headers, is_local: false, body: &body };
            let mut best = Duration::MAX;
            for _ in 0..TRIES {
                let begun = Instant::now();
                let _ = std::hint::black_box(receiver.receive(request, CorrelationId::fresh(), chrono::Utc::now()));
                best = best.min(begun.elapsed());
            }
            let mark = if best > SLOW { "SLOW" } else { "" };
            slow += usize::from(best > SLOW);
            println!("{:<18} {what:<24} {:>9.3} ms {mark}", provider.name(), best.as_secs_f64() * 1e3);
        }
    }
    println!("{slow} slow");
}
