//! Files of the spool: segments of records, written at the end, read at the front.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use palabre_actors::domain::printable;
use rustix::fs::OFlags;

use super::codec::{self, Decoded};
use super::{AppendError, SpoolError};

const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;
/// A segment is closed when it is this long: what is taken gives its room back in such pieces.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// The least that is read at once.
const WINDOW: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct SpoolFiles {
    folder: PathBuf,
    max_bytes: u64,
    segments: VecDeque<Segment>,
    /// The last segment, while it is appended to. An earlier process's segment is not: its end may be cut.
    active: Option<File>,
    position: Position,
    position_file: File,
    records: u64,
    _lock: File,
}

/// A file of records.
#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    /// Valid bytes. A failed write may have left more.
    bytes: u64,
}

/// Up to where everything is in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawEntry {
    pub at_ms: i64,
    pub payload: Vec<u8>,
}

impl RawEntry {
    /// Its size on disk.
    pub fn bytes(&self) -> u64 {
        (codec::HEADER + self.payload.len()) as u64
    }
}

/// The oldest records, and where they end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SpoolPage {
    pub entries: Vec<RawEntry>,
    pub upto: Position,
}

impl SpoolFiles {
    /// Opens the folder, and makes it when there is none. A record that a kill cut short is cut off: its webhook was
    /// not answered.
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| if is_link(&path) { SpoolError::Link { path } } else { SpoolError::File { path, source } }
        };
        DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder).map_err(failed(folder))?;
        // The folder's name must survive a power cut, and so must those of the segments.
        let outer = folder.parent().filter(|outer| !outer.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(outer).and_then(|outer| outer.sync_all()).map_err(failed(outer))?;
        let lock_path = folder.join("lock");
        let lock = private(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        let position_path = folder.join("position");
        let position_file = private(&position_path).map_err(failed(&position_path))?;
        let position = Position::read(&position_file);
        let mut files = Self {
            folder: folder.to_owned(),
            max_bytes,
            segments: VecDeque::new(),
            active: None,
            position,
            position_file,
            records: 0,
            _lock: lock,
        };
        for number in files.numbers().map_err(failed(folder))? {
            let path = files.path(number);
            if number < position.segment {
                fs::remove_file(&path).map_err(failed(&path))?;
            } else {
                files.survey(number, &path)?;
            }
        }
        Ok(files)
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            if file.file_type()?.is_symlink() {
                tracing::warn!(
                    spool.file = %printable::shown(&file.path().display().to_string()),
                    "there is a link in the spool, which is not read: remove it, and look who may write into the folder"
                );
                continue;
            }
            let name = file.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".spool")).and_then(|name| name.parse().ok());
            numbers.extend::<Option<u64>>(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Counts what an earlier process left in a segment.
    fn survey(&mut self, number: u64, path: &Path) -> Result<(), SpoolError> {
        let failed = |source| SpoolError::File { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        own(OpenOptions::new().read(true))
            .open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(failed)?;
        let mut at = if number == self.position.segment { index(self.position.offset).min(bytes.len()) } else { 0 };
        while at < bytes.len() {
            match codec::read(&bytes, at) {
                Decoded::Record { payload, .. } => {
                    at = payload.end;
                    self.records += 1;
                }
                Decoded::Damaged { until } => {
                    self.set_damage_aside(number, at, &bytes[at..until]).map_err(failed)?;
                    at = until;
                }
                Decoded::Newer => return Err(SpoolError::Newer { path: path.to_owned() }),
                Decoded::Torn => {
                    let file = own(OpenOptions::new().write(true)).open(path).map_err(failed)?;
                    file.set_len(at as u64).and_then(|()| file.sync_data()).map_err(failed)?;
                    break;
                }
            }
        }
        self.segments.push_back(Segment { number, bytes: at as u64 });
        Ok(())
    }

    /// Appends encoded records, and returns when they are on the disk.
    pub fn append(&mut self, encoded: &[u8], records: u64) -> Result<(), AppendError> {
        if self.bytes() + encoded.len() as u64 > self.max_bytes {
            return Err(AppendError::Full);
        }
        let written = self.ready(encoded.len() as u64).and_then(|()| match (&mut self.active, self.segments.back()) {
            (Some(file), Some(_)) => file.write_all(encoded).and_then(|()| file.sync_data()),
            _ => Err(io::ErrorKind::NotFound.into()),
        });
        if let Err(error) = written {
            // What reached the disk is not known. No webhook was answered for it, and nothing is written behind it.
            if let (Some(file), Some(segment)) = (self.active.take(), self.segments.back()) {
                let _ = file.set_len(segment.bytes);
            }
            return Err(AppendError::Failed(error));
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes += encoded.len() as u64;
        }
        self.records += records;
        Ok(())
    }

    /// Makes sure that there is a segment with space for so many bytes.
    fn ready(&mut self, bytes: u64) -> io::Result<()> {
        let longest = SEGMENT_BYTES.min(self.max_bytes / 4);
        let full = self.segments.back().is_some_and(|last| last.bytes > 0 && last.bytes + bytes > longest);
        if self.active.is_some() && !full {
            return Ok(());
        }
        let mut number = self.segments.back().map_or(self.position.segment, |last| last.number) + 1;
        while is_link(&self.path(number)) {
            number += 1;
        }
        let path = self.path(number);
        self.active = Some(OpenOptions::new().append(true).create_new(true).mode(PRIVATE).open(path)?);
        self.segments.push_back(Segment { number, bytes: 0 });
        File::open(&self.folder)?.sync_all()
    }

    /// Reads the oldest records, `most` at most, in order. They stay until [`SpoolFiles::advance`].
    pub fn peek(&mut self, most: usize) -> Result<SpoolPage, SpoolError> {
        let mut page = SpoolPage { entries: Vec::new(), upto: self.position };
        for segment in self.segments.clone() {
            let from = if segment.number == page.upto.segment { page.upto.offset } else { 0 };
            page.upto = Position { segment: segment.number, offset: from };
            self.read_on(segment, most, &mut page)?;
            if !page.entries.is_empty() {
                break;
            }
        }
        Ok(page)
    }

    /// Reads on in one segment.
    fn read_on(&self, segment: Segment, most: usize, page: &mut SpoolPage) -> Result<(), SpoolError> {
        let path = self.path(segment.number);
        let failed = |source| SpoolError::File { path: path.clone(), source };
        let file = own(OpenOptions::new().read(true)).open(&path).map_err(failed)?;
        let mut window = WINDOW;
        while page.entries.is_empty() && page.upto.offset < segment.bytes {
            let left = index(segment.bytes - page.upto.offset);
            let mut bytes = vec![0; left.min(window)];
            file.read_exact_at(&mut bytes, page.upto.offset).map_err(failed)?;
            let mut at = 0;
            while at < bytes.len() && page.entries.len() < most {
                let until = match codec::read(&bytes, at) {
                    Decoded::Record { at_ms, payload } => {
                        at = payload.end;
                        page.entries.push(RawEntry { at_ms, payload: bytes[payload].to_vec() });
                        continue;
                    }
                    Decoded::Newer => return Err(SpoolError::Newer { path: path.clone() }),
                    // The record may go on behind the window: it is widened, or the next page begins here.
                    Decoded::Torn | Decoded::Damaged { .. } if bytes.len() < left => break,
                    // The segment was valid up to its end once, so this is damage.
                    Decoded::Torn => bytes.len(),
                    Decoded::Damaged { until } => until,
                };
                let offset = index(page.upto.offset) + at;
                self.set_damage_aside(segment.number, offset, &bytes[at..until]).map_err(failed)?;
                at = until;
            }
            page.upto.offset += at as u64;
            window = if at == 0 { usize::MAX } else { WINDOW };
        }
        Ok(())
    }

    /// Removes `records` records up to `upto`, which are in the database. Returns how many are left.
    pub fn advance(&mut self, upto: Position, records: u64) -> Result<u64, SpoolError> {
        self.position = upto;
        self.records = self.records.saturating_sub(records);
        let last = self.segments.back().copied();
        if last.is_none_or(|last| last.number == upto.segment && last.bytes <= upto.offset) {
            // Nothing is left. Records lost by damage are not counted any more.
            self.records = 0;
            self.active = None;
            self.position = Position { segment: upto.segment + 1, offset: 0 };
        }
        let at = self.position;
        let failed = |source| SpoolError::File { path: self.folder.join("position"), source };
        at.write(&self.position_file).map_err(failed)?;
        while let Some(first) = self.segments.front().copied()
            && first.number < at.segment
        {
            let path = self.path(first.number);
            fs::remove_file(&path).map_err(|source| SpoolError::File { path, source })?;
            self.segments.pop_front();
        }
        Ok(self.records)
    }

    /// Writes records that the database will never take to `refused.spool`.
    pub fn set_aside(&self, refused: &[RawEntry]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for entry in refused {
            codec::encode(&entry.payload, entry.at_ms, &mut bytes);
        }
        let mut file = private_append(&self.folder.join("refused.spool"))?;
        file.write_all(&bytes)?;
        file.sync_all()
    }

    fn set_damage_aside(&self, number: u64, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(format!("damaged-{number}-{offset}"));
        match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&path) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                file.sync_all()?;
                metrics::counter!(super::metric::DAMAGED).increment(1);
                tracing::error!(
                    spool.file = %path.display(),
                    spool.bytes = bytes.len(),
                    "a part of the spool is damaged and was set aside: messages may be lost, see docs/runbooks/spool.md"
                );
                Ok(())
            }
            // Seen before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Records that are not in the database yet.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.spool"))
    }
}

impl Position {
    /// Reads segment, offset, and the checksum of both. Anything else is the beginning.
    pub(super) fn read(file: &File) -> Self {
        let mut bytes = [0; 20];
        let Ok(()) = file.read_exact_at(&mut bytes, 0) else { return Self::default() };
        let (said, sum) = bytes.split_at(16);
        let (segment, offset) = said.split_at(8);
        let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        match (number(segment), number(offset), sum.first_chunk()) {
            (Some(segment), Some(offset), Some(sum)) if u32::from_le_bytes(*sum) == codec::checksum(said) => {
                Self { segment, offset }
            }
            _ => Self::default(),
        }
    }

    fn write(self, file: &File) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(20);
        bytes.extend(self.segment.to_le_bytes());
        bytes.extend(self.offset.to_le_bytes());
        bytes.extend(codec::checksum(&bytes).to_le_bytes());
        file.write_all_at(&bytes, 0)
    }
}

fn private(path: &Path) -> io::Result<File> {
    own(OpenOptions::new().create(true).truncate(false).read(true).write(true)).mode(PRIVATE).open(path)
}

fn private_append(path: &Path) -> io::Result<File> {
    own(OpenOptions::new().create(true).append(true)).mode(PRIVATE).open(path)
}

/// Opens what is in the folder itself, and nothing that a link there leads to.
fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|file| file.is_symlink())
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
