//! Requests to an OpenAI-compatible endpoint.

use palabre_actors::domain::assistant::AssistantSilence;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::prompt::Prompt;
use super::stream::{StreamReader, TokenUsage};
use crate::config::AssistantSettings;

/// The endpoint of one tenant. It shows no key.
pub(super) struct AssistantClient {
    client: reqwest::Client,
    url: String,
    model: String,
    key: Option<SecretString>,
    max_tokens: u64,
}

/// What an endpoint answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) text: String,
    /// `None`: it does not count.
    pub(super) usage: Option<TokenUsage>,
}

#[derive(Serialize)]
struct ChatRequest<'a> {
    model: &'a str,
    messages: [ChatMessage<'a>; 2],
    stream: bool,
    stream_options: StreamOptions,
    temperature: f32,
    max_tokens: u64,
    response_format: ResponseFormat,
}

#[derive(Serialize)]
struct ChatMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl AssistantClient {
    pub(super) fn new(client: reqwest::Client, settings: &AssistantSettings) -> Self {
        Self {
            client,
            url: format!("{}/chat/completions", settings.base_url.trim_end_matches('/')),
            model: settings.model.clone(),
            key: settings.api_key.clone(),
            max_tokens: settings.max_tokens,
        }
    }

    /// Asks, and reads the answer as it comes.
    pub(super) async fn ask(&self, prompt: &Prompt) -> Result<Answered, AssistantSilence> {
        let body = ChatRequest {
            model: &self.model,
            messages: [
                ChatMessage { role: "system", content: &prompt.system },
                ChatMessage { role: "user", content: &prompt.user },
            ],
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            temperature: 0.0,
            max_tokens: self.max_tokens,
            response_format: ResponseFormat { kind: "json_object" },
        };
        let mut request = self.client.post(&self.url).json(&body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        let mut response = request.send().await.map_err(|_| AssistantSilence::Failed)?;
        if !response.status().is_success() {
            tracing::warn!(http.status = response.status().as_u16(), "an assistant's endpoint refused");
            return Err(AssistantSilence::Failed);
        }
        let mut reader = StreamReader::default();
        while let Some(bytes) = response.chunk().await.map_err(|_| AssistantSilence::Failed)? {
            if reader.push(&bytes)? {
                break;
            }
        }
        let (text, usage) = reader.finish()?;
        Ok(Answered { text, usage })
    }
}
