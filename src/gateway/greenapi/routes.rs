//! Paths that Green-API's console may hold already: the request names the instance.

use std::borrow::Cow;

use serde::Deserialize;

use super::NAME;
use super::decode::InstanceData;
use crate::gateway::lenient::Object;
use crate::gateway::{Located, Rejection, Route, RouteKind, WebhookRequest};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/webhooks/greenapi", provider: NAME, kind: RouteKind::Messages(locate) },
    Route { path: "/webhooks/greenapi/status", provider: NAME, kind: RouteKind::Check },
];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow, rename = "instanceData")]
    instance: Object<InstanceData<'a>>,
}

fn locate<'a>(request: &WebhookRequest<'a>) -> Result<Located<'a>, Rejection> {
    const NO_INSTANCE: &str = "the body is not JSON with `instanceData.idInstance`";
    let envelope: Envelope<'a> = serde_json::from_slice(request.body).map_err(|_| Rejection::Malformed(NO_INSTANCE))?;
    let id = envelope.instance.get().and_then(|instance| instance.id.clone().into_inner());
    let id = id.ok_or(Rejection::Malformed(NO_INSTANCE))?;
    let address = Cow::Owned(id.clone().into_owned());
    Ok(Located { account: id, address })
}
