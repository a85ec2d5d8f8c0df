//! The assistant: any OpenAI-compatible endpoint, asked from what the tenant wrote down and nothing else.
//!
//! Before each request the most that it may cost is taken from the day's budget, and what it did not cost is given back
//! afterwards: the budget stops before it is passed, on all nodes together. The answer is read as it streams in, until
//! the deadline, which includes asking for the budget. Whatever goes wrong, the rules answer.

mod breaker;
mod client;
mod figures;
mod metric;
mod prompt;
mod reply;
#[cfg(feature = "lab")]
pub mod simulator;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::NaiveDate;
use palabre_actors::domain::assistant::{AssistantQuestion, AssistantReply, AssistantSilence};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::{self, Clock, Pending};
use tokio::time::{Instant, timeout, timeout_at};

use self::breaker::AssistantBreaker;
use self::client::{Answered, AssistantClient};
use crate::config::AssistantSettings;

/// How long an answer waits for what it did not cost to be given back.
const CORRECTION: Duration = Duration::from_secs(1);

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

/// A tenant, its assistant's settings, its time zone.
pub type ServedAssistant = (TenantId, AssistantSettings, chrono_tz::Tz);

/// The assistants of all tenants that have one.
pub struct Assistants {
    tenants: ArcSwap<HashMap<TenantId, Arc<TenantAssistant>>>,
    client: reqwest::Client,
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
        f.debug_struct("Assistants").field("tenants", &self.tenants.load().len()).finish_non_exhaustive()
    }
}

impl Assistants {
    /// None yet.
    #[must_use]
    pub fn new(client: reqwest::Client, ledger: Arc<dyn AssistantLedger>, clock: Arc<dyn Clock>) -> Self {
        Self { tenants: ArcSwap::default(), client, ledger, clock }
    }

    /// Serves these from now on. Those that did not change keep what they know of their endpoint.
    pub fn serve(&self, tenants: impl IntoIterator<Item = ServedAssistant>, is_same: impl Fn(&TenantId) -> bool) {
        let before = self.tenants.load();
        let assistant = |(tenant, settings, timezone): ServedAssistant| {
            let known = before.get(&tenant).filter(|_| is_same(&tenant)).cloned();
            let assistant = known.unwrap_or_else(|| {
                let client = AssistantClient::new(self.client.clone(), &settings);
                Arc::new(TenantAssistant { settings, timezone, client, breaker: AssistantBreaker::default() })
            });
            (tenant, assistant)
        };
        self.tenants.store(Arc::new(tenants.into_iter().map(assistant).collect()));
    }

    async fn answer(&self, question: &AssistantQuestion) -> AssistantReply {
        let Some(assistant) = self.tenants.load().get(&question.tenant).cloned() else {
            return AssistantReply::Silent(AssistantSilence::Absent);
        };
        let begun = Instant::now();
        let reply = self.ask_within_budget(&assistant, question).await;
        metric::answered(&question.tenant, &reply, begun.elapsed());
        reply
    }

    async fn ask_within_budget(&self, assistant: &TenantAssistant, question: &AssistantQuestion) -> AssistantReply {
        let Some(attempt) = assistant.breaker.begin(self.clock.now()) else {
            return AssistantReply::Silent(AssistantSilence::BreakerOpen);
        };
        let settings = &assistant.settings;
        let deadline = Instant::now() + settings.timeout;
        let prompt = prompt::of(question, &settings.facts);
        let day = SpendingDay {
            tenant: question.tenant.clone(),
            day: self.clock.now().with_timezone(&assistant.timezone).date_naive(),
        };
        let most = settings.cost_micros(prompt.most_tokens(), settings.max_tokens);
        if let Err(why) = self.take(&day, most, settings.budget_micros, deadline).await {
            // That says nothing about the endpoint.
            return AssistantReply::Silent(why);
        }
        let answered = timeout_at(deadline, assistant.client.ask(&prompt)).await;
        let answered = answered.unwrap_or(Err(AssistantSilence::Late));
        let failed = matches!(answered, Err(AssistantSilence::Late | AssistantSilence::Failed));
        attempt.end(!failed, self.clock.now());
        // What was not answered may have been computed and billed: it stays taken.
        if let Ok(Answered { usage: Some(usage), .. }) = &answered {
            let spent = settings.cost_micros(usage.prompt, usage.completion);
            metric::spent(&question.tenant, *usage, spent);
            if settings.budget_micros.is_some() {
                // When this fails, the day's budget ends a little early.
                let _ = timeout(CORRECTION, self.ledger.correct(&day, spent - most)).await;
            }
        }
        match answered {
            Ok(answered) => reply::read(&answered.text, question, &settings.facts),
            Err(why) => AssistantReply::Silent(why),
        }
    }

    /// Takes the most that a question may cost from the day's budget.
    async fn take(
        &self,
        day: &SpendingDay,
        most: i64,
        limit: Option<i64>,
        deadline: Instant,
    ) -> Result<(), AssistantSilence> {
        let Some(limit) = limit else { return Ok(()) };
        match timeout_at(deadline, self.ledger.take(day, most, limit)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(AssistantSilence::Budget),
            Ok(Err(LedgerAway)) | Err(_) => Err(AssistantSilence::Failed),
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
