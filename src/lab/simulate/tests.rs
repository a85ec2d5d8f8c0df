//! The driver against a daemon of a few lines that does what it is told, right or wrong.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::Scheme;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use super::connection::Connection;
use super::drive::{Load, Pace, drive};
use super::ledger::Matching;
use super::report::LoadReport;
use super::schedule::Schedule;
use super::target::{Sender, Target};
use crate::config::{Channel, Config, Environment};
use crate::gateway::simulator::load::{
    Draft, Filling, Gap, Gapped, LoadAnswer, LoadRequest, LoadResponder, LoadSent, LoadWebhooks,
};
use crate::gateway::simulator::{SampleChannel, SimulatedProvider, Simulation, SimulatorError, StartOptions};
use crate::lab::host::simulation_on;

/// A channel's table of a provider that can be simulated; its secret is in [`environment`].
pub(super) fn sample_channel(id: &str, scheme: Scheme, base_url: &str) -> String {
    let (simulation, provider) = simulation_on(scheme).unwrap();
    let number = id.bytes().map(u32::from).sum::<u32>();
    let address = format!("{}:+1415523{number:04}", scheme.as_str());
    let sample = SampleChannel { id, provider, address: &address, account: number, secret_file: "TOKEN", base_url };
    simulation.channel_toml(&sample).replace("{ file = ", "{ env = ")
}

pub(super) fn environment() -> Environment {
    Environment::from_iter([("TOKEN", "secret")])
}

/// A target with so many senders.
pub(super) fn target(daemon: SocketAddr, providers: Vec<SocketAddr>, senders: usize) -> Target {
    let channel = |number: usize| sample_channel(&format!("load-{number}"), Scheme::Whatsapp, "http://127.0.0.1:1");
    let channels: String = (0..senders).map(channel).collect();
    let tenant = format!("id = \"load\"\nreplies.fallback = \"ok\"\n{channels}");
    let config = Config::from_toml_texts("", &[("load.toml", &tenant)], &environment(), &crate::gateway::PROVIDERS)
        .unwrap()
        .config;
    let channels = config.tenants.into_iter().flat_map(|tenant| tenant.channels);
    Target {
        daemon,
        base_url: format!("http://{daemon}"),
        providers: providers.into_iter().map(|at| (at, FAKE)).collect(),
        senders: channels.map(|channel| Sender { channel, simulation: FAKE }).collect(),
        matching: Matching::ByToken,
        tenants: senders,
    }
}

/// A provider of a few lines: a webhook is `ID|CUSTOMER|TEXT` under a header with the URL that it is for, and a send is
/// `PLACE OF THE CHANNEL|TO|TEXT`.
pub(super) struct FakeProvider;

const FAKE: &dyn Simulation = &FakeProvider;

impl Simulation for FakeProvider {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[("fake", Scheme::Whatsapp)]
    }

    fn start(&self, _: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError> {
        Err(SimulatorError::Stopped)
    }

    fn fresh_id(&self) -> String {
        String::new()
    }

    fn base_urls(&self, _: &Channel) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn channel_toml(&self, _: &SampleChannel<'_>) -> String {
        String::new()
    }

    fn load_responder(&self, _: &[Channel], _: u64) -> Box<dyn LoadResponder> {
        Box::new(Self)
    }

    fn load_webhooks(
        &self,
        channel: &Channel,
        base_url: &str,
        customer: &str,
        text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError> {
        let body = format!("{}|{customer}|{text}", Gap::Id.mark());
        let (path, length) = (format!("/fake/{}", channel.id), body.len());
        let head = format!("POST {path} HTTP/1.1\r\nFor: {base_url}{path}\r\nContent-Length: {length}\r\n\r\n");
        Ok(Box::new(Layout(Gapped::new(&format!("{head}{body}")))))
    }
}

struct Layout(Gapped);

impl LoadWebhooks for Layout {
    fn write(&self, filling: &Filling, draft: &mut Draft) {
        self.0.fill(filling, &mut draft.request);
    }
}

impl LoadResponder for FakeProvider {
    fn respond(&self, request: &LoadRequest<'_>, on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer {
        let mut parts = std::str::from_utf8(request.body).unwrap().splitn(3, '|');
        let channel = parts.next().unwrap().parse().ok();
        let [to, text] = [parts.next(), parts.next()].map(|part| Cow::Borrowed(part.unwrap()));
        on_sent(LoadSent { channel, to, text });
        LoadAnswer { status: "201 Created", json: "{}".to_owned() }
    }
}

/// A send of the channel at a place.
pub(super) fn send_request(channel: usize, to: &str, text: &str) -> String {
    let body = format!("{channel}|{to}|{text}");
    format!("POST /fake HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A webhook of the fake provider, read back.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The URL that it is for.
    pub(super) url: String,
    pub(super) channel: String,
    pub(super) id: String,
    pub(super) customer: String,
    pub(super) text: String,
}

impl Written {
    pub(super) fn read(request: &[u8]) -> Self {
        let (head, body) = std::str::from_utf8(request).unwrap().split_once("\r\n\r\n").unwrap();
        let url = head.lines().find_map(|line| line.strip_prefix("For: ")).unwrap().to_owned();
        let channel = url.rsplit('/').next().unwrap().to_owned();
        let mut parts = body.splitn(3, '|').map(str::to_owned);
        let mut part = || parts.next().unwrap();
        Self { url, channel, id: part(), customer: part(), text: part() }
    }
}

/// What the daemon does with its n-th fresh message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Reply,
    /// Accepts and forgets.
    Lose,
    ReplyTwice,
    /// Replies after its next reply.
    Hold,
    Refuse,
    /// Hangs up without an answer, having accepted and replied.
    HangUp,
    /// A reply that repeats nothing of the message.
    ReplyWithoutToken,
}

/// A daemon that refuses webhooks for another URL, knows message ids that it has seen, and replies before it answers:
/// when the driver has every answer, it has every reply that will come.
struct Daemon {
    base_url: String,
    deed: fn(usize) -> Deed,
    fresh: Cell<usize>,
    known: RefCell<std::collections::HashSet<String>>,
    held: RefCell<Option<Written>>,
    to_provider: tokio::sync::Mutex<Connection>,
}

impl Daemon {
    async fn serve(self: Rc<Self>, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            spawn_local(Rc::clone(&self).converse(stream));
        }
    }

    async fn converse(self: Rc<Self>, mut stream: TcpStream) {
        let mut incoming = Vec::new();
        while stream.read_buf(&mut incoming).await.unwrap() > 0 {
            let text = String::from_utf8(incoming.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            if body.len() < length.parse::<usize>().unwrap() {
                continue;
            }
            let Some(status) = self.hear(Written::read(&incoming)).await else { return };
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
            stream.write_all(answer.as_bytes()).await.unwrap();
            incoming.clear();
        }
    }

    /// The status of the answer; `None` to hang up.
    async fn hear(&self, message: Written) -> Option<u16> {
        if !message.url.starts_with(&self.base_url) {
            return Some(401);
        }
        if self.known.borrow().contains(&message.id) {
            return Some(200);
        }
        let deed = (self.deed)(self.fresh.replace(self.fresh.get() + 1));
        if deed == Deed::Refuse {
            return Some(503);
        }
        self.known.borrow_mut().insert(message.id.clone());
        if deed == Deed::Hold {
            *self.held.borrow_mut() = Some(message);
            return Some(200);
        }
        let times = [(Deed::Lose, 0), (Deed::ReplyTwice, 2)].iter().find(|(other, _)| *other == deed);
        for _ in 0..times.map_or(1, |(_, times)| *times) {
            self.reply(&message, deed != Deed::ReplyWithoutToken).await;
        }
        let held = self.held.borrow_mut().take();
        if let Some(held) = held {
            self.reply(&held, true).await;
        }
        (deed != Deed::HangUp).then_some(200)
    }

    async fn reply(&self, to: &Written, echoes: bool) {
        let text = if echoes { to.text.as_str() } else { "Bonjour #1 !" };
        let channel = to.channel.trim_start_matches("load-").parse().unwrap();
        let request = send_request(channel, &to.customer, &format!("Merci : « {text} »"));
        assert_eq!(self.to_provider.lock().await.post(request.as_bytes()).await, Ok(201));
    }
}

/// One connection, one message for each of 40 conversations (2 senders), no repetitions, and nobody waits: what is
/// missing when posting ends is lost.
fn load() -> Load {
    Load {
        pace: Pace::Closed,
        connections: 1,
        duration: Duration::ZERO,
        warmup: Duration::ZERO,
        conversations: 40,
        once: true,
        duplicates: 0.0,
        grace: Some(Duration::ZERO),
        linger: Duration::ZERO,
        seed: 1,
    }
}

fn run(load: Load, matching: Matching, deed: fn(usize) -> Deed) -> LoadReport {
    run_against(load, matching, deed, |_| {})
}

fn run_against(load: Load, matching: Matching, deed: fn(usize) -> Deed, spoil: impl FnOnce(&mut Target)) -> LoadReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let [daemon, provider] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
        let (daemon, provider) = (daemon.unwrap(), provider.unwrap());
        let (at, provider_at) = (daemon.local_addr().unwrap(), provider.local_addr().unwrap());
        let server = Daemon {
            base_url: format!("http://{at}"),
            deed,
            fresh: Cell::default(),
            known: RefCell::default(),
            held: RefCell::default(),
            to_provider: tokio::sync::Mutex::new(Connection::to(provider_at)),
        };
        let serving = spawn_local(Rc::new(server).serve(daemon));
        let mut target = Target { matching, ..target(at, vec![provider_at], 2) };
        spoil(&mut target);
        let report = drive(&target, &load, vec![provider], None, |_| {}).await.unwrap();
        serving.abort();
        report
    })
}

/// Expected, received, lost, repeated, out of order, foreign.
fn counts(report: &LoadReport) -> (u64, u64, u64, u64, u64, u64) {
    let replies = &report.replies;
    let lost = replies.lost.unwrap_or(u64::MAX);
    (replies.expected, replies.received, lost, replies.repeated, replies.out_of_order, replies.foreign)
}

#[test]
fn a_daemon_that_keeps_its_promises() {
    let report = run(load(), Matching::ByToken, |_| Deed::Reply);
    assert_eq!(counts(&report), (40, 40, 0, 0, 0, 0));
    assert!(report.held);
    assert_eq!((report.webhooks.posted, report.webhooks.taken), (40, 40));
    assert_eq!((report.webhooks.latency.count, report.replies.latency.count), (40, 40));
    assert!(report.webhooks.latency.max_ms >= report.webhooks.latency.p50_ms);
}

#[test]
fn many_connections_and_repetitions_change_nothing() {
    let load = Load { connections: 32, duplicates: 0.3, conversations: 400, ..load() };
    let report = run(load, Matching::ByToken, |_| Deed::Reply);
    assert_eq!(counts(&report), (400, 400, 0, 0, 0, 0));
    assert!(report.duplicates.posted > 50);
    assert_eq!(report.duplicates.answers.get(&200), Some(&report.duplicates.posted));
    assert!(report.held);
}

#[test]
fn sees_what_is_lost() {
    let report = run(load(), Matching::ByToken, |n| if n % 10 == 3 { Deed::Lose } else { Deed::Reply });
    assert_eq!(counts(&report), (40, 36, 4, 0, 0, 0));
    assert_eq!(report.replies.waiting_after_posting, 4);
    assert!(!report.held);
}

#[test]
fn sees_what_is_answered_twice() {
    let report = run(load(), Matching::ByToken, |n| if n % 10 == 3 { Deed::ReplyTwice } else { Deed::Reply });
    assert_eq!(counts(&report), (40, 40, 0, 4, 0, 0));
    assert!(!report.held);
}

#[test]
fn sees_what_is_out_of_order() {
    // In one conversation, so that the held reply is overtaken by a later message's. Posting on a schedule ends by
    // count here: `once` with one conversation would be one message.
    let load = Load {
        pace: Pace::Open { schedule: Schedule::new(1_000_000.0).unwrap(), per_second: 1_000_000.0 },
        conversations: 1,
        once: false,
        duration: Duration::from_micros(40),
        ..load()
    };
    let report = run(load, Matching::ByToken, |n| if n % 10 == 3 { Deed::Hold } else { Deed::Reply });
    // Two senders: conversation 0 alone is the first one's.
    assert_eq!(counts(&report), (40, 40, 0, 0, 4, 0));
    assert!(!report.held);
}

#[test]
fn what_is_refused_is_counted_and_not_waited_for() {
    let report = run(load(), Matching::ByToken, |n| if n % 10 == 3 { Deed::Refuse } else { Deed::Reply });
    assert_eq!(counts(&report), (36, 36, 0, 0, 0, 0));
    assert_eq!(report.webhooks.refused.get(&503), Some(&4));
    assert!(report.held);
}

#[test]
fn a_cut_answer_is_counted_and_its_reply_does_no_harm() {
    let report = run(load(), Matching::ByToken, |n| if n == 0 { Deed::HangUp } else { Deed::Reply });
    // The first connection is fresh, so there is no silent second try.
    assert_eq!(report.webhooks.broken.values().sum::<u64>(), 1);
    assert_eq!(counts(&report), (39, 40, 0, 0, 0, 0));
}

#[test]
fn a_wrong_signature_breaks_the_run() {
    let spoil = |target: &mut Target| "http://elsewhere".clone_into(&mut target.base_url);
    let report = run_against(load(), Matching::ByToken, |_| Deed::Reply, spoil);
    assert_eq!(report.webhooks.refused.get(&401), Some(&40));
    assert_eq!(counts(&report), (0, 0, 0, 0, 0, 0));
    assert!(!report.held);
}

#[test]
fn replies_without_a_token_are_matched_in_order() {
    let report = run(load(), Matching::InOrder, |_| Deed::ReplyWithoutToken);
    assert_eq!(counts(&report), (40, 40, 0, 0, 0, 0));
    assert_eq!(report.replies.matched_by, "order");
    assert!(report.held);
    // Where tokens are expected, a text without one answers nothing.
    let report = run(load(), Matching::ByToken, |_| Deed::ReplyWithoutToken);
    assert_eq!(counts(&report), (40, 0, 40, 0, 0, 40));
}

#[test]
fn nobody_waits_when_told_so() {
    let load = Load { grace: None, ..load() };
    let report = run(load, Matching::ByToken, |n| if n % 10 == 3 { Deed::Lose } else { Deed::Reply });
    assert_eq!((report.replies.lost, report.replies.waiting_after_posting), (None, 4));
    assert!(report.held);
}

#[test]
fn a_schedule_is_kept_to_the_last_webhook() {
    let load = Load {
        pace: Pace::Open { schedule: Schedule::new(100_000.0).unwrap(), per_second: 100_000.0 },
        once: false,
        warmup: Duration::from_millis(1),
        duration: Duration::from_millis(4),
        connections: 8,
        ..load()
    };
    let report = run(load, Matching::ByToken, |_| Deed::Reply);
    // A machine that is busy with something else leaves the end of the schedule unposted, and that is said.
    let posted = 500 - report.webhooks.not_posted;
    assert_eq!(counts(&report), (posted, posted, 0, 0, 0, 0));
    assert_eq!(report.webhooks.latency.count, posted.saturating_sub(100), "the warm-up is left out");
}

#[test]
fn the_report_is_text_and_json() {
    let report = run(load(), Matching::ByToken, |_| Deed::Reply);
    let text = report.to_string();
    for part in ["40 posted, 40 taken", "40 of 40", "lost 0", "p99.9", "held: nothing lost"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["replies"]["lost"], 0);
    assert_eq!(json["webhooks"]["latency"]["count"], 40);
    assert!(json["webhooks"]["latency"]["p99_9_ms"].is_number());
}
