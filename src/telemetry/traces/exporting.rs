//! The last steps of spans to the collector: counted, and posted by a thread of ours.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::counter;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::super::export_runtime::ExportRuntime;
use super::super::metrics::catalogue::OTLP_SPANS;

#[derive(Debug)]
pub(super) struct CountedExporter {
    pub(super) exporter: opentelemetry_otlp::SpanExporter,
    pub(super) waiting: Arc<AtomicUsize>,
}

impl SpanExporter for CountedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        let result = if exported.is_ok() { "exported" } else { "failed" };
        counter!(OTLP_SPANS, "result" => result).increment(u64::try_from(spans).unwrap_or(u64::MAX));
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Posts on our own thread: the exporter's has no runtime.
#[derive(Debug)]
pub(super) struct SpanPosting(pub(super) ExportRuntime);

impl HttpClient for SpanPosting {
    fn send_bytes<'life, 'posting>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'posting>>
    where
        'life: 'posting,
        Self: 'posting,
    {
        let client = self.0.client.clone();
        let posted = self.0.runtime.spawn(async move {
            let response = client.execute(reqwest::Request::try_from(request)?).await?;
            Ok::<_, reqwest::Error>(response.status())
        });
        Box::pin(async move {
            let status = posted.await??;
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = status;
            Ok(answer)
        })
    }
}
