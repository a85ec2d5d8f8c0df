//! Persons: everything that is known of one, to export it or to erase it (I16).
//!
//! [`catalogue`] says what each table and column holds of a person. [`person`] finds the rows of one, [`export`] reads them,
//! [`erase`] deletes or blanks them. [`requests`] is the table of what was asked for. [`tenants`] does the same for whole
//! tenants.

mod catalogue;
mod erase;
mod export;
mod export_files;
mod keys;
mod mentions;
mod needles;
mod person;
mod preview;
mod requests;
mod scrub;
mod tenants;
#[cfg(test)]
mod tests;

pub use self::erase::ErasureReport;
pub use self::export::ExportedTable;
pub use self::person::{DataSubject, PersonCounts, Traces};
pub use self::preview::RetentionPreview;
pub use self::requests::{DoneFile, PrivacyRequest, RequestChange, RequestKind, RequestState};
pub use self::tenants::PageAfter;
