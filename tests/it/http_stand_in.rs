//! HTTP servers that stand in for other people's.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{self, Data};
use actix_web::{App, FromRequest, Handler, HttpServer, Responder};

/// Starts one on a free port, whose every request `answer` answers, which may ask for the state (`Data<S>`).
pub fn serve<S, F, Args>(state: &Arc<S>, answer: F) -> SocketAddr
where
    S: Send + Sync + 'static,
    F: Handler<Args> + Send,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let state = Data::from(Arc::clone(state));
    let app = move || App::new().app_data(state.clone()).default_service(web::to(answer.clone()));
    let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a port");
    let at = server.addrs()[0];
    tokio::spawn(server.run());
    at
}
