//! List choice: the row that a contact picked from a list.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A row that was picked from a list. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChoice {
    /// What the row means to whoever sent the list.
    pub id: String,
    /// What the row shows.
    pub title: String,
}

impl fmt::Debug for ListChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListChoice").finish_non_exhaustive()
    }
}
