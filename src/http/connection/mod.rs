//! Connections: each request's deadlines, and each address's share.
//!
//! actix-web watches the head of a connection's first request only, and counts connections without looking whose they are. Here
//! every connection is a [`WatchedStream`], which ends it when a later head, an idle connection or a reader takes too long, and
//! an address that holds its share of the listener's connections gets 503 for any more.

mod activity;
mod shares;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_web::rt::net::TcpStream;
use tokio::io::AsyncWriteExt as _;

pub(super) use self::activity::Activity;
use self::shares::ConnectionShares;
pub(super) use self::stream::WatchedStream;
use super::abuse_limiter::block;
use super::public_url::is_believed;
use crate::config::Http;
use crate::telemetry::metrics as names;

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A request's head must have come so long after its first byte.
    pub head: Duration,
    /// A request's body must have come so long after its head. Webhooks and the API have a shorter one.
    pub body: Duration,
    /// A connection may be idle so long: longer than nginx keeps its own to us (60 s), so that nginx is the one to close.
    pub idle: Duration,
    /// An answer may make no progress for so long: the client does not read.
    pub stall: Duration,
    /// How long a connection may take to close.
    pub disconnect: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            body: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            disconnect: Duration::from_secs(2),
        }
    }
}

/// What an address gets that has its share of connections.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How long the client may take to read that.
const BUSY_DEADLINE: Duration = Duration::from_secs(1);

/// Admits connections of one listener. Clones count together.
#[derive(Clone)]
pub(super) struct Admission {
    config: Arc<Http>,
    shares: ConnectionShares,
    deadlines: Deadlines,
}

impl Admission {
    pub(super) fn new(config: &Http, deadlines: Deadlines) -> Self {
        // One address may hold a quarter of them: the others are for everybody else.
        let shares = ConnectionShares::of(config.max_connections.div_ceil(4));
        Self { config: Arc::new(config.clone()), shares, deadlines }
    }

    /// The connection with its deadlines; an error when its address has its share. Listed proxies speak for everybody, and
    /// have no share.
    pub(super) async fn admit(
        self,
        mut stream: TcpStream,
    ) -> Result<(WatchedStream, Option<SocketAddr>), DispatchError> {
        // Small answers do not wait for more to send.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let share = match peer.map(|peer| peer.ip()).filter(|address| self.is_counted(*address)) {
            None => None,
            Some(address) => match self.shares.take(block(address)) {
                Some(share) => Some(share),
                None => {
                    ended("too_many");
                    let _ = tokio::time::timeout(BUSY_DEADLINE, stream.write_all(BUSY)).await;
                    return Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()));
                }
            },
        };
        Ok((WatchedStream::new(stream, self.deadlines, share), peer))
    }

    fn is_counted(&self, peer: IpAddr) -> bool {
        !is_believed(&self.config, peer)
    }
}

/// Counts a connection that was ended because of what came on it, or what did not.
pub(super) fn count(error: &DispatchError) {
    match error {
        DispatchError::Parse(_) => ended("malformed"),
        DispatchError::SlowRequestTimeout => ended("slow_head"),
        _ => {}
    }
}

fn ended(reason: &'static str) {
    metrics::counter!(names::HTTP_CONNECTIONS_ENDED, "reason" => reason).increment(1);
}
