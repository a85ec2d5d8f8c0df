//! Files that come with messages: fetched after the turn, within limits, from public hosts alone, and served safely.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::daemon::{BELLE, BREATH, Setup, Waiting, World};

const ANNE: &str = "+33612345678";
const OPS: &str = "key-of-the-operators-0123456789";
const TAXIS: &str = "key-of-the-taxis-0123456789";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

/// Where a provider keeps files. It counts who asked for what.
struct Files {
    port: u16,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Files {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, port, Arc::clone(&counted)));
            }
        });
        Self { port, asked }
    }

    /// At the host of the provider's API.
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

async fn answer(mut stream: TcpStream, port: u16, asked: Arc<Mutex<BTreeMap<String, usize>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let nth = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let has_key = head.to_lowercase().contains("\r\nauthorization: basic ");
    let (status, more, body): (&str, String, &[u8]) = match path.as_str() {
        "/photo" if has_key => ("200 OK", "Content-Type: image/jpeg\r\n".to_owned(), PNG),
        "/photo" => ("401 Unauthorized", String::new(), b""),
        "/page" => ("200 OK", "Content-Type: image/png\r\n".to_owned(), b"<!DOCTYPE html><script>alert(1)</script>"),
        "/away" => ("302 Found", format!("Location: http://localhost:{port}/secret\r\n"), b""),
        "/moved" => ("307 Temporary Redirect", format!("Location: http://127.0.0.1:{port}/stored\r\n"), b""),
        "/stored" => ("200 OK", String::new(), PNG),
        "/busy" if nth == 1 => ("503 Service Unavailable", String::new(), b""),
        // The first is never answered.
        "/slow" if nth == 1 => std::future::pending().await,
        "/busy" | "/slow" | "/secret" => ("200 OK", String::new(), PNG),
        "/big" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").await;
            return;
        }
        _ => ("404 Not Found", String::new(), b""),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
}

fn world() -> World {
    let key = |name: &str, tenant: &str| {
        format!(
            "[[api.keys]]\nname = \"{name}\"\nkey = {{ file = \"{name}.key\" }}\ntenants = [\"{tenant}\"]\n\
             scopes = [\"read\", \"read-content\"]\n"
        )
    };
    let daemon = format!("[runtime]\nsweep_every = \"250ms\"\n{}{}", key("ops", "*"), key("taxis", "taxi"));
    let mut world = World::asleep(&Setup { daemon, ..Setup::default() });
    world.write_secret("ops.key", OPS);
    world.write_secret("taxis.key", TAXIS);
    world.start_daemon();
    world
}

/// A message with these files.
async fn send(world: &World, urls: &[String]) {
    let mut message = world.text(BELLE, ANNE, "");
    message.more.push(("NumMedia".to_owned(), urls.len().to_string()));
    for (nth, url) in urls.iter().enumerate() {
        message.more.push((format!("MediaUrl{nth}"), url.clone()));
        message.more.push((format!("MediaContentType{nth}"), "image/jpeg".to_owned()));
    }
    assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200);
}

/// Waits until nothing is to be fetched, and tells what became of each file, by the end of its URL.
async fn outcomes(world: &World, files: i64) -> BTreeMap<String, String> {
    world.until("SELECT count(*) FROM media WHERE state <> 'waiting'", files).await;
    let sql = "SELECT url, state, coalesce(reason, content_type) FROM media";
    let rows = world.rows(sql, |row| {
        let [url, state, told] = [0, 1, 2].map(|at| row.try_get_by_index::<String>(at).unwrap());
        (format!("/{}", url.rsplit('/').next().unwrap()), format!("{state} {told}"))
    });
    rows.await.into_iter().collect()
}

#[tokio::test]
async fn files_are_fetched_within_limits_and_from_nowhere_private() {
    let files = Files::open().await;
    let world = world();
    let inside = [format!("http://localhost:{}/secret", files.port), "http://169.254.169.254/meta".to_owned()];
    let urls: Vec<String> = ["/photo", "/page", "/away", "/moved", "/big", "/none"].map(|path| files.url(path)).into();
    send(&world, &[urls, inside.to_vec()].concat()).await;
    let outcomes = outcomes(&world, 8).await;
    for (path, expected) in [
        ("/photo", "stored image/png"),
        ("/moved", "stored image/png"),
        ("/page", "refused type"),
        ("/away", "refused not_public"),
        ("/big", "refused too_large"),
        ("/none", "failed gone"),
        ("/secret", "refused not_public"),
        ("/meta", "refused not_public"),
    ] {
        assert_eq!(outcomes.get(path).map(String::as_str), Some(expected), "{path}: {outcomes:?}");
    }
    assert_eq!(files.asked("/secret"), 0, "nothing went to a private host by its name");
    let logs = world.logs();
    assert!(!logs.contains("/photo") && !logs.contains("169.254"), "URLs stay out of the log: {logs}");
    // Both pictures are the same bytes.
    assert_eq!(world.value::<i64>("SELECT count(DISTINCT hash) FROM media WHERE state = 'stored'").await, 1);
}

#[tokio::test]
async fn i9_a_file_is_served_to_its_tenant_and_cannot_run() {
    let files = Files::open().await;
    let world = world();
    send(&world, &[files.url("/photo"), files.url("/page")]).await;
    outcomes(&world, 2).await;
    let message: String = world.value("SELECT DISTINCT message_id FROM media").await;
    let ask = async |key: &str, path: &str| {
        let asked = reqwest::Client::new().get(format!("{}{path}", world.base_url())).bearer_auth(key);
        asked.send().await.expect("an answer")
    };
    let listed: serde_json::Value =
        ask(OPS, &format!("/api/v1/media?message={message}")).await.json().await.expect("JSON");
    let of = |state: &str| {
        let media = listed["media"].as_array().unwrap();
        media.iter().find(|file| file["state"] == state).unwrap_or_else(|| panic!("{listed:#}"))
    };
    let (photo, page) = (of("stored"), of("refused"));
    assert_eq!((&photo["content_type"], &photo["size"]), (&"image/png".into(), &PNG.len().into()));
    assert_eq!(page["reason"], "type");
    let path = format!("/api/v1/media/{}", photo["id"].as_str().unwrap());
    let answer = ask(OPS, &path).await;
    assert_eq!(answer.status(), 200);
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"), "{:?}", answer.headers());
    assert!(header("content-disposition").starts_with("inline; filename="), "{:?}", answer.headers());
    assert_eq!(answer.bytes().await.unwrap(), PNG);
    for (key, path, status) in [
        (TAXIS, path.clone(), 404),
        (OPS, format!("/api/v1/media/{}", page["id"].as_str().unwrap()), 404),
        (OPS, "/api/v1/media/..%2f..%2fpalabre.db".to_owned(), 404),
        (OPS, "/api/v1/media/palabre.db".to_owned(), 422),
    ] {
        assert_eq!(ask(key, &path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn what_a_kill_or_a_busy_host_interrupts_is_fetched_again() {
    let files = Files::open().await;
    let mut world = world();
    send(&world, &[files.url("/slow"), files.url("/busy")]).await;
    let mut waiting = Waiting::begin();
    while files.asked("/slow") == 0 || files.asked("/busy") == 0 {
        assert!(waiting.goes_on(), "{}", world.logs());
        tokio::time::sleep(BREATH).await;
    }
    // The answer did not wait for the files.
    world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NOT NULL", 1).await;
    world.kill();
    if world.is_on_postgres() {
        // Instead of waiting until the claim of the process that ended runs out.
        world.execute("UPDATE media SET next_attempt_at = created_at").await;
    }
    world.start_daemon();
    let outcomes = outcomes(&world, 2).await;
    assert_eq!(outcomes.values().collect::<Vec<_>>(), ["stored image/png"; 2], "{outcomes:?}");
}
