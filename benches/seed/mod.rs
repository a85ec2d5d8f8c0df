//! Conversations and messages for the benches that read: the same ones in each run.

use std::fmt::{Display, Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query};
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
const ROWS_AT_ONCE: usize = 1_000;

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Seeding {
    /// Half of them in.
    pub messages: usize,
    pub conversations: usize,
    /// Over how many days, up to now.
    pub days: i64,
    /// Whether the events of the messages are written as well, and some conversations wait for a person.
    pub with_events: bool,
}

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
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The names of the columns are parted by spaces.
    fn new(name: &'static str, columns: &'static str) -> Self {
        Self { name, columns: columns.split_whitespace().collect(), rows: Vec::new() }
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

/// Writes it into an empty database.
pub async fn seed(url: &str, seeding: &Seeding) {
    let options = ConnectOptions::new(url).sqlx_logging(false).max_connections(1).clone();
    let conn = Database::connect(options).await.unwrap();
    let mut tenants = Table::new("tenants", "id name language timezone created_at updated_at");
    let start = "2026-01-01T00:00:00.000000Z";
    for tenant in TENANTS {
        tenants.push(&conn, [&tenant, &"x", &"fr", &"UTC", &start, &start]).await;
    }
    tenants.write(&conn).await;
    let begun = Utc::now() - TimeDelta::days(seeding.days);
    let mut numbers = Numbers(1);
    let last = seed_messages(&conn, &mut numbers, begun, seeding).await;
    seed_conversations(&conn, &mut numbers, (begun, &last), seeding).await;
    if !url.starts_with("sqlite:") {
        conn.execute_unprepared("ANALYZE").await.unwrap();
    }
    conn.close().await.unwrap();
}

const fn tenant_of(talk: usize) -> &'static str {
    TENANTS[if talk % 10 < 6 { 0 } else { 1 + talk % 4 }]
}

fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

async fn seed_conversations(
    conn: &DatabaseConnection,
    numbers: &mut Numbers,
    (begun, last): (DateTime<Utc>, &[Option<DateTime<Utc>>]),
    seeding: &Seeding,
) {
    let mut contacts = Table::new("contacts", "id tenant_id name created_at updated_at");
    let mut addresses = Table::new("contact_addresses", "tenant_id address contact_id created_at");
    let mut conversations = Table::new(
        "conversations",
        "id tenant_id channel_id contact_id address status handler version last_message_at last_inbound_at created_at \
         updated_at",
    );
    let mut labels = Table::new("conversation_labels", "tenant_id conversation_id label created_at");
    for (talk, last) in last.iter().enumerate() {
        let (id, tenant) = (id_at(begun.timestamp_millis(), talk as u64), tenant_of(talk));
        let (when, last) = (written(begun), written(last.unwrap_or(begun)));
        let name = format!("{} {}", FIRST_NAMES[numbers.below(12)], LAST_NAMES[numbers.below(12)]).replace('\'', "’");
        let (address, channel) = (format!("whatsapp:+336{talk:08}"), format!("{tenant}-wa"));
        let status = if talk % 3 == 0 { "in_progress" } else { "resolved" };
        contacts.push(conn, [&id, &tenant, &name, &when, &when]).await;
        addresses.push(conn, [&tenant, &address, &id, &when]).await;
        conversations
            .push(conn, [&id, &tenant, &channel, &id, &address, &status, &"bot", &1, &last, &last, &when, &when])
            .await;
        if seeding.with_events && talk % 50 == 0 {
            labels.push(conn, [&tenant, &id, &["vip", "devis", "fidèle"][talk / 50 % 3], &when]).await;
        }
    }
    for table in [&mut contacts, &mut addresses, &mut conversations, &mut labels] {
        table.write(conn).await;
    }
    if seeding.with_events {
        wait_for_a_person(conn).await;
    }
}

/// The newest conversations of the first tenant.
async fn wait_for_a_person(conn: &DatabaseConnection) {
    let [table, id, tenant, last] = ["conversations", "id", "tenant_id", "last_message_at"].map(Alias::new);
    let newest = Query::select()
        .column(id.clone())
        .from(table.clone())
        .and_where(Expr::col(tenant).eq(TENANTS[0]))
        .order_by(last.clone(), Order::Desc)
        .limit(300)
        .take();
    let mut update = Query::update();
    update
        .table(table)
        .value(Alias::new("handler"), "human")
        .value(Alias::new("status"), "in_progress")
        .value(Alias::new("waiting_since"), Expr::col(last))
        .and_where(Expr::col(id).in_subquery(newest));
    let sql = conn.get_database_backend().build(&update).to_string();
    conn.execute_unprepared(&sql).await.unwrap();
}

/// Answers when each conversation's last message was.
async fn seed_messages(
    conn: &DatabaseConnection,
    numbers: &mut Numbers,
    begun: DateTime<Utc>,
    seeding: &Seeding,
) -> Vec<Option<DateTime<Utc>>> {
    let mut inbound = Table::new(
        "messages_in",
        "id tenant_id channel_id conversation_id provider_message_id from to body role state reason correlation_id created_at \
         processed_at",
    );
    let mut outbound = Table::new(
        "messages_out",
        "id tenant_id channel_id conversation_id to body kind state attempts next_attempt_at correlation_id created_at \
         updated_at",
    );
    let mut events = Table::new(
        "event_log",
        "id tenant_id event_type entity_type entity_id correlation_id actor_type payload created_at",
    );
    let mut last = vec![None; seeding.conversations];
    let apart = seeding.days * 86_400_000 / i64::try_from(seeding.messages).unwrap();
    for number in 0..seeding.messages {
        let talk = numbers.below(seeding.conversations);
        let at = begun + TimeDelta::milliseconds(apart * i64::try_from(number).unwrap());
        last[talk] = Some(at);
        let id = id_at(at.timestamp_millis(), number as u64);
        let (tenant, when) = (tenant_of(talk), written(at));
        let (talk, channel) = (id_at(begun.timestamp_millis(), talk as u64), format!("{tenant}-wa"));
        let mut text = numbers.text();
        if number % 97 == 0 {
            let _ = write!(text, " commande {}", 10_000_000 + number);
        }
        if number % 2 == 0 {
            let reason = if number % 20 == 0 { "answered_fallback" } else { "answered_faq" };
            let row: [&dyn Display; 14] = [
                &id,
                &tenant,
                &channel,
                &talk,
                &id,
                &"x",
                &"x",
                &text,
                &"client",
                &"processed",
                &reason,
                &id,
                &when,
                &when,
            ];
            inbound.push(conn, row).await;
            if seeding.with_events {
                let payload = format!("{{\"rule\":\"faq\",\"entry\":\"faq[{}]\"}}", number % 8);
                let row: [&dyn Display; 9] =
                    [&id, &tenant, &"message_routed", &"message_in", &id, &id, &"bot", &payload, &when];
                events.push(conn, row).await;
            }
        } else {
            let kind = if number % 6 == 1 { "manual" } else { "reply" };
            let row: [&dyn Display; 13] =
                [&id, &tenant, &channel, &talk, &"x", &text, &kind, &"delivered", &1, &when, &id, &when, &when];
            outbound.push(conn, row).await;
        }
    }
    for table in [&mut inbound, &mut outbound, &mut events] {
        table.write(conn).await;
    }
    last
}
