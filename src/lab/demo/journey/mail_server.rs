//! A mail server on this machine that takes every mail, for the demo.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Takes mails. Dropping it stops it.
pub(in crate::lab::demo) struct SimulatedMailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl SimulatedMailServer {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let taken = Arc::clone(&mails);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&taken)));
            }
        });
        Ok(Self { address, mails, serving })
    }

    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails as they came, headers and all.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SimulatedMailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Speaks as much of RFC 5321 as a client needs. Whoever hangs up is not missed.
async fn serve(stream: TcpStream, mails: Arc<Mutex<Vec<String>>>) {
    let _ = converse(BufReader::new(stream), &mails).await;
}

async fn converse(mut stream: BufReader<TcpStream>, mails: &Mutex<Vec<String>>) -> io::Result<()> {
    stream.write_all(b"220 localhost ready\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-localhost\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mail = body(&mut stream).await?;
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            "MAIL" | "RCPT" | "RSET" | "NOOP" | "HELO" => b"250 fine\r\n",
            _ => b"502 not here\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// What follows `DATA`, up to the dot.
async fn body(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut mail = Vec::new();
    loop {
        let begun = mail.len();
        if stream.read_until(b'\n', &mut mail).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if mail.get(begun..) == Some(b".\r\n") {
            mail.truncate(begun);
            return Ok(String::from_utf8_lossy(&mail).into_owned());
        }
    }
}

/// The link of a mail's `List-Unsubscribe` (RFC 8058).
pub(super) fn unsubscribe_link(mail: &str) -> Option<String> {
    let head = mail.split("\r\n\r\n").next()?.replace("\r\n ", "").replace("\r\n\t", "");
    let line = head.lines().find_map(|line| line.strip_prefix("List-Unsubscribe:"))?;
    let mut links = line.split(',').map(|link| link.trim().trim_matches(['<', '>']));
    links.find(|link| link.starts_with("http")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_link_is_read() {
        let mail =
            "Subject: x\r\nList-Unsubscribe: <mailto:a@b.example>,\r\n <https://x.example/u?m=1&s=2>\r\n\r\nHello";
        assert_eq!(unsubscribe_link(mail).as_deref(), Some("https://x.example/u?m=1&s=2"));
        assert_eq!(unsubscribe_link("Subject: x\r\n\r\nList-Unsubscribe: <https://x>"), None);
    }
}
