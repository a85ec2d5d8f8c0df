//! Validation of `[retention]`: how long rows are kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::Scope;
use super::fields::{duration, duration_up_to, text};
use super::raw::{RawDuration, RawPrivacy, RawRetention};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Providers repeat webhooks, and callbacks come, for days; a message is tried for 30 days at most.
const LEAST: Duration = Duration::from_secs(30 * DAY.as_secs());
/// An export holds everything of a person: it is fetched, and goes.
const LONGEST_EXPORT: Duration = Duration::from_secs(90 * DAY.as_secs());
/// Longer is for ever.
const MOST: Duration = Duration::from_secs(100 * 366 * DAY.as_secs());

/// `[retention]`. `None`: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Messages, in and out, since the last thing that happened to them.
    pub messages: Option<Duration>,
    /// The log of events.
    pub events: Option<Duration>,
    /// Files that came with messages; never longer than their messages.
    pub media: Option<Duration>,
}

/// `[privacy]`. `None`: for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    pub audit_retention: Option<Duration>,
    /// What payment systems told.
    pub payment_retention: Option<Duration>,
    /// Where exports of persons lie.
    pub export_dir: PathBuf,
    /// How long they do.
    pub export_retention: Duration,
}

/// `None`: something was reported.
pub(super) fn retention(scope: &Scope<'_>, raw: &RawRetention) -> Option<Retention> {
    let (messages, events) =
        (kept(scope, "messages", raw.messages.as_ref()), kept(scope, "events", raw.events.as_ref()));
    let media = kept(scope, "media", raw.media.as_ref());
    Some(Retention { messages: messages?, events: events?, media: media? })
}

/// `None`: something was reported.
pub(super) fn privacy(scope: &Scope<'_>, raw: &RawPrivacy, folder: &Path) -> Option<Privacy> {
    let audit_retention = kept(scope, "audit_retention", raw.audit_retention.as_ref());
    let payment_retention = kept(scope, "payment_retention", raw.payment_retention.as_ref());
    let export_dir =
        scope.required("export_dir", raw.export_dir.as_deref(), "").and_then(|raw| text(scope, "export_dir", raw));
    let export_retention = scope
        .required("export_retention", raw.export_retention.as_ref(), "")
        .and_then(|raw| duration_up_to(scope, "export_retention", raw, LONGEST_EXPORT));
    Some(Privacy {
        audit_retention: audit_retention?,
        payment_retention: payment_retention?,
        export_dir: folder.join(export_dir?),
        export_retention: export_retention?,
    })
}

#[expect(clippy::option_option, reason = "as for every key that may be left out")]
fn kept(scope: &Scope<'_>, key: &str, raw: Option<&RawDuration>) -> Option<Option<Duration>> {
    let raw = scope.required(key, raw, "")?;
    if raw.0 == "off" {
        return Some(None);
    }
    // Longer than anything else here may last.
    let Ok(kept) = humantime::parse_duration(&raw.0) else {
        duration(scope, key, raw);
        return None;
    };
    if !(LEAST..=MOST).contains(&kept) {
        scope.wrong(key, "must be from 30 days to 100 years", "write `\"off\"` to keep everything");
        return None;
    }
    Some(Some(kept))
}
