//! Updates as Telegram writes them, for what customers of the simulator do.

use serde_json::{Value, json};

use crate::gateway::simulator::{Attachment, CustomerMessage};

/// The update with what a customer writes, or with the button that they press.
pub(super) fn of_message(message: &CustomerMessage) -> Value {
    let (number, update) = numbers(&message.id);
    let id: i64 = message.from.rsplit(':').next().and_then(|id| id.parse().ok()).unwrap_or_default();
    let name = message.name.as_deref().unwrap_or("Camille");
    let from = json!({ "id": id, "is_bot": false, "first_name": name, "language_code": "fr" });
    let chat = json!({ "id": id, "type": "private", "first_name": name });
    if let Attachment::Button { text, payload } = message.attachment {
        let keyboard = json!([[{ "text": text, "callback_data": payload }]]);
        let pressed = json!({
            "message_id": number,
            "chat": chat,
            "date": 1_700_000_000,
            "text": "",
            "reply_markup": { "inline_keyboard": keyboard },
        });
        let query = json!({
            "id": format!("{update}00"),
            "from": from,
            "chat_instance": "1",
            "data": payload,
            "message": pressed,
        });
        return json!({ "update_id": update, "callback_query": query });
    }
    let mut written = json!({ "message_id": number, "from": from, "chat": chat, "date": 1_700_000_000 });
    if let Value::Object(fields) = &mut written {
        let has_photo = message.attachment == Attachment::Image;
        if !message.text.is_empty() {
            fields.insert(if has_photo { "caption" } else { "text" }.to_owned(), message.text.clone().into());
        }
        if has_photo {
            let size =
                |id: &str, side: u32| json!({ "file_id": id, "file_unique_id": id, "width": side, "height": side });
            fields.insert("photo".to_owned(), json!([size("small", 90), size("photo", 1_280)]));
        }
        if let Attachment::Location { latitude, longitude, label } = message.attachment {
            let degrees = |text: &str| text.parse::<f64>().unwrap_or_default();
            let location = json!({ "latitude": degrees(latitude), "longitude": degrees(longitude) });
            fields.insert("venue".to_owned(), json!({ "location": location, "title": label, "address": "" }));
            fields.insert("location".to_owned(), location);
        }
        // A part of the message as JSON, or a text.
        for (key, value) in &message.parameters {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()));
            fields.insert(key.clone(), value);
        }
    }
    json!({ "update_id": update, "message": written })
}

/// The numbers of message and update in an id such as `TG7u9`.
fn numbers(id: &str) -> (i64, i64) {
    let rest = id.strip_prefix(super::super::ID_PREFIX).unwrap_or_default();
    let (message, update) = rest.split_once('u').unwrap_or((rest, rest));
    (message.parse().unwrap_or_default(), update.parse().unwrap_or_default())
}
