//! One's own account: name, language, password, devices.

use palabre_actors::domain::rules::Language;
use secrecy::SecretString;
use uuid::Uuid;

use super::accounts::{choose_password, named};
use super::{People, SignedIn, UserSession};
use crate::service::{ServiceError, audit};

/// Changes name and language.
///
/// # Errors
/// [`ServiceError`]: `Invalid("name")`.
pub async fn set_profile(
    people: &People,
    person: &SignedIn,
    (name, language): (&str, Language),
) -> Result<(), ServiceError> {
    let name = named(name)?;
    let id = person.user.id;
    audit::note_person(&people.store, id, "user.set_profile", ("user", &id.to_string())).await?;
    Ok(people.store.set_profile(id, (&name, language), people.now()).await?)
}

/// Changes the password, and ends every other session.
///
/// # Errors
/// [`ServiceError`]: `Invalid("password")` when the present one is wrong, `WeakPassword`.
pub async fn change_password(
    people: &People,
    person: &SignedIn,
    (present, next): (&SecretString, &SecretString),
) -> Result<(), ServiceError> {
    let id = person.user.id;
    people.limits.attempt(&format!("password of {id}"), None).map_err(|_| ServiceError::Busy)?;
    if !people.passwords.verify(present, person.user.password_hash.as_deref()).await? {
        return Err(ServiceError::Invalid("password"));
    }
    audit::note_person(&people.store, id, "user.set_password", ("user", &id.to_string())).await?;
    choose_password(people, &person.user, next, people.now()).await?;
    people.store.end_sessions(id, Some(person.session.id)).await?;
    Ok(())
}

/// The devices on which a person is signed in, the last used first.
///
/// # Errors
/// [`ServiceError`]
pub async fn devices(people: &People, person: &SignedIn) -> Result<Vec<UserSession>, ServiceError> {
    Ok(people.store.sessions(person.user.id).await?)
}

/// Signs out on one device, or everywhere but here.
///
/// # Errors
/// [`ServiceError`]
pub async fn sign_out_of(people: &People, person: &SignedIn, device: Option<Uuid>) -> Result<(), ServiceError> {
    let id = person.user.id;
    audit::note_person(&people.store, id, "session.end_others", ("user", &id.to_string())).await?;
    match device {
        Some(device) => people.store.end_session(id, device).await.map(drop)?,
        None => people.store.end_sessions(id, Some(person.session.id)).await.map(drop)?,
    }
    Ok(())
}
