//! Entity of the table `event_log`.

use sea_orm::entity::prelude::*;

/// One thing that happened.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant_id: String,
    pub event_type: String,
    pub entity_type: String,
    pub entity_id: Option<String>,
    pub correlation_id: String,
    pub actor_type: String,
    pub payload: String,
    pub created_at: String,
}

impl ActiveModelBehavior for ActiveModel {}
