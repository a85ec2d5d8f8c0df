//! Look-up over HTTP: `GET base_url?phone=…` (or `email=…`) answers `{"id": …, "kind": …}`, or 404.

use std::fmt;
use std::time::Duration;

use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{CrmFailure, CrmRecord, Key, body, is_absent};

/// What a record is called when the answer does not say.
const KIND: &str = "Lead";

/// A tenant's own service.
pub struct HttpLookup {
    client: Client,
    base_url: Url,
    key: Option<SecretString>,
    timeout: Duration,
}

impl fmt::Debug for HttpLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLookup").field("host", &self.base_url.host_str()).finish_non_exhaustive()
    }
}

/// Ids are texts or numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordId {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
struct Answer {
    id: Option<RecordId>,
    kind: Option<String>,
}

impl HttpLookup {
    pub(super) const fn new(client: Client, base_url: Url, key: Option<SecretString>, timeout: Duration) -> Self {
        Self { client, base_url, key, timeout }
    }

    pub(super) async fn find(&self, keys: &[Key]) -> Result<Option<CrmRecord>, CrmFailure> {
        for key in keys {
            let (name, value) = match key {
                Key::Phone(phone) => ("phone", phone),
                Key::Email(email) => ("email", email),
            };
            let mut url = self.base_url.clone();
            url.query_pairs_mut().append_pair(name, value);
            let mut request = self.client.get(url).timeout(self.timeout);
            if let Some(key) = &self.key {
                request = request.bearer_auth(key.expose_secret());
            }
            let answer = request.send().await?;
            if is_absent(&answer) {
                continue;
            }
            let answer: Option<Answer> =
                serde_json::from_slice(&body(answer).await?).map_err(|_| CrmFailure::Unreadable)?;
            let id = answer.as_ref().and_then(|answer| match answer.id.as_ref()? {
                RecordId::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                RecordId::Number(number) => Some(number.to_string()),
            });
            if let Some(id) = id {
                let kind = answer.and_then(|answer| answer.kind).unwrap_or_else(|| KIND.to_owned());
                return Ok(Some(CrmRecord { kind, id }));
            }
        }
        Ok(None)
    }
}
