//! Sends texts through `sendMessage`, and tells what came of it.
//!
//! Texts go without a parse mode: nothing that a contact or a template wrote is ever read as markup. There is no
//! idempotency key and no list of what was sent, so what became of a message whose answer was lost nobody can tell
//! (`on_unknown`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::message::{Choice, Outbound};
use palabre_actors::domain::presentation::SentFile;
use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice, numbered,
};
use palabre_actors::ports::{Gateway, Pending};
use serde::{Deserialize, Serialize};

use super::call::{Api, CallError, Upload, bad_address};
use super::chats::MigratedChats;
use super::split::{MOST_UNITS, pieces};
use super::{TelegramBot, actions, codes, decode};
use crate::gateway::ConnectError;
use crate::gateway::media::FilesOut;

/// Messages of several pieces that are remembered between attempts.
const MOST_REMEMBERED: usize = 1_024;

/// A bot's way out.
#[derive(Debug)]
pub struct TelegramGateway {
    api: Api,
    on_unknown: OnUnknown,
    chats: MigratedChats,
    /// Messages of several pieces of which some were taken: how many, by message and generation. A later attempt goes on
    /// behind them.
    taken: Mutex<HashMap<(OutboundId, u32), usize>>,
    files: FilesOut,
}

/// `sendMessage`: <https://core.telegram.org/bots/api#sendmessage>
#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<InlineKeyboard<'a>>,
}

/// Buttons below a message, a row for each.
#[derive(Clone, Serialize)]
struct InlineKeyboard<'a> {
    inline_keyboard: Vec<[KeyboardButton<'a>; 1]>,
}

/// A button that sends its data back.
#[derive(Clone, Serialize)]
struct KeyboardButton<'a> {
    text: &'a str,
    callback_data: &'a str,
}

/// The most bytes that a button's data may have.
const LONGEST_DATA: usize = 64;

/// The choices as buttons; `None` where an id is longer than a button's data.
fn keyboard<'a>(choices: &'a [Choice]) -> Option<InlineKeyboard<'a>> {
    let row = |choice: &'a Choice| {
        let Choice { id, label } = choice;
        (id.len() <= LONGEST_DATA).then_some([KeyboardButton { text: label, callback_data: id }])
    };
    Some(InlineKeyboard { inline_keyboard: choices.iter().map(row).collect::<Option<_>>()? })
}

/// The largest picture that `sendPhoto` takes.
const LARGEST_PHOTO: usize = 10 * 1024 * 1024;

/// How a file is sent, and the parameter that it is. What Telegram does not show in a chat goes as a document.
fn method_of(file: &SentFile, size: usize) -> (&'static str, &'static str) {
    match file.content_type.as_str() {
        "image/jpeg" | "image/png" | "image/webp" if size <= LARGEST_PHOTO => ("sendPhoto", "photo"),
        "video/mp4" => ("sendVideo", "video"),
        "audio/mpeg" | "audio/mp4" | "audio/m4a" => ("sendAudio", "audio"),
        "audio/ogg" | "audio/opus" => ("sendVoice", "voice"),
        _ => ("sendDocument", "document"),
    }
}

/// Of a sent message.
#[derive(Deserialize)]
struct SentMessage {
    message_id: i64,
}

impl TelegramGateway {
    /// A bot's gateway.
    ///
    /// # Errors
    /// [`ConnectError`]: the settings make no URL.
    pub fn new(client: reqwest::Client, bot: &TelegramBot) -> Result<Self, ConnectError> {
        Ok(Self {
            api: Api::new(client, bot)?,
            on_unknown: bot.on_unknown,
            chats: MigratedChats::default(),
            taken: Mutex::default(),
            files: FilesOut::default(),
        })
    }

    /// It sends these files.
    #[must_use]
    pub fn with_files(self, files: FilesOut) -> Self {
        Self { files, ..self }
    }

    async fn hand_over(&self, request: OutboundRequest<'_>) -> Result<Receipt, SendError> {
        if let OutboundContent::Text(text) = request.content
            && let Some((file, bytes)) = self.files.whole(request.message).await?
        {
            return self.send_file(request.to, (file, &bytes), text).await;
        }
        match request.content {
            OutboundContent::Text(text) => self.send_text(request.message, request.to, text, None).await,
            OutboundContent::Choices { text, choices } => match keyboard(choices) {
                Some(keyboard) => self.send_text(request.message, request.to, text, Some(keyboard)).await,
                None => self.send_text(request.message, request.to, &numbered(text, choices), None).await,
            },
            OutboundContent::Action(action) => actions::perform((&self.api, &self.chats), request.to, action).await,
            OutboundContent::Template { .. } => Err(SendError {
                class: SendErrorClass::Reject,
                code: Some("telegram_template".to_owned()),
                throttled: false,
                detail: "Telegram has no templates".to_owned(),
            }),
        }
    }

    /// A text in one message, or in several when it is longer than one: those that were taken already are not sent again.
    /// Buttons stand below the last.
    async fn send_text(
        &self,
        message: &Outbound,
        to: &Address,
        text: &str,
        buttons: Option<InlineKeyboard<'_>>,
    ) -> Result<Receipt, SendError> {
        let mut chat_id = self.chat(to).ok_or_else(bad_address)?;
        let mut pieces = pieces(text, MOST_UNITS);
        if pieces.is_empty() {
            // Telegram says what is wrong with a text that is blank.
            pieces.push(text);
        }
        let key = (message.id, message.generation.number);
        let first = if pieces.len() > 1 { self.taken(key) } else { 0 };
        let mut number = 0;
        let last = pieces.len() - 1;
        for (nth, text) in pieces.iter().enumerate().skip(first) {
            let reply_markup = buttons.clone().filter(|_| nth == last);
            let sent = match self.send_message(&SendMessage { chat_id, text, reply_markup: reply_markup.clone() }).await
            {
                // Refused, so surely not taken: the same goes to the chat's new id.
                Err(CallError::Refused(refusal)) if refusal.migrated_to.is_some_and(|to| to != chat_id) => {
                    chat_id = self.chats.note(chat_id, refusal.migrated_to.unwrap_or(chat_id));
                    self.send_message(&SendMessage { chat_id, text, reply_markup }).await
                }
                sent => sent,
            };
            number = sent.map_err(|error| {
                self.note_taken(key, nth);
                error.classified(false)
            })?;
        }
        self.note_taken(key, 0);
        Ok(Receipt { provider_message_id: decode::message_id(chat_id, number) })
    }

    /// A file with the text as its caption: `sendPhoto`, `sendVideo`, `sendAudio`, `sendDocument`.
    async fn send_file(
        &self,
        to: &Address,
        (file, bytes): (&SentFile, &[u8]),
        caption: &str,
    ) -> Result<Receipt, SendError> {
        let chat_id = self.chat(to).ok_or_else(bad_address)?;
        let (chat_id, sent) = match self.upload(chat_id, (file, bytes), caption).await {
            Err(CallError::Refused(refusal)) if refusal.migrated_to.is_some_and(|to| to != chat_id) => {
                let chat_id = self.chats.note(chat_id, refusal.migrated_to.unwrap_or(chat_id));
                (chat_id, self.upload(chat_id, (file, bytes), caption).await)
            }
            sent => (chat_id, sent),
        };
        let number = sent.map_err(|error| error.classified(false))?;
        Ok(Receipt { provider_message_id: decode::message_id(chat_id, number) })
    }

    async fn upload(&self, chat_id: i64, (file, bytes): (&SentFile, &[u8]), caption: &str) -> Result<i64, CallError> {
        let number = |raw: &serde_json::value::RawValue| {
            serde_json::from_str::<SentMessage>(raw.get()).ok().map(|sent| sent.message_id)
        };
        let (method, field) = method_of(file, bytes.len());
        let chat = chat_id.to_string();
        let fields = [("chat_id", chat.as_str()), ("caption", caption)];
        let (name, content_type) = (file.name.as_str(), file.content_type.as_str());
        self.api.upload(method, &Upload { fields: &fields, field, name, content_type, bytes }, number).await
    }

    async fn send_message(&self, message: &SendMessage<'_>) -> Result<i64, CallError> {
        let number = |raw: &serde_json::value::RawValue| {
            serde_json::from_str::<SentMessage>(raw.get()).ok().map(|sent| sent.message_id)
        };
        self.api.call("sendMessage", message, number).await
    }

    /// How many pieces of a message were taken by an earlier attempt.
    fn taken(&self, key: (OutboundId, u32)) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied().unwrap_or_default()
    }

    fn note_taken(&self, key: (OutboundId, u32), pieces: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if pieces == 0 {
            taken.remove(&key);
        } else {
            // What is forgotten is sent again from its beginning.
            if taken.len() >= MOST_REMEMBERED {
                taken.clear();
            }
            taken.insert(key, pieces);
        }
    }

    /// The chat's present id.
    fn chat(&self, to: &Address) -> Option<i64> {
        to.path().parse().ok().map(|id| self.chats.present_id(id))
    }
}

impl Gateway for TelegramGateway {
    fn send<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(self.hand_over(request))
    }

    /// Telegram has no list of what a bot sent.
    fn find<'a>(&'a self, _request: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        Box::pin(std::future::ready(Ok(Found::CannotTell)))
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        codes::find(code).map(|known| known.class)
    }

    fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }

    /// Telegram shows it for five seconds, or until a message comes.
    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        let chat_id = self.chat(notice.to)?;
        Some(Box::pin(async move {
            let action = serde_json::json!({ "chat_id": chat_id, "action": "typing" });
            let _ = self.api.call("sendChatAction", &action, |_| Some(())).await;
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn choices_are_buttons_where_their_ids_fit() {
        let choices = |id: &str| [Choice { id: id.to_owned(), label: "Oui".to_owned() }];
        let yes = choices("oui");
        let message = SendMessage { chat_id: 5, text: "Ça va ?", reply_markup: keyboard(&yes) };
        let keyboard_of_one = json!([[{ "text": "Oui", "callback_data": "oui" }]]);
        assert_eq!(
            serde_json::to_value(&message).unwrap(),
            json!({ "chat_id": 5, "text": "Ça va ?", "reply_markup": { "inline_keyboard": keyboard_of_one } })
        );
        assert!(keyboard(&choices(&"x".repeat(65))).is_none());
    }
}
