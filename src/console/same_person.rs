//! `/console/contacts/{id}/merge`: two contacts who are one person are made one, and parted again.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::ContactId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::display::{address, channel_name, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::{Permission, ServiceError, contacts, conversations};
use crate::store::StoreError;
use crate::store::conversations::ContactRow;
use crate::store::search::SearchPage;

/// Contacts that are proposed at once.
const MOST_PROPOSED: usize = 10;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/contacts/{id}/merge", ask);
    routes.post("/contacts/{id}/merge", merge);
    routes.post("/contacts/{id}/part", part);
}

/// What stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MergeQuery {
    /// Whom to look for; empty: by the contact's own name.
    q: String,
    /// What was just done.
    done: String,
}

/// The other contact, as a form names them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MergeForm {
    with: String,
}

/// A contact who may be the same person.
#[derive(Serialize)]
pub(super) struct Proposed {
    id: String,
    name: String,
    addresses: Vec<(String, &'static str)>,
    conversations: Vec<(String, &'static str)>,
}

pub(super) fn id_of(text: &str) -> Result<ContactId, ConsoleError> {
    text.parse::<Uuid>().map(ContactId).map_err(|_| ConsoleError::NotFound)
}

impl Proposed {
    pub(super) fn of(member: &Member, state: &ConsoleState, row: &ContactRow) -> Self {
        let home = state.home(&member.tenant);
        let addresses = row.addresses.iter().map(|of| (address(of, home), channel_name(of.scheme())));
        let conversations = row.conversations.iter();
        Self {
            id: row.id.to_string(),
            name: row.name.clone().unwrap_or_else(|| state.text(member, "inbox", "someone")),
            addresses: addresses.collect(),
            conversations: conversations.map(|of| (of.id.to_string(), channel_name(of.address.scheme()))).collect(),
        }
    }
}

/// `GET /console/contacts/{id}/merge`
pub async fn ask(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<MergeQuery>,
) -> Result<Page, ConsoleError> {
    let (caller, store) = (&member.caller, &state.deps.store);
    let row = contacts::show(caller, store, id_of(&id)?).await?;
    caller.require(Permission::ContactWrite)?;
    let words = Some(query.q.trim()).filter(|words| !words.is_empty()).or(row.name.as_deref()).unwrap_or_default();
    let page = SearchPage { before: None, limit: MOST_PROPOSED };
    // A whole number is found without the index as well.
    let by_number = match Address::written(words, Unnamed::Phone(Scheme::Sms), None) {
        Ok(number) => contacts::at(caller, store, &member.tenant, &number).await?,
        Err(_) => None,
    };
    let found = match (words, by_number) {
        ("", _) => Some(Vec::new()),
        (_, Some(one)) => Some(vec![one]),
        (words, None) => match conversations::search(caller, store, &member.own_tenant(), words, page).await {
            Err(ServiceError::Store(StoreError::NotIndexed)) => None,
            found => Some(found?.contacts),
        },
    };
    let others = found.iter().flatten().filter(|other| other.id != row.id).take(MOST_PROPOSED);
    let merged = contacts::merged_into(caller, store, &row).await?;
    let context = context! {
        contact => shown(Proposed::of(&member, &state, &row)),
        others => shown(others.map(|other| Proposed::of(&member, &state, other)).collect::<Vec<_>>()),
        merged => shown(merged.iter().map(ToString::to_string).collect::<Vec<_>>()),
        is_ready => found.is_some(),
        words,
        done => state.pages.texts().find(member.language, "merge", &format!("done_{}", query.done)),
    };
    state.page(("merge.html", "conversations"), &member, context)
}

/// `POST /console/contacts/{id}/merge`: everything of the other is theirs from now on.
pub async fn merge(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<MergeForm>,
) -> Result<Page, ConsoleError> {
    let keep = id_of(&id)?;
    let both = (keep, id_of(&form.0.with)?);
    match contacts::merge(&member.caller, &state.deps.store, both, state.now()).await {
        Ok(kept) => Ok(back(kept.id, "merged")),
        // A page that was open for long: they are one already.
        Err(ServiceError::NotValid { .. }) => Ok(back(keep, "again")),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/contacts/{id}/part`: whoever was merged is somebody of their own again.
pub async fn part(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<MergeForm>,
) -> Result<Page, ConsoleError> {
    let (kept, other) = (id_of(&id)?, id_of(&form.0.with)?);
    match contacts::unmerge(&member.caller, &state.deps.store, other, state.now()).await {
        Ok(_) => Ok(back(kept, "parted")),
        Err(ServiceError::NotValid { .. }) => Ok(back(kept, "one_number")),
        Err(error) => Err(error.into()),
    }
}

fn back(id: ContactId, done: &str) -> Page {
    Page::see(&format!("/console/contacts/{id}/merge?done={done}"))
}
