//! A list of moments in one column, a few bytes each: a busy conversation's is written with every turn.

use std::mem;

use chrono::{DateTime, Utc};
use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use serde::Deserialize;

use super::values::corrupt;

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    /// Microseconds: of the first since 1970, of each other one since the one before it.
    Steps(Vec<i64>),
    /// As they were written before 2026-11-22.
    Words(Vec<Timestamp>),
}

/// `[1795354500123456,2500000]`: two moments, two and a half seconds apart.
pub(super) fn moments_text(moments: &[Timestamp]) -> Result<String, DbErr> {
    let mut before = 0;
    let mut step = |at: &Timestamp| {
        let micros = at.timestamp_micros();
        micros - mem::replace(&mut before, micros)
    };
    let steps: Vec<i64> = moments.iter().map(&mut step).collect();
    serde_json::to_string(&steps).map_err(|_| corrupt("moments"))
}

pub(super) fn parse_moments(text: &str) -> Result<Vec<Timestamp>, DbErr> {
    let steps = match serde_json::from_str(text).map_err(|_| corrupt("moments"))? {
        Stored::Steps(steps) => steps,
        Stored::Words(moments) => return Ok(moments),
    };
    let moments = steps.into_iter().scan(0_i64, |micros, step| {
        *micros = micros.saturating_add(step);
        Some(DateTime::<Utc>::from_timestamp_micros(*micros))
    });
    moments.collect::<Option<_>>().ok_or_else(|| corrupt("moments"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn moments_read_back(micros in proptest::collection::vec(0_i64..4_102_444_800_000_000, 0..20)) {
            let moments: Vec<_> = micros.iter().filter_map(|at| DateTime::from_timestamp_micros(*at)).collect();
            prop_assert_eq!(parse_moments(&moments_text(&moments).unwrap()).unwrap(), moments);
        }

        #[test]
        fn whatever_stands_there_is_read_or_refused(text in r"\[(-?[0-9]{1,19}(,-?[0-9]{1,19}){0,3})?\]|.{0,20}") {
            let _ = parse_moments(&text);
        }
    }

    #[test]
    fn older_forms_are_read() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let moments = [at("2026-11-22T14:55:00.123456Z"), at("2026-11-22T14:55:02.623456Z")];
        let words = r#"["2026-11-22T14:55:00.123456Z","2026-11-22T14:55:02.623456Z"]"#;
        assert_eq!(parse_moments(words).unwrap(), moments);
        let text = moments_text(&moments).unwrap();
        assert_eq!(
            (text.as_str(), parse_moments(&text).unwrap().as_slice()),
            ("[1795359300123456,2500000]", &moments[..])
        );
        assert!(parse_moments("[]").unwrap().is_empty());
        assert!(parse_moments("[9223372036854775807,1]").is_err() && parse_moments("{}").is_err());
    }
}
