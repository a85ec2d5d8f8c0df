//! Observer: takes the spans of messages and the errors of the log, and tells whoever is configured.
//!
//! It stands beside the log. Without `[sentry]` and `[otlp]` there is none, and the spans are not made.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use palabre_actors::runtime::spans;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::error_reports::ErrorReports;
use super::export_runtime::{ExportRuntime, ExportRuntimeError};
use super::span_record::{Fields, SpanRecord};
use super::traces::{TraceExport, TracesError};
use crate::config::{OtlpCollector, SentryProject};

/// Nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    #[error(transparent)]
    ExportRuntime(#[from] ExportRuntimeError),
    #[error(transparent)]
    Traces(#[from] TracesError),
}

/// A layer beside the log's.
#[derive(Clone)]
pub struct Observer {
    reports: Option<Arc<ErrorReports>>,
    traces: Option<Arc<TraceExport>>,
}

/// Gives what waits the time to go out when it is dropped: keep it until the end of `main`.
#[must_use = "dropping it ends the telling"]
pub struct ObserverGuard(Observer);

impl Observer {
    /// `None`: nobody is to be told of anything.
    ///
    /// # Errors
    /// [`ObserverError`]
    pub fn of(
        sentry: Option<&SentryProject>,
        otlp: Option<&OtlpCollector>,
    ) -> Result<Option<(Self, ObserverGuard)>, ObserverError> {
        if sentry.is_none() && otlp.is_none() {
            return Ok(None);
        }
        let export = ExportRuntime::new()?;
        let reports = sentry.map(|project| Arc::new(ErrorReports::new(project, &export)));
        let traces = otlp.map(|collector| TraceExport::new(collector, export).map(Arc::new)).transpose()?;
        let observer = Self { reports, traces };
        Ok(Some((observer.clone(), ObserverGuard(observer))))
    }

    /// What it takes: the spans of messages, and our own errors. What libraries say may quote what they were given.
    pub(super) fn filter(&self) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + Clone + Send + Sync + use<>> {
        let reports = self.reports.is_some();
        let takes = move |metadata: &Metadata<'_>| match metadata.is_span() {
            true => metadata.target() == spans::TARGET,
            false => reports && *metadata.level() == Level::ERROR && metadata.target().starts_with("palabre"),
        };
        filter_fn(takes).with_max_level_hint(LevelFilter::INFO)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reports, traces) = (self.reports.is_some(), self.traces.is_some());
        f.debug_struct("Observer").field("reports", &reports).field("traces", &traces).finish()
    }
}

impl fmt::Debug for ObserverGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Drop for ObserverGuard {
    fn drop(&mut self) {
        if let Some(reports) = &self.0.reports {
            reports.close();
        }
        if let Some(traces) = &self.0.traces {
            traces.close();
        }
    }
}

impl<S> Layer<S> for Observer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if self.reports.is_none() && !self.traces.as_ref().is_some_and(|traces| traces.takes(&fields)) {
            return;
        }
        let record = SpanRecord { name: attributes.metadata().name(), started: SystemTime::now(), fields };
        span.extensions_mut().insert(record);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(record) = span.extensions_mut().get_mut::<SpanRecord>() {
            values.record(&mut record.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(reports) = &self.reports else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The innermost span's values, where the event has none of its own.
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(record) = extensions.get::<SpanRecord>() else { continue };
            for (name, value) in &record.fields.0 {
                if !fields.0.iter().any(|(known, _)| known == name) {
                    fields.0.push((*name, value.clone()));
                }
            }
        }
        reports.report(event.metadata().target(), fields);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(traces) = &self.traces else { return };
        let record = context.span(&id).and_then(|span| span.extensions_mut().remove::<SpanRecord>());
        if let Some(record) = record {
            traces.ended(record);
        }
    }
}
