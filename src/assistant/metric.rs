//! Metrics of assistants.

use std::time::Duration;

use metrics::{counter, histogram};
use palabre_actors::domain::assistant::AssistantReply;
use palabre_actors::domain::ids::TenantId;

use super::stream::TokenUsage;

/// Questions to assistants, by `tenant` and what came of them.
const ANSWERS: &str = "palabre_assistant_answers_total";
/// How long a question took.
const SECONDS: &str = "palabre_assistant_answer_seconds";
/// Tokens as the endpoints count them, by `tenant` and `kind`.
const TOKENS: &str = "palabre_assistant_tokens_total";
/// What they cost at the configured prices, in millionths of the tenant's currency.
const COST: &str = "palabre_assistant_cost_micros_total";

const fn word(reply: &AssistantReply) -> &'static str {
    match reply {
        AssistantReply::Answer(_) => "answer",
        AssistantReply::HandOver => "hand_over",
        AssistantReply::Silent(why) => why.as_str(),
    }
}

pub(super) fn answered(tenant: &TenantId, reply: &AssistantReply, took: Duration) {
    let labels = [("tenant", tenant.to_string()), ("outcome", word(reply).to_owned())];
    counter!(ANSWERS, &labels).increment(1);
    histogram!(SECONDS).record(took.as_secs_f64());
}

pub(super) fn spent(tenant: &TenantId, usage: TokenUsage, micros: i64) {
    for (kind, count) in [("prompt", usage.prompt), ("completion", usage.completion)] {
        counter!(TOKENS, "tenant" => tenant.to_string(), "kind" => kind).increment(count);
    }
    counter!(COST, "tenant" => tenant.to_string()).increment(u64::try_from(micros).unwrap_or_default());
}
