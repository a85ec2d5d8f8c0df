//! The heart of Palabre: pure decisions ([`domain`]), what they need of the outside ([`ports`]), and the actors that
//! carry a message from its acceptance to its answer. Nothing here touches a socket, a file or a database: the shell
//! implements the ports and hands them in.
//!
//! Imports run one way: `domain <- ports <- kit <- actors`.
//!
//! A message's way: [`engine::Engine::accept`] → [`ingress`] (durable) → [`supervisor`] → [`tenant`] → [`conversation`]
//! (decide, commit, apply) → [`outbox`] (the gates, the wire, the settlement).

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
