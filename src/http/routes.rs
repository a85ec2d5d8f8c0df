//! Adds routes to a listener, as actix-web resources.
//!
//! A trailing slash makes another path, and so does percent-encoding: slugs and ids need none. Routes are tried in the order
//! in which they are added; comparing a fixed path costs a few nanoseconds, a pattern a few hundred, so what serves the
//! providers' webhooks comes first.

use std::future::ready;
use std::sync::Arc;

use actix_web::dev::RequestHead;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Responder, Route, guard};

use super::health::Health;
use super::problem::HttpProblem;
use super::request_log::{ErrorShape, RequestLog, RouteLabel};

/// Adds routes to a listener: each with its request log, its methods and the answer to all others.
pub(super) struct Routes<'a> {
    config: &'a mut ServiceConfig,
    health: Arc<Health>,
    /// As what the errors of those that are added are answered.
    errors: ErrorShape,
    /// Methods and paths, for the test that compares them with the API's description.
    #[cfg(test)]
    pub(super) added: Vec<(&'static str, &'static str)>,
}

const GET: &str = "GET, HEAD";
const POST: &str = "POST";
const GET_AND_POST: &str = "GET, HEAD, POST";

impl<'a> Routes<'a> {
    pub(super) fn new(config: &'a mut ServiceConfig, health: Arc<Health>) -> Self {
        Self {
            config,
            health,
            errors: ErrorShape::Json,
            #[cfg(test)]
            added: Vec::new(),
        }
    }

    /// Adds pages for whoever follows a link: their errors are pages as well.
    pub(super) fn pages(&mut self, mount: impl FnOnce(&mut Self)) {
        let errors = std::mem::replace(&mut self.errors, ErrorShape::Page);
        mount(self);
        self.errors = errors;
    }

    /// Takes GET and HEAD.
    pub(super) fn get<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.add(path, RouteLabel::of(path), GET, web::route().to(handler));
    }

    /// Takes GET and HEAD, from probes and scrapers.
    pub(super) fn probe<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let label = RouteLabel { is_quiet: true, ..RouteLabel::of(path) };
        self.add(path, label, GET, web::route().to(handler));
    }

    /// Takes GET and HEAD; its path is one of several that stand under one pattern in logs and metrics.
    pub(super) fn get_as<F, Args>(&mut self, pattern: &'static str, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.add(path, RouteLabel::of(pattern), GET, web::route().to(handler));
    }

    pub(super) fn post<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.add(path, RouteLabel::of(path), POST, web::route().to(handler));
    }

    /// Takes GET and HEAD by one handler, and POST by another. A second resource with the same path would never be asked.
    pub(super) fn get_or_post<F, G, Args, Posted>(&mut self, path: &'static str, get: F, post: G)
    where
        F: Handler<Args, Output: Responder + 'static>,
        G: Handler<Posted, Output: Responder + 'static>,
        Args: FromRequest + 'static,
        Posted: FromRequest + 'static,
    {
        let routes = [(GET, web::route().to(get)), (POST, web::route().to(post))];
        self.add_all(path, RouteLabel::of(path), GET_AND_POST, routes);
    }

    /// Takes GET, HEAD and POST, from people and from programs that act for them.
    pub(super) fn get_and_post<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let label = RouteLabel { is_webhook: true, ..RouteLabel::of(path) };
        self.add(path, label, GET_AND_POST, web::route().to(handler));
    }

    /// Takes the POSTs of a provider: each has a correlation id.
    pub(super) fn webhook<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let label = RouteLabel { is_webhook: true, ..RouteLabel::of(path) };
        self.add(path, label, POST, web::route().to(handler));
    }

    /// Takes the POSTs of a provider, and its GETs, which ask whether the path is ours.
    pub(super) fn webhook_and_handshake<F, G, Args, Asked>(&mut self, path: &'static str, handler: F, handshake: G)
    where
        F: Handler<Args, Output: Responder + 'static>,
        G: Handler<Asked, Output: Responder + 'static>,
        Args: FromRequest + 'static,
        Asked: FromRequest + 'static,
    {
        const BOTH: &str = "GET, POST";
        let label = RouteLabel { is_webhook: true, ..RouteLabel::of(path) };
        #[cfg(test)]
        self.added.push((BOTH, path));
        let resource = web::resource(path)
            .guard(guard::fn_guard(|request| !request.head().uri.path().contains('%')))
            .route(web::post().to(handler))
            .route(web::get().to(handshake))
            .default_service(web::to(|| ready(wrong_method(BOTH))))
            .wrap(RequestLog { label, health: Arc::clone(&self.health) });
        self.config.service(resource);
    }

    /// Takes the GETs of a provider to the paths below `prefix` that `is_here` tells.
    pub(super) fn handshakes_below<F, Args>(
        &mut self,
        prefix: &'static str,
        (pattern, is_here): (&'static str, fn(&str) -> bool),
        handler: F,
    ) where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let asked = move |request: &RequestHead| request.method == Method::GET && is_here(request.uri.path());
        self.below(prefix, RouteLabel::of(pattern), asked, web::to(handler));
    }

    /// Takes the POSTs of a provider to the paths below `prefix` that `is_here` tells: cheaper than a pattern, which actix-web
    /// makes a regular expression of.
    pub(super) fn webhooks_below<F, Args>(
        &mut self,
        prefix: &'static str,
        (pattern, is_here): (&'static str, fn(&str) -> bool),
        handler: F,
    ) where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let label = RouteLabel { is_webhook: true, ..RouteLabel::of(pattern) };
        let posted = move |request: &RequestHead| request.method == Method::POST && is_here(request.uri.path());
        let any = move |request: &RequestHead| is_here(request.uri.path());
        self.below(prefix, label, posted, web::to(handler));
        self.below(prefix, label, any, web::to(move || ready(wrong_method(POST))));
    }

    fn below(
        &mut self,
        prefix: &str,
        label: RouteLabel,
        takes: impl Fn(&RequestHead) -> bool + 'static,
        handler: Route,
    ) {
        let scope = web::scope(prefix)
            .guard(guard::fn_guard(move |request| takes(request.head())))
            .default_service(handler)
            .wrap(RequestLog { label, health: Arc::clone(&self.health) });
        self.config.service(scope);
    }

    fn add(&mut self, path: &'static str, label: RouteLabel, methods: &'static str, route: Route) {
        self.add_all(path, label, methods, [(methods, route)]);
    }

    /// `all`: the methods of the routes together.
    fn add_all<const N: usize>(
        &mut self,
        path: &'static str,
        label: RouteLabel,
        all: &'static str,
        routes: [(&'static str, Route); N],
    ) {
        let label = RouteLabel { errors: self.errors, ..label };
        #[cfg(test)]
        assert!(self.added.iter().all(|(_, known)| *known != path), "{path} is added twice: see `get_or_post`");
        let mut resource =
            web::resource(path).guard(guard::fn_guard(|request| !request.head().uri.path().contains('%')));
        for (methods, route) in routes {
            #[cfg(test)]
            self.added.push((methods, path));
            let takes = guard::fn_guard(move |request| takes(methods, &request.head().method));
            resource = resource.route(route.guard(takes));
        }
        let resource = resource
            .default_service(web::to(move || ready(wrong_method(all))))
            .wrap(RequestLog { label, health: Arc::clone(&self.health) });
        self.config.service(resource);
    }
}

fn takes(methods: &str, method: &Method) -> bool {
    methods.split(", ").any(|taken| taken == method.as_str())
}

fn wrong_method(methods: &'static str) -> Result<HttpResponse, HttpProblem> {
    Err(method_problem(methods))
}

/// The path takes these methods alone.
pub(super) fn method_problem(methods: &'static str) -> HttpProblem {
    let (error, hint) = ("method not allowed", "the Allow header names the methods of this path");
    HttpProblem { allow: Some(methods), ..HttpProblem::new(StatusCode::METHOD_NOT_ALLOWED, error, hint) }
}

/// No route has this path.
pub(super) fn nothing_here() -> HttpProblem {
    HttpProblem::new(
        StatusCode::NOT_FOUND,
        "not found",
        "webhooks are POST /webhooks/{provider}/{channel_id}, the API is under /api/v1 (GET /api/v1/openapi.json): no trailing slash",
    )
}
