//! Format of a log line: one flat JSON object.
//!
//! Its keys are `timestamp`, `level`, `message`, the event's fields and those of the spans around it under their
//! dotted names, and `target`.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::super::with_causes;

/// The format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flat;

impl<S> FormatEvent<S, JsonFields> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", event.metadata().level())?;
        let mut fields = Fields { writer: &mut writer, seen: Vec::with_capacity(12), result: Ok(()) };
        event.record(&mut fields);
        let Fields { seen, result, .. } = fields;
        result?;
        write_spans(context, &mut writer, event, seen)?;
        write_entry(&mut writer, "target", &Json(event.metadata().target()))?;
        writer.write_str("}\n")
    }
}

/// The innermost value of a field wins, and the event's own wins over all: a JSON object must not repeat a key.
fn write_spans<S>(
    context: &FmtContext<'_, S, JsonFields>,
    writer: &mut Writer<'_>,
    event: &Event<'_>,
    seen: Vec<&'static str>,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(leaf) = event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current()) else {
        return Ok(());
    };
    let mut from_spans: Vec<String> = Vec::new();
    for span in leaf.scope() {
        let extensions = span.extensions();
        let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(fields) else { continue };
        for (name, value) in fields {
            if !seen.contains(&name.as_str()) && !from_spans.contains(&name) {
                write_entry(writer, &name, &value)?;
                from_spans.push(name);
            }
        }
    }
    Ok(())
}

struct Fields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    seen: Vec<&'static str>,
    result: fmt::Result,
}

impl Fields<'_, '_> {
    fn entry(&mut self, field: &Field, value: &impl fmt::Display) {
        if self.result.is_ok() {
            self.seen.push(field.name());
            self.result = write_entry(self.writer, field.name(), value);
        }
    }
}

impl Visit for Fields<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinities.
        if value.is_finite() { self.entry(field, &value) } else { self.entry(field, &"null") }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.entry(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.entry(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.entry(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field, &Json(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.entry(field, &Json(&with_causes(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.entry(field, &Json(&format!("{value:?}")));
    }
}

fn write_entry(writer: &mut Writer<'_>, name: &str, value: &impl fmt::Display) -> fmt::Result {
    write!(writer, ",\"{name}\":{value}")
}

/// A text as a JSON string.
struct Json<'a>(&'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c.is_control()) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut characters = special.chars();
            match characters.next() {
                Some('"') => f.write_str("\\\"")?,
                Some('\\') => f.write_str("\\\\")?,
                Some('\n') => f.write_str("\\n")?,
                Some(control) => write!(f, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}
