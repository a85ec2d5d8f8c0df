//! Tables of events out: endpoints, and the events on their way to them.
//!
//! A trigger writes a delivery with each event that an endpoint wants, in the event's own transaction. Nodes claim deliveries for
//! a while, the first of each queue alone, so that what concerns one conversation arrives in order.

mod deliveries;
mod endpoints;
mod sql;

pub use self::deliveries::{DeliveryFilter, DeliveryState, EventDelivery, EventDetails, Settled};
pub use self::endpoints::{EndpointId, EndpointRow, EndpointState};
