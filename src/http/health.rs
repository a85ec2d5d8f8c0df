//! Health endpoints: `/healthz`, `/readyz` and `/api/health`.
//!
//! `/healthz` answers while the process does, `/readyz` while traffic is welcome, `/api/health` reports every component.
//! Components are asked all at once, and each has [`COMPONENT_DEADLINE`] to answer, so that one that hangs is reported and
//! the whole answers within 500 ms. A check must be asynchronous: one that blocks its thread blocks the worker that asked.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Pending;
use serde_json::{Map, Value, json};

use super::problem::HttpProblem;
use super::state::HttpState;

/// How long one component may take to answer.
pub const COMPONENT_DEADLINE: Duration = Duration::from_millis(300);

/// Probes come again by themselves; this is for clients that obey.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A component of the daemon whose health is reported.
pub trait HealthSource: Send + Sync {
    /// Asks the component. The future is dropped after [`COMPONENT_DEADLINE`].
    fn check(&self) -> Pending<'_, Condition>;

    /// More facts for the report, given the condition that was answered just now. `/readyz` shows those of critical
    /// components, too.
    fn facts(&self, _: Condition) -> Map<String, Value> {
        Map::new()
    }

    /// Since when the condition holds, if the component knows.
    fn since(&self) -> Option<Timestamp> {
        None
    }
}

/// The health of a component. The reason is fixed in the code, so that no data of anybody can slip in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Up,
    /// It works, and somebody should look.
    Degraded(&'static str),
    /// It does not work.
    Down(&'static str),
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Up => None,
            Self::Degraded(reason) | Self::Down(reason) => Some(reason),
        }
    }
}

/// Whether the daemon starts, serves or stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Some component does not run yet.
    Starting = 0,
    /// Traffic is welcome.
    Ready = 1,
    /// The daemon stops: it finishes what is in flight.
    Draining = 2,
}

/// What the health endpoints report. The composition root fills it and moves its phase.
pub struct Health {
    phase: AtomicU8,
    started: Instant,
    components: RwLock<Vec<Component>>,
}

#[derive(Clone)]
struct Component {
    name: &'static str,
    critical: bool,
    source: Arc<dyn HealthSource>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl Health {
    /// Starting, and without components.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            started: Instant::now(),
            components: RwLock::new(Vec::new()),
        }
    }

    /// Adds a component. While a critical one (the store) is down, the daemon is not ready.
    pub fn register(&self, name: &'static str, critical: bool, source: Arc<dyn HealthSource>) {
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        components.push(Component { name, critical, source });
    }

    /// Moves to another phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// `/readyz`: 200 when traffic is welcome and the critical components answer, else 503.
    async fn readiness(&self) -> Result<HttpResponse, HttpProblem> {
        let hint = match self.phase() {
            Phase::Starting => "still starting",
            Phase::Draining => "going down",
            Phase::Ready => {
                let reports = self.ask(|component| component.critical).await;
                if !reports.iter().any(|report| matches!(report.condition, Condition::Down(_))) {
                    let mut body = json!({ "status": "ready" });
                    if let Value::Object(body) = &mut body {
                        body.extend(reports.into_iter().flat_map(|report| report.facts));
                    }
                    return Ok(HttpResponse::Ok().json(body));
                }
                "a critical part is down: GET /api/health says which"
            }
        };
        Err(HttpProblem::new(StatusCode::SERVICE_UNAVAILABLE, "not ready", hint).retry_after(RETRY_AFTER))
    }

    /// `/api/health`: every component, 503 when a critical one is down.
    async fn report(&self) -> HttpResponse {
        let reports = self.ask(|_| true).await;
        let overall = overall(&reports);
        let components: Map<String, Value> =
            reports.iter().map(|report| (report.name.to_owned(), report.to_json())).collect();
        let phase = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        };
        let body = json!({
            "status": overall.as_str(),
            "phase": phase,
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_s": self.started.elapsed().as_secs(),
            "components": components,
        });
        let status = match overall {
            Condition::Down(_) => StatusCode::SERVICE_UNAVAILABLE,
            Condition::Up | Condition::Degraded(_) => StatusCode::OK,
        };
        HttpResponse::build(status).json(body)
    }

    async fn ask(&self, which: impl Fn(&Component) -> bool) -> Vec<Report> {
        let components: Vec<Component> = {
            let all = self.components.read().unwrap_or_else(PoisonError::into_inner);
            all.iter().filter(|component| which(component)).cloned().collect()
        };
        join_all(components.iter().map(Component::report)).await
    }
}

/// `/healthz`: the process answers.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"alive"}"#)
}

pub(super) async fn readyz(state: web::Data<HttpState>) -> Result<HttpResponse, HttpProblem> {
    state.deps.health.readiness().await
}

pub(super) async fn api_health(state: web::Data<HttpState>) -> HttpResponse {
    state.deps.health.report().await
}

impl Component {
    async fn report(&self) -> Report {
        let asked = Instant::now();
        let condition = tokio::time::timeout(COMPONENT_DEADLINE, self.source.check())
            .await
            .unwrap_or(Condition::Down("no answer in time"));
        let (facts, since) = (self.source.facts(condition), self.source.since());
        Report { name: self.name, critical: self.critical, condition, since, latency: asked.elapsed(), facts }
    }
}

struct Report {
    name: &'static str,
    critical: bool,
    condition: Condition,
    since: Option<Timestamp>,
    latency: Duration,
    facts: Map<String, Value>,
}

impl Report {
    fn to_json(&self) -> Value {
        let latency_ms = (self.latency.as_secs_f64() * 1_000_000.0).round() / 1000.0;
        let mut body = json!({
            "status": self.condition.as_str(),
            "critical": self.critical,
            "latency_ms": latency_ms,
        });
        if let Some(reason) = self.condition.reason() {
            body["reason"] = reason.into();
        }
        if let Some(since) = self.since {
            body["since"] = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into();
        }
        if let Value::Object(body) = &mut body {
            body.extend(self.facts.clone());
        }
        body
    }
}

/// Down when a critical component is, degraded when any component is not up.
fn overall(reports: &[Report]) -> Condition {
    let mut overall = Condition::Up;
    for report in reports {
        match report.condition {
            Condition::Down(_) if report.critical => return Condition::Down("a critical part is down"),
            Condition::Down(_) | Condition::Degraded(_) => overall = Condition::Degraded("a part is not up"),
            Condition::Up => {}
        }
    }
    overall
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overall_condition() {
        let report = |critical, condition| {
            let (latency, facts) = (Duration::ZERO, Map::new());
            Report { name: "x", critical, condition, since: None, latency, facts }
        };
        let table = [
            (vec![], "up"),
            (vec![report(true, Condition::Up), report(false, Condition::Up)], "up"),
            (vec![report(true, Condition::Up), report(false, Condition::Down("x"))], "degraded"),
            (vec![report(true, Condition::Degraded("x"))], "degraded"),
            (vec![report(false, Condition::Degraded("x")), report(true, Condition::Down("x"))], "down"),
        ];
        for (reports, expected) in table {
            assert_eq!(overall(&reports).as_str(), expected);
        }
    }
}
