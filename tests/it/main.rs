//! From outside: the daemon as a process of its own, real HTTP, a Twilio that misbehaves on demand; and the house's own
//! rules.

mod daemon;
mod faults;
mod gateway;
mod house;
mod journeys;
