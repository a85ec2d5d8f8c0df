//! Searches, lists and pages of conversations among a million messages: how long they take, and how fast the index is filled.
//!
//! `PALABRE_BENCH_URL` names an empty PostgreSQL database to measure instead of a SQLite file in the temporary folder,
//! `PALABRE_BENCH_MESSAGES` another number of messages.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail, and says what it measured")]

use std::fmt::{Display, Write as _};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use palabre::service::{Caller, Tenants, conversations};
use palabre::store::Store;
use palabre::store::conversations::{ConversationFilter, ConversationPage, TimelinePage, TimelineSide};
use palabre::store::operator::Operator;
use palabre::store::search::SearchPage;
use palabre_actors::domain::ids::TenantId;
use sea_orm::sea_query::{Alias, Query};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use uuid::Uuid;

const COMMON: [&str; 24] = [
    "bonjour",
    "merci",
    "je",
    "voudrais",
    "un",
    "rendez-vous",
    "pour",
    "demain",
    "possible",
    "votre",
    "commande",
    "prix",
    "livraison",
    "salon",
    "heure",
    "bien",
    "avec",
    "plaisir",
    "cordialement",
    "oui",
    "non",
    "svp",
    "manucure",
    "coiffure",
];
const FIRST_NAMES: [&str; 12] = [
    "Aïssatou",
    "Mamadou",
    "Fatoumata",
    "Jean",
    "Sophie",
    "Ousmane",
    "Claire",
    "Ibrahim",
    "Nadège",
    "Pierre",
    "Awa",
    "Élodie",
];
const LAST_NAMES: [&str; 12] = [
    "Diallo", "Martin", "Traoré", "Bernard", "Camara", "Lefèvre", "Koné", "Moreau", "Sylla", "Petit", "N'Diaye",
    "Girard",
];
/// Of its messages, six of ten are the first tenant's.
const TENANTS: [&str; 5] = ["belle", "taxi", "live", "artisan", "creator"];
const MESSAGES_PER_CONVERSATION: usize = 20;
const ROWS_AT_ONCE: usize = 500;
const RUNS: usize = 30;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// A common word, or one of forty thousand of which the first are the most frequent.
    fn word(&mut self) -> String {
        if self.below(10) < 6 {
            return COMMON[self.below(COMMON.len())].to_owned();
        }
        let bound = 1 + self.below(40_000);
        let mut number = self.below(bound);
        let mut word = String::new();
        for _ in 0..4 {
            word.push(char::from(b"bcdfglmnprst"[number % 12]));
            word.push(char::from(b"aeiou"[number / 12 % 5]));
            number /= 14;
        }
        word
    }

    fn text(&mut self) -> String {
        let count = 4 + self.below(9);
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ").replace('\'', "")
    }
}

fn id_at(millis: i64, number: u64) -> Uuid {
    let time = u128::try_from(millis).unwrap() << 80;
    Uuid::from_u128(
        time | 0x7000_0000_0000_0000_0000
            | (u128::from(number & 0xfff) << 64)
            | 0x8000_0000_0000_0000
            | u128::from(number),
    )
}

/// A table and the columns that are filled; PostgreSQL reads each value as its column's type.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    const fn new(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, rows: Vec::new() }
    }

    /// Writes a row, together with those before it once there are enough.
    async fn push<const N: usize>(&mut self, conn: &DatabaseConnection, row: [&dyn Display; N]) {
        self.rows.push(row.iter().map(ToString::to_string).collect());
        if self.rows.len() >= ROWS_AT_ONCE {
            self.write(conn).await;
        }
    }

    async fn write(&mut self, conn: &DatabaseConnection) {
        if self.rows.is_empty() {
            return;
        }
        let mut insert = Query::insert();
        insert.into_table(Alias::new(self.name)).columns(self.columns.iter().map(|column| Alias::new(*column)));
        for row in self.rows.drain(..) {
            insert.values_panic(row.into_iter().map(Into::into));
        }
        let sql = conn.get_database_backend().build(&insert).to_string();
        conn.execute_unprepared(&sql).await.unwrap();
    }
}

/// So many messages, half of them in, over the last ten days.
async fn seed(url: &str, messages: usize) {
    let options = ConnectOptions::new(url).sqlx_logging(false).max_connections(1).clone();
    let conn = Database::connect(options).await.unwrap();
    let mut tenants = Table::new("tenants", &["id", "name", "language", "timezone", "created_at", "updated_at"]);
    let start = "2026-01-01T00:00:00.000000Z";
    for tenant in TENANTS {
        tenants.push(&conn, [&tenant, &"x", &"fr", &"UTC", &start, &start]).await;
    }
    tenants.write(&conn).await;
    let begun = Utc::now() - TimeDelta::days(10);
    let mut numbers = Numbers(1);
    seed_conversations(&conn, &mut numbers, begun, messages / MESSAGES_PER_CONVERSATION).await;
    seed_messages(&conn, &mut numbers, begun, messages).await;
    if !url.starts_with("sqlite:") {
        conn.execute_unprepared("ANALYZE").await.unwrap();
    }
    conn.close().await.unwrap();
}

const fn tenant_of(talk: usize) -> &'static str {
    TENANTS[if talk % 10 < 6 { 0 } else { 1 + talk % 4 }]
}

async fn seed_conversations(conn: &DatabaseConnection, numbers: &mut Numbers, begun: DateTime<Utc>, talks: usize) {
    let mut contacts = Table::new("contacts", &["id", "tenant_id", "name", "created_at", "updated_at"]);
    let mut addresses = Table::new("contact_addresses", &["tenant_id", "address", "contact_id", "created_at"]);
    let mut conversations = Table::new(
        "conversations",
        &[
            "id",
            "tenant_id",
            "channel_id",
            "contact_id",
            "address",
            "status",
            "handler",
            "version",
            "last_message_at",
            "created_at",
            "updated_at",
        ],
    );
    for talk in 0..talks {
        let (id, tenant) = (id_at(begun.timestamp_millis(), talk as u64), tenant_of(talk));
        let when = (begun + TimeDelta::seconds(i64::try_from(talk).unwrap())).format("%Y-%m-%dT%H:%M:%S.000000Z");
        let name = format!("{} {}", FIRST_NAMES[numbers.below(12)], LAST_NAMES[numbers.below(12)]).replace('\'', "’");
        let (address, channel) = (format!("whatsapp:+336{talk:08}"), format!("{tenant}-wa"));
        contacts.push(conn, [&id, &tenant, &name, &when, &when]).await;
        addresses.push(conn, [&tenant, &address, &id, &when]).await;
        conversations
            .push(conn, [&id, &tenant, &channel, &id, &address, &"in_progress", &"bot", &1, &when, &when, &when])
            .await;
    }
    for table in [&mut contacts, &mut addresses, &mut conversations] {
        table.write(conn).await;
    }
}

async fn seed_messages(conn: &DatabaseConnection, numbers: &mut Numbers, begun: DateTime<Utc>, messages: usize) {
    let mut inbound = Table::new(
        "messages_in",
        &[
            "id",
            "tenant_id",
            "channel_id",
            "conversation_id",
            "provider_message_id",
            "from",
            "to",
            "body",
            "role",
            "state",
            "correlation_id",
            "created_at",
            "processed_at",
        ],
    );
    let mut outbound = Table::new(
        "messages_out",
        &[
            "id",
            "tenant_id",
            "channel_id",
            "conversation_id",
            "to",
            "body",
            "kind",
            "state",
            "attempts",
            "next_attempt_at",
            "correlation_id",
            "created_at",
            "updated_at",
        ],
    );
    let talks = messages / MESSAGES_PER_CONVERSATION;
    let apart = 10 * 86_400_000 / i64::try_from(messages).unwrap();
    for number in 0..messages {
        let talk = numbers.below(talks);
        let at = begun + TimeDelta::milliseconds(apart * i64::try_from(number).unwrap());
        let id = id_at(at.timestamp_millis(), number as u64);
        let (tenant, when) = (tenant_of(talk), at.format("%Y-%m-%dT%H:%M:%S%.6fZ"));
        let (talk, channel) = (id_at(begun.timestamp_millis(), talk as u64), format!("{tenant}-wa"));
        let mut text = numbers.text();
        if number % 97 == 0 {
            let _ = write!(text, " commande {}", 10_000_000 + number);
        }
        if number % 2 == 0 {
            let row: [&dyn Display; 13] =
                [&id, &tenant, &channel, &talk, &id, &"x", &"x", &text, &"client", &"processed", &id, &when, &when];
            inbound.push(conn, row).await;
        } else {
            let row: [&dyn Display; 13] =
                [&id, &tenant, &channel, &talk, &"x", &text, &"reply", &"delivered", &1, &when, &id, &when, &when];
            outbound.push(conn, row).await;
        }
    }
    inbound.write(conn).await;
    outbound.write(conn).await;
}

fn report(what: &str, mut times: Vec<Duration>, found: usize) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{what:<44} p50 {:>7.1} ms   p95 {:>7.1} ms   {found} found", at(50), at(95));
}

async fn measured(what: &str, mut once: impl AsyncFnMut(usize) -> usize) {
    let (mut times, mut found) = (Vec::new(), 0);
    for run in 0..RUNS {
        let begun = Instant::now();
        found = once(run).await;
        times.push(begun.elapsed());
    }
    report(what, times, found);
}

async fn searches(operator: &Operator) {
    let caller = Caller::command_line();
    let belle = Tenants::Of(vec![TenantId::new("belle")]);
    for (what, query) in [
        ("a word of most messages", "bonjour"),
        ("two frequent words", "rendez-vous demain"),
        ("five frequent words", "je voudrais une manucure demain merci"),
        ("a beginning", "mer"),
        ("a frequent word and a number", "commande 10000097"),
        ("a rare word", "bababogu"),
        ("a misspelt word", "bonjuor"),
        ("two misspelt words", "livraisson manucrue"),
        ("a word that nobody wrote", "xylophone"),
        ("a whole number", "06 00 01 23 45"),
        ("the end of a number", "2345"),
        ("a name", "aissatou diallo"),
        ("a misspelt name", "fatumata traorre"),
    ] {
        measured(what, async |_| {
            let page = SearchPage { before: None, limit: 50 };
            let found = conversations::search(&caller, operator, &belle, query, page).await.unwrap();
            found.contacts.len() + found.messages.len()
        })
        .await;
    }
    let page = SearchPage { before: None, limit: 50 };
    let second = conversations::search(&caller, operator, &belle, "bonjour", page).await.unwrap().next;
    measured("the second page of a frequent word", async |_| {
        let page = SearchPage { before: second, limit: 50 };
        conversations::search(&caller, operator, &belle, "bonjour", page).await.unwrap().messages.len()
    })
    .await;
    measured("a frequent word of every tenant's", async |_| {
        conversations::search(&caller, operator, &Tenants::All, "merci", page).await.unwrap().messages.len()
    })
    .await;
}

async fn pages(operator: &Operator) {
    let caller = Caller::command_line();
    let filter =
        ConversationFilter { tenants: Tenants::Of(vec![TenantId::new("belle")]), ..ConversationFilter::default() };
    let first = ConversationPage { before: None, limit: 50 };
    measured("a page of conversations", async |_| {
        conversations::list(&caller, operator, &filter, first).await.unwrap().len()
    })
    .await;
    let rows = conversations::list(&caller, operator, &filter, first).await.unwrap();
    measured("a conversation's messages", async |run| {
        let page = TimelinePage { after: None, before: None, side: TimelineSide::Newest, limit: 50 };
        let id = rows[run % rows.len()].id;
        conversations::messages(&caller, operator, id, page).await.unwrap().1.messages.len()
    })
    .await;
}

#[tokio::main]
async fn main() {
    let messages = std::env::var("PALABRE_BENCH_MESSAGES").map_or(1_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite://{}", folder.path().join("palabre.db").display());
    let url = std::env::var("PALABRE_BENCH_URL").unwrap_or_else(|_| file());
    let store = Store::open(&url, true).await.unwrap();
    let begun = Instant::now();
    seed(&url, messages).await;
    println!("{messages} messages written in {:.0} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut index = store.search_index().unwrap();
    let mut indexed = 0;
    loop {
        let step = index.step(Utc::now()).await.unwrap();
        indexed += step.messages;
        if !step.has_more {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{indexed} indexed in {seconds:.0} s, {:.0} a second",
        f64::from(u32::try_from(indexed).unwrap()) / seconds
    );
    for file in ["palabre.db", "palabre.db-search"] {
        if let Ok(file_size) = std::fs::metadata(folder.path().join(file)).map(|data| data.len()) {
            println!("{file}: {} MiB", file_size >> 20);
        }
    }
    let operator = store.operator();
    searches(&operator).await;
    pages(&operator).await;
    store.close().await.unwrap();
}
