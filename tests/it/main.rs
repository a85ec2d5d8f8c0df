<<<<<<< HEAD
//! Against the real thing: the daemon as a process of its own, real HTTP, a Twilio that misbehaves on demand.

mod daemon;
mod faults;
mod gateway;
mod journeys;
=======
//! Everything that is tested from outside of one module.

mod house;
>>>>>>> 1f6c4d8 (The house's rules as tests that can fail: imports, dependencies, documents)
