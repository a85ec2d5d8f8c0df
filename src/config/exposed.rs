//! Files and folders that other users of the machine may read or change: the database, the spool, secrets.
//!
//! What Palabre makes itself is private (0600, 0700). What was there before, or was copied from elsewhere, keeps its rights, so
//! they are looked at whenever a configuration is read: at the start, by `palabre check`, and by whoever calls [`exposed`].

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::files_read::ConfigFiles;
use super::problem::{Location, Problem, Severity, printable};
use super::types::Config;

/// Rights of others than the owner and the group.
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_ENTER: u32 = 0o001;
/// In a folder with this right, everybody changes their own files alone.
const STICKY: u32 = 0o1000;

/// What stands for a key in problems about rights.
const RIGHTS: &str = "rights";

/// Where containers find their secrets, readable for everybody inside: there is nobody else.
const IN_CONTAINERS: &str = "/run/secrets";

/// What others may read or change of what a configuration names. Files that nobody else can reach, because a folder above them is
/// private, are not meant.
#[must_use]
pub fn exposed(config: &Config, files: &ConfigFiles, main: &Path) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(database) = sqlite_file(&config.database.url) {
        for file in beside(&database) {
            found.extend(file_problem(&file, "the database"));
        }
        found.extend(database.parent().and_then(|folder| replaceable(folder, "the database")));
    }
    if let Some(spool) = &config.spool {
        found.extend(spool_problems(&spool.dir));
    }
    for secret in files.secrets().filter(|path| !path.starts_with(IN_CONTAINERS)) {
        found.extend(file_problem(secret, "a secret"));
    }
    if has_password(config, files) {
        found.extend(file_problem(&absolute(main), "a password"));
    }
    found
}

fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://")?;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(absolute(Path::new(&path.replace("%20", " "))))
}

/// The database's file with its log, its index of words and its lock: `palabre.db`, `palabre.db-wal`, …
fn beside(database: &Path) -> BTreeSet<PathBuf> {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else { return BTreeSet::new() };
    let is_of_it = |other: &OsStr| {
        let rest = other.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| is_of_it(&entry.file_name())).map(|entry| entry.path()).collect()
}

fn spool_problems(folder: &Path) -> Vec<Problem> {
    let mut found: Vec<Problem> = folder_problem(folder, "the spool").into_iter().collect();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => {
                found.push(problem(
                    &entry.path(),
                    ("", "there is a link in the spool, which is not read".to_owned()),
                    "remove it, and look who may write into the folder",
                ));
            }
            Ok(kind) if kind.is_file() => found.extend(file_problem(&entry.path(), "the spool")),
            _ => {}
        }
    }
    found
}

/// Whether the daemon's own file has a password in it: that of a database, or of Redis.
fn has_password(config: &Config, files: &ConfigFiles) -> bool {
    let in_url = |url: &str| {
        let (_, rest) = url.split_once("://")?;
        let (user, _) = rest.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        Some(!password.is_empty() && files.main.contains(password))
    };
    in_url(&config.database.url).unwrap_or(false)
}

fn file_problem(path: &Path, what: &str) -> Option<Problem> {
    let rights = rights_of_others(path)?;
    let may = match (rights & OTHERS_READ != 0, rights & OTHERS_WRITE != 0) {
        (_, true) => "change",
        (true, false) => "read",
        (false, false) => return None,
    };
    let reason = format!("every user of this machine may {may} {what} (its rights are {:03o})", rights & 0o777);
    let help = "take the rights of others away: `chmod o-rwx`; 0600 is what palabre gives its files";
    Some(problem(path, (RIGHTS, reason), help))
}

fn folder_problem(path: &Path, what: &str) -> Option<Problem> {
    let rights = rights_of_others(path).filter(|rights| rights & (OTHERS_READ | OTHERS_WRITE) != 0)?;
    let reason = format!(
        "every user of this machine may look into the folder of {what} (its rights are {:03o})",
        rights & 0o777
    );
    let help = "take the rights of others away: `chmod o-rwx`; 0700 is what palabre gives its folders";
    Some(problem(path, (RIGHTS, reason), help))
}

/// A folder in which anybody may put another file in the place of a private one.
fn replaceable(folder: &Path, what: &str) -> Option<Problem> {
    let rights = rights_of_others(folder).filter(|rights| rights & OTHERS_WRITE != 0 && rights & STICKY == 0)?;
    let reason =
        format!("every user of this machine may replace {what}: its folder's rights are {:03o}", rights & 0o777);
    Some(problem(folder, (RIGHTS, reason), "take the right to write away from others: `chmod o-w`"))
}

/// The rights of a file that others can reach. `None`: they cannot, or there is nothing.
#[must_use]
pub fn rights_of_others(path: &Path) -> Option<u32> {
    let real = path.canonicalize().ok()?;
    let mode = |path: &Path| std::fs::metadata(path).map(|found| found.mode());
    let reachable = real.ancestors().skip(1).all(|above| mode(above).is_ok_and(|mode| mode & OTHERS_ENTER != 0));
    reachable.then(|| mode(&real).ok()).flatten()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Problem {
    /// Whether it says who else may read or change a file.
    #[must_use]
    pub fn is_about_rights(&self) -> bool {
        self.key == RIGHTS
    }
}

fn problem(path: &Path, (key, reason): (&str, String), help: &str) -> Problem {
    Problem {
        severity: Severity::Warning,
        place: Location::File(printable(&path.display().to_string())),
        key: key.to_owned(),
        reason,
        help: Some(help.to_owned()),
        excerpt: None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder that others may enter, whatever the umask of whoever runs the tests.
    fn open_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        set(folder.path(), 0o755);
        folder
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("rights");
    }

    fn file(path: &Path, mode: u32) {
        fs::write(path, "x").expect("a file");
        set(path, mode);
    }

    fn reasons(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|problem| problem.reason.clone()).collect()
    }

    #[test]
    fn rights_of_others_are_seen_where_others_come() {
        let folder = open_folder();
        if rights_of_others(folder.path()).is_none() {
            return; // Temporary folders of this machine are private.
        }
        let secret = folder.path().join("token");
        for (mode, expected) in [
            (0o600, None),
            (0o640, None),
            (0o644, Some("every user of this machine may read a secret (its rights are 644)")),
            (0o602, Some("every user of this machine may change a secret (its rights are 602)")),
            (0o666, Some("every user of this machine may change a secret (its rights are 666)")),
        ] {
            file(&secret, mode);
            let told = file_problem(&secret, "a secret").map(|problem| problem.reason);
            assert_eq!(told.as_deref(), expected, "{mode:o}");
        }
        set(folder.path(), 0o700);
        assert_eq!(file_problem(&secret, "a secret"), None, "nobody else comes there");
        assert_eq!(file_problem(&folder.path().join("none"), "a secret"), None);
    }

    #[test]
    fn a_database_is_looked_at_with_what_stands_beside_it() {
        let folder = open_folder();
        if rights_of_others(folder.path()).is_none() {
            return; // Temporary folders of this machine are private.
        }
        for name in ["palabre.db", "palabre.db-wal", "palabre.db-search", "palabre.dbx", "other.db"] {
            file(&folder.path().join(name), 0o644);
        }
        let database = folder.path().join("palabre.db");
        let names = beside(&database);
        let names: Vec<_> = names.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["palabre.db", "palabre.db-search", "palabre.db-wal"]);
        assert_eq!(replaceable(folder.path(), "the database"), None);
        set(folder.path(), 0o777);
        assert!(replaceable(folder.path(), "the database").is_some());
        set(folder.path(), 0o1777);
        assert_eq!(replaceable(folder.path(), "the database"), None);
        assert_eq!(sqlite_file("sqlite:///srv/a%20b/palabre.db?mode=rwc"), Some("/srv/a b/palabre.db".into()));
        assert_eq!(sqlite_file("postgres://u:p@h/d"), None);
    }

    #[test]
    fn links_and_open_files_in_the_spool_are_seen() {
        let folder = open_folder();
        if rights_of_others(folder.path()).is_none() {
            return; // Temporary folders of this machine are private.
        }
        let spool = folder.path().join("spool");
        fs::create_dir(&spool).expect("a folder");
        set(&spool, 0o755);
        file(&spool.join("1.spool"), 0o644);
        file(&spool.join("2.spool"), 0o600);
        symlink("/etc/passwd", spool.join("3.spool")).expect("a link");
        let mut told = reasons(&spool_problems(&spool));
        told.sort();
        assert_eq!(
            told,
            [
                "every user of this machine may look into the folder of the spool (its rights are 755)",
                "every user of this machine may read the spool (its rights are 644)",
                "there is a link in the spool, which is not read",
            ]
        );
        set(&spool, 0o700);
        assert_eq!(reasons(&spool_problems(&spool)), ["there is a link in the spool, which is not read"]);
    }
}
