//! A clock of one process that can be moved.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What moves it: for `LD_PRELOAD`.
const SOURCE: &str = include_str!("clock.c");

/// The clock of a process that has [`Clock::variables`] in its environment.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
    library: PathBuf,
}

impl Clock {
    /// One that is right.
    ///
    /// # Panics
    /// There is no C compiler on this machine.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it compiles a library")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let library = library(folder.path());
        let clock = Self { folder, library };
        clock.set(0);
        clock
    }

    /// It is so many seconds ahead from now on.
    pub fn set(&self, seconds: i64) {
        // The file is mapped: it keeps its length.
        let file = File::options().write(true).create(true).truncate(false).open(self.file());
        file.and_then(|mut file| writeln!(file, "{seconds:+010}")).expect("a file");
    }

    /// What the process has in its environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("LD_PRELOAD", self.library.display().to_string()), ("CLOCK_FILE", self.file().display().to_string())]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

/// Compiles the library into a folder.
///
/// # Panics
/// There is no C compiler on this machine.
#[must_use]
pub fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&source, SOURCE).expect("a file");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).status();
    assert!(made.is_ok_and(|made| made.success()), "a C compiler is there: run .ci/prepare");
    library
}
