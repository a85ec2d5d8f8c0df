//! Palabre: a self-hosted, multi-tenant message processor.
//!
//! Webhooks come in, one actor per conversation decides, and answers go out through a transactional outbox.
//!
//! | module | what it does | what it may touch |
//! |---|---|---|
//! | `digest` | HMAC, hexadecimal digits, secrets compared | nothing |
//! | `http_client` | what every HTTP client begins with | nothing |
//! | [`config`] | files and environment to validated types | the file system |
//! | [`store`] | the core's ports over SQLite and PostgreSQL | the database |
//! | [`spool`] | accepted messages while the database is unavailable | files |
//! | [`cache`] | what nodes share over Redis: rate limits, notifications, presence | Redis |
//! | [`crm`] | whose a number is, asked of the tenants' CRMs | the network, outwards |
//! | [`gateway`] | one folder per provider: verify, decode, send, find, simulate | the network, outwards |
//! | [`media`] | keeps files by their hash, tells what they are | files |
//! | [`oidc`] | who signed in at a provider of OpenID Connect | the network, outwards |
//! | [`telemetry`] | logs and metrics | standard output, log files |
//! | [`runtime`] | threads of the daemon: arbiters and the I/O runtime | threads |
//! | [`service`] | use cases that [`http`] and [`cli`] share, and who may do what | [`store`] |
//! | [`journal`] | message events as files, a file a day for each tenant | [`store`], files |
//! | [`console`] | pages for the people of the tenants; decides nothing | the network, inwards |
//! | [`http`] | webhooks, the API, health, metrics; decides nothing | the network, inwards |
//! | [`app`] | the composition root | every module above |
//! | `lab` | simulated providers, demo, load driver, torture (feature `lab`) | [`app`] |
//! | [`cli`] | one file per subcommand | [`app`], `lab` |
//!
//! Imports run one way:
//! `{digest, http_client} <- config <- {store, spool, cache, gateway, media, crm, assistant, oidc, payments, telemetry, runtime} <-
//! {service, journal} <- {http, console} <- app <- lab <- cli <- main`. The decisions and the actors live in the crate
//! [`palabre_actors`], which knows none of this.

pub mod app;
pub mod assistant;
pub mod cache;
pub mod cli;
pub mod config;
pub mod console;
pub mod crm;
mod digest;
pub mod gateway;
pub mod http;
mod http_client;
pub mod journal;
#[cfg(feature = "lab")]
mod lab;
pub mod media;
pub mod oidc;
pub mod payments;
pub mod runtime;
pub mod service;
pub mod spool;
pub mod store;
pub mod telemetry;
