//! Tests of a server that goes away and comes back, and of entries that it refuses.

use futures_util::future::join_all;
use palabre_actors::ports::{Acceptance, Inbox, Outbox, PortErrorKind, RecipientStatuses, Turns};
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::conformance::fixture::{Customer, now, turn};
use palabre_migrations::{Migrator, MigratorTrait};
use palabre_testbed::postgres::{Options, Server};

use super::super::answers_in_words;
use super::fresh;
use crate::store::{Store, StoreError};

#[tokio::test]
async fn i1_what_was_accepted_survives_the_server_and_the_store_recovers_by_itself() {
    let server = Server::start(Options { durable: true });
    server.create("palabre");
    let store = Store::open(&server.url("palabre"), true).await.unwrap();
    let customer = Customer::of("belle", 1);
    customer.is_answered(&store, "SM1", 0, now(0)).await;
    let waiting = customer.sends(&store, "SM2", 1).await;
    let state = customer.state(&store).await;

    server.kill();
    let refused = store.accept(vec![customer.writes("SM3", 2)]).await.pop().unwrap().unwrap_err();
    let kinds = [
        refused.kind,
        store.commit(turn(&state, &waiting, 3)).await.unwrap_err().kind,
        store.load(&customer.0, None).await.unwrap_err().kind,
        store.recipient_status(&customer.0.tenant, &customer.0.channel, &customer.0.address).await.unwrap_err().kind,
        Outbox::due(&store).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [PortErrorKind::Unavailable; 5]);
    assert!(store.ping().await.is_err());

    server.up();
    let accepted = store.accept(vec![customer.writes("SM3", 2)]).await.pop().unwrap().unwrap();
    let Acceptance::New(third) = accepted else { panic!("it was not there") };
    assert!(waiting.id < third.id);
    let loaded = customer.loaded(&store).await;
    assert_eq!(loaded.waiting.iter().map(|message| message.id).collect::<Vec<_>>(), [waiting.id, third.id]);
    store.commit(turn(&loaded.state, &waiting, 3)).await.unwrap();
    store.ping().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn i1_a_server_that_answers_before_it_has_written_is_told_to_wait() {
    let server = Server::start(Options::default());
    server.create("palabre");
    let setting = || server.psql("palabre", "SHOW synchronous_commit");
    assert_eq!(setting(), "off");
    let store = Store::open(&server.url("palabre"), true).await.unwrap();
    let customer = Customer::of("belle", 1);
    for round in 0..5 {
        customer.sends(&store, &format!("SM{round}"), round).await;
        server.kill();
        server.up();
    }
    assert_eq!(server.psql("palabre", "SELECT count(*) FROM messages_in"), "5");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_meets_a_restart_is_there_or_not_and_never_half() {
    let server = Server::start(Options { durable: true });
    server.create("palabre");
    let store = Store::open(&server.url("palabre"), true).await.unwrap();
    let customers: Vec<_> = (0..200).map(|n| Customer::of("belle", n)).collect();
    let id = |customer: &Customer| format!("SM{}", customer.0.address.as_str());
    let restart = async {
        tokio::task::yield_now().await;
        server.kill();
        server.up();
    };
    let accepts = join_all(customers.iter().map(|customer| store.accept(vec![customer.writes(&id(customer), 0)])));
    let (answers, ()) = tokio::join!(accepts, restart);
    let again = join_all(customers.iter().map(|customer| store.accept(vec![customer.writes(&id(customer), 0)]))).await;
    for (before, after) in answers.iter().flatten().zip(again.iter().flatten()) {
        let after = after.as_ref().expect("it is back");
        if before.is_ok() {
            assert!(matches!(after, Acceptance::Duplicate { .. }), "what was answered is there");
        }
    }
    let rows = "SELECT count(*), (SELECT count(*) FROM messages_once), \
        (SELECT count(*) FROM event_log WHERE event_type = 'webhook_received') FROM messages_in";
    assert_eq!(server.psql("palabre", rows), "200|200|200");
}

#[tokio::test]
async fn a_poisonous_entry_fails_alone_and_a_nul_is_no_poison() {
    let (store, database) = fresh().await;
    database.psql(
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF new.body = 'message poison' THEN RAISE EXCEPTION 'poison'; END IF; RETURN new; END $$; \
        CREATE TRIGGER poison BEFORE INSERT ON messages_in FOR EACH ROW EXECUTE FUNCTION poison()",
    );
    let customer = Customer::of("belle", 1);
    let mut batch = ["SM1", "poison", "SM2", "SM1", "SM3"].map(|id| customer.writes(id, 0)).to_vec();
    batch[4].content.body = "one\0two".into();
    let answers = store.accept(batch).await;
    assert_eq!(answers_in_words(&answers), ["new", "refused", "new", "duplicate", "new"]);
    let bodies: Vec<_> = store.snapshot().await.inbound.into_iter().map(|row| row.message.content.body).collect();
    assert_eq!(bodies, ["message SM1", "message SM2", "one\u{fffd}two"]);
}

#[tokio::test]
async fn migrating_twice_changes_nothing_and_a_server_that_is_away_says_so() {
    let database = palabre_testbed::postgres::empty();
    let url = database.url();
    let (one, other) = tokio::join!(Store::migrate(&url), Store::migrate(&url));
    let mut steps = [one.unwrap().len(), other.unwrap().len()];
    steps.sort_unstable();
    assert_eq!(steps, [0, Migrator::migrations().len()], "two daemons that start at once");
    let nobody = Store::open("postgres://palabre@127.0.0.1:1/palabre", true).await;
    assert!(matches!(nobody, Err(StoreError::Database(_))));
}
