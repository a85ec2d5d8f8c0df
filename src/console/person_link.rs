//! `/console/contacts/{id}/link`: a signed link by which a contact shows that another address is theirs.

use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::ChannelId;
use serde::Deserialize;

use super::display::{channel_name, shown};
use super::routes::PageRoutes;
use super::same_person::{Proposed, id_of};
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::person_links::LinkTo;
use crate::service::{Permission, ServiceError, contacts};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/contacts/{id}/link", ask);
    routes.post("/contacts/{id}/link", make);
}

/// Where the contact is to show that they are there: a channel, or a mailbox.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PersonLinkForm {
    channel: String,
    to: String,
}

/// What such a link can lead to.
struct Targets {
    /// Ids and names of channels that a link opens.
    channels: Vec<(String, String)>,
    has_mail: bool,
}

impl Targets {
    fn of(state: &ConsoleState, member: &Member) -> Self {
        let links = state.deps.links.as_ref();
        let channels = links.map(|links| links.channels(&member.tenant)).unwrap_or_default();
        let named = |id: &ChannelId, scheme| (id.to_string(), format!("{} ({id})", channel_name(scheme)));
        let tenant = state.tenant(&member.tenant);
        let writes_mail =
            tenant.is_some_and(|tenant| tenant.channels.iter().any(|channel| channel.profile.scheme == Scheme::Mailto));
        Self {
            channels: channels.iter().map(|channel| named(&channel.id, channel.profile.scheme)).collect(),
            has_mail: writes_mail && links.is_some_and(|links| links.has_pages()),
        }
    }
}

/// Whether there is anything that a link could lead to, for whoever may make one.
pub(super) fn may_link(state: &ConsoleState, member: &Member) -> bool {
    let targets = Targets::of(state, member);
    member.caller.may(Permission::ContactWrite) && (targets.has_mail || !targets.channels.is_empty())
}

/// `GET /console/contacts/{id}/link`
pub async fn ask(member: Member, state: web::Data<ConsoleState>, id: web::Path<String>) -> Result<Page, ConsoleError> {
    page(&member, &state, &id, context! {}).await
}

/// `POST /console/contacts/{id}/link`: shows the link once.
pub async fn make(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<PersonLinkForm>,
) -> Result<Page, ConsoleError> {
    let text = |key: &str| state.text(&member, "person_link", key);
    let (to, about) = if form.0.to.trim().is_empty() {
        (LinkTo::Channel(ChannelId::new(&form.0.channel)), "send_anywhere")
    } else {
        match Address::written(&form.0.to, Unnamed::Only(Scheme::Mailto), None) {
            Ok(mailbox) => (LinkTo::Mailbox(mailbox), "send_there_alone"),
            Err(_) => {
                let refused = context! { refused => text("bad_mailbox"), to => form.0.to };
                return page(&member, &state, &id, refused).await;
            }
        }
    };
    let made = match &state.deps.links {
        Some(links) => links.make(&member.caller, id_of(&id)?, &to, state.now()).await,
        None => Err(ServiceError::NotFound("channel")),
    };
    let made = match made {
        Ok(made) => made,
        Err(ServiceError::NotValid { .. } | ServiceError::NotFound("channel")) => {
            return page(&member, &state, &id, context! { refused => text("bad_target") }).await;
        }
        Err(error) => return Err(error.into()),
    };
    let until = state.display(&member).moment(made.expires_at);
    page(&member, &state, &id, context! { link => made.url, about => text(about), until }).await
}

async fn page(member: &Member, state: &ConsoleState, id: &str, outcome: Value) -> Result<Page, ConsoleError> {
    let row = contacts::show(&member.caller, &state.deps.store, id_of(id)?).await?;
    member.caller.require(Permission::ContactWrite)?;
    let Targets { channels, has_mail } = Targets::of(state, member);
    let context = context! { contact => shown(Proposed::of(member, state, &row)), channels => shown(channels), has_mail, outcome };
    state.page(("person_link.html", "conversations"), member, context)
}
