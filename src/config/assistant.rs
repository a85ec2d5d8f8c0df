//! Validation of `[assistant]`.

use std::time::Duration;

use palabre_actors::domain::rules::{AssistantPolicy, Rules};
use secrecy::SecretString;

use super::document::Scope;
use super::fields::{amount, base_url, decimal, duration_up_to, number, or_default, settled, text};
use super::problem::plainly;
use super::raw::RawAssistant;
use super::secret::Secrets;

const TIMEOUT: Duration = Duration::from_secs(4);
/// A customer who waits longer has gone; other nodes take a message that waits for half a minute for lost.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15);
/// With the turn and the send, customers read something within five seconds.
const PROMPT_TIMEOUT: Duration = Duration::from_millis(4_500);
/// Prices of a million tokens unless told otherwise, in the tenant's currency: rather too high than too low.
const PRICE_PROMPT: f64 = 1.0;
const PRICE_COMPLETION: f64 = 3.0;
/// Tokens of one answer.
const MAX_TOKENS: u64 = 300;
/// The longest facts: they go along with every question.
const LONGEST_FACTS_BYTES: u64 = 64 * 1024;
const LOST: &str = "the key and the questions cross the network in clear";

/// `[assistant]`: an endpoint, and what it may cost. `Debug` shows neither key nor facts.
#[derive(Clone)]
pub struct AssistantSettings {
    /// Up to and without `/chat/completions`.
    pub base_url: String,
    pub model: String,
    /// `None`: the endpoint takes everybody.
    pub api_key: Option<SecretString>,
    /// What the tenant tells everybody.
    pub facts: String,
    /// From the question to the end of the answer.
    pub timeout: Duration,
    /// What a day may cost, in millionths of the tenant's currency; `None`: anything.
    pub budget_micros: Option<i64>,
    /// A million tokens of a question, in the tenant's currency.
    pub price_prompt: f64,
    /// A million tokens of an answer.
    pub price_completion: f64,
    /// Tokens of one answer at most.
    pub max_tokens: u64,
    /// Whom it asks, as customers read it.
    pub person: Option<String>,
}

impl std::fmt::Debug for AssistantSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssistantSettings")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl AssistantSettings {
    /// What so many tokens cost, rounded up.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "sums of money of a few units")]
    pub fn cost_micros(&self, prompt: u64, completion: u64) -> i64 {
        (prompt as f64).mul_add(self.price_prompt, completion as f64 * self.price_completion).ceil() as i64
    }
}

/// `None` inside: there is none. `None` outside: something was reported.
pub(super) fn assistant(
    root: &Scope<'_>,
    raw: Option<&RawAssistant>,
    secrets: Secrets<'_>,
) -> Option<Option<AssistantSettings>> {
    let Some(raw) = raw else { return Some(None) };
    let scope = &root.table("assistant");
    let help = "the address of an OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`";
    let url = scope
        .required("base_url", raw.base_url.as_deref(), help)
        .and_then(|raw| base_url(scope, "base_url", raw, "https://llm.example.com/v1", LOST));
    let model = scope
        .required("model", raw.model.as_deref(), "the model's name as the endpoint knows it")
        .and_then(|raw| text(scope, "model", raw));
    let api_key = settled(raw.api_key.as_ref().map(|raw| secrets.resolve(scope, "api_key", raw)));
    let facts = raw.facts.as_deref().map_or_else(|| Some(String::new()), |path| read_facts(scope, path, secrets));
    let timeout =
        or_default(raw.timeout.as_ref(), TIMEOUT, |raw| duration_up_to(scope, "timeout", raw, LONGEST_TIMEOUT));
    if timeout.is_some_and(|timeout| timeout > PROMPT_TIMEOUT) {
        let reason =
            format!("`{}` lets customers wait longer than five seconds for a first word", scope.name("timeout"));
        scope.warning(
            "timeout",
            reason,
            "write `timeout = \"4s\"`: what the model has not answered by then, the rules answer",
        );
    }
    let budget = settled(raw.budget_per_day.map(|raw| amount(scope, "budget_per_day", raw)));
    let price = |key: &str, raw: Option<f64>, default: f64| {
        or_default(raw, default, |raw| decimal(scope, key, raw, 0.0..=10_000.0))
    };
    let prompt = price("price_prompt", raw.price_prompt, PRICE_PROMPT);
    let completion = price("price_completion", raw.price_completion, PRICE_COMPLETION);
    let max_tokens = or_default(raw.max_tokens, MAX_TOKENS, |raw| number(scope, "max_tokens", raw, 16..=4_000));
    let person = settled(raw.person.as_deref().map(|raw| text(scope, "person", raw).map(str::to_owned)));
    if budget == Some(Some(0)) {
        scope.warning(
            "budget_per_day",
            "is nothing: the assistant never answers".to_owned(),
            "leave it out for no limit",
        );
    }
    Some(Some(AssistantSettings {
        base_url: url?,
        model: model?.to_owned(),
        api_key: api_key?,
        facts: facts?,
        timeout: timeout?,
        budget_micros: budget?,
        price_prompt: prompt?,
        price_completion: completion?,
        max_tokens: max_tokens?,
        person: person?,
    }))
}

/// The rules, with what they need to know of it.
pub(super) fn with_assistant(rules: Rules, settings: Option<&AssistantSettings>) -> Rules {
    match settings {
        Some(settings) => rules.with_assistant(AssistantPolicy { person: settings.person.clone() }),
        None => rules,
    }
}

fn read_facts(scope: &Scope<'_>, path: &str, secrets: Secrets<'_>) -> Option<String> {
    let path = secrets.folder.join(path);
    let is_long = std::fs::metadata(&path).is_ok_and(|file| file.len() > LONGEST_FACTS_BYTES);
    if is_long {
        let help = "every question pays for all of it: keep what customers ask";
        scope.wrong("facts", "names a file of more than 64 KiB", help);
        return None;
    }
    let read = std::fs::read_to_string(&path);
    // So that a change of the facts is taken over like one of the tenant's file.
    secrets.files.note(&path, read.as_deref().unwrap_or_default().as_bytes(), false);
    match read {
        Ok(facts) => Some(facts),
        Err(error) => {
            let reason = format!("names {}, which cannot be read: {}", path.display(), plainly(error.kind()));
            scope.error(
                "facts",
                format!("`{}` {reason}", scope.name("facts")),
                "relative paths start in the folder of palabre.toml",
            );
            None
        }
    }
}
