//! Validation of `[journal]`: a tenant's message events as files.

use std::path::{Path, PathBuf};

use super::document::Scope;
use super::fields::text;
use super::raw::RawJournal;

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The folder of its files.
    pub dir: PathBuf,
    /// Whether lines show addresses and texts.
    pub reveal: bool,
}

/// `folder`: where relative paths begin. The outer `None`: something was reported.
#[expect(clippy::option_option, reason = "as for every key that may be left out")]
pub(super) fn journal(scope: &Scope<'_>, raw: Option<&RawJournal>, folder: &Path) -> Option<Option<Journal>> {
    let Some(raw) = raw else { return Some(None) };
    let dir = scope.required("dir", raw.dir.as_deref(), "name the folder, such as `dir = \"logs/message_events\"`");
    let dir = folder.join(text(scope, "dir", dir?)?);
    let reveal = raw.reveal.unwrap_or(false);
    if reveal {
        let reason =
            format!("`{}` writes addresses and texts of customers into the journal's files", scope.name("reveal"));
        scope.warning("reveal", reason, "leave it out unless the files are kept as safe as the database");
    }
    Some(Some(Journal { dir, reveal }))
}
