//! The numbers and senders of the simulated Twilio, with where their messages go.

use std::sync::atomic::Ordering;

use actix_web::web::{Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{admitted, refusal};
use super::{Simulator, World};
use crate::gateway::simulator::lock;

/// A number of an account, whose messages go to a path of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedNumber {
    /// `AC…`
    pub account_sid: String,
    /// `whatsapp:+1…`, or the bare number.
    pub wire: String,
    /// The path of its webhooks, from `/` on.
    pub path: String,
}

impl Simulator {
    /// Replaces the numbers whose webhooks it knows.
    pub fn set_numbers(&self, numbers: Vec<SimulatedNumber>) {
        *lock(&self.world.numbers) = numbers;
    }

    /// From now on the webhooks of all numbers are another URL, or not any more.
    pub fn set_misconfigured(&self, misconfigured: bool) {
        self.world.misconfigured.store(misconfigured, Ordering::SeqCst);
    }
}

pub(super) fn mount(config: &mut ServiceConfig) {
    config
        .route("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", web::get().to(numbers))
        .route("/v2/Channels/Senders", web::get().to(senders));
}

#[derive(Deserialize)]
struct NumberQuery {
    #[serde(rename = "PhoneNumber")]
    number: Option<String>,
}

/// `GET /2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json`
async fn numbers(
    world: Data<World>,
    account: Path<String>,
    query: Query<NumberQuery>,
    request: HttpRequest,
) -> HttpResponse {
    if !admitted(&world, &account, &request) {
        return refusal(401, 20003, "Authenticate");
    }
    let is_asked = |number: &&SimulatedNumber| {
        number.account_sid == *account && query.number.as_ref().is_none_or(|asked| *asked == number.wire)
    };
    let numbers = lock(&world.numbers);
    let found: Vec<Value> = numbers
        .iter()
        .filter(is_asked)
        .map(|number| json!({ "phone_number": number.wire, "sms_method": "POST", "sms_url": world.webhook_of(number) }))
        .collect();
    HttpResponse::Ok().json(json!({ "incoming_phone_numbers": found, "page": 0, "page_size": 50 }))
}

/// `GET /v2/Channels/Senders`, which Twilio has on another host.
async fn senders(world: Data<World>, request: HttpRequest) -> HttpResponse {
    let numbers = lock(&world.numbers);
    if !numbers.iter().any(|number| admitted(&world, &number.account_sid, &request)) {
        return refusal(401, 20003, "Authenticate");
    }
    let found: Vec<Value> = numbers
        .iter()
        .filter(|number| number.wire.starts_with("whatsapp:") && admitted(&world, &number.account_sid, &request))
        .map(|number| {
            let webhook = json!({ "callback_method": "POST", "callback_url": world.webhook_of(number) });
            json!({ "sender_id": number.wire, "status": "ONLINE", "webhook": webhook })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "senders": found, "meta": { "page": 0 } }))
}

impl World {
    /// Where the messages of a number go, as the console has it.
    fn webhook_of(&self, number: &SimulatedNumber) -> Option<String> {
        if self.misconfigured.load(Ordering::SeqCst) {
            return Some("https://elsewhere.example.com/hook".to_owned());
        }
        let daemon = self.post.daemon()?;
        Some(format!("{}{}{}", daemon.public_base_url, number.path, crate::gateway::twilio::REPEAT_OVERRIDE))
    }
}
