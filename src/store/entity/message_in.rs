//! Entity of the table `messages_in`.

use sea_orm::entity::prelude::*;

/// An accepted message.
#[sea_orm::model]
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages_in")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant_id: String,
    pub channel_id: String,
    pub conversation_id: Option<String>,
    pub provider_message_id: String,
    pub from: String,
    pub to: String,
    pub body: String,
    pub profile_name: Option<String>,
    pub details: Option<String>,
    pub role: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub correlation_id: String,
    pub created_at: String,
    pub processed_at: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

super::debug_by_id!(Model);
super::debug_by_id!(ModelEx);
