//! Listens to notifications (`LISTEN palabre`).

use std::time::Duration;

use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgListener;
use tokio::task::JoinHandle;

use super::failed;

/// How soon a failed connection is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Calls `on_text` for every notification of other nodes.
pub(in crate::store) fn listen(
    url: &str,
    mut on_text: impl FnMut(&str) + Send + 'static,
) -> Result<JoinHandle<()>, DbErr> {
    let options = super::options(url, &super::SETTINGS)?;
    let pool = super::pool_options().max_connections(1).connect_lazy_with(options);
    Ok(tokio::spawn(async move {
        loop {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("palabre").await?;
                // sqlx connects again by itself while it can.
                loop {
                    on_text(listener.recv().await?.payload());
                }
            };
            let ended: Result<(), _> = listening.await;
            if let Err(error) = ended.map_err(failed) {
                tracing::debug!(error = %error, "notifications are not received, sweeps find the work");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }))
}
