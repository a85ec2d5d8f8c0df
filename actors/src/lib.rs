//! The heart of Palabre: pure decisions ([`domain`]), what they need of the outside ([`ports`]), and the actors that
//! carry a message from its acceptance to its answer. Nothing here touches a socket, a file or a database: the shell
//! implements the ports and hands them in.
//!
//! Imports run one way: `domain <- ports <- kit <- actors`.

pub mod domain;
pub mod ports;
#[cfg(feature = "testing")]
pub mod testing;
