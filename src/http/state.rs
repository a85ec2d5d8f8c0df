//! State that the handlers of one worker share, and the source address of a request.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};

use super::HttpDeps;
use super::abuse_limiter::{self, AbuseLimiter};
use super::body::LargeBodies;
use super::problem::HttpProblem;
use crate::service::paid_access::CheckoutLimits;

/// What handlers find as `web::Data`.
pub(super) struct HttpState {
    pub(super) deps: HttpDeps,
    /// One for all listeners and workers.
    pub(super) abuse_limiter: Arc<AbuseLimiter>,
    /// One for all listeners and workers.
    pub(super) checkout_limits: Arc<CheckoutLimits>,
    /// Shared by all listeners and workers.
    pub(super) large_bodies: LargeBodies,
}

/// Extracts the address that a request comes from, behind listed proxies too; `None` when it is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceAddress(pub(super) Option<IpAddr>);

impl FromRequest for SourceAddress {
    type Error = HttpProblem;
    type Future = Ready<Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<HttpState>>();
        let source = state.map(|state| Self(abuse_limiter::source(request, &state.deps.config)));
        ready(source.ok_or_else(|| HttpProblem::of_status(StatusCode::INTERNAL_SERVER_ERROR)))
    }
}
