//! What a message of Green-API carries, by its `typeMessage`.

use std::borrow::Cow;

use palabre_actors::domain::message::{Button, ContactCard, Details, Location, Media, Notice};
use serde::Deserialize;

use super::{MAX_TEXT_BYTES, message_id};
use crate::gateway::lenient::{List, Object, Text, without_nul};
use crate::gateway::media::file_name;

/// The most cards that are kept of one message.
const MAX_CARDS: usize = 32;

/// The most lines of a poll: WhatsApp allows twelve answers.
const MAX_LINES: usize = 32;

/// What Green-API writes instead of a text that it could not read.
const PLACEHOLDERS: [&str; 4] = ["{{SWE001}}", "{{SWE002}}", "{{SWE003}}", "{{SWE004}}"];

/// `messageData`
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MessageData<'a> {
    #[serde(borrow, rename = "typeMessage")]
    kind: Text<'a>,
    #[serde(borrow, rename = "textMessageData")]
    text: Object<TextData<'a>>,
    #[serde(borrow, rename = "extendedTextMessageData")]
    extended: Object<TextData<'a>>,
    #[serde(borrow, rename = "quotedMessage")]
    quoted: Object<Quoted<'a>>,
    #[serde(borrow, rename = "fileMessageData")]
    file: Object<FileData<'a>>,
    #[serde(borrow, rename = "locationMessageData")]
    location: Object<LocationData<'a>>,
    #[serde(borrow, rename = "contactMessageData")]
    contact: Object<CardData<'a>>,
    #[serde(borrow, rename = "messageData")]
    contacts: Object<CardList<'a>>,
    #[serde(borrow, rename = "contactsArrayMessageData")]
    contacts_array: Object<CardList<'a>>,
    #[serde(borrow, rename = "buttonsResponseMessage")]
    button: Object<ButtonData<'a>>,
    #[serde(borrow, rename = "templateButtonReplyMessage")]
    template_button: Object<ButtonData<'a>>,
    #[serde(borrow, rename = "interactiveButtonsResponse")]
    interactive: Object<ButtonData<'a>>,
    /// What another business sends with buttons or a list.
    #[serde(borrow, rename = "interactiveButtons", alias = "interactiveButtonsReply")]
    with_buttons: Object<ShownData<'a>>,
    #[serde(borrow, rename = "buttonsMessage", alias = "templateMessage", alias = "listMessage")]
    with_list: Object<ShownData<'a>>,
    #[serde(borrow, rename = "pollMessageData")]
    poll: Object<PollData<'a>>,
    #[serde(borrow, rename = "listResponseMessage")]
    list: Object<ListData<'a>>,
    #[serde(borrow, rename = "editedMessageData")]
    edited: Object<EditedData<'a>>,
    #[serde(borrow, rename = "deletedMessageData")]
    deleted: Object<EditedData<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TextData<'a> {
    #[serde(borrow, rename = "textMessage")]
    text: Text<'a>,
    /// The same of an extended text.
    #[serde(borrow, rename = "text")]
    extended: Text<'a>,
    /// What a reaction is to.
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Quoted<'a> {
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FileData<'a> {
    #[serde(borrow, rename = "downloadUrl")]
    url: Text<'a>,
    #[serde(borrow)]
    caption: Text<'a>,
    #[serde(borrow, rename = "mimeType")]
    mime_type: Text<'a>,
    #[serde(borrow, rename = "fileName")]
    name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LocationData<'a> {
    #[serde(borrow, rename = "nameLocation")]
    name: Text<'a>,
    #[serde(borrow)]
    address: Text<'a>,
    #[serde(borrow)]
    latitude: Text<'a>,
    #[serde(borrow)]
    longitude: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CardData<'a> {
    #[serde(borrow, rename = "displayName")]
    name: Text<'a>,
    #[serde(borrow)]
    vcard: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CardList<'a> {
    #[serde(borrow)]
    contacts: List<Object<CardData<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ButtonData<'a> {
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
    #[serde(borrow, rename = "selectedButtonId", alias = "selectedId")]
    id: Text<'a>,
    #[serde(borrow, rename = "selectedButtonText", alias = "selectedDisplayText")]
    text: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ShownData<'a> {
    #[serde(borrow, rename = "contentText")]
    text: Text<'a>,
}

/// A poll, or the votes of one.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PollData<'a> {
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    options: List<Object<PollOption<'a>>>,
    #[serde(borrow)]
    votes: List<Object<PollOption<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PollOption<'a> {
    #[serde(borrow, rename = "optionName")]
    name: Text<'a>,
    #[serde(borrow, rename = "optionVoters")]
    voters: List<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListData<'a> {
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow, rename = "singleSelectReply")]
    single: Object<RowData<'a>>,
    /// Where it stands flat.
    #[serde(borrow, rename = "selectedRowId")]
    row: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RowData<'a> {
    #[serde(borrow, rename = "selectedRowId")]
    row: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EditedData<'a> {
    #[serde(borrow, rename = "textMessage")]
    text: Text<'a>,
    #[serde(borrow)]
    caption: Text<'a>,
    #[serde(borrow, rename = "stanzaId")]
    stanza: Text<'a>,
}

impl MessageData<'_> {
    /// Text and everything else; `names` are those of whoever wrote. A type that did not exist when this was written is kept as
    /// unreadable.
    pub(super) fn content(&self, names: [&str; 2]) -> (String, Details) {
        let kind = self.kind.or_empty();
        if let Some(notice) = self.notice(kind) {
            return notice;
        }
        let mut details = Details { reply_to: self.reply_to(), ..Details::default() };
        let mut text = Cow::Borrowed(self.text());
        match kind {
            "imageMessage" | "videoMessage" | "documentMessage" | "audioMessage" | "stickerMessage" => {
                if let Some(file) = self.file.get() {
                    text = file.caption.or_empty().into();
                    details.media = media(file);
                }
            }
            "locationMessage" | "liveLocationMessage" => details.location = self.location.get().and_then(location),
            "contactMessage" => details.cards = self.contact.get().map(card).into_iter().collect(),
            "contactsArrayMessage" => details.cards = self.cards(),
            "listResponseMessage" => details.button = self.list.get().map(row),
            "pollMessage" => text = self.poll.get().map(asked).unwrap_or_default().into(),
            "pollUpdateMessage" => text = self.poll.get().map(|poll| voted(poll, names)).unwrap_or_default().into(),
            _ => details.button = self.pressed().map(pressed),
        }
        let is_placeholder = PLACEHOLDERS.contains(&text.trim());
        let text = if is_placeholder { String::new() } else { shortened(&text) };
        let bare = Details { reply_to: details.reply_to.clone(), ..Details::default() };
        if is_placeholder || (text.is_empty() && details == bare) {
            details.notice = Some(Notice::Unreadable);
        }
        (text, details)
    }

    /// Reactions, edits and deletions.
    fn notice(&self, kind: &str) -> Option<(String, Details)> {
        let (text, notice) = match kind {
            "reactionMessage" => {
                let stanza = |of: &TextData<'_>| message_id(of.stanza.or_empty());
                let to = self.reply_to().or_else(|| self.extended.get().and_then(stanza))?;
                let emoji = self.text().chars().filter(|c| !c.is_control()).take(16).collect();
                (String::new(), Notice::Reaction { to, emoji })
            }
            "editedMessage" => {
                let edited = self.edited.get()?;
                let text = edited.text.get().or_else(|| edited.caption.get()).unwrap_or_default();
                (shortened(text), Notice::Edit { of: message_id(edited.stanza.or_empty())? })
            }
            "deletedMessage" => {
                let of = message_id(self.deleted.get()?.stanza.or_empty())?;
                (String::new(), Notice::Deletion { of })
            }
            _ => return None,
        };
        Some((text, Details { notice: Some(notice), ..Details::default() }))
    }

    /// The text, wherever it stands.
    fn text(&self) -> &str {
        let of = |data: &'_ Object<TextData<'_>>| data.get().is_some();
        let data = if of(&self.text) { self.text.get() } else { self.extended.get() };
        let shown = || self.with_buttons.get().or_else(|| self.with_list.get())?.text.get();
        data.and_then(|data| data.text.get().or_else(|| data.extended.get())).or_else(shown).unwrap_or_default()
    }

    fn reply_to(&self) -> Option<palabre_actors::domain::ids::ProviderMessageId> {
        let quoted = self.quoted.get().map(|quoted| quoted.stanza.or_empty());
        let pressed = self.pressed().map(|button| button.stanza.or_empty());
        let listed = self.list.get().map(|list| list.stanza.or_empty());
        let polled = self.poll.get().map(|poll| poll.stanza.or_empty());
        quoted.or(pressed).or(listed).or(polled).and_then(message_id)
    }

    fn pressed(&self) -> Option<&ButtonData<'_>> {
        let own = self.button.get().or_else(|| self.template_button.get()).or_else(|| self.interactive.get());
        own.filter(|button| button.text.get().is_some() || button.id.get().is_some())
    }

    fn cards(&self) -> Vec<ContactCard> {
        let list = self.contacts.get().or_else(|| self.contacts_array.get());
        let cards = list.map(|list| list.contacts.as_slice()).unwrap_or_default();
        cards.iter().filter_map(Object::get).map(card).take(MAX_CARDS).collect()
    }
}

/// The question of a poll, and a line for each answer.
fn asked(poll: &PollData<'_>) -> String {
    let options = poll.options.as_slice().iter().filter_map(|option| option.get()?.name.get());
    let lines: Vec<&str> = poll.name.get().into_iter().chain(options).take(MAX_LINES).collect();
    lines.join("\n")
}

/// The answers for which whoever wrote has voted: Green-API tells all votes each time.
fn voted(poll: &PollData<'_>, names: [&str; 2]) -> String {
    let is_theirs = |voter: &Text<'_>| voter.get().is_some_and(|voter| names.contains(&voter));
    let votes = poll.votes.as_slice().iter().filter_map(Object::get);
    let theirs = votes.filter(|vote| vote.voters.as_slice().iter().any(is_theirs));
    theirs.filter_map(|vote| vote.name.get()).take(MAX_LINES).collect::<Vec<_>>().join("\n")
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    without_nul(text.get(..end).unwrap_or_default())
}

fn media(file: &FileData<'_>) -> Vec<Media> {
    let name = file.name.get().map(file_name);
    let content_type = file.mime_type.owned().unwrap_or_default();
    file.url.owned().map(|url| Media { url, content_type, name }).into_iter().collect()
}

fn location(data: &LocationData<'_>) -> Option<Location> {
    let degrees = |text: &Text<'_>, most: f64| text.get()?.parse().ok().filter(|value: &f64| value.abs() <= most);
    Some(Location {
        latitude: degrees(&data.latitude, 90.0)?,
        longitude: degrees(&data.longitude, 180.0)?,
        label: data.name.owned(),
        address: data.address.owned(),
    })
}

fn pressed(button: &ButtonData<'_>) -> Button {
    Button { text: button.text.owned().unwrap_or_default(), payload: button.id.owned().unwrap_or_default() }
}

fn row(list: &ListData<'_>) -> Button {
    let row = list.single.get().and_then(|single| single.row.owned()).or_else(|| list.row.owned());
    Button { text: list.title.owned().unwrap_or_default(), payload: row.unwrap_or_default() }
}

fn card(data: &CardData<'_>) -> ContactCard {
    let read = ContactCard::of_vcards(data.vcard.or_empty()).into_iter().next();
    let (written, phones) = read.map(|card| (card.name, card.phones)).unwrap_or_default();
    ContactCard { name: data.name.owned().unwrap_or(written), phones }
}
