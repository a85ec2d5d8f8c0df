//! The archive of a backup: a tar file, whose last entry says what the others must be.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use palabre_actors::domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, Header};

use crate::digest::hex;

/// The last entry.
pub(super) const MANIFEST: &str = "manifest.json";
/// Of the archives that this program writes and reads.
const FORMAT: u32 = 1;
/// A manifest of a million files is not larger.
const LONGEST_MANIFEST: u64 = 256 * 1024 * 1024;

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    format: u32,
    /// Of the program that made it.
    pub version: String,
    /// When the database was read.
    pub made_at: Timestamp,
    pub files: Vec<ArchivedFile>,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedFile {
    pub path: String,
    pub bytes: u64,
    sha256: String,
}

/// Hashes and counts what passes.
struct Measured<T> {
    inner: T,
    bytes: u64,
    hash: Sha256,
}

impl<T> Measured<T> {
    fn new(inner: T) -> Self {
        Self { inner, bytes: 0, hash: Sha256::new() }
    }

    fn finish(self, path: &str) -> ArchivedFile {
        let sha256 = hex(&self.hash.finalize());
        ArchivedFile { path: path.to_owned(), bytes: self.bytes, sha256 }
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes += read as u64;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// Writes an archive, file by file.
pub(super) struct ArchiveWriter<W: Write> {
    tar: Builder<W>,
    files: Vec<ArchivedFile>,
    made_at: Timestamp,
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn new(into: W, made_at: Timestamp) -> Self {
        Self { tar: Builder::new(into), files: Vec::new(), made_at }
    }

    /// Adds a file as it is now: what is appended to it meanwhile is left out.
    pub(super) fn add(&mut self, name: &str, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let mut measured = Measured::new(file.take(length));
        self.tar.append_data(&mut header(length), name, &mut measured)?;
        if measured.bytes != length {
            return Err(io::Error::other(format!("{name} became shorter while it was read")));
        }
        self.files.push(measured.finish(name));
        Ok(())
    }

    /// Ends it with its manifest.
    pub(super) fn finish(mut self) -> io::Result<(W, BackupManifest)> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let manifest = BackupManifest { format: FORMAT, version, made_at: self.made_at, files: self.files };
        let text = serde_json::to_vec_pretty(&manifest)?;
        self.tar.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
        Ok((self.tar.into_inner()?, manifest))
    }
}

fn header(length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    header
}

/// Reads a whole archive, hands each file to `take`, and holds them against the manifest. What `take` wrote counts only when
/// this succeeds.
pub(super) fn read(
    from: impl Read,
    mut take: impl FnMut(&Path, &mut dyn Read) -> io::Result<()>,
) -> io::Result<BackupManifest> {
    let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let (mut found, mut manifest) = (Vec::new(), None);
    let mut archive = Archive::new(from);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if manifest.is_some() || !entry.header().entry_type().is_file() || !is_inside(&path) {
            return Err(damaged(format!("{} does not belong into a backup", path.display())));
        }
        let name = path.to_string_lossy().into_owned();
        if name == MANIFEST {
            let mut text = Vec::new();
            (&mut entry).take(LONGEST_MANIFEST).read_to_end(&mut text)?;
            manifest = Some(serde_json::from_slice::<BackupManifest>(&text)?);
            continue;
        }
        let mut measured = Measured::new(&mut entry);
        take(&path, &mut measured)?;
        // What was not taken is part of the file, too.
        io::copy(&mut measured, &mut io::sink())?;
        found.push(measured.finish(&name));
    }
    let Some(manifest) = manifest else { return Err(damaged("the end of the backup is missing".to_owned())) };
    if manifest.format > FORMAT {
        return Err(damaged(format!("it was made by a newer palabre ({})", manifest.version)));
    }
    if let Some(other) = manifest.files.iter().zip(&found).find(|(said, found)| said != found) {
        return Err(damaged(format!("{} is not what was written", other.0.path)));
    }
    if manifest.files.len() != found.len() {
        return Err(damaged("files are missing".to_owned()));
    }
    Ok(manifest)
}

/// Whether a path leads nowhere but into the folder that it is unpacked to.
fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_))) && !path.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn at() -> Timestamp {
        chrono::Utc.with_ymd_and_hms(2026, 12, 1, 2, 0, 0).single().expect("a time")
    }

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = ArchiveWriter::new(Vec::new(), at());
        for (number, (name, text)) in files.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, text).expect("a file");
            writer.add(name, &File::open(&path).expect("a file")).expect("it is added");
        }
        writer.finish().expect("it ends").0
    }

    fn contents(bytes: &[u8]) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        read(bytes, |path, content| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            found.push((path.display().to_string(), text));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn an_archive_gives_back_what_it_was_given() {
        let long = "x".repeat(100_000);
        let files = [("palabre.db", long.as_str()), ("journal/belle/a.json", "{}\n"), ("spool/position", "")];
        let found = contents(&archive(&files)).expect("it is whole");
        assert_eq!(found, files.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(contents(&archive(&[])).expect("it is whole").is_empty());
    }

    #[test]
    fn what_was_changed_or_cut_is_seen() {
        let whole = archive(&[("palabre.db", "the database"), ("spool/1.spool", "messages")]);
        let place = whole.windows(12).position(|part| part == b"the database").expect("it is there");
        let mut changed = whole.clone();
        changed[place] = b'T';
        let refused = contents(&changed).expect_err("it was changed").to_string();
        assert_eq!(refused, "palabre.db is not what was written");
        for length in (0..whole.len() - 1_024).step_by(512) {
            assert!(contents(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for path in ["/etc/passwd", "../palabre.db", "a/../../b", ""] {
            assert!(!is_inside(Path::new(path)), "{path}");
        }
        assert!(is_inside(Path::new("journal/belle/a.json")));
    }
}
