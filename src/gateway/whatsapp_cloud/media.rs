//! Files at Meta: `GET /{media-id}` tells a URL for five minutes, which wants the token as well
//! (<https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>).

use palabre_actors::ports::Pending;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Request, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::Url;

use super::config::CloudSettings;
use crate::gateway::call::call;
use crate::gateway::media::{MediaMissing, MediaPlace, MediaSource};

/// The answer is some hundred bytes.
const MOST_BYTES: usize = 64 * 1024;

pub(super) struct CloudMedia {
    pub client: reqwest::Client,
    pub settings: CloudSettings,
}

#[derive(Deserialize)]
struct File {
    url: String,
}

impl CloudMedia {
    /// The token goes to Meta alone, whatever the answer says.
    fn is_at_meta(&self, url: &str) -> bool {
        const HOSTS: [&str; 3] = [".fbsbx.com", ".facebook.com", ".whatsapp.net"];
        let (Ok(url), Ok(api)) = (Url::parse(url), Url::parse(&self.settings.api_base_url)) else { return false };
        let host = url.host_str().unwrap_or_default();
        url.origin() == api.origin() || (url.scheme() == "https" && HOSTS.iter().any(|own| host.ends_with(own)))
    }

    async fn find(&self, url: &str) -> Result<MediaPlace, MediaMissing> {
        let base = self.settings.api_base_url.as_str();
        let inside = url.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        let place = MediaPlace::public(url).filter(|_| inside).ok_or(MediaMissing::Gone)?;
        let authorization = format!("Bearer {}", self.settings.access_token.expose_secret());
        let asked = place.with_authorization(&authorization);
        let mut request = Request::new(Method::GET, asked.url);
        if let Some(value) = asked.headers.get(AUTHORIZATION) {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let reply = call(&self.client, request, self.settings.timeout, MOST_BYTES).await;
        let reply = reply.map_err(|_| MediaMissing::Later)?;
        match reply.status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaMissing::Gone),
            _ => return Err(MediaMissing::Later),
        }
        let file: File = serde_json::from_slice(&reply.body).map_err(|_| MediaMissing::Later)?;
        let place = MediaPlace::public(&file.url).ok_or(MediaMissing::Later)?.trusting(base);
        Ok(if self.is_at_meta(&file.url) { place.with_authorization(&authorization) } else { place })
    }
}

impl MediaSource for CloudMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        Box::pin(self.find(url))
    }
}
