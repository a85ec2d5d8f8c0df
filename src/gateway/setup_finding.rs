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

impl SetupFinding {
    /// The settings are none that the provider can read: its section of the configuration makes no others.
    pub(super) const OF_ANOTHER_PROVIDER: Self = Self {
        level: SetupLevel::Wrong,
        what: ("the settings are another provider's", "les réglages sont d'un autre fournisseur"),
        todo: Some(("please report this", "merci de le signaler")),
    };
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
