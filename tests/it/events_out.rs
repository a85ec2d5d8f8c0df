//! Events out, from the daemon to the consumer that the documentation shows.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::daemon::{BELLE, Setup, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ANNE: &str = "+33612345678";
const PAGE: &str = include_str!("../../docs/events.md");
/// Nothing here takes this long; it only turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);

/// The consumer of docs/events.md, as a process.
struct Consumer {
    process: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Consumer {
    fn start() -> Self {
        let code = PAGE.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a consumer");
        assert!(code.lines().filter(|line| !line.trim().is_empty()).count() <= 22, "the page promises twenty lines");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut process = Command::new("python3")
            .args(["-c", code])
            .env("SECRET", SECRET)
            .env("PORT", port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is there");
        let (send, lines) = channel();
        let output = BufReader::new(process.stdout.take().expect("its output"));
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { process, lines, port }
    }

    /// Waits for an event of a type, and returns its id.
    fn next(&self, event: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no {event} came"));
            if let Some(id) = line.strip_prefix(event) {
                return id.trim().to_owned();
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn setup(port: u16, secret: &str) -> Setup {
    let webhook = format!(
        "[[webhooks]]\nid = \"crm\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret = {{ file = \"secrets/{secret}\" }}\n\
        events = [\"message_sent\", \"opted_out\"]"
    );
    let base = Setup::default();
    Setup { daemon: format!("{}\n[webhooks]\nprivate_targets = true", base.daemon), tenant: webhook, ..base }
}

#[tokio::test]
async fn the_documented_consumer_takes_what_the_daemon_posts_also_after_a_kill() {
    let consumer = Consumer::start();
    let mut world = World::asleep(&setup(consumer.port, "hook"));
    std::fs::create_dir_all(world.config().parent().expect("a folder").join("secrets")).expect("a folder");
    world.write_secret("secrets/hook", SECRET);
    world.start_daemon();
    assert_eq!(world.write(BELLE, ANNE, "Bonjour").await.status, 200);
    let sent = consumer.next("message_sent");
    let known = format!("SELECT count(*) FROM event_log WHERE id = '{sent}' AND event_type = 'message_sent'");
    assert_eq!(world.value::<i64>(&known).await, 1);

    assert_eq!(world.write(BELLE, ANNE, "STOP").await.status, 200);
    world.kill();
    world.start_daemon();
    consumer.next("opted_out");
    world.until("SELECT count(*) FROM webhook_deliveries WHERE tenant_id = 'belle' AND state <> 'delivered'", 0).await;
    assert!(!world.logs().contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "i10: the secret is in the logs");
}
