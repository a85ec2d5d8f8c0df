//! Places of subscriptions in chats.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::domain::status::OutboxState;
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::statement::{all, change, column, id, id_or_null, list, text, time};
use crate::store::values::Row;

/// How far a member is on the way into a chat or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantState {
    /// The invitation is on its way.
    Inviting,
    /// The member has an invitation.
    Invited,
    /// The member was let in.
    In,
    /// The member is being removed: the ban is on its way.
    Removing,
    /// The member is out, and the ban that removed them is being lifted, so that they may pay and come back.
    Unbanning,
    /// The member has no place.
    Out,
}

impl GrantState {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Inviting, "inviting"),
        (Self::Invited, "invited"),
        (Self::In, "in"),
        (Self::Removing, "removing"),
        (Self::Unbanning, "unbanning"),
        (Self::Out, "out"),
    ];

    /// The word of the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Result<Self, DbErr> {
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(state, _)| *state).ok_or_else(|| crate::store::values::corrupt("a state of a place in a chat"))
    }
}

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGrant {
    pub id: Uuid,
    pub tenant: TenantId,
    pub subscription: Uuid,
    /// The chat's address.
    pub chat: String,
    pub state: GrantState,
    /// The row of the outbox that does what the state says, and how far it is.
    pub message: Option<(OutboundId, Option<OutboxState>)>,
    /// What the provider answered to it: the invitation's link.
    pub result: Option<String>,
    pub updated_at: Timestamp,
}

impl Operator {
    /// Gives a subscription a place in each of these chats. Those that it has stay as they are.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_access_grants(
        &self,
        tenant: &TenantId,
        subscription: Uuid,
        chats: &[&str],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = chats.iter().map(|chat| {
            let state = GrantState::Out.as_str();
            [id(Uuid::now_v7()), text(tenant.as_str()), id(subscription), text(*chat), text(state)]
        });
        change(self.writes(), sql::ADD_ACCESS_GRANTS, [list(rows), time(now)]).await?;
        Ok(())
    }

    /// The places of these subscriptions.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_grants(&self, subscriptions: &[Uuid]) -> Result<Vec<AccessGrant>, StoreError> {
        let rows = all(self.writes(), sql::ACCESS_GRANTS, [column(subscriptions)]).await?;
        Ok(rows.iter().map(grant).collect::<Result<_, DbErr>>()?)
    }

    /// Moves a place on. Returns whether it was in the state that it leaves: somebody else may have been faster.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn move_access_grant(
        &self,
        grant: Uuid,
        (from, to): (GrantState, GrantState),
        message: Option<OutboundId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [id(grant), text(from.as_str()), text(to.as_str()), id_or_null(message), time(now)];
        Ok(change(self.writes(), sql::MOVE_ACCESS_GRANT, values).await? > 0)
    }
}

fn grant(row: &Row) -> Result<AccessGrant, DbErr> {
    let message: Option<OutboundId> = row.parse_or_null(5)?;
    let progress: Option<OutboxState> = row.parse_or_null(6)?;
    Ok(AccessGrant {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        subscription: row.parse(2)?,
        chat: row.get(3)?,
        state: GrantState::parse(&row.get::<String>(4)?)?,
        message: message.map(|message| (message, progress)),
        result: row.get(7)?,
        updated_at: row.time(8)?,
    })
}
