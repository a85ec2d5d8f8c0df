//! What tests of the heart and of the shell share (feature `testing`): a fake of every port, with fault switches and
//! ways to look inside, and the conformance suite that every store must pass.

pub mod conformance;
pub mod fakes;
pub mod harness;
