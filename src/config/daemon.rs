//! Validation of `palabre.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use humantime::format_duration;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use url::Url;

use super::cidr::cidr;
use super::document::Scope;
use super::fields::{base_url, choice, duration, number, quoted, settled, text};
use super::raw::{RawConfig, RawDatabase, RawDuration, RawHttp, RawLogs, RawRuntime};
use super::redis::redis;
use super::secret::Secrets;
use super::types::{Api, Config, Database, Http, LogFormat, Logs, Runtime, WebhookTargets};
use super::{console, media, observers, retention, spool, suggest};

/// More of anything than one process can hold.
const MANY: i64 = 10_000_000;

/// The daemon's own part, without tenants, and its lease, which is compared with theirs whatever else does not hold.
/// `None`: something was reported.
pub(super) fn config(root: &Scope<'_>, raw: &RawConfig, secrets: Secrets<'_>) -> (Option<Config>, Option<Duration>) {
    let lease = rhythm(&root.table("runtime"), "lease", raw.runtime.lease.as_ref());
    (whole(root, raw, secrets, lease), lease)
}

fn whole(root: &Scope<'_>, raw: &RawConfig, secrets: Secrets<'_>, lease: Option<Duration>) -> Option<Config> {
    let folder = secrets.folder;
    let http = http(&root.table("http"), &raw.http);
    let database = database(&root.table("database"), &raw.database, folder);
    let redis = redis(&root.table("redis"), &raw.redis);
    let logs = logs(&root.table("logs"), &raw.logs);
    let runtime = runtime(&root.table("runtime"), &raw.runtime, lease);
    let is_server = database.as_ref().is_some_and(Database::is_server);
    let spool = spool::spool(&root.table("spool"), &raw.spool, folder, is_server);
    let retention = retention::retention(&root.table("retention"), &raw.retention);
    let media = media::settings(&root.table("media"), &raw.media, secrets);
    let privacy = retention::privacy(&root.table("privacy"), &raw.privacy, folder);
    let console = console::console(&root.table("console"), &raw.console, secrets);
    let private_targets = root.table("webhooks").required("private_targets", raw.webhooks.private_targets, "");
    let sentry = observers::sentry(&root.table("sentry"), &raw.sentry);
    let otlp = observers::otlp(&root.table("otlp"), &raw.otlp);
    Some(Config {
        http: http?,
        database: database?,
        redis,
        spool: spool?,
        retention: retention?,
        privacy: privacy?,
        media: media?,
        console: console?,
        logs: logs?,
        runtime: runtime?,
        api: Api::default(),
        stripe: None,
        webhooks: WebhookTargets { private_targets: private_targets? },
        sentry: sentry?,
        otlp: otlp?,
        tenants: Vec::new(),
    })
}

/// Where the tenants' files are.
pub(super) fn tenants_folder(root: &Scope<'_>, raw: &RawConfig, folder: &Path) -> Option<PathBuf> {
    let scope = root.table("tenants");
    let dir = scope.required("dir", raw.tenants.dir.as_deref(), "")?;
    text(&scope, "dir", dir).map(|dir| folder.join(dir))
}

fn http(scope: &Scope<'_>, raw: &RawHttp) -> Option<Http> {
    let listen = scope.required("listen", raw.listen.as_deref(), "").and_then(|raw| socket(scope, "listen", raw));
    let admin_listen = raw.admin_listen.as_deref().map(|raw| socket(scope, "admin_listen", raw));
    if let (Some(listen), Some(Some(admin))) = (listen, admin_listen)
        && listen == admin
        && listen.port() != 0
    {
        scope.wrong("admin_listen", "is the same as `http.listen`", "leave it out to share one listener");
    }
    if let Some(Some(admin)) = admin_listen
        && admin.ip().is_unspecified()
    {
        let reason = "`http.admin_listen` is open on every interface: whoever reaches this machine reaches the API and the console";
        scope.warning("admin_listen", reason.to_owned(), "name the address of one interface, such as `127.0.0.1:9090`");
    }
    if raw.admin_listen.is_none() && listen.is_some_and(|listen| listen.ip().is_unspecified()) {
        let reason = "`http.listen` is open on every interface, and so are the API and the console, which share it";
        scope.warning(
            "listen",
            reason.to_owned(),
            "give them a listener of their own: `admin_listen = \"127.0.0.1:9090\"`",
        );
    }
    let lost = "providers' messages cross the network in clear, and most providers refuse it";
    let public_base_url = raw
        .public_base_url
        .as_deref()
        .map(|raw| base_url(scope, "public_base_url", raw, "https://hooks.example.com", lost));
    let proxies = scope.required("trusted_proxies", raw.trusted_proxies.as_ref(), "");
    let proxies = proxies.map(|proxies| {
        let blocks = proxies.iter().enumerate().map(|(index, raw)| {
            let key = format!("trusted_proxies[{index}]");
            let block = cidr(raw);
            match block {
                None => scope.wrong(&key, "is not a block of addresses", "write it like `10.0.0.0/8` or `127.0.0.1`"),
                Some(block) if block.prefix == 0 => {
                    let help = "name the proxies: whoever is trusted may pretend to be anyone";
                    scope.warning(&key, format!("`{}` trusts the whole internet", scope.name(&key)), help);
                }
                Some(_) => {}
            }
            block
        });
        // Every block is looked at before the first bad one ends it.
        blocks.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
    });
    let max_body_bytes = scope
        .required("max_body_bytes", raw.max_body_bytes, "")
        .and_then(|raw| number(scope, "max_body_bytes", raw, 1024..=64 * 1024 * 1024));
    let workers = scope.required("workers", raw.workers, "").and_then(|raw| number(scope, "workers", raw, 0..=1024));
    let max_connections = scope
        .required("max_connections", raw.max_connections, "")
        .and_then(|raw| number(scope, "max_connections", raw, 64..=1_000_000));
    let large_bodies_bytes: Option<usize> = scope
        .required("large_bodies_bytes", raw.large_bodies_bytes, "")
        .and_then(|raw| number(scope, "large_bodies_bytes", raw, 1024 * 1024..=64 * 1024 * 1024 * 1024));
    // One body has room, whatever else was said.
    let large_bodies_bytes = large_bodies_bytes.zip(max_body_bytes).map(|(large, one)| {
        let why = ("is less than", "max_body_bytes", "one body must have room: raise it");
        bounded(scope, "large_bodies_bytes", (large, large.max(one)), why, |bytes| bytes.to_string())
    });
    let failures_per_minute = scope
        .required("failures_per_minute", raw.failures_per_minute, "")
        .and_then(|raw| number(scope, "failures_per_minute", raw, 0..=1_000_000));
    Some(Http {
        listen: listen?,
        admin_listen: settled(admin_listen)?,
        public_base_url: settled(public_base_url)?,
        trusted_proxies: proxies??,
        max_body_bytes: max_body_bytes?,
        workers: workers?,
        max_connections: max_connections?,
        large_bodies_bytes: large_bodies_bytes?,
        failures_per_minute: failures_per_minute?,
    })
}

fn socket(scope: &Scope<'_>, key: &str, raw: &str) -> Option<SocketAddr> {
    let address = raw.parse().ok();
    if address.is_none() {
        let help = match raw.strip_prefix("localhost:").or_else(|| raw.strip_prefix(':')) {
            Some(port) => format!("did you mean `127.0.0.1:{port}`?"),
            None => {
                "write address and port, such as `127.0.0.1:8080`, or `0.0.0.0:8080` for every interface".to_owned()
            }
        };
        scope.wrong(key, "is not an address to listen on", &help);
    }
    address
}

fn database(scope: &Scope<'_>, raw: &RawDatabase, folder: &Path) -> Option<Database> {
    let url = scope.required("url", raw.url.as_deref(), "").and_then(|raw| database_url(scope, raw, folder));
    let migrate = scope.required("migrate", raw.migrate, "");
    Some(Database { url: url?, migrate: migrate? })
}

/// SQLite's file made absolute. No complaint shows the URL: it may carry a password.
fn database_url(scope: &Scope<'_>, raw: &str, folder: &Path) -> Option<String> {
    const HELP: &str =
        "write `sqlite://palabre.db`: a path from the folder of palabre.toml, or an absolute one after `sqlite://`";
    const EITHER: &str = "write `sqlite://palabre.db`, or `postgres://user:password@host:5432/database`";
    const SERVER: &str = "write `postgres://user:password@host:5432/database`";
    let scheme = raw.split(':').next().unwrap_or_default();
    if matches!(scheme, "postgres" | "postgresql") {
        let named = Url::parse(raw).is_ok_and(|url| url.has_host() && !url.path().trim_matches('/').is_empty());
        if !named {
            scope.wrong("url", "names no server, or no database on it", SERVER);
            return None;
        }
        return Some(raw.to_owned());
    }
    let Some(rest) = raw.strip_prefix("sqlite://").or_else(|| raw.strip_prefix("sqlite:")) else {
        scope.wrong("url", "is not a database that palabre knows", EITHER);
        return None;
    };
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    if path.is_empty() || path.ends_with('/') {
        scope.wrong("url", "names no file", HELP);
        return None;
    }
    if path == ":memory:" || query.is_some_and(|query| query.contains("mode=memory")) {
        scope.wrong("url", "keeps the database in memory, where accepted messages do not survive", HELP);
        return None;
    }
    let path = if path.starts_with('/') { path.to_owned() } else { beneath(scope, folder, path)? };
    if let Some(outer) = Path::new(&path).parent().filter(|outer| !outer.as_os_str().is_empty() && !path.contains('%'))
        && !outer.is_dir()
    {
        let reason = format!("`database.url` is in a folder that is not there: `{}`", outer.display());
        scope.warning(
            "url",
            reason,
            "create it, for the user that runs palabre: the daemon makes the file, and no folder",
        );
    }
    Some(query.map_or_else(|| format!("sqlite://{path}"), |query| format!("sqlite://{path}?{query}")))
}

/// The folder in front of a path, with what a URL would read as something else escaped.
fn beneath(scope: &Scope<'_>, folder: &Path, path: &str) -> Option<String> {
    let Some(folder) = folder.to_str() else {
        scope.wrong("url", "is relative to a folder whose name is not UTF-8", "write an absolute path");
        return None;
    };
    let folder = folder.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    let folder = folder.trim_end_matches('/');
    Some(if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") })
}

fn logs(scope: &Scope<'_>, raw: &RawLogs) -> Option<Logs> {
    let format = scope
        .required("format", raw.format.as_deref(), "")
        .and_then(|raw| choice(scope, "format", raw, &[("json", LogFormat::Json), ("text", LogFormat::Text)]));
    let level = scope.required("level", raw.level.as_deref(), "").and_then(|raw| log_filter(scope, raw));
    Some(Logs { format: format?, level: level?.to_owned() })
}

fn log_filter<'r>(scope: &Scope<'_>, raw: &'r str) -> Option<&'r str> {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "off"];
    let help = "write a level (`info`), or levels by target (`palabre=debug,info`)";
    text(scope, "level", raw)?;
    for word in raw.split(',').map(str::trim) {
        // A lone word is a target to tracing, which would then log that target alone: most likely a misspelt level.
        let level = word.rsplit('=').next().unwrap_or(word);
        if !word.contains("::") && !word.contains('[') && level.parse::<LevelFilter>().is_err() {
            scope.wrong("level", &format!("has no level {}", quoted(level)), &suggest::help(level, &LEVELS));
            return None;
        }
    }
    if EnvFilter::try_new(raw).is_err() {
        scope.wrong("level", "is not a filter", help);
        return None;
    }
    Some(raw)
}

fn runtime(scope: &Scope<'_>, raw: &RawRuntime, lease: Option<Duration>) -> Option<Runtime> {
    let count = |key: &str, raw: Option<i64>, least: i64, most: i64| -> Option<usize> {
        scope.required(key, raw, "").and_then(|raw| number(scope, key, raw, least..=most))
    };
    let shards = count("shards", raw.shards, 0, 1024);
    let max_in_flight = count("max_in_flight", raw.max_in_flight, 1, MANY);
    let per_tenant = count("max_in_flight_per_tenant", raw.max_in_flight_per_tenant, 1, MANY);
    // Lowering the one bound alone must not make the other's default a mistake.
    let per_tenant = per_tenant.zip(max_in_flight).map(|(tenant, all)| {
        let why =
            ("is more than", "max_in_flight", "one tenant cannot have more than all: lower it, or raise the other");
        bounded(scope, "max_in_flight_per_tenant", (tenant, tenant.min(all)), why, |most| most.to_string())
    });
    let max_waiting_webhooks = count("max_waiting_webhooks", raw.max_waiting_webhooks, 1, MANY);
    let senders = count("senders", raw.senders, 1, 65_536);
    let resident = count("max_resident_conversations", raw.max_resident_conversations, 1, MANY);
    let passivate_after = scope
        .required("passivate_after", raw.passivate_after.as_ref(), "")
        .and_then(|raw| duration(scope, "passivate_after", raw));
    let drain = scope.required("drain", raw.drain.as_ref(), "").and_then(|raw| duration(scope, "drain", raw));
    let notice = scope
        .required("drain_notice", raw.drain_notice.as_ref(), "")
        .and_then(|raw| duration(scope, "drain_notice", raw));
    // Lowering the one alone must not make the other's default a mistake.
    let drain_notice = notice.zip(drain).map(|(notice, drain)| {
        let why = ("is more than half of", "drain", "what is in flight needs the rest: lower it, or raise the other");
        bounded(scope, "drain_notice", (notice, notice.min(drain / 2)), why, |time| format_duration(time).to_string())
    });
    let sweep_every = rhythm(scope, "sweep_every", raw.sweep_every.as_ref());
    let watch_every = rhythm(scope, "watch_every", raw.watch_every.as_ref());
    let ask_after = rhythm(scope, "ask_after", raw.ask_after.as_ref());
    Some(Runtime {
        shards: shards?,
        max_in_flight: max_in_flight?,
        max_in_flight_per_tenant: per_tenant?,
        max_waiting_webhooks: max_waiting_webhooks?,
        senders: senders?,
        passivate_after: passivate_after?,
        max_resident_conversations: resident?,
        drain: drain?,
        drain_notice: drain_notice?,
        sweep_every: sweep_every?,
        watch_every: watch_every?,
        ask_after: ask_after?,
        lease: lease?,
    })
}

/// A value that another key bounds. Where both were written something else was meant, and what is used instead is said; where
/// one is a default it makes way.
fn bounded<T: Copy + PartialEq>(
    scope: &Scope<'_>,
    key: &str,
    (said, used): (T, T),
    (relation, other, help): (&str, &str, &str),
    shown: impl Fn(T) -> String,
) -> T {
    if said != used && scope.is_written(key) && scope.is_written(other) {
        let reason =
            format!("`{}` {relation} `{}`: {} is used instead", scope.name(key), scope.name(other), shown(used));
        scope.warning(key, reason, help);
    }
    used
}

/// A wait between two looks: a busy loop below the least, a promise nobody keeps above the most.
fn rhythm(scope: &Scope<'_>, key: &str, raw: Option<&RawDuration>) -> Option<Duration> {
    const BOUNDS: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_mins(10);
    let wait = scope.required(key, raw, "").and_then(|raw| duration(scope, key, raw))?;
    if !BOUNDS.contains(&wait) {
        scope.wrong(key, "must be from 50 milliseconds to 10 minutes", "");
        return None;
    }
    Some(wait)
}
