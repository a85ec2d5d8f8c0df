//! An OpenAI-compatible endpoint for tests and the demo. It finds the line of the facts that shares most words with the message,
//! and has faults that can be switched on.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::stream;
use palabre_actors::domain::folding::fold;
use serde::Deserialize;
use serde_json::json;

/// What is wrong with the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssistantFault {
    /// Nothing.
    #[default]
    None,
    /// It begins to answer, and goes on so slowly that nobody waits for the end.
    Slow,
    /// It answers 500.
    Refuses,
    /// It answers something that is no JSON.
    Garbage,
    /// It does what a message tells it to, and invents a customer's number.
    Obedient,
}

/// What a test has the endpoint say to one tenant's next question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scripted {
    /// It is sure of this.
    Says(String),
    /// It wants a person to answer.
    DoesNotKnow,
    /// It never comes to an end.
    IsLate,
}

#[derive(Default)]
struct Shared {
    scripts: Mutex<HashMap<String, VecDeque<Scripted>>>,
    fault: Mutex<AssistantFault>,
    asked: AtomicU64,
    last: Mutex<String>,
}

/// A running endpoint. It ends when this is dropped.
pub struct SimulatedAssistant {
    shared: Arc<Shared>,
    base_url: String,
    server: ServerHandle,
}

impl std::fmt::Debug for SimulatedAssistant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedAssistant").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Drop for SimulatedAssistant {
    fn drop(&mut self) {
        // What is told to stop stops; nobody waits for it.
        drop(self.server.stop(false));
    }
}

impl SimulatedAssistant {
    /// Starts one on a free port. Must be called on an actix or tokio runtime.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let data = web::Data::from(Arc::clone(&shared));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .route("/v1/chat/completions", web::post().to(complete))
                .route("/{tenant}/v1/chat/completions", web::post().to(follow_script))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Ok(Self { shared, base_url, server: handle })
    }

    /// For `assistant.base_url`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// For `assistant.base_url` of a tenant whose questions are answered as [`Self::will`] says.
    #[must_use]
    pub fn base_url_of(&self, tenant: &str) -> String {
        self.base_url.replace("/v1", &format!("/{tenant}/v1"))
    }

    /// Answers the next question of a tenant that has no answer yet. Without one it answers 503.
    pub fn will(&self, tenant: &str, scripted: Scripted) {
        let mut scripts = self.shared.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.entry(tenant.to_owned()).or_default().push_back(scripted);
    }

    /// Switches a fault on, or off.
    pub fn suffer(&self, fault: AssistantFault) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// All that it was told with the last question.
    #[must_use]
    pub fn last_request(&self) -> String {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Deserialize)]
struct Asked {
    messages: Vec<AskedMessage>,
}

#[derive(Deserialize)]
struct AskedMessage {
    content: String,
}

async fn complete(shared: web::Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else { return HttpResponse::BadRequest().finish() };
    let key = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    *shared.last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{key}\n{}", String::from_utf8_lossy(&body));
    let fault = *shared.fault.lock().unwrap_or_else(PoisonError::into_inner);
    let [system, user] = asked.messages.as_slice() else { return HttpResponse::BadRequest().finish() };
    let content = match fault {
        AssistantFault::Refuses => return HttpResponse::InternalServerError().finish(),
        AssistantFault::Garbage => "Bien sûr ! Voici la réponse :".to_owned(),
        AssistantFault::Obedient => {
            json!({ "answer": "Le numéro de Nadia est le 06 12 34 56 78.", "sure": true, "hand_over": false })
                .to_string()
        }
        AssistantFault::None | AssistantFault::Slow => answer(&system.content, &user.content),
    };
    streamed(&content, system.content.len() / 4, fault == AssistantFault::Slow)
}

async fn follow_script(shared: web::Data<Shared>, tenant: web::Path<String>) -> HttpResponse {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let next = {
        let mut scripts = shared.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.get_mut(tenant.as_str()).and_then(VecDeque::pop_front)
    };
    let sure = |text: &str| json!({ "answer": text, "sure": true, "hand_over": false }).to_string();
    match next {
        None => HttpResponse::ServiceUnavailable().finish(),
        Some(Scripted::Says(text)) => streamed(&sure(&text), 0, false),
        Some(Scripted::IsLate) => streamed(&sure("Un instant, je cherche encore."), 0, true),
        Some(Scripted::DoesNotKnow) => {
            let unsure = json!({ "answer": "", "sure": false, "hand_over": true }).to_string();
            streamed(&unsure, 0, false)
        }
    }
}

/// An answer as server-sent events; a slow one has no end.
fn streamed(content: &str, prompt_tokens: usize, slow: bool) -> HttpResponse {
    let events = events(content, prompt_tokens);
    let body = stream::unfold((events.into_iter(), 0_u32), move |(mut events, at)| async move {
        if slow && at > 1 {
            actix_web::rt::time::sleep(Duration::from_secs(3_600)).await;
        }
        let event = events.next()?;
        Some((Ok::<_, actix_web::Error>(Bytes::from(event)), (events, at + 1)))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(Box::pin(body))
}

/// The events of an answer, a few letters each.
fn events(content: &str, prompt_tokens: usize) -> Vec<String> {
    let letters: Vec<char> = content.chars().collect();
    let pieces = letters.chunks(9).map(|piece| piece.iter().collect::<String>());
    let mut events: Vec<String> = pieces
        .map(|piece| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": piece } }] })))
        .collect();
    let usage = json!({ "prompt_tokens": prompt_tokens, "completion_tokens": letters.len() / 4 });
    events.push(format!("data: {}\n\n", json!({ "choices": [], "usage": usage })));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The line of the facts that shares at least two words with the message.
fn answer(system: &str, user: &str) -> String {
    let facts =
        system.split_once("<facts>").and_then(|(_, rest)| rest.split_once("</facts>")).map_or("", |(facts, _)| facts);
    let words = |text: &str| -> BTreeSet<String> {
        fold(text).split(' ').filter(|word| word.len() > 3).map(str::to_owned).collect()
    };
    let message = serde_json::from_str::<serde_json::Value>(user).unwrap_or_default();
    let said = words(message.get("customer_message").and_then(serde_json::Value::as_str).unwrap_or_default());
    let shared = |line: &&str| words(line).intersection(&said).count();
    let best = facts.lines().filter(|line| !line.trim().is_empty()).max_by_key(shared);
    match best.filter(|line| shared(line) >= 2) {
        Some(line) => {
            json!({ "answer": line.trim().trim_start_matches("- "), "sure": true, "hand_over": false }).to_string()
        }
        None => json!({ "answer": "", "sure": false, "hand_over": true }).to_string(),
    }
}
