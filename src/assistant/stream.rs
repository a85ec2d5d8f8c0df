//! Reads an answer of `/chat/completions`, streamed as server-sent events or whole.

use palabre_actors::domain::assistant::AssistantSilence;
use serde::Deserialize;

/// An answer is a few sentences: what is longer is no answer.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024;
/// With everything around it.
const LONGEST_BODY_BYTES: usize = 512 * 1024;

/// Tokens of one request, as the endpoint counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct TokenUsage {
    #[serde(rename = "prompt_tokens")]
    pub(super) prompt: u64,
    #[serde(rename = "completion_tokens")]
    pub(super) completion: u64,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<ChunkChoice>,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct ChunkChoice {
    delta: Option<ChunkText>,
    message: Option<ChunkText>,
}

#[derive(Deserialize)]
struct ChunkText {
    content: Option<String>,
}

/// An answer in the making.
#[derive(Default)]
pub(super) struct StreamReader {
    /// Bytes of a line that has not ended.
    line: Vec<u8>,
    read: usize,
    text: String,
    usage: Option<TokenUsage>,
    /// Whether there was an event: otherwise the body is one JSON object.
    is_stream: bool,
    is_over: bool,
}

impl StreamReader {
    /// Takes bytes as they come. Whether the answer is over.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<bool, AssistantSilence> {
        self.read += bytes.len();
        if self.read > LONGEST_BODY_BYTES {
            return Err(AssistantSilence::Unreadable);
        }
        for byte in bytes {
            self.line.push(*byte);
            if *byte != b'\n' {
                continue;
            }
            if self.line.starts_with(b"data:") {
                let line = std::mem::take(&mut self.line);
                self.event(line.trim_ascii().strip_prefix(b"data:").unwrap_or_default().trim_ascii())?;
            } else if self.is_stream || self.line.trim_ascii().is_empty() {
                self.line.clear();
            }
        }
        Ok(self.is_over)
    }

    fn event(&mut self, data: &[u8]) -> Result<(), AssistantSilence> {
        self.is_stream = true;
        if data == b"[DONE]" {
            self.is_over = true;
            return Ok(());
        }
        self.take(data)
    }

    fn take(&mut self, json: &[u8]) -> Result<(), AssistantSilence> {
        let chunk: Chunk = serde_json::from_slice(json).map_err(|_| AssistantSilence::Unreadable)?;
        self.usage = chunk.usage.or(self.usage);
        for choice in chunk.choices.into_iter().take(1) {
            let content = choice.delta.or(choice.message).and_then(|text| text.content);
            self.text.push_str(&content.unwrap_or_default());
        }
        if self.text.len() > LONGEST_ANSWER_BYTES { Err(AssistantSilence::Unreadable) } else { Ok(()) }
    }

    /// The whole answer, once the body has ended.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn finish(mut self) -> Result<(String, Option<TokenUsage>), AssistantSilence> {
        let rest = std::mem::take(&mut self.line);
        match rest.trim_ascii() {
            [] => {}
            rest if rest.starts_with(b"data:") => {
                self.event(rest.strip_prefix(b"data:").unwrap_or_default().trim_ascii())?
            }
            rest if !self.is_stream => self.take(rest)?,
            _ => {}
        }
        if self.text.is_empty() { Err(AssistantSilence::Unreadable) } else { Ok((self.text, self.usage)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, piece: usize) -> Result<(String, Option<TokenUsage>), AssistantSilence> {
        let mut reader = StreamReader::default();
        for bytes in body.as_bytes().chunks(piece) {
            reader.push(bytes)?;
        }
        reader.finish()
    }

    #[test]
    fn answers_are_read_however_they_are_cut() {
        let streamed = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n\
            : a comment\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"Oui, \"}}]}\r\n\r\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"bien sûr.\"}}]}\n\n\
            data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17}}\n\n\
            data: [DONE]\n\n";
        let whole = "{\n  \"choices\": [{\"message\": {\"content\": \"Oui, bien sûr.\"}}],\n  \
            \"usage\": {\"prompt_tokens\": 12, \"completion_tokens\": 5}\n}\n";
        let expected = Ok(("Oui, bien sûr.".to_owned(), Some(TokenUsage { prompt: 12, completion: 5 })));
        for piece in [1, 2, 7, 64, 4096] {
            assert_eq!(read(streamed, piece), expected, "{piece}");
            assert_eq!(read(whole, piece), expected, "{piece}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        for body in [
            "",
            "<html>",
            "data: {\n\n",
            "data: [DONE]\n",
            "{\"choices\":[]}",
            "data: {\"choices\":[{\"delta\":{}}]}\n",
        ] {
            assert_eq!(read(body, 3), Err(AssistantSilence::Unreadable), "{body}");
        }
        let endless = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n", "x".repeat(20_000));
        assert_eq!(read(&endless, 1024), Err(AssistantSilence::Unreadable));
    }
}
