//! The one path that an app of Meta's has for all its numbers: the body names the number.

use serde::Deserialize;

use super::NAME;
use super::decode::Metadata;
use crate::gateway::lenient::{List, Object};
use crate::gateway::{Located, Rejection, Route, RouteKind, WebhookRequest};

pub(super) const ROUTES: &[Route] =
    &[Route { path: "/webhooks/whatsapp-cloud", provider: NAME, kind: RouteKind::MessagesAndHandshake(locate) }];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    entry: List<Object<Entry<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    changes: List<Object<Change<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Change<'a> {
    #[serde(borrow)]
    value: Object<Value<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Value<'a> {
    #[serde(borrow)]
    metadata: Object<Metadata<'a>>,
}

/// The first number that is named: its channel verifies the request, and leaves what is of others to their channels.
fn locate<'a>(request: &WebhookRequest<'a>) -> Result<Located<'a>, Rejection> {
    const NO_NUMBER: &str = "the body is not JSON with `metadata.phone_number_id`";
    let envelope: Envelope<'a> = serde_json::from_slice(request.body).map_err(|_| Rejection::Malformed(NO_NUMBER))?;
    let changes = envelope.entry.as_slice().iter().filter_map(Object::get).flat_map(|entry| entry.changes.as_slice());
    let mut values = changes.filter_map(Object::get).filter_map(|change| change.value.get());
    let id = values.find_map(|value| value.metadata.get()?.phone_number_id.clone().into_inner());
    let id = id.ok_or(Rejection::Malformed(NO_NUMBER))?;
    Ok(Located { account: id.clone(), address: id })
}
