//! Conversations: lists, one with its messages, searches.

use palabre_actors::domain::ids::ConversationId;

use super::permissions::Permission::{ContactRead, ContentRead, ConversationRead, ConversationWrite};
use super::{Caller, ServiceError, Tenants, Who, audit};
use crate::store::conversations::{
    ConversationFilter, ConversationPage, ConversationRow, SearchResult, Timeline, TimelinePage,
};
use crate::store::operator::Operator;
use crate::store::search::SearchPage;

/// A search over more tenants is not one that anybody waits for.
const MOST_TENANTS: usize = 50;

/// Conversations that fit, those with the newest messages first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    filter: &ConversationFilter,
    page: ConversationPage,
) -> Result<Vec<ConversationRow>, ServiceError> {
    caller.require(ConversationRead)?;
    let filter = ConversationFilter { tenants: caller.among(&filter.tenants)?, ..filter.clone() };
    Ok(store.conversations(&filter, page).await?)
}

/// One conversation.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn show(caller: &Caller, store: &Operator, id: ConversationId) -> Result<ConversationRow, ServiceError> {
    caller.require(ConversationRead)?;
    find(caller, store, id).await
}

/// A conversation of the caller's tenants.
pub(super) async fn find(
    caller: &Caller,
    store: &Operator,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    store.conversation(&caller.tenants, id).await?.ok_or(ServiceError::NotFound("conversation"))
}

/// A conversation and a part of its messages, in and out, in one order.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn messages(
    caller: &Caller,
    store: &Operator,
    id: ConversationId,
    page: TimelinePage,
) -> Result<(ConversationRow, Timeline), ServiceError> {
    let conversation = show(caller, store, id).await?;
    audit::look(caller, store, &conversation.tenant, "conversation.look", ("conversation", &id.to_string())).await?;
    let timeline = store.timeline(&conversation, page).await?;
    Ok((conversation, timeline))
}

/// Contacts by name and number, messages by their words. Whoever may not see texts and addresses may not search them either:
/// one could be told letter by letter.
///
/// # Errors
/// [`ServiceError`]
pub async fn search(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    query: &str,
    page: SearchPage,
) -> Result<SearchResult, ServiceError> {
    for permission in [ConversationRead, ContactRead, ContentRead] {
        caller.require(permission)?;
    }
    let tenants = caller.among(tenants)?;
    if store.ids_of(&tenants).await?.len() > MOST_TENANTS {
        return Err(ServiceError::TooManyTenants);
    }
    if let (Tenants::Of(of), Who::User(_)) = (&tenants, &caller.who) {
        for tenant in of {
            audit::look(caller, store, tenant, "conversation.search", ("tenant", tenant.as_str())).await?;
        }
    }
    Ok(store.search(&tenants, query, page).await?)
}

/// Somebody has read a conversation to its end. Answers how it stands now.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn mark_read(caller: &Caller, store: &Operator, id: ConversationId) -> Result<ConversationRow, ServiceError> {
    caller.require(ConversationWrite)?;
    let tenant = find(caller, store, id).await?.tenant;
    audit::look(caller, store, &tenant, "conversation.read", ("conversation", &id.to_string())).await?;
    store.mark_read(&caller.tenants, id).await?;
    find(caller, store, id).await
}
