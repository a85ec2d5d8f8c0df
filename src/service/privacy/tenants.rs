//! Whole tenants: everything of one as files, and their deletion.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use palabre_actors::domain::ids::TenantId;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::permissions::Permission::{PrivacyErase, PrivacyExport};
use super::super::{Caller, ServiceError, Tenants, audit};
use super::PersonalData;
use super::archive::sign;
use crate::digest::hex;
use crate::store::operator::Operator;
use crate::store::privacy::PageAfter;

/// Why a tenant was not exported or erased.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the folder cannot be written: it must be new, or empty")]
    File(#[from] io::Error),
    /// A daemon would write its rows again.
    #[error("the configuration still has this tenant: remove its file first, then erase")]
    Configured,
}

/// Writes everything of a tenant into a new folder: a file of JSON lines for each table, and a signed list of them. Answers how
/// many rows each has.
///
/// # Errors
/// [`TenantError`]
pub async fn export_tenant(
    caller: &Caller,
    data: &PersonalData,
    tenant: &TenantId,
    folder: &Path,
) -> Result<BTreeMap<&'static str, usize>, TenantError> {
    caller.require(PrivacyExport)?;
    known(caller, data, tenant).await?;
    fs::DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(TenantError::File(io::Error::from(io::ErrorKind::DirectoryNotEmpty)));
    }
    audit::note(caller, &data.store, tenant, "tenant.export", ("tenant", tenant.as_str())).await?;
    let (mut counts, mut digests) = (BTreeMap::new(), BTreeMap::new());
    for table in Operator::tables_of_tenants() {
        let (mut file, mut digest, mut after) = (None, Sha256::new(), PageAfter::default());
        while let Some(rows) = data.store.tenant_page((tenant, table), &mut after).await.map_err(ServiceError::from)? {
            let name = format!("{table}.jsonl");
            if file.is_none() {
                file = Some(private(&folder.join(name))?);
            }
            let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
            digest.update(lines.as_bytes());
            if let Some(file) = &mut file {
                file.write_all(lines.as_bytes())?;
            }
            *counts.entry(table).or_default() += rows.len();
        }
        if file.is_some() {
            digests.insert(format!("{table}.jsonl"), hex(&digest.finalize()));
        }
    }
    let made_at = data.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let manifest = json!({ "tenant": tenant.as_str(), "made_at": made_at, "files": digests }).to_string();
    let key = data.signing_key().await.map_err(ServiceError::from)?;
    private(&folder.join("manifest.json"))?.write_all(manifest.as_bytes())?;
    private(&folder.join("manifest.sig"))?.write_all(sign(&key, manifest.as_bytes()).as_bytes())?;
    Ok(counts)
}

/// What the deletion of a tenant did.
#[derive(Clone, Debug)]
pub struct TenantErased {
    /// Rows that went, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Payment events that stay for as long as the law asks.
    pub held: u64,
    pub is_rewritten: Option<bool>,
}

/// Deletes a tenant that the configuration has no more.
///
/// # Errors
/// [`TenantError`]
pub async fn erase_tenant(
    caller: &Caller,
    data: &PersonalData,
    (tenant, is_configured): (&TenantId, bool),
) -> Result<TenantErased, TenantError> {
    caller.require(PrivacyErase)?;
    known(caller, data, tenant).await?;
    if is_configured {
        return Err(TenantError::Configured);
    }
    audit::note_installation(caller, &data.store, "tenant.erase", ("tenant", tenant.as_str())).await?;
    let files = data.store.export_files_of(tenant).await.map_err(ServiceError::from)?;
    for name in files {
        match data.path_of(&name).map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let rows = data.store.delete_tenant(tenant).await.map_err(ServiceError::from)?;
    let held = data.store.held_of_tenant(tenant).await.map_err(ServiceError::from)?;
    let is_rewritten = data.store.scrub().await.map_err(ServiceError::from)?;
    Ok(TenantErased { rows, held, is_rewritten })
}

async fn known(caller: &Caller, data: &PersonalData, tenant: &TenantId) -> Result<(), ServiceError> {
    caller.within(tenant)?;
    let known = data.store.ids_of(&Tenants::All).await?;
    if known.iter().any(|known| known == tenant.as_str()) { Ok(()) } else { Err(ServiceError::UnknownTenant) }
}

fn private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
