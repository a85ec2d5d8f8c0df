//! What a chaos day has around its nodes beside their servers: who watches, and what else may go wrong.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

/// The file that `--surroundings` names. Everything in it may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surroundings {
    /// A Prometheus that scrapes the nodes: each fault must make an alert fire.
    pub(super) prometheus: Option<Url>,
    /// `http.public_base_url` of the nodes.
    pub(super) public_url: Option<String>,
    /// A folder for their spools.
    pub(super) spools: Option<PathBuf>,
    /// A library for `LD_PRELOAD`, which moves the clock of the last node (`tests/testbed/src/clock.c`).
    pub(super) clock_library: Option<PathBuf>,
    /// Faults that commands make.
    #[serde(default)]
    pub(super) faults: Vec<MadeByCommands>,
}

/// A fault that a shell command makes and another one ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MadeByCommands {
    pub(super) name: String,
    /// The component of `/api/health` that tells it. `None`: an alert alone does.
    pub(super) component: Option<String>,
    /// The alert that fires.
    pub(super) alert: String,
    /// What `palabre doctor` finds: a check, or what one is about.
    pub(super) doctor: String,
    pub(super) begin: String,
    pub(super) end: String,
    /// PostgreSQL is out of reach meanwhile.
    #[serde(default)]
    pub(super) database_away: bool,
}

impl Surroundings {
    /// # Errors
    /// It cannot be read, or does not hold: in words.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml_edit::de::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message()))
    }
}
