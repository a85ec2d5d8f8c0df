//! Test support of the core and the adapters (feature `testing`): fakes, a harness, conformance suites.

pub mod conformance;
pub mod fakes;
pub mod harness;
