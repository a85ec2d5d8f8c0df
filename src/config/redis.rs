//! Validation of `[redis]`: the server that several nodes share.

use secrecy::SecretString;
use url::Url;

use super::document::Scope;
use super::raw::RawRedis;
use super::types::Redis;

const HELP: &str = "write `redis://host:6379`, or `rediss://…` for TLS; user, password and database may stand in it";

/// `None`: there is none, or something was reported. No complaint shows the URL: it may carry a password.
pub(super) fn redis(scope: &Scope<'_>, raw: &RawRedis) -> Option<Redis> {
    let url = raw.url.as_deref()?;
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        scope.wrong("url", "must begin with `redis://` or `rediss://`", HELP);
        return None;
    }
    let Some(parsed) = Url::parse(url).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty())) else {
        scope.wrong("url", "names no server", HELP);
        return None;
    };
    let database = parsed.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u8>().is_err() {
        scope.wrong("url", "names a database that is no number", HELP);
        return None;
    }
    Some(Redis { url: SecretString::from(url) })
}
