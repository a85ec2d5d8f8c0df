//! People and what they are to tenants.

mod keys;
mod links;
mod sessions;
mod sql;
#[cfg(test)]
mod tests;

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use palabre_actors::domain::rules::Language;
use sea_orm::DbErr;

pub use self::keys::{KeyHolder, NewKey, StoredKey};
pub use self::links::{LinkPurpose, NewLink, UserLink};
pub use self::sessions::{NewSession, SessionStage, UserSession};

use super::operator::Operator;
use super::statement::{all, change, column, id, text, text_or_null, time, time_or_null};
use super::values::{Row, corrupt};
use super::{StoreError, push};

/// What stands for every tenant in a membership.
pub const EVERY_TENANT: &str = "*";

/// A person. `Debug` shows no name, e-mail or secret (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct UserRow {
    pub id: UserId,
    /// In lower case; unique.
    pub email: String,
    pub name: String,
    pub language: Language,
    /// `None`: they have not chosen a password yet.
    pub password_hash: Option<String>,
    /// Base32.
    pub totp_secret: Option<String>,
    /// Since when sign-ins need a code.
    pub totp_enabled_at: Option<Timestamp>,
    /// The time step of the last code that was taken.
    pub totp_last_step: i64,
    /// Digests.
    pub recovery_codes: Vec<String>,
    pub disabled_at: Option<Timestamp>,
    pub signed_in_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl fmt::Debug for UserRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a person is to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub user: UserId,
    /// `None`: to all of them.
    pub tenant: Option<TenantId>,
    /// The word of a role.
    pub role: String,
    pub created_at: Timestamp,
}

/// The number of columns of a user.
const USER_COLUMNS: usize = 12;

impl Operator {
    /// Adds a person without a password. Returns whether there was nobody with this e-mail.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_user(
        &self,
        user: UserId,
        (email, name, language): (&str, &str, Language),
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [id(user), text(email), text(name), text(language.as_str()), time(at)];
        Ok(change(self.writes(), sql::ADD_USER, values).await? > 0)
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn user(&self, user: UserId) -> Result<Option<UserRow>, StoreError> {
        let rows = all(self.reads(), sql::USER, [id(user)]).await?;
        Ok(rows.first().map(|row| UserRow::read(row, 0)).transpose()?)
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, StoreError> {
        let rows = all(self.reads(), sql::USER_BY_EMAIL, [text(email)]).await?;
        Ok(rows.first().map(|row| UserRow::read(row, 0)).transpose()?)
    }

    /// Whose an account at a provider of OpenID Connect is.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn user_by_oidc(&self, issuer: &str, subject: &str) -> Result<Option<UserRow>, StoreError> {
        let rows = all(self.reads(), sql::USER_BY_OIDC, [text(issuer), text(subject)]).await?;
        Ok(rows.first().map(|row| UserRow::read(row, 0)).transpose()?)
    }

    /// Makes an account at a provider a person's. Returns `false` when another account there is theirs.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn link_oidc(
        &self,
        user: UserId,
        (issuer, subject): (&str, &str),
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [id(user), text(issuer), text(subject), time(at)];
        Ok(change(self.writes(), sql::LINK_OIDC, values).await? > 0)
    }

    /// The people of these tenants, by tenant and name; `None` stands for those who see all.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn users_of(&self, tenants: &[Option<TenantId>]) -> Result<Vec<(UserRow, Membership)>, StoreError> {
        let tenants = tenants.iter().map(|tenant| tenant_word(tenant.as_ref()));
        let rows = all(self.reads(), sql::USERS_OF, [column(tenants)]).await?;
        let member = |row: &Row| {
            let user = UserRow::read(row, 0)?;
            let membership = Membership {
                user: user.id,
                tenant: tenant_of(&row.get::<String>(USER_COLUMNS)?),
                role: row.get(USER_COLUMNS + 1)?,
                created_at: row.time(USER_COLUMNS + 2)?,
            };
            Ok((user, membership))
        };
        Ok(rows.iter().map(member).collect::<Result<_, DbErr>>()?)
    }

    /// The people who belong to no tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn users_of_none(&self) -> Result<Vec<UserRow>, StoreError> {
        let rows = all(self.reads(), sql::USERS_OF_NONE, []).await?;
        Ok(rows.iter().map(|row| UserRow::read(row, 0)).collect::<Result<_, DbErr>>()?)
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let rows = all(self.reads(), sql::MEMBERSHIPS, [id(user)]).await?;
        let membership = |row: &Row| {
            Ok(Membership {
                user: row.parse(0)?,
                tenant: tenant_of(&row.get::<String>(1)?),
                role: row.get(2)?,
                created_at: row.time(3)?,
            })
        };
        Ok(rows.iter().map(membership).collect::<Result<_, DbErr>>()?)
    }

    /// Gives a person a role in a tenant, or another one; `None`: in all.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_membership(
        &self,
        tenant: Option<&TenantId>,
        user: UserId,
        role: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        change(self.writes(), sql::SET_MEMBERSHIP, [text(tenant_word(tenant)), id(user), text(role), time(at)]).await?;
        Ok(())
    }

    /// Takes a person out of a tenant. Returns whether they were in it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn end_membership(&self, tenant: Option<&TenantId>, user: UserId) -> Result<bool, StoreError> {
        Ok(change(self.writes(), sql::END_MEMBERSHIP, [text(tenant_word(tenant)), id(user)]).await? > 0)
    }

    /// How many others of a tenant have a role and can sign in.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn others_with_role(&self, tenant: &TenantId, role: &str, user: UserId) -> Result<i64, StoreError> {
        let values = [text(tenant.as_str()), text(role), id(user)];
        let rows = all(self.writes(), sql::OTHERS_WITH_ROLE, values).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(0))
    }

    /// Sets a password, and voids the link that would set another one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_password(&self, user: UserId, hash: &str, at: Timestamp) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        change(&tx, sql::SET_PASSWORD, [id(user), text(hash), time(at)]).await?;
        change(&tx, sql::END_LINK, [id(user), text(LinkPurpose::Reset.as_str()), text_or_null(None::<&str>)]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_profile(
        &self,
        user: UserId,
        (name, language): (&str, Language),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        change(self.writes(), sql::SET_PROFILE, [id(user), text(name), text(language.as_str()), time(at)]).await?;
        Ok(())
    }

    /// Lets a person sign in again (`None`), or no more: their sessions and links end, and their account at a provider is
    /// nobody's.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_disabled(&self, user: UserId, since: Option<Timestamp>, at: Timestamp) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        change(&tx, sql::SET_DISABLED, [id(user), time_or_null(since), time(at)]).await?;
        if since.is_some() {
            change(&tx, sql::END_SESSIONS, [id(user), text("")]).await?;
            change(&tx, sql::END_LINKS, [id(user)]).await?;
            change(&tx, sql::UNLINK_OIDC, [id(user)]).await?;
            push::end_but_in(&tx, user, None).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Sets or forgets the second factor.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_totp(
        &self,
        user: UserId,
        (secret, enabled_at): (Option<&str>, Option<Timestamp>),
        recovery_codes: &[String],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let codes = codes_text(recovery_codes);
        let values = [id(user), text_or_null(secret), time_or_null(enabled_at), text(codes), time(at)];
        change(self.writes(), sql::SET_TOTP, values).await?;
        Ok(())
    }

    /// Whether a code's time step is later than that of the last code, which it is from now on.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn take_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let values = [id(user), super::statement::integer(step)];
        Ok(change(self.writes(), sql::TAKE_STEP, values).await? > 0)
    }

    /// Uses a recovery code up. Returns `false` when another one was used meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn take_recovery_code(&self, user: &UserRow, digest: &str) -> Result<bool, StoreError> {
        let left: Vec<String> = user.recovery_codes.iter().filter(|code| *code != digest).cloned().collect();
        let values = [id(user.id), text(codes_text(&user.recovery_codes)), text(codes_text(&left))];
        Ok(left.len() < user.recovery_codes.len() && change(self.writes(), sql::TAKE_CODE, values).await? > 0)
    }
}

impl UserRow {
    /// Columns as the texts in `people.rs` name them, from this one on.
    fn read(row: &Row, first: usize) -> Result<Self, DbErr> {
        let codes: String = row.get(first + 8)?;
        Ok(Self {
            id: row.parse(first)?,
            email: row.get(first + 1)?,
            name: row.get(first + 2)?,
            language: row.parse(first + 3)?,
            password_hash: row.get(first + 4)?,
            totp_secret: row.get(first + 5)?,
            totp_enabled_at: row.time_or_null(first + 6)?,
            totp_last_step: row.get(first + 7)?,
            recovery_codes: serde_json::from_str(&codes).map_err(|_| corrupt("recovery codes"))?,
            disabled_at: row.time_or_null(first + 9)?,
            signed_in_at: row.time_or_null(first + 10)?,
            created_at: row.time(first + 11)?,
        })
    }
}

fn codes_text(codes: &[String]) -> String {
    serde_json::to_string(codes).unwrap_or_else(|_| "[]".to_owned())
}

fn tenant_word(tenant: Option<&TenantId>) -> &str {
    tenant.map_or(EVERY_TENANT, TenantId::as_str)
}

fn tenant_of(word: &str) -> Option<TenantId> {
    (word != EVERY_TENANT).then(|| TenantId::new(word))
}
