//! Endpoint where scripts post customers' messages: `POST /` with JSON.

use std::io;
use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use super::ManualRun;
use super::input::Customer;

/// More than any customer writes.
const LONGEST_BYTES: usize = 256 * 1024;

/// Opens it, and tells where it is (port 0 takes a free one). It closes with the handle, or with the system that runs it.
///
/// # Errors
/// The address is taken.
pub(super) fn open(run: ManualRun, address: SocketAddr) -> io::Result<(ServerHandle, SocketAddr)> {
    let run = web::Data::new(run);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(run.clone())
            .app_data(web::PayloadConfig::new(LONGEST_BYTES))
            .default_service(web::post().to(take))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).bind(address)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok((handle, address))
}

/// 200 when the daemon took it, 502 when it did not, 400 when there is nothing to post.
async fn take(run: web::Data<ManualRun>, body: web::Bytes) -> HttpResponse {
    let customer = match serde_json::from_slice::<Customer>(&body) {
        Ok(customer) => customer,
        Err(error) => return refused(&json!({ "error": error.to_string(), "example": example() })),
    };
    match run.write(&customer).await {
        Ok(written) if written.status == Some(200) => {
            HttpResponse::Ok().json(json!({ "sid": written.sid, "status": 200 }))
        }
        Ok(written) => HttpResponse::BadGateway().json(json!({ "sid": written.sid, "status": written.status })),
        Err(why) => refused(&json!({ "error": why, "example": example() })),
    }
}

fn refused(body: &Value) -> HttpResponse {
    HttpResponse::BadRequest().json(body)
}

fn example() -> Value {
    json!({ "channel": "belle-wa", "from": "+33639980101", "text": "Bonjour", "name": "Camille" })
}
