//! Files that came with messages, older than their retention.

use palabre_actors::domain::Timestamp;

use super::{fresh, postgres};
use crate::store::Store;
use crate::store::statement::SqlExecutor;

#[tokio::test]
async fn files_older_than_their_retention_expire_and_uploads_stay() {
    let (store, _folder) = fresh().await;
    expire(&store).await;
}

#[tokio::test]
async fn files_older_than_their_retention_expire_and_uploads_stay_on_postgresql() {
    let (store, _database) = postgres::fresh().await;
    expire(&store).await;
}

async fn expire(store: &Store) {
    // Id, day, whether it came with a message, state.
    let files = [(1, 1, true, "stored"), (2, 20, true, "stored"), (3, 1, false, "stored"), (4, 1, true, "refused")];
    for (id, day, came, state) in files {
        let message = if came { format!("'019c1a2b-0000-7000-8000-00000000000{id}'") } else { "NULL".to_owned() };
        let at = format!("2026-11-{day:02}T03:55:00.000000Z");
        let sql = format!(
            "INSERT INTO media (id, tenant_id, message_id, position, declared_type, state, hash, attempts, next_attempt_at, created_at, \
                updated_at) \
             VALUES ('019c1a2b-0000-7000-8000-0000000000a{id}', 'belle', {message}, 0, 'image/jpeg', '{state}', 'h{id}', 1, '{at}', \
                '{at}', '{at}')"
        );
        store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
    }
    let day = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (before, now) = (day("2026-11-10T00:00:00Z"), day("2026-12-01T00:00:00Z"));
    let operator = store.operator();
    let plan = operator.preview_retention("media", Some(before)).await.unwrap().unwrap();
    assert_eq!((plan.rows, plan.older), (2, 1));
    assert_eq!(operator.expire_media(before, now).await.unwrap(), 1);
    assert_eq!(operator.expire_media(before, now).await.unwrap(), 0, "once");
    let expired: Vec<String> = store.expired_media(10).await.unwrap().iter().map(|file| file.id.to_string()).collect();
    assert_eq!(expired, ["019c1a2b-0000-7000-8000-0000000000a1"]);
}
