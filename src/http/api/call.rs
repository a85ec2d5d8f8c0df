//! Extractors of the API: the caller and its scope, the id in the path, the JSON body.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{Either, FutureExt as _, LocalBoxFuture};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::HomeCountry;
use palabre_actors::domain::ids::{OutboundId, TenantId};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::caller::{Caller, Scope, bearer};
use super::{ApiDeps, params, problems};
use crate::http::abuse_limiter;
use crate::http::body::{self, BodyError, LargeBodies};
use crate::http::problem::HttpProblem;
use crate::http::request_log::Record;
use crate::http::state::HttpState;
use crate::service::{channels, people};
use crate::store::operator::Operator;

/// The longest body that is read: texts are far shorter.
pub(super) const LONGEST_BODY_BYTES: usize = 64 * 1024;

/// A scope that a handler needs, as a type.
pub(super) trait NeededScope {
    const SCOPE: Scope;
}

/// Needs [`Scope::Read`].
pub(super) struct ToRead;
/// Needs [`Scope::Send`].
pub(super) struct ToSend;
/// Needs [`Scope::Operate`].
pub(super) struct ToOperate;
/// Needs [`Scope::Privacy`].
pub(super) struct ToHandlePersons;

impl NeededScope for ToRead {
    const SCOPE: Scope = Scope::Read;
}

impl NeededScope for ToSend {
    const SCOPE: Scope = Scope::Send;
}

impl NeededScope for ToOperate {
    const SCOPE: Scope = Scope::Operate;
}

impl NeededScope for ToHandlePersons {
    const SCOPE: Scope = Scope::Privacy;
}

/// Extracts the caller, whose key must have the scope `S`; others get 401 or 403. It is the first of a handler's arguments,
/// so that nothing else of a request is read before the caller is known.
pub(super) struct Call<S> {
    pub(super) api: web::Data<ApiDeps>,
    pub(super) operator: Operator,
    pub(super) caller: Caller,
    scope: PhantomData<S>,
}

impl<S: NeededScope> Call<S> {
    fn of(request: &HttpRequest) -> Result<Self, HttpProblem> {
        let api = api(request)?;
        let caller = Caller::of(&api.keys, request.headers()).map_err(|refusal| limited(request, refusal))?;
        Self::by(request, caller)
    }

    /// Of one of the keys that the database keeps.
    async fn of_kept(request: &HttpRequest) -> Result<Self, HttpProblem> {
        let (api, token) = (api(request)?, bearer(request.headers()).unwrap_or_default());
        let store = api.operator.as_ref().ok_or(problems::UNAVAILABLE)?;
        let found = people::holder(store, &*api.clock, token).await?;
        let (name, caller) = found.ok_or_else(|| limited(request, problems::UNKNOWN_KEY))?;
        Self::by(request, Caller::kept(&name, caller))
    }

    fn by(request: &HttpRequest, caller: Caller) -> Result<Self, HttpProblem> {
        let api = api(request)?;
        if let Some(record) = Record::of(request) {
            record.caller.get_or_init(|| Arc::clone(&caller.name));
        }
        let operator = api.operator.clone().ok_or(problems::UNAVAILABLE)?;
        caller.may(S::SCOPE)?;
        Ok(Self { api: api.clone(), operator, caller, scope: PhantomData })
    }
}

fn api(request: &HttpRequest) -> Result<&web::Data<ApiDeps>, HttpProblem> {
    request.app_data::<web::Data<ApiDeps>>().ok_or(problems::UNAVAILABLE)
}

/// What a caller without a right key is told: wrong keys are limited like wrong signatures. A right key is never kept
/// waiting, so that whoever shares an address with someone who guesses keys goes on working.
fn limited(request: &HttpRequest, refusal: HttpProblem) -> HttpProblem {
    let Some(state) = request.app_data::<web::Data<HttpState>>() else { return refusal };
    let source = abuse_limiter::source(request, &state.deps.config);
    if let Some(wait) = state.abuse_limiter.refuses(source, None) {
        return problems::TOO_MANY_WRONG_KEYS.retry_after(wait);
    }
    if refusal.error == problems::UNKNOWN_KEY.error {
        state.abuse_limiter.note(source, None);
    }
    refusal
}

impl<S> Call<S> {
    pub(super) fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// What phone numbers without `+` mean to a tenant.
    pub(super) fn country_of(&self, tenant: &TenantId) -> Option<HomeCountry> {
        channels::country_of(&self.api.channels.now(), tenant)
    }

    /// Refuses a search that found nothing when it names a tenant or a channel that the configuration does not have: the name
    /// may be misspelt. (The database may have names that left the configuration, so it is searched first.)
    pub(super) fn found_nothing(&self, tenant: Option<&str>, channel: Option<&str>) -> Result<(), HttpProblem> {
        let configured = self.api.channels.now();
        let mut seen = configured.iter().filter(|known| self.caller.sees(&known.tenant));
        if tenant.is_some_and(|tenant| seen.clone().all(|known| known.tenant.as_str() != tenant)) {
            return Err(problems::UNKNOWN_TENANT);
        }
        if channel.is_some_and(|channel| seen.all(|known| known.id.as_str() != channel)) {
            return Err(problems::UNKNOWN_CHANNEL);
        }
        Ok(())
    }
}

impl<S: NeededScope + 'static> FromRequest for Call<S> {
    type Error = HttpProblem;
    type Future = Either<Ready<Result<Self, HttpProblem>>, LocalBoxFuture<'static, Result<Self, HttpProblem>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if bearer(request.headers()).is_some_and(people::is_kept) {
            let request = request.clone();
            return Either::Right(async move { Self::of_kept(&request).await }.boxed_local());
        }
        Either::Left(ready(Self::of(request)))
    }
}

/// Extracts what stands for `{id}` in the path.
pub(super) struct PathId(pub(super) String);

impl PathId {
    /// The message of the outbox that it names.
    pub(super) fn message(&self) -> Result<OutboundId, HttpProblem> {
        params::uuid("id", &self.0).map(OutboundId)
    }
}

impl FromRequest for PathId {
    type Error = HttpProblem;
    type Future = Ready<Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.match_info().get("id").unwrap_or_default().to_owned())))
    }
}

/// Extracts a whole body of at most [`LONGEST_BODY_BYTES`].
pub(super) struct WholeBody(pub(super) Bytes);

impl FromRequest for WholeBody {
    type Error = HttpProblem;
    type Future = LocalBoxFuture<'static, Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            // Whoever gets so far has a key.
            let memory = LargeBodies::new(usize::MAX);
            let mut share = memory.share();
            let headers = request.headers();
            let body = body::read(headers, &mut payload, LONGEST_BODY_BYTES, body::DEADLINE, &mut share).await;
            body.map(Self).map_err(|error| match error {
                BodyError::TooLarge => problems::TOO_LARGE,
                BodyError::Truncated | BodyError::Slow | BodyError::Crowded => problems::NOT_A_BODY,
            })
        }
        .boxed_local()
    }
}

/// Extracts a JSON body; an empty one is that of an object without fields. What does not fit is told by the API's description.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for Json<T> {
    type Error = HttpProblem;
    type Future = LocalBoxFuture<'static, Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        WholeBody::from_request(request, payload)
            .map(|body| body.and_then(|WholeBody(body)| params::json(&body).map(Self)))
            .boxed_local()
    }
}

/// Extracts the query string. A parameter that the path does not take is refused.
pub(super) struct Query<T>(pub(super) T);

impl<T: params::QueryParams> FromRequest for Query<T> {
    type Error = HttpProblem;
    type Future = Ready<Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(params::query(request.uri().query().unwrap_or_default()).map(Self))
    }
}
