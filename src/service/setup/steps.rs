//! Steps of the set-up, and which of them somebody went through.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;

use super::Caller;
use crate::service::ServiceError;
use crate::service::permissions::Permission::{SettingRead, SettingWrite};
use crate::store::operator::{ChannelActivity, Operator};

/// A step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupStep {
    Business,
    Hours,
    Services,
    People,
    Faq,
    Trial,
    Consent,
    Channel,
}

impl SetupStep {
    /// In the order in which they are gone through; each with its word in the table and in addresses.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Business, "business"),
        (Self::Hours, "hours"),
        (Self::Services, "services"),
        (Self::People, "people"),
        (Self::Faq, "faq"),
        (Self::Trial, "trial"),
        (Self::Consent, "consent"),
        (Self::Channel, "channel"),
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(step, _)| *step == self).map_or("", |(_, word)| word)
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|(step, _)| *step == self)?;
        Self::ALL.get(at + 1).map(|(step, _)| *step)
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|(step, _)| *step == self).map_or(0, |at| at + 1)
    }
}

/// The steps of a tenant that somebody went through.
///
/// # Errors
/// [`ServiceError`]
pub async fn confirmed(caller: &Caller, store: &Operator, tenant: &TenantId) -> Result<Vec<SetupStep>, ServiceError> {
    caller.require(SettingRead)?;
    caller.within(tenant)?;
    let words = store.setup_steps(tenant).await?;
    let is_confirmed = |(_, word): &&(SetupStep, &str)| words.iter().any(|confirmed| confirmed == word);
    Ok(SetupStep::ALL.iter().filter(is_confirmed).map(|(step, _)| *step).collect())
}

/// Notes that somebody went through a step.
///
/// # Errors
/// [`ServiceError`]
pub async fn confirm(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    step: SetupStep,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(SettingWrite)?;
    caller.within(tenant)?;
    // What they changed is in the audit log already; that they looked at it is no change.
    Ok(store.confirm_setup_step(tenant, step.as_str(), (&caller.who.to_string(), at)).await?)
}

/// When something last came in by each channel of a tenant, and went out.
///
/// # Errors
/// [`ServiceError`]
pub async fn activity(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
) -> Result<Vec<ChannelActivity>, ServiceError> {
    caller.require(crate::service::Permission::ChannelRead)?;
    caller.within(tenant)?;
    Ok(store.channel_activity(tenant).await?)
}
