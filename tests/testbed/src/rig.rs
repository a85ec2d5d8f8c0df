//! Everything that nodes behind nginx need, to be handed to `palabre torture`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::postgres::Options;
use crate::{am_root, clock, lasting_port, nginx, postgres, prometheus, redis};

/// A minute of the alerts' rules on a chaos day.
const MINUTE: Duration = Duration::from_secs(2);

/// The servers, and a port for each node. They end with their owner.
#[derive(Debug)]
pub struct Rig {
    postgres: postgres::Server,
    redis: redis::Server,
    front: nginx::Server,
    ports: Vec<u16>,
    /// Of a chaos day: Prometheus, and a folder with the file that says what there is.
    watched: Option<(prometheus::Server, TempDir)>,
}

impl Rig {
    /// Starts them, nginx on the site file of `config/nginx`.
    ///
    /// # Panics
    /// One of them is not on this machine, or does not start.
    #[must_use]
    pub fn start(site: &str, nodes: usize, options: Options) -> Self {
        Self::around(postgres::Server::start(options), site, nodes)
    }

    /// Starts them for a chaos day: with Prometheus on the rules of `config/prometheus`, disks that can be filled, a certificate
    /// that can be replaced by one that ends, and a clock that can be moved.
    ///
    /// # Panics
    /// As [`Rig::start`], or this is not root, who alone may make disks.
    #[must_use]
    pub fn for_chaos(site: &str, rules: &str, nodes: usize) -> Self {
        assert!(am_root(), "a chaos day makes disks that can be filled: run it as root");
        let mut rig = Self::around(postgres::Server::start_on_small_disks(), site, nodes);
        let prometheus = prometheus::Server::start(rules, MINUTE, &rig.ports);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = rig.surroundings(&prometheus.url(), &clock::library(folder.path()));
        fs::write(folder.path().join("surroundings.toml"), text).expect("a file");
        rig.watched = Some((prometheus, folder));
        rig
    }

    fn around(postgres: postgres::Server, site: &str, nodes: usize) -> Self {
        let ports: Vec<u16> = (0..nodes).map(|_| lasting_port()).collect();
        postgres.create("palabre");
        let (redis, front) = (redis::Server::kept(), nginx::Server::start(site, &ports));
        Self { postgres, redis, front, ports, watched: None }
    }

    /// The file that `--surroundings` names: docs/torture.md says what may stand in it.
    fn surroundings(&self, prometheus: &str, clock: &Path) -> String {
        let (data, spools) = (self.postgres.data(), self.postgres.spools());
        let mut text = format!(
            "prometheus = {prometheus:?}\nclock_library = {clock:?}\npublic_url = {:?}\nspools = {:?}\n",
            self.front.tls_url(),
            spools.display().to_string()
        );
        let (fill, free) = (postgres::Server::fill_command, postgres::Server::free_command);
        let faults = [
            (
                "name = \"postgresql's disk full\"\ncomponent = \"store\"\nalert = \"PalabreDiskFull\"\ndoctor = \"store\"",
                fill(&data),
                format!("{}; {}", free(&data), self.postgres.up_command()),
            ),
            (
                "name = \"postgresql away and the spools' disk full\"\ncomponent = \"store\"\nalert = \"PalabreSpoolRefuses\"\n\
                 doctor = \"spool\"\ndatabase_away = true",
                fill(&spools),
                free(&spools),
            ),
            (
                "name = \"the certificate ends soon\"\nalert = \"PalabreCertificateEnds\"\ndoctor = \"public_url\"",
                self.front.certificate_command(false),
                self.front.certificate_command(true),
            ),
        ];
        for (fault, begin, end) in faults {
            let _ = writeln!(text, "[[faults]]\n{fault}\nbegin = {begin:?}\nend = {end:?}");
        }
        text
    }

    /// What the environment of `palabre torture` has beside: the certificates that its nodes believe.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.watched.iter().map(|_| ("SSL_CERT_FILE", self.front.believed().display().to_string())).collect()
    }

    /// What `palabre torture` is told of them.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let mut told = vec![
            ("--database", self.postgres.url("palabre")),
            ("--redis", self.redis.url()),
            ("--nodes", ports.join(",")),
            ("--front", self.front.url()),
            ("--crash-database", self.postgres.crash_command()),
            ("--crash-redis", self.redis.crash_command()),
        ];
        if let Some((_, folder)) = &self.watched {
            told.push(("--surroundings", folder.path().join("surroundings.toml").display().to_string()));
        }
        told.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}
