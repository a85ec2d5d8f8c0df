//! The live stream: told at once, what was missed, reading anew, and what a thousand open consoles cost.

use reqwest::{Client, Response};

use super::*;
use crate::daemon::{BELLE, Setup, Waiting};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";
const SANDBOX: &str = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";
/// What a node may need for a thousand consoles, in KiB.
const MOST_MEMORY: u64 = 60 * 1024;

/// A client with the cookies of whoever is signed in.
struct Console {
    client: Client,
    cookies: String,
}

impl Console {
    async fn of(world: &World) -> Self {
        add_user(world, AWA, "Awa", ("belle", "owner"));
        let mut awa = signed_in(world, AWA).await;
        assert_eq!(awa.get("/console/conversations").await.status, 200);
        Self { client: Client::new(), cookies: awa.cookie_header() }
    }

    async fn connect(&self, world: &World, last: Option<&str>) -> Response {
        let url = format!("{}/console/events", world.base_url());
        let mut request = self.client.get(url).header("Cookie", &self.cookies);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        answer
    }
}

/// The first event with these words.
async fn told(stream: &mut Response, words: &str) -> String {
    let mut heard = String::new();
    let mut waiting = Waiting::begin();
    loop {
        assert!(waiting.goes_on(), "nothing of {words} was told: {heard}");
        let piece = stream.chunk().await.expect("a piece").expect("the stream goes on");
        heard.push_str(std::str::from_utf8(&piece).expect("a text"));
        if let Some(event) = heard.split("\n\n").find(|event| event.contains(words)) {
            return event.to_owned();
        }
    }
}

fn id_of(event: &str) -> String {
    event.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned()
}

#[tokio::test]
async fn what_happens_is_told_at_once_and_what_was_missed_when_one_comes_back() {
    let mut world = World::start();
    let console = Console::of(&world).await;
    let mut stream = console.connect(&world, None).await;
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let last = id_of(&told(&mut stream, &talk).await);
    let known: i64 = world.value(&format!("SELECT count(*) FROM event_log WHERE id = '{last}'")).await;
    assert_eq!(known, 1, "an event has the id of its row");

    // Killed, and written to by another customer before the browser is back.
    world.kill();
    world.start_daemon();
    world.write(BELLE, "+33698765432", "Et moi ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 2).await;
    let other = conversation_of(&world, "belle", "+33698765432").await;
    told(&mut console.connect(&world, Some(&last)).await, &other).await;
    world.terminate();
}

#[tokio::test]
async fn whoever_missed_too_much_reads_the_page_anew() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    let console = Console::of(&world).await;
    let mut stream = console.connect(&world, None).await;
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    let say = async |number: usize| {
        let body = serde_json::json!({ "from": format!("c{}", number % 8), "text": format!("message {number}") });
        let post = console.client.post(&inbound).header("Content-Type", "application/json").body(body.to_string());
        assert_eq!(post.send().await.expect("an answer").status().as_u16(), 200);
    };
    say(0).await;
    let first = id_of(&told(&mut stream, "event: changed").await);
    drop(stream);
    // More than 500 events: each message has several.
    for number in 1..200 {
        say(number).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 200).await;
    let missed: i64 = world.value(&format!("SELECT count(*) FROM event_log WHERE id > '{first}'")).await;
    assert!(missed > 500, "{missed}");
    told(&mut console.connect(&world, Some(&first)).await, "event: resync").await;
    // An id that no clock made says nothing about what was missed.
    told(&mut console.connect(&world, Some("00000000-0000-0000-0000-000000000007")).await, "event: resync").await;
}

#[tokio::test]
async fn a_thousand_open_consoles_cost_a_node_little_memory_and_hear_what_happens() {
    let mut world = World::start();
    let console = Console::of(&world).await;
    let mut open = Vec::new();
    // What the first ones cost is the program's, not theirs.
    for _ in 0..50 {
        open.push(console.connect(&world, None).await);
    }
    let before = world.resident();
    while open.len() < 1_050 {
        open.push(console.connect(&world, None).await);
    }
    let more = world.resident().saturating_sub(before);
    assert!(more < MOST_MEMORY, "{more} KiB for a thousand");
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    for stream in &mut open {
        told(stream, "event: changed").await;
    }
    drop(open);
    assert!(world.terminate().success(), "a stop waits for no browser");
}
