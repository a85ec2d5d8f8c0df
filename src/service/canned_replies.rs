//! Canned replies of a tenant's people.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::inbox::{LONGEST_TEXT, within, word};
use super::permissions::Permission::{ConversationRead, ConversationWrite};
use super::{Caller, ServiceError, audit};
use crate::store::conversations::CannedReply;
use crate::store::operator::Operator;

/// The tenant's canned replies.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(caller: &Caller, store: &Operator, tenant: &TenantId) -> Result<Vec<CannedReply>, ServiceError> {
    caller.require(ConversationRead)?;
    caller.within(tenant)?;
    Ok(store.canned_replies(tenant).await?)
}

/// Keeps a canned reply; the shortcut's earlier text is replaced. Answers whether there was something to keep.
///
/// # Errors
/// [`ServiceError`]
pub async fn keep(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    (shortcut, body): (&str, &str),
    at: Timestamp,
) -> Result<bool, ServiceError> {
    caller.require(ConversationWrite)?;
    caller.within(tenant)?;
    let reply = CannedReply {
        id: Uuid::now_v7(),
        shortcut: word(shortcut.trim_start_matches('/')).replace(' ', "-"),
        body: within(body, LONGEST_TEXT),
    };
    if reply.shortcut.is_empty() || reply.body.is_empty() {
        return Ok(false);
    }
    audit::note(caller, store, tenant, "canned_reply.write", ("canned_reply", &reply.id.to_string())).await?;
    store.keep_canned_reply(tenant, &reply, (&caller.who.to_string(), at)).await?;
    Ok(true)
}

/// Deletes a canned reply.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn remove(caller: &Caller, store: &Operator, tenant: &TenantId, id: Uuid) -> Result<(), ServiceError> {
    caller.require(ConversationWrite)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "canned_reply.delete", ("canned_reply", &id.to_string())).await?;
    match store.remove_canned_reply(tenant, id).await? {
        true => Ok(()),
        false => Err(ServiceError::NotFound("canned reply")),
    }
}
