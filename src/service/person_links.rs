//! Signed links by which a contact shows that another address is theirs: one opens a bot, the other a page with a button.
//!
//! A link for a bot goes to the contact on a channel where they are known; who opens the bot by it is that contact. A link for a
//! page goes by e-mail, to the address that is to be theirs: whoever reads the mail confirms. Nothing is stored of a link, so
//! what it carries says for whom it is and until when; it gives one address of its kind, however often it is opened.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::{ChannelId, ContactId, CorrelationId, TenantId};
use palabre_actors::domain::person_link::PERSON_LINK;
use palabre_actors::domain::rules::Language;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::permissions::Permission::ContactWrite;
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::{Channel, TenantDirectory};
use crate::digest::hmac_sha256;
use crate::gateway;
use crate::media::{MediaStorage, StorageError};
use crate::store::operator::{Linked, Operator};

/// How long a link holds.
const LASTS: TimeDelta = TimeDelta::days(2);
/// Bytes of a contact's id, of the time until which a link holds, and of its signature: 128 bits cannot be guessed. With its
/// prefix a link for a bot has 51 characters; bots take 64 of `A-Z a-z 0-9 _ -`.
const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 4;
const SIGNATURE_BYTES: usize = 16;

/// Makes links, and takes them. Clones share it.
#[derive(Clone, Debug)]
pub struct PersonLinks {
    store: Operator,
    /// Where the key is: with the files, so that all nodes have the same.
    storage: MediaStorage,
    tenants: TenantDirectory,
    /// Where people find us, without a trailing slash.
    public_base_url: Option<String>,
}

/// Where the contact is to show that they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTo {
    /// A channel that links open: a bot.
    Channel(ChannelId),
    /// The mailbox that gets the link of a page.
    Mailbox(Address),
}

/// A link that was made. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonLink {
    pub url: String,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for PersonLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What a page asks.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonQuestion {
    /// The name of the tenant that asks.
    pub tenant: String,
    pub language: Language,
    /// The address that is to be theirs, and those that they have, masked.
    pub mailbox: String,
    pub known: Vec<String>,
}

impl std::fmt::Debug for PersonQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonQuestion").finish_non_exhaustive()
    }
}

/// What a link says, once it is believed.
struct Claim {
    contact: ContactId,
    /// Of a page: the mailbox. Empty: a bot's.
    mailbox: Option<Address>,
}

/// What a link opens.
#[derive(Clone, Copy)]
enum Opens {
    Bot,
    Page,
}

impl Opens {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Page => "page",
        }
    }
}

impl PersonLinks {
    #[must_use]
    pub const fn new(
        store: Operator,
        storage: MediaStorage,
        tenants: TenantDirectory,
        public_base_url: Option<String>,
    ) -> Self {
        Self { store, storage, tenants, public_base_url }
    }

    /// Channels of a tenant that such links open.
    #[must_use]
    pub fn channels(&self, tenant: &TenantId) -> Vec<Channel> {
        let tenant = self.tenants.get(tenant);
        let channels = tenant.iter().flat_map(|tenant| &tenant.channels);
        channels.filter(|channel| start_link(channel, "").is_some()).cloned().collect()
    }

    /// Whether people outside find the page that the other links open.
    #[must_use]
    pub const fn has_pages(&self) -> bool {
        self.public_base_url.is_some()
    }

    /// Makes a link for a contact.
    ///
    /// # Errors
    /// [`ServiceError`]: `NotValid` when there is nothing that such a link could open.
    pub async fn make(
        &self,
        caller: &Caller,
        contact: ContactId,
        to: &LinkTo,
        now: Timestamp,
    ) -> Result<PersonLink, ServiceError> {
        caller.require(ContactWrite)?;
        let contact = self.store.contact(&caller.tenants, contact).await?.ok_or(ServiceError::NotFound("contact"))?;
        let (tenant, expires_at) = (&contact.tenant, now + LASTS);
        let not_valid = |field, reason: &str| ServiceError::NotValid { field, reason: reason.to_owned() };
        let url = match to {
            LinkTo::Channel(id) => {
                let channel = self.tenants.channel(tenant, id).ok_or(ServiceError::NotFound("channel"))?;
                let token = self.token(Opens::Bot, tenant, (contact.id, expires_at), None).await?;
                start_link(&channel, &token).ok_or_else(|| {
                    not_valid(
                        "channel",
                        "no link opens this channel: it must be a bot whose `username` is written down",
                    )
                })?
            }
            LinkTo::Mailbox(mailbox) => {
                if mailbox.scheme() != Scheme::Mailto {
                    return Err(not_valid("to", "a link of a page goes by e-mail: write `mailto:…`"));
                }
                let base = self.public_base_url.as_deref();
                let base =
                    base.ok_or_else(|| not_valid("to", "nobody outside finds the page: set http.public_base_url"))?;
                let token = self.token(Opens::Page, tenant, (contact.id, expires_at), Some(mailbox)).await?;
                format!("{base}/same-person/{tenant}/{token}")
            }
        };
        audit::note(caller, &self.store, tenant, "contact.link", ("contact", &contact.id.to_string())).await?;
        Ok(PersonLink { url, expires_at })
    }

    /// Somebody came to a bot by a link: their address is the contact's now. `None`: the link is not ours, or holds no more.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn came(
        &self,
        tenant: &TenantId,
        payload: &str,
        from: &Address,
        (correlation, now): (CorrelationId, Timestamp),
    ) -> Result<Option<Linked>, ServiceError> {
        let token = payload.strip_prefix(PERSON_LINK).unwrap_or_default();
        let Some(claim) = self.believed(Opens::Bot, tenant, token, now).await? else { return Ok(None) };
        Ok(Some(self.store.link_address(tenant, (claim.contact, from), correlation, now).await?))
    }

    /// What the page of a link asks. `None`: the link is not ours, or holds no more.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn question(
        &self,
        tenant: &TenantId,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<PersonQuestion>, ServiceError> {
        let Some(configured) = self.tenants.get(tenant) else { return Ok(None) };
        let Some(claim) = self.believed(Opens::Page, tenant, token, now).await? else { return Ok(None) };
        let Some(mailbox) = claim.mailbox else { return Ok(None) };
        let contact = self.store.contact(&Tenants::Of(vec![tenant.clone()]), claim.contact).await?;
        // An address's own display is its mask.
        Ok(contact.map(|contact| PersonQuestion {
            tenant: configured.name.clone(),
            language: configured.rules.source().language,
            mailbox: mailbox.to_string(),
            known: contact.addresses.iter().map(ToString::to_string).collect(),
        }))
    }

    /// The mailbox's owner said yes. `None`: the link is not ours, or holds no more.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub async fn confirm(
        &self,
        tenant: &TenantId,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Linked>, ServiceError> {
        let Some(claim) = self.believed(Opens::Page, tenant, token, now).await? else { return Ok(None) };
        let Some(mailbox) = claim.mailbox else { return Ok(None) };
        let linked = self.store.link_address(tenant, (claim.contact, &mailbox), CorrelationId::fresh(), now).await?;
        Ok(Some(linked))
    }

    async fn token(
        &self,
        opens: Opens,
        tenant: &TenantId,
        (contact, until): (ContactId, Timestamp),
        mailbox: Option<&Address>,
    ) -> Result<String, ServiceError> {
        let until = u32::try_from(until.timestamp()).unwrap_or(u32::MAX);
        let path = mailbox.map(Address::path).unwrap_or_default();
        let mut bytes = Vec::with_capacity(ID_BYTES + TIME_BYTES + SIGNATURE_BYTES + path.len());
        bytes.extend_from_slice(contact.0.as_bytes());
        bytes.extend_from_slice(&until.to_be_bytes());
        bytes.extend_from_slice(path.as_bytes());
        let signature = self.signature(opens, tenant, &bytes).await?;
        // The signature stands before what is of any length.
        bytes.splice(ID_BYTES + TIME_BYTES..ID_BYTES + TIME_BYTES, signature);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    async fn believed(
        &self,
        opens: Opens,
        tenant: &TenantId,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Claim>, ServiceError> {
        let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
        if bytes.len() < ID_BYTES + TIME_BYTES + SIGNATURE_BYTES {
            return Ok(None);
        }
        let claimed: Vec<u8> =
            bytes.splice(ID_BYTES + TIME_BYTES..ID_BYTES + TIME_BYTES + SIGNATURE_BYTES, []).collect();
        let genuine = self.signature(opens, tenant, &bytes).await?;
        if !bool::from(genuine.as_slice().ct_eq(&claimed)) {
            return Ok(None);
        }
        Ok(read(&bytes).filter(|(_, until)| now < *until).map(|(claim, _)| claim))
    }

    async fn signature(
        &self,
        opens: Opens,
        tenant: &TenantId,
        bytes: &[u8],
    ) -> Result<[u8; SIGNATURE_BYTES], ServiceError> {
        let key = self.storage.link_key().await.map_err(|error| without_key(&error))?;
        // What else is signed with the same key cannot be taken for such a link: a tenant's id has no line break.
        let head = format!("person\n{}\n{tenant}\n", opens.as_str());
        let mac = hmac_sha256(&key, &[head.as_bytes(), bytes]);
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(&mac[..SIGNATURE_BYTES]);
        Ok(signature)
    }
}

fn start_link(channel: &Channel, token: &str) -> Option<String> {
    gateway::provider(channel.provider.name())?.start_link(channel, &format!("{PERSON_LINK}{token}"))
}

/// Reads what was signed.
fn read(bytes: &[u8]) -> Option<(Claim, Timestamp)> {
    let (contact, rest) = bytes.split_at_checked(ID_BYTES)?;
    let (until, mailbox) = rest.split_at_checked(TIME_BYTES)?;
    let contact = ContactId(Uuid::from_slice(contact).ok()?);
    let until = DateTime::from_timestamp(i64::from(u32::from_be_bytes(until.try_into().ok()?)), 0)?;
    let mailbox = match mailbox {
        [] => None,
        path => Some(Address::written(std::str::from_utf8(path).ok()?, Unnamed::Only(Scheme::Mailto), None).ok()?),
    };
    Some((Claim { contact, mailbox }, until))
}

fn without_key(error: &StorageError) -> ServiceError {
    tracing::warn!(error = error as &dyn std::error::Error, "the key of links could not be read");
    ServiceError::Busy
}
