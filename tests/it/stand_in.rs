//! The simulated provider and the webhook signed by hand, as docs/try.md shows them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{BELLE, PUBLIC_URL, TAXI, World};

/// Nothing here takes this long; it only turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);
const ANNE: &str = "+33612345678";

/// `palabre simulate provider`, and what it says line by line.
struct Played {
    child: Child,
    lines: Receiver<String>,
}

impl Played {
    /// For a world whose own Twilio has left its port.
    fn start(world: &World, more: &[&str]) -> Self {
        let listens = world.base_url().trim_start_matches("http://");
        let mut child = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(["simulate", "provider", "--post", "127.0.0.1:0", "--late", "1ms", "--config"])
            .arg(world.config())
            .args(more)
            .env("PALABRE__HTTP__LISTEN", listens)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("piped");
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line that has this in it.
    fn until(&self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no {part:?} in\n{seen}"));
            if line.contains(part) {
                return line;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
    }

    fn type_in(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("it reads");
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon whose provider's port is free to be played on.
fn without_twilio() -> World {
    let world = World::start();
    world.twilio.go_away();
    world
}

async fn post(url: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(url).json(body).send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn ones_own_tenants_are_tried_without_an_account() {
    let world = without_twilio();
    let mut played = Played::start(&world, &[]);
    let direction = played.until("curl http://");
    let inlet = direction.split_whitespace().nth(1).expect("a URL").to_owned();

    played.type_in(&format!("{} {ANNE} Bonjour, quels sont vos horaires ?", BELLE.id));
    assert!(played.until("→").contains(" 200, SM"));
    let answer = played.until("←");
    assert!(answer.contains(ANNE) && answer.contains("Du mardi au samedi"), "{answer}");
    played.type_in("STOP");
    assert!(played.until("←").contains("START"), "one confirmation says how to come back");
    world.until("SELECT count(*) FROM opt_outs", 1).await;

    let order =
        json!({ "channel": "taxi-sms", "from": ANNE, "text": "Un taxi", "sid": "SM00000000000000000000000000000042" });
    let taken = json!({ "sid": "SM00000000000000000000000000000042", "status": 200 });
    for _ in 0..2 {
        assert_eq!(post(&inlet, &order).await, (200, taken.clone()), "the second one is a repeated webhook");
    }
    world.until("SELECT count(*) FROM messages_in", 3).await;
    // Statuses come back, each for the message that it is about.
    world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 3).await;

    let (status, problem) = post(&inlet, &json!({ "channel": "bele", "from": ANNE, "text": "x" })).await;
    assert!(status == 400 && problem["error"].as_str().expect("a text").contains("did you mean `belle`?"), "{problem}");
    assert_eq!(post(&inlet, &json!({ "channel": "belle" })).await.0, 400);
}

#[tokio::test]
async fn what_it_is_told_to_refuse_is_a_dead_letter() {
    let world = without_twilio();
    let mut played = Played::start(&world, &["--refuse", "21211", "--only", TAXI.id]);
    played.until("curl http://");
    for tenant in [&TAXI, &BELLE] {
        played.type_in(&format!("{} {ANNE} Bonjour", tenant.id));
        played.until(" 200, SM");
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'dead' AND last_error = '21211'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'read' AND tenant_id = 'belle'", 1).await;
}

#[test]
fn a_real_provider_is_never_played_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let tenants = folder.path().join("tenants");
    std::fs::create_dir(&tenants).expect("a folder");
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/tenants/institut-belle.toml");
    std::fs::copy(sample, tenants.join("institut-belle.toml")).expect("a copy");
    let config = folder.path().join("palabre.toml");
    std::fs::write(&config, "").expect("a file");
    let refused = Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(["simulate", "provider", "--post", "127.0.0.1:0", "--config"])
        .arg(&config)
        .env("BELLE_TWILIO_TOKEN", "x")
        .env("BELLE_AWA_CALENDAR", "https://calendar.example/awa.ics")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("belle-wa: api_base_url is https://api.twilio.com"), "{told}");
    assert!(told.contains("api_base_url = \"http://127.0.0.1:4010\""), "{told}");
}

/// The block of docs/try.md, with this world's names in the place of the samples'.
fn by_hand(world: &World) -> String {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/try.md"));
    let (_, block) = page.split_once("# signed by hand\n").expect("the recipe is there");
    let (block, _) = block.split_once("```").expect("it has an end");
    let mut script = block.to_owned();
    for (name, value) in [
        ("public", PUBLIC_URL),
        ("at", world.base_url()),
        ("path", "/webhooks/twilio-whatsapp/belle"),
        ("token", BELLE.auth_token),
        ("account", BELLE.account_sid),
        ("to", "whatsapp:+14155238886"),
    ] {
        let line = script.lines().find(|line| line.starts_with(&format!("{name}=")));
        let line = line.unwrap_or_else(|| panic!("no {name}= in\n{script}")).to_owned();
        script = script.replace(&format!("{line}\n"), &format!("{name}={value}\n"));
    }
    script
}

#[tokio::test]
async fn a_webhook_signed_by_hand_is_believed_and_another_is_not() {
    let world = World::start();
    let run = |script: &str| {
        let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).output().expect("bash is there");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let script = by_hand(&world);
    let answer = run(&script);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("<Response/>"), "{answer}");
    world.twilio.taken_at_least(1).await;
    assert_eq!(world.received("+33639980101"), ["Du mardi au samedi, de 9 h à 19 h."]);
    let forged = run(&script.replace(BELLE.auth_token, TAXI.auth_token));
    assert!(forged.starts_with("HTTP/1.1 401"), "{forged}");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in").await, 1);
}
