//! The file of an export: a ZIP of JSON and a page to read, with a signed list of what is in it.

use std::collections::BTreeMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rules::Language;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::container::{self, TooLong};
use super::readme;
use crate::digest::{hex, hmac_sha256};
use crate::store::privacy::{ExportedTable, PrivacyRequest};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";

/// Why a file could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("a row cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the page cannot be made")]
    Page(#[from] minijinja::Error),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// The file, in memory: a person's texts are some megabytes at most.
pub(super) struct Archive {
    pub bytes: Vec<u8>,
    pub sha256: String,
    /// Rows, by table.
    pub counts: BTreeMap<&'static str, usize>,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub tenant: String,
    pub contact: String,
    pub request: String,
    pub made_at: String,
    /// SHA-256 of each file, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// A file that holds.
#[derive(Debug)]
pub struct Checked {
    pub manifest: Manifest,
}

/// Why a file is not one of ours, or not as it was made.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveProblem {
    #[error("it is no export, or was damaged")]
    NotOne,
    #[error("its list of files is missing or is none")]
    NoManifest,
    #[error("the signature is not this installation's: the list of files was changed, or another installation made it")]
    Signature,
    #[error("{0} was changed")]
    Changed(String),
    #[error("{0} is not in its list of files")]
    Unlisted(String),
}

pub(super) fn build(
    (request, tenant_name): (&PrivacyRequest, &str),
    tables: &[ExportedTable],
    (key, language): (&[u8], Language),
    now: Timestamp,
) -> Result<Archive, ArchiveError> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for table in tables {
        files.insert(format!("data/{}.json", table.name), serde_json::to_vec_pretty(&table.rows)?);
    }
    let page_name = if language == Language::Fr { "lisez-moi.html" } else { "readme.html" };
    files.insert(page_name.to_owned(), readme::render(tenant_name, tables, language, now)?.into_bytes());
    let manifest = Manifest {
        tenant: request.tenant.to_string(),
        contact: request.contact.to_string(),
        request: request.id.to_string(),
        made_at: now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        files: files.iter().map(|(name, bytes)| (name.clone(), hex(&Sha256::digest(bytes)))).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    files.insert(SIGNATURE.to_owned(), sign(key, &manifest).into_bytes());
    files.insert(MANIFEST.to_owned(), manifest);
    let bytes = container::pack(&files)?;
    let counts = tables.iter().map(|table| (table.name, table.rows.len())).collect();
    Ok(Archive { sha256: hex(&Sha256::digest(&bytes)), bytes, counts })
}

/// Whether a file is an export of this installation, unchanged.
///
/// # Errors
/// [`ArchiveProblem`]: what is wrong with it.
pub fn check(packed: &[u8], key: &[u8]) -> Result<Checked, ArchiveProblem> {
    let mut files = container::unpack(packed).ok_or(ArchiveProblem::NotOne)?;
    let text = files.remove(MANIFEST).ok_or(ArchiveProblem::NoManifest)?;
    let signature = files.remove(SIGNATURE).ok_or(ArchiveProblem::Signature)?;
    if !bool::from(sign(key, &text).as_bytes().ct_eq(&signature)) {
        return Err(ArchiveProblem::Signature);
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| ArchiveProblem::NoManifest)?;
    for (name, digest) in &manifest.files {
        match files.remove(name) {
            Some(bytes) if hex(&Sha256::digest(&bytes)) == *digest => {}
            _ => return Err(ArchiveProblem::Changed(name.clone())),
        }
    }
    match files.into_keys().next() {
        Some(name) => Err(ArchiveProblem::Unlisted(name)),
        None => Ok(Checked { manifest }),
    }
}

pub(super) fn sign(key: &[u8], text: &[u8]) -> String {
    hex(&hmac_sha256(key, &[b"palabre export\n", text]))
}
