//! Core of Palabre: decisions, ports and actors, without I/O.
//!
//! [`domain`] holds pure types and decisions, [`ports`] the traits through which the core reaches a store and the providers,
//! and the actors carry a message from its acceptance to its answer. Nothing here touches a socket, a file or a database:
//! the adapters implement the ports and hand them in.
//!
//! Imports run one way: `domain <- ports <- runtime <- actors <- engine <- testing`.
//!
//! A message's way: [`engine::Engine::accept`] → [`ingress`] (durable) → [`supervisor`] → [`tenant`] → [`conversation`]
//! (decide, commit, apply) → [`outbox`] (checks, gateway call, settlement).

#![warn(missing_docs)]

pub mod conversation;
pub mod domain;
pub mod engine;
pub mod ingress;
pub mod outbox;
pub mod ports;
pub mod runtime;
pub mod supervisor;
pub mod tenant;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
