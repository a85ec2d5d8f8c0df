//! Changes of a tenant's file: the same checks as the daemon's, noted, then written at once; the version before is kept.

use palabre_actors::domain::ids::TenantId;

use super::document::TenantDocument;
use super::folder::{PreviousVersion, TenantFile, TenantFolder};
use super::{Caller, TenantFileError};
use crate::config::Problem;
use crate::service::permissions::Permission::{SettingRead, SettingWrite};
use crate::service::{Permission, audit};
use crate::store::operator::Operator;

/// Where a tenant's settings are kept, and where it is noted who changes them.
#[derive(Clone, Copy, Debug)]
pub struct SetupAccess<'a> {
    pub store: &'a Operator,
    pub folder: &'a TenantFolder,
}

/// What a change is called, and which answer a key of the file comes from.
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) field_of: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

/// A tenant's file, as it stands.
///
/// # Errors
/// [`TenantFileError::NoFile`]: there is none that holds.
pub async fn document(
    caller: &Caller,
    folder: &TenantFolder,
    tenant: &TenantId,
) -> Result<(TenantFile, TenantDocument), TenantFileError> {
    read(caller, folder, tenant, SettingRead).await
}

async fn read(
    caller: &Caller,
    folder: &TenantFolder,
    tenant: &TenantId,
    permission: Permission,
) -> Result<(TenantFile, TenantDocument), TenantFileError> {
    caller.require(permission)?;
    caller.within(tenant)?;
    let id = tenant.clone();
    let file = blocking(folder, move |folder| folder.file(&id)).await?.ok_or(TenantFileError::NoFile)?;
    let document = TenantDocument::parse(&file.text).ok_or(TenantFileError::NoFile)?;
    Ok((file, document))
}

/// Changes a tenant's file. What it says does not change: nothing is written.
pub(super) async fn change(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    about: Change<'_>,
    edit: impl FnOnce(&mut TenantDocument),
) -> Result<(), TenantFileError> {
    let (file, mut document) = read(caller, access.folder, tenant, SettingWrite).await?;
    edit(&mut document);
    let text = document.text();
    write(caller, access, (tenant, about.action), file, text).await.map_err(|error| at_fields(error, about.field_of))
}

async fn write(
    caller: &Caller,
    access: SetupAccess<'_>,
    (tenant, action): (&TenantId, &'static str),
    file: TenantFile,
    text: String,
) -> Result<(), TenantFileError> {
    if text == file.text {
        return Ok(());
    }
    let (path, checked) = (file.path.clone(), text.clone());
    blocking(access.folder, move |folder| folder.check(&path, &checked)).await?;
    audit::note(caller, access.store, tenant, action, ("tenant", tenant.as_str())).await?;
    blocking(access.folder, move |folder| folder.replace(&file, &text)).await
}

/// Takes the last change back. Taking that back makes it again.
///
/// # Errors
/// [`TenantFileError::NoFile`]: there is no version before.
pub async fn undo(caller: &Caller, access: SetupAccess<'_>, tenant: &TenantId) -> Result<(), TenantFileError> {
    let (file, _) = read(caller, access.folder, tenant, SettingWrite).await?;
    let name = file.clone();
    let before = blocking(access.folder, move |folder| folder.previous(&name)).await?;
    let before = before.ok_or(TenantFileError::NoFile)?;
    write(caller, access, (tenant, "setting.undo"), file, before.text).await
}

/// The version of a tenant's file before its last change.
///
/// # Errors
/// [`TenantFileError`]
pub async fn previous(
    caller: &Caller,
    folder: &TenantFolder,
    file: &TenantFile,
) -> Result<Option<PreviousVersion>, TenantFileError> {
    caller.require(SettingRead)?;
    let file = file.clone();
    blocking(folder, move |folder| folder.previous(&file)).await
}

/// Problems told at the answers that they come from, when each comes from one.
pub(super) fn at_fields(error: TenantFileError, field_of: &(dyn Fn(&str) -> Option<String> + Sync)) -> TenantFileError {
    let TenantFileError::Refused(problems) = error else { return error };
    let fields: Option<Vec<String>> = problems.iter().map(|problem: &Problem| field_of(&problem.key)).collect();
    match fields {
        Some(mut fields) => {
            fields.dedup();
            TenantFileError::Fields(fields)
        }
        None => TenantFileError::Refused(problems),
    }
}

/// Files are read and written on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    folder: &TenantFolder,
    work: impl FnOnce(&TenantFolder) -> Result<T, TenantFileError> + Send + 'static,
) -> Result<T, TenantFileError> {
    let folder = folder.clone();
    match tokio::task::spawn_blocking(move || work(&folder)).await {
        Ok(done) => done,
        Err(_) => Err(TenantFileError::Folder("the tenants' files were not read".to_owned())),
    }
}
