//! Check of the spool: what waits in it, and whether there is room.

use std::io::ErrorKind;

use super::finding::{DoctorFinding, text};
use super::{Installation, files};
use crate::spool::look;

const CHECK: &str = "spool";

pub(super) fn check(of: &Installation<'_>) -> Vec<DoctorFinding> {
    let Some(spool) = &of.config().spool else { return Vec::new() };
    let content = match look(&spool.dir) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = text("the daemon makes its folder when it starts", "le serveur crée son dossier au démarrage");
            return vec![DoctorFinding::good(CHECK, what)];
        }
        Err(error) => {
            let (folder, kind) = (spool.dir.display(), error.kind());
            return vec![DoctorFinding::wrong(
                CHECK,
                text(format!("{folder} cannot be read: {kind}"), format!("{folder} est illisible : {kind}")),
                text("give the folder to the daemon's user", "donner le dossier à l'utilisateur du serveur"),
            )];
        }
    };
    let mut findings = Vec::new();
    if content.records == 0 {
        findings.push(DoctorFinding::good(CHECK, text("nothing waits in it", "rien n'y attend")));
    } else {
        let count = content.records;
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(format!("{count} messages wait for the database"), format!("{count} messages attendent la base")),
            text(
                "let the daemon run with its database: it empties the spool by itself (docs/runbooks/spool.md)",
                "laisser tourner le serveur avec sa base : il vide le spool tout seul (docs/runbooks/spool.md)",
            ),
        ));
    }
    if content.set_aside > 0 {
        let count = content.set_aside;
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{count} files hold what was damaged, or what the database refused"),
                format!("{count} fichiers contiennent ce qui était abîmé, ou que la base a refusé"),
            ),
            text("docs/runbooks/spool.md says what to do", "docs/runbooks/spool.md dit quoi faire"),
        ));
    }
    findings.push(files::room(CHECK, &spool.dir));
    findings
}
