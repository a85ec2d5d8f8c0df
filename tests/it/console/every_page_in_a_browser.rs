//! Every page of the console in Chromium, full of texts that would run if a page let them: nothing runs, nothing is wider than
//! the screen, and axe finds nothing.

use serde_json::json;

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::{add_user, hostile};
use crate::daemon::{Setup, World};

const AWA: &str = "awa@belle.example";
const SANDBOX: &str = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";
const TENANT: &str = r#"
    [[services]]
    id = "manucure"
    name = "Manucure <script>alert(1)</script>"
    duration = "45m"
    price = "<b>35 €</b>"
    resources = ["Awa <img src=x onerror=alert(1)>"]
    [[drivers]]
    name = "Mamadou <svg onload=alert(1)>"
    address = "+224620000002"
    [[flows]]
    use = "booking"
    keywords = ["rdv"]
    [[flows]]
    use = "lead"
    [[flows]]
    use = "ride"
"#;
/// The id of whatever there is one of.
const THING: &str = "019c1a2b-0000-7000-8000-00000000a1c3";
const AT: &str = "2026-05-28T12:00:00.000000Z";

/// As SQL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

/// Ids that stand in the addresses of pages.
struct PageIds {
    talk: String,
    contact: String,
    message: String,
}

/// Two hundred hostile messages of four customers, and more of the like in every table that pages show.
async fn fill(world: &World) -> PageIds {
    let texts = hostile::texts();
    let client = reqwest::Client::new();
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    for (number, text) in texts.iter().enumerate() {
        let body = json!({ "from": format!("c{}", number % 4), "name": text, "text": text }).to_string();
        let post = client.post(&inbound).header("Content-Type", "application/json").body(body);
        assert_eq!(post.send().await.expect("an answer").status().as_u16(), 200, "{}", world.logs());
    }
    let wanted = i64::try_from(texts.len()).expect("a few");
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", wanted).await;
    let talk: String = world.value("SELECT id FROM conversations ORDER BY id LIMIT 1").await;
    let contact: String = world.value(&format!("SELECT contact_id FROM conversations WHERE id = '{talk}'")).await;
    let newest = format!("SELECT id FROM messages_in WHERE conversation_id = '{talk}' ORDER BY id DESC LIMIT 20");
    let messages = world.rows(&newest, |row| row.try_get_by_index::<String>(0).expect("an id")).await;
    let bad = |number: usize| quoted(&texts[number % texts.len()]);
    let mut sql = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let (name, state) = (bad(number * 7), ["refused", "failed", "expired"][number % 3]);
        let id = THING.replace("a1c3", &format!("{number:04x}"));
        sql.push(format!(
            "INSERT INTO media (id, tenant_id, channel_id, message_id, position, declared_type, name, state, reason, attempts, \
                next_attempt_at, created_at, updated_at) VALUES ('{id}', 'belle', 'belle-try', '{message}', 0, 'text/html', {name}, \
                '{state}', 'type', 1, '{AT}', '{AT}', '{AT}');"
        ));
    }
    for number in 0..10 {
        let id = THING.replace("a1c3", &format!("b{number:03x}"));
        let text = bad(number * 13);
        sql.push(format!(
            "INSERT INTO notes VALUES ('{id}', 'belle', '{talk}', 'user:x', {text}, {text}, '{AT}');
             INSERT INTO canned_replies VALUES ('{id}', 'belle', {text}, {text}, 'user:x', '{AT}', '{AT}');
             INSERT OR IGNORE INTO conversation_labels VALUES ('belle', '{talk}', {text}, '{AT}');
             INSERT INTO faq_entries (id, tenant_id, question, keywords, about, answer, enabled, source, created_at, updated_at) \
                VALUES ('f-{number}', 'belle', {text}, 'script', '', {text}, 1, 'console', '{AT}', '{AT}');
             INSERT INTO leads (id, tenant_id, conversation_id, contact_id, name, email, phone, need, urgent, state, source, \
                correlation_id, created_at, updated_at) VALUES ('{id}', 'belle', '{talk}', '{contact}', {text}, {text}, {text}, \
                {text}, 1, 'new', 'lead', '{id}', '{AT}', '{AT}');
             INSERT INTO offers (id, tenant_id, conversation_id, contact_id, kind, body, details, state, expires_at, \
                correlation_id, created_at, updated_at) VALUES ('{id}', 'belle', '{talk}', '{contact}', 'ride', {text}, '{{}}', \
                'open', '{AT}', '{id}', '{AT}', '{AT}');
             INSERT INTO order_lines VALUES ('{id}', 'belle', '{THING}', '{talk}', '{contact}', {text}, {text}, 1, 'noted', \
                '{id}', '{AT}', '{AT}');"
        ));
    }
    let reason = bad(3);
    sql.push(format!(
        "INSERT INTO bookings (id, tenant_id, conversation_id, contact_id, service, resource, starts_at, ends_at, free_at, state, \
            correlation_id, created_at, updated_at) VALUES ('{THING}', 'belle', '{talk}', '{contact}', 'manucure', \
            'Awa <img src=x onerror=alert(1)>', '{AT}', '{AT}', '{AT}', 'confirmed', '{THING}', '{AT}', '{AT}');
         INSERT INTO broadcasts (id, tenant_id, channel_id, label, body, per_minute, state, reason, started_by, next_at, \
            created_at, updated_at) VALUES ('{THING}', 'belle', 'belle', {reason}, {reason}, 10, 'stopped', {reason}, 'user:x', \
            '{AT}', '{AT}', '{AT}');
         INSERT INTO live_sessions (id, tenant_id, opened_at, last_message_at, closed_at) \
            VALUES ('{THING}', 'belle', '{AT}', '{AT}', '{AT}');
         INSERT INTO channel_pauses (channel_id, tenant_id, reason, until, updated_at) \
            VALUES ('belle', 'belle', {reason}, '9999-01-01T00:00:00.000000Z', '{AT}');"
    ));
    world.execute(&sql.concat()).await;
    let message = messages.into_iter().next().expect("one");
    PageIds { talk, contact, message }
}

fn hostile_world() -> World {
    let setup = Setup { sms: SANDBOX.to_owned(), tenant: TENANT.to_owned(), ..Setup::default() };
    let mut world = World::asleep(&setup);
    let file = world.config().with_file_name("tenants").join("belle.toml");
    let text = std::fs::read_to_string(&file).expect("its file");
    std::fs::write(&file, text.replace("Maison belle", "Maison <script>alert(1)</script>")).expect("a file");
    world.start_daemon();
    add_user(&world, AWA, "Awa <img src=x onerror=alert(1)>", ("belle", "owner"));
    world
}

async fn every_page(name: &str, size: (u32, u32)) {
    let world = hostile_world();
    let PageIds { talk, contact, message } = fill(&world).await;
    let browser = Browser::open(&world, size).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    let lines = include_str!("pages.txt").lines().filter(|line| !line.starts_with('#'));
    let paths: Vec<&str> = lines.filter_map(|line| line.split_once(' ').map(|(_, path)| path)).collect();
    let paths: Vec<&&str> = paths.iter().filter(|path| path.starts_with('/')).collect();
    assert!(paths.len() >= 35, "{paths:?}");
    browser.complaints().await;
    for path in paths {
        let path = path.replace("{talk}", &talk).replace("{contact}", &contact).replace("{message}", &message);
        let path = path.replace("{thing}", THING).replace("{faq}", "f-1");
        browser.goto(&format!("/console{}", path.trim_end_matches('/'))).await;
        browser.text("h1").await;
        let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
        let status = browser.client.execute(status, Vec::new()).await.expect("a number");
        assert_eq!(status, json!(200), "{path}");
        // What the policy forbade was tried: an alert would stop the browser itself.
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
        let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wide = browser.client.execute(wide, Vec::new()).await.expect("a number");
        assert_eq!(wide, json!(0), "{path} is wider than the screen");
        browser.assert_accessible().await;
        let file: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        browser.screenshot(&format!("every{file}-{name}")).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn every_page_runs_nothing_hostile_and_is_accessible_on_a_phone() {
    every_page("phone", PHONE).await;
}

#[tokio::test]
async fn every_page_runs_nothing_hostile_and_is_accessible_on_a_laptop() {
    every_page("laptop", LAPTOP).await;
}
