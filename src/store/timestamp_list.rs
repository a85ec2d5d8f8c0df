//! A list of timestamps in one column, a few bytes each.
//!
//! A busy conversation's list is written with every turn.

use std::mem;

use chrono::{DateTime, Utc};
use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use serde::Deserialize;

use super::error::corrupt;

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    /// Microseconds: of the first since 1970, of each other since the one before it.
    Steps(Vec<i64>),
    /// RFC 3339, as written before 2026-11-22.
    Rfc3339(Vec<Timestamp>),
}

/// `[1795354500123456,2500000]`: two timestamps, two and a half seconds apart.
pub(super) fn timestamps_text(timestamps: &[Timestamp]) -> Result<String, DbErr> {
    let mut before = 0;
    let mut step = |at: &Timestamp| {
        let micros = at.timestamp_micros();
        micros - mem::replace(&mut before, micros)
    };
    let steps: Vec<i64> = timestamps.iter().map(&mut step).collect();
    serde_json::to_string(&steps).map_err(|_| corrupt("timestamps"))
}

pub(super) fn parse_timestamps(text: &str) -> Result<Vec<Timestamp>, DbErr> {
    let steps = match serde_json::from_str(text).map_err(|_| corrupt("timestamps"))? {
        Stored::Steps(steps) => steps,
        Stored::Rfc3339(timestamps) => return Ok(timestamps),
    };
    let moments = steps.into_iter().scan(0_i64, |micros, step| {
        *micros = micros.saturating_add(step);
        Some(DateTime::<Utc>::from_timestamp_micros(*micros))
    });
    moments.collect::<Option<_>>().ok_or_else(|| corrupt("timestamps"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn timestamps_read_back(micros in proptest::collection::vec(0_i64..4_102_444_800_000_000, 0..20)) {
            let moments: Vec<_> = micros.iter().filter_map(|at| DateTime::from_timestamp_micros(*at)).collect();
            prop_assert_eq!(parse_timestamps(&timestamps_text(&moments).unwrap()).unwrap(), moments);
        }

        #[test]
        fn whatever_stands_there_is_read_or_refused(text in r"\[(-?[0-9]{1,19}(,-?[0-9]{1,19}){0,3})?\]|.{0,20}") {
            let _ = parse_timestamps(&text);
        }
    }

    #[test]
    fn older_forms_are_read() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let moments = [at("2026-11-22T14:55:00.123456Z"), at("2026-11-22T14:55:02.623456Z")];
        let words = r#"["2026-11-22T14:55:00.123456Z","2026-11-22T14:55:02.623456Z"]"#;
        assert_eq!(parse_timestamps(words).unwrap(), moments);
        let text = timestamps_text(&moments).unwrap();
        assert_eq!(
            (text.as_str(), parse_timestamps(&text).unwrap().as_slice()),
            ("[1795359300123456,2500000]", &moments[..])
        );
        assert!(parse_timestamps("[]").unwrap().is_empty());
        assert!(parse_timestamps("[9223372036854775807,1]").is_err() && parse_timestamps("{}").is_err());
    }
}
