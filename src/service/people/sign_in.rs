//! Signing in and out.

use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::UserId;
use secrecy::SecretString;
use uuid::Uuid;

use super::{People, Token};
use crate::service::{ServiceError, audit};
use crate::store::people::{NewSession, SessionStage};

/// How long somebody may look for their code.
const CODE_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What the audit log calls the begin of a session.
pub(super) const BEGIN: &str = "session.begin";

/// Who knocks.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// Where from, if that is known.
    pub source: Option<IpAddr>,
    /// Browser and system, in a few words.
    pub device: &'a str,
}

/// What became of a sign-in. Nothing tells whether the account exists.
#[derive(Debug)]
pub enum SignIn {
    /// The session's token.
    Done(Token),
    /// The password was right, and a code is asked for under this token.
    NeedsCode(Token),
    /// Account or password is wrong, or the account may not sign in.
    Wrong,
    /// Too many attempts: come again after this.
    Later(Duration),
}

/// Signs a person in with e-mail and password.
///
/// # Errors
/// [`ServiceError`]
pub async fn sign_in(
    people: &People,
    typed: &str,
    password: &SecretString,
    visitor: Visitor<'_>,
) -> Result<SignIn, ServiceError> {
    let typed = typed.trim().to_lowercase();
    if let Err(wait) = people.limits.attempt(&typed, visitor.source) {
        return Ok(SignIn::Later(wait));
    }
    let user = match super::email(&typed) {
        Some(email) => people.store.user_by_email(&email).await?,
        None => None,
    };
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let is_right = people.passwords.verify(password, hash).await?;
    let Some(user) = user.as_ref().filter(|user| is_right && user.disabled_at.is_none()) else {
        // What is noted of nobody takes as long as what is noted of somebody.
        let id = user.map_or(UserId(Uuid::nil()), |user| user.id);
        audit::note_person(&people.store, id, "session.refuse", ("user", &id.to_string())).await?;
        return Ok(SignIn::Wrong);
    };
    let stage = if user.totp_enabled_at.is_some() { SessionStage::Code } else { SessionStage::Whole };
    let token = begin(people, user.id, (stage, BEGIN), visitor).await?;
    Ok(if stage == SessionStage::Code { SignIn::NeedsCode(token) } else { SignIn::Done(token) })
}

/// Begins a session under a fresh token. A whole one is noted in the audit log under `action`.
pub(super) async fn begin(
    people: &People,
    user: UserId,
    (stage, action): (SessionStage, &'static str),
    visitor: Visitor<'_>,
) -> Result<Token, ServiceError> {
    let (token, now) = (Token::fresh()?, people.now());
    let ends_at = match stage {
        SessionStage::Code => now + CODE_WITHIN,
        SessionStage::Whole => later(now, people.sessions.lasts),
    };
    let session = NewSession { user, digest: &token.digest(), stage, device: visitor.device, ends_at };
    let id = people.store.add_session(session, now).await?;
    if stage == SessionStage::Whole {
        audit::note_person(&people.store, user, action, ("session", &id.to_string())).await?;
    }
    Ok(token)
}

/// Ends the session of a token.
///
/// # Errors
/// [`ServiceError`]
pub async fn sign_out(people: &People, token: &Token) -> Result<(), ServiceError> {
    if let Some((session, _)) = people.store.session(&token.digest()).await? {
        audit::note_person(&people.store, session.user, "session.end", ("session", &session.id.to_string())).await?;
        people.store.end_session(session.user, session.id).await?;
    }
    Ok(())
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(now)
}
