//! Files that come with messages: fetched after the turn, within limits, from public hosts alone, and served safely.

use std::collections::BTreeMap;

use crate::console::{add_user, signed_in};
use crate::daemon::{BELLE, Setup, Waiting, World};

const ANNE: &str = "+33612345678";
const OPS: &str = "key-of-the-operators-0123456789";
const TAXIS: &str = "key-of-the-taxis-0123456789";
/// The simulator's own.
const PHOTO: &[u8] = include_bytes!("../../src/gateway/simulator/files/photo.png");

/// Where Twilio keeps a file of Belle's.
fn url(world: &World, name: &str) -> String {
    world.twilio.file_url(BELLE.account_sid, name)
}

/// With keys of `[media]` of the tenants.
fn world(media: &str) -> World {
    let key = |name: &str, tenant: &str| {
        format!(
            "[[api.keys]]\nname = \"{name}\"\nkey = {{ file = \"{name}.key\" }}\ntenants = [\"{tenant}\"]\n\
             scopes = [\"read\", \"read-content\", \"send\"]\n"
        )
    };
    let daemon = format!("[runtime]\nsweep_every = \"250ms\"\n{}{}", key("ops", "*"), key("taxis", "taxi"));
    let tenant = format!("[media]\n{media}\n");
    let mut world = World::asleep(&Setup { daemon, tenant, ..Setup::default() });
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
        (url.rsplit('/').next().unwrap().to_owned(), format!("{state} {told}"))
    });
    rows.await.into_iter().collect()
}

#[tokio::test]
async fn files_are_fetched_within_limits_and_from_nowhere_private() {
    let world = world("max_bytes = 100000");
    let names = ["photo", "voice", "paper", "page", "moved", "astray", "large", "gone", "late"];
    let own = names.map(|name| url(&world, name));
    let port = own[0].split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let inside = [format!("http://localhost:{port}/local"), "http://169.254.169.254/meta".to_owned()];
    send(&world, &[own.to_vec(), inside.to_vec()].concat()).await;
    let outcomes = outcomes(&world, 11).await;
    for (path, expected) in [
        ("photo", "stored image/png"),
        ("voice", "stored audio/x-wav"),
        ("paper", "stored application/pdf"),
        ("moved", "stored image/png"),
        ("late", "stored image/png"),
        ("page", "refused type"),
        ("astray", "refused not_public"),
        ("large", "refused too_large"),
        ("gone", "failed gone"),
        ("local", "refused not_public"),
        ("meta", "refused not_public"),
    ] {
        assert_eq!(outcomes.get(path).map(String::as_str), Some(expected), "{path}: {outcomes:?}");
    }
    assert_eq!(world.twilio.files_asked("secret"), 0, "nothing went to a private host by its name");
    let logs = world.logs();
    assert!(!logs.contains("/Media/") && !logs.contains("169.254"), "URLs stay out of the log: {logs}");
    // All pictures are the same bytes.
    assert_eq!(world.value::<i64>("SELECT count(DISTINCT hash) FROM media WHERE content_type = 'image/png'").await, 1);
    // The console hears of each.
    let events = "SELECT count(*) FROM event_log WHERE event_type IN ('media_stored', 'media_refused')";
    assert_eq!(world.value::<i64>(events).await, 11);
    let metrics = world.metrics().await;
    assert!(metrics.contains("palabre_media_files_total{tenant=\"belle\",outcome=\"stored\"} 5"), "{metrics}");
}

#[tokio::test]
async fn i9_a_file_is_served_to_its_tenant_and_cannot_run() {
    let world = world("");
    send(&world, &[url(&world, "photo"), url(&world, "page")]).await;
    outcomes(&world, 2).await;
    let message: String = world.value("SELECT DISTINCT message_id FROM media").await;
    let ask = async |key: &str, path: &str, range: &str| {
        let asked = reqwest::Client::new().get(format!("{}{path}", world.base_url())).bearer_auth(key);
        asked.header("Range", range).send().await.expect("an answer")
    };
    let listed: serde_json::Value =
        ask(OPS, &format!("/api/v1/media?message={message}"), "").await.json().await.expect("JSON");
    let of = |state: &str| {
        let media = listed["media"].as_array().unwrap();
        media.iter().find(|file| file["state"] == state).unwrap_or_else(|| panic!("{listed:#}"))
    };
    let (photo, page) = (of("stored"), of("refused"));
    assert_eq!((&photo["content_type"], &photo["size"]), (&"image/png".into(), &PHOTO.len().into()));
    assert_eq!(page["reason"], "type");
    let path = format!("/api/v1/media/{}", photo["id"].as_str().unwrap());
    let answer = ask(OPS, &path, "").await;
    assert_eq!(answer.status(), 200);
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"), "{:?}", answer.headers());
    assert!(header("content-disposition").starts_with("inline; filename="), "{:?}", answer.headers());
    assert_eq!(answer.bytes().await.unwrap(), PHOTO);
    let part = ask(OPS, &path, "bytes=1-3").await;
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap()), (206, "PNG".into()));
    for (key, path, status) in [
        (TAXIS, path.clone(), 404),
        (OPS, format!("/api/v1/media/{}", page["id"].as_str().unwrap()), 404),
        (OPS, "/api/v1/media/..%2f..%2fpalabre.db".to_owned(), 404),
        (OPS, "/api/v1/media/palabre.db".to_owned(), 422),
    ] {
        assert_eq!(ask(key, &path, "").await.status(), status, "{path}");
    }
    // The table says that there are bytes, and the folder has none.
    world.execute(&format!("UPDATE media SET hash = '{}' WHERE state = 'stored'", "0".repeat(64))).await;
    assert_eq!(ask(OPS, &path, "").await.status(), 404);
}

#[tokio::test]
async fn what_a_kill_or_a_busy_host_interrupts_is_fetched_again() {
    let mut world = world("");
    send(&world, &[url(&world, "slow"), url(&world, "busy")]).await;
    let mut waiting = Waiting::begin();
    while world.twilio.files_asked("slow") == 0 || world.twilio.files_asked("busy") == 0 {
        waiting.again(|| world.logs()).await;
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

#[tokio::test]
async fn files_go_with_their_messages_and_with_an_erasure() {
    let mut world = world("");
    send(&world, &[url(&world, "photo")]).await;
    send(&world, &[url(&world, "photo"), url(&world, "paper")]).await;
    outcomes(&world, 3).await;
    world.kill();
    let folder = world.config().with_file_name("media").join("belle");
    assert_eq!(kept(&folder), 2, "the same picture is kept once");
    // One message is deleted, and the other's paper erased.
    world.execute("DELETE FROM messages_in WHERE id = (SELECT min(id) FROM messages_in)").await;
    world.execute("UPDATE media SET state = 'expired' WHERE content_type = 'application/pdf'").await;
    age(&folder);
    world.start_daemon();
    world.until("SELECT count(*) FROM media", 2).await;
    world.until("SELECT count(*) FROM media WHERE hash IS NULL AND state = 'expired'", 1).await;
    assert_eq!(kept(&folder), 1, "the picture is another message's as well");
    world.kill();
    world.execute("DELETE FROM messages_in").await;
    world.start_daemon();
    world.until("SELECT count(*) FROM media", 0).await;
    assert_eq!(kept(&folder), 0);
}

#[tokio::test]
async fn a_tenant_that_wants_no_files_fetches_none() {
    let world = world("fetch = false");
    send(&world, &[url(&world, "photo")]).await;
    let outcomes = outcomes(&world, 1).await;
    assert_eq!(outcomes["photo"], "refused not_wanted");
    assert_eq!(world.twilio.files_asked("photo"), 0);
}

/// How many files are in a folder.
fn kept(folder: &std::path::Path) -> usize {
    files_in(folder).len()
}

fn files_in(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// The files of a folder were kept long ago: what is fresh is not deleted.
fn age(folder: &std::path::Path) {
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    for path in files_in(folder) {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(long_ago).expect("a time");
    }
}

/// Uploads a file as the tenant's program does.
async fn upload(world: &World, key: &str, name: &str, bytes: &'static [u8]) -> (u16, serde_json::Value) {
    let url = format!("{}/api/v1/media?tenant=belle&name={name}", world.base_url());
    let asked = reqwest::Client::new().post(url).bearer_auth(key).header("Content-Type", "image/jpeg").body(bytes);
    let answer = asked.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn ask_for(world: &World, body: serde_json::Value) -> (u16, serde_json::Value) {
    let url = format!("{}/api/v1/messages", world.base_url());
    let asked = reqwest::Client::new().post(url).bearer_auth(OPS).body(body.to_string());
    let answer = asked.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn an_uploaded_file_is_sent_and_read_by_a_signed_link_alone() {
    let world = world("max_bytes = 100000");
    world.write(BELLE, ANNE, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let (status, file) = upload(&world, OPS, "rose.jpeg", PHOTO).await;
    assert_eq!((status, &file["content_type"], &file["name"]), (201, &"image/png".into(), &"rose.jpeg.png".into()));
    let to = format!("whatsapp:{ANNE}");
    let media = serde_json::json!([{ "id": file["id"] }]);
    let (status, taken) =
        ask_for(&world, serde_json::json!({ "tenant": "belle", "to": to, "text": "Voilà", "media": media })).await;
    assert_eq!(status, 202, "{taken}");
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let sent = world.twilio.sends().into_iter().find(|sent| sent.body == "Voilà").expect("it went");
    let link = sent.media_url.expect("a link").replace(crate::daemon::PUBLIC_URL, world.base_url());
    let read = async |link: &str| {
        let answer = reqwest::get(link).await.expect("an answer");
        (answer.status().as_u16(), answer.bytes().await.expect("a body"))
    };
    assert_eq!(read(&link).await, (200, PHOTO.into()));
    let parts: Vec<&str> = link.rsplitn(4, '/').collect();
    let [name, signature, until, base] = parts[..] else { panic!("{link}") };
    let later = until.parse::<i64>().expect("a time") + 1;
    let other = uuid::Uuid::nil().to_string();
    let id = file["id"].as_str().expect("an id");
    for forged in [
        format!("{base}/{later}/{signature}/{name}"),
        format!("{base}/{until}/{}/{name}", "0".repeat(signature.len())),
        format!("{}/{until}/{signature}/{name}", base.replace("/belle/", "/taxi/")),
        format!("{}/{until}/{signature}/{name}", base.replace(id, &other)),
    ] {
        assert_eq!(read(&forged).await.0, 404, "{forged}");
    }
    // What is refused: too large, of another type, another tenant's, not there, two at once.
    assert_eq!(upload(&world, OPS, "x", &[7; 100_001]).await.0, 413);
    assert_eq!(upload(&world, OPS, "x", b"<!DOCTYPE html><script>alert(1)</script>").await.0, 415);
    assert_eq!(upload(&world, TAXIS, "x", PHOTO).await.0, 404);
    let url = |url: &str| serde_json::json!([{ "url": url, "content_type": "image/png" }]);
    for (media, why) in [
        (serde_json::json!([{ "id": other }]), "bad_media"),
        (serde_json::json!([{ "id": id, "url": "https://x.example/a.png" }]), "bad_media"),
        (serde_json::json!([{ "id": id }, { "id": id }]), "too_many_files"),
        (url("http://x.example/a.png"), "bad_media"),
        (url("file:///etc/passwd"), "bad_media"),
    ] {
        let body = serde_json::json!({ "tenant": "belle", "to": to, "media": media });
        let (status, refused) = ask_for(&world, body).await;
        assert_eq!((status, refused["error"].as_str()), (422, Some(why)), "{media}");
    }
    // At a URL that anybody may read, alone.
    let body = serde_json::json!({ "tenant": "belle", "to": to, "media": url("https://x.example/a.png") });
    assert_eq!(ask_for(&world, body).await.0, 202);
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    let sent =
        world.twilio.sends().into_iter().any(|sent| sent.media_url.as_deref() == Some("https://x.example/a.png"));
    assert!(sent, "the provider reads it there");
    assert!(!world.logs().contains("x.example"), "URLs stay out of the log");
}

#[tokio::test]
async fn a_card_that_came_as_a_file_is_shown_as_one() {
    const AWA: &str = "awa@belle.example";
    let world = world("");
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    let mut message = world.text(BELLE, ANNE, "");
    let file = url(&world, "card");
    let card = [("NumMedia", "1"), ("MediaContentType0", "text/vcard"), ("MediaUrl0", file.as_str())];
    message.more.extend(card.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200);
    world.until("SELECT count(*) FROM media WHERE state = 'stored' AND content_type = 'text/vcard'", 1).await;
    let talk: String = world.value("SELECT id FROM conversations").await;
    let page = signed_in(&world, AWA).await.get(&format!("/console/conversations/{talk}")).await.body;
    assert!(page.contains("Fiche partagée · Nadia Benali · +33 6 39 98 00 77"), "{page}");
}
