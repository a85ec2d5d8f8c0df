//! `/console/channels/{id}`: where a channel's provider posts to, and whether something came.

use actix_web::{HttpRequest, web};
use minijinja::context;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::rules::Language;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, PageRoutes, Trouble, access, deps, shown};
use crate::config::Channel;
use crate::console::display::{Display, address, channel_name};
use crate::gateway::channel_setup::{SetupField, SetupFieldKind, said, webhook_url};
use crate::gateway::{Provider, provider};
use crate::service::Permission;
use crate::service::setup::{self, ConnectedChannel};

/// A secret that was just made up, and the field that it is for.
type MadeUp = (&'static SetupField, SecretString);

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/channels/{id}", show);
    routes.post("/channels/{id}/secret", renew);
}

/// A channel that was connected by hand.
#[derive(Serialize)]
pub(super) struct OwnChannel {
    id: String,
    name: &'static str,
}

/// A channel as lists of channels have it. `None`: nobody connected it by hand.
pub(super) fn own(channel: &Channel) -> Option<OwnChannel> {
    let setup = provider(channel.provider.name())?.setup()?;
    Some(OwnChannel { id: channel.id.to_string(), name: setup.name })
}

/// Where the picture of a provider is.
pub(super) fn picture(provider: &dyn Provider, language: Language) -> Option<String> {
    provider.setup()?.picture?;
    Some(format!("/console/assets/setup.{}.{language}.svg", provider.name()))
}

/// A secret that the provider has to be told.
#[derive(Serialize)]
struct SecretLine<'a> {
    key: &'static str,
    label: &'static str,
    help: &'static str,
    /// Only once, right after it was made.
    value: Option<&'a str>,
}

/// `GET /console/channels/{id}`
async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<Page, ConsoleError> {
    let channel = channel(&member, &state, &id)?;
    page(&member, &state, (&request, &channel), &[], &Trouble::default()).await
}

fn channel(member: &Member, state: &ConsoleState, id: &str) -> Result<Channel, ConsoleError> {
    member.caller.require(Permission::ChannelRead)?;
    state.channel(&member.tenant, &ChannelId::new(id)).ok_or(ConsoleError::NotFound)
}

/// The page of a channel that was just connected.
pub(super) async fn connected(
    member: &Member,
    state: &ConsoleState,
    request: &HttpRequest,
    connected: &ConnectedChannel,
) -> Result<Page, ConsoleError> {
    match state.channel(&member.tenant, &connected.id) {
        // Secrets that were made up are shown on this page and never again: it cannot be led to.
        Some(channel) if !connected.made_up.is_empty() => {
            page(member, state, (request, &channel), &connected.made_up, &Trouble::default()).await
        }
        Some(channel) => Ok(Page::see(&format!("/console/channels/{}", channel.id))),
        None => Ok(Page::see("/console/setup?done=waits")),
    }
}

async fn page(
    member: &Member,
    state: &ConsoleState,
    (request, channel): (&HttpRequest, &Channel),
    made_up: &[MadeUp],
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let language = member.language;
    let provider = provider(channel.provider.name());
    let setup = provider.and_then(|provider| provider.setup());
    let activity = setup::activity(&member.caller, &state.deps.store, &member.tenant).await?;
    let heard_at = activity.iter().find(|of| of.channel == channel.id).and_then(|of| of.last_inbound_at);
    let display = state.display(member);
    let base = state.deps.public_base_url.clone().unwrap_or_else(|| state.base_url(request));
    let secrets = setup.into_iter().flat_map(|setup| setup.fields);
    let secrets = secrets.filter(|field| matches!(field.kind, SetupFieldKind::MadeUp)).map(|field| SecretLine {
        key: field.key,
        label: said(field.label, language),
        help: said(field.help, language),
        value: made_up.iter().find(|(made, _)| made.key == field.key).map(|(_, secret)| secret.expose_secret()),
    });
    let context = context! {
        id => channel.id.as_str(),
        name => setup.map_or(channel_name(channel.address.scheme()), |setup| setup.name),
        address => address(&channel.address, state.home(&member.tenant)),
        is_test_phone => channel.address.scheme() == Scheme::Sandbox,
        webhook => setup.and_then(|setup| setup.webhook).map(|text| said(text, language)),
        afterwards => setup.and_then(|setup| setup.afterwards).map(|text| said(text, language)),
        url => webhook_url(&base, channel.provider.name(), channel.id.as_str()),
        is_public => base.starts_with("https://"),
        picture => provider.and_then(|provider| picture(provider, language)),
        takes_messages => setup.is_none_or(|setup| setup.takes_messages),
        secrets => shown(secrets.collect::<Vec<_>>()),
        heard => heard_at.map(|at| display.moment(at)),
        heard_machine => heard_at.map(Display::machine),
        may_write => member.caller.may(Permission::ChannelWrite) && state.deps.setup.is_some(),
        told => trouble.told.as_deref(),
    };
    state.page(("setup/connected.html", "setup"), member, context)
}

/// `POST /console/channels/{id}/secret`: makes a secret anew that the provider is told.
async fn renew(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let known = channel(&member, &state, &id)?;
    let provider = provider(known.provider.name()).ok_or(ConsoleError::NotFound)?;
    let (whose, key) = ((&member.tenant, provider), form.0.line("key", 64));
    match setup::make_up_anew(&member.caller, access(&state)?, whose, &known.id, &key).await {
        Ok(made_up) => {
            deps(&state)?.reload.reload().await;
            page(&member, &state, (&request, &known), &[made_up], &Trouble::default()).await
        }
        Err(error) => {
            page(&member, &state, (&request, &known), &[], &Trouble::of(&state, member.language, error)?).await
        }
    }
}
