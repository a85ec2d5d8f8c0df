//! Sessions of people who are signed in.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{UserRow, sql};
use crate::store::operator::Operator;
use crate::store::statement::{all, change, id, text, time};
use crate::store::values::{Row, corrupt};
use crate::store::{StoreError, push};

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStage {
    /// The password was right, and a code is asked for.
    Code,
    /// Signed in.
    Whole,
}

impl SessionStage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Whole => "whole",
        }
    }
}

/// A browser in which a person is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSession {
    pub id: Uuid,
    pub user: UserId,
    /// The tenant that is looked at.
    pub tenant: Option<TenantId>,
    pub stage: SessionStage,
    /// Browser and system, in a few words.
    pub device: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// It ends then, however often it is used.
    pub ends_at: Timestamp,
}

/// A session to be made.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub user: UserId,
    /// Of the token in the cookie.
    pub digest: &'a str,
    pub stage: SessionStage,
    pub device: &'a str,
    pub ends_at: Timestamp,
}

/// The number of columns of a session.
const SESSION_COLUMNS: usize = 8;

impl Operator {
    /// Begins a session; one that is whole is noted as a sign-in.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_session(&self, session: NewSession<'_>, at: Timestamp) -> Result<Uuid, StoreError> {
        let session_id = Uuid::now_v7();
        let values = [
            id(session_id),
            id(session.user),
            text(session.digest),
            text(session.stage.as_str()),
            text(session.device),
            time(at),
            time(session.ends_at),
        ];
        let tx = self.begin().await?;
        change(&tx, sql::ADD_SESSION, values).await?;
        if session.stage == SessionStage::Whole {
            change(&tx, sql::SIGNED_IN, [id(session.user), time(at)]).await?;
        }
        tx.commit().await?;
        Ok(session_id)
    }

    /// The session of a token, and whose it is. Whether it has ended is for the caller to say.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn session(&self, digest: &str) -> Result<Option<(UserSession, UserRow)>, StoreError> {
        let rows = all(self.reads(), sql::SESSION, [text(digest)]).await?;
        let read = |row: &Row| Ok::<_, DbErr>((UserSession::read(row)?, UserRow::read(row, SESSION_COLUMNS)?));
        Ok(rows.first().map(read).transpose()?)
    }

    /// A person's sessions, the last used first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<UserSession>, StoreError> {
        let rows = all(self.reads(), sql::SESSIONS, [id(user)]).await?;
        Ok(rows.iter().map(UserSession::read).collect::<Result<_, DbErr>>()?)
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn session_seen(&self, session: Uuid, at: Timestamp) -> Result<(), StoreError> {
        change(self.writes(), sql::SESSION_SEEN, [id(session), time(at)]).await?;
        Ok(())
    }

    /// Looks at another tenant from now on.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn session_looks_at(&self, session: Uuid, tenant: &TenantId) -> Result<(), StoreError> {
        change(self.writes(), sql::SESSION_TENANT, [id(session), text(tenant.as_str())]).await?;
        Ok(())
    }

    /// Ends one session of a person; its browser is told of nothing more. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn end_session(&self, user: UserId, session: Uuid) -> Result<bool, StoreError> {
        let tx = self.begin().await?;
        let ended = change(&tx, sql::END_SESSION, [id(user), id(session)]).await?;
        push::end_in(&tx, user, session).await?;
        tx.commit().await?;
        Ok(ended > 0)
    }

    /// Ends a person's sessions, but for one when it is given. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn end_sessions(&self, user: UserId, but: Option<Uuid>) -> Result<u64, StoreError> {
        let tx = self.begin().await?;
        let ended = change(&tx, sql::END_SESSIONS, [id(user), but.map_or_else(|| text(""), id)]).await?;
        push::end_but_in(&tx, user, but).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Deletes sessions and links that have ended.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_sessions(&self, at: Timestamp, idle_since: Timestamp) -> Result<u64, StoreError> {
        change(self.writes(), sql::FORGET_LINKS, [time(at)]).await?;
        Ok(change(self.writes(), sql::FORGET_SESSIONS, [time(at), time(idle_since)]).await?)
    }
}

impl UserSession {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            user: row.parse(1)?,
            tenant: row.get::<Option<String>>(2)?.as_deref().map(TenantId::new),
            stage: match row.get::<String>(3)?.as_str() {
                "code" => SessionStage::Code,
                "whole" => SessionStage::Whole,
                _ => return Err(corrupt("the stage of a session")),
            },
            device: row.get(4)?,
            created_at: row.time(5)?,
            seen_at: row.time(6)?,
            ends_at: row.time(7)?,
        })
    }
}
