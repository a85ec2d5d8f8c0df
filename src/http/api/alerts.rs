//! Alerts: what Alertmanager posts, as a message through a channel of a tenant.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::message::Category;
use palabre_actors::domain::presentation::Presentation;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::Reply;
use super::call::{Call, Json, PathId, Query, ToSend};
use super::messages::{AcceptedMessage, answered, channel_and_address, tenant};
use super::params::{QueryParams, names_of};
use super::problems::{BodyProblems, CallProblems, KeyConflict, UnknownName, invalid};
use crate::digest::hex;
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::messages::{self, OutgoingMessage};

/// Alerts that a message tells in words; the others are counted.
const TOLD: usize = 10;
/// Characters of a summary that are shown.
const LONGEST_SUMMARY: usize = 300;
/// Alertmanager posts again when no answer came: within this time the same news is the same message.
const SAME_FOR_SECONDS: i64 = 600;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/alerts/{id}", tell);
}

/// What Alertmanager's `webhook_configs` post (version 4). What is not read is left out here.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct AlertNews {
    /// `firing`, or `resolved` when all of them are over.
    #[serde(default)]
    #[schema(example = "firing")]
    status: String,
    /// What they have in common, by which Alertmanager put them together.
    #[serde(default, rename = "groupKey")]
    group_key: String,
    #[serde(default)]
    alerts: Vec<OneAlert>,
    /// Alerts that were left out because there are too many.
    #[serde(default, rename = "truncatedAlerts")]
    truncated: u64,
}

/// One alert.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct OneAlert {
    #[serde(default)]
    status: String,
    /// `alertname`, `severity`, and those of the rule.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// `summary` and `runbook`.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "startsAt")]
    starts_at: String,
}

/// To whom it is told.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertParams {
    /// An address of the channel's kind: `mailto:oncall@agency.example`.
    to: String,
}

impl QueryParams for AlertParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let is_to = name == "to";
        if is_to {
            value.clone_into(&mut self.to);
        }
        Ok(is_to)
    }
}

/// Tells somebody of alerts: for `webhook_configs` of Alertmanager, whose credentials are a key with the scope `send`. The message passes
/// a spent budget. The same news within ten minutes is one message.
#[utoipa::path(post, path = "/api/v1/alerts/{id}", operation_id = "tell_alerts", tag = "messages", request_body = AlertNews,
    params(("id" = String, Path, description = "The channel"), AlertParams), security(("key" = ["send"])), responses(
    (status = 202, body = AcceptedMessage, description = "It is durable"),
    (status = 200, body = AcceptedMessage, description = "The same news came before"),
    CallProblems, UnknownName, BodyProblems, KeyConflict
))]
pub(super) async fn tell(
    call: Call<ToSend>,
    id: PathId,
    Query(params): Query<AlertParams>,
    Json(news): Json<AlertNews>,
) -> Reply {
    if news.alerts.is_empty() {
        return Err(invalid("alerts", "no alerts", "this is for `webhook_configs` of Alertmanager"));
    }
    let tenant = tenant(&call.api, &call.caller, None, Some(&id.0))?;
    let (sender, to) = channel_and_address(&call.api, &tenant, Some(&id.0), &params.to)?;
    let subject = (sender.scheme == Scheme::Mailto).then(|| news.subject());
    let presentation = subject.map(|subject| Presentation { subject: Some(subject), ..Presentation::default() });
    let message = OutgoingMessage {
        channel: sender.id.clone(),
        tenant,
        to,
        text: Some(news.text()),
        template: None,
        choices: Vec::new(),
        presentation,
        category: Category::Transactional,
        urgent: true,
        send_at: None,
        expires_at: None,
        idempotency_key: Some(news.key(&params.to, call.now())),
    };
    answered(messages::send(call.caller.service(), &call.operator, &*call.api.outgoing, message).await?)
}

impl AlertNews {
    fn is_over(&self) -> bool {
        self.status == "resolved"
    }

    /// `[2 firing] PalabreDown, PalabreDiskFull`
    fn subject(&self) -> String {
        let mut names: Vec<&str> = self.alerts.iter().map(OneAlert::name).collect();
        names.sort_unstable();
        names.dedup();
        let many = if names.len() > 3 { ", …" } else { "" };
        names.truncate(3);
        let word = if self.is_over() { "resolved" } else { "firing" };
        cut(&format!("[{} {word}] {}{many}", self.count(), names.join(", ")), 200)
    }

    fn count(&self) -> u64 {
        self.alerts.len() as u64 + self.truncated
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.subject());
        for alert in self.alerts.iter().take(TOLD) {
            let word = if alert.status == "resolved" { "over" } else { alert.label("severity") };
            let summary = alert.annotations.get("summary").map(String::as_str).unwrap_or_default();
            let _ = write!(text, "\n{word}: {}: {}", alert.name(), cut(summary, LONGEST_SUMMARY));
            if alert.status != "resolved"
                && let Some(runbook) = alert.annotations.get("runbook")
            {
                let _ = write!(text, "\n  {}", cut(runbook, LONGEST_SUMMARY));
            }
        }
        let more = self.count().saturating_sub(TOLD as u64);
        if more > 0 {
            let _ = write!(text, "\n+ {more}");
        }
        text.replace('\0', "")
    }

    /// The same for the same news, told to the same, for a while.
    fn key(&self, to: &str, now: Timestamp) -> String {
        let mut hash = Sha256::new();
        let while_ = (now.timestamp() / SAME_FOR_SECONDS).to_string();
        for part in [to, &while_, &self.group_key, &self.status, &self.text()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        for alert in &self.alerts {
            hash.update(alert.starts_at.as_bytes());
            hash.update([0]);
        }
        format!("alert-{}", &hex(&hash.finalize())[..32])
    }
}

impl OneAlert {
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.label("alertname")
    }
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(name: &str, status: &str, summary: &str) -> OneAlert {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        OneAlert {
            status: status.to_owned(),
            labels: pairs(&[("alertname", name), ("severity", "page")]),
            annotations: pairs(&[("summary", summary), ("runbook", "docs/operations.md#it-is-down")]),
            starts_at: "2026-12-01T07:00:00Z".to_owned(),
        }
    }

    #[test]
    fn a_message_says_what_is_wrong_and_where_it_stands_what_to_do() {
        let alerts = vec![
            alert("PalabreDown", "firing", "Palabre does not answer its scrape"),
            alert("PalabreDiskFull", "resolved", "The disk is full"),
        ];
        let news = AlertNews { status: "firing".to_owned(), alerts, truncated: 3, ..AlertNews::default() };
        assert_eq!(news.subject(), "[5 firing] PalabreDiskFull, PalabreDown");
        assert_eq!(
            news.text(),
            "[5 firing] PalabreDiskFull, PalabreDown\n\npage: PalabreDown: Palabre does not answer its scrape\n  \
             docs/operations.md#it-is-down\nover: PalabreDiskFull: The disk is full"
        );
    }

    #[test]
    fn many_alerts_are_counted_and_long_words_cut() {
        let alerts = (0..12).map(|number| alert(&format!("A{number}"), "firing", &"é".repeat(1_000))).collect();
        let news = AlertNews { status: "firing".to_owned(), alerts, ..AlertNews::default() };
        let text = news.text();
        assert!(text.ends_with("\n+ 2") && text.contains(&format!("{}…\n", "é".repeat(300))), "{text}");
        assert_eq!(news.subject(), "[12 firing] A0, A1, A10, …");
    }

    #[test]
    fn the_same_news_is_the_same_message_for_a_while() {
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).expect("a time");
        let news = |status: &str| AlertNews {
            status: status.to_owned(),
            alerts: vec![alert("PalabreDown", status, "down")],
            ..AlertNews::default()
        };
        let key = news("firing").key("mailto:a@b.example", at(1_200));
        assert_eq!(news("firing").key("mailto:a@b.example", at(1_799)), key);
        assert!(key.len() < 64 && key.starts_with("alert-"));
        for other in [
            news("firing").key("mailto:a@b.example", at(1_800)),
            news("firing").key("mailto:c@b.example", at(1_200)),
            news("resolved").key("mailto:a@b.example", at(1_200)),
        ] {
            assert_ne!(other, key);
        }
    }
}
