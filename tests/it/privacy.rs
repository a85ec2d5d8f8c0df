//! Persons of a running daemon: exported, erased, and found nowhere afterwards. Run on both databases.

use std::path::Path;

use palabre::gateway::twilio::simulator::InboundMessage;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::palabre;
use crate::daemon::{BELLE, BREATH, Setup, TAXI, Waiting, World};

const ANNE: &str = "+33612345678";
const BOB: &str = "+33687654321";

/// Handles persons of belle.
const DPO: &str = "key-of-the-privacy-officer-0123456789";
/// Sees and sends, and handles no persons.
const CRM: &str = "key-of-the-crm-0123456789";
/// Handles persons of the other tenant.
const TAXIS: &str = "key-of-the-taxis-0123456789";

/// What Anne said and what was said of her. None of it may be left, in whatever way it is spelt.
const FACTS: [&str; 17] = [
    "612345678",
    "6 12 34 56 78",
    "06.12.34.56.78",
    "zephyrine",
    "zoubida",
    "quincaillerie",
    "peuplier",
    "anne.z@exemple.example",
    "anne.z%40exemple",
    "chaudière",
    "sous-sol",
    "hortensia",
    "allergique",
    "marmelade",
    "vip-or",
    "perceuse",
    "M2MTIzNDU2Nz",
];

struct Office {
    world: World,
    client: Client,
    _keys: TempDir,
}

impl Office {
    fn open() -> Self {
        let keys = tempfile::tempdir().expect("a temporary folder");
        let mut daemon = Setup::default().daemon;
        daemon.push('\n');
        for (name, key, tenant, scopes) in [
            ("dpo", DPO, "belle", r#""privacy""#),
            ("crm", CRM, "belle", r#""read", "send""#),
            ("taxis", TAXIS, "taxi", r#""read", "privacy""#),
        ] {
            let path = keys.path().join(name);
            std::fs::write(&path, key).expect("a file");
            daemon.push_str(&format!(
                "[[api.keys]]\nname = \"{name}\"\nkey = {{ file = \"{}\" }}\ntenants = [\"{tenant}\"]\nscopes = [{scopes}]\n",
                path.display()
            ));
        }
        let tenant = "[journal]\ndir = \"logs/{id}\"\nreveal = true\n\
            [[services]]\nid = \"manucure\"\nname = \"Manucure\"\nduration = \"45m\"\nresources = [\"Awa\"]\n\
            [booking]\nevery = \"1h\"\nlead_time = \"1m\"\n\
            [[flows]]\nuse = \"booking\"\nkeywords = [\"rdv\"]\n[[flows]]\nuse = \"lead\"\n";
        let setup = Setup { daemon, tenant: tenant.to_owned(), ..Setup::default() };
        Self { world: World::start_on(&setup), client: Client::new(), _keys: keys }
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.world.base_url())).bearer_auth(key);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.expect("the daemon answers");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Asks for something about Anne, and waits until it is done.
    async fn done(&self, what: &str) -> Value {
        let body = json!({ "tenant": "belle", "address": format!("whatsapp:{ANNE}"), "language": "fr" });
        let body = if what == "erase" { json!({ "tenant": body["tenant"], "address": body["address"] }) } else { body };
        let (status, begun) = self.ask(DPO, Method::POST, &format!("/api/v1/privacy/{what}"), Some(body)).await;
        assert_eq!(status, 202, "{begun}");
        self.until_done(begun["id"].as_str().expect("an id")).await
    }

    async fn until_done(&self, id: &str) -> Value {
        let mut waiting = Waiting::begin();
        loop {
            let (status, found) = self.ask(DPO, Method::GET, &format!("/api/v1/privacy/requests/{id}"), None).await;
            assert_eq!(status, 200, "{found}");
            if found["state"] == "done" {
                return found;
            }
            assert!(found["state"] != "failed" && waiting.goes_on(), "{found}\n{}", self.world.logs());
            tokio::time::sleep(BREATH).await;
        }
    }

    /// A customer writes on WhatsApp, showing a name, and has their answer.
    async fn says(&self, from: &str, name: &str, body: &str) {
        let taken = self.world.twilio.taken();
        let text = self.world.text(BELLE, from, body);
        let message = InboundMessage { profile_name: name.to_owned(), ..text };
        let answer = self.world.twilio.deliver(&message).await.expect("the webhook is answered");
        assert_eq!(answer.status, 200);
        self.world.twilio.taken_at_least(taken + 1).await;
        self.world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending')", 0).await;
    }

    /// Everything that is kept: files and tables.
    async fn dump(&self) -> String {
        let folder = self.world.config();
        let mut dump = files(folder.parent().expect("a folder"));
        if self.world.is_on_postgres() {
            let tables = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = 'public' AND c.relkind = 'r'";
            let text = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(0).expect("a text");
            for table in self.world.rows(tables, text).await {
                dump.extend(self.world.rows(&format!("SELECT t::text FROM \"{table}\" t"), text).await);
            }
        }
        dump
    }

    /// Anne's life as a customer: questions, a booking, a request to be called back, notes, and what others write of her.
    async fn anne_lives(&self) {
        let world = &self.world;
        self.says(ANNE, "Anne Zephyrine", "Quels sont vos horaires pour la quincaillerie du Peuplier ?").await;
        self.says(ANNE, "Anne Zoubida", "rdv après-demain 15h").await;
        self.says(ANNE, "Anne Zephyrine", "ok").await;
        self.says(ANNE, "Anne Zephyrine", "bjr besoin d'un devis chaudière au sous-sol urgent").await;
        self.says(ANNE, "Anne Zephyrine", "Hortensia").await;
        self.says(ANNE, "Anne Zephyrine", "anne.z@exemple.example").await;
        self.says(BOB, "Bob", "Rappelez ma voisine au 06 12 34 56 78 ou 06.12.34.56.78 svp").await;
        let anne = format!("SELECT id FROM conversations WHERE address = 'whatsapp:{ANNE}'");
        let (t, conversation) = ("2026-11-21T03:55:00Z", world.value::<String>(&anne).await);
        let flow: String = world.value("SELECT min(correlation_id) FROM messages_in").await;
        let contact: String = world.value(&anne.replace("SELECT id", "SELECT contact_id")).await;
        for sql in [
            format!(
                "INSERT INTO notes VALUES ('n1', 'belle', '{conversation}', 'u1', 'Awa', 'allergique à la marmelade', '{t}')"
            ),
            format!("INSERT INTO conversation_labels VALUES ('belle', '{conversation}', 'vip-or', '{t}')"),
            format!(
                "INSERT INTO order_lines VALUES ('o1', 'belle', 'ls1', '{conversation}', '{contact}', 'R12', 'perceuse', 2, 'noted', \
                '{flow}', '{t}', '{t}')"
            ),
            format!(
                "UPDATE messages_in SET provider_message_id = 'wamid.HBgLMzM2MTIzNDU2NzgVAgASGBQz' \
                WHERE id = (SELECT min(id) FROM messages_in WHERE \"from\" = 'whatsapp:{ANNE}')"
            ),
        ] {
            world.execute(&sql).await;
        }
    }
}

/// Every byte of a folder but its logs of tests.
fn files(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| match path.is_dir() {
            true => files(&path),
            false => String::from_utf8_lossy(&std::fs::read(path).expect("a file")).into_owned(),
        })
        .collect()
}

fn left<'a>(dump: &str, facts: &[&'a str]) -> Vec<&'a str> {
    let dump = dump.to_lowercase();
    facts.iter().filter(|fact| dump.contains(&fact.to_lowercase())).copied().collect()
}

#[tokio::test]
async fn i6_i16_a_customer_is_exported_then_erased_and_nothing_of_them_is_left() {
    let office = Office::open();
    let world = &office.world;
    office.anne_lives().await;
    assert!(
        office.ask(CRM, Method::POST, "/api/v1/privacy/erase", Some(json!({}))).await.0 == 403,
        "not with that key"
    );
    let foreign = json!({ "tenant": "belle", "address": format!("whatsapp:{ANNE}") });
    assert_eq!(office.ask(TAXIS, Method::POST, "/api/v1/privacy/erase", Some(foreign)).await.0, 404);

    let export = office.done("export").await;
    let url = export["file"]["url"].as_str().expect("a link").to_owned();
    let (client, base_url) = (&office.client, world.base_url());
    let fetch = |url: String| async move {
        let answer = client.get(format!("{base_url}{url}")).send().await.expect("an answer");
        (answer.status().as_u16(), answer.bytes().await.expect("a body"))
    };
    let (status, zip) = fetch(url.clone()).await;
    assert_eq!((status, &zip[..4]), (200, &b"PK\x03\x04"[..]));
    let text = String::from_utf8_lossy(&zip);
    assert_eq!(
        left(
            &text,
            &["quincaillerie", "Hortensia", "allergique", "vip-or", "perceuse", "lisez-moi.html", "chez Maison belle"]
        )
        .len(),
        7
    );
    assert!(!text.contains("voisine"), "what Bob wrote is his");
    for wrong in [url.replace("signature=", "signature=0"), url.replace("until=", "until=1")] {
        assert_eq!(fetch(wrong).await.0, 404);
    }
    let id = export["id"].as_str().unwrap();
    let (status, foreign) = office.ask(TAXIS, Method::GET, &format!("/api/v1/privacy/requests/{id}"), None).await;
    assert_eq!(status, 404, "{foreign}");
    let path = world.config().with_file_name("nadia.zip");
    std::fs::write(&path, &zip).expect("a file");
    let verified = palabre(world, &["contact", "verify", &path.display().to_string()], "");
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    std::fs::remove_file(&path).expect("it goes");

    office.says(ANNE, "Anne Zephyrine", "STOP").await;
    let before = office.dump().await;
    let planted = left(&before, &FACTS);
    assert!(planted.len() >= FACTS.len() - 1, "planted: {planted:?}");
    let erased = office.done("erase").await;
    let report = &erased["report"];
    assert!(report["keeps_silence"] == true && report["mentions"].as_u64() > Some(0), "{report}");
    assert!(report["lines"].as_u64() > Some(5), "lines of the journal: {report}");
    let after = office.dump().await;
    assert_eq!(left(&after, &FACTS), [""; 0], "{report}");
    assert!(left(&world.logs(), &FACTS).is_empty(), "nor in a log");
    for kept in ["voisine", BOB] {
        assert!(after.contains(kept), "{kept} is Bob's");
    }
    assert_eq!(fetch(url).await.0, 404, "the export is gone as well");
    let noted =
        "SELECT count(*) FROM audit_log WHERE action IN ('contact.export', 'contact.erase', 'contact.export.read')";
    assert_eq!(world.value::<i64>(noted).await, 3);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM event_log WHERE event_type = 'contact_erased'").await, 1);

    // Whoever said STOP stays silent, whoever begins.
    let send = json!({ "tenant": "belle", "channel": "belle", "to": format!("whatsapp:{ANNE}"), "text": "Bonjour" });
    let (status, refused) = office.ask(CRM, Method::POST, "/api/v1/messages", Some(send)).await;
    assert_eq!((status, &refused["error"]), (422, &json!("opted_out")), "{refused}");
    let taken = world.twilio.taken();
    world.write(BELLE, ANNE, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'", 1).await;
    assert_eq!(world.twilio.taken(), taken, "nothing goes out");
    office.says(ANNE, "Anne", "START").await;
    office.says(ANNE, "Anne", "Quels sont vos horaires ?").await;
    office.says(BOB, "Bob", "Quels sont vos horaires ?").await;
    assert_eq!(world.received(BOB).last().map(String::as_str), Some("Du mardi au samedi, de 9 h à 19 h."));
}

#[tokio::test]
async fn i16_what_a_node_began_is_done_by_the_next_one() {
    let mut office = Office::open();
    office.anne_lives().await;
    let contact: String =
        office.world.value(&format!("SELECT contact_id FROM conversations WHERE address = 'whatsapp:{ANNE}'")).await;
    office.world.kill();
    let (id, t) = ("019c1a2b-0000-7000-8000-00000000abcd", "2026-11-21T03:55:00Z");
    let begun = format!(
        "INSERT INTO privacy_requests (id, tenant_id, kind, contact_id, state, requested_by, language, progress, attempts, held_until, \
        created_at, updated_at) VALUES ('{id}', 'belle', 'erase', '{contact}', 'running', 'key:dpo', 'fr', 50, 1, '{t}', '{t}', '{t}')"
    );
    office.world.execute(&begun).await;
    office.world.start_daemon();
    let done = office.until_done(id).await;
    assert_eq!(left(&office.dump().await, &FACTS), [""; 0], "{done}");
}

#[tokio::test]
async fn commands_export_erase_and_plan_beside_a_daemon() {
    let office = Office::open();
    let world = &office.world;
    office.anne_lives().await;
    world.write(TAXI, ANNE, "Un taxi pour la gare").await;
    world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
    let anne = ["--tenant", "belle", "-"];
    let input = format!("whatsapp:{ANNE}\n");
    let ran = |told: &[&str], input: &str, code: i32| {
        let ran = palabre(world, told, input);
        assert_eq!(ran.code, code, "{told:?}: {}{}", ran.out, ran.err);
        assert!(!ran.out.contains("612345678") && !ran.err.contains("612345678"), "{}{}", ran.out, ran.err);
        ran.out + &ran.err
    };
    let file = ran(&[&["contact", "export"][..], &anne].concat(), &input, 0);
    let file = file.lines().find(|line| line.ends_with(".zip")).expect("a path");
    assert!(ran(&["contact", "verify", file], "", 0).contains("it holds"));
    let mut bytes = std::fs::read(file).expect("an export");
    let at = bytes.windows(7).position(|part| part == b"Peuplie").expect("a word of hers");
    bytes[at] = b'T';
    std::fs::write(file, bytes).expect("a file");
    assert!(ran(&["contact", "verify", file], "", 1).contains("does not hold"));

    let plan = ran(&["privacy", "plan"], "", 0);
    for class in ["messages_in", "event_log", "audit_log", "payment_events", "730d", "for ever"] {
        assert!(plan.replace(' ', "").contains(&class.replace(' ', "")), "{class}: {plan}");
    }
    let extent = ran(&[&["contact", "erase", "--dry-run"][..], &anne].concat(), &input, 0);
    assert!(extent.contains("1 conversations"), "{extent}");
    ran(&[&["contact", "erase"][..], &anne].concat(), &input, 1);
    let told = ran(&[&["contact", "erase", "--yes"][..], &anne].concat(), &input, 0);
    assert!(told.contains("messages_in") && told.contains("lines of journals changed"), "{told}");
    ran(&[&["contact", "erase", "--yes"][..], &anne].concat(), &input, 1);
    assert!(ran(&["privacy", "requests"], "", 0).contains("erase"));
    // The other tenant's customer of the same number is another contact, and is left alone.
    let taxis = format!("SELECT count(*) FROM messages_in WHERE tenant_id = 'taxi' AND \"from\" = 'whatsapp:{ANNE}'");
    assert_eq!(world.value::<i64>(&taxis).await, 1);
    let words: Vec<&str> = FACTS.into_iter().filter(|fact| !fact.starts_with(|c: char| c.is_ascii_digit())).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.starts_with('M')).collect();
    assert_eq!(left(&office.dump().await, &words), [""; 0]);
}

#[tokio::test]
async fn i16_a_tenant_that_left_is_exported_and_deleted_and_the_other_is_whole() {
    let mut office = Office::open();
    office.anne_lives().await;
    office.world.write(TAXI, BOB, "Un taxi pour la gare").await;
    office.world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
    let world = &office.world;
    let ran = |told: &[&str], code: i32| {
        let ran = palabre(world, told, "");
        assert_eq!(ran.code, code, "{told:?}: {}{}", ran.out, ran.err);
        ran.out + &ran.err
    };
    let folder = world.config().with_file_name("belle-export");
    let told = ran(&["tenant", "export", "belle", "--to", &folder.display().to_string()], 0);
    assert!(told.contains("messages_in") && told.contains("event_log"), "{told}");
    let exported = files(&folder);
    assert!(exported.contains("quincaillerie") && !exported.contains("la gare"), "its own rows, and no others");
    ran(&["tenant", "export", "belle", "--to", &folder.display().to_string()], 70);
    std::fs::remove_dir_all(&folder).expect("it goes");
    assert!(ran(&["tenant", "erase", "belle", "--yes"], 1).contains("remove its file first"));
    ran(&["tenant", "erase", "nobody", "--yes"], 1);

    office.world.kill();
    std::fs::remove_file(office.world.config().with_file_name("tenants").join("belle.toml")).expect("its file");
    // A daemon that was killed within the second may have written no journal yet.
    match std::fs::remove_dir_all(office.world.config().with_file_name("logs").join("belle")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("its journal: {error}"),
        _ => {}
    }
    // Keys that name the tenant go with it.
    let config = office.world.config();
    let text = std::fs::read_to_string(&config).expect("the daemon's file");
    std::fs::write(&config, text.replace("tenants = [\"belle\"]", "tenants = [\"taxi\"]")).expect("a file");
    let ran = palabre(&office.world, &["tenant", "erase", "belle", "--yes"], "");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(left(&office.dump().await, &FACTS), [""; 0]);
    for table in ["messages_in", "messages_out", "contacts", "conversations", "event_log"] {
        let rows = format!("SELECT count(*) FROM {table} WHERE tenant_id = 'belle'");
        assert_eq!(office.world.value::<i64>(&rows).await, 0, "{table}");
    }
    let taxis = "SELECT count(*) FROM messages_in WHERE tenant_id = 'taxi'";
    assert_eq!(office.world.value::<i64>(taxis).await, 1);
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM tenants WHERE id = 'belle'").await, 0);
}

#[test]
fn a_record_of_processing_is_filled_from_the_configuration() {
    let world = World::asleep(&Setup { tenant: "[journal]\ndir = \"logs/{id}\"\n".to_owned(), ..Setup::default() });
    for (language, told) in
        [("fr", "# Registre des traitements : Maison belle"), ("en", "# Record of processing: Maison belle")]
    {
        let ran = palabre(&world, &["privacy", "record", "--tenant", "belle", "--language", language], "");
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        for word in [told, "twilio-whatsapp", "400", "730"] {
            assert!(ran.out.contains(word), "{word}: {}", ran.out);
        }
    }
    assert_eq!(palabre(&world, &["privacy", "record", "--tenant", "nobody"], "").code, 1);
}
