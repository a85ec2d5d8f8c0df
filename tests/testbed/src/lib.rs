//! Real servers for the tests: programs of this machine, on free ports of loopback, in temporary folders.
//!
//! Nothing outlives the tests, however they end: every folder has a lock that those who use its server hold together, and
//! a watchman, a shell that waits until nobody holds it any more, stops the server and removes the folder. The operating
//! system lets go of a lock for whoever is killed.

#![expect(clippy::expect_used, clippy::panic, reason = "it is a part of the tests")]

pub mod postgres;

use std::net::TcpListener;

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}
