//! What a message has beside its text: a subject, HTML.

use palabre_actors::domain::presentation::{Presentation, plain_text};

use super::super::problems::invalid;
use crate::http::problem::HttpProblem;

/// The longest HTML, in bytes: mail programs cut what is longer than some 100 kB.
const LONGEST_HTML: usize = 512 * 1024;
/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 250;
/// The text, which is made of the HTML where it is left out, and what stands beside it.
pub(super) fn shown(
    text: Option<String>,
    subject: Option<String>,
    html: Option<String>,
) -> Result<(Option<String>, Option<Presentation>), HttpProblem> {
    if subject
        .as_deref()
        .is_some_and(|text| text.trim().is_empty() || text.chars().count() > LONGEST_SUBJECT || text.contains('\0'))
    {
        return Err(invalid("subject", "bad subject", "a subject has 1 to 250 characters"));
    }
    if html.as_deref().is_some_and(|html| html.trim().is_empty() || html.len() > LONGEST_HTML || html.contains('\0')) {
        return Err(invalid("html", "bad HTML", "HTML has 1 to 524288 bytes, and no NUL characters"));
    }
    let text = match (text, &html) {
        (Some(text), _) if !text.trim().is_empty() => Some(text),
        (_, Some(html)) => Some(plain_text(html)),
        (text, None) => text,
    };
    let presentation = Presentation { subject, html, ..Presentation::default() };
    Ok((text, (!presentation.is_empty()).then_some(presentation)))
}
