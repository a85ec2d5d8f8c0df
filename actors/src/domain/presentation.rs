//! Presentation: what a message has beside its text, on channels that can show it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a message has beside its text; stored as one JSON column. A channel that cannot show a part leaves it out. `Debug`
/// shows only which parts are there (I10).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Presentation {
    /// The subject of an e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message's text as HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Files that go with the text, or alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SentFile>,
}

/// A file that goes out. `Debug` shows its type alone (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentFile {
    /// Where its bytes are.
    #[serde(flatten)]
    pub place: FilePlace,
    /// `image/png`
    pub content_type: String,
    /// What the contact sees it called.
    pub name: String,
}

/// Where the bytes of a file are that goes out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilePlace {
    /// Uploaded: the id of its row.
    Upload(String),
    /// At a URL that anybody may read.
    Url(String),
}

impl fmt::Debug for SentFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentFile").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Shows no URL: it may be all that it takes to read the file.
impl fmt::Debug for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload(_) => "Upload",
            Self::Url(_) => "Url",
        })
    }
}

impl Presentation {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for Presentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presentation")
            .field("subject", &self.subject.is_some())
            .field("html", &self.html.is_some())
            .field("files", &self.files.len())
            .finish()
    }
}

/// Elements whose content nobody reads.
const UNREAD: [&str; 4] = ["style", "script", "head", "title"];

/// Elements that begin on a new line, or end one.
const BLOCKS: [&str; 14] = ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table"];

/// The text of an HTML document, for those who read no HTML: without tags, the usual entities written out, blank lines
/// joined. It is no parser: what is not closed ends with the text.
#[must_use]
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_unescaped(&mut text, &rest[..at]);
        let tag = &rest[at + 1..];
        let is_comment = tag.starts_with("!--");
        let Some(end) = (if is_comment { tag.find("-->").map(|at| at + 2) } else { tag.find('>') }) else {
            rest = "";
            break;
        };
        let name = tag[..end].trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        rest = &tag[end + 1..];
        if BLOCKS.contains(&name.as_str()) {
            text.push('\n');
        } else if UNREAD.contains(&name.as_str()) && !tag.starts_with('/') {
            let close = format!("</{name}");
            // Lower case of ASCII letters has the same length.
            rest = rest.to_ascii_lowercase().find(&close).map_or("", |at| &rest[at..]);
        }
    }
    push_unescaped(&mut text, rest);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut tidy = String::with_capacity(text.len());
    let mut blank = 0_u32;
    for line in lines {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        tidy.push_str(&line);
    }
    tidy
}

fn push_unescaped(text: &mut String, html: &str) {
    const ENTITIES: [(&str, &str); 8] = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&euro;", "€"),
        ("&amp;", "&"),
    ];
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
        let (entity, meant) = known.copied().unwrap_or(("&", "&"));
        text.push_str(meant);
        rest = &rest[entity.len()..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_has_a_text() {
        for (html, text) in [
            ("", ""),
            ("Bonjour", "Bonjour"),
            ("<p>Bonjour&nbsp;Awa,</p><p>à <b>demain</b> &amp; merci</p>", "Bonjour Awa,\n\nà demain & merci"),
            ("<html><head><title>x</title><style>p{}</style></head><body>A<br>B</body></html>", "A\nB"),
            ("<!-- x > y -->A &lt;b&gt; &unknown;", "A <b> &unknown;"),
            ("A <script>alert('<p>')</script>B", "A B"),
            ("A <unclosed", "A"),
            ("<STYLE>İ", ""),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn no_html_panics(html in any::<String>(), tags in "(<|>|&|/|style|p|é| ){0,40}") {
            let _ = plain_text(&html);
            let _ = plain_text(&tags);
        }
    }
}
