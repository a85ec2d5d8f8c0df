//! What a message says, as the Cloud API writes it: text, buttons, a list, a template with its components.

use palabre_actors::domain::message::Choice;
use palabre_actors::domain::presentation::SentFile;
use palabre_actors::domain::send::{OutboundContent, numbered};
use palabre_actors::domain::typography::shortened;
use serde_json::{Map, Value, json};

/// The most choices that stand on buttons, and those that a list has room for.
const MOST_BUTTONS: usize = 3;
const MOST_ROWS: usize = 10;

/// The longest label of a button, of a row, and the longest text above either, in characters.
const LONGEST_BUTTON: usize = 20;
const LONGEST_ROW: usize = 24;
const LONGEST_BODY: usize = 1_024;

/// The longest id of a choice.
const LONGEST_ID: usize = 200;

/// What a row says beside its label.
const LONGEST_DESCRIPTION: usize = 72;

/// The fields of a message beside whom it is to. `None`: an action is no message.
pub(super) fn of(content: &OutboundContent<'_>, language: &str) -> Option<Map<String, Value>> {
    let content = match content {
        OutboundContent::Text(text) => text_of(text),
        OutboundContent::Choices { text, choices } => choices_of(text, choices),
        OutboundContent::Template { content_id, variables } => template(content_id, variables, language),
        OutboundContent::Action(_) => return None,
    };
    match content {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// A file where Meta reads it, with the text as its caption.
pub(super) fn of_file(file: &SentFile, link: &str, caption: &str) -> Option<Map<String, Value>> {
    let kind = match file.content_type.split('/').next() {
        // What WhatsApp shows in a chat; everything else is a document.
        Some("image") if matches!(file.content_type.as_str(), "image/jpeg" | "image/png") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    };
    let mut fields = json!({ "link": link });
    if !caption.is_empty() && kind != "audio" {
        fields["caption"] = json!(caption);
    }
    if kind == "document" {
        fields["filename"] = json!(file.name);
    }
    let mut content = Map::new();
    content.insert("type".to_owned(), json!(kind));
    content.insert(kind.to_owned(), fields);
    Some(content)
}

fn text_of(text: &str) -> Value {
    json!({ "type": "text", "text": { "body": text, "preview_url": false } })
}

/// Up to three short choices stand on buttons, up to ten in a list; what fits neither is a numbered text.
fn choices_of(text: &str, choices: &[Choice]) -> Value {
    let length = |text: &str| text.chars().count();
    let fits = !choices.is_empty()
        && (1..=LONGEST_BODY).contains(&length(text))
        && choices.iter().all(|choice| (1..=LONGEST_ID).contains(&choice.id.len()) && !choice.label.is_empty());
    let on_buttons =
        choices.len() <= MOST_BUTTONS && choices.iter().all(|choice| length(&choice.label) <= LONGEST_BUTTON);
    if !fits || choices.len() > MOST_ROWS {
        return text_of(&numbered(text, choices));
    }
    let interactive = if on_buttons {
        let buttons = choices
            .iter()
            .map(|choice| json!({ "type": "reply", "reply": { "id": choice.id, "title": choice.label } }));
        json!({ "type": "button", "body": { "text": text }, "action": { "buttons": buttons.collect::<Vec<_>>() } })
    } else {
        let rows = choices.iter().map(row).collect::<Vec<_>>();
        json!({
            "type": "list", "body": { "text": text },
            "action": { "button": "☰", "sections": [{ "rows": rows }] },
        })
    };
    json!({ "type": "interactive", "interactive": interactive })
}

/// A label that is too long for a row goes on in its description.
fn row(choice: &Choice) -> Value {
    if choice.label.chars().count() <= LONGEST_ROW {
        return json!({ "id": choice.id, "title": choice.label });
    }
    let title = shortened(&choice.label, LONGEST_ROW);
    let description: String = choice.label.chars().take(LONGEST_DESCRIPTION).collect();
    json!({ "id": choice.id, "title": title, "description": description })
}

/// A template's values by the component that their names tell: `header`, `header_image`, `header_video`, `header_document`
/// (links), `button_url_0`, `button_reply_0` (the number of the button); everything else stands in the body, in its order.
fn template(content_id: &str, variables: &[(&str, &str)], language: &str) -> Value {
    let (name, language) = content_id.split_once(':').unwrap_or((content_id, language));
    let text = |value: &str| json!({ "type": "text", "text": value });
    let (mut header, mut body, mut buttons) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in variables {
        let media = name.strip_prefix("header_").filter(|kind| matches!(*kind, "image" | "video" | "document"));
        let number = |prefix: &str| name.strip_prefix(prefix).filter(|rest| rest.parse::<u8>().is_ok());
        if *name == "header" {
            header.push(text(value));
        } else if let Some(kind) = media {
            let mut parameter = Map::new();
            parameter.insert("type".to_owned(), json!(kind));
            parameter.insert(kind.to_owned(), json!({ "link": value }));
            header.push(Value::Object(parameter));
        } else if let Some(index) = number("button_url_") {
            buttons.push(json!({ "type": "button", "sub_type": "url", "index": index, "parameters": [text(value)] }));
        } else if let Some(index) = number("button_reply_") {
            let payload = json!({ "type": "payload", "payload": value });
            buttons
                .push(json!({ "type": "button", "sub_type": "quick_reply", "index": index, "parameters": [payload] }));
        } else {
            body.push(text(value));
        }
    }
    let mut components = Vec::new();
    for (kind, parameters) in [("header", header), ("body", body)] {
        if !parameters.is_empty() {
            components.push(json!({ "type": kind, "parameters": parameters }));
        }
    }
    components.extend(buttons);
    let mut template = json!({ "name": name, "language": { "code": language } });
    if !components.is_empty() {
        template["components"] = Value::Array(components);
    }
    json!({ "type": "template", "template": template })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(labels: &[&str]) -> Vec<Choice> {
        labels.iter().map(|label| Choice { id: label.to_lowercase(), label: (*label).to_owned() }).collect()
    }

    fn sent(content: &OutboundContent<'_>) -> Value {
        Value::Object(of(content, "fr").unwrap())
    }

    #[test]
    fn choices_are_buttons_or_a_list_or_a_numbered_text() {
        let few = choices(&["Oui", "Non"]);
        let shown = sent(&OutboundContent::Choices { text: "Ça va ?", choices: &few });
        assert_eq!(shown["interactive"]["type"], "button");
        assert_eq!(shown["interactive"]["action"]["buttons"][1]["reply"], json!({ "id": "non", "title": "Non" }));
        let many = choices(&["Une manucure avec pose de vernis semi-permanent", "Non", "Si", "Oui"]);
        let shown = sent(&OutboundContent::Choices { text: "Quoi ?", choices: &many });
        let rows = &shown["interactive"]["action"]["sections"][0]["rows"];
        assert_eq!(shown["interactive"]["type"], "list");
        assert_eq!(rows[0]["title"], "Une manucure avec pose …");
        assert_eq!(rows[0]["description"], "Une manucure avec pose de vernis semi-permanent");
        let too_many = choices(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
        let shown = sent(&OutboundContent::Choices { text: "Lequel ?", choices: &too_many });
        assert!(shown["text"]["body"].as_str().unwrap().ends_with("\n11. 11"), "{shown}");
        let long = "x".repeat(1_025);
        assert_eq!(sent(&OutboundContent::Choices { text: &long, choices: &few })["type"], "text");
    }

    #[test]
    fn a_templates_values_stand_in_its_components() {
        let variables = vec![
            ("header_image", "https://x.example/a.png"),
            ("prenom", "Anne"),
            ("heure", "9 h"),
            ("button_url_0", "rdv/42"),
            ("button_reply_1", "annuler"),
        ];
        let shown = sent(&OutboundContent::Template { content_id: "rappel:en_US", variables });
        assert_eq!(
            shown,
            json!({ "type": "template", "template": { "name": "rappel", "language": { "code": "en_US" }, "components": [
                { "type": "header", "parameters": [{ "type": "image", "image": { "link": "https://x.example/a.png" } }] },
                { "type": "body", "parameters": [{ "type": "text", "text": "Anne" }, { "type": "text", "text": "9 h" }] },
                { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "rdv/42" }] },
                { "type": "button", "sub_type": "quick_reply", "index": "1",
                    "parameters": [{ "type": "payload", "payload": "annuler" }] },
            ] } })
        );
        let bare = sent(&OutboundContent::Template { content_id: "rappel", variables: Vec::new() });
        assert_eq!(bare["template"], json!({ "name": "rappel", "language": { "code": "fr" } }));
    }
}
