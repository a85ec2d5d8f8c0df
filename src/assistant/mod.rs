//! The assistant: any OpenAI-compatible endpoint, asked from what the tenant wrote down and nothing else.
//!
//! Before each request the most that it may cost is taken from the day's budget, and what it did not cost is given back
//! afterwards: the budget stops before it is passed, on all nodes together. The answer is read as it streams in, until
//! the deadline. Whatever goes wrong, the rules answer.

mod breaker;
mod client;
mod metric;
mod prompt;
mod reply;
#[cfg(feature = "lab")]
pub mod simulator;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;
use palabre_actors::domain::assistant::{AssistantQuestion, AssistantReply, AssistantSilence};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::{self, Clock, Pending};

use self::breaker::AssistantBreaker;
use self::client::{Answered, AssistantClient};
use crate::config::AssistantSettings;

/// The tenants' spending on assistants, day by day, shared by all nodes.
pub trait AssistantLedger: Send + Sync {
    /// Takes an amount, in millionths of the tenant's currency, unless that would pass the limit. Whether it was taken.
    fn take<'a>(&'a self, day: &'a SpendingDay, micros: i64, limit: i64) -> Pending<'a, Result<bool, LedgerAway>>;

    /// Gives back what was taken too much, or adds what was taken too little.
    fn correct<'a>(&'a self, day: &'a SpendingDay, micros: i64) -> Pending<'a, Result<(), LedgerAway>>;
}

/// The ledger cannot be asked: nothing is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the assistant's ledger cannot be reached")]
pub struct LedgerAway;

/// A tenant's day, in its own time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpendingDay {
    pub tenant: TenantId,
    pub day: NaiveDate,
}

/// The assistants of all tenants that have one.
pub struct Assistants {
    tenants: HashMap<TenantId, TenantAssistant>,
    ledger: Arc<dyn AssistantLedger>,
    clock: Arc<dyn Clock>,
}

struct TenantAssistant {
    settings: AssistantSettings,
    timezone: chrono_tz::Tz,
    client: AssistantClient,
    breaker: AssistantBreaker,
}

impl std::fmt::Debug for Assistants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assistants").field("tenants", &self.tenants.len()).finish_non_exhaustive()
    }
}

impl Assistants {
    /// Those of these tenants.
    #[must_use]
    pub fn new(
        tenants: impl IntoIterator<Item = (TenantId, AssistantSettings, chrono_tz::Tz)>,
        client: &reqwest::Client,
        ledger: Arc<dyn AssistantLedger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let tenants = tenants.into_iter().map(|(tenant, settings, timezone)| {
            let client = AssistantClient::new(client.clone(), &settings);
            (tenant, TenantAssistant { settings, timezone, client, breaker: AssistantBreaker::default() })
        });
        Self { tenants: tenants.collect(), ledger, clock }
    }

    async fn answer(&self, question: &AssistantQuestion) -> AssistantReply {
        let Some(assistant) = self.tenants.get(&question.tenant) else {
            return AssistantReply::Silent(AssistantSilence::Absent);
        };
        let begun = Instant::now();
        let reply = self.ask_within_budget(assistant, question).await;
        metric::answered(&question.tenant, &reply, begun.elapsed());
        reply
    }

    async fn ask_within_budget(&self, assistant: &TenantAssistant, question: &AssistantQuestion) -> AssistantReply {
        let Some(attempt) = assistant.breaker.begin(self.clock.now()) else {
            return AssistantReply::Silent(AssistantSilence::BreakerOpen);
        };
        let settings = &assistant.settings;
        let prompt = prompt::of(question, &settings.facts);
        let day = SpendingDay {
            tenant: question.tenant.clone(),
            day: self.clock.now().with_timezone(&assistant.timezone).date_naive(),
        };
        let most = settings.cost_micros(prompt.most_tokens(), settings.max_tokens);
        if let Some(limit) = settings.budget_micros {
            match self.ledger.take(&day, most, limit).await {
                Ok(true) => {}
                Ok(false) => {
                    assistant.breaker.end(attempt, None, self.clock.now());
                    return AssistantReply::Silent(AssistantSilence::Budget);
                }
                Err(LedgerAway) => {
                    assistant.breaker.end(attempt, None, self.clock.now());
                    return AssistantReply::Silent(AssistantSilence::Failed);
                }
            }
        }
        let answered = tokio::time::timeout(settings.timeout, assistant.client.ask(&prompt)).await;
        let answered = answered.unwrap_or(Err(AssistantSilence::Late));
        let failed = matches!(answered, Err(AssistantSilence::Late | AssistantSilence::Failed));
        assistant.breaker.end(attempt, Some(!failed), self.clock.now());
        // What was not answered may have been computed and billed: it stays taken.
        if let Ok(Answered { usage: Some(usage), .. }) = &answered {
            metric::spent(&question.tenant, *usage, settings.cost_micros(usage.prompt, usage.completion));
            if settings.budget_micros.is_some() {
                let spent = settings.cost_micros(usage.prompt, usage.completion);
                // When this fails, the day's budget ends a little early.
                let _ = self.ledger.correct(&day, spent - most).await;
            }
        }
        match answered {
            Ok(answered) => reply::read(&answered.text, question, &settings.facts),
            Err(why) => AssistantReply::Silent(why),
        }
    }
}

impl ports::Assistant for Assistants {
    fn ask(&self, question: AssistantQuestion) -> Pending<'_, AssistantReply> {
        Box::pin(async move { self.answer(&question).await })
    }
}

#[cfg(test)]
mod tests;
