//! Adds pages and forms, and keeps the list of them.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Responder, Route, guard};

/// Adds pages to the console.
pub(super) struct PageRoutes<'a> {
    config: &'a mut ServiceConfig,
    /// Methods and paths, for the tests that try every one of them.
    #[cfg(test)]
    pub(super) added: Vec<(&'static str, &'static str)>,
}

impl<'a> PageRoutes<'a> {
    pub(super) fn new(config: &'a mut ServiceConfig) -> Self {
        Self {
            config,
            #[cfg(test)]
            added: Vec::new(),
        }
    }

    /// A page: takes GET and HEAD. The path is the one after `/console`.
    pub(super) fn get<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let read = guard::Any(guard::Get()).or(guard::Head());
        self.add("GET", path, web::route().guard(read).to(handler));
    }

    /// What a form sends.
    pub(super) fn post<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.add("POST", path, web::method(Method::POST).to(handler));
    }

    fn add(&mut self, method: &'static str, path: &'static str, route: Route) {
        #[cfg(test)]
        self.added.push((method, path));
        let _ = method;
        self.config.route(path, route);
    }
}
