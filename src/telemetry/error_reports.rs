//! Reports of errors, as events of a project at Sentry.
//!
//! An event has what the log line has: the words, the ids, the causes. Who reports does not wait: events stand in a short queue,
//! and those that find it full are counted and gone.

mod envelopes;
mod limit;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use secrecy::ExposeSecret as _;
use sentry::protocol::Event;
use sentry::types::Dsn;
use sentry::{Client, ClientOptions};
use serde_json::Value;

use self::envelopes::EnvelopeQueue;
use self::limit::{Admission, ReportLimit};
use super::discreet::discreet;
use super::export_runtime::ExportRuntime;
use super::metrics::catalogue::SENTRY_EVENTS;
use super::span_record::Fields;
use crate::config::SentryProject;

/// Fields that Sentry searches by. Others are shown with the event.
const TAGS: [&str; 7] =
    ["tenant.id", "channel.id", "conversation.id", "correlation.id", "message.id", "panic.location", "thread.name"];

/// How long the end of the program waits for events that wait.
const END: Duration = Duration::from_secs(2);

/// Reports errors to one project.
pub(super) struct ErrorReports {
    client: Client,
    limit: Mutex<ReportLimit>,
}

impl ErrorReports {
    pub(super) fn new(project: &SentryProject, export: &ExportRuntime) -> Self {
        let mut options = ClientOptions::new();
        // It was read before: what it is now can only be what it was then.
        options.dsn = project.dsn.expose_secret().parse::<Dsn>().ok();
        options.release = Some(Cow::Borrowed(concat!("palabre@", env!("CARGO_PKG_VERSION"))));
        options.environment = Some(Cow::Owned(project.environment.clone()));
        // Neither names of machines nor people's addresses.
        options.send_default_pii = false;
        options.server_name = None;
        options.default_integrations = false;
        options.attach_stacktrace = false;
        options.max_breadcrumbs = 0;
        if let Some(dsn) = &options.dsn {
            options.transport = Some(Arc::new(Arc::new(EnvelopeQueue::start(dsn, &options.user_agent, export))));
        }
        Self { client: Client::with_options(options), limit: Mutex::new(ReportLimit::new(project.per_minute)) }
    }

    /// Reports an error line, unless its kind was reported often enough within the minute.
    pub(super) fn report(&self, target: &str, fields: Fields) {
        let message = discreet(fields.text("message").unwrap_or("an error without words")).into_owned();
        let place = fields.text("panic.location").unwrap_or_default();
        let kind = format!("{target}\n{message}\n{place}");
        let admission = self.limit.lock().unwrap_or_else(PoisonError::into_inner).admit(&kind, Instant::now());
        let withheld = match admission {
            Admission::Granted { withheld } => withheld,
            Admission::Refused => {
                counter!(SENTRY_EVENTS, "result" => "limited").increment(1);
                return;
            }
        };
        let fingerprint = [target, &message, place].into_iter().filter(|part| !part.is_empty());
        let fingerprint: Vec<Cow<'static, str>> = fingerprint.map(|part| Cow::Owned(part.to_owned())).collect();
        let mut event =
            Event { logger: Some(target.to_owned()), fingerprint: Cow::Owned(fingerprint), ..Event::default() };
        for (name, value) in fields.0.into_iter().filter(|(name, _)| *name != "message") {
            let value = match value {
                Value::String(text) => Value::String(discreet(&text).into_owned()),
                other => other,
            };
            match value {
                Value::String(text) if TAGS.contains(&name) => drop(event.tags.insert(name.to_owned(), text)),
                value => drop(event.extra.insert(name.to_owned(), value)),
            }
        }
        if withheld > 0 {
            event.extra.insert("withheld".to_owned(), Value::from(withheld));
        }
        event.message = Some(message);
        self.client.capture_event(event, None);
    }

    /// Gives what waits a moment to go out.
    pub(super) fn close(&self) {
        self.client.close(Some(END));
    }
}

#[cfg(test)]
mod tests;
