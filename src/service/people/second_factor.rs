//! The second factor: codes of an app (TOTP, RFC 6238), and recovery codes on paper.

use palabre_actors::domain::ids::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::sign_in::{BEGIN, begin};
use super::tokens::{digest, random};
use super::{People, SignIn, SignedIn, Token, UserRow, Visitor};
use crate::service::{Caller, ServiceError, audit};
use crate::store::people::SessionStage;

/// What apps show beside the code.
const ISSUER: &str = "Palabre";
/// RFC 4226 recommends 160 bits, and apps expect them.
const SECRET_BYTES: usize = 20;

const RECOVERY_CODES: usize = 10;
/// Letters and digits that nobody takes for each other: 32 of them, 5 bits each.
const RECOVERY_LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// 50 bits.
const RECOVERY_LENGTH: usize = 10;

/// A secret that an app is to be given.
#[derive(Debug)]
pub struct Enrolment {
    /// Base32, for typing.
    pub secret: String,
    /// `otpauth://…`, for a QR code.
    pub url: String,
}

/// Finishes a sign-in with a code of the app, or a recovery code.
///
/// # Errors
/// [`ServiceError`]
pub async fn enter_code(
    people: &People,
    token: &Token,
    code: &SecretString,
    visitor: Visitor<'_>,
) -> Result<SignIn, ServiceError> {
    let found = people.store.session(&token.digest()).await?;
    let now = people.now();
    let waiting = found.filter(|(session, user)| {
        session.stage == SessionStage::Code && session.ends_at > now && user.disabled_at.is_none()
    });
    let Some((session, user)) = waiting else { return Ok(SignIn::Wrong) };
    if let Err(wait) = people.limits.attempt(&format!("code of {}", user.id), visitor.source) {
        return Ok(SignIn::Later(wait));
    }
    if !takes(people, &user, code).await? {
        audit::note_person(&people.store, user.id, "session.refused_code", ("user", &user.id.to_string())).await?;
        return Ok(SignIn::Wrong);
    }
    people.store.end_session(user.id, session.id).await?;
    let token = begin(people, user.id, (SessionStage::Whole, BEGIN), visitor).await?;
    Ok(SignIn::Done(token))
}

/// A fresh secret. It counts for nothing until [`enable`] has seen a code of it.
///
/// # Errors
/// [`ServiceError`]
pub async fn enrol(people: &People, person: &SignedIn) -> Result<Enrolment, ServiceError> {
    if person.user.totp_enabled_at.is_some() {
        return Err(ServiceError::Invalid("second_factor"));
    }
    if let Some(secret) = &person.user.totp_secret {
        return enrolment(secret, &person.user);
    }
    let mut bytes = [0; SECRET_BYTES];
    random(&mut bytes)?;
    let secret = Secret::new_stack(bytes).to_base32();
    people.store.set_totp(person.user.id, (Some(&secret), None), &[], people.now()).await?;
    enrolment(&secret, &person.user)
}

fn enrolment(secret: &str, user: &UserRow) -> Result<Enrolment, ServiceError> {
    let totp = totp(secret, &user.email)?;
    let url = totp.to_url().map_err(|_| ServiceError::Invalid("email"))?;
    Ok(Enrolment { secret: secret.to_owned(), url })
}

/// Asks for codes from now on, once one was right. Answers the recovery codes, which are shown this once.
///
/// # Errors
/// [`ServiceError`]: `Invalid("code")` when it is wrong.
pub async fn enable(people: &People, person: &SignedIn, code: &SecretString) -> Result<Vec<String>, ServiceError> {
    let user = &person.user;
    let secret = user.totp_secret.as_deref().filter(|_| user.totp_enabled_at.is_none());
    let secret = secret.ok_or(ServiceError::Invalid("second_factor"))?;
    limited(people, user.id)?;
    let step = step(secret, &user.email, code, people)?.ok_or(ServiceError::Invalid("code"))?;
    let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>()?;
    let digests: Vec<String> = codes.iter().map(|code| of_recovery(code)).collect();
    let now = people.now();
    audit::note_person(&people.store, user.id, "second_factor.enable", ("user", &user.id.to_string())).await?;
    people.store.set_totp(user.id, (Some(secret), Some(now)), &digests, now).await?;
    people.store.take_totp_step(user.id, step).await?;
    people.store.end_sessions(user.id, Some(person.session.id)).await?;
    Ok(codes)
}

/// Asks for codes no more. It needs one.
///
/// # Errors
/// [`ServiceError`]: `Invalid("code")` when it is wrong.
pub async fn disable(people: &People, person: &SignedIn, code: &SecretString) -> Result<(), ServiceError> {
    limited(people, person.user.id)?;
    if person.user.totp_enabled_at.is_some() && !takes(people, &person.user, code).await? {
        return Err(ServiceError::Invalid("code"));
    }
    let id = person.user.id;
    audit::note_person(&people.store, id, "second_factor.disable", ("user", &id.to_string())).await?;
    Ok(people.store.set_totp(id, (None, None), &[], people.now()).await?)
}

/// Asks a person for no codes any more, who lost app and paper.
///
/// # Errors
/// [`ServiceError`]
pub async fn forget(caller: &Caller, people: &People, typed: &str) -> Result<UserId, ServiceError> {
    let user = super::accounts::of_installation(caller, people, typed).await?;
    audit::note_installation(caller, &people.store, "second_factor.forget", ("user", &user.id.to_string())).await?;
    people.store.set_totp(user.id, (None, None), &[], people.now()).await?;
    people.store.end_sessions(user.id, None).await?;
    Ok(user.id)
}

fn limited(people: &People, user: UserId) -> Result<(), ServiceError> {
    people.limits.attempt(&format!("code of {user}"), None).map_err(|_| ServiceError::Busy)
}

/// Whether a code is right, and was not taken before.
async fn takes(people: &People, user: &UserRow, code: &SecretString) -> Result<bool, ServiceError> {
    let digest = of_recovery(code.expose_secret());
    if user.recovery_codes.contains(&digest) {
        return Ok(people.store.take_recovery_code(user, &digest).await?);
    }
    let Some(secret) = &user.totp_secret else { return Ok(false) };
    match step(secret, &user.email, code, people)? {
        Some(step) => Ok(people.store.take_totp_step(user.id, step).await?),
        None => Ok(false),
    }
}

/// The time step of a right code: this one, the one before or the one after.
fn step(secret: &str, account: &str, code: &SecretString, people: &People) -> Result<Option<i64>, ServiceError> {
    let digits: String = code.expose_secret().chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(people.now().timestamp()).unwrap_or_default();
    let step = totp(secret, account)?.check(&digits, seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: &str, account: &str) -> Result<Totp, ServiceError> {
    let secret = Secret::try_from_base32(secret).map_err(|_| ServiceError::Invalid("second_factor"))?;
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_skew(1)
        .with_secret(secret)
        // A colon parts issuer and account.
        .with_account_name(account.replace(':', "-"))
        .with_issuer(Some(ISSUER));
    totp.build().map_err(|_| ServiceError::Invalid("second_factor"))
}

fn recovery_code() -> Result<String, ServiceError> {
    let mut bytes = [0; RECOVERY_LENGTH];
    random(&mut bytes)?;
    let mut code: String = bytes.iter().map(|byte| char::from(RECOVERY_LETTERS[usize::from(byte % 32)])).collect();
    code.insert(RECOVERY_LENGTH / 2, '-');
    Ok(code)
}

/// What is kept of a recovery code, however it is typed.
fn of_recovery(typed: &str) -> String {
    let code: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    digest("recovery ", &code.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_known_however_they_are_typed() {
        let code = recovery_code().unwrap();
        assert_eq!((code.len(), code.as_bytes()[5]), (11, b'-'));
        for typed in [code.clone(), code.to_uppercase(), code.replace('-', " "), format!(" {} ", code.replace('-', ""))]
        {
            assert_eq!(of_recovery(&typed), of_recovery(&code), "{typed}");
        }
        assert_ne!(recovery_code().unwrap(), code);
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: the last six digits at 59 seconds, with the secret of its tests.
        let secret = Secret::new_stack(*b"12345678901234567890").to_base32();
        let totp = totp(&secret, "a:b@c").unwrap();
        assert_eq!(totp.check("287082", 59), Some(1));
        assert_eq!(totp.check("287082", 89), Some(1), "the step before");
        assert_eq!(totp.check("287082", 120), None);
        assert!(totp.to_url().unwrap().starts_with("otpauth://totp/Palabre:a-b%40c?"), "{}", totp.to_url().unwrap());
    }
}
