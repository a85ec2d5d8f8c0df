//! Log lines, as JSON or text, written to standard output by a thread.

mod json;

use std::io::{self, BufWriter, Write};
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::observer::Observer;
use crate::config::{LogFormat, Logs};

/// Lines that wait for standard output. At 300 bytes each and 10,000 a second: 40 MB and 13 s of a stalled reader.
const BUFFERED_LINES: usize = 131_072;

/// Lines are handed to the operating system in pieces of this size, or as soon as no more wait.
const WRITE_BYTES: usize = 64 * 1024;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// `[logs]` cannot be applied.
#[derive(Debug, thiserror::Error)]
#[error("logs.level is not a filter such as `info` or `palabre=debug,info`")]
pub struct LogsError(#[from] ParseError);

/// Writes the waiting lines when it is dropped: keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct LogGuard {
    _writer: Option<WorkerGuard>,
}

/// Sends the whole process's log lines to standard output. When a subscriber is there already (several daemons in one
/// process of tests) it stays, and the guard is empty.
///
/// # Errors
/// [`LogsError`] when the level does not parse.
pub fn install(config: &Logs, observer: Option<Observer>) -> Result<LogGuard, LogsError> {
    install_with(config, io::stdout(), observer)
}

/// Sends the whole process's log lines to another writer.
///
/// # Errors
/// [`LogsError`] when the level does not parse.
pub fn install_to(config: &Logs, output: impl Write + Send + 'static) -> Result<LogGuard, LogsError> {
    install_with(config, output, None)
}

fn install_with(
    config: &Logs,
    output: impl Write + Send + 'static,
    observer: Option<Observer>,
) -> Result<LogGuard, LogsError> {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("log-writer")
        .finish(BufWriter::with_capacity(WRITE_BYTES, output));
    let dropped = writer.error_counter();
    let installed = set_global(config, writer, observer)?;
    if installed {
        let _first_wins = DROPPED.set(dropped);
    }
    Ok(LogGuard { _writer: installed.then_some(guard) })
}

fn set_global(config: &Logs, writer: NonBlocking, observer: Option<Observer>) -> Result<bool, LogsError> {
    let Some(observer) = observer else {
        return Ok(match config.format {
            LogFormat::Json => tracing::subscriber::set_global_default(json_subscriber(config, writer)?).is_ok(),
            LogFormat::Text => tracing::subscriber::set_global_default(text_subscriber(config, writer)?).is_ok(),
        });
    };
    Ok(match config.format {
        LogFormat::Json => {
            let subscriber = observed_json_subscriber(config, writer, observer)?;
            tracing::subscriber::set_global_default(subscriber).is_ok()
        }
        LogFormat::Text => {
            let lines = text_lines(writer).with_filter(filter(config)?);
            tracing::subscriber::set_global_default(observed(lines, observer)).is_ok()
        }
    })
}

/// [`json_subscriber`] with an observer beside it.
///
/// # Errors
/// [`LogsError`] when the level does not parse.
pub fn observed_json_subscriber<W>(
    config: &Logs,
    writer: W,
    observer: Observer,
) -> Result<impl Subscriber + Send + Sync + use<W>, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(observed(json_lines(writer).with_filter(filter(config)?), observer))
}

/// The log and an observer, each with a filter of its own.
fn observed(lines: impl Layer<Registry> + Send + Sync, observer: Observer) -> impl Subscriber + Send + Sync {
    let heard = observer.filter();
    tracing_subscriber::registry().with(lines).with(observer.with_filter(heard))
}

/// A subscriber that writes one flat JSON object per line.
///
/// # Errors
/// [`LogsError`] when the level does not parse.
pub fn json_subscriber<W>(
    config: &Logs,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + use<W>, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(tracing_subscriber::registry().with(filter(config)?).with(json_lines(writer)))
}

fn json_lines<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
        .event_format(json::Flat)
        .with_writer(writer)
}

/// A subscriber that writes lines for people.
///
/// # Errors
/// [`LogsError`] when the level does not parse.
pub fn text_subscriber<W>(
    config: &Logs,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + use<W>, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(tracing_subscriber::registry().with(filter(config)?).with(text_lines(writer)))
}

fn text_lines<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)
}

/// The spans are the observers'. PostgreSQL notices at `info` that what a migration makes is there already, at every start: its
/// warnings are enough. What comes on a connection and is not HTTP is counted (`palabre_http_connections_ended_total`); anybody
/// may send it, and actix-web makes an error of each.
const QUIETER: &str = "palabre::spans=off,sqlx::postgres::notice=warn,actix_http::h1=off";

fn filter(config: &Logs) -> Result<EnvFilter, LogsError> {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    Ok(builder.parse(format!("{QUIETER},{}", config.level))?)
}

/// Lines lost since the start.
#[must_use]
pub fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |counter| u64::try_from(counter.dropped_lines()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
