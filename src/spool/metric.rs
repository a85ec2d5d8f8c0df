//! Names of the metrics that the spool writes.

/// Messages that are kept and not in the database yet.
pub const RECORDS: &str = "palabre_spool_records";
/// What they take of the disk.
pub const BYTES: &str = "palabre_spool_bytes";
/// How long the oldest has waited; 0 when none does.
pub const OLDEST_SECONDS: &str = "palabre_spool_oldest_seconds";
/// Messages that were kept because the database was away.
pub const KEPT: &str = "palabre_spool_kept_total";
/// Messages that went from here into the database.
pub const DRAINED: &str = "palabre_spool_drained_total";
/// Messages that could not be kept: full, or a disk that fails.
pub const REFUSED: &str = "palabre_spool_refused_total";
/// Messages that the database refused for good, in `refused.spool`.
pub const SET_ASIDE: &str = "palabre_spool_set_aside_total";
/// Places in the files that are damaged.
pub const DAMAGED: &str = "palabre_spool_damaged_total";
