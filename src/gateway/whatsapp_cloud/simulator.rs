//! Simulated Cloud API, for tests, the demo and load: what differs from other providers over REST.

use palabre_actors::domain::address::{Address, Scheme};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::signature::{HEADER_NAME, Signer};
use super::{CloudSettings, NAME};
use crate::config::Channel;
use crate::gateway::simulator::load::LoadRequest;
use crate::gateway::simulator::rest::{
    RestAccounts, RestApi, RestCall, RestLedger, RestSend, RestSent, RestSimulation,
};
use crate::gateway::simulator::{Attachment, CustomerMessage, SampleChannel};

/// The longest text, in characters.
const LONGEST_TEXT: usize = 4_096;

/// The Cloud API's simulator, for the lab.
pub(super) static SIMULATION: RestSimulation<CloudWire> = RestSimulation(CloudWire);

/// How Meta writes things.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct CloudWire;

fn own(channel: &Channel) -> Option<&CloudSettings> {
    channel.provider.settings()
}

impl RestApi for CloudWire {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[(NAME, Scheme::Whatsapp)]
    }

    fn fresh_id(&self) -> String {
        format!("wamid.{}", Uuid::now_v7().simple())
    }

    fn id_of(&self, seed: u64, sequence: u64) -> String {
        format!("wamid.{seed:016x}{sequence:016x}")
    }

    fn base_url(&self, channel: &Channel) -> Option<String> {
        own(channel).map(|settings| settings.api_base_url.clone())
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        let SampleChannel { id, provider, address, account, secret_file, base_url } = sample;
        let secret = format!("{{ file = \"{secret_file}\" }}");
        format!(
            "[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\n\
             phone_number_id = \"1{account:014}\"\nbusiness_account_id = \"2{account:014}\"\naccess_token = {secret}\n\
             app_secret = {secret}\nverify_token = {secret}\napi_base_url = \"{base_url}\"\ncallback_delay = \"2s\"\n"
        )
    }

    /// `/{phone_number_id}/messages`, behind whatever version the base URL has; `/{media-id}`, and `/files/{name}`, where it
    /// leads.
    fn read(&self, _: &RestLedger, known: RestAccounts<'_>, request: &LoadRequest<'_>) -> RestCall {
        let channels = known.channels;
        let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let (id, is_messages) = match parts.as_slice() {
            [.., id, "messages"] => (*id, true),
            [.., id, "subscribed_apps"] | [.., id] => (*id, false),
            [] => return RestCall::Answer(404, self.refusal(404, None)),
        };
        let is_known = |channel: &Channel| {
            own(channel).is_some_and(|settings| settings.phone_number_id == id || settings.business_account_id == id)
        };
        let Some(place) = channels.iter().position(is_known) else {
            return self.file(channels, request, id);
        };
        let expected = own(&channels[place]).map(|settings| settings.access_token.expose_secret());
        if request.authorization.and_then(|header| header.strip_prefix("Bearer ")) != expected {
            return RestCall::Answer(401, self.refusal(401, Some(190)));
        }
        match (request.method, is_messages) {
            ("POST", true) => self.send(place, request.body),
            ("GET", false) if parts.last() == Some(&"subscribed_apps") => {
                let app = known.webhooks_at.map(|_| json!({ "whatsapp_business_api_data": { "id": "1" } }));
                RestCall::Answer(200, json!({ "data": app.into_iter().collect::<Vec<_>>() }))
            }
            ("GET", false) => {
                let number = channels[place].address.path();
                RestCall::Answer(200, json!({ "id": id, "display_phone_number": number, "quality_rating": "GREEN" }))
            }
            _ => RestCall::Answer(404, self.refusal(404, None)),
        }
    }

    fn taken(&self, sent: &RestSent) -> Value {
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": path_of(&sent.to), "wa_id": digits(&sent.to) }],
            "messages": [{ "id": sent.id }],
        })
    }

    fn refusal(&self, status: u16, code: Option<u32>) -> Value {
        let code = code.unwrap_or(match status {
            429 => 130_429,
            500.. => 131_000,
            _ => 100,
        });
        json!({ "error": {
            "message": format!("(#{code}) as told"), "type": "OAuthException", "code": code,
            "error_data": { "messaging_product": "whatsapp", "details": "as told, to +33612345678" }, "fbtrace_id": "A",
        } })
    }

    fn unknown_template(&self) -> (u16, u32) {
        (404, 132_001)
    }

    fn message(&self, channel: &Channel, message: &CustomerMessage) -> Value {
        let (from, text) = (digits(&message.from), &message.text);
        let mut element = json!({ "id": message.id, "timestamp": chrono::Utc::now().timestamp().to_string() });
        let mut contact = json!({ "profile": { "name": message.name.as_deref().unwrap_or("Camille") } });
        if from.is_empty() {
            element["from_user_id"] = json!(path_of(&message.from));
            contact["user_id"] = json!(path_of(&message.from));
        } else {
            element["from"] = json!(from);
            contact["wa_id"] = json!(from);
        }
        let content = match message.attachment {
            Attachment::None => json!({ "type": "text", "text": { "body": text } }),
            Attachment::Button { text, payload } => json!({
                "type": "interactive",
                "interactive": { "type": "button_reply", "button_reply": { "id": payload, "title": text } },
            }),
            Attachment::Location { latitude, longitude, label } => json!({
                "type": "location",
                "location": {
                    "latitude": latitude.parse::<f64>().unwrap_or_default(),
                    "longitude": longitude.parse::<f64>().unwrap_or_default(), "name": label,
                },
            }),
            Attachment::Image => json!({
                "type": "image", "image": { "caption": text, "mime_type": "image/jpeg", "sha256": "x", "id": "photo" },
            }),
        };
        merge(&mut element, &content);
        for (key, value) in &message.parameters {
            element[key.as_str()] = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        }
        change(channel, &json!({ "contacts": [contact], "messages": [element] }))
    }

    fn status(&self, channel: &Channel, sent: &RestSent, status: &str, code: Option<u32>) -> Option<Value> {
        let status = match status {
            "undelivered" => "failed",
            known @ ("sent" | "delivered" | "read" | "failed") => known,
            _ => return None,
        };
        let category = if sent.template.is_some() { "utility" } else { "service" };
        let mut element = json!({
            "id": sent.id, "status": status, "timestamp": chrono::Utc::now().timestamp().to_string(),
            "recipient_id": digits(&sent.to),
        });
        if status == "failed" {
            element["errors"] = json!([{ "code": code.unwrap_or(131_026), "title": "as told" }]);
        } else {
            element["pricing"] = json!({ "billable": true, "pricing_model": "PMP", "category": category });
        }
        if let Some(callback) = &sent.callback {
            element["biz_opaque_callback_data"] = json!(callback);
        }
        Some(change(channel, &json!({ "statuses": [element] })))
    }

    fn proof(&self, channel: &Channel, body: &[u8]) -> (&'static str, String) {
        (HEADER_NAME, own(channel).map(|settings| Signer::new(&settings.app_secret).sign(body)).unwrap_or_default())
    }
}

impl CloudWire {
    /// Where a file is, or the file; both want a token that is known.
    fn file(self, channels: &[Channel], request: &LoadRequest<'_>, id: &str) -> RestCall {
        let token = request.authorization.and_then(|header| header.strip_prefix("Bearer "));
        let holder = channels
            .iter()
            .find_map(|channel| own(channel).filter(|settings| token == Some(settings.access_token.expose_secret())));
        let Some(holder) = holder else { return RestCall::Answer(401, self.refusal(401, Some(190))) };
        let is_file = request.path.ends_with(&format!("/files/{id}"));
        match request.method {
            "GET" if is_file => RestCall::File(id.to_owned()),
            "GET" if !id.bytes().all(|byte| byte.is_ascii_digit()) => {
                let url = format!("{}/files/{id}", holder.api_base_url);
                RestCall::Answer(200, json!({ "messaging_product": "whatsapp", "url": url, "id": id }))
            }
            _ => RestCall::Answer(400, self.refusal(400, Some(100))),
        }
    }

    fn send(self, place: usize, body: &[u8]) -> RestCall {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if body["status"] == "read" {
            return RestCall::Answer(200, json!({ "success": true }));
        }
        let to = match (body["to"].as_str(), body["recipient"].as_str()) {
            (Some(number), _) => format!("whatsapp:+{}", number.trim_start_matches('+')),
            (None, Some(id)) => format!("whatsapp:{id}"),
            (None, None) => return RestCall::Answer(400, self.refusal(400, Some(131_008))),
        };
        let callback = body["biz_opaque_callback_data"].as_str().map(str::to_owned);
        let message_id = callback.as_deref().map(|data| data.split('.').next().unwrap_or_default().to_owned());
        let mut send = RestSend { channel: place, to, message_id, callback, ..RestSend::default() };
        match body["type"].as_str() {
            Some("text") => send.text = text(&body["text"]["body"]),
            Some(kind @ ("image" | "audio" | "video" | "document")) => {
                send.text = text(&body[kind]["caption"]);
                send.file = body[kind]["link"].as_str().map(str::to_owned);
            }
            Some("interactive") => send.text = text(&body["interactive"]["body"]["text"]),
            Some("template") => {
                let template = &body["template"];
                let parameters = template["components"].as_array().into_iter().flatten();
                let in_body = parameters.filter(|component| component["type"] == "body");
                let values = in_body.flat_map(|component| component["parameters"].as_array().into_iter().flatten());
                let values = values.map(|parameter| text(&parameter["text"])).collect();
                let name = format!("{}:{}", text(&template["name"]), text(&template["language"]["code"]));
                send.template = Some((name, values));
            }
            _ => return RestCall::Answer(400, self.refusal(400, Some(131_051))),
        }
        let is_bad =
            send.template.is_none() && send.file.is_none() && !(1..=LONGEST_TEXT).contains(&send.text.chars().count());
        if is_bad {
            return RestCall::Answer(400, self.refusal(400, Some(100)));
        }
        RestCall::Send(Box::new(send))
    }
}

/// A webhook with one change of the messages.
fn change(channel: &Channel, more: &Value) -> Value {
    let settings = own(channel);
    let number = channel.address.path().trim_start_matches('+').to_owned();
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number,
            "phone_number_id": settings.map(|own| own.phone_number_id.clone()),
        },
    });
    merge(&mut value, more);
    json!({
        "object": "whatsapp_business_account",
        "entry": [{
            "id": settings.map(|own| own.business_account_id.clone()),
            "changes": [{ "value": value, "field": "messages" }],
        }],
    })
}

fn merge(into: &mut Value, more: &Value) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        into.extend(more.clone());
    }
}

/// The digits of a number; empty for an address without one.
fn digits(stored: &str) -> String {
    path_of(stored).strip_prefix('+').unwrap_or_default().to_owned()
}

fn path_of(stored: &str) -> String {
    Address::from_normalised(stored).path().to_owned()
}
