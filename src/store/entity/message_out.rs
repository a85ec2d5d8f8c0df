//! Entity of the table `messages_out`.

use sea_orm::entity::prelude::*;

/// A message on its way to a provider, or there.
#[sea_orm::model]
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages_out")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant_id: String,
    pub channel_id: String,
    pub conversation_id: String,
    pub in_reply_to: Option<String>,
    pub to: String,
    pub body: String,
    pub kind: String,
    pub state: String,
    pub attempts: i64,
    pub next_attempt_at: String,
    pub lease_owner: Option<String>,
    pub lease_until: Option<String>,
    pub provider_message_id: Option<String>,
    /// Why it is not sent at the moment.
    pub blocked_reason: Option<String>,
    /// What its last attempt or its provider said.
    pub last_error: Option<String>,
    pub correlation_id: String,
    pub created_at: String,
    pub sent_at: Option<String>,
    pub updated_at: String,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Why it is not sent at the moment, or what its last attempt or its provider said.
    pub fn reason(&self) -> Option<&str> {
        self.blocked_reason.as_deref().or(self.last_error.as_deref())
    }
}

super::debug_by_id!(Model);
super::debug_by_id!(ModelEx);
