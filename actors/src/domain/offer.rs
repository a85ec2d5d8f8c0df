//! Offers: work that goes to whoever of several people takes it first (I12).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::address::{Address, Identity};
use super::ids::{ConversationId, OfferId};
use super::words::stored_words;

/// Where an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// Nobody has taken it yet.
    Open,
    /// One person has it.
    Accepted,
    /// Nobody took it in time.
    Expired,
    /// The customer called it off.
    Cancelled,
    /// Whoever had it has done it.
    Done,
}

stored_words!(OfferState { Open => "open", Accepted => "accepted", Expired => "expired", Cancelled => "cancelled", Done => "done" });

/// A row of `offers`. `Debug` does not show what it is about (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its row.
    pub id: OfferId,
    /// The customer's conversation.
    pub conversation: ConversationId,
    /// What it is about, as those who may take it read it.
    pub text: String,
    /// What the flow knows of it, a JSON object.
    pub details: serde_json::Value,
    /// When it ends if nobody takes it.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: OfferState,
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Somebody who may take offers, as the configuration names them. `Debug` shows nothing of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Driver {
    /// What customers read.
    pub name: String,
    /// Who they are, however their address is spelled.
    pub person: Identity,
    /// Their phone number, for the customer.
    pub phone: String,
    /// The car.
    pub car: String,
    /// Its plate.
    pub plate: String,
    /// Their rating, as customers read it.
    pub rating: String,
    /// How many people the car takes, where that is written.
    pub seats: Option<i64>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver(…)")
    }
}

impl Offer {
    /// What the flow knows of it under a name, as people read it.
    #[must_use]
    pub fn told(&self, name: &str) -> Option<&str> {
        self.details.get(name)?.get("shown")?.as_str().filter(|told| !told.is_empty())
    }

    /// Whether it is for more people than the driver's car takes.
    #[must_use]
    pub fn is_too_large_for(&self, driver: &Driver) -> bool {
        let people: Option<i64> = self.told("passengers").and_then(|told| told.parse().ok());
        people.zip(driver.seats).is_some_and(|(people, seats)| people > seats)
    }
}

impl Driver {
    /// Whether they write from that address.
    #[must_use]
    pub fn is_at(&self, address: &Address) -> bool {
        self.person == address.identity()
    }
}

/// A change of the tenant's offers, part of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferChange {
    /// A new row.
    Make(Offer),
    /// This conversation took it.
    Accept(OfferId),
    /// This conversation, which had it, has done it.
    Finish(OfferId),
    /// The customer says how good it was, from 1 to 5.
    Rate(OfferId, i64),
    /// It is over without anybody.
    End(OfferId, OfferState),
    /// The conversation's person takes offers from now on, or does not.
    Duty(bool),
}
