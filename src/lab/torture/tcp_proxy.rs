//! A TCP proxy between a node and a server, whose connections can be cut.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

/// A proxy on a port of loopback. Dropping it ends it.
#[derive(Debug)]
pub(super) struct TcpProxy {
    port: u16,
    /// How many times connections were cut.
    cuts: watch::Sender<u32>,
    /// Whether nobody gets through.
    closed: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl TcpProxy {
    /// Starts one towards the host of a URL.
    ///
    /// # Errors
    /// When the URL names no host that there is, or the operating system says no.
    pub(super) async fn towards(url: &Url, port: u16) -> io::Result<Self> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let target = lookup_host((host, url.port().unwrap_or(port))).await?.next();
        let target = target.ok_or_else(|| io::Error::other("the URL names no host"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (cuts, seen) = watch::channel(0);
        let (port, closed) = (listener.local_addr()?.port(), Arc::default());
        let task = tokio::spawn(serve(listener, target, seen, Arc::clone(&closed)));
        Ok(Self { port, cuts, closed, task })
    }

    /// The URL by which the server is reached through here.
    pub(super) fn url_through(&self, url: &Url) -> String {
        let mut url = url.clone();
        // Both only fail for URLs without a host.
        let _ = url.set_host(Some("127.0.0.1"));
        let _ = url.set_port(Some(self.port));
        url.into()
    }

    /// Resets every connection of this moment, on both sides. New ones are taken at once.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The server is gone: connections are reset, and so are new ones until [`TcpProxy::open`].
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// The server is back.
    pub(super) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, cuts: watch::Receiver<u32>, closed: Arc<AtomicBool>) {
    loop {
        // A connection that was gone before it was taken.
        let Ok((near, _)) = listener.accept().await else { continue };
        let mut cuts = cuts.clone();
        cuts.mark_unchanged();
        // Asked after that: a connection that comes while it is closed is either refused here or cut.
        if closed.load(Ordering::SeqCst) {
            reset(near);
            continue;
        }
        tokio::spawn(pass_on(near, target, cuts));
    }
}

async fn pass_on(mut near: TcpStream, target: SocketAddr, mut cuts: watch::Receiver<u32>) {
    let far = TcpStream::connect(target).await;
    // Nobody there: the node sees its connection end.
    let Ok(mut far) = far else { return reset(near) };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    tokio::select! {
        // A side that ends is told to the other by closing it.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = cuts.changed() => {
            reset(near);
            reset(far);
        }
    }
}

/// Resets a connection, in the middle of whatever is written.
fn reset(stream: TcpStream) {
    // Without it, the other side would see an orderly end.
    let _ = stream.set_zero_linger();
    drop(stream);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn it_passes_on_until_it_is_cut_and_then_anew() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("postgres://palabre@{}/db", server.local_addr().unwrap())).unwrap();
        let proxy = TcpProxy::towards(&url, 5432).await.unwrap();
        let through = Url::parse(&proxy.url_through(&url)).unwrap();
        assert_eq!((through.username(), through.path()), ("palabre", "/db"));
        for _ in 0..2 {
            let mut near = TcpStream::connect(("127.0.0.1", through.port().unwrap())).await.unwrap();
            let (mut far, _) = server.accept().await.unwrap();
            let mut heard = [0; 4];
            near.write_all(b"ping").await.unwrap();
            far.read_exact(&mut heard).await.unwrap();
            far.write_all(b"pong").await.unwrap();
            near.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"pong");
            proxy.cut();
            assert_eq!(near.read(&mut heard).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(far.read(&mut heard).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
            proxy.close();
            let mut refused = TcpStream::connect(("127.0.0.1", through.port().unwrap())).await.unwrap();
            assert_eq!(refused.read(&mut heard).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
            proxy.open();
        }
    }
}
