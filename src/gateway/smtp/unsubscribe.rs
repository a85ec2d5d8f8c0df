//! Links that end a contact's mails: List-Unsubscribe with one click (RFC 8058).
//!
//! A link carries the mail's id and the recipient's address, and a signature over both. GET shows a page with a button, and
//! changes nothing: mail programs and scanners open links. POST opts the contact out, however often it comes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{CorrelationId, ProviderMessageId};
use palabre_actors::domain::message::{Content, Details, NewInbound, Outbound, ProviderConsent};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::mail;
use super::{MailAccount, MailReceiver, NAME, UNSUBSCRIBE};
use crate::config::Channel;
use crate::digest::{hex, hmac_sha256, one_fits};
use crate::gateway::ReceiverPage;

/// Bytes of the signature that stand in a link: 128 bits cannot be guessed.
const SIGNATURE_BYTES: usize = 16;

/// Makes and checks the links of one channel.
#[derive(Clone)]
pub(super) struct Links {
    /// `https://hooks.example.com/webhooks/smtp/belle-mail/unsubscribe`
    base: String,
    channel: String,
    secret: SecretString,
    /// The one before it: links of older mails are believed as well.
    previous: Option<SecretString>,
}

/// What a link says, once it is believed.
pub(super) struct Unsubscribed {
    pub message: String,
    pub address: Address,
}

impl Links {
    /// `None`: there is no public URL, or nothing to sign with.
    pub fn of(channel: &Channel, account: &MailAccount, public_base_url: Option<&str>) -> Option<Self> {
        let login = account.login.as_ref().map(|login| login.password.clone());
        let secret = account.unsubscribe_secret.clone().or(login)?;
        let base = format!("{}/webhooks/{NAME}/{}/{UNSUBSCRIBE}", public_base_url?, channel.id);
        let previous = account.previous_unsubscribe_secret.clone();
        Some(Self { base, channel: channel.id.to_string(), secret, previous })
    }

    /// The link of a mail.
    pub fn of_message(&self, message: &Outbound, to: &Address) -> String {
        let (id, to) = (mail::id_of(message), URL_SAFE_NO_PAD.encode(to.as_str()));
        format!("{}?m={id}&c={to}&s={}", self.base, self.signature(&self.secret, &id, &to))
    }

    /// Believes a query string, or does not.
    pub fn read(&self, query: &str) -> Option<Unsubscribed> {
        let query = query.split_once('?').map_or(query, |(_, query)| query);
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let (message, to, claimed) = (value("m")?, value("c")?, value("s")?);
        let secrets = std::iter::once(&self.secret).chain(&self.previous);
        let is_genuine = one_fits(secrets, |secret| {
            self.signature(secret, &message, &to).as_bytes().ct_eq(claimed.as_bytes()).into()
        });
        if !is_genuine {
            return None;
        }
        let address = String::from_utf8(URL_SAFE_NO_PAD.decode(&to).ok()?).ok()?;
        let address = Address::parse(Scheme::Mailto, &address, None).ok()?;
        mail::our_id(&message)?;
        Some(Unsubscribed { message, address })
    }

    fn signature(&self, secret: &SecretString, message: &str, to: &str) -> String {
        // What else is signed with the same secret cannot be taken for a link.
        let text = format!("unsubscribe\n{}\n{message}\n{to}\n", self.channel);
        let mac = hmac_sha256(secret.expose_secret().as_bytes(), &[text.as_bytes()]);
        hex(&mac[..SIGNATURE_BYTES])
    }
}

/// Shows no secret.
impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The contact's STOP, which the page has confirmed already. The same mail's link is the same STOP.
pub(super) fn opt_out(
    of: &MailReceiver,
    link: &Unsubscribed,
    correlation: CorrelationId,
    received_at: Timestamp,
) -> NewInbound {
    stop(of, &format!("unsubscribe-{}", link.message), link.address.clone(), correlation, received_at)
}

/// A STOP that came by another way than a message.
pub(super) fn stop(
    of: &MailReceiver,
    id: &str,
    from: Address,
    correlation: CorrelationId,
    received_at: Timestamp,
) -> NewInbound {
    let details = Details { provider_consent: Some(ProviderConsent::Stop), ..Details::default() };
    NewInbound {
        tenant: of.tenant.clone(),
        channel: of.channel.clone(),
        provider_message_id: ProviderMessageId::new(id),
        id_per_chat: false,
        from,
        to: of.address.clone(),
        content: Content { body: String::new(), profile_name: None, details },
        correlation,
        received_at,
        spooled: false,
    }
}

/// What GET shows: a button, because a link that is only opened must change nothing.
pub(super) fn question() -> ReceiverPage {
    let main = "<p>Ne plus recevoir d'e-mails de notre part&nbsp;?<br>Stop receiving our e-mails?</p>\
        <form method=\"post\"><button type=\"submit\">Me désinscrire / Unsubscribe</button></form>";
    page(main)
}

/// What POST shows.
pub(super) fn done() -> ReceiverPage {
    page("<p>C'est fait&nbsp;: vous ne recevrez plus nos e-mails.<br>Done: you will not get our e-mails any more.</p>")
}

fn page(main: &str) -> ReceiverPage {
    ReceiverPage {
        content_type: "text/html; charset=utf-8",
        body: format!(
            "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"robots\" content=\"noindex\"><title>Désinscription / Unsubscribe</title><main>{main}</main></html>"
        ),
    }
}
