//! Payment systems: what they are asked, and how their webhooks are verified. Nothing is decided here.

pub mod stripe;
