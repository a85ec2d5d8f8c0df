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
    #[serde(default)]
    file_path: Option<String>,
}

impl MediaSource for TelegramMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        Box::pin(async move {
            let id = url.strip_prefix(FILE_SCHEME).ok_or(MediaMissing::Gone)?;
            let read = |raw: &serde_json::value::RawValue| serde_json::from_str::<File>(raw.get()).ok();
            let file = self.0.call("getFile", &json!({ "file_id": id }), read).await;
            let file = file.map_err(|error| match error {
                // It says so of files that are larger than 20 MB as well.
                CallError::Refused(refusal) if refusal.status == 400 => MediaMissing::Gone,
                _ => MediaMissing::Later,
            })?;
            let path = file.file_path.ok_or(MediaMissing::TooLarge)?;
            self.0.file(&path).ok_or(MediaMissing::Gone)
        })
    }
}
