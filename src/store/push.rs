//! Browsers that are told when somebody waits.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use palabre_actors::domain::rules::Language;
use sea_orm::DbErr;
use uuid::Uuid;

use super::StoreError;
use super::composed::{Params, execute, query};
use super::database::Tx;
use super::operator::Operator;
use super::silence::kept;
use super::statement::{count, id, integer, text, time};
use super::values::Row;

/// Browsers of one person; one more replaces the oldest.
const MOST_OF_ONE: i64 = 20;
/// So many failures in a row, and a browser is forgotten.
const MOST_FAILURES: i64 = 50;
/// Who waits longer is not told of any more.
const RECENT: TimeDelta = TimeDelta::minutes(10);

/// Where a browser is reached, and the keys that it made, as it wrote them.
#[derive(Clone, Copy, Debug)]
pub struct PushTarget<'a> {
    pub endpoint: &'a str,
    pub p256dh: &'a str,
    pub auth: &'a str,
}

/// A browser, and somebody whom it may be told of. `Debug` shows no address of it.
#[derive(Clone)]
pub struct DuePush {
    pub subscription: Uuid,
    pub user: UserId,
    pub language: Language,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    /// Whom it was told of.
    pub told: String,
    /// The word of the role that its person has in the tenant.
    pub role: String,
    pub tenant: TenantId,
    pub conversation: Uuid,
    pub waiting_since: Timestamp,
}

impl std::fmt::Debug for DuePush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DuePush").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushSettled {
    Taken,
    Failed,
    /// The browser wants nothing any more.
    Gone,
}

/// Those who wait for a person, and not only since the browser is told: they are the person's to answer, or anybody's.
const DUE: &str = "SELECT s.id, s.user_id, u.language, s.endpoint, s.p256dh, s.auth, s.told, m.role, c.tenant_id, c.id, c.waiting_since \
    FROM push_subscriptions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL JOIN memberships m ON m.user_id = u.id \
    JOIN conversations c ON c.tenant_id = m.tenant_id AND c.waiting_since > {since} AND c.waiting_since > s.created_at \
    WHERE s.id > {after} AND c.merged_into IS NULL AND (c.assignee IS NULL OR c.assignee = u.name) \
    AND (c.snoozed_until IS NULL OR c.snoozed_until <= {now} OR c.last_inbound_at > c.snoozed_at) \
    AND (c.memory IS NULL OR c.memory NOT LIKE '%\"blocked_at\"%') ORDER BY s.id, c.waiting_since LIMIT {limit}";

const ADD: &str = "INSERT INTO push_subscriptions (id, user_id, session_id, endpoint, p256dh, auth, told, failures, created_at) \
    VALUES ({id}, {user}, {session}, {endpoint}, {p256dh}, {auth}, '', 0, {now})";

const KEEP_NEWEST: &str = "DELETE FROM push_subscriptions WHERE user_id = {user} AND id NOT IN \
    (SELECT id FROM push_subscriptions WHERE user_id = {user} ORDER BY id DESC LIMIT {most})";

/// The browser of a session that ends is told no more.
pub(in crate::store) async fn end_in(tx: &Tx, user: UserId, session: Uuid) -> Result<u64, DbErr> {
    let params = Params::default().with("user", id(user)).with("session", id(session));
    execute(tx, "DELETE FROM push_subscriptions WHERE user_id = {user} AND session_id = {session}", &params).await
}

/// A person's browsers are told no more, but for that of one session when it is given.
pub(in crate::store) async fn end_but_in(tx: &Tx, user: UserId, but: Option<Uuid>) -> Result<u64, DbErr> {
    let but = but.map_or_else(|| text(""), id);
    let params = Params::default().with("user", id(user)).with("but", but);
    execute(tx, "DELETE FROM push_subscriptions WHERE user_id = {user} AND session_id <> {but}", &params).await
}

impl Operator {
    /// The installation's key for push services: the stored one, or `fresh`, which is stored then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn push_key(&self, fresh: &str) -> Result<String, StoreError> {
        Ok(kept(self.reads(), self.writes(), "push", fresh).await?)
    }

    /// A browser is told from now on, in the name of whoever is signed in there.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_push(
        &self,
        (user, session): (UserId, Uuid),
        target: PushTarget<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let params = Params::default()
            .with("id", id(Uuid::now_v7()))
            .with("user", id(user))
            .with("session", id(session))
            .with("endpoint", text(target.endpoint))
            .with("p256dh", text(target.p256dh))
            .with("auth", text(target.auth))
            .with("most", integer(MOST_OF_ONE))
            .with("now", time(at));
        let tx = self.begin().await?;
        execute(&tx, "DELETE FROM push_subscriptions WHERE endpoint = {endpoint}", &params).await?;
        execute(&tx, ADD, &params).await?;
        execute(&tx, KEEP_NEWEST, &params).await?;
        tx.commit().await?;
        Ok(())
    }

    /// One of a person's browsers is told no more, or none of them (`None`). Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn remove_push(&self, user: UserId, endpoint: Option<&str>) -> Result<u64, StoreError> {
        let params = Params::default().with("user", id(user)).with("endpoint", text(endpoint.unwrap_or_default()));
        let sql = match endpoint {
            Some(_) => "DELETE FROM push_subscriptions WHERE user_id = {user} AND endpoint = {endpoint}",
            None => "DELETE FROM push_subscriptions WHERE user_id = {user}",
        };
        Ok(execute(self.writes(), sql, &params).await?)
    }

    /// How many of a person's browsers are told.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn push_count(&self, user: UserId) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM push_subscriptions WHERE user_id = {user}";
        let rows = query(self.reads(), sql, &Params::default().with("user", id(user))).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(0))
    }

    /// Browsers after one, each with those who wait and whom it may be told of, the browsers one after another.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn due_pushes(&self, now: Timestamp, after: Uuid, limit: usize) -> Result<Vec<DuePush>, StoreError> {
        let params = Params::default()
            .with("since", time(now - RECENT))
            .with("now", time(now))
            .with("after", id(after))
            .with("limit", count(limit));
        let rows = query(self.reads(), DUE, &params).await?;
        Ok(rows.iter().map(DuePush::read).collect::<Result<_, DbErr>>()?)
    }

    /// Takes the telling of a browser upon oneself: `false` when another node did so meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_push(&self, subscription: Uuid, (was, told): (&str, &str)) -> Result<bool, StoreError> {
        let params = Params::default().with("id", id(subscription)).with("was", text(was)).with("told", text(told));
        let sql = "UPDATE push_subscriptions SET told = {told} WHERE id = {id} AND told = {was}";
        Ok(execute(self.writes(), sql, &params).await? > 0)
    }

    /// Notes what became of a push.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_push(&self, subscription: Uuid, settled: PushSettled) -> Result<(), StoreError> {
        let params = Params::default().with("id", id(subscription)).with("most", integer(MOST_FAILURES));
        for sql in match settled {
            PushSettled::Taken => {
                ["UPDATE push_subscriptions SET failures = 0 WHERE id = {id} AND failures > 0"].as_slice()
            }
            PushSettled::Failed => &[
                "UPDATE push_subscriptions SET failures = failures + 1 WHERE id = {id}",
                "DELETE FROM push_subscriptions WHERE id = {id} AND failures >= {most}",
            ],
            PushSettled::Gone => &["DELETE FROM push_subscriptions WHERE id = {id}"],
        } {
            execute(self.writes(), sql, &params).await?;
        }
        Ok(())
    }
}

impl DuePush {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            subscription: row.parse(0)?,
            user: row.parse(1)?,
            language: row.parse(2)?,
            endpoint: row.get(3)?,
            p256dh: row.get(4)?,
            auth: row.get(5)?,
            told: row.get(6)?,
            role: row.get(7)?,
            tenant: row.tenant(8)?,
            conversation: row.parse(9)?,
            waiting_since: row.time(10)?,
        })
    }
}
