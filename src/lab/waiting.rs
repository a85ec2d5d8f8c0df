//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// How often it is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Waits until something is so, for so long at most. `false`: it never was.
pub(super) async fn comes_true_within(longest: Duration, mut is_so: impl AsyncFnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so().await {
        if begun.elapsed() > longest {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    true
}
