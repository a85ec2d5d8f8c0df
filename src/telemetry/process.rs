//! Process metrics, read from `/proc`. Without `/proc` the gauges are missing.

use std::fs;
use std::time::Instant;

use super::metrics::catalogue;

/// Linux reports CPU time to user space in hundredths of a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Sets the process gauges. Four small reads, some 50 µs.
pub(super) fn refresh(started: Instant) {
    ::metrics::gauge!(catalogue::PROCESS_UPTIME).set(started.elapsed().as_secs_f64());
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kibibytes) = status_field(&status, "VmRSS:") {
            ::metrics::gauge!(catalogue::PROCESS_RESIDENT_MEMORY).set(kibibytes * 1024.0);
        }
        if let Some(threads) = status_field(&status, "Threads:") {
            ::metrics::gauge!(catalogue::PROCESS_THREADS).set(threads);
        }
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
        ::metrics::gauge!(catalogue::PROCESS_CPU).set(seconds);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // The listing itself holds one descriptor open.
        let open = entries.count().saturating_sub(1);
        ::metrics::gauge!(catalogue::PROCESS_OPEN_FDS).set(u32::try_from(open).unwrap_or(u32::MAX));
    }
}

fn status_field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// User and system time: the 14th and 15th fields, counted after the command's name, which may hold spaces and
/// parentheses.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_proc_writes() {
        let status = "Name:\tpalabre\nVmRSS:\t   37544 kB\nThreads:\t9\n";
        assert_eq!(status_field(status, "VmRSS:"), Some(37544.0));
        assert_eq!(status_field(status, "Threads:"), Some(9.0));
        assert_eq!(status_field(status, "VmSwap:"), None);

        let stat = "4242 (pal) abre) S 1 4242 4242 0 -1 4194560 900 0 3 0 250 150 0 0 20 0 9 0 100 200 300";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("4242 palabre"), None);
    }
}
