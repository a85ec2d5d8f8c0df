//! Journal: a tenant's message events as files, one JSON object a line, a file for each day.
//!
//! The files are written behind the event log, never by whoever handles a message: [`Journals`] reads what was committed since
//! its position, appends it, makes it durable and moves the position. A journal that cannot be written stands still, says so, and
//! catches up. [`verify()`] compares files and database.

mod fields;
mod files;
mod follow;
mod verify;

pub use self::fields::JournalLine;
pub use self::files::{JournalFolder, day_of};
pub use self::follow::{JournalTenant, Journals, JournalsHealth, StoppedJournal};
pub use self::verify::{DayVerdict, VerifyError, verify};
