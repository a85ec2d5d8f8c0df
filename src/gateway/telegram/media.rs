//! Files at Telegram: `getFile` tells a path for an hour (<https://core.telegram.org/bots/api#getfile>).

use palabre_actors::ports::Pending;
use serde::Deserialize;
use serde_json::json;

use super::call::{Api, CallError};
use super::decode::FILE_SCHEME;
use crate::gateway::media::{MediaMissing, MediaPlace, MediaSource};

pub(super) struct TelegramMedia(pub Api);

#[derive(Deserialize)]
struct File {
    /// Missing where the file is too large for bots: 20 MB.
    file_path: Option<String>,
}

impl MediaSource for TelegramMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        Box::pin(async move {
            let id = url.strip_prefix(FILE_SCHEME).ok_or(MediaMissing::Gone)?;
            let read = |raw: &serde_json::value::RawValue| serde_json::from_str::<File>(raw.get()).ok();
            let file = self.0.call("getFile", &json!({ "file_id": id }), read).await;
            let file = file.map_err(|error| match error {
                CallError::Refused(refusal) if (400..=499).contains(&refusal.status) && refusal.status != 429 => {
                    MediaMissing::Gone
                }
                _ => MediaMissing::Later,
            })?;
            let place = file.file_path.as_deref().and_then(|path| self.0.file_url(path)).ok_or(MediaMissing::Gone)?;
            Ok(MediaPlace::public(place.as_str()))
        })
    }
}
