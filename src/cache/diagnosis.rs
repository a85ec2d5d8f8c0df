//! One question to the server, for whoever wants to know whether it answers.

use fred::clients::Client;
use fred::error::ErrorKind;
use fred::interfaces::ClientLike;
use fred::types::Builder;
use fred::types::config::Config;
use secrecy::{ExposeSecret, SecretString};

use super::SILENT_FOR;

/// Why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisProblem {
    /// The URL leads nowhere.
    BadUrl,
    /// It wants other credentials.
    Refused,
    /// No answer.
    Away,
}

/// Asks the server for a sign of life.
///
/// # Errors
/// [`RedisProblem`]
pub async fn ping(url: &SecretString) -> Result<(), RedisProblem> {
    let mut config = Config::from_url(url.expose_secret()).map_err(|_| RedisProblem::BadUrl)?;
    config.fail_fast = true;
    let client = Builder::from_config(config)
        .with_connection_config(|connection| connection.connection_timeout = SILENT_FOR)
        .build()
        .map_err(|_| RedisProblem::BadUrl)?;
    let answered = tokio::time::timeout(SILENT_FOR * 2, sign_of_life(&client)).await;
    let quitting = tokio::time::timeout(SILENT_FOR, client.quit());
    // Whether it says goodbye does not matter.
    let _ = quitting.await;
    answered.unwrap_or(Err(RedisProblem::Away))
}

async fn sign_of_life(client: &Client) -> Result<(), RedisProblem> {
    let problem = |error: fred::error::Error| match error.kind() {
        ErrorKind::Auth | ErrorKind::InvalidCommand => RedisProblem::Refused,
        _ => RedisProblem::Away,
    };
    client.init().await.map_err(problem)?;
    client.ping::<String>(None).await.map_err(problem).map(drop)
}
