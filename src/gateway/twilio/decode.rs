//! Decodes a webhook whose signature was verified. Field names: Twilio's "Messaging webhooks" and "WhatsApp" request
//! parameter pages.

use std::borrow::Cow;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, AddressError, HomeCountry, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{
    Button, Content, Details, ListChoice, Location, Media, NewInbound, ProviderConsent,
};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;

use super::form::Form;
use super::sids::{self, sid};
use super::unnamed;
use crate::gateway::Rejection;
use crate::gateway::lenient::{beginning, without_nul};

/// The query parameter of a StatusCallback that carries our own id of the message.
pub const MESSAGE_ID_PARAMETER: &str = "mid";

/// The one that says which life of the message the callback is about; left out for the first.
pub const GENERATION_PARAMETER: &str = "life";

/// The longest text that is taken. Twilio's own limit is 1,600 characters for SMS and 4,096 for WhatsApp.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// What is wrong with a webhook that cannot be read; none of it repeats what came.
pub(super) const NO_MESSAGE_SID: &str = "`MessageSid` is missing, or is not two letters and 32 hexadecimal digits";
pub(super) const NOT_WHOLE: &str =
    "an id or a count has another parameter's text in it: names and values are not those that Twilio sends";
pub(super) const NO_FROM: &str = "`From` is missing, or is an address of another product";
pub(super) const NO_TO: &str = "`To` is missing, or is no address of a channel of this kind";
pub(super) const NO_STATUS: &str = "`MessageStatus` is missing";

/// The longest answers of a form that are kept.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The most attachments that are taken; Twilio allows ten.
const MAX_MEDIA: usize = 32;

/// Whose webhook is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a ChannelId,
    pub scheme: Scheme,
    /// The channel's own address, and how Twilio writes it.
    pub own: (&'a Address, &'a str),
    /// The channel's own account.
    pub account_sid: &'a str,
}

impl Reader<'_> {
    /// An inbound message.
    pub fn message(
        &self,
        form: &Form,
        correlation: CorrelationId,
        received_at: Timestamp,
    ) -> Result<NewInbound, Rejection> {
        let fields = Fields::of(form);
        let sid = fields.message_sid().ok_or(Rejection::Malformed(NO_MESSAGE_SID))?;
        if !sids::is_whole(form) {
            return Err(Rejection::Malformed(NOT_WHOLE));
        }
        let from = fields.from.and_then(|text| sender(self.scheme, text, fields.from_country));
        let from = from.ok_or(Rejection::Malformed(NO_FROM))?;
        let to = fields.to.and_then(|text| self.own_address(text)).ok_or(Rejection::Malformed(NO_TO))?;
        if to != *self.own.0 || fields.account_sid.is_some_and(|account| account != self.account_sid) {
            return Err(Rejection::NotOurs);
        }
        let body = fields.body.unwrap_or_default();
        let mut details = fields.details(form, self.scheme, &from);
        if body.len() > MAX_BODY_BYTES {
            details.other.insert("BodyCut".to_owned(), "true".to_owned());
        }
        Ok(NewInbound {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            provider_message_id: sid,
            id_per_chat: false,
            from,
            to,
            content: Content {
                body: beginning(body, MAX_BODY_BYTES),
                profile_name: some_text(fields.profile_name),
                details,
            },
            correlation,
            received_at,
            spooled: false,
        })
    }

    /// A status callback. `None`: a status that says nothing about a message of ours.
    pub fn status(&self, form: &Form, query: &str, at: Timestamp) -> Result<Option<StatusUpdate>, Rejection> {
        let fields = Fields::of(form);
        let sid = fields.message_sid().ok_or(Rejection::Malformed(NO_MESSAGE_SID))?;
        if !sids::is_whole(form) {
            return Err(Rejection::Malformed(NOT_WHOLE));
        }
        let word = fields.message_status.or(fields.sms_status).ok_or(Rejection::Malformed(NO_STATUS))?;
        Ok(delivery_status(word).map(|status| StatusUpdate {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            scheme: self.scheme,
            id: message_id(query),
            generation: generation(query),
            provider_message_id: sid,
            status,
            code: fields.error_code.and_then(error_code),
            failure: None,
            pricing: None,
            at,
        }))
    }

    fn own_address(&self, text: &str) -> Option<Address> {
        let (address, wire) = self.own;
        if text == wire { Some(address.clone()) } else { normalise(self.scheme, text, None) }
    }
}

/// Whether a form is the status of a message of ours rather than a message.
pub(super) fn is_status(form: &Form) -> bool {
    form.get("MessageStatus").is_some_and(|word| delivery_status(word).is_some())
}

/// The parameters that are read, found in one pass.
#[derive(Default)]
struct Fields<'a> {
    message_sid: Option<&'a str>,
    sms_sid: Option<&'a str>,
    account_sid: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    body: Option<&'a str>,
    num_media: Option<&'a str>,
    profile_name: Option<&'a str>,
    button_text: Option<&'a str>,
    button_payload: Option<&'a str>,
    latitude: Option<&'a str>,
    longitude: Option<&'a str>,
    address: Option<&'a str>,
    label: Option<&'a str>,
    original_replied_message_sid: Option<&'a str>,
    from_country: Option<&'a str>,
    opt_out_type: Option<&'a str>,
    list_id: Option<&'a str>,
    list_title: Option<&'a str>,
    interactive_data: Option<&'a str>,
    external_user_id: Option<&'a str>,
    message_status: Option<&'a str>,
    sms_status: Option<&'a str>,
    error_code: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn of(form: &'a Form) -> Self {
        let mut fields = Self::default();
        for (key, value) in form.pairs() {
            let field = match key {
                "MessageSid" => &mut fields.message_sid,
                "SmsSid" | "SmsMessageSid" => &mut fields.sms_sid,
                "AccountSid" => &mut fields.account_sid,
                "From" => &mut fields.from,
                "To" => &mut fields.to,
                "Body" => &mut fields.body,
                "NumMedia" => &mut fields.num_media,
                "ProfileName" => &mut fields.profile_name,
                "ButtonText" => &mut fields.button_text,
                "ButtonPayload" => &mut fields.button_payload,
                "Latitude" => &mut fields.latitude,
                "Longitude" => &mut fields.longitude,
                "Address" => &mut fields.address,
                "Label" => &mut fields.label,
                "OriginalRepliedMessageSid" => &mut fields.original_replied_message_sid,
                "FromCountry" => &mut fields.from_country,
                "OptOutType" => &mut fields.opt_out_type,
                "ListId" => &mut fields.list_id,
                "ListTitle" => &mut fields.list_title,
                "InteractiveData" => &mut fields.interactive_data,
                "ExternalUserId" => &mut fields.external_user_id,
                "MessageStatus" => &mut fields.message_status,
                "SmsStatus" => &mut fields.sms_status,
                "ErrorCode" => &mut fields.error_code,
                _ => continue,
            };
            if field.is_none() && !value.is_empty() {
                *field = Some(value);
            }
        }
        fields
    }

    fn message_sid(&self) -> Option<ProviderMessageId> {
        self.message_sid.or(self.sms_sid).and_then(sid)
    }

    fn details(&self, form: &Form, scheme: Scheme, from: &Address) -> Details {
        let button = (self.button_text.is_some() || self.button_payload.is_some()).then(|| Button {
            text: without_nul(self.button_text.unwrap_or_default()),
            payload: without_nul(self.button_payload.unwrap_or_default()),
        });
        let alias = self.external_user_id.and_then(|text| normalise(scheme, text, None));
        Details {
            media: self.num_media.map(|count| media(form, count)).unwrap_or_default(),
            button,
            location: self.location(),
            reply_to: self.original_replied_message_sid.and_then(sid),
            alias: alias.filter(|alias| alias != from),
            list_choice: (self.list_id.is_some() || self.list_title.is_some()).then(|| ListChoice {
                id: without_nul(self.list_id.unwrap_or_default()),
                title: without_nul(self.list_title.unwrap_or_default()),
            }),
            form: self.interactive_data.map(|text| beginning(text, MAX_FORM_BYTES)),
            other: unnamed::fields(form),
            provider_consent: self.opt_out_type.and_then(provider_consent),
            ..Details::default()
        }
    }

    fn location(&self) -> Option<Location> {
        let degrees = |text: Option<&str>, most: f64| text?.parse().ok().filter(|value: &f64| value.abs() <= most);
        Some(Location {
            latitude: degrees(self.latitude, 90.0)?,
            longitude: degrees(self.longitude, 180.0)?,
            label: some_text(self.label),
            address: some_text(self.address),
        })
    }
}

/// `MediaUrl0`, `MediaContentType0`, … An attachment without a URL is left out.
fn media(form: &Form, count: &str) -> Vec<Media> {
    let count = count.parse::<usize>().unwrap_or(0).min(MAX_MEDIA);
    let attachment = |nth| {
        let url = form.get(&format!("MediaUrl{nth}")).filter(|url| !url.is_empty())?;
        let content_type = form.get(&format!("MediaContentType{nth}")).unwrap_or_default();
        Some(Media { url: without_nul(url), content_type: without_nul(content_type), name: None })
    };
    (0..count).filter_map(attachment).collect()
}

/// Our words for Twilio's statuses (`message_enum_status` of its OpenAPI description). `None` for those of inbound
/// messages, and for words that did not exist when this was written.
fn delivery_status(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        "queued" | "accepted" | "scheduled" | "sending" | "sent" | "partially_delivered" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "failed" | "undelivered" | "canceled" => DeliveryStatus::Failed,
        _ => return None,
    })
}

/// `OptOutType` of Advanced Opt-Out: Twilio answered the contact already.
fn provider_consent(word: &str) -> Option<ProviderConsent> {
    [("STOP", ProviderConsent::Stop), ("START", ProviderConsent::Start), ("HELP", ProviderConsent::Help)]
        .into_iter()
        .find_map(|(known, consent)| word.eq_ignore_ascii_case(known).then_some(consent))
}

/// Twilio's codes are numbers; anything else is not repeated.
fn error_code(text: &str) -> Option<String> {
    let number = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) && text != "0";
    number.then(|| text.to_owned())
}

/// Our id from the query string (`…?mid=…`).
fn message_id(query: &str) -> Option<OutboundId> {
    parameter(query, MESSAGE_ID_PARAMETER)?.parse().ok()
}

/// The life of the message (`…?mid=…&life=…`); a callback of ours that names none is about the first.
fn generation(query: &str) -> Option<u32> {
    message_id(query)?;
    parameter(query, GENERATION_PARAMETER).map_or(Some(0), |generation| generation.parse().ok())
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    let query = query.split_once('?').map_or(query, |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
}

fn some_text(text: Option<&str>) -> Option<String> {
    text.map(without_nul)
}

/// Who wrote. Twilio vouches for the message, so that a sender in no form that we know is kept all the same, unless it is an
/// address of the other product.
fn sender(scheme: Scheme, text: &str, country: Option<&str>) -> Option<Address> {
    normalise(scheme, text, country).or_else(|| {
        let is_ours = Address::parse(scheme, text, None).is_err();
        is_ours.then(|| Address::unusual(scheme, text.strip_prefix("whatsapp:").unwrap_or(text))).flatten()
    })
}

/// The address that Twilio wrote, normalised. `country` (`FromCountry`) helps with a number without a `+`, which Twilio does
/// not send today; where it does not, its digits begin with the country's code. An address of the other product means that a
/// webhook is set to the wrong channel.
fn normalise(scheme: Scheme, text: &str, country: Option<&str>) -> Option<Address> {
    let address = Address::parse(scheme, text, None).or_else(|error| {
        if error != AddressError::CountryUnknown {
            return Err(error);
        }
        let home = country.and_then(HomeCountry::of_code);
        Address::parse(scheme, text, home).or_else(|_| {
            let digits = text.rsplit_once(':').map_or(text, |(_, digits)| digits);
            Address::parse(scheme, &format!("+{}", digits.trim()), None)
        })
    });
    address.ok().filter(|address| address.scheme() == scheme)
}
