//! Everything that nodes behind nginx need, to be handed to `palabre torture`.

use crate::postgres::Options;
use crate::{lasting_port, nginx, postgres, redis};

/// The servers, and a port for each node. They end with their owner.
#[derive(Debug)]
pub struct Rig {
    postgres: postgres::Server,
    redis: redis::Server,
    front: nginx::Server,
    ports: Vec<u16>,
}

impl Rig {
    /// Starts them, nginx on the site file of `config/nginx`.
    ///
    /// # Panics
    /// One of them is not on this machine, or does not start.
    #[must_use]
    pub fn start(site: &str, nodes: usize, options: Options) -> Self {
        let ports: Vec<u16> = (0..nodes).map(|_| lasting_port()).collect();
        let postgres = postgres::Server::start(options);
        postgres.create("palabre");
        Self { postgres, redis: redis::Server::kept(), front: nginx::Server::start(site, &ports), ports }
    }

    /// What `palabre torture` is told of them.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let told = [
            ("--database", self.postgres.url("palabre")),
            ("--redis", self.redis.url()),
            ("--nodes", ports.join(",")),
            ("--front", self.front.url()),
            ("--crash-database", self.postgres.crash_command()),
            ("--crash-redis", self.redis.crash_command()),
        ];
        told.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}
