//! Server of a simulated REST provider: takes sends, plays faults, answers everything else as the provider would.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

use super::{LoadRequest, RestAccounts, RestApi, RestCall, RestSend, RestSent, World, lock, neutral};
use crate::gateway::simulator::posting::follow;
use crate::gateway::simulator::{Drawn, Fault, Socket, half_answer};

/// The longest request that is read.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

pub(super) fn serve<P: RestApi>(world: &Arc<World<P>>, listener: TcpListener) -> io::Result<ServerHandle> {
    let world = Data::from(Arc::clone(world));
    let app = move || App::new().app_data(world.clone()).default_service(web::to(answer::<P>));
    let server = HttpServer::new(app)
        .workers(1)
        .backlog(2_048)
        .keep_alive(Duration::from_secs(75))
        .on_connect(Socket::keep)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

async fn answer<P: RestApi>(world: Data<World<P>>, request: HttpRequest, payload: Payload) -> HttpResponse {
    if world.fate.drops_connection() {
        return Socket::cut_off(&request);
    }
    let Ok(Ok(body)) = payload.to_bytes_limited(MAX_REQUEST_BYTES).await else {
        return respond(413, &world.api.refusal(413, None));
    };
    let call = {
        let authorization = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
        let (method, path, query) = (request.method().as_str(), request.path(), request.query_string());
        let read = LoadRequest { method, path, query, authorization, body: &body };
        let daemon = world.post.daemon().filter(|_| !world.misconfigured.load(Ordering::SeqCst));
        let webhooks_at = daemon.as_ref().map(|daemon| daemon.public_base_url.as_str());
        let channels = lock(&world.channels);
        let known = RestAccounts { channels: &channels, webhooks_at };
        world.api.read(&world.ledger, known, &read)
    };
    match call {
        RestCall::Send(send) => take(world.into_inner(), &request, *send).await,
        RestCall::List(list) => match world.fate.of_list() {
            Some(status) => respond(status, &world.api.refusal(status, None)),
            None => respond(200, &list),
        },
        RestCall::File(name) => world.files.answer(&name, &request).await,
        RestCall::Answer(status, body) => respond(status, &body),
    }
}

async fn take<P: RestApi>(world: Arc<World<P>>, request: &HttpRequest, mut send: RestSend) -> HttpResponse {
    let Some(channel) = lock(&world.channels).get(send.channel).cloned() else {
        return respond(404, &world.api.refusal(404, None));
    };
    // A provider that is not told our id knows a message by whom it is to and what it says.
    let mid = send.message_id.clone().unwrap_or_else(|| format!("{}\n{}", send.to, send.text));
    let from = channel.address.as_str();
    let Drawn { delay, fault } = world.fate.of_send((from, &send.to), &send.text, Some(&mid));
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    let refuse = |status: u16, code: Option<u32>| respond(status, &world.api.refusal(status, code));
    match fault {
        Some(Fault::DropBeforeReading | Fault::ResetBeforeTaking) => return Socket::cut_off(request),
        Some(Fault::TooManyRequests { retry_after_secs }) => {
            let mut response = HttpResponse::TooManyRequests();
            if let Some(seconds) = retry_after_secs {
                response.insert_header(("Retry-After", seconds.to_string()));
            }
            return response.json(world.api.refusal(429, None));
        }
        Some(Fault::ServerError(status)) => return refuse(status, None),
        Some(Fault::Refuse { status, code }) => return refuse(status, Some(code)),
        _ => {}
    }
    if let Some((name, values)) = &send.template {
        match world.rendered(name, values) {
            Some(text) => send.text = text,
            None => {
                let (status, code) = world.api.unknown_template();
                return refuse(status, Some(code));
            }
        }
    }
    let sequence = world.ledger.next_sequence();
    let sent = RestSent::of(&send, &channel, world.api.id_of(world.seed, sequence), sequence);
    world.ledger.take(sent.clone());
    (world.on_sent)(neutral(&sent));
    let body = world.api.taken(&sent);
    follow(&world, sent).await;
    match fault {
        Some(Fault::TakeThenReset) => Socket::cut_off(request),
        Some(Fault::TakeThenHalfAnswer) => half_answer(StatusCode::OK, &Bytes::from(body.to_string())),
        Some(Fault::TakeThenServerError(status)) => refuse(status, None),
        Some(Fault::TakeThenWait(late)) => {
            tokio::time::sleep(late).await;
            respond(200, &body)
        }
        _ => respond(200, &body),
    }
}

fn respond(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(body)
}
