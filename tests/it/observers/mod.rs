//! Who is told of errors and of what took how long: Sentry and a collector of traces, each a stand-in that speaks its protocol.

mod errors;
pub mod stand_ins;
mod traces;
