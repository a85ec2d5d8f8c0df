//! The provider's side of a load test: takes sends as Twilio's API does, and answers each at once.
//!
//! It lives on the driver's own thread and shares its books without a lock. The gateway's simulator does far more
//! (faults, callbacks), and costs more for it; `docs/load.md` has both measured.

mod taken;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::taken::{Found, Taken};
use super::target::Target;

/// More headers than the gateway sends.
const MOST_HEADERS: usize = 32;

/// A send is at most a few kilobytes: 1,600 characters and a handful of parameters.
const MOST_BYTES: usize = 64 * 1024;

/// Messages in a page of the list, as with Twilio at most.
const MOST_LISTED: usize = 1_000;

/// The accounts that may send, and who hears of what they send.
pub(super) struct Sink {
    /// By path: the `Authorization` that it takes.
    accounts: HashMap<String, String>,
    on_send: Box<dyn Fn(Sent<'_>)>,
    /// What the ids that it gives begin with.
    run: u64,
    taken: RefCell<Taken>,
}

/// A message that was taken, decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent<'a> {
    /// To whom, as Twilio writes it.
    pub(super) to: Cow<'a, str>,
    /// From whom, as Twilio writes it.
    pub(super) from: Cow<'a, str>,
    /// The text.
    pub(super) body: Cow<'a, str>,
}

impl Sink {
    /// One that knows the target's accounts; `on_send` is called for every message taken.
    pub(super) fn new(target: &Target, run: u64, on_send: impl Fn(Sent<'_>) + 'static) -> Self {
        let account = |sender: &super::target::Sender| {
            let path = format!("/2010-04-01/Accounts/{}/Messages.json", sender.account_sid);
            let credentials = format!("{}:{}", sender.account_sid, sender.auth_token.expose_secret());
            (path, format!("Basic {}", STANDARD.encode(credentials)))
        };
        let accounts = target.senders.iter().map(account).collect();
        Self { accounts, on_send: Box::new(on_send), run, taken: RefCell::new(Taken::new()) }
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
                // A connection that breaks is the daemon's to mend.
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
        let answer = match (self.accounts.get(path), request.method) {
            (None, _) => refusal("404 Not Found"),
            (Some(expected), _) if header("authorization") != Some(expected) => refusal("401 Unauthorized"),
            (Some(_), Some("POST")) => self.take(path, body),
            (Some(_), _) => self.list(path, query),
        };
        Progress::Whole { bytes, answer }
    }

    fn take(&self, account: &str, body: &[u8]) -> String {
        let sent = Sent::read(body);
        let now = chrono::Utc::now().timestamp();
        let number = self.taken.borrow_mut().put(account, (&sent.from, &sent.to), &sent.body, now);
        (self.on_send)(sent);
        let sid = self.sid(number);
        answer("201 Created", &format!(r#"{{"sid":"{sid}","status":"queued","error_code":null,"error_message":null}}"#))
    }

    /// What was taken from one number for another, the newest first (`To` and `From` as Twilio takes them; the day that
    /// `DateSent>` names is always today).
    fn list(&self, account: &str, query: &str) -> String {
        let (mut from, mut to, mut most) = (Cow::default(), Cow::default(), 50);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "From" => from = value,
                "To" => to = value,
                "PageSize" => most = value.parse().unwrap_or(most).min(MOST_LISTED),
                _ => {}
            }
        }
        let taken = self.taken.borrow();
        let (found, more) = taken.list(account, (&from, &to), most, chrono::Utc::now().timestamp());
        let messages: Vec<_> = found.iter().map(|found| self.listed(found)).collect();
        let next = more.then(|| format!("{account}?Page=1"));
        answer("200 OK", &json!({ "messages": messages, "next_page_uri": next }).to_string())
    }

    fn listed(&self, found: &Found<'_>) -> Value {
        let date = chrono::DateTime::from_timestamp(found.at, 0).map(|at| at.to_rfc2822());
        json!({
            "sid": self.sid(found.number),
            "body": found.body,
            "direction": "outbound-api",
            "status": "queued",
            "date_created": date,
        })
    }

    fn sid(&self, number: u64) -> String {
        format!("SM{:016x}{number:016x}", self.run)
    }
}

impl<'a> Sent<'a> {
    fn read(body: &'a [u8]) -> Self {
        let mut sent = Self::default();
        for (key, value) in form_urlencoded::parse(body) {
            match &*key {
                "To" => sent.to = value,
                "From" => sent.from = value,
                "Body" => sent.body = value,
                _ => {}
            }
        }
        sent
    }
}

enum Progress {
    /// More has to come.
    Partial,
    /// A request of so many bytes, and its answer.
    Whole { bytes: usize, answer: String },
    /// It will never be a request.
    Unreadable,
}

fn refusal(status: &str) -> String {
    let code = status.split(' ').next().unwrap_or_default();
    answer(status, &format!(r#"{{"code":20{code},"message":"{status}","status":{code}}}"#))
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::tests::{basic, target};
    use super::*;

    type Seen = Rc<RefCell<Vec<(String, String, String)>>>;

    fn sink() -> (Sink, Target, Seen) {
        let target = target("127.0.0.1:8080".parse().unwrap(), Vec::new(), 2);
        let seen = Seen::default();
        let book = Rc::clone(&seen);
        let sink = Sink::new(&target, 1, move |sent| {
            book.borrow_mut().push((sent.from.into_owned(), sent.to.into_owned(), sent.body.into_owned()));
        });
        (sink, target, seen)
    }

    fn request(method: &str, account: &str, authorization: &str, body: &str) -> String {
        format!(
            "{method} /2010-04-01/Accounts/{account}/Messages.json HTTP/1.1\r\nhost: x\r\n\
             authorization: {authorization}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn whole(progress: Progress) -> (usize, String) {
        match progress {
            Progress::Whole { bytes, answer } => (bytes, answer),
            Progress::Partial => panic!("partial"),
            Progress::Unreadable => panic!("unreadable"),
        }
    }

    #[test]
    fn takes_a_send_once_it_is_whole() {
        let (sink, target, seen) = sink();
        let sender = &target.senders[1];
        let body = "From=whatsapp%3A%2B1415&To=whatsapp%3A%2B33700000001&Body=Bonjour+%23ab%C3%A9&X=1";
        let one = request("POST", &sender.account_sid, &basic(sender), body);
        for cut in [0, 10, one.len() - 1] {
            assert!(matches!(sink.answer(&one.as_bytes()[..cut]), Progress::Partial), "{cut}");
        }
        assert!(seen.borrow().is_empty());
        let two = format!("{one}{one}");
        let (bytes, answer) = whole(sink.answer(two.as_bytes()));
        assert_eq!(bytes, one.len());
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        let json = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(answer.contains(&format!("Content-Length: {}\r\n", json.len())));
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["sid"].as_str().unwrap().len(), 34);
        let expected = ("whatsapp:+1415".to_owned(), "whatsapp:+33700000001".to_owned(), "Bonjour #abé".to_owned());
        assert_eq!(*seen.borrow(), [expected]);
    }

    #[test]
    fn i5_who_asks_hears_what_was_taken() {
        let (sink, target, _) = sink();
        let sender = &target.senders[0];
        let send = "From=whatsapp%3A%2B1415&To=whatsapp%3A%2B33700000001&Body=Bonjour+%23ab%C3%A9+%22x%22";
        let sent = whole(sink.answer(request("POST", &sender.account_sid, &basic(sender), send).as_bytes())).1;
        let read = |answer: &str| -> Value { serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap() };
        let ask = |query: &str| {
            let request = request("GET", &sender.account_sid, &basic(sender), "");
            let request = request.replacen(".json ", &format!(".json?{query} "), 1);
            let answer = whole(sink.answer(request.as_bytes())).1;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            read(&answer)
        };
        let list = ask("To=whatsapp%3A%2B33700000001&From=whatsapp%3A%2B1415&DateSent%3E=2026-11-21&PageSize=100");
        let listed = &list["messages"][0];
        assert_eq!((&listed["sid"], &list["next_page_uri"]), (&read(&sent)["sid"], &Value::Null));
        assert_eq!(listed["body"], "Bonjour #abé \"x\"");
        assert!(chrono::DateTime::parse_from_rfc2822(listed["date_created"].as_str().unwrap()).is_ok());
        for nobody in ["To=whatsapp%3A%2B33700000002&From=whatsapp%3A%2B1415", "To=whatsapp%3A%2B33700000001", ""] {
            assert_eq!(ask(nobody)["messages"], json!([]), "{nobody}");
        }
    }

    #[test]
    fn takes_nothing_from_strangers() {
        let (sink, target, seen) = sink();
        let (first, second) = (&target.senders[0], &target.senders[1]);
        for (request, status) in [
            (request("POST", &first.account_sid, &basic(second), "To=x"), "401"),
            (request("POST", &first.account_sid, "", "To=x"), "401"),
            (request("POST", "AC0", &basic(first), "To=x"), "404"),
            (request("GET", &first.account_sid, &basic(second), ""), "401"),
        ] {
            let (_, answer) = whole(sink.answer(request.as_bytes()));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        assert!(seen.borrow().is_empty());
    }

    #[test]
    fn garbage_is_hung_up_on() {
        let (sink, ..) = sink();
        assert!(matches!(sink.answer(b"\x16\x03\x01\x02\x00\x01"), Progress::Unreadable));
        let unmeasurable = b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n";
        assert!(matches!(sink.answer(unmeasurable), Progress::Unreadable));
    }
}
