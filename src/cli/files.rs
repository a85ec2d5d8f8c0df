//! Raises the limit of open files of this process. Each connection is an open file. Shells and containers allow 1,024
//! at first, for old programs that count files in a table of fixed size. A process may raise its limit up to the
//! system's.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::Config;
use crate::service::doctor::open_files_needed;

/// Takes all that the system allows.
pub(super) fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    // It stays as it is where the system has other ideas.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Tells the operator of a daemon that may open fewer than its configuration lets come.
pub(super) fn warn_of_few(config: &Config) {
    let needed = open_files_needed(config);
    if let Some(allowed) = getrlimit(Resource::Nofile).current
        && allowed < needed
    {
        warn!(
            files.allowed = allowed,
            files.needed = needed,
            "http.max_connections and runtime.senders are more than this process may open: raise its limit of open files \
             (LimitNOFILE, ulimit -Hn), or webhooks are refused when all are in use"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_open_what_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        // Others in this process go on opening files.
        let fewer = before.maximum.map_or(4096, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(fewer), ..before }).unwrap();
        take_all();
        let after = getrlimit(Resource::Nofile);
        assert_eq!((after.current, after.maximum), (before.maximum, before.maximum));
    }
}
