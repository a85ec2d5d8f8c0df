//! What the rules of the pipeline read of an inbound message.

use crate::domain::consent::Keyword;
use crate::domain::conversation::State;
use crate::domain::message::{Inbound, Role};
use crate::domain::rules::SellerBook;

/// An inbound message beside the state of its conversation.
pub(super) struct Heard<'a> {
    pub(super) state: &'a State,
    pub(super) message: &'a Inbound,
    pub(super) role: Role,
    /// Who is one of the tenant's people beside those that its rules name.
    pub(super) sellers: &'a dyn SellerBook,
    /// What was said: a button says what is on it.
    pub(super) text: &'a str,
    /// What was said, folded.
    pub(super) folded: &'a str,
    /// What the whole message means to consent.
    pub(super) keyword: Option<Keyword>,
}
