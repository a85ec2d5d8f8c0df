//! A browser without a screen: keeps cookies, and sends the forms of pages with their hidden fields.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::daemon::World;

pub(crate) struct Visitor {
    client: Client,
    base_url: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Of the last page.
    csrf: String,
    /// Beside what every request has.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Shown {
    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("a text")).unwrap_or_default()
    }
}

impl Visitor {
    pub(crate) fn of(world: &World) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        let base_url = world.base_url().to_owned();
        Self { client, base_url, cookies: BTreeMap::new(), csrf: String::new(), headers: Vec::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Shown {
        let request = self.client.get(format!("{}{path}", self.base_url));
        self.send(request).await
    }

    /// Sends a form with the hidden field of the last page.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let csrf = self.csrf.clone();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    /// Sends these fields and no others.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let request = self.client.request(Method::POST, format!("{}{path}", self.base_url)).form(fields);
        self.send(request).await
    }

    /// What it sends as `Cookie`: for streams, whose answers never end.
    pub(crate) fn cookie_header(&self) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    async fn send(&mut self, mut request: RequestBuilder) -> Shown {
        let cookies = self.cookie_header();
        if !cookies.is_empty() {
            request = request.header("Cookie", cookies);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("the daemon answers");
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().expect("a text");
            let (name, value) = line.split(';').next().and_then(|cookie| cookie.split_once('=')).expect("a cookie");
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.text().await.expect("a body");
        if let Some(csrf) = body.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"')) {
            csrf.0.clone_into(&mut self.csrf);
        }
        Shown { status, headers, body }
    }
}
