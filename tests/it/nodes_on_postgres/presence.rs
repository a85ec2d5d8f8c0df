//! Who looks at a conversation and who writes in it is seen on every node.

use reqwest::Response;

use super::*;
use crate::console::visitor::Visitor;
use crate::console::{add_user, signed_in};

const AWA: &str = "awa@belle.example";
const SOPHIE: &str = "sophie@belle.example";
const SANDBOX: &str = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";

/// Awa on the first node, and the stream of Sophie's browser on the second.
struct Colleagues {
    nodes: Nodes,
    talk: String,
    awa: Visitor,
    stream: Response,
    /// Of the stream, not yet read.
    heard: String,
}

impl Colleagues {
    async fn start(redis: Option<&Server>) -> Self {
        let nodes = Nodes::start_on(Setup { sms: SANDBOX.to_owned(), ..Setup::default() }, NEVER, redis);
        if redis.is_some() {
            nodes.until_metric("palabre_redis_up 1").await;
        }
        let world = &nodes.world;
        add_user(world, AWA, "Awa", ("belle", "agent"));
        add_user(world, SOPHIE, "Sophie", ("belle", "agent"));
        customer(&nodes, r#"{"from": "anna", "text": "Bonjour"}"#).await;
        world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
        let talk: String = world.value("SELECT id FROM conversations").await;
        let (mut awa, sophie) = (signed_in(world, AWA).await, signed_in(world, SOPHIE).await);
        awa.get(&format!("/console/conversations/{talk}")).await;
        let stream = nodes.client.get(format!("{}/console/events", world.nodes()[1]));
        let stream = stream.header("Cookie", sophie.cookie_header()).send().await.expect("an answer");
        assert_eq!(stream.status(), 200);
        Self { nodes, talk, awa, stream, heard: String::new() }
    }

    /// What Awa's page says.
    async fn say(&mut self, what: &str) {
        let fields = [("conversation", self.talk.as_str()), (what, "true")];
        assert_eq!(self.awa.submit("/console/presence", &fields).await.status, 204);
    }

    /// Says it until Sophie sees it: what nodes tell each other may be lost while one only begins to listen.
    async fn say_until_seen(&mut self, what: &str, people: &Value) {
        let mut waiting = Waiting::begin();
        loop {
            self.say(what).await;
            if tokio::time::timeout(Duration::from_secs(3), self.seen("people", people)).await.is_ok() {
                return;
            }
            assert!(waiting.goes_on(), "{people} is never seen on the other node\n{}", self.nodes.world.logs());
        }
    }

    /// Resolves when Sophie is shown that.
    async fn seen(&mut self, key: &str, wanted: &Value) {
        loop {
            while let Some((event, rest)) = self.heard.split_once("\n\n") {
                let told = event.strip_prefix("event: presence\ndata: ").map(str::to_owned);
                self.heard = rest.to_owned();
                let told: Value = told.map(|json| serde_json::from_str(&json).expect("JSON")).unwrap_or_default();
                if told["conversation"] == self.talk.as_str() && told[key] == *wanted {
                    return;
                }
            }
            let piece = self.stream.chunk().await.expect("a piece").expect("the stream goes on");
            self.heard.push_str(std::str::from_utf8(&piece).expect("a text"));
        }
    }

    async fn awa_is(&self, is_typing: bool) -> Value {
        let id: String = self.nodes.world.value(&format!("SELECT id FROM users WHERE email = '{AWA}'")).await;
        json!([{ "who": format!("user:{}", id.replace('-', "")), "name": "Awa", "is_typing": is_typing }])
    }
}

async fn customer(nodes: &Nodes, body: &'static str) {
    let url = format!("{}/webhooks/sandbox/belle-try", nodes.world.nodes()[0]);
    let request = nodes.client.post(url).header("Content-Type", "application/json").body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_colleague_on_another_node_is_seen_typing_until_they_leave_or_their_node_dies() {
    let mut both = Colleagues::start(None).await;
    let (types, looks) = (both.awa_is(true).await, both.awa_is(false).await);
    both.say_until_seen("typing", &types).await;
    both.say("gone").await;
    both.seen("people", &json!([])).await;
    customer(&both.nodes, r#"{"from": "anna", "typing": true}"#).await;
    both.seen("customer", &json!(true)).await;
    both.say("typing").await;
    both.seen("people", &types).await;
    both.nodes.world.kill();
    both.seen("people", &looks).await;
}

#[tokio::test]
async fn a_colleague_on_another_node_is_seen_through_redis_and_without_it_when_it_dies() {
    let mut redis = Server::start();
    let mut both = Colleagues::start(Some(&redis)).await;
    let types = both.awa_is(true).await;
    both.say_until_seen("typing", &types).await;
    both.say("gone").await;
    both.seen("people", &json!([])).await;
    redis.kill();
    both.say_until_seen("typing", &types).await;
}
