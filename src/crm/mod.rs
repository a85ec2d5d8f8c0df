//! CRM look-ups: which record of the tenant's CRM a contact's addresses belong to. Nothing is decided or stored here.

mod csv_file;
mod espocrm;
mod http_lookup;
mod spellings;

#[cfg(test)]
mod tests;

use bytes::BytesMut;
use palabre_actors::domain::address::{Address, HomeCountry, Scheme};
use reqwest::{Client, Response, StatusCode};

use self::csv_file::CsvFile;
use self::espocrm::EspoCrm;
pub use self::espocrm::LoggedEmail;
use self::http_lookup::HttpLookup;
use crate::config::{Crm, CrmSource};
use crate::http_client::{self, UnreadBody};

/// Longest answer that is read. A record takes some kilobytes.
const LONGEST_ANSWER_BYTES: usize = 512 * 1024;

/// A record: what the CRM calls its kind (`Lead`, `Contact`), and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrmRecord {
    pub kind: String,
    pub id: String,
}

/// Why a CRM did not answer. No text shows an address, a key or a URL.
#[derive(Debug, thiserror::Error)]
pub enum CrmFailure {
    #[error("the CRM cannot be reached")]
    Unreached(#[source] reqwest::Error),
    #[error("the CRM's address is not public")]
    NotPublic,
    /// By its status.
    #[error("the CRM refuses the request (HTTP {0})")]
    Refused(u16),
    #[error("the CRM's answer cannot be read")]
    Unreadable,
    #[error("the file cannot be read")]
    File(#[source] std::io::Error),
    #[error("the file has no column for {0}")]
    Columns(&'static str),
}

impl From<reqwest::Error> for CrmFailure {
    /// The URL has the address in it.
    fn from(error: reqwest::Error) -> Self {
        Self::Unreached(error.without_url())
    }
}

/// A tenant's CRM. `Debug` shows no key and no address.
#[derive(Debug)]
pub enum CrmClient {
    EspoCrm(EspoCrm),
    Http(HttpLookup),
    Csv(CsvFile),
}

impl CrmClient {
    /// A CRM as the tenant's file names it. `home` tells what phone numbers without `+` mean there.
    #[must_use]
    pub fn new(settings: &Crm, home: Option<HomeCountry>, client: Client) -> Self {
        match &settings.source {
            CrmSource::EspoCrm { base_url, api_key } => {
                Self::EspoCrm(EspoCrm::new(client, base_url.clone(), api_key.clone(), settings.timeout))
            }
            CrmSource::Http { base_url, api_key } => {
                Self::Http(HttpLookup::new(client, base_url.clone(), api_key.clone(), settings.timeout))
            }
            CrmSource::Csv { file } => Self::Csv(CsvFile::new(file.clone(), home)),
        }
    }

    /// The record that one of the addresses belongs to.
    ///
    /// # Errors
    /// [`CrmFailure`]
    pub async fn find(&self, addresses: &[Address]) -> Result<Option<CrmRecord>, CrmFailure> {
        let keys = keys(addresses);
        if keys.is_empty() {
            return Ok(None);
        }
        match self {
            Self::EspoCrm(crm) => crm.find(&keys).await,
            Self::Http(crm) => crm.find(&keys).await,
            Self::Csv(crm) => crm.find(&keys).await,
        }
    }

    /// Writes a sent e-mail into the history of a record. Answers whether this CRM takes e-mails.
    ///
    /// # Errors
    /// [`CrmFailure`]
    pub async fn log_email(&self, record: &CrmRecord, email: &LoggedEmail<'_>) -> Result<bool, CrmFailure> {
        match self {
            Self::EspoCrm(crm) => crm.log_email(record, email).await.map(|()| true),
            Self::Http(_) | Self::Csv(_) => Ok(false),
        }
    }
}

/// What a CRM is asked for.
#[derive(Clone, PartialEq, Eq)]
enum Key {
    /// An international number in its country's plan of today: `+33612345678`.
    Phone(String),
    /// In lower case.
    Email(String),
}

/// Each number and each e-mail address once. Ids of messengers are in no CRM.
fn keys(addresses: &[Address]) -> Vec<Key> {
    let mut keys = Vec::new();
    for address in addresses {
        let key = if address.is_phone() {
            Key::Phone(address.identity().as_str().to_owned())
        } else if address.scheme() == Scheme::Mailto {
            Key::Email(address.path().to_lowercase())
        } else {
            continue;
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The body of a successful answer, as long as it may be.
async fn body(answer: Response) -> Result<BytesMut, CrmFailure> {
    if !answer.status().is_success() {
        return Err(CrmFailure::Refused(answer.status().as_u16()));
    }
    http_client::body(answer, LONGEST_ANSWER_BYTES).await.map_err(|unread| match unread {
        UnreadBody::TooLong => CrmFailure::Unreadable,
        UnreadBody::Broken(error) => error.into(),
    })
}

/// Whether an answer says that there is no such record.
fn is_absent(answer: &Response) -> bool {
    matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::NO_CONTENT)
}
