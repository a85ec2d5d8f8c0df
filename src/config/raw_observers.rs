//! Raw configuration of `[sentry]` and `[otlp]`.

use std::fmt;

use serde::Deserialize;

/// `[sentry]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSentry {
    pub(super) dsn: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) per_minute: Option<i64>,
}

impl fmt::Debug for RawSentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawSentry(masked)")
    }
}

/// `[otlp]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOtlp {
    pub(super) endpoint: Option<String>,
    pub(super) sample: Option<f64>,
}
