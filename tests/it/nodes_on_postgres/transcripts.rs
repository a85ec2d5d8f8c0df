//! Customers in every flow, at random on three nodes that are killed again and again: each reads what they would read alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{Datelike as _, Days, Utc};
use chrono_tz::Europe::Paris;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use serde_json::json;

use super::*;
use crate::daemon::{BREATH, Process, TAXI};

const NODES: usize = 3;
/// Lines that are under way at once.
const AT_ONCE: usize = 8;

/// Beside what all tests of flows have. Nobody is on duty, so the drivers get nothing to read.
const MORE: &str = r#"
    [[drivers]]
    name = "Mamadou"
    address = "+224620000002"
    car = "Toyota grise"
    plate = "RC 1234 A"
    [[flows]]
    use = "ride"
    [[flows]]
    use = "opt_in"
    [[flows]]
    name = "sondage"
    keywords = ["sondage"]
    remind_after = "1s"
    timeout = "8s"
    [[flows.steps]]
    id = "pourquoi"
    ask = "Qu'avez-vous pensé de nous ?"
"#;

/// A number of the environment, for a longer run.
fn wanted(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |count| count.parse().expect("a number"))
}

/// What the n-th customer writes.
fn script(n: usize) -> Vec<String> {
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    // A day of their own for each who books: who is alone finds every time free.
    let books = [0, 4, 5, 6].iter().position(|script| *script == n % SCRIPTS).unwrap_or_default();
    let days = Days::new(u64::try_from(2 + n / SCRIPTS * 4 + books).expect("few"));
    let day = Utc::now().with_timezone(&Paris).date_naive() + days;
    let day = format!("le {} {}", day.day(), MONTHS[day.month0() as usize]);
    let lines: &[&str] = match n % SCRIPTS {
        0 => &[
            "bonjour je voudrais un rdv",
            "Quels sont vos horaires ?",
            "DAY 15h",
            "plutôt 16h",
            "oui",
            "j'annule mon rdv",
            "oui",
        ],
        1 => &["bjr besoin d'un devis fuite salle de bain urgent", "Diallo", "diallo@exemple.fr", "merci"],
        2 => &["un avis", "bof", "2", "personne n'est venu", "rdv"],
        3 => &["taxi", "Kipé", "retour", "Ratoma", "aéroport", "DAY 10h", "oui"],
        4 => &["rdv DAY 11h", "laisse tomber", "devis", "peindre un salon de 20 m2", "c'est Martin", "non"],
        5 => &["inscription", "oui", "Awa", "rdv DAY 17h", "STOP", "oui"],
        6 => &["rdv", "le 31 novembre", "DAY", "un avis", "1"],
        _ => &["un sondage"],
    };
    lines.iter().map(|line| line.replace("DAY", &day)).collect()
}

/// How many scripts there are.
const SCRIPTS: usize = 8;

/// Where a node is, and its process.
struct Node {
    url: Mutex<String>,
    process: Mutex<Option<Process>>,
}

struct Rig {
    world: World,
    nodes: Vec<Node>,
    client: reqwest::Client,
}

impl Rig {
    fn start() -> Self {
        let mut setup = crate::flows_on_postgres::setup();
        setup.tenant.push_str(MORE);
        setup.daemon = "[runtime]\nsweep_every = \"100ms\"".to_owned();
        let world = World::asleep(&setup);
        let node = |number| {
            let process = world.node(number, 0);
            Node { url: Mutex::new(process.base_url().to_owned()), process: Mutex::new(Some(process)) }
        };
        let nodes = (0..NODES).map(node).collect();
        Self { world, nodes, client: reqwest::Client::new() }
    }

    /// kill -9, and another in its place.
    fn kill(&self, number: usize) {
        let node = &self.nodes[number];
        drop(node.process.lock().unwrap_or_else(PoisonError::into_inner).take());
        let process = self.world.node(number, 0);
        process.base_url().clone_into(&mut node.url.lock().unwrap_or_else(PoisonError::into_inner));
        *node.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    /// A line of a customer, at one node after the other until one has taken it.
    async fn say(&self, tenant: &str, customer: usize, line: usize, text: &str) {
        let (from, id) = (name(customer), format!("{tenant}-{customer}-{line}"));
        let body = json!({ "id": id, "from": from, "name": "Nadia", "text": text }).to_string();
        let mut waiting = Waiting::begin();
        loop {
            let node = &self.nodes[fastrand::usize(..NODES)];
            let url = node.url.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let request = self.client.post(format!("{url}/webhooks/sandbox/{tenant}-try"));
            let answer = request.header("Content-Type", "application/json").body(body.clone()).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            waiting.again(|| format!("no node takes {id}\n{}", self.world.logs())).await;
        }
    }

    /// What a customer was told, one after the other.
    async fn transcript(&self, tenant: &str, customer: usize) -> Vec<String> {
        let to = name(customer);
        let sql = format!(
            "SELECT body FROM messages_out WHERE tenant_id = '{tenant}' AND \"to\" = 'sandbox:{to}' ORDER BY created_at, id"
        );
        let texts = self.world.rows(&sql, |row| row.try_get_by_index::<String>(0).expect("a text")).await;
        texts.into_iter().map(|text| text.replace(&format!("Maison {tenant}"), "Maison")).collect()
    }

    /// What stands in the tables, but for what differs each time.
    async fn tables(&self, tenant: &str) -> Vec<String> {
        let mut found = Vec::new();
        for sql in [
            "SELECT 'booking ' || resource || ' ' || starts_at || ' ' || state FROM bookings",
            "SELECT 'lead ' || coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || need FROM leads",
            "SELECT 'event ' || event_type || ' ' || coalesce(payload ->> 'flow', '') || coalesce(payload ->> 'reason', '') \
             FROM event_log",
            "SELECT 'timer ' || kind FROM timers",
            "SELECT 'handled by ' || handler || ' in ' || coalesce(flow::json -> 'state' ->> 'flow', 'no flow') FROM conversations",
        ] {
            // What may happen twice: a webhook that was repeated, and what a node that died was about to send.
            let sql = format!(
                "SELECT * FROM ({sql} WHERE tenant_id = '{tenant}') AS t (line) WHERE line NOT LIKE 'event message_%' \
                 AND line NOT LIKE 'event webhook_%' AND line NOT LIKE 'event idempotent_%'"
            );
            found.extend(self.world.rows(&sql, |row| row.try_get_by_index::<String>(0).expect("a text")).await);
        }
        found.sort();
        found
    }

    async fn nobody_waits(&self, tenant: &str) {
        let open = format!("SELECT count(*) FROM messages_in WHERE tenant_id = '{tenant}' AND processed_at IS NULL");
        self.world.until(&open, 0).await;
        let running = format!(
            "SELECT count(*) FROM conversations WHERE tenant_id = '{tenant}' AND flow::json -> 'state' ->> 'flow' = 'sondage'"
        );
        self.world.until(&running, 0).await;
    }
}

fn name(customer: usize) -> String {
    format!("c{customer}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_i4_customers_on_nodes_that_are_killed_read_what_they_would_read_alone() {
    let contacts = wanted("PALABRE_TEST_CONTACTS", 2 * SCRIPTS);
    let kills = wanted("PALABRE_TEST_KILLS", 3);
    let rig = Arc::new(Rig::start());
    let scripts: Vec<Vec<String>> = (0..contacts).map(script).collect();
    // Alone: one line after the other, each when all before it are answered.
    let (alone, among) = (BELLE.id, TAXI.id);
    join_all((0..contacts).filter(|n| n % SCRIPTS == SCRIPTS - 1).map(|n| rig.say(alone, n, 0, &scripts[n][0]))).await;
    let processed = format!("SELECT count(*) FROM messages_in WHERE tenant_id = '{alone}' AND processed_at IS NULL");
    for (n, lines) in scripts.iter().enumerate().filter(|(n, _)| n % SCRIPTS < SCRIPTS - 1) {
        for (at, line) in lines.iter().enumerate() {
            rig.say(alone, n, at, line).await;
            rig.world.until(&processed, 0).await;
        }
    }
    // Among all the others.
    let mut order: Vec<usize> =
        scripts.iter().enumerate().flat_map(|(n, lines)| lines.iter().map(move |_| n)).collect();
    fastrand::shuffle(&mut order);
    let (total, taken, killed) = (order.len(), AtomicUsize::new(0), AtomicUsize::new(0));
    let next: Vec<tokio::sync::Mutex<usize>> = (0..contacts).map(|_| tokio::sync::Mutex::new(0)).collect();
    let writing = stream::iter(order.into_iter().enumerate()).for_each_concurrent(AT_ONCE, async |(at, n)| {
        let mut next = next[n].lock().await;
        // They write while a node is away, and do not run ahead of the kills.
        while killed.load(Ordering::SeqCst) < (at * kills / total).saturating_sub(1) {
            tokio::time::sleep(BREATH).await;
        }
        rig.say(among, n, *next, &scripts[n][*next]).await;
        *next += 1;
        taken.fetch_add(1, Ordering::SeqCst);
    });
    let killing = async {
        for kill in 0..kills {
            while taken.load(Ordering::SeqCst) < kill * total / kills {
                tokio::time::sleep(BREATH).await;
            }
            let rig = Arc::clone(&rig);
            tokio::task::spawn_blocking(move || rig.kill(kill % NODES)).await.expect("it starts again");
            killed.fetch_add(1, Ordering::SeqCst);
        }
    };
    tokio::join!(writing, killing);
    rig.nobody_waits(alone).await;
    rig.nobody_waits(among).await;
    for (n, lines) in scripts.iter().enumerate() {
        let expected = rig.transcript(alone, n).await;
        assert!(!expected.is_empty(), "{lines:?}");
        assert_eq!(rig.transcript(among, n).await, expected, "{lines:?}");
    }
    // Asked, and reminded once, however many nodes saw that it was time.
    let patient = rig.transcript(among, SCRIPTS - 1).await;
    assert_eq!(patient.len(), 2, "{patient:?}");
    assert_eq!(rig.tables(among).await, rig.tables(alone).await);
}
