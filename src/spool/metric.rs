//! Names of the metrics that the spool writes.

/// Entries that are not in the database yet.
pub const RECORDS: &str = "palabre_spool_records";
/// Their size on disk.
pub const BYTES: &str = "palabre_spool_bytes";
/// How long the oldest has waited; 0 when there is none.
pub const OLDEST_SECONDS: &str = "palabre_spool_oldest_seconds";
/// Entries that were appended.
pub const KEPT: &str = "palabre_spool_kept_total";
/// Entries that went into the database.
pub const DRAINED: &str = "palabre_spool_drained_total";
/// Entries that could not be appended: the spool is full, or the disk fails.
pub const REFUSED: &str = "palabre_spool_refused_total";
/// Entries that the database refused for good, in `refused.spool`.
pub const SET_ASIDE: &str = "palabre_spool_set_aside_total";
/// Damaged places in the files.
pub const DAMAGED: &str = "palabre_spool_damaged_total";
