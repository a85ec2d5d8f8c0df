//! What a ride costs: by a table of places, or by distance.

use super::flow::phrases::{contains, said};
use super::folding::fold;
use super::typography::grouped;

/// Roads are longer than a straight line.
const DETOUR: f64 = 1.3;
const EARTH_KM: f64 = 6371.0;

/// A tenant's prices of rides. None at all: rides have no price.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fares {
    /// Fixed prices, the first that fits counts.
    pub table: Vec<Fare>,
    /// Where places are that customers name.
    pub places: Vec<FarePlace>,
    /// For what the table does not have.
    pub by_distance: Option<DistanceFare>,
}

/// A fixed price between two places, in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fare {
    /// Words for the one place; none: any place.
    pub from: Vec<String>,
    /// Words for the other.
    pub to: Vec<String>,
    /// As it is written to customers.
    pub price: String,
}

/// A place with its name and coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct FarePlace {
    /// What customers call it.
    pub words: Vec<String>,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
}

/// A price by distance.
#[derive(Clone, Debug, PartialEq)]
pub struct DistanceFare {
    /// Whatever the distance.
    pub base: f64,
    /// For each kilometre.
    pub per_km: f64,
    /// The least that a ride costs.
    pub minimum: f64,
    /// Prices are rounded up to multiples of this.
    pub round_to: f64,
    /// Behind the number.
    pub currency: String,
}

impl Fares {
    /// Whether any ride has a price.
    #[must_use]
    pub fn are_known(&self) -> bool {
        !self.table.is_empty() || self.by_distance.is_some()
    }

    /// What a ride costs, as it is written to customers. An end is what was written, or `latitude,longitude` of what was shared.
    #[must_use]
    pub fn price(&self, from: &str, to: &str) -> Option<String> {
        let words = |text: &str| said(&fold(text));
        let (start, end) = (words(from), words(to));
        let fits = |fare: &&Fare| {
            (names(&fare.from, &start) && names(&fare.to, &end)) || (names(&fare.from, &end) && names(&fare.to, &start))
        };
        if let Some(fare) = self.table.iter().find(fits) {
            return Some(fare.price.clone());
        }
        let fare = self.by_distance.as_ref()?;
        let km = distance(self.coordinates(from, &start)?, self.coordinates(to, &end)?) * DETOUR;
        let price = (fare.base + km * fare.per_km).max(fare.minimum);
        let rounded = format!("{:.0}", (price / fare.round_to).ceil() * fare.round_to);
        Some(format!("{} {}", grouped(&rounded, ' '), fare.currency))
    }

    fn coordinates(&self, written: &str, words: &str) -> Option<(f64, f64)> {
        let shared = written.split_once(',').and_then(|(latitude, longitude)| {
            Some((latitude.trim().parse::<f64>().ok()?, longitude.trim().parse::<f64>().ok()?))
        });
        let named = || self.places.iter().find(|place| names(&place.words, words));
        shared.or_else(|| named().map(|place| (place.latitude, place.longitude)))
    }
}

/// Whether a place is one of those that are named so.
fn names(words: &[String], place: &str) -> bool {
    words.is_empty() || words.iter().any(|word| contains(place, &said(&fold(word))))
}

/// Kilometres on the straight line.
fn distance((from_lat, from_long): (f64, f64), (to_lat, to_long): (f64, f64)) -> f64 {
    let (lat, long) = ((to_lat - from_lat).to_radians() / 2.0, (to_long - from_long).to_radians() / 2.0);
    let a = lat.sin().powi(2) + from_lat.to_radians().cos() * to_lat.to_radians().cos() * long.sin().powi(2);
    2.0 * EARTH_KM * a.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fares() -> Fares {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        Fares {
            table: vec![
                Fare { from: words(&["Kipé"]), to: words(&["aéroport", "airport"]), price: "45 000 GNF".into() },
                Fare { from: vec![], to: words(&["gare"]), price: "20 000 GNF".into() },
            ],
            places: vec![
                FarePlace { words: words(&["Kaloum"]), latitude: 9.5092, longitude: -13.7122 },
                FarePlace { words: words(&["Ratoma"]), latitude: 9.5833, longitude: -13.65 },
            ],
            by_distance: Some(DistanceFare {
                base: 5000.0,
                per_km: 2000.0,
                minimum: 15_000.0,
                round_to: 1000.0,
                currency: "GNF".into(),
            }),
        }
    }

    #[test]
    fn a_ride_costs_what_the_table_or_the_distance_says() {
        for (from, to, price) in [
            ("Kipé, rond-point", "l'aéroport de Conakry", Some("45 000 GNF")),
            ("aeroport", "Kipe", Some("45 000 GNF")),
            ("Kaloum", "la gare", Some("20 000 GNF")),
            ("Kaloum", "Ratoma", Some("33 000 GNF")),
            ("9.5092,-13.7122", "Ratoma", Some("33 000 GNF")),
            ("9.5092,-13.7122", "9.5093, -13.7122", Some("15 000 GNF")),
            ("Kaloum", "chez ma tante", None),
        ] {
            assert_eq!(fares().price(from, to).as_deref(), price, "{from} - {to}");
        }
        assert_eq!(Fares::default().price("Kipé", "aéroport"), None);
    }
}
