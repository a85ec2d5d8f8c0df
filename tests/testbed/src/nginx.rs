//! nginx in front of nodes: a process of a test's own, with the site file that operators install.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{WATCHMAN, Watchman, am_root, lasting_port};

/// No start takes this long; it only turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);
/// The names of its certificates.
const LASTING: &str = "lasting";
const ENDING: &str = "ending";
/// Whom it runs as when root runs the tests: user and group `nobody` of every Linux.
const NOBODY: u32 = 65_534;
/// What Debian's own `nginx.conf` has around a site, but for its folders: all of them are ours.
const AROUND: &str = "daemon off;
worker_processes 2;
pid {folder}/pid;
events { worker_connections 4096; }
http {
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log {folder}/others.log;
    include {folder}/site.conf;
}
";

/// A server. It ends with its owner.
#[derive(Debug)]
pub struct Server {
    /// Ends before its folder goes.
    _watchman: Watchman,
    folder: TempDir,
    port: u16,
    tls_port: u16,
}

impl Server {
    /// Starts one on a site file, the sample of `config/nginx`, that passes requests on to these ports of loopback. Nothing
    /// of the file is changed but where things are: its ports, its files, and a line for each node instead of the one.
    ///
    /// # Panics
    /// There is no nginx on this machine, it refuses the file, or the file is not the sample any more.
    #[must_use]
    pub fn start(sample: &str, nodes: &[u16]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, port, tls_port) = (folder.path().display().to_string(), lasting_port(), lasting_port());
        certify(folder.path());
        fs::write(folder.path().join("nginx.conf"), AROUND.replace("{folder}", &path)).expect("a file");
        fs::write(folder.path().join("site.conf"), moved(sample, &path, (port, tls_port), nodes)).expect("a file");
        if am_root() {
            let entries = fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.path());
            for path in entries.chain([folder.path().to_owned()]) {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
        }
        let mut command = Command::new("sh");
        if am_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let told = ["-e", &format!("{path}/error.log"), "-p", &path, "-c", &format!("{path}/nginx.conf")];
        command.args(["-c", WATCHMAN, "sh"]).arg(program()).args(told).current_dir("/");
        let server = Self { _watchman: Watchman::start(&mut command), folder, port, tls_port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let refused = server.errors().contains("[emerg]") || begun.elapsed() > DEADLINE;
            assert!(!refused, "nginx does not start, run .ci/prepare: {}", server.errors());
            std::thread::yield_now();
        }
        server
    }

    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `https://localhost:…`: whoever believes [`Server::believed`] believes its certificate.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// A file with its certificates.
    #[must_use]
    pub fn believed(&self) -> PathBuf {
        self.folder.path().join("believed")
    }

    /// The shell command that has it use the certificate that ends within days, or the lasting one again.
    #[must_use]
    pub fn certificate_command(&self, lasting: bool) -> String {
        let which = if lasting { LASTING } else { ENDING };
        let folder = self.folder.path().display();
        format!("cd '{folder}' && cp {which}.certificate certificate && cp {which}.key key && kill -HUP \"$(cat pid)\"")
    }

    /// What it wrote about requests, in the format of the site file; a line is there soon after its request.
    #[must_use]
    pub fn access_log(&self) -> String {
        self.read("access.log")
    }

    /// What it complained about.
    #[must_use]
    pub fn errors(&self) -> String {
        self.read("error.log")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// The sample with its ports and files where a test may have them.
fn moved(sample: &str, folder: &str, (port, tls_port): (u16, u16), nodes: &[u16]) -> String {
    let once = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "the sample has `{from}` once");
        text.replace(from, to)
    };
    let server = sample.lines().find(|line| line.trim().starts_with("server 127.0.0.1:8080"));
    let server = server.expect("the sample has a node at 127.0.0.1:8080");
    let servers: Vec<String> =
        nodes.iter().map(|node| server.replace("127.0.0.1:8080", &format!("127.0.0.1:{node}"))).collect();
    let site = once(sample.to_owned(), server, &servers.join("\n"));
    let site = once(site, "listen 80;", &format!("listen 127.0.0.1:{};", lasting_port()));
    // Beside TLS, without: whoever posts does not know our certificate.
    let listen = format!("listen 127.0.0.1:{tls_port} ssl; listen 127.0.0.1:{port};");
    let site = once(site, "listen 443 ssl;", &listen);
    let site = once(site, "/etc/letsencrypt/live/hooks.example.com/fullchain.pem", &format!("{folder}/certificate"));
    let site = once(site, "/etc/letsencrypt/live/hooks.example.com/privkey.pem", &format!("{folder}/key"));
    once(site, "/var/log/nginx/palabre.log", &format!("{folder}/access.log"))
}

/// Two certificates for `localhost` that nobody trusts, one that lasts and one that ends within days; the first is used.
fn certify(folder: &Path) {
    for (name, days) in [(LASTING, "90"), (ENDING, "5")] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", days])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.certificate")])
            .current_dir(folder)
            .output();
        let made = made.expect("openssl is there: run .ci/prepare");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::set_permissions(folder.join(format!("{name}.key")), Permissions::from_mode(0o600)).expect("ours");
    }
    let read = |name: &str| fs::read(folder.join(format!("{name}.certificate"))).expect("just written");
    fs::write(folder.join("believed"), [read(LASTING), read(ENDING)].concat()).expect("a file");
    for kind in ["certificate", "key"] {
        fs::copy(folder.join(format!("{LASTING}.{kind}")), folder.join(kind)).expect("just written");
    }
}

/// Debian's is not on everybody's `PATH`.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/nginx");
    if debian.exists() { debian } else { PathBuf::from("nginx") }
}
