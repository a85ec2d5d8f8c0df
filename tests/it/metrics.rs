//! Reads what a daemon measures, from `/metrics`.

use crate::daemon::{Waiting, World};

/// All that a daemon shows.
pub async fn metrics(base_url: &str) -> String {
    let answer = reqwest::get(format!("{base_url}/metrics")).await.expect("metrics");
    answer.text().await.expect("text")
}

/// The value of a series, its labels included.
pub async fn metric(base_url: &str, series: &str) -> Option<f64> {
    let found = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    metrics(base_url).await.lines().find_map(found)
}

impl World {
    /// All that the daemon shows.
    pub async fn metrics(&self) -> String {
        metrics(self.base_url()).await
    }

    /// The value of a series, its labels included.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        metric(self.base_url(), series).await
    }

    /// Waits until a series has this value.
    pub async fn until_metric(&self, series: &str, wanted: f64) {
        self.until_metric_at(self.base_url(), series, |found| found == wanted).await;
    }

    /// Waits until the value of a series of one of its nodes is such.
    pub async fn until_metric_at(&self, base_url: &str, series: &str, is_it: impl Fn(f64) -> bool) {
        let mut waiting = Waiting::begin();
        loop {
            let found = metric(base_url, series).await;
            if found.is_some_and(&is_it) {
                return;
            }
            waiting.again(|| format!("{found:?} for {series}\n{}", self.logs())).await;
        }
    }
}
