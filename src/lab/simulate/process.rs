//! Processor time and memory of a process, from Linux's `/proc`. Elsewhere nothing is reported.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// `/proc` counts processor time in these, on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process(pub(super) u32);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// Processor time, of all its threads, in the kernel and out of it.
    pub(super) cpu: Duration,
    /// Resident memory now.
    pub(super) rss_bytes: u64,
    /// The most there ever was.
    pub(super) peak_bytes: u64,
}

impl Process {
    pub(super) fn own() -> Self {
        Self(std::process::id())
    }

    /// The one that listens on a port of this machine, if we may see it.
    pub(super) fn listening_on(address: SocketAddr) -> Option<Self> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
        let sockets: Vec<String> = tables.iter().flat_map(|table| listeners(table, address.port())).collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.find(|id| holds_any(*id, &sockets)).map(Self)
    }

    /// What it has used; `None` when it is gone.
    pub(super) fn usage(self) -> Option<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        Some(Usage {
            cpu: cpu(&stat)?,
            rss_bytes: kilobytes(&status, "VmRSS")?,
            peak_bytes: kilobytes(&status, "VmHWM")?,
        })
    }
}

/// User and system time: the 14th and 15th fields, counted behind the name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Duration::try_from_secs_f64((user + system) / TICKS_PER_SECOND).ok()
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The inodes of a table's sockets that listen on a port.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTENS: &str = "0A";
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let fits = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == LISTENS;
        fields.get(9).filter(|_| fits).map(|inode| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn holds_any(process: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(Path::new("/proc").join(process.to_string()).join("fd")) else { return false };
    files.flatten().any(|file| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        let inode = target.to_str().and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'));
        inode.is_some_and(|inode| sockets.iter().any(|socket| socket == inode))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 9 0 1234 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu("4242"), None);
        let status = "Name:\tpalabre\nVmHWM:\t   40960 kB\nVmRSS:\t   30720 kB\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(30 * 1024 * 1024));
        assert_eq!(kilobytes(status, "VmHWM"), Some(40 * 1024 * 1024));
        assert_eq!(kilobytes(status, "VmSwap"), None);
    }

    #[test]
    fn finds_listening_sockets_alone() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0\n\
            1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 778 1 0\n\
            2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 779 1 0\n";
        assert_eq!(listeners(table, 8080), ["777"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn finds_itself() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(Process::listening_on(listener.local_addr().unwrap()), Some(Process::own()));
        assert!(Process::own().usage().unwrap().rss_bytes > 0);
    }
}
