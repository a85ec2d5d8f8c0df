//! Scenarios through the real daemon, on a channel of the provider sandbox: those whose head says `daemon: yes`, because nothing in
//! them depends on the day. Time that jumps stays in memory (`palabre scenario run`). Run on both databases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reqwest::Client;
use serde_json::json;

use crate::daemon::{Setup, World};

/// The files that go through the daemon.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| std::fs::read_to_string(path).expect("a file").lines().any(|line| line == "daemon: yes"))
        .collect();
    files.sort();
    files
}

/// A world with the scenarios' tenants beside its own.
fn world() -> World {
    let mut world = World::asleep(&Setup::default());
    let into = world.config().parent().expect("a folder").join("tenants");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/tenants");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        // Another business of the same name is in every world.
        if path.file_name().is_some_and(|name| name != "belle.toml" && name != "taxi.toml") {
            std::fs::copy(&path, into.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    world.start_daemon();
    world
}

struct Player<'a> {
    world: &'a World,
    tenant: &'a str,
    /// Messages that were sent to the daemon.
    said: i64,
    /// Answers that each person has read.
    read: BTreeMap<String, usize>,
    last: String,
}

impl Player<'_> {
    async fn say(&mut self, who: &str, text: &str) {
        let body = json!({ "from": who.to_lowercase(), "name": "Nadia", "text": text }).to_string();
        let url = format!("{}/webhooks/sandbox/{}-try", self.world.base_url(), self.tenant);
        let request = Client::new().post(url).header("Content-Type", "application/json").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{text}");
        self.said += 1;
        who.clone_into(&mut self.last);
        self.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", self.said).await;
    }

    async fn heard(&self, who: &str) -> Vec<String> {
        let who = who.to_lowercase();
        let sql = format!("SELECT body FROM messages_out WHERE \"to\" = 'sandbox:{who}' ORDER BY id");
        self.world.rows(&sql, |row| row.try_get_by_index(0).expect("a text")).await
    }

    async fn hears(&mut self, who: &str, expected: &str) {
        let at = self.read.get(who).copied().unwrap_or_default();
        if expected == "(silence)" {
            let heard = self.heard(who).await;
            assert_eq!(heard.len(), at, "{who} was told {:?}", heard.last());
            return;
        }
        let sql = format!(
            "SELECT CASE WHEN count(*) > {at} THEN 1 ELSE 0 END FROM messages_out WHERE \"to\" = 'sandbox:{}'",
            who.to_lowercase()
        );
        self.world.until(&sql, 1).await;
        let came = self.heard(who).await.swap_remove(at).split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = match expected.strip_suffix('…') {
            Some(beginning) => came.starts_with(beginning.trim_end()),
            None => came == expected,
        };
        assert!(fits, "{who} was told {came:?} instead of {expected:?}");
        self.read.insert(who.to_owned(), at + 1);
    }

    async fn orders(&self, expected: &str) {
        let sql = format!(
            "SELECT CASE quantity WHEN 1 THEN '' ELSE CAST(quantity AS TEXT) || ' ' END || reference || coalesce(' ' || size, '') \
             FROM order_lines WHERE tenant_id = '{}' AND state = 'noted' ORDER BY id",
            self.tenant
        );
        let lines: Vec<String> = self.world.rows(&sql, |row| row.try_get_by_index(0).expect("a line")).await;
        let found = if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") };
        assert_eq!(found, expected, "orders");
    }

    async fn follow(&mut self, line: &str) {
        let (head, rest) = line.split_once(':').expect("a line of a script");
        let rest = rest.trim();
        let last = self.last.clone();
        match head {
            "B" => self.hears(&last, rest).await,
            "orders" => self.orders(rest).await,
            "leads" => {
                let sql = format!("SELECT count(*) FROM leads WHERE tenant_id = '{}'", self.tenant);
                assert_eq!(self.world.value::<i64>(&sql).await.to_string(), rest, "leads");
            }
            "handler" => {
                let address = format!("sandbox:{}", last.to_lowercase());
                let sql = format!("SELECT handler FROM conversations WHERE address = '{address}'");
                assert_eq!(self.world.value::<String>(&sql).await, rest, "handler");
            }
            who => match who.strip_prefix("B to ") {
                Some(who) => self.hears(who, rest).await,
                None => self.say(who, rest).await,
            },
        }
    }
}

#[tokio::test]
async fn scenarios_go_through_the_daemon_as_they_are_written() {
    let files = files();
    assert!(files.len() >= 10, "{} scenarios", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file");
        println!("{}", file.display());
        let tenant = text.lines().find_map(|line| line.strip_prefix("tenant: ")).expect("a tenant");
        let world = world();
        let mut player = Player { world: &world, tenant, said: 0, read: BTreeMap::new(), last: "C".to_owned() };
        for line in text.lines().filter_map(|line| line.strip_prefix("- ")) {
            println!("  {line}");
            player.follow(line).await;
        }
    }
}
