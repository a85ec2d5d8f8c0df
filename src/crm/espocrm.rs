//! EspoCRM: its REST API, with an API user's key in `X-Api-Key`.

use std::fmt;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{CrmFailure, CrmRecord, Key, body, spellings};

/// What is looked through, in this order: who is not a customer yet is a lead, and a lead that was won is a contact.
const KINDS: [&str; 2] = ["Lead", "Contact"];
/// Spellings that are asked for at once: a URL holds no more than some kilobytes.
const SPELLINGS: usize = 24;

/// A tenant's EspoCRM.
pub struct EspoCrm {
    client: Client,
    base_url: Url,
    key: SecretString,
    timeout: Duration,
}

/// An e-mail that was sent.
pub struct LoggedEmail<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    pub html: Option<&'a str>,
    pub from: &'a str,
    pub to: &'a str,
    pub sent_at: Timestamp,
}

impl fmt::Debug for EspoCrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EspoCrm").field("host", &self.base_url.host_str()).finish_non_exhaustive()
    }
}

impl fmt::Debug for LoggedEmail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedEmail").finish_non_exhaustive()
    }
}

/// A page of a list.
#[derive(Deserialize)]
struct List {
    list: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    id: String,
}

impl EspoCrm {
    pub(super) const fn new(client: Client, base_url: Url, key: SecretString, timeout: Duration) -> Self {
        Self { client, base_url, key, timeout }
    }

    pub(super) async fn find(&self, keys: &[Key]) -> Result<Option<CrmRecord>, CrmFailure> {
        for key in keys {
            let (attribute, mut values) = match key {
                Key::Phone(phone) => ("phoneNumber", spellings::of_phone(phone)),
                Key::Email(email) => ("emailAddress", vec![email.clone()]),
            };
            // The form that newer versions store, then everything that people may have typed into older ones.
            let others = values.split_off(1);
            for kind in KINDS {
                if let Some(found) = self.search(kind, attribute, &values).await? {
                    return Ok(Some(found));
                }
            }
            for kind in KINDS {
                for some in others.chunks(SPELLINGS) {
                    match self.search(kind, attribute, some).await {
                        Ok(Some(found)) => return Ok(Some(found)),
                        // A version, or a rule of the CRM, that takes no list: only the stored form can be found there.
                        Ok(None) | Err(CrmFailure::Refused(400 | 404 | 422)) => {}
                        Err(failure) => return Err(failure),
                    }
                }
            }
        }
        Ok(None)
    }

    /// The oldest record of a kind in which an attribute has one of the values.
    async fn search(&self, kind: &str, attribute: &str, values: &[String]) -> Result<Option<CrmRecord>, CrmFailure> {
        let mut url = self.url(kind);
        {
            let mut query = url.query_pairs_mut();
            let several = values.len() > 1;
            query.append_pair("where[0][type]", if several { "in" } else { "equals" });
            query.append_pair("where[0][attribute]", attribute);
            let name = if several { "where[0][value][]" } else { "where[0][value]" };
            for value in values {
                query.append_pair(name, value);
            }
            query.append_pair("select", "id").append_pair("maxSize", "1").append_pair("orderBy", "createdAt");
        }
        let answer = self.signed(self.client.get(url)).send().await?;
        let list: List = serde_json::from_slice(&body(answer).await?).map_err(|_| CrmFailure::Unreadable)?;
        Ok(list.list.into_iter().next().map(|entity| CrmRecord { kind: kind.to_owned(), id: entity.id }))
    }

    pub(super) async fn log_email(&self, record: &CrmRecord, email: &LoggedEmail<'_>) -> Result<(), CrmFailure> {
        let document = json!({
            "subject": email.subject,
            "body": email.html.unwrap_or(email.text),
            "bodyPlain": email.text,
            "isHtml": email.html.is_some(),
            "from": email.from,
            "to": email.to,
            "status": "Sent",
            "dateSent": email.sent_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            "parentType": record.kind,
            "parentId": record.id,
        });
        let answer = self.signed(self.client.post(self.url("Email"))).json(&document).send().await?;
        body(answer).await.map(drop)
    }

    fn url(&self, kind: &str) -> Url {
        let mut url = self.base_url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/api/v1/{kind}"));
        url
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.timeout(self.timeout).header("X-Api-Key", self.key.expose_secret())
    }
}
