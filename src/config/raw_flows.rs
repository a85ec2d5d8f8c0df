//! Raw configuration of flows and of what can be booked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::raw_values::{RawDuration, RawSecret};

/// `[[services]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawService {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) duration: Option<RawDuration>,
    pub(super) buffer: Option<RawDuration>,
    pub(super) price: Option<String>,
    pub(super) resources: Option<Vec<String>>,
    pub(super) capacity: Option<i64>,
    pub(super) times: Option<Vec<String>>,
    pub(super) words: Option<Vec<String>>,
}

/// `[[calendars]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCalendar {
    pub(super) resource: Option<String>,
    pub(super) url: Option<RawSecret>,
    pub(super) user: Option<String>,
    pub(super) password: Option<RawSecret>,
    pub(super) every: Option<RawDuration>,
}

/// `[rides]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRides {
    pub(super) fares: Option<Vec<RawFare>>,
    pub(super) places: Option<Vec<RawFarePlace>>,
    pub(super) base: Option<f64>,
    pub(super) per_km: Option<f64>,
    pub(super) minimum: Option<f64>,
    pub(super) round_to: Option<f64>,
    pub(super) currency: Option<String>,
}

/// `[[rides.fares]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFare {
    pub(super) from: Option<Vec<String>>,
    pub(super) to: Option<Vec<String>>,
    pub(super) price: Option<String>,
}

/// `[[rides.places]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFarePlace {
    pub(super) words: Option<Vec<String>>,
    pub(super) at: Option<(f64, f64)>,
}

/// `[[drivers]]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDriver {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) car: Option<String>,
    pub(super) plate: Option<String>,
    pub(super) rating: Option<String>,
    pub(super) seats: Option<i64>,
}

impl std::fmt::Debug for RawDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawDriver(masked)")
    }
}

/// `[booking]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBooking {
    pub(super) lead_time: Option<RawDuration>,
    pub(super) furthest: Option<RawDuration>,
    pub(super) every: Option<RawDuration>,
    pub(super) hold: Option<RawDuration>,
    pub(super) waiting_hold: Option<RawDuration>,
    pub(super) waiting_template: Option<String>,
    pub(super) reminder_template: Option<String>,
    pub(super) booked_template: Option<String>,
    pub(super) moved_template: Option<String>,
    pub(super) cancelled_template: Option<String>,
}

/// `[[flows]]`, and a file of a flow.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFlow {
    #[serde(rename = "use")]
    pub(super) built_in: Option<String>,
    pub(super) file: Option<String>,
    pub(super) name: Option<String>,
    pub(super) keywords: Option<Vec<String>>,
    pub(super) remind_after: Option<RawDuration>,
    pub(super) timeout: Option<RawDuration>,
    pub(super) attempts: Option<i64>,
    pub(super) on_change: Option<String>,
    pub(super) steps: Option<Vec<RawStep>>,
}

/// `[[flows.steps]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    pub(super) id: Option<String>,
    pub(super) say: Option<String>,
    pub(super) ask: Option<String>,
    pub(super) choose: Option<String>,
    pub(super) confirm: Option<String>,
    pub(super) call: Option<String>,
    pub(super) book: Option<String>,
    pub(super) lead: Option<bool>,
    pub(super) offer: Option<String>,
    pub(super) hand_over: Option<String>,
    #[serde(rename = "type")]
    pub(super) answer: Option<String>,
    pub(super) save: Option<String>,
    pub(super) optional: Option<bool>,
    pub(super) retry: Option<String>,
    pub(super) from_opening: Option<bool>,
    pub(super) where_seats_count: Option<bool>,
    pub(super) options: Option<Vec<RawOption>>,
    pub(super) no: Option<String>,
    pub(super) next: Option<String>,
}

/// `[[flows.steps.options]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOption {
    pub(super) value: Option<String>,
    pub(super) label: Option<String>,
    pub(super) words: Option<Vec<String>>,
    pub(super) next: Option<String>,
}

/// `[flow_texts]`
pub(super) type RawFlowTexts = BTreeMap<String, String>;
