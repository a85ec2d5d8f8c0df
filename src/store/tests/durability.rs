//! Durability of answers, and failures of single entries.

use futures_util::future::join_all;
use palabre_actors::domain::ids::{InboundId, NodeId};
use palabre_actors::ports::{ClaimUnknown, EndedLeases, Inbox, Outbox, PortErrorKind, RecipientStatuses, Turns};
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::conformance::fixture::{Customer, at, now, turn};
use palabre_migrations::{Migrator, MigratorTrait};
use uuid::Uuid;

use super::{answers_in_words, fresh, url};
use crate::store::statement::rows;
use crate::store::{Store, StoreError};

#[tokio::test]
async fn i1_what_was_accepted_is_there_after_a_restart() {
    let (store, folder) = fresh().await;
    let customer = Customer::of("belle", 1);
    customer.is_answered(&store, "SM1", 0, now(0)).await;
    let waiting = customer.sends(&store, "SM2", 1).await;
    let before = format!("{:?}", store.snapshot().await);
    // No close: as after a kill, the log beside the file is all there is.
    drop(store);
    let store = Store::open(&url(&folder), true).await.unwrap();
    assert_eq!(format!("{:?}", store.snapshot().await), before);
    let loaded = customer.loaded(&store).await;
    assert_eq!(loaded.waiting.iter().map(|message| message.id).collect::<Vec<_>>(), [waiting.id]);
    store.close().await.unwrap();
    assert!(!folder.path().join("palabre.db-wal").exists(), "a clean end leaves one file");
}

#[tokio::test]
async fn i5_what_a_killed_daemon_asked_about_is_asked_about_at_once() {
    let (store, folder) = fresh().await;
    let message = Customer::of("belle", 1).is_answered(&store, "SM1", 0, now(0)).await;
    let over = EndedLeases { node: NodeId::new("node-2"), now: at(1), lost: Vec::new(), held: Vec::new() };
    assert_eq!(store.expire_leases(over).await.unwrap(), 1);
    let look = |node: &str, now| ClaimUnknown { node: NodeId::new(node), now, lease_until: at(100), limit: 10 };
    assert_eq!(store.claim_unknown(look("node-2", at(2))).await.unwrap().len(), 1);
    drop(store);
    let store = Store::open(&url(&folder), true).await.unwrap();
    let found = store.claim_unknown(look("node-3", at(3))).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [message.id]);
}

#[tokio::test]
async fn i3_ids_go_on_where_they_were_even_when_the_clock_steps_back() {
    let (store, folder) = fresh().await;
    let customer = Customer::of("belle", 1);
    customer.sends(&store, "SM1", 0).await;
    let ahead = "UPDATE messages_in SET id = 'ffffffff-0000-7000-8000-000000000000'";
    store.0.writes.unprepared(ahead).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(&url(&folder), true).await.unwrap();
    let last = InboundId(Uuid::parse_str("ffffffff-0000-7000-8000-000000000000").unwrap());
    let (second, third) = (customer.sends(&store, "SM2", 0).await.id, customer.sends(&store, "SM3", 0).await.id);
    assert!(last < second && second < third);
}

/// Makes the database refuse any message whose body says so.
async fn poison(store: &Store) {
    let trigger = "CREATE TRIGGER poison BEFORE INSERT ON messages_in WHEN new.body = 'message poison' \
        BEGIN SELECT RAISE(ABORT, 'poison'); END";
    store.0.writes.unprepared(trigger).await.unwrap();
}

#[tokio::test]
async fn a_poisonous_entry_fails_alone_in_its_batch() {
    let (store, _folder) = fresh().await;
    poison(&store).await;
    let customer = Customer::of("belle", 1);
    let batch = ["SM1", "poison", "SM2", "SM1", "SM3"].map(|id| customer.writes(id, 0));
    let answers = store.accept(batch.to_vec()).await;
    assert_eq!(answers_in_words(&answers), ["new", "refused", "new", "duplicate", "new"]);
    assert_eq!(store.snapshot().await.inbound.len(), 3);
}

#[tokio::test]
async fn a_poisonous_entry_fails_alone_among_others_jobs() {
    let (store, _folder) = fresh().await;
    poison(&store).await;
    let customers: Vec<_> = (0..20).map(|n| Customer::of("belle", n)).collect();
    let accepts = join_all((0..).zip(&customers).map(|(n, customer)| {
        let id = if n == 7 { "poison".to_owned() } else { format!("SM{n}") };
        store.accept(vec![customer.writes(&id, n)])
    }));
    let answers: Vec<_> = accepts.await.into_iter().flatten().collect();
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_err(), n == 7, "{n}");
    }
    let rows = store.snapshot().await;
    assert_eq!((rows.inbound.len(), rows.events.len()), (19, 19), "what was tried twice is there once");
}

#[tokio::test]
async fn a_closed_store_says_unavailable() {
    let (store, _folder) = fresh().await;
    let customer = Customer::of("belle", 1);
    let message = customer.sends(&store, "SM1", 0).await;
    let state = customer.state(&store).await;
    store.close().await.unwrap();
    let refused = store.accept(vec![customer.writes("SM2", 1)]).await.pop().unwrap().unwrap_err();
    let kinds = [
        refused.kind,
        store.commit(turn(&state, &message, 1)).await.unwrap_err().kind,
        store.load(&customer.0, None).await.unwrap_err().kind,
        store.recipient_status(&customer.0.tenant, &customer.0.channel, &customer.0.address).await.unwrap_err().kind,
        Outbox::due(&store).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [PortErrorKind::Unavailable; 5]);
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let (store, folder) = fresh().await;
    let customer = Customer::of("belle", 1);
    let accepts = join_all((0..100).map(|n| store.accept(vec![customer.writes(&format!("SM{n}"), n)])));
    let (answers, closed) = tokio::join!(accepts, store.close());
    closed.unwrap();
    let accepted = answers.iter().flatten().filter(|answer| answer.is_ok()).count();
    let store = Store::open(&url(&folder), true).await.unwrap();
    assert_eq!(store.backlog(&customer.0.tenant, None, 1000).await.unwrap().len(), accepted);
}

#[tokio::test]
async fn opening_migrates_and_other_databases_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let steps: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    assert_eq!(Store::migrate(&url(&folder)).await.unwrap(), steps);
    assert_eq!(Store::migrate(&url(&folder)).await.unwrap(), [] as [String; 0]);
    let store = Store::open(&url(&folder), false).await.unwrap();
    store.ping().await.unwrap();
    assert!(matches!(Store::open("mysql://localhost/palabre", true).await, Err(StoreError::UnsupportedUrl)));
    let missing = format!("sqlite://{}/none/palabre.db", folder.path().display());
    assert!(matches!(Store::open(&missing, true).await, Err(StoreError::Database(_))));
}

#[tokio::test]
async fn i1_the_sqlite_beneath_may_be_checkpointed_beside_a_writer() {
    // Before 3.51.3 a checkpoint that met a commit on another connection could take new pages for copied ones and lose
    // them (https://sqlite.org/wal.html#walresetbug); `checkpoints` does that all day.
    let (store, _folder) = fresh().await;
    let rows = rows(&store.0.writes, "SELECT sqlite_version()", Vec::new()).await.unwrap();
    let version: String = rows[0].get(0).unwrap();
    let numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}

#[tokio::test]
async fn a_store_without_a_writer_says_so_when_it_is_asked() {
    let (store, _folder) = fresh().await;
    store.ping().await.unwrap();
    store.0.writer.close().await;
    assert!(store.ping().await.is_err(), "it still reads, but accepts nothing");
}

#[tokio::test]
async fn times_are_cut_to_microseconds_and_keep_their_order_as_text() {
    let early = at(0) + chrono::TimeDelta::nanoseconds(999);
    let texts = [early, at(1), at(86_400)].map(crate::store::values::time_text);
    assert_eq!(texts[0], "2026-11-21T03:55:00.123456Z");
    assert!(texts.is_sorted());
    assert_eq!(crate::store::values::parse_time(&texts[0]).unwrap(), at(0));
}
