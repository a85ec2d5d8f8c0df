//! What a check of a channel's set-up found.

use std::time::Duration;

use super::Bilingual;

/// What a check of a channel's set-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupFinding {
    pub level: SetupLevel,
    pub what: Bilingual,
    /// What to do about it; `None`: nothing.
    pub todo: Option<Bilingual>,
}

/// How bad a [`SetupFinding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetupLevel {
    Good,
    Doubtful,
    Wrong,
}

/// How long one question of [`super::Provider::checks`] may take.
pub const CHECK_TIME: Duration = Duration::from_secs(10);
