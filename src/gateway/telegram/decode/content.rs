//! What a message of Telegram's carries beside its text.

use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::message::{Button, ContactCard, Details, Location, Media};

use super::super::update::{Contact, Degrees, File, Message, TextPart};
use super::{FILE_SCHEME, MAX_DATA_BYTES, MAX_TEXT_BYTES, message_id};
use crate::gateway::lenient::beginning;
use crate::gateway::media::file_name;

pub(super) fn details(message: &Message) -> Details {
    let place = |at: Degrees, label: Option<&str>, postal: Option<&str>| {
        let is_one = at.latitude.abs() <= 90.0 && at.longitude.abs() <= 180.0;
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(kept);
        let (label, address) = (text(label), text(postal));
        is_one.then_some(Location { latitude: at.latitude, longitude: at.longitude, label, address })
    };
    let location = match (&message.venue, message.location) {
        (Some(venue), _) => place(venue.location, Some(&venue.title), Some(&venue.address)),
        (None, Some(at)) => place(at, None, None),
        (None, None) => None,
    };
    Details {
        alias: own_number(message),
        cards: message.contact.as_ref().map(card).into_iter().collect(),
        media: media(message),
        button: message
            .web_app_data
            .as_ref()
            .map(|app| Button { text: kept(&app.button_text), payload: kept(&app.data) }),
        location,
        reply_to: message.reply_to_message.as_ref().map(|quoted| message_id(message.chat.id, quoted.message_id)),
        ..Details::default()
    }
}

/// A text as it is kept: without NUL, and no longer than a message's own may be, whichever field it stands in.
pub(super) fn kept(text: &str) -> String {
    beginning(text, MAX_TEXT_BYTES)
}

/// What a message without a text says: a poll or a checklist line by line, a die, the emoji of a sticker.
pub(super) fn told(message: &Message) -> String {
    let lines = |head: &str, parts: &[TextPart]| {
        let lines = std::iter::once(head).chain(parts.iter().map(|part| part.text.as_str()));
        kept(&lines.collect::<Vec<_>>().join("\n"))
    };
    if let Some(poll) = &message.poll {
        lines(&poll.question, &poll.options)
    } else if let Some(list) = &message.checklist {
        lines(&list.title, &list.tasks)
    } else if let Some(dice) = &message.dice {
        kept(&dice.emoji)
    } else {
        let emoji = message.sticker.as_ref().and_then(|sticker| sticker.emoji.as_deref());
        emoji.map(kept).unwrap_or_default()
    }
}

fn card(contact: &Contact) -> ContactCard {
    let names = [Some(&contact.first_name), contact.last_name.as_ref()];
    let name = names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    ContactCard { name: kept(name.trim()), phones: vec![kept(&contact.phone_number)] }
}

/// The number of whoever shares the card that is their own: Telegram says whose account a card's number has.
fn own_number(message: &Message) -> Option<Address> {
    let (contact, from) = (message.contact.as_ref()?, message.from.as_ref()?);
    if contact.user_id != Some(from.id) || !message.chat.is_private() {
        return None;
    }
    // It may come without its plus.
    let digits = contact.phone_number.trim_start_matches('+');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Address::parse(Scheme::Sms, &format!("+{digits}"), None).ok().filter(Address::is_phone)
}

/// A photo comes in several sizes, the largest last.
fn media(message: &Message) -> Vec<Media> {
    let of = |file: &File, usual: &str| Media {
        url: format!("{FILE_SCHEME}{}", kept(&file.file_id)),
        content_type: kept(file.mime_type.as_deref().unwrap_or(usual)),
        name: file.file_name.as_deref().map(file_name),
    };
    let photo = message.photo.as_ref().and_then(|sizes| sizes.last()).map(|file| of(file, "image/jpeg"));
    // An animation comes as a document as well.
    let document = message.document.as_ref().filter(|_| message.animation.is_none());
    let others = [
        (message.animation.as_ref(), "video/mp4"),
        (document, "application/octet-stream"),
        (message.audio.as_ref(), "audio/mpeg"),
        (message.video.as_ref(), "video/mp4"),
        (message.video_note.as_ref(), "video/mp4"),
        (message.voice.as_ref(), "audio/ogg"),
        (message.sticker.as_ref(), "image/webp"),
    ];
    let others = others.into_iter().filter_map(|(file, usual)| file.map(|file| of(file, usual)));
    photo.into_iter().chain(others).collect()
}

/// Data of a button, or a payload.
pub(super) fn bounded(text: &str) -> String {
    beginning(text, MAX_DATA_BYTES)
}
