//! Who looked at what lately, so that each look is noted once in a while.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;

/// A look is noted again after so long.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Looks that are remembered at once; beyond it those that are over are forgotten, and then all.
const MOST: usize = 16_384;

/// The looks of this process. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct RecentLooks(Arc<Mutex<HashMap<u64, Timestamp>>>);

impl RecentLooks {
    /// Notes a look. Returns whether one was noted within the last quarter of an hour.
    pub(in crate::store) fn note(&self, key: &str, now: Timestamp) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let key = hasher.finish();
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.get(&key).is_some_and(|at| now - *at < AGAIN_AFTER) {
            return true;
        }
        if looks.len() >= MOST {
            looks.retain(|_, at| now - *at < AGAIN_AFTER);
        }
        if looks.len() >= MOST {
            looks.clear();
        }
        looks.insert(key, now);
        false
    }
}

#[test]
fn a_look_is_noted_once_in_a_quarter_of_an_hour() {
    let looks = RecentLooks::default();
    let now = Timestamp::from_timestamp(1_795_233_300, 0).unwrap_or_default();
    assert!(!looks.note("awa belle c1", now));
    assert!(looks.note("awa belle c1", now + TimeDelta::minutes(14)));
    assert!(!looks.note("awa belle c2", now));
    assert!(!looks.note("awa belle c1", now + TimeDelta::minutes(15)));
    for n in 0..40_000 {
        looks.note(&n.to_string(), now);
    }
    assert!(looks.0.lock().is_ok_and(|looks| looks.len() <= MOST));
}
