//! Validation of `[spool]`: where accepted messages are kept while PostgreSQL is away.

use std::path::{Path, PathBuf};

use super::document::Scope;
use super::fields::{number, text};
use super::raw::RawSpool;

/// Less would refuse a burst of a few seconds.
const LEAST: i64 = 1024 * 1024;
/// More than anybody waits for a database.
const MOST: i64 = 1024 * 1024 * 1024 * 1024;

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// Its folder.
    pub dir: PathBuf,
    /// What may be in it.
    pub max_bytes: u64,
}

/// The spool, when there is one: SQLite's file is on the same disk, and is not away while that is there. The outer
/// `None`: something was reported.
#[expect(clippy::option_option, reason = "as for every key that may be left out")]
pub(super) fn spool(scope: &Scope<'_>, raw: &RawSpool, folder: &Path, is_server: bool) -> Option<Option<Spool>> {
    let dir = scope.required("dir", raw.dir.as_deref(), "").and_then(|raw| text(scope, "dir", raw));
    let max_bytes = scope.required("max_bytes", raw.max_bytes, "").and_then(|raw| match raw {
        0 => Some(0),
        _ => number(scope, "max_bytes", raw, LEAST..=MOST),
    });
    let (dir, max_bytes) = (folder.join(dir?), max_bytes?);
    Some((max_bytes > 0 && is_server).then_some(Spool { dir, max_bytes }))
}
