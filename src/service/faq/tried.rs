//! Trying a message out: what would be answered, by which rule, and what the FAQ makes of it.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::faq::FaqExplanation;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{FaqEntry, Rules};
use palabre_actors::domain::turn::{Preview, preview};

use super::super::permissions::Permission::FaqRead;
use super::super::{Caller, ServiceError};
use crate::store::operator::Operator;
use crate::store::with_rows;

/// How a message would be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What the bot would do, whichever rule decides.
    pub preview: Preview,
    /// What the FAQ makes of it.
    pub explanation: FaqExplanation,
    /// The entries that the explanation counts by their places.
    pub entries: Vec<FaqEntry>,
}

/// How a message would be answered, and why, with the rows of the table as they are now. Without a store the configuration
/// alone is tried. Nothing is sent.
///
/// # Errors
/// [`ServiceError`]
pub async fn try_out(
    caller: &Caller,
    store: Option<&Operator>,
    (tenant, rules): (&TenantId, &Rules),
    text: &str,
    now: Timestamp,
) -> Result<Tried, ServiceError> {
    caller.require(FaqRead)?;
    caller.within(tenant)?;
    let rows = match store {
        Some(store) => store.faq_entries(tenant).await?,
        None => Vec::new(),
    };
    let (whole, _) = with_rows(rules, &rows);
    let rules = whole.as_ref().unwrap_or(rules);
    Ok(Tried {
        preview: preview(rules, text, now),
        explanation: rules.explain_faq(text),
        entries: rules.source().faq.clone(),
    })
}
