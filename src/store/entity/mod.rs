//! Entities: rows as the cold paths read them (`explain`, listings).
//!
//! The hot paths have SQL of their own. Columns hold personal data: a row is never logged, and its `Debug` shows ids
//! alone.

/// `Debug` for rows that hold personal data (I10).
macro_rules! debug_by_id {
    ($model:ident) => {
        impl std::fmt::Debug for $model {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($model)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    };
}
use debug_by_id;

pub mod event_log;
pub mod message_in;
pub mod message_out;
