//! Check of the system's limits.

use rustix::process::{Resource, getrlimit};

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::config::Config;

const CHECK: &str = "limits";

/// The log, the database, the spool, clocks, pipes.
const OTHERS: u64 = 128;

/// How many files a daemon of a configuration may have to open at once: each connection is one.
#[must_use]
pub fn open_files_needed(config: &Config) -> u64 {
    let many = [config.http.max_connections, config.runtime.senders];
    many.iter().fold(OTHERS, |sum, many| sum.saturating_add(u64::try_from(*many).unwrap_or(u64::MAX)))
}

pub(super) fn check(of: &Installation<'_>) -> Vec<DoctorFinding> {
    let needed = open_files_needed(of.config());
    // The most that a process may raise its own limit to, which the daemon does.
    let allowed = getrlimit(Resource::Nofile).maximum;
    vec![judged(needed, allowed)]
}

fn judged(needed: u64, allowed: Option<u64>) -> DoctorFinding {
    match allowed.filter(|allowed| *allowed < needed) {
        None => DoctorFinding::good(
            CHECK,
            text("as many files may be open as are needed", "on peut ouvrir autant de fichiers qu'il en faut"),
        ),
        Some(allowed) => DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{allowed} files may be open here, the configuration may need {needed}"),
                format!("on peut ouvrir {allowed} fichiers ici, la configuration peut en demander {needed}"),
            ),
            text(
                "raise LimitNOFILE of the unit (`ulimit -Hn`), or lower http.max_connections",
                "relever LimitNOFILE du service (`ulimit -Hn`), ou baisser http.max_connections",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::SetupLevel;

    #[test]
    fn too_few_files_are_doubtful() {
        for (allowed, level) in
            [(None, SetupLevel::Good), (Some(1_000), SetupLevel::Good), (Some(999), SetupLevel::Doubtful)]
        {
            assert_eq!(judged(1_000, allowed).level, level, "{allowed:?}");
        }
    }
}
