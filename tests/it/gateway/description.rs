//! Our requests and the simulator's answers against Twilio's OpenAPI description.
//!
//! `twilio_api_v2010`, `CreateMessage`, `ListMessage`, `api.v2010.account.message`, written down here in our own table.

use palabre::gateway::twilio::simulator::{Simulator, SimulatorConfig};
use palabre::gateway::twilio::{Kind, TwilioAccount};
use palabre_actors::ports::Gateway;
use serde_json::Value;

use super::{ACCOUNT, TOKEN, account, gateway, message, simulated_account, text};

/// The parameters of `POST …/Messages.json`.
const CREATE: [&str; 25] = [
    "To",
    "StatusCallback",
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ForceDelivery",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "TrafficType",
    "ShortenUrls",
    "ScheduleType",
    "SendAt",
    "SendAsMms",
    "ContentVariables",
    "RiskCheck",
    "From",
    "FallbackFrom",
    "MessagingServiceSid",
    "Body",
    "MediaUrl",
    "ContentSid",
];

/// The parameters of `GET …/Messages.json`.
const LIST: [&str; 8] = ["To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"];

/// A message's properties, and whether they may be null.
const MESSAGE: [(&str, Shape); 20] = [
    ("body", Shape::Text),
    ("num_segments", Shape::Text),
    ("direction", Shape::Text),
    ("from", Shape::Text),
    ("to", Shape::Text),
    ("date_updated", Shape::Date),
    ("price", Shape::Text),
    ("error_message", Shape::Text),
    ("uri", Shape::Text),
    ("account_sid", Shape::Sid("AC")),
    ("num_media", Shape::Text),
    ("status", Shape::Status),
    ("messaging_service_sid", Shape::Sid("MG")),
    ("sid", Shape::Sid("SM")),
    ("date_sent", Shape::Date),
    ("date_created", Shape::Date),
    ("error_code", Shape::Number),
    ("price_unit", Shape::Text),
    ("api_version", Shape::Text),
    ("subresource_uris", Shape::Map),
];

/// A list's properties.
const PAGE: [&str; 9] =
    ["end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri", "messages"];

const STATUSES: [&str; 13] = [
    "queued",
    "sending",
    "sent",
    "failed",
    "delivered",
    "undelivered",
    "receiving",
    "received",
    "accepted",
    "scheduled",
    "read",
    "partially_delivered",
    "canceled",
];

enum Shape {
    Text,
    Date,
    Number,
    Map,
    Status,
    Sid(&'static str),
}

impl Shape {
    fn fits(&self, value: &Value) -> bool {
        let text = value.as_str().unwrap_or_default();
        match self {
            // Everything but status and direction is nullable.
            Self::Text | Self::Date | Self::Number | Self::Map | Self::Sid(_) if value.is_null() => true,
            Self::Text => value.is_string(),
            Self::Date => chrono::DateTime::parse_from_rfc2822(text).is_ok(),
            Self::Number => value.is_u64(),
            Self::Map => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Self::Status => STATUSES.contains(&text),
            Self::Sid(prefix) => {
                let hexadecimal = text.strip_prefix(prefix).unwrap_or_default();
                hexadecimal.len() == 32 && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
        }
    }
}

fn is_a_message(message: &Value) {
    let message = message.as_object().unwrap();
    for (key, value) in message {
        let shape = MESSAGE.iter().find(|(name, _)| name == key);
        assert!(shape.is_some_and(|(_, shape)| shape.fits(value)), "{key}: {value}");
    }
    for (key, _) in MESSAGE {
        assert!(message.contains_key(key), "{key} is missing");
    }
}

#[tokio::test]
async fn the_simulator_answers_as_described() {
    let simulator = Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap();
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", simulator.base_url());
    let client = palabre::gateway::client::new().unwrap();
    let form = |body: &str| {
        let request = client.post(&url).basic_auth(ACCOUNT, Some(TOKEN));
        request.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned()).send()
    };
    let to = "To=%2B33612345678";
    for body in [format!("{to}&From=%2B14155238886&Body=x"), format!("{to}&MessagingServiceSid=MG{ACCOUNT}&Body=x")] {
        let created = form(&body).await.unwrap();
        assert_eq!(created.status(), 201);
        let mut created: Value = created.json().await.unwrap();
        created["messaging_service_sid"] = Value::Null;
        is_a_message(&created);
        assert_eq!(created["status"], "queued");
        assert_eq!(created["direction"], "outbound-api");
    }
    let listed = client.get(format!("{url}?PageSize=1")).basic_auth(ACCOUNT, Some(TOKEN)).send().await.unwrap();
    assert_eq!(listed.status(), 200);
    let listed: Value = listed.json().await.unwrap();
    for key in PAGE {
        assert!(listed.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(listed.as_object().unwrap().len(), PAGE.len());
    assert!(listed["next_page_uri"].is_string());
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1);

    for (body, code) in [
        ("From=%2B1&Body=x".to_owned(), 21604),
        (format!("{to}&Body=x"), 21603),
        (format!("{to}&From=%2B1"), 21602),
        ("To=nobody&From=%2B1&Body=x".to_owned(), 21211),
        (format!("{to}&From=%2B1&Body={}", "x".repeat(1_601)), 21617),
    ] {
        let refused = form(&body).await.unwrap();
        assert_eq!(refused.status(), 400);
        let refused: Value = refused.json().await.unwrap();
        assert_eq!((refused["code"].as_u64(), refused["status"].as_u64()), (Some(code), Some(400)));
        assert!(refused["message"].is_string() && refused["more_info"].is_string());
    }
    let stranger = client.post(&url).body("x").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[actix_web::test]
async fn our_requests_are_as_described() {
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use tokio::sync::mpsc;

    let (requests, mut requests_out) = mpsc::unbounded_channel();
    let app = move || {
        let requests = requests.clone();
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            requests.send((request.method().to_string(), request.uri().to_string(), body)).unwrap();
            async { HttpResponse::InternalServerError().finish() }
        }))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);

    let account = TwilioAccount { messaging_service_sid: Some("MG1".to_owned()), ..account(&base) };
    for kind in [Kind::Whatsapp, Kind::Sms] {
        let gateway = gateway(kind, account.clone());
        let message = message("whatsapp:+33612345678", "x");
        gateway.send(text(&message)).await.unwrap_err();
        let (method, uri, body) = requests_out.recv().await.unwrap();
        assert_eq!((method.as_str(), uri), ("POST", format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")));
        let names: Vec<_> = form_urlencoded::parse(&body).map(|(name, _)| name.into_owned()).collect();
        assert!(names.iter().all(|name| CREATE.contains(&name.as_str())), "{names:?}");
        assert!(names.contains(&"To".to_owned()), "the one that is required");
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len());

        gateway.find(text(&message)).await.unwrap_err();
        let (method, uri, body) = requests_out.recv().await.unwrap();
        let (path, query) = uri.split_once('?').unwrap();
        assert_eq!((method.as_str(), path), ("GET", format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json").as_str()));
        assert!(body.is_empty());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            assert!(LIST.contains(&&*name), "{name}");
            if name == "DateSent>" {
                assert!(chrono::NaiveDate::parse_from_str(&value, "%Y-%m-%d").is_ok());
            }
        }
    }
    handle.stop(false).await;
}
