//! What verifying and reading one webhook costs: parse, HMAC-SHA1 and decode of the nineteen parameters that Twilio
//! posts.

#![allow(clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use palabre::config::{Channel, OnUnknown};
use palabre::gateway::twilio::form::Form;
use palabre::gateway::twilio::signature::Signer;
use palabre::gateway::twilio::simulator::InboundMessage;
use palabre::gateway::twilio::{Kind, TwilioAccount, TwilioReceiver};
use palabre::gateway::{Receiver, WebhookRequest};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use secrecy::SecretString;

const URL: &str = "https://hooks.example.com/webhooks/twilio-whatsapp/belle-wa";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn receiver() -> TwilioReceiver {
    let account = TwilioAccount {
        account_sid: ACCOUNT.to_owned(),
        auth_token: SecretString::from(TOKEN),
        previous_auth_token: None,
        shared_key: None,
        api_base_url: "https://api.twilio.com".to_owned(),
        backup_api_base_url: None,
        messaging_service_sid: None,
        timeout: Duration::from_secs(15),
        on_unknown: OnUnknown::Resend,
    };
    let channel = Channel {
        id: ChannelId::new("belle-wa"),
        tenant: TenantId::new("institut-belle"),
        address: Address::from_normalised("whatsapp:+14155238886"),
        provider: account.clone().of_channel(Kind::Whatsapp),
        profile: Arc::default(),
    };
    TwilioReceiver::new(Kind::Whatsapp, &channel, &account)
}

/// As actix-web hands them over.
fn header_map(signature: &str) -> HeaderMap {
    let others = [("host", "hooks.example.com"), ("user-agent", "TwilioProxy/1.1"), ("accept", "*/*")];
    let own = [("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("x-twilio-signature", signature)];
    let pairs = others.into_iter().chain(own);
    pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect()
}

fn decode_verify(criterion: &mut Criterion) {
    let text = "Bonjour, êtes-vous ouverts demain après-midi ?";
    let (from, to) = ("whatsapp:+33612345678", "whatsapp:+14155238886");
    let body = InboundMessage::text(Kind::Whatsapp, "belle-wa", ACCOUNT, from, to, text).form();
    let form = Form::parse(body.as_bytes()).unwrap();
    let signer = Signer::new(&SecretString::from(TOKEN));
    let signature = signer.sign_form(URL, &form);
    let receiver = receiver();
    let headers = header_map(&signature);
    let forged = header_map("AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let request = WebhookRequest {
        url: URL,
        query: "/webhooks/twilio-whatsapp/belle-wa",
        content_type: "application/x-www-form-urlencoded; charset=utf-8",
        headers: &headers,
        is_local: false,
        body: body.as_bytes(),
    };
    let forged = WebhookRequest { headers: &forged, ..request };
    let (correlation, now) = (CorrelationId::fresh(), chrono::Utc::now());

    let mut group = criterion.benchmark_group("decode_verify");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| Form::parse(black_box(body.as_bytes()))));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| signer.verifies_form(black_box(URL), &form, &signature));
    });
    group.bench_function("receive", |bencher| {
        bencher.iter(|| receiver.receive(black_box(request), correlation, now));
    });
    group.bench_function("refuse", |bencher| {
        bencher.iter(|| receiver.receive(black_box(forged), correlation, now));
    });
    group.finish();
}

criterion_group!(benches, decode_verify);
criterion_main!(benches);
