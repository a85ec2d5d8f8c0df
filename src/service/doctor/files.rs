//! Check of files and folders: who may read what holds personal data or secrets, and how much room is left.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use rustix::process::geteuid;

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::config::rights_of_others;
use crate::service::backup::beside;
use crate::store::sqlite_path;

const CHECK: &str = "files";

/// Others may read, write, pass through.
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_PASS: u32 = 0o001;

const MEGABYTE: u64 = 1_000_000;
/// Less than this does not take a night's messages.
const SCARCE_BYTES: u64 = 1_000 * MEGABYTE;
/// Less than this is full within minutes.
const FULL_BYTES: u64 = 100 * MEGABYTE;

pub(super) fn check(of: &Installation<'_>) -> Vec<DoctorFinding> {
    let config = of.config();
    let mut private: Vec<PathBuf> = of.loaded.files.secrets().map(Path::to_owned).collect();
    if let Some(database) = sqlite_path(&config.database.url) {
        private.extend(["", "-wal", "-search"].map(|end| beside(&database, end)));
    }
    private.extend(config.spool.as_ref().map(|spool| spool.dir.clone()));
    private.extend(config.media.folder().map(Path::to_owned));
    private.push(config.privacy.export_dir.clone());
    private.extend(config.tenants.iter().filter_map(|tenant| Some(tenant.journal.as_ref()?.dir.clone())));
    let open: Vec<PathBuf> = [of.path].into_iter().chain(of.loaded.files.tenants()).map(Path::to_owned).collect();
    let mut findings: Vec<DoctorFinding> = private.iter().filter_map(|path| exposed(path)).collect();
    findings.extend(open.iter().chain(&private).filter_map(|path| writable(path)));
    findings.extend(sqlite_path(&config.database.url).as_deref().and_then(foreign));
    if findings.is_empty() {
        let what = text(
            "only their owner reads the database and secrets, and nobody else changes the configuration",
            "seul leur propriétaire lit la base et les secrets, et personne d'autre ne change la configuration",
        );
        findings.push(DoctorFinding::good(CHECK, what));
    }
    findings
}

/// A file that holds personal data or a secret, and that every user of the machine can read.
fn exposed(path: &Path) -> Option<DoctorFinding> {
    let metadata = std::fs::metadata(path).ok()?;
    if !has(path, &metadata, OTHERS_READ) {
        return None;
    }
    let how = if metadata.is_dir() { "700" } else { "600" };
    let command = format!("chmod {how} {}", path.display());
    Some(
        DoctorFinding::doubtful(
            CHECK,
            text(
                "every user of this machine can read it, and it holds secrets or personal data",
                "tout utilisateur de cette machine peut le lire, et il contient des secrets ou des données personnelles",
            ),
            text(command.clone(), command),
        )
        .about(path.display().to_string()),
    )
}

/// A file that every user of the machine can change.
fn writable(path: &Path) -> Option<DoctorFinding> {
    let metadata = std::fs::metadata(path).ok()?;
    if !has(path, &metadata, OTHERS_WRITE) {
        return None;
    }
    let command = format!("chmod o-w {}", path.display());
    Some(
        DoctorFinding::wrong(
            CHECK,
            text("every user of this machine can change it", "tout utilisateur de cette machine peut le changer"),
            text(command.clone(), command),
        )
        .about(path.display().to_string()),
    )
}

/// A database of somebody else: what is seen here is not what the daemon sees.
fn foreign(database: &Path) -> Option<DoctorFinding> {
    let owner = std::fs::metadata(database).ok()?.uid();
    let own = geteuid().as_raw();
    (owner != own).then(|| {
        DoctorFinding::doubtful(
            CHECK,
            text(
                format!("the database is user {owner}'s, and this runs as user {own}: rights are not seen as the daemon has them"),
                format!("la base est à l'utilisateur {owner}, et ceci tourne en {own} : les droits vus ne sont pas ceux du serveur"),
            ),
            text("run this as the daemon's user (docs/operations.md)", "lancer ceci comme l'utilisateur du serveur (docs/operations.md)"),
        )
    })
}

/// Whether others have a right, and get there.
fn has(path: &Path, metadata: &Metadata, right: u32) -> bool {
    let right = if metadata.is_dir() { right | OTHERS_PASS } else { right };
    rights_of_others(path).is_some_and(|rights| rights & right == right)
}

/// How much room the disk of a folder has.
pub(super) fn room(check: &'static str, folder: &Path) -> DoctorFinding {
    // What is not there yet will be on the disk of what is.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let Ok(disk) = statvfs(there) else {
        let what = format!("the disk of {} cannot be asked", folder.display());
        let french = format!("le disque de {} ne répond pas", folder.display());
        return DoctorFinding::doubtful(
            check,
            text(what, french),
            text("look whether it is mounted", "regarder s'il est monté"),
        );
    };
    judged_room(check, disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize))
}

fn judged_room(check: &'static str, left: u64, all: u64) -> DoctorFinding {
    let (megabytes, percent) = (left / MEGABYTE, left.saturating_mul(100) / all.max(1));
    let what = text(
        format!("its disk has {megabytes} MB left ({percent} %)"),
        format!("il reste {megabytes} Mo sur son disque ({percent} %)"),
    );
    let todo = text("make room, before nothing can be written", "faire de la place, avant que plus rien ne s'écrive");
    match left {
        left if left < FULL_BYTES => DoctorFinding::wrong(check, what, todo),
        left if left < SCARCE_BYTES => DoctorFinding::doubtful(check, what, todo),
        _ => DoctorFinding::good(check, what),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::gateway::SetupLevel;

    #[test]
    fn rights_of_others_count_where_they_get_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        create_dir(&inner).expect("a folder");
        let file = inner.join("secret");
        write(&file, "x").expect("a file");
        for (outer, mode, is_exposed, is_writable) in [
            (0o755, 0o600, false, false),
            (0o755, 0o640, false, false),
            (0o755, 0o644, true, false),
            (0o755, 0o666, true, true),
            (0o700, 0o666, false, false),
        ] {
            set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
            set_permissions(&inner, Permissions::from_mode(outer)).expect("ours");
            set_permissions(&file, Permissions::from_mode(mode)).expect("ours");
            assert_eq!(exposed(&file).is_some(), is_exposed, "{outer:o} {mode:o}");
            assert_eq!(writable(&file).is_some(), is_writable, "{outer:o} {mode:o}");
        }
        assert!(exposed(&folder.path().join("none")).is_none());
    }

    #[test]
    fn little_room_is_told() {
        let gigabyte = 1_000 * MEGABYTE;
        for (left, level) in [
            (500 * gigabyte, SetupLevel::Good),
            (999 * MEGABYTE, SetupLevel::Doubtful),
            (99 * MEGABYTE, SetupLevel::Wrong),
            (0, SetupLevel::Wrong),
        ] {
            assert_eq!(judged_room("x", left, 1_000 * gigabyte).level, level, "{left}");
        }
        assert_eq!(judged_room("x", 0, 0).level, SetupLevel::Wrong);
    }
}
