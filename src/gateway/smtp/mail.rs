//! Writes a mail: headers, a text part always, an HTML part where there is one.
//!
//! Headers are made by lettre's builder, which encodes what is not plain; control characters are taken out before, so that
//! no text can add a header.

use bytes::Bytes;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address as MailAddress, Message};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::presentation::SentFile;

use super::mailbox::wire;
use super::{ID_PREFIX, MailAccount};

/// The longest subject, in characters: more is shown nowhere.
const LONGEST_SUBJECT: usize = 250;

/// A mail, ready to be handed over.
pub(super) struct Mail {
    pub from: MailAddress,
    pub to: MailAddress,
    pub bytes: Vec<u8>,
}

/// What is written around a message.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub account: &'a MailAccount,
    pub sender: &'a Address,
    /// For List-Unsubscribe; `None`: the mail has none.
    pub unsubscribe: Option<&'a str>,
}

/// Writes a message. `None`: an address cannot be written.
pub(super) fn write(
    envelope: Envelope<'_>,
    message: &Outbound,
    to: &Address,
    (text, files): (&str, &[(&SentFile, Bytes)]),
) -> Option<Mail> {
    let Envelope { account, sender, unsubscribe } = envelope;
    let (from, to) = (wire(sender)?, wire(to)?);
    let domain = from.domain().to_owned();
    let presentation = message.presentation.as_deref();
    let subject = presentation.and_then(|shown| shown.subject.as_deref()).or(account.subject.as_deref());
    let subject = subject.or(account.from_name.as_deref()).unwrap_or_else(|| sender.path());
    let name = account.from_name.as_deref().map(one_line);
    // The root of its conversation: mails of one conversation stand together, whichever of them arrived.
    let root = format!("<{}@{domain}>", message.conversation);
    let mut builder = Message::builder()
        .from(Mailbox::new(name, from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(subject).chars().take(LONGEST_SUBJECT).collect::<String>())
        .message_id(Some(format!("<{}@{domain}>", id_of(message))))
        .in_reply_to(root.clone())
        .references(root)
        .date(message.created_at.into());
    if let Some(reply_to) = account.reply_to.as_ref().and_then(wire) {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    if let Some(link) = unsubscribe {
        builder = builder
            .raw_header(raw("List-Unsubscribe", format!("<{link}>"))?)
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())?);
    }
    if account.webhook_token.is_some() {
        // Brevo gives it back with every event.
        builder = builder.raw_header(raw("X-Mailin-custom", id_of(message))?);
    }
    let text = text.to_owned();
    let html = presentation.and_then(|shown| shown.html.as_deref()).map(str::to_owned);
    let written = match (html, files) {
        (Some(html), []) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        (None, []) => builder.singlepart(SinglePart::plain(text)),
        (html, files) => {
            let mixed = match html {
                Some(html) => MultiPart::mixed().multipart(MultiPart::alternative_plain_html(text, html)),
                None => MultiPart::mixed().singlepart(SinglePart::plain(text)),
            };
            let attached = files.iter().try_fold(mixed, |mixed, (file, bytes)| {
                let kind = ContentType::parse(&file.content_type).ok()?;
                Some(mixed.singlepart(Attachment::new(one_line(&file.name)).body(bytes.to_vec(), kind)))
            });
            builder.multipart(attached?)
        }
    };
    Some(Mail { from, to, bytes: written.ok()?.formatted() })
}

/// Our id of a message, at the provider and before the `@` of its Message-ID: the same for every attempt of a generation.
pub(super) fn id_of(message: &Outbound) -> String {
    let id = message.id.0.simple();
    match message.generation.number {
        0 => format!("{ID_PREFIX}{id}"),
        generation => format!("{ID_PREFIX}{id}.{generation}"),
    }
}

/// The message and the generation of such an id.
pub(super) fn our_id(text: &str) -> Option<(OutboundId, u32)> {
    let rest = text.strip_prefix(ID_PREFIX)?;
    let (id, generation) = rest.split_once('.').unwrap_or((rest, "0"));
    let fits = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = uuid::Uuid::try_parse(id).ok().filter(|_| fits)?;
    Some((OutboundId(id), generation.parse().ok()?))
}

fn raw(name: &'static str, value: String) -> Option<HeaderValue> {
    let name = HeaderName::new_from_ascii(name.to_owned()).ok()?;
    Some(HeaderValue::new(name, value))
}

/// A text as a header holds it: no line breaks, no other control characters.
fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    flat.split_whitespace().collect::<Vec<_>>().join(" ")
}
