//! Palabre: a self-hosted, multi-tenant message processor. Webhooks in, one actor per conversation, answers out through
//! a transactional outbox.
//!
//! The map of the house:
//!
//! | room | what it does | what it may touch |
//! |---|---|---|
//! | [`config`] | files and environment to validated types | the file system |
//! | [`store`] | the heart's ports over SQLite and PostgreSQL | the database |
//! | [`spool`] | accepted messages while the database is away | files |
//! | [`cache`] | what nodes share over Redis: the pace, wake-ups | Redis |
//! | [`gateway`] | one folder per provider: verify and decode, send and classify, its simulator | the network, outwards |
//! | [`telemetry`] | logs, metric names | standard output |
//! | [`service`] | the use cases that [`http`] and [`cli`] share; who may do what | [`store`] |
//! | [`http`] | webhooks, health, metrics; no decisions | the network, inwards |
//! | [`app`] | the composition root | every room |
//! | [`lab`] | simulated providers, demo, load driver, torture | [`app`] |
//! | [`cli`] | one file per subcommand | [`app`], [`lab`] |
//!
//! Imports run one way: `config <- {store, spool, cache, gateway, telemetry} <- service <- http <- app <- lab <- cli <- main`. The
//! decisions and the actors live in the member crate `palabre_actors`, which knows none of this.

pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod http;
#[cfg(feature = "lab")]
mod lab;
pub mod runtime;
pub mod service;
pub mod spool;
pub mod store;
pub mod telemetry;
