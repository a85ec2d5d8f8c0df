//! What is in a spool's folder, for those who look at it beside its daemon.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::codec::{self, Decoded};
use super::files::Position;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolContent {
    /// Messages and callbacks that are not in the database yet.
    pub records: u64,
    /// When the oldest came, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// Files that hold what could not be read, or what the database refused for good.
    pub set_aside: u64,
}

/// Counts what waits in a folder. Nothing is changed, and nothing is locked: a daemon that works meanwhile may have moved some.
///
/// # Errors
/// The folder or a file of it cannot be read.
pub fn look(folder: &Path) -> io::Result<SpoolContent> {
    let position = File::open(folder.join("position")).map(|file| Position::read(&file)).unwrap_or_default();
    let mut content = SpoolContent::default();
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name == "refused.spool" || name.starts_with("damaged-") {
            content.set_aside += 1;
        } else if let Some(number) = name.strip_suffix(".spool").and_then(|name| name.parse::<u64>().ok()) {
            segments.push((number, name));
        }
    }
    segments.sort_unstable();
    for (number, name) in segments.into_iter().filter(|(number, _)| *number >= position.segment) {
        let bytes = match fs::read(folder.join(name)) {
            Ok(bytes) => bytes,
            // The daemon has emptied it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let begin = if number == position.segment { position.offset } else { 0 };
        let mut at = usize::try_from(begin).unwrap_or(usize::MAX).min(bytes.len());
        while at < bytes.len() {
            match codec::read(&bytes, at) {
                Decoded::Record { at_ms, payload } => {
                    content.records += 1;
                    content.oldest_ms = content.oldest_ms.or(Some(at_ms));
                    at = payload.end;
                }
                Decoded::Damaged { until } => at = until,
                Decoded::Torn | Decoded::Newer => break,
            }
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::files::SpoolFiles;

    #[test]
    fn what_waits_is_counted_beside_the_daemon() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(look(&folder.path().join("none")).is_err());
        let path = folder.path().join("spool");
        let mut files = SpoolFiles::open(&path, 1024 * 1024).expect("it opens");
        assert_eq!(look(&path).expect("a folder"), SpoolContent::default());
        for at in [7, 8, 9] {
            let mut record = Vec::new();
            codec::encode(b"something", at, &mut record);
            files.append(&record, 1).expect("it is written");
        }
        let found = look(&path).expect("a folder");
        assert_eq!(found, SpoolContent { records: 3, oldest_ms: Some(7), set_aside: 0 });
        let page = files.peek(1).expect("a page");
        let taken = page.entries.len() as u64;
        files.advance(page.upto, taken).expect("it moves on");
        assert_eq!(look(&path).expect("a folder").records, 3 - taken);
        fs::write(path.join("refused.spool"), b"x").expect("a file");
        assert_eq!(look(&path).expect("a folder").set_aside, 1);
    }
}
