//! Links by which a contact shows that another address is theirs as well.

/// How the payload of such a link to a bot begins (`/start me_…`).
pub const PERSON_LINK: &str = "me_";

/// Whether a link to a bot says who opens it.
#[must_use]
pub fn is_person_link(start: &str) -> bool {
    start.starts_with(PERSON_LINK)
}
