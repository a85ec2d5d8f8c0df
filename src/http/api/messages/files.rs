//! Files of a message that is asked for.

use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::presentation::FilePlace;

use super::super::call::{Call, ToSend};
use super::super::problems::invalid;
use super::NewMessage;
use crate::http::problem::HttpProblem;
use crate::service::ServiceError;
use crate::service::media::{FileToSend, files_to_send};
use crate::service::messages::OutgoingMessage;

/// Files of an e-mail. A message of a messenger has one: several would be several messages, of which some may be lost.
const MOST_OF_MAIL: usize = 10;
/// The longest text with a file, in UTF-16 units: what messengers show below one.
const LONGEST_CAPTION: usize = 1_024;

const BAD: HttpProblem = invalid(
    "media",
    "bad media",
    "each is `{\"id\": \"…\"}` of an upload that is there, or `{\"url\": \"https://…\", \"content_type\": \"image/jpeg\"}`",
);

/// The files that a message asks for, as far as they can be judged by themselves.
pub(super) fn asked(message: &NewMessage) -> Result<Vec<FileToSend>, HttpProblem> {
    if message.media.is_empty() {
        return Ok(Vec::new());
    }
    if message.template.is_some() || !message.choices.is_empty() {
        return Err(invalid("media", "media alone", "neither a template nor choices go with a file"));
    }
    let file = |file: &super::NewFile| {
        let place = match (&file.id, &file.url) {
            (Some(id), None) => FilePlace::Upload(id.clone()),
            (None, Some(url)) => FilePlace::Url(url.clone()),
            _ => return Err(BAD),
        };
        Ok(FileToSend { place, content_type: file.content_type.clone(), name: file.name.clone() })
    };
    message.media.iter().map(file).collect()
}

/// Adds the files to the message, once they are found.
pub(super) async fn add(
    call: &Call<ToSend>,
    message: &mut OutgoingMessage,
    files: Vec<FileToSend>,
) -> Result<(), HttpProblem> {
    if files.is_empty() {
        return Ok(());
    }
    let is_mail = message.to.scheme() == Scheme::Mailto;
    if files.len() > if is_mail { MOST_OF_MAIL } else { 1 } {
        return Err(invalid("media", "too many files", "one with a message, ten with an e-mail"));
    }
    let length = message.text.as_deref().map_or(0, |text| text.trim().encode_utf16().count());
    if !is_mail && length > LONGEST_CAPTION {
        return Err(invalid("text", "text too long", "a text with a file has 1,024 characters at most"));
    }
    let found = files_to_send(&call.operator, &message.tenant, files).await.map_err(|error| match error {
        ServiceError::Invalid(_) => BAD,
        error => error.into(),
    })?;
    message.presentation.get_or_insert_default().files = found;
    Ok(())
}
