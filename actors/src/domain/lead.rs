//! Leads: people who asked to be called back, and for what.

use std::fmt;

use super::ids::LeadId;
use super::words::stored_words;

/// A row of `leads`, as a flow writes it. `Debug` does not show what the person said (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Lead {
    /// Its row.
    pub id: LeadId,
    /// What they are called.
    pub name: Option<String>,
    /// Where a quote goes.
    pub email: Option<String>,
    /// Where to call.
    pub phone: Option<String>,
    /// What they need, in their words.
    pub need: String,
    /// Whether it cannot wait.
    pub urgent: bool,
    /// The flow that asked.
    pub source: String,
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").field("id", &self.id).field("source", &self.source).finish_non_exhaustive()
    }
}

/// Where a lead stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeadState {
    /// Nobody has called yet.
    New,
    /// Somebody called.
    Contacted,
    /// They became a customer.
    Won,
    /// They did not.
    Lost,
}

stored_words!(LeadState { New => "new", Contacted => "contacted", Won => "won", Lost => "lost" });
