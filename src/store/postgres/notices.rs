//! `LISTEN palabre`.

use std::time::Duration;

use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgListener;
use tokio::task::JoinHandle;

use super::failed;

/// How soon a connection that cannot be made is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Hears what others pass on.
pub(in crate::store) fn listen(
    url: &str,
    mut hear: impl FnMut(&str) + Send + 'static,
) -> Result<JoinHandle<()>, DbErr> {
    let options = super::options(url, &super::SETTINGS)?;
    let pool = super::pool_options().max_connections(1).connect_lazy_with(options);
    Ok(tokio::spawn(async move {
        loop {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("palabre").await?;
                // It connects again by itself while it can.
                loop {
                    hear(listener.recv().await?.payload());
                }
            };
            let ended: Result<(), _> = listening.await;
            if let Err(error) = ended.map_err(failed) {
                tracing::debug!(error = %error, "nobody wakes this node, its sweeps look");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }))
}
