//! The load driver's HTTP server: takes sends on the driver's own thread, and lets the provider's simulator answer.

use std::io;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::target::Target;
use crate::config::Channel;
use crate::gateway::simulator::load::{LoadRequest, LoadResponder, LoadSent};

/// More headers than a gateway sends.
const MOST_HEADERS: usize = 32;

/// A send is at most a few kilobytes: 1,600 characters and a handful of parameters.
const MOST_BYTES: usize = 64 * 1024;

/// Reads requests, and shows what is taken.
pub(super) struct Sink {
    responder: Rc<dyn LoadResponder>,
    on_sent: Box<dyn Fn(LoadSent<'_>)>,
}

impl Sink {
    /// `on_sent` is called for every message taken.
    pub(super) fn new(responder: Rc<dyn LoadResponder>, on_sent: impl Fn(LoadSent<'_>) + 'static) -> Self {
        Self { responder, on_sent: Box::new(on_sent) }
    }

    /// Serves until the listener fails or the task is dropped. Runs on a `LocalSet`.
    ///
    /// # Errors
    /// The listener's.
    pub(super) async fn serve(self: Rc<Self>, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let sink = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                // The daemon opens another connection when one breaks.
                let _ = sink.converse(stream).await;
            });
        }
    }

    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut incoming = Vec::with_capacity(4 * 1024);
        loop {
            let (used, answer) = match self.answer(&incoming) {
                Progress::Whole { bytes, answer } => (bytes, answer),
                Progress::Partial if incoming.len() <= MOST_BYTES => {
                    if stream.read_buf(&mut incoming).await? == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Progress::Partial | Progress::Unreadable => return Ok(()),
            };
            stream.write_all(answer.as_bytes()).await?;
            incoming.drain(..used);
        }
    }

    fn answer(&self, incoming: &[u8]) -> Progress {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(head) = request.parse(incoming) else { return Progress::Unreadable };
        let httparse::Status::Complete(head) = head else { return Progress::Partial };
        let header = |name: &str| {
            let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        let length = header("content-length").map_or(Ok(0), str::parse::<usize>);
        let Ok(length) = length else { return Progress::Unreadable };
        let bytes = head.saturating_add(length);
        let Some(body) = incoming.get(head..bytes) else { return Progress::Partial };
        let path = request.path.unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let method = request.method.unwrap_or_default();
        let request = LoadRequest { method, path, query, authorization: header("authorization"), body };
        let answer = self.responder.respond(&request, &mut |sent| (self.on_sent)(sent));
        let (status, json) = (answer.status, answer.json);
        let length = json.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}");
        Progress::Whole { bytes, answer }
    }
}

/// What answers at each of the target's providers: addresses of one provider share it, so that no id is given twice.
pub(super) fn responders(target: &Target, run: u64) -> Vec<Rc<dyn LoadResponder>> {
    let channels: Vec<Channel> = target.senders.iter().map(|sender| sender.channel.clone()).collect();
    let mut known: Vec<(&str, Rc<dyn LoadResponder>)> = Vec::new();
    let responders = target.providers.iter().map(|(_, simulation)| {
        let name = simulation.providers().first().map_or("", |(name, _)| *name);
        if let Some((_, responder)) = known.iter().find(|(other, _)| *other == name) {
            return Rc::clone(responder);
        }
        let responder: Rc<dyn LoadResponder> = Rc::from(simulation.load_responder(&channels, run));
        known.push((name, Rc::clone(&responder)));
        responder
    });
    responders.collect()
}

enum Progress {
    /// More has to come.
    Partial,
    /// A request of so many bytes, and its answer.
    Whole { bytes: usize, answer: String },
    /// It will never be a request.
    Unreadable,
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::tests::{FakeProvider, send_request};
    use super::*;

    type Seen = Rc<RefCell<Vec<(Option<usize>, String, String)>>>;

    fn sink() -> (Sink, Seen) {
        let seen = Seen::default();
        let list = Rc::clone(&seen);
        let sink = Sink::new(Rc::new(FakeProvider), move |sent| {
            list.borrow_mut().push((sent.channel, sent.to.into_owned(), sent.text.into_owned()));
        });
        (sink, seen)
    }

    #[test]
    fn takes_a_send_once_it_is_whole() {
        let (sink, seen) = sink();
        let one = send_request(1, "+33700000001", "Bonjour #abé");
        for cut in [0, 10, one.len() - 1] {
            assert!(matches!(sink.answer(&one.as_bytes()[..cut]), Progress::Partial), "{cut}");
        }
        assert!(seen.borrow().is_empty());
        let two = format!("{one}{one}");
        let Progress::Whole { bytes, answer } = sink.answer(two.as_bytes()) else { panic!("it is whole") };
        assert_eq!(bytes, one.len());
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        let json = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(answer.contains(&format!("Content-Length: {}\r\n", json.len())));
        assert_eq!(*seen.borrow(), [(Some(1), "+33700000001".to_owned(), "Bonjour #abé".to_owned())]);
    }

    #[test]
    fn garbage_is_hung_up_on() {
        let (sink, _) = sink();
        assert!(matches!(sink.answer(b"\x16\x03\x01\x02\x00\x01"), Progress::Unreadable));
        let unmeasurable = b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n";
        assert!(matches!(sink.answer(unmeasurable), Progress::Unreadable));
    }
}
