//! The step at which a channel of a provider is connected.

use std::collections::BTreeMap;

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::rules::Language;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, connected, deps, shown, step_page};
use crate::config::Channel;
use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupFieldKind, said};
use crate::gateway::{PROVIDERS, Provider, provider};
use crate::service::Permission;
use crate::service::setup::{self, ChannelAnswers};

/// A provider to choose from.
#[derive(Serialize)]
struct Choice {
    key: &'static str,
    name: &'static str,
    about: &'static str,
}

/// A field of a channel's form.
#[derive(Serialize)]
struct FieldLine {
    key: &'static str,
    label: &'static str,
    help: &'static str,
    value: String,
    is_secret: bool,
    is_required: bool,
    choices: Vec<(&'static str, &'static str)>,
}

/// `GET /console/setup/channel`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    member.caller.require(Permission::ChannelWrite)?;
    deps(&state)?;
    let known = known(&member, &state, &query.channel)?;
    let (chosen, answers) = match known {
        Some(channel) => {
            let chosen = provider(channel.provider.name());
            let asked = chosen.and_then(|provider| provider.setup()).ok_or(ConsoleError::NotFound)?;
            let answers = match setup::document(&member.caller, &deps(&state)?.folder, &member.tenant).await {
                Ok((_, document)) => ChannelAnswers::of(&document, &channel.id, asked),
                Err(_) => ChannelAnswers::default(),
            };
            (chosen, answers)
        }
        None => (provider(&query.provider), ChannelAnswers::default()),
    };
    page(&member, &state, (&query, chosen), &answers, &Trouble::default())
}

/// A channel of the tenant that is to be changed. `None`: a new one.
fn known(member: &Member, state: &ConsoleState, named: &str) -> Result<Option<Channel>, ConsoleError> {
    if named.is_empty() {
        return Ok(None);
    }
    state.channel(&member.tenant, &ChannelId::new(named)).map(Some).ok_or(ConsoleError::NotFound)
}

fn page(
    member: &Member,
    state: &ConsoleState,
    (query, chosen): (&StepQuery, Option<&'static dyn Provider>),
    answers: &ChannelAnswers,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let language = member.language;
    let choices = PROVIDERS.iter().filter_map(|provider| {
        let setup = provider.setup()?;
        Some(Choice { key: provider.name(), name: setup.name, about: said(setup.about, language) })
    });
    let chosen = chosen.and_then(|provider| Some((provider, provider.setup()?)));
    let own = state.tenant(&member.tenant);
    let own = own.iter().flat_map(|tenant| tenant.channels.iter());
    let own: Vec<connected::OwnChannel> = own.filter_map(connected::own).collect();
    let is_known = !query.channel.is_empty();
    let fields = chosen.map(|(_, setup)| lines(setup, language, is_known, answers)).unwrap_or_default();
    let context = context! {
        choices => shown(choices.collect::<Vec<_>>()),
        chosen => chosen.map(|(provider, _)| provider.name()),
        chosen_name => chosen.map(|(_, setup)| setup.name),
        about => chosen.map(|(_, setup)| said(setup.about, language)),
        picture => chosen.and_then(|(provider, _)| connected::picture(provider, language)),
        fields => shown(fields),
        channel => query.channel.as_str(),
        own => shown(own),
    };
    step_page(member, state, (SetupStep::Channel, query), trouble, context)
}

fn lines(setup: &ChannelSetup, language: Language, is_known: bool, answers: &ChannelAnswers) -> Vec<FieldLine> {
    let mut lines = Vec::new();
    if let SetupAddress::Typed { label, help } = setup.address {
        lines.push(FieldLine {
            key: "address",
            label: said(label, language),
            help: said(help, language),
            value: answers.address.clone(),
            is_secret: false,
            is_required: true,
            choices: Vec::new(),
        });
    }
    let asked = setup.fields.iter().filter(|field| !matches!(field.kind, SetupFieldKind::MadeUp));
    lines.extend(asked.map(|field| {
        let is_secret = matches!(field.kind, SetupFieldKind::Secret);
        FieldLine {
            key: field.key,
            label: said(field.label, language),
            help: said(field.help, language),
            value: answers.texts.get(field.key).cloned().unwrap_or_default(),
            is_secret,
            is_required: !(field.is_optional || is_secret && is_known),
            choices: match field.kind {
                SetupFieldKind::Choice(choices) => choices.to_vec(),
                _ => Vec::new(),
            },
        }
    }));
    lines
}

/// What a form says of a channel. Secrets are not shown again, whatever comes of it.
fn answers(fields: &Fields, setup: &ChannelSetup) -> ChannelAnswers {
    let (mut texts, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for field in setup.fields {
        match field.kind {
            SetupFieldKind::Secret => {
                let secret = SecretString::from(fields.line(field.key, 4_096));
                if !secret.expose_secret().is_empty() {
                    secrets.insert(field.key, secret);
                }
            }
            SetupFieldKind::Text | SetupFieldKind::Choice(_) => {
                texts.insert(field.key, fields.line(field.key, 300));
            }
            SetupFieldKind::MadeUp => {}
        }
    }
    ChannelAnswers { address: fields.line("address", 254), texts, secrets }
}

/// `POST /console/setup/channel`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    request: actix_web::HttpRequest,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let query = StepQuery {
        alone: fields.line("alone", 20),
        provider: fields.line("provider", 64),
        channel: fields.line("channel", 64),
        ..StepQuery::default()
    };
    member.caller.require(Permission::ChannelWrite)?;
    let chosen = provider(&query.provider).ok_or(ConsoleError::BadForm)?;
    let known = known(&member, &state, &query.channel)?.map(|channel| channel.id);
    let answers = answers(&fields, chosen.setup().ok_or(ConsoleError::BadForm)?);
    let whose = (&member.tenant, chosen);
    let outcome = setup::connect(&member.caller, access(&state)?, whose, known.as_ref(), &answers).await;
    match outcome {
        Ok(made) => {
            deps(&state)?.reload.reload().await;
            connected::connected(&member, &state, &request, &made).await
        }
        Err(error) => {
            page(&member, &state, (&query, Some(chosen)), &answers, &Trouble::of(&state, member.language, error)?)
        }
    }
}
