//! What a message of the Cloud API carries, by its `type`.

use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::message::{Button, ContactCard, Details, Location, Media, Notice};
use serde::Deserialize;

use super::{MAX_TEXT_BYTES, message_id, phone, scoped};
use crate::gateway::lenient::{List, Object, Text, beginning};
use crate::gateway::media::file_name;

/// The most cards, and numbers of a card, that are kept of one message.
const MAX_CARDS: usize = 32;
const MAX_PHONES: usize = 8;

/// The longest answers of a form that are kept.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The most lines of an order that are kept.
const MAX_ITEMS: usize = 50;

/// An element of `messages` or `message_echoes`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MessageData<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) from: Text<'a>,
    #[serde(borrow)]
    pub(super) from_user_id: Text<'a>,
    /// Of an echo.
    #[serde(borrow)]
    pub(super) to: Text<'a>,
    #[serde(borrow)]
    pub(super) to_user_id: Text<'a>,
    #[serde(borrow)]
    pub(super) group_id: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    context: Object<Reference<'a>>,
    #[serde(borrow)]
    text: Object<Body<'a>>,
    #[serde(borrow)]
    image: Object<File<'a>>,
    #[serde(borrow)]
    video: Object<File<'a>>,
    #[serde(borrow)]
    audio: Object<File<'a>>,
    #[serde(borrow)]
    document: Object<File<'a>>,
    #[serde(borrow)]
    sticker: Object<File<'a>>,
    #[serde(borrow)]
    location: Object<Place<'a>>,
    #[serde(borrow)]
    contacts: List<Object<Card<'a>>>,
    /// Of the cards, where it stands beside them.
    #[serde(borrow)]
    origin: Text<'a>,
    #[serde(borrow)]
    interactive: Object<Interactive<'a>>,
    #[serde(borrow)]
    button: Object<Pressed<'a>>,
    #[serde(borrow)]
    reaction: Object<Reaction<'a>>,
    #[serde(borrow)]
    order: Object<Order<'a>>,
    #[serde(borrow)]
    system: Object<System<'a>>,
    #[serde(borrow)]
    edit: Object<Edit<'a>>,
    #[serde(borrow)]
    revoke: Object<Edit<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference<'a> {
    #[serde(borrow, alias = "message_id")]
    id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    body: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    mime_type: Text<'a>,
    #[serde(borrow)]
    caption: Text<'a>,
    #[serde(borrow)]
    filename: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Place<'a> {
    #[serde(borrow)]
    latitude: Text<'a>,
    #[serde(borrow)]
    longitude: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    address: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Card<'a> {
    /// `contact_request`: they were asked for their own number, and gave it. `other`: a card that they sent by themselves.
    #[serde(borrow)]
    origin: Text<'a>,
    #[serde(borrow)]
    vcard: Text<'a>,
    #[serde(borrow)]
    name: Object<CardName<'a>>,
    #[serde(borrow)]
    phones: List<Object<CardPhone<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CardName<'a> {
    #[serde(borrow)]
    formatted_name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CardPhone<'a> {
    #[serde(borrow)]
    phone: Text<'a>,
    #[serde(borrow)]
    wa_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Interactive<'a> {
    #[serde(borrow)]
    button_reply: Object<Chosen<'a>>,
    #[serde(borrow)]
    list_reply: Object<Chosen<'a>>,
    /// The answers of a form.
    #[serde(borrow)]
    nfm_reply: Object<FormReply<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Chosen<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    title: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FormReply<'a> {
    #[serde(borrow)]
    body: Text<'a>,
    #[serde(borrow)]
    response_json: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pressed<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    payload: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reaction<'a> {
    #[serde(borrow)]
    message_id: Text<'a>,
    #[serde(borrow)]
    emoji: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Order<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    product_items: List<Object<Item<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow)]
    product_retailer_id: Text<'a>,
    #[serde(borrow)]
    quantity: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct System<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    /// The new number; called so in older versions of the API as well.
    #[serde(borrow)]
    wa_id: Text<'a>,
    #[serde(borrow)]
    new_wa_id: Text<'a>,
    /// The new id.
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    previous_user_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Edit<'a> {
    #[serde(borrow)]
    original_message_id: Text<'a>,
    #[serde(borrow)]
    message: Object<Edited<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Edited<'a> {
    #[serde(borrow)]
    text: Object<Body<'a>>,
}

impl MessageData<'_> {
    /// The address before and after, of a message that tells of a change.
    pub(super) fn changed_address(&self) -> Option<(Option<Address>, Option<Address>)> {
        let system = self.system.get().filter(|_| self.kind.or_empty() == "system")?;
        if !matches!(system.kind.or_empty(), "user_changed_number" | "customer_changed_number" | "user_changed_user_id")
        {
            return None;
        }
        let before = phone(self.from.or_empty())
            .or_else(|| scoped(system.previous_user_id.or_empty()))
            .or_else(|| scoped(self.from_user_id.or_empty()));
        let after = phone(system.wa_id.or_empty())
            .or_else(|| phone(system.new_wa_id.or_empty()))
            .filter(|after| Some(after) != before.as_ref())
            .or_else(|| scoped(system.user_id.or_empty()));
        Some((before, after))
    }

    /// The number of whoever was asked for it by the button of Meta's: the provider's word. A card that somebody sends by
    /// themselves is what they wrote on it, and may name anybody.
    pub(super) fn own_number(&self) -> Option<Address> {
        let card = self.contacts.as_slice().first().filter(|_| self.kind.or_empty() == "contacts")?.get()?;
        if ![card.origin.or_empty(), self.origin.or_empty()].contains(&"contact_request") {
            return None;
        }
        card.phones.as_slice().iter().filter_map(Object::get).find_map(|of| {
            let written = || Address::parse(Scheme::Whatsapp, of.phone.get()?, None).ok().filter(Address::is_phone);
            phone(of.wa_id.or_empty()).or_else(written)
        })
    }

    /// Text and everything else. A type that did not exist when this was written is kept as unreadable.
    pub(super) fn content(&self, api_base_url: &str) -> (String, Details) {
        let mut details = Details::default();
        let mut text = String::new();
        let kind = self.kind.or_empty();
        match kind {
            "text" => text = self.text.get().map(|text| shortened(text.body.or_empty())).unwrap_or_default(),
            "image" | "video" | "audio" | "document" | "sticker" => {
                let files = [&self.image, &self.video, &self.audio, &self.document, &self.sticker];
                if let Some(file) = files.into_iter().find_map(Object::get) {
                    text = shortened(file.caption.or_empty());
                    details.media = media(file, api_base_url).into_iter().collect();
                }
            }
            "location" => details.location = self.location.get().and_then(location),
            "contacts" => {
                let cards = self.contacts.as_slice().iter().filter_map(Object::get);
                details.cards = cards.map(card).take(MAX_CARDS).collect();
            }
            "interactive" => {
                details.button = self.interactive.get().and_then(chosen);
                let form = self.interactive.get().and_then(|of| of.nfm_reply.get()?.response_json.owned());
                details.form = form.filter(|form| form.len() <= MAX_FORM_BYTES);
            }
            "button" => {
                details.button = self.button.get().map(|pressed| button(&pressed.text, &pressed.payload));
            }
            "order" => text = self.order.get().map(order).unwrap_or_default(),
            "reaction" | "edit" | "revoke" | "system" => {
                (text, details.notice) = self.notice(kind);
                return (text, details);
            }
            _ => {}
        }
        let is_empty = text.is_empty() && details.is_empty();
        details.notice = is_empty.then_some(Notice::Unreadable);
        details.reply_to = self.context.get().and_then(|context| message_id(context.id.or_empty()));
        (text, details)
    }

    fn notice(&self, kind: &str) -> (String, Option<Notice>) {
        let original = |edit: &Edit<'_>| message_id(edit.original_message_id.or_empty());
        let (text, notice) = match kind {
            "reaction" => (String::new(), self.reaction.get().and_then(reaction)),
            "edit" => {
                let edited =
                    self.edit.get().and_then(|edit| edit.message.get()?.text.get()).or_else(|| self.text.get());
                let of = self.edit.get().and_then(original);
                (
                    edited.map(|text| shortened(text.body.or_empty())).unwrap_or_default(),
                    of.map(|of| Notice::Edit { of }),
                )
            }
            "revoke" => (String::new(), self.revoke.get().and_then(original).map(|of| Notice::Deletion { of })),
            _ => (String::new(), self.changed_address().map(|_| Notice::AddressChanged)),
        };
        (text, notice.or(Some(Notice::Unreadable)))
    }
}

fn shortened(text: &str) -> String {
    beginning(text, MAX_TEXT_BYTES)
}

/// A file is named by its id: `GET {api}/{id}` tells where it is, for five minutes.
fn media(file: &File<'_>, api_base_url: &str) -> Option<Media> {
    let id = file.id.get().filter(|id| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let url = format!("{api_base_url}/{id}");
    let name = file.filename.get().map(file_name);
    Some(Media { url, content_type: file.mime_type.owned().unwrap_or_default(), name })
}

fn location(place: &Place<'_>) -> Option<Location> {
    let degrees = |text: &Text<'_>, most: f64| text.get()?.parse().ok().filter(|value: &f64| value.abs() <= most);
    Some(Location {
        latitude: degrees(&place.latitude, 90.0)?,
        longitude: degrees(&place.longitude, 180.0)?,
        label: place.name.owned(),
        address: place.address.owned(),
    })
}

fn card(card: &Card<'_>) -> ContactCard {
    let read = ContactCard::of_vcards(card.vcard.or_empty()).into_iter().next();
    let (written, on_it) = read.map(|card| (card.name, card.phones)).unwrap_or_default();
    let name = card.name.get().and_then(|name| name.formatted_name.owned()).unwrap_or(written);
    let phones = card.phones.as_slice().iter().filter_map(Object::get);
    let phones = phones.filter_map(|of| of.phone.owned().or_else(|| of.wa_id.owned()));
    let phones: Vec<String> = phones.take(MAX_PHONES).collect();
    ContactCard { name, phones: if phones.is_empty() { on_it } else { phones } }
}

fn button(text: &Text<'_>, payload: &Text<'_>) -> Button {
    Button { text: text.owned().unwrap_or_default(), payload: payload.owned().unwrap_or_default() }
}

fn chosen(interactive: &Interactive<'_>) -> Option<Button> {
    let chosen = interactive.button_reply.get().or_else(|| interactive.list_reply.get());
    let form = || interactive.nfm_reply.get().map(|reply| button(&reply.body, &reply.response_json));
    chosen.map(|chosen| button(&chosen.title, &chosen.id)).or_else(form)
}

fn reaction(reaction: &Reaction<'_>) -> Option<Notice> {
    let to = message_id(reaction.message_id.or_empty())?;
    let emoji = reaction.emoji.or_empty().chars().filter(|c| !c.is_control()).take(16).collect();
    Some(Notice::Reaction { to, emoji })
}

/// What the customer wrote with it, and a line for each article: `2 × SKU-1`.
fn order(order: &Order<'_>) -> String {
    let items = order.product_items.as_slice().iter().filter_map(Object::get).take(MAX_ITEMS);
    let lines = items.map(|item| format!("{} × {}", item.quantity.or_empty(), item.product_retailer_id.or_empty()));
    let lines: Vec<String> = order.text.get().map(str::to_owned).into_iter().chain(lines).collect();
    shortened(&lines.join("\n"))
}
