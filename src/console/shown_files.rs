//! Files of messages as people see them: a picture, a player, a link, or why there is nothing.

use palabre_actors::domain::message::{ContactCard, Details, Media};
use palabre_actors::domain::presentation::{FilePlace, SentFile};
use palabre_actors::domain::rules::Language;
use serde::Serialize;

use super::display::Display;
use super::texts::Texts;
use crate::media::{safe_name, shows_inline};
use crate::store::operator::MediaRow;

/// A file of a message.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ShownFile {
    /// What it is called, or its kind in words.
    pub label: String,
    /// Where it opens, once it is there.
    pub href: Option<String>,
    /// `picture`, `sound` or `film`: what a page shows of it. Everything else is a link.
    pub shows: &'static str,
    /// How large it is, in words.
    pub size: String,
    /// Why it is not there, in words.
    pub standing: String,
}

/// What files are told with.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub texts: &'a Texts,
    pub display: &'a Display,
}

impl Words<'_> {
    fn text(self, key: &str) -> String {
        self.texts.get(self.display.language, "talk", key).to_owned()
    }
}

/// The files of a message. Those of messages from before files were fetched are told of alone.
pub(super) fn files(rows: Option<&Vec<MediaRow>>, details: Option<&Details>, words: Words<'_>) -> Vec<ShownFile> {
    match rows {
        Some(rows) => rows.iter().map(|row| file(row, words)).collect(),
        None => details.iter().flat_map(|details| &details.media).map(|media| told_of(media, words)).collect(),
    }
}

fn file(row: &MediaRow, words: Words<'_>) -> ShownFile {
    let kind = kind(&row.content_type, words);
    let label = match &row.name {
        Some(name) => safe_name(Some(name), &kind, &row.content_type),
        None => kind,
    };
    if row.state != "stored" {
        return ShownFile { label, standing: words.text(why_missing(row)), ..ShownFile::default() };
    }
    ShownFile {
        label,
        href: Some(format!("/console/media/{}", row.id)),
        shows: shows(&row.content_type),
        size: row.size.map(|bytes| size(bytes, words)).unwrap_or_default(),
        standing: String::new(),
    }
}

/// The key of the text that says why a file is not there.
fn why_missing(row: &MediaRow) -> &'static str {
    match (row.state.as_str(), row.reason.as_deref()) {
        ("waiting", None) => "media_waiting",
        ("waiting", Some(_)) => "media_again",
        ("refused", Some("too_large")) => "media_too_large",
        ("refused", Some("type")) => "media_type",
        ("refused", Some("not_wanted")) => "media_not_wanted",
        ("refused", Some("empty")) => "media_empty",
        ("refused", _) => "media_refused",
        ("expired", _) => "media_expired",
        ("failed", Some("gone")) => "media_gone",
        ("failed", Some("denied")) => "media_denied",
        _ => "media_failed",
    }
}

fn shows(content_type: &str) -> &'static str {
    let family = content_type.split('/').next().filter(|_| shows_inline(content_type));
    match family {
        Some("image") => "picture",
        Some("audio") => "sound",
        Some("video") => "film",
        _ => "",
    }
}

/// The files of a message of ours. They may be gone by now; who opens one is told.
pub(super) fn sent_files(files: Option<&Vec<SentFile>>) -> Vec<ShownFile> {
    files.into_iter().flatten().map(sent_file).collect()
}

fn sent_file(file: &SentFile) -> ShownFile {
    let (href, shows) = match &file.place {
        FilePlace::Upload(id) => (format!("/console/media/{id}"), shows(&file.content_type)),
        // Nothing is loaded from elsewhere.
        FilePlace::Url(url) => (url.clone(), ""),
    };
    ShownFile { label: file.name.clone(), href: Some(href), shows, ..ShownFile::default() }
}

fn told_of(media: &Media, words: Words<'_>) -> ShownFile {
    ShownFile { label: kind(&media.content_type, words), ..ShownFile::default() }
}

fn kind(content_type: &str, words: Words<'_>) -> String {
    let key = match content_type.split_once('/') {
        Some(("image", _)) => "media_image",
        Some(("audio", _)) => "media_audio",
        Some(("video", _)) => "media_video",
        _ if ContactCard::is_media_type(content_type) => "card",
        _ => "media_file",
    };
    words.text(key)
}

/// `2,3 Mo`
fn size(bytes: u64, words: Words<'_>) -> String {
    const MEGABYTE: u64 = 1 << 20;
    if bytes < MEGABYTE {
        return format!("{} {}", bytes.div_ceil(1 << 10), words.text("kilobytes"));
    }
    let tenths = bytes * 10 / MEGABYTE;
    let comma = if words.display.language == Language::Fr { ',' } else { '.' };
    format!("{}{comma}{} {}", tenths / 10, tenths % 10, words.text("megabytes"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use palabre_actors::domain::Timestamp;
    use palabre_actors::domain::ids::TenantId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_state_has_its_words_and_names_are_harmless() {
        let texts = Texts::built_in().unwrap();
        for (language, large) in [(Language::Fr, "2,3 Mo"), (Language::En, "2.3 MB")] {
            let display = Display { language, timezone: chrono_tz::UTC, now: Timestamp::UNIX_EPOCH };
            let words = Words { texts: &texts, display: &display };
            let row = |state: &str, reason: Option<&str>, kind: &str| MediaRow {
                id: Uuid::nil(),
                tenant: TenantId::new("belle"),
                message: None,
                state: state.to_owned(),
                reason: reason.map(str::to_owned),
                content_type: kind.to_owned(),
                size: Some(2_500_000),
                hash: None,
                name: Some("../<b>x</b>".to_owned()),
                created_at: Timestamp::UNIX_EPOCH,
            };
            for (kind, shows) in
                [("image/png", "picture"), ("audio/ogg", "sound"), ("video/mp4", "film"), ("image/svg+xml", "")]
            {
                let shown = file(&row("stored", None, kind), words);
                assert_eq!((shown.shows, shown.size.as_str()), (shows, large), "{kind}");
                assert!(shown.href.is_some() && !shown.label.contains('<'), "{shown:?}");
            }
            let mut told = BTreeSet::new();
            for (state, reason) in [
                ("waiting", None),
                ("waiting", Some("unreachable")),
                ("refused", Some("too_large")),
                ("refused", Some("type")),
                ("refused", Some("not_wanted")),
                ("refused", Some("empty")),
                ("refused", Some("not_public")),
                ("failed", Some("gone")),
                ("failed", Some("denied")),
                ("failed", Some("unreachable")),
                ("expired", None),
            ] {
                let shown = file(&row(state, reason, "image/png"), words);
                assert!(shown.href.is_none() && !shown.standing.is_empty(), "{state} {reason:?}");
                told.insert(shown.standing);
            }
            assert_eq!(told.len(), 11, "each is told in its own words: {told:?}");
        }
    }
}
