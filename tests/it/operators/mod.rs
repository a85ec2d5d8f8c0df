//! What integrators and operators do with a running daemon: the API with its keys, and the commands beside it.

mod broadcasts;
mod commands;
mod consents;
mod dead_letters;
mod finding;
mod keys;
mod national_numbers;
mod pauses;
mod people;
mod sends;

use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{BELLE, Setup, World};

const ANNE: &str = "+33612345678";
const BOB: &str = "+33687654321";

/// Sees belle, and sends.
const CRM: &str = "key-of-the-crm-0123456789";
/// Sees everybody and everything, and may do everything.
const OPS: &str = "key-of-the-operators-0123456789";
/// Belongs to the other tenant.
const TAXIS: &str = "key-of-the-taxis-0123456789";

/// A world with keys.
struct Office {
    world: World,
    client: reqwest::Client,
    _keys: TempDir,
}

/// What a command said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Office {
    fn open() -> Self {
        Self::open_with("")
    }

    /// With more keys of the WhatsApp channels.
    fn open_with(whatsapp: &str) -> Self {
        Self::open_as(whatsapp, |setup| setup)
    }

    /// The same with another setup.
    fn open_as(whatsapp: &str, setup: impl FnOnce(Setup) -> Setup) -> Self {
        let keys = tempfile::tempdir().expect("a temporary folder");
        let mut daemon = "[runtime]\nsweep_every = \"100ms\"\nask_after = \"100ms\"\n".to_owned();
        for (name, key, tenants, scopes) in [
            ("crm", CRM, "belle", r#""read", "send""#),
            ("ops", OPS, "*", r#""read", "read-content", "send", "operate""#),
            ("taxis", TAXIS, "taxi", r#""read", "send", "operate""#),
        ] {
            let path = keys.path().join(name);
            std::fs::write(&path, key).expect("a file");
            daemon.push_str(&format!(
                "[[api.keys]]\nname = \"{name}\"\nkey = {{ file = \"{}\" }}\ntenants = [\"{tenants}\"]\nscopes = [{scopes}]\n",
                path.display()
            ));
        }
        let setup = setup(Setup {
            daemon,
            whatsapp: format!("pair = \"off\"\nper_second = 10000\n{whatsapp}"),
            sms: "per_second = 10000".to_owned(),
            ..Setup::default()
        });
        Self { world: World::start_on(&setup), client: reqwest::Client::new(), _keys: keys }
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Option<&Value>, under: &str) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.world.base_url()));
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        let request = if under.is_empty() { request } else { request.header("Idempotency-Key", under) };
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("the daemon answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        self.ask(key, Method::GET, path, None, "").await
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(key, Method::POST, path, Some(body), "").await
    }

    /// A message by the API; the id under which it was taken.
    async fn send(&self, to: &str, text: &str) -> String {
        let body = serde_json::json!({ "tenant": "belle", "to": to, "text": text });
        let (status, taken) = self.post(OPS, "/api/v1/messages", &body).await;
        assert_eq!(status, 202, "{taken}");
        taken["id"].as_str().expect("an id").to_owned()
    }

    /// A contact writes to belle, so that the window is open, and has their answer.
    async fn meet(&self, who: &str) {
        let taken = self.world.twilio.taken();
        assert_eq!(self.world.write(BELLE, who, "Bonjour").await.status, 200);
        self.world.twilio.taken_at_least(taken + 1).await;
        self.world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending')", 0).await;
    }

    /// `palabre …` with this world's configuration.
    fn palabre(&self, told: &[&str]) -> Said {
        palabre(told, &[("PALABRE_CONFIG", &self.world.config().display().to_string())])
    }

    /// The same, which must go well.
    fn palabre_ok(&self, told: &[&str]) -> String {
        let said = self.palabre(told);
        assert_eq!(said.code, 0, "palabre {}: {}{}", told.join(" "), said.out, said.err);
        said.out
    }

    async fn state(&self, id: &str) -> String {
        self.world.value(&format!("SELECT state FROM messages_out WHERE id = '{id}'")).await
    }

    async fn until_state(&self, id: &str, state: &str) {
        self.world
            .until(&format!("SELECT count(*) FROM messages_out WHERE id = '{id}' AND state = '{state}'"), 1)
            .await;
    }

    /// How often Twilio took a text.
    fn taken(&self, text: &str) -> usize {
        self.world.twilio.sends().iter().filter(|sent| sent.body == text).count()
    }
}

fn palabre(told: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let said = command.args(told).envs(variables.iter().copied()).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: said.status.code().expect("an exit code"), out: text(&said.stdout), err: text(&said.stderr) }
}
