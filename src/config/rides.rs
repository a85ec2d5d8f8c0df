//! Validation of `[rides]`: what rides cost.

use palabre_actors::domain::fare::{DistanceFare, Fare, FarePlace, Fares};

use super::document::Scope;
use super::fields::decimal;
use super::raw_flows::{RawFare, RawFarePlace, RawRides};

/// The most that a ride may cost.
const MOST: f64 = 1_000_000_000.0;

/// `None`: something was reported.
pub(super) fn fares(scope: &Scope<'_>, raw: &RawRides) -> Option<Fares> {
    let table: Vec<Option<Fare>> =
        raw.fares.iter().flatten().enumerate().map(|(at, raw)| fare(&scope.element("fares", at), raw)).collect();
    let places: Vec<Option<FarePlace>> =
        raw.places.iter().flatten().enumerate().map(|(at, raw)| place(&scope.element("places", at), raw)).collect();
    let by_distance = by_distance(scope, raw);
    Some(Fares {
        table: table.into_iter().collect::<Option<_>>()?,
        places: places.into_iter().collect::<Option<_>>()?,
        by_distance: by_distance?,
    })
}

fn fare(scope: &Scope<'_>, raw: &RawFare) -> Option<Fare> {
    let to = scope.required("to", raw.to.clone(), "words for the place, such as `to = [\"aéroport\"]`");
    let price = scope.required("price", raw.price.clone(), "as customers read it, such as `price = \"45 000 GNF\"`");
    Some(Fare { from: raw.from.clone().unwrap_or_default(), to: to?, price: price? })
}

fn place(scope: &Scope<'_>, raw: &RawFarePlace) -> Option<FarePlace> {
    let words = scope.required("words", raw.words.clone(), "what customers call the place");
    let at = scope.required("at", raw.at, "latitude and longitude, such as `at = [9.5092, -13.7122]`");
    let (latitude, longitude) = at?;
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        scope.wrong("at", "is nowhere on earth", "latitude first, then longitude, in degrees");
        return None;
    }
    Some(FarePlace { words: words?, latitude, longitude })
}

/// The outer `None`: something was reported.
#[expect(clippy::option_option, reason = "as for every table that may be left out")]
fn by_distance(scope: &Scope<'_>, raw: &RawRides) -> Option<Option<DistanceFare>> {
    let Some(per_km) = raw.per_km else {
        for (key, is_there) in [
            ("base", raw.base.is_some()),
            ("minimum", raw.minimum.is_some()),
            ("round_to", raw.round_to.is_some()),
            ("currency", raw.currency.is_some()),
        ] {
            if is_there {
                scope.wrong(key, "does nothing without `per_km`", "say what a kilometre costs");
                return None;
            }
        }
        return Some(None);
    };
    let sum = |key: &str, value: f64| decimal(scope, key, value, 0.0..=MOST);
    let or = |key: &str, value: Option<f64>, default: f64| value.map_or(Some(default), |value| sum(key, value));
    let (per_km, base) = (sum("per_km", per_km), or("base", raw.base, 0.0));
    let (minimum, round_to) = (or("minimum", raw.minimum, 0.0), or("round_to", raw.round_to, 1.0));
    let currency = scope.required("currency", raw.currency.clone(), "such as `currency = \"GNF\"`");
    let round_to = round_to.filter(|round_to| {
        let holds = *round_to > 0.0;
        if !holds {
            scope.wrong("round_to", "must be more than nothing", "");
        }
        holds
    });
    Some(Some(DistanceFare {
        base: base?,
        per_km: per_km?,
        minimum: minimum?,
        round_to: round_to?,
        currency: currency?,
    }))
}
