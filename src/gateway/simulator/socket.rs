//! A second handle on a connection, so that a handler can cut it.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

use actix_web::dev::Extensions;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

/// A connection's socket.
pub(in crate::gateway) struct Socket(TcpStream);

impl Socket {
    /// Kept with every connection (`HttpServer::on_connect`).
    pub fn keep(connection: &dyn Any, data: &mut Extensions) {
        let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
        if let Some(Ok(handle)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
            data.insert(Self(TcpStream::from(handle)));
        }
    }

    /// Cuts the connection without an answer: the peer reads its end, or a reset when it still writes.
    pub fn cut(&self) {
        let reset = self.0.try_clone().and_then(tokio::net::TcpStream::from_std);
        if let Ok(stream) = reset {
            // With no time to linger, the close that follows is a reset. Not vital: the end of the stream breaks the
            // request as well.
            let _ = stream.set_zero_linger();
        }
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Cuts a request's connection; the response that is returned reaches nobody.
    pub fn cut_off(request: &HttpRequest) -> HttpResponse {
        if let Some(socket) = request.conn_data::<Self>() {
            socket.cut();
        }
        HttpResponse::InternalServerError().force_close().finish()
    }
}

/// Announces the whole answer, gives half of it, and breaks off.
pub(in crate::gateway) fn half_answer(status: StatusCode, answer: &Bytes) -> HttpResponse {
    let first = answer.slice(..answer.len() / 2);
    let broken = std::io::Error::other("broken off as told");
    let pieces = futures_util::stream::unfold((Some(first), Some(broken)), |(first, broken)| async {
        match (first, broken) {
            (Some(first), broken) => Some((Ok(first), (None, broken))),
            (None, Some(broken)) => {
                // Lets the first half leave.
                tokio::task::yield_now().await;
                Some((Err(broken), (None, None)))
            }
            (None, None) => None,
        }
    });
    HttpResponse::build(status)
        .content_type("application/json")
        .no_chunking(answer.len() as u64)
        .streaming(Box::pin(pieces))
}
