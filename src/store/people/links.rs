//! Links that invite a person, or let them choose another password.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{UserRow, sql, tenant_of, tenant_word};
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::statement::{all, change, column, id, text, text_or_null, time};
use crate::store::values::{Row, corrupt};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To become a member of a tenant, or of all.
    Invitation,
    /// To choose another password.
    Reset,
}

impl LinkPurpose {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }
}

/// A link that was made. What stands in its URL is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLink {
    pub id: Uuid,
    pub purpose: LinkPurpose,
    /// Of an invitation: the tenant, `None` for all of them.
    pub tenant: Option<TenantId>,
    /// Of an invitation: the word of the role.
    pub role: Option<String>,
    pub created_at: Timestamp,
    pub ends_at: Timestamp,
}

/// A link to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    pub user: UserId,
    /// The tenant, `None` for all, and the role of an invitation; else it lets the person choose another password.
    pub invites: Option<(Option<&'a TenantId>, &'a str)>,
    /// Of the token in its URL.
    pub digest: &'a str,
    pub ends_at: Timestamp,
}

/// The number of columns of a link.
const LINK_COLUMNS: usize = 6;

impl Operator {
    /// Makes a link; an earlier one to the same end is void.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_link(&self, link: NewLink<'_>, at: Timestamp) -> Result<(), StoreError> {
        let purpose = if link.invites.is_some() { LinkPurpose::Invitation } else { LinkPurpose::Reset };
        let tenant = || text_or_null(link.invites.map(|(tenant, _)| tenant_word(tenant)));
        let tx = self.begin().await?;
        change(&tx, sql::END_LINK, [id(link.user), text(purpose.as_str()), tenant()]).await?;
        let values = [
            id(Uuid::now_v7()),
            id(link.user),
            text(purpose.as_str()),
            tenant(),
            text_or_null(link.invites.map(|(_, role)| role)),
            text(link.digest),
            time(at),
            time(link.ends_at),
        ];
        change(&tx, sql::ADD_LINK, values).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The link of a token and whose it is, while it holds.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn link(&self, digest: &str, at: Timestamp) -> Result<Option<(UserLink, UserRow)>, StoreError> {
        let rows = all(self.reads(), sql::LINK, [text(digest), time(at)]).await?;
        Ok(rows.first().map(read).transpose()?)
    }

    /// Invitations to these tenants that nobody has accepted yet, the oldest first; `None` stands for all tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn invitations(
        &self,
        tenants: &[Option<TenantId>],
        at: Timestamp,
    ) -> Result<Vec<(UserLink, UserRow)>, StoreError> {
        let tenants = column(tenants.iter().map(|tenant| tenant_word(tenant.as_ref())));
        let rows = all(self.reads(), sql::INVITATIONS, [tenants, time(at)]).await?;
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }

    /// Uses a link up. Returns whether it still held: of two who use it at once, one is told so.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn take_link(&self, digest: &str, at: Timestamp) -> Result<bool, StoreError> {
        Ok(change(self.writes(), sql::TAKE_LINK, [text(digest), time(at)]).await? > 0)
    }

    /// Takes an invitation back. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn end_invitation(&self, tenant: Option<&TenantId>, user: UserId) -> Result<bool, StoreError> {
        let values = [id(user), text(LinkPurpose::Invitation.as_str()), text(tenant_word(tenant))];
        Ok(change(self.writes(), sql::END_LINK, values).await? > 0)
    }
}

fn read(row: &Row) -> Result<(UserLink, UserRow), DbErr> {
    let link = UserLink {
        id: row.parse(0)?,
        purpose: match row.get::<String>(1)?.as_str() {
            "invitation" => LinkPurpose::Invitation,
            "reset" => LinkPurpose::Reset,
            _ => return Err(corrupt("the purpose of a link")),
        },
        tenant: row.get::<Option<String>>(2)?.as_deref().and_then(tenant_of),
        role: row.get(3)?,
        created_at: row.time(4)?,
        ends_at: row.time(5)?,
    };
    Ok((link, UserRow::read(row, LINK_COLUMNS)?))
}
