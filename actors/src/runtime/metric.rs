//! Names of the metrics that the actors write. The adapters describe them to the exporter.

/// Accepted messages whose turn was committed; labels `tenant`, `channel`, `outcome`.
pub const TURNS: &str = "palabre_conversation_turns_total";
/// Seconds from a webhook's arrival to its turn's commit.
pub const TURN_SECONDS: &str = "palabre_conversation_turn_seconds";
/// Turns that lost the race for their conversation's version and were decided again.
pub const TURN_CONFLICTS: &str = "palabre_conversation_conflicts_total";
/// Conversations in memory.
pub const RESIDENT: &str = "palabre_conversation_resident";
/// Actors that panicked; label `actor`, one of [`PANICKING`].
pub const PANICS: &str = "palabre_actor_panics_total";
/// What [`PANICS`] counts.
pub const PANICKING: &[&str] =
    &["conversation", "tenant", "sender", "inquiry", "dispatcher", "maintenance", "supervisor", "ingress"];
/// Words of [`ACCEPTED`].
pub const ACCEPTED_KINDS: &[&str] = &["new", "duplicate", "spooled"];
/// Messages that became dead letters because they panicked their conversation repeatedly.
pub const POISONED: &str = "palabre_conversation_poisoned_total";
/// Tenants in quarantine: their actor used its restart budget up.
pub const QUARANTINED: &str = "palabre_tenant_quarantined_total";
/// Webhooks refused because too many waited already.
pub const REFUSED: &str = "palabre_ingress_refused_total";
/// Messages of one accept batch.
pub const ACCEPT_BATCH: &str = "palabre_ingress_batch_messages";
/// Accepted messages; label `kind` (`new`, `duplicate`).
pub const ACCEPTED: &str = "palabre_ingress_accepted_total";
/// Accepted messages that were delivered from the store, after a sweep or while their tenant was behind.
pub const REDELIVERED: &str = "palabre_ingress_redelivered_total";
/// Attempts to hand a message to a provider; labels `tenant`, `channel` (the one that was used), `result`.
pub const SENDS: &str = "palabre_outbox_sends_total";
/// Messages that the contact has, as far as callbacks said; labels `tenant`, `channel` (the one that was used).
pub const DELIVERED: &str = "palabre_outbox_delivered_total";
/// Checks right before a send that could not be answered; label `check`, one of [`CHECKS`]. The message waits.
pub const CHECKS_UNANSWERED: &str = "palabre_outbox_unanswered_checks_total";
/// What [`CHECKS_UNANSWERED`] counts.
pub const CHECKS: &[&str] = &["consent_unavailable", "pacing_unavailable", "usage_unavailable"];
/// Seconds that a provider took to answer a send; label `channel`.
pub const SEND_SECONDS: &str = "palabre_outbox_send_seconds";
/// Messages being sent.
pub const SENDING: &str = "palabre_outbox_sending";
/// State of each channel: 1 for the state that it is in; labels `tenant`, `channel`, `state` (`closed`, `open`,
/// `half_open`, `paused`).
pub const CHANNEL_STATE: &str = "palabre_channel_state";
/// Used share of a tenant's `per_day`, 0 to 1, above 1 by quota-exempt messages; label `tenant`.
pub const DAY_USED: &str = "palabre_tenant_day_used_ratio";
/// Messages that will not be tried again by themselves; labels `tenant`, `channel`, `state` (`dead`, `failed`).
pub const DEAD: &str = "palabre_outbox_dead_total";
/// Used share of a tenant's budget, 0 to 1, above when overdrawn; labels `tenant`, `period` (`day`, `month`).
pub const BUDGET_USED: &str = "palabre_tenant_budget_used_ratio";
/// 1 from the share of the budget on at which the tenant is alerted; labels `tenant`, `period`.
pub const BUDGET_ALERT: &str = "palabre_tenant_budget_alert";
