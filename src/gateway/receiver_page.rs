//! What a receiver shows, and where its links lead.

use super::Received;

/// What a link leads to.
#[derive(Clone, Debug)]
pub struct LinkAnswer {
    pub page: ReceiverPage,
    /// What is to be durable before the page is shown.
    pub received: Received,
}

/// Something that a receiver shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverPage {
    pub content_type: &'static str,
    pub body: String,
}
