//! Simulated Green-API, for tests, the demo and load: what differs from other providers over REST.

use palabre_actors::domain::address::{Address, Scheme};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{GreenSettings, NAME, chat_of};
use crate::config::Channel;
use crate::gateway::simulator::load::LoadRequest;
use crate::gateway::simulator::rest::{
    RestAccounts, RestApi, RestCall, RestLedger, RestSend, RestSent, RestSimulation,
};
use crate::gateway::simulator::{Attachment, CustomerMessage, SampleChannel};

/// The longest text (its page of `sendMessage`).
const LONGEST_TEXT: usize = 20_000;

/// Green-API's simulator, for the lab.
pub(super) static SIMULATION: RestSimulation<GreenWire> = RestSimulation(GreenWire);

/// How Green-API writes things.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct GreenWire;

impl RestApi for GreenWire {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[(NAME, Scheme::Whatsapp)]
    }

    fn fresh_id(&self) -> String {
        Uuid::now_v7().simple().to_string().to_uppercase()
    }

    fn id_of(&self, seed: u64, sequence: u64) -> String {
        format!("3EB0{:012X}{sequence:012X}", seed & 0xFFFF_FFFF_FFFF)
    }

    fn base_url(&self, channel: &Channel) -> Option<String> {
        channel.provider.settings::<GreenSettings>().map(|settings| settings.api_base_url.clone())
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        let SampleChannel { id, provider, address, account, secret_file, base_url } = sample;
        format!(
            "[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\n\
             instance_id = \"71{account:08}\"\napi_token = {{ file = \"{secret_file}\" }}\n\
             webhook_token = {{ file = \"{secret_file}\" }}\napi_base_url = \"{base_url}\"\njournal_delay = \"1s\"\n"
        )
    }

    /// `/waInstance{id}/{method}/{token}`, and `/files/{name}`, which anybody may read.
    fn read(&self, ledger: &RestLedger, known: RestAccounts<'_>, request: &LoadRequest<'_>) -> RestCall {
        if let Some(name) = request.path.strip_prefix("/files/") {
            return RestCall::File(name.to_owned());
        }
        let channels = known.channels;
        let mut parts = request.path.trim_start_matches('/').split('/');
        let (instance, method, token) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
        let instance = instance.and_then(|part| part.strip_prefix("waInstance")).unwrap_or_default();
        let settings = |channel: &Channel| channel.provider.settings::<GreenSettings>().cloned();
        let found =
            channels.iter().position(|channel| settings(channel).is_some_and(|own| own.instance_id == instance));
        let Some(place) = found else { return RestCall::Answer(403, self.refusal(403, None)) };
        let channel = &channels[place];
        let holds = settings(channel).is_some_and(|own| token == Some(own.api_token.expose_secret()));
        if !holds {
            return RestCall::Answer(401, self.refusal(401, None));
        }
        let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        match (request.method, method) {
            ("POST", "sendMessage") => {
                let (to, message) = (stored(text("chatId")), text("message"));
                match to {
                    Some(to) if !message.is_empty() && message.encode_utf16().count() <= LONGEST_TEXT => {
                        let text = message.to_owned();
                        RestCall::Send(Box::new(RestSend { channel: place, to, text, ..RestSend::default() }))
                    }
                    _ => RestCall::Answer(400, self.refusal(400, None)),
                }
            }
            ("POST", "sendFileByUrl") => match (stored(text("chatId")), text("urlFile"), text("fileName")) {
                (Some(to), file, name) if !file.is_empty() && !name.is_empty() => {
                    let (text, file) = (text("caption").to_owned(), Some(file.to_owned()));
                    RestCall::Send(Box::new(RestSend { channel: place, to, text, file, ..RestSend::default() }))
                }
                _ => RestCall::Answer(400, self.refusal(400, None)),
            },
            ("POST", "getChatHistory") => {
                let chat = stored(text("chatId")).unwrap_or_default();
                let count = body["count"].as_u64().unwrap_or(100) as usize;
                let own = |sent: &RestSent| sent.channel == channel.id.as_str() && sent.to == chat;
                RestCall::List(ledger.newest(count, own).iter().map(past).collect())
            }
            ("POST", "sendTyping") => match (stored(text("chatId")), body["typingTime"].as_u64()) {
                (Some(_), None | Some(1_000..=20_000)) => RestCall::Answer(200, json!({})),
                _ => RestCall::Answer(400, self.refusal(400, None)),
            },
            // What is taken leaves at once.
            ("GET", "showMessagesQueue") => RestCall::List(json!([])),
            ("GET", "getStateInstance") => RestCall::Answer(200, json!({ "stateInstance": "authorized" })),
            ("GET", "getSettings") => RestCall::Answer(
                200,
                json!({
                    "wid": chat_of(&channel.address), "webhookUrl": webhook_url(known, channel), "incomingWebhook": "yes", "outgoingWebhook": "yes",
                    "outgoingMessageWebhook": "yes", "stateWebhook": "yes",
                }),
            ),
            _ => RestCall::Answer(404, self.refusal(404, None)),
        }
    }

    fn taken(&self, sent: &RestSent) -> Value {
        json!({ "idMessage": sent.id })
    }

    /// The real one repeats the path, with the token.
    fn refusal(&self, status: u16, code: Option<u32>) -> Value {
        json!({ "statusCode": status, "path": "/waInstance/sendMessage/token", "message": format!("as told {code:?}") })
    }

    fn unknown_template(&self) -> (u16, u32) {
        (400, 0)
    }

    fn message(&self, channel: &Channel, message: &CustomerMessage) -> Value {
        let chat = chat(&message.from);
        let text = &message.text;
        let data = match message.attachment {
            Attachment::None => json!({ "typeMessage": "textMessage", "textMessageData": { "textMessage": text } }),
            Attachment::Button { text, payload } => json!({
                "typeMessage": "templateButtonsReplyMessage",
                "templateButtonReplyMessage": { "stanzaId": "", "selectedId": payload, "selectedDisplayText": text },
            }),
            Attachment::Location { latitude, longitude, label } => json!({
                "typeMessage": "locationMessage",
                "locationMessageData": {
                    "nameLocation": label, "address": "", "latitude": latitude.parse::<f64>().unwrap_or_default(),
                    "longitude": longitude.parse::<f64>().unwrap_or_default(), "jpegThumbnail": "",
                },
            }),
            Attachment::Image => json!({
                "typeMessage": "imageMessage",
                "fileMessageData": {
                    "downloadUrl": format!("{}/files/photo", self.base_url(channel).unwrap_or_default()),
                    "caption": text, "mimeType": "image/jpeg", "fileName": "IMG-20260301-WA0001.jpg",
                },
            }),
        };
        let name = message.name.as_deref().unwrap_or("Camille");
        let mut body = json!({
            "typeWebhook": "incomingMessageReceived",
            "instanceData": instance(channel),
            "timestamp": chrono::Utc::now().timestamp(),
            "idMessage": message.id,
            "senderData": { "chatId": chat, "sender": chat, "chatName": name, "senderName": name, "senderContactName": "" },
            "messageData": data,
        });
        for (key, value) in &message.parameters {
            body[key.as_str()] = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        }
        body
    }

    fn status(&self, channel: &Channel, sent: &RestSent, status: &str, _: Option<u32>) -> Option<Value> {
        let status = match status {
            "undelivered" => "failed",
            known @ ("sent" | "delivered" | "read" | "failed" | "noAccount" | "notInGroup" | "yellowCard") => known,
            _ => return None,
        };
        Some(json!({
            "typeWebhook": "outgoingMessageStatus",
            "chatId": chat(&sent.to),
            "instanceData": instance(channel),
            "timestamp": chrono::Utc::now().timestamp(),
            "idMessage": sent.id,
            "status": status,
            "sendByApi": true,
        }))
    }

    fn proof(&self, channel: &Channel, _: &[u8]) -> (&'static str, String) {
        let settings = channel.provider.settings::<GreenSettings>();
        let token = settings.map(|own| own.webhook_token.expose_secret()).unwrap_or_default();
        ("Authorization", format!("Bearer {token}"))
    }
}

fn instance(channel: &Channel) -> Value {
    let settings = channel.provider.settings::<GreenSettings>();
    let id = settings.and_then(|own| own.instance_id.parse::<u64>().ok()).unwrap_or_default();
    json!({ "idInstance": id, "wid": chat_of(&channel.address), "typeInstance": "whatsapp" })
}

/// Where webhooks of an instance go.
fn webhook_url(known: RestAccounts<'_>, channel: &Channel) -> String {
    known.webhooks_at.map(|base| format!("{base}/webhooks/{NAME}/{}", channel.id)).unwrap_or_default()
}

/// An address as Green-API writes it, from how the tables keep it.
fn chat(stored: &str) -> String {
    chat_of(&Address::from_normalised(stored))
}

/// An address as the tables keep it, from how Green-API writes it.
fn stored(chat: &str) -> Option<String> {
    match chat.strip_suffix("@c.us") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("whatsapp:+{digits}")),
        None => (chat.ends_with("@lid") || chat.ends_with("@g.us")).then(|| format!("whatsapp:{chat}")),
    }
}

fn past(sent: &RestSent) -> Value {
    json!({
        "type": "outgoing", "idMessage": sent.id, "timestamp": sent.created_at.timestamp(), "typeMessage": "textMessage",
        "chatId": chat(&sent.to), "textMessage": sent.text, "statusMessage": "sent", "sendByApi": true,
    })
}
