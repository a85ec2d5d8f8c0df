//! Files at Meta: `GET /{media-id}` tells a URL for five minutes, which wants the token as well
//! (<https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>).

use palabre_actors::ports::Pending;
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

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

impl MediaSource for CloudMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        Box::pin(async move {
            // The token goes to the API alone, whatever the message says.
            let inside =
                url.strip_prefix(self.settings.api_base_url.as_str()).is_some_and(|rest| rest.starts_with('/'));
            let parsed = Url::parse(url).ok().filter(|_| inside).ok_or(MediaMissing::Gone)?;
            let authorization = format!("Bearer {}", self.settings.access_token.expose_secret());
            let mut request = Request::new(Method::GET, parsed);
            request.headers_mut().extend(MediaPlace::with(url, &authorization).headers);
            let reply = call(&self.client, request, self.settings.timeout, MOST_BYTES).await;
            let reply = reply.map_err(|_| MediaMissing::Later)?;
            match reply.status {
                StatusCode::OK => {}
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaMissing::Gone),
                _ => return Err(MediaMissing::Later),
            }
            let file: File = serde_json::from_slice(&reply.body).map_err(|_| MediaMissing::Later)?;
            Ok(MediaPlace::with(&file.url, &authorization))
        })
    }
}
