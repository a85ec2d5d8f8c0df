//! A tenant's country: what its phone numbers without `+` mean.

use chrono_tz::Tz;
use palabre_actors::domain::address::HomeCountry;

use super::document::Scope;
use super::fields::quoted;

/// A country and a time zone of it on each line: `zone.tab` of the IANA time zone database (2026a), where every zone stands with
/// the country that most of its people live in.
const ZONES: &str = include_str!("country/zones.txt");

/// What is configured, else the country of the time zone. `None` outside: something was reported; inside: nothing tells, and
/// numbers without `+` are refused.
///
/// The channels' own numbers do not tell: whoever begins with a provider's trial account writes from `+1 415…`, wherever their
/// customers are.
pub(super) fn country(root: &Scope<'_>, raw: Option<&str>, zone: Option<Tz>) -> Option<Option<HomeCountry>> {
    let Some(raw) = raw else { return Some(zone.and_then(of_zone)) };
    let known = HomeCountry::of_code(raw.trim());
    if known.is_none() {
        let help = "write its code of two letters (ISO 3166), such as `FR`";
        root.error("country", format!("there is no country {}", quoted(raw)), help);
    }
    known.map(Some)
}

fn of_zone(zone: Tz) -> Option<HomeCountry> {
    let mut rows = ZONES.lines().filter_map(|line| line.split_once(' '));
    rows.find(|(_, name)| *name == zone.name()).and_then(|(code, _)| HomeCountry::of_code(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_tells_the_country() {
        for (zone, country) in [
            ("Europe/Paris", Some("FR")),
            ("Africa/Conakry", Some("GN")),
            ("Africa/Abidjan", Some("CI")),
            ("America/New_York", Some("US")),
            ("Indian/Reunion", Some("RE")),
            ("Europe/Brussels", Some("BE")),
            ("UTC", None),
            ("Etc/GMT+1", None),
            ("Antarctica/Troll", None),
        ] {
            let zone: Tz = zone.parse().unwrap();
            assert_eq!(of_zone(zone).map(HomeCountry::code), country, "{zone}");
        }
    }

    #[test]
    fn zones_of_the_table_are_zones() {
        let unknown: Vec<&str> = ZONES
            .lines()
            .filter(|line| line.split_once(' ').is_none_or(|(_, zone)| zone.parse::<Tz>().is_err()))
            .collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }
}
