//! Claims: scarce things that one conversation's turn takes and no other can (I12).

use uuid::Uuid;

/// A change of the tenant's claims, part of a turn. A turn that takes what another has taken is a `Conflict`: it is decided
/// again, with what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// Takes a thing for an owner. The key names it within the tenant: no personal data.
    Take {
        /// `seat/<resource>/<number of five minutes since 1970>`, `offer/<id>`.
        key: String,
        /// The row that has it from now on.
        owner: Uuid,
    },
    /// Whatever an owner has is free again.
    Release {
        /// The row.
        owner: Uuid,
    },
}
