//! Channels that people connect: their keys in the tenant's file, their secrets in files that only the daemon reads.

use std::collections::BTreeMap;

use palabre_actors::domain::ids::{ChannelId, TenantId};
use secrecy::{ExposeSecret as _, SecretString};
use toml_edit::{InlineTable, Value};

use super::change::{Change, SetupAccess, blocking, change, document};
use super::document::{TenantDocument, text_of};
use super::{Caller, TenantFileError, draft, unused};
use crate::gateway::Provider;
use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField, SetupFieldKind};
use crate::service::permissions::Permission::ChannelWrite;
use crate::service::{ServiceError, people::Token};

/// What people say of a channel.
#[derive(Debug, Default)]
pub struct ChannelAnswers {
    /// The sender's address, without its scheme.
    pub address: String,
    /// By key. One that is there already keeps what it has where nothing is said.
    pub texts: BTreeMap<&'static str, String>,
    pub secrets: BTreeMap<&'static str, SecretString>,
}

impl ChannelAnswers {
    /// What a file says of a channel, without its secrets.
    #[must_use]
    pub fn of(document: &TenantDocument, channel: &ChannelId, setup: &ChannelSetup) -> Self {
        let mut channels = document.tables("channels").into_iter();
        let Some(table) = channels.find(|table| text_of(*table, "id") == channel.as_str()) else {
            return Self::default();
        };
        let address = text_of(table, "address");
        let address = address.split_once(':').map_or(address.as_str(), |(_, path)| path).to_owned();
        let texts = setup.fields.iter().map(|field| (field.key, text_of(table, field.key)));
        Self { address, texts: texts.collect(), secrets: BTreeMap::new() }
    }
}

/// A channel that was connected.
#[derive(Debug)]
pub struct ConnectedChannel {
    pub id: ChannelId,
    /// Secrets that were made up here: the provider is told them, and they are never shown again.
    pub made_up: Vec<(&'static SetupField, SecretString)>,
}

/// Connects a channel of a provider: a new one, or one that is there with other keys.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names answers: `address`, or a key of the provider's own.
pub async fn connect(
    caller: &Caller,
    access: SetupAccess<'_>,
    (tenant, provider): (&TenantId, &dyn Provider),
    known: Option<&ChannelId>,
    answers: &ChannelAnswers,
) -> Result<ConnectedChannel, TenantFileError> {
    caller.require(ChannelWrite)?;
    let setup = provider.setup().ok_or(ServiceError::NotFound("provider"))?;
    let (_, before) = document(caller, access.folder, tenant).await?;
    let channels = before.tables("channels");
    let is_known = |id: &ChannelId| {
        channels.iter().any(|it| text_of(*it, "id") == id.as_str() && text_of(*it, "provider") == provider.name())
    };
    if known.is_some_and(|known| !is_known(known)) {
        return Err(ServiceError::NotFound("channel").into());
    }
    let ids: Vec<String> = channels.iter().map(|channel| text_of(*channel, "id")).collect();
    let id = known.map_or_else(|| fresh_id(tenant, provider, &ids), |known| known.as_str().to_owned());
    let wrong = missing(setup, known.is_some(), answers);
    if !wrong.is_empty() {
        return Err(TenantFileError::Fields(wrong));
    }
    let mut secrets: Vec<(&'static SetupField, SecretString)> = Vec::new();
    let mut made_up = Vec::new();
    for field in setup.fields {
        match field.kind {
            SetupFieldKind::Secret => secrets.extend(answers.secrets.get(field.key).map(|it| (field, it.clone()))),
            // A channel that is there keeps its own: the provider knows it.
            SetupFieldKind::MadeUp if known.is_none() => {
                let secret = SecretString::from(Token::fresh()?.as_str().to_owned());
                secrets.push((field, secret.clone()));
                made_up.push((field, secret));
            }
            SetupFieldKind::MadeUp | SetupFieldKind::Text | SetupFieldKind::Choice(_) => {}
        }
    }
    let files = write_secrets(access, &id, &secrets).await?;
    let written = write(caller, access, (tenant, provider, setup), (&id, known.is_some()), answers, &files).await;
    if let Err(error) = written {
        // Nothing names them.
        let paths: Vec<String> = files.into_iter().map(|(_, path)| path).collect();
        blocking(access.folder, move |folder| folder.forget_secrets(&paths)).await?;
        return Err(error);
    }
    Ok(ConnectedChannel { id: ChannelId::new(&id), made_up })
}

/// Makes a secret of a channel anew that the provider is told.
///
/// # Errors
/// [`TenantFileError`]
pub async fn make_up_anew(
    caller: &Caller,
    access: SetupAccess<'_>,
    (tenant, provider): (&TenantId, &dyn Provider),
    channel: &ChannelId,
    key: &str,
) -> Result<(&'static SetupField, SecretString), TenantFileError> {
    caller.require(ChannelWrite)?;
    let fields = provider.setup().map(|setup| setup.fields).unwrap_or_default();
    let field = fields.iter().find(|field| field.key == key && matches!(field.kind, SetupFieldKind::MadeUp));
    let field = field.ok_or(ServiceError::NotFound("field"))?;
    let (_, before) = document(caller, access.folder, tenant).await?;
    if !before.tables("channels").iter().any(|it| text_of(*it, "id") == channel.as_str()) {
        return Err(ServiceError::NotFound("channel").into());
    }
    let secret = SecretString::from(Token::fresh()?.as_str().to_owned());
    let files = write_secrets(access, channel.as_str(), &[(field, secret.clone())]).await?;
    let about = Change { action: "channel.renew_secret", field_of: &|_| None };
    let values: Vec<(&str, Value)> = files.iter().map(|(key, path)| (*key, in_file(path))).collect();
    change(caller, access, tenant, about, |document| {
        document.change("channels", channel.as_str(), values);
    })
    .await?;
    Ok((field, secret))
}

/// What has to be said and is not.
fn missing(setup: &ChannelSetup, is_known: bool, answers: &ChannelAnswers) -> Vec<String> {
    let is_missing = |field: &&SetupField| match field.kind {
        SetupFieldKind::Text => {
            !field.is_optional && answers.texts.get(field.key).is_none_or(|text| text.trim().is_empty())
        }
        SetupFieldKind::Choice(choices) => {
            answers.texts.get(field.key).is_none_or(|text| !choices.iter().any(|(value, _)| value == text))
        }
        SetupFieldKind::Secret => !is_known && !field.is_optional && !answers.secrets.contains_key(field.key),
        SetupFieldKind::MadeUp => false,
    };
    let mut wrong: Vec<String> = setup.fields.iter().filter(is_missing).map(|field| field.key.to_owned()).collect();
    if matches!(setup.address, SetupAddress::Typed { .. }) && answers.address.is_empty() {
        wrong.insert(0, "address".to_owned());
    }
    wrong
}

async fn write_secrets(
    access: SetupAccess<'_>,
    channel: &str,
    secrets: &[(&'static SetupField, SecretString)],
) -> Result<Vec<(&'static str, String)>, TenantFileError> {
    let secrets: Vec<(&'static str, SecretString)> =
        secrets.iter().map(|(field, secret)| (field.key, secret.clone())).collect();
    let channel = channel.to_owned();
    blocking(access.folder, move |folder| {
        secrets.iter().map(|(key, secret)| Ok((*key, folder.write_secret((&channel, key), secret)?))).collect()
    })
    .await
}

async fn write(
    caller: &Caller,
    access: SetupAccess<'_>,
    (tenant, provider, setup): (&TenantId, &dyn Provider, &'static ChannelSetup),
    (id, is_known): (&str, bool),
    answers: &ChannelAnswers,
    files: &[(&'static str, String)],
) -> Result<(), TenantFileError> {
    let mut values: Vec<(&str, Value)> = Vec::new();
    if let Some(address) = address(setup, provider, answers) {
        values.push(("address", address.into()));
    }
    for (key, value) in setup.fixed {
        values.push((key, (*value).into()));
    }
    for field in setup.fields {
        let text = answers.texts.get(field.key).map(|text| text.trim()).filter(|text| !text.is_empty());
        values.extend(text.map(|text| (field.key, text.into())));
    }
    values.extend(files.iter().map(|(key, path)| (*key, in_file(path))));
    let address_field = match setup.address {
        SetupAddress::Typed { .. } => "address",
        SetupAddress::BeforeColonOf(key) => key,
    };
    let field_of = move |key: &str| {
        let (_, key) = key.strip_prefix("channels[")?.split_once("].")?;
        let key = key.split('.').next().unwrap_or(key);
        let is_asked = setup.fields.iter().any(|field| field.key == key);
        match key {
            "address" => Some(address_field.to_owned()),
            key => is_asked.then(|| key.to_owned()),
        }
    };
    let action = if is_known { "channel.change" } else { "channel.add" };
    change(caller, access, tenant, Change { action, field_of: &field_of }, |document: &mut TenantDocument| {
        if is_known {
            document.change("channels", id, values);
        } else {
            let mut all = vec![("id", id.into()), ("provider", provider.name().into())];
            all.append(&mut values);
            document.push("channels", all);
        }
    })
    .await
}

/// The sender's address with its scheme. `None`: it stays as it is.
fn address(setup: &ChannelSetup, provider: &dyn Provider, answers: &ChannelAnswers) -> Option<String> {
    let scheme = provider.capabilities().scheme;
    let of_typed = |typed: &str| {
        let typed = typed.trim();
        let bare = typed.strip_prefix(&format!("{scheme}:")).unwrap_or(typed);
        // Between the digits of a number stands what is for the eye.
        let is_number = bare.starts_with('+');
        let bare: String = bare.chars().filter(|c| !(is_number && " .-()\u{a0}".contains(*c))).collect();
        format!("{scheme}:{bare}")
    };
    match setup.address {
        SetupAddress::Typed { .. } => Some(of_typed(&answers.address)),
        SetupAddress::BeforeColonOf(key) => {
            let secret = answers.secrets.get(key)?;
            Some(of_typed(secret.expose_secret().split(':').next().unwrap_or_default()))
        }
    }
}

fn in_file(path: &str) -> Value {
    let mut reference = InlineTable::new();
    reference.insert("file", path.into());
    reference.into()
}

/// Unique over all tenants, as the tenant's id is.
fn fresh_id(tenant: &TenantId, provider: &dyn Provider, ids: &[String]) -> String {
    // `whatsapp` of a name such as `acme-whatsapp`.
    let kind = provider.name().rsplit('-').next().unwrap_or_default();
    let stem: String = format!("{tenant}-{kind}").chars().take(60).collect();
    unused(stem, ids)
}

/// Adds a phone drawn in the console, with which the tenant can be tried before there is an account anywhere.
///
/// # Errors
/// [`TenantFileError`]
pub async fn add_test_phone(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
) -> Result<(), TenantFileError> {
    caller.require(ChannelWrite)?;
    let about = Change { action: "channel.add", field_of: &|_| None };
    change(caller, access, tenant, about, |document| {
        document.push("channels", draft::test_phone(tenant.as_str()));
    })
    .await
}
