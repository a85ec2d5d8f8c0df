//! Reconciliation: asks providers about messages whose outcome is unknown (I5).

mod question;
mod reconciler;

pub(crate) use self::reconciler::{OnSettled, Reconciler};
