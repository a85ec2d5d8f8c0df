//! The repository's text files.

use std::fs;
use std::path::Path;

/// Folders that hold what tools made.
const MADE: [&str; 4] = ["target", "node_modules", "venv", ".git"];

/// Files by their path, which is relative to the repository and has forward slashes.
#[derive(Debug, Default)]
pub(super) struct Tree(Vec<(String, String)>);

impl Tree {
    pub(super) fn of_the_repository() -> Self {
        let mut tree = Self::default();
        tree.walk(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        tree.0.sort();
        assert!(tree.has("src/main.rs") && tree.has("README.md"), "this is not the repository");
        tree
    }

    /// A tree that a test makes up.
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().expect("a file's name is text");
            if MADE.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"));
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                self.0.push((path, text));
            }
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn with_ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(ending))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files().find(|(at, _)| *at == path).map(|(_, text)| text)
    }

    /// Whether there is such a file, or a folder with one in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files().any(|(at, _)| at == path || at.starts_with(&folder))
    }
}
