//! Why a provider could not be reached, as a word for `last_error`.

use std::error::Error;
use std::io;

/// The provider's machine is there, and nothing listens.
pub const REFUSED: &str = "connection_refused";
/// Its name has no address.
pub const NO_NAME: &str = "dns_failed";
/// Its certificate was not accepted, or the other side speaks no TLS.
pub const NO_TLS: &str = "tls_failed";
/// It did not answer in time, and no connection was made.
pub const TOO_SLOW: &str = "connect_timed_out";
/// No connection was made, for another reason.
pub const NO_CONNECTION: &str = "no_connection";
/// The request was written, and no answer came in time.
pub const NO_ANSWER: &str = "timed_out";
/// The connection broke before the answer was whole.
pub const CUT: &str = "connection_lost";

/// Why no connection was made. The error's own text is not used: it shows the URL.
#[must_use]
pub fn why(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut word = if error.is_timeout() { TOO_SLOW } else { NO_CONNECTION };
    while let Some(inner) = cause {
        if inner.is::<rustls::Error>() {
            return NO_TLS;
        }
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            match inner.kind() {
                io::ErrorKind::ConnectionRefused => return REFUSED,
                io::ErrorKind::TimedOut => word = TOO_SLOW,
                // What answers there speaks no TLS, or ends the handshake.
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                    word = NO_TLS;
                }
                _ => {}
            }
        }
        // The connector has no type for it; its text is this word alone.
        if inner.to_string() == "dns error" {
            return NO_NAME;
        }
        cause = within(inner);
    }
    word
}

/// Whether an error, or one beneath it, is of a type: `rustls::Error` tells that TLS is what failed.
#[must_use]
pub fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| within(*error)).any(|error| error.is::<E>())
}

/// The error of a type that is this one, or beneath it.
#[must_use]
pub fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| within(*error)).find_map(|error| error.downcast_ref())
}

/// What is beneath an error. An I/O error that wraps another one does not name it as its source.
fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::gateway::client;

    async fn word(url: &str) -> &'static str {
        let error = client::new().expect("a client").get(url).send().await.expect_err("nobody answers");
        assert!(error.is_connect(), "{error:?}");
        why(&error)
    }

    #[tokio::test]
    async fn each_cause_has_its_word() {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        assert_eq!(word(&format!("http://127.0.0.1:{port}/")).await, REFUSED);
        assert_eq!(word("http://no-such-name.invalid/").await, NO_NAME);
        // What listens there speaks no TLS.
        let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = plain.local_addr().expect("its address").port();
        let answering = std::thread::spawn(move || {
            let (mut caller, _) = plain.accept().expect("a call");
            std::io::Write::write_all(&mut caller, b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("it is written");
            let _ = std::io::Read::read(&mut caller, &mut [0; 1024]);
        });
        assert_eq!(word(&format!("https://127.0.0.1:{port}/")).await, NO_TLS);
        answering.join().expect("it ends");
    }
}
