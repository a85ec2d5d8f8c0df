//! The tests of delivery that depend on the database, on PostgreSQL.

use crate::delivery::{
    ANNE, Asked, BOB, CHLOE, as_written, dead_letters, echo, now, on_whatsapp, quick, quick_with, refuse, too_many,
    where_it_is_noon,
};

#[path = "delivery/breaker.rs"]
mod breaker;
#[path = "delivery/budget.rs"]
mod budget;
#[path = "delivery/consent.rs"]
mod consent;
#[path = "delivery/retries.rs"]
mod retries;
#[path = "delivery/unknown.rs"]
mod unknown;
#[path = "delivery/window.rs"]
mod window;
