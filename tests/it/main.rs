//! Against the real thing: the daemon as a process of its own, real HTTP, a Twilio that misbehaves on demand.

mod daemon;
mod demo;
mod faults;
mod gateway;
mod journeys;
