//! Files of messages in an S3 bucket, at a real server that checks signatures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{BELLE, BREATH, Setup, Waiting, World};

const ANNE: &str = "+33612345678";
const OPS: &str = "key-of-the-operators-0123456789";
/// The simulator's own.
const PHOTO: &[u8] = include_bytes!("../../src/gateway/simulator/files/photo.png");

/// moto, as `.ci/prepare` installed it. It ends with its owner.
struct Bucket {
    process: Child,
    orders: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
    url: String,
    access_key: String,
    secret_key: String,
    _folder: TempDir,
}

impl Bucket {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3");
        let mut process = Command::new(home.join("venv/bin/python"))
            .arg(home.join("server.py"))
            .arg("ready")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto is there: run .ci/prepare");
        let mut waiting = Waiting::begin();
        let ready: Value = loop {
            if let Ok(text) = std::fs::read_to_string(folder.path().join("ready")) {
                break serde_json::from_str(&text).expect("JSON");
            }
            let ended = process.try_wait().expect("its state");
            assert!(ended.is_none() && waiting.goes_on(), "the S3 server does not start: run .ci/prepare");
            std::thread::sleep(BREATH);
        };
        let text = |key: &str| ready[key].as_str().expect("a text").to_owned();
        let (access_key, secret_key) = (text("access_key"), text("secret_key"));
        let url = format!("http://127.0.0.1:{}", ready["port"]);
        let (orders, told) = (process.stdin.take(), BufReader::new(process.stdout.take().expect("its output")));
        Self { process, orders, told, url, access_key, secret_key, _folder: folder }
    }

    fn ask(&mut self, order: &str) -> Value {
        writeln!(self.orders.as_mut().expect("its input"), "{order}").expect("it listens");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The names of all objects.
    fn names(&mut self) -> Vec<String> {
        serde_json::from_value(self.ask("names")).expect("names")
    }

    /// Every object was written long ago: what is fresh is not deleted.
    fn age(&mut self) {
        self.ask("age");
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// A world whose files are in the bucket.
fn world(bucket: &Bucket) -> World {
    let daemon = format!(
        "[runtime]\nsweep_every = \"250ms\"\n[[api.keys]]\nname = \"ops\"\nkey = {{ file = \"ops.key\" }}\ntenants = [\"*\"]\n\
         scopes = [\"read\", \"read-content\", \"send\"]\n\
         [media.s3]\nbucket = \"files\"\nprefix = \"shops/media\"\nendpoint = \"{}\"\n\
         access_key = {{ file = \"bucket.id\" }}\nsecret_key = {{ file = \"bucket.key\" }}\n",
        bucket.url
    );
    let mut world = World::asleep(&Setup { daemon, ..Setup::default() });
    world.write_secret("ops.key", OPS);
    world.write_secret("bucket.id", &bucket.access_key);
    world.write_secret("bucket.key", &bucket.secret_key);
    world.start_daemon();
    world
}

async fn sends_a_photo(world: &World) {
    let mut message = world.text(BELLE, ANNE, "");
    message.more.push(("NumMedia".to_owned(), "1".to_owned()));
    message.more.push(("MediaUrl0".to_owned(), world.twilio.file_url(BELLE.account_sid, "photo")));
    message.more.push(("MediaContentType0".to_owned(), "image/jpeg".to_owned()));
    assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200);
}

async fn read(world: &World, path: &str) -> (u16, Vec<u8>) {
    let asked = reqwest::Client::new().get(format!("{}{path}", world.base_url())).bearer_auth(OPS);
    let answer = asked.send().await.expect("an answer");
    (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
}

/// What the doctor says of the bucket.
async fn doctor(world: &World) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    command.args(["doctor", "--json"]).env("PALABRE_CONFIG", world.config()).stdin(Stdio::null());
    let said = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
    let report: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut found = findings.filter(|finding| finding["check"] == "media");
    let found = found.next().unwrap_or_else(|| panic!("{report:#}"));
    format!("{}: {}", found["level"].as_str().expect("a level"), found["what"].as_str().expect("a text"))
}

#[tokio::test]
async fn files_are_kept_read_linked_and_deleted_in_a_bucket() {
    let mut bucket = Bucket::start();
    let mut world = world(&bucket);
    sends_a_photo(&world).await;
    sends_a_photo(&world).await;
    world.until("SELECT count(*) FROM media WHERE state = 'stored'", 2).await;
    let hash: String = world.value("SELECT DISTINCT hash FROM media").await;
    let name = format!("shops/media/belle/{}/{hash}", &hash[..2]);
    assert_eq!(bucket.names(), [name.as_str()], "the same picture is kept once");
    assert!(!world.config().with_file_name("media").exists(), "nothing is on the disk");
    let id: String = world.value("SELECT min(id) FROM media").await;
    assert_eq!(read(&world, &format!("/api/v1/media/{id}")).await, (200, PHOTO.to_vec()));

    // What is sent goes by a link, whose key is in the bucket as well: another node has the same.
    let upload = format!("{}/api/v1/media?tenant=belle&name=rose.png", world.base_url());
    let upload = reqwest::Client::new().post(upload).bearer_auth(OPS).header("Content-Type", "image/png").body(PHOTO);
    let file: Value = upload.send().await.expect("an answer").json().await.expect("JSON");
    let body = serde_json::json!({
        "tenant": "belle", "to": format!("whatsapp:{ANNE}"), "text": "Voilà", "media": [{ "id": file["id"] }]
    });
    let asked = reqwest::Client::new().post(format!("{}/api/v1/messages", world.base_url()));
    let taken = asked.bearer_auth(OPS).body(body.to_string()).send().await.expect("an answer");
    assert_eq!(taken.status().as_u16(), 202);
    world.until("SELECT count(*) FROM messages_out WHERE body = 'Voilà' AND state = 'sent'", 1).await;
    let sent = world.twilio.sends().into_iter().find(|sent| sent.body == "Voilà").expect("it went");
    let link = sent.media_url.expect("a link").replace(crate::daemon::PUBLIC_URL, "");
    assert_eq!(read(&world, &link).await, (200, PHOTO.to_vec()));
    let key = "shops/media/.link-key".to_owned();
    assert!(bucket.names().contains(&key), "{:?}", bucket.names());
    assert_eq!(doctor(&world).await, "good: the bucket answers");
    assert!(!world.logs().contains(&hash) && !world.logs().contains(&bucket.secret_key), "{}", world.logs());

    // A daemon that starts later knows the link, and deletes what nobody needs.
    world.kill();
    bucket.age();
    world.execute("DELETE FROM media WHERE message_id IS NULL").await;
    world.execute("DELETE FROM messages_in").await;
    world.start_daemon();
    world.until("SELECT count(*) FROM media", 0).await;
    assert_eq!(bucket.names(), [key.as_str()]);
}

#[tokio::test]
async fn a_bucket_that_refuses_holds_up_no_answer_and_gets_the_file_later() {
    let mut bucket = Bucket::start();
    let mut world = world(&bucket);
    world.kill();
    world.write_secret("bucket.key", "not-the-secret-of-this-key-0000");
    world.start_daemon();
    sends_a_photo(&world).await;
    world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NOT NULL", 1).await;
    world.until("SELECT count(*) FROM media WHERE state = 'waiting' AND reason = 'disk'", 1).await;
    assert_eq!(doctor(&world).await, "wrong: the bucket refuses the key");
    assert!(world.logs().contains("the bucket refuses the key"), "{}", world.logs());
    assert_eq!(bucket.names(), Vec::<String>::new());
    world.kill();
    world.write_secret("bucket.key", &bucket.secret_key);
    world.execute("UPDATE media SET next_attempt_at = created_at").await;
    world.start_daemon();
    world.until("SELECT count(*) FROM media WHERE state = 'stored'", 1).await;
    assert_eq!(bucket.names().len(), 1);
}
