//! Tests of the layers: defaults, then the file, then the environment.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{TENANT, holds, told, with};
use crate::config::{Cidr, Config, DEFAULTS, Environment, LogFormat, OnUnknown};
use crate::gateway::PROVIDERS;
use crate::gateway::twilio::TwilioAccount;
use palabre_actors::domain::rules::{Language, Replies};

#[test]
fn the_embedded_file_is_the_defaults() {
    for main in ["", DEFAULTS] {
        let config = holds(main, &[]);
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.http.admin_listen, None);
        assert_eq!(config.http.public_base_url, None);
        let loopback = |address: &str, prefix| Cidr { address: address.parse().expect("an address"), prefix };
        assert_eq!(config.http.trusted_proxies, [loopback("127.0.0.1", 32), loopback("::1", 128)]);
        assert_eq!(config.http.max_body_bytes, 1 << 20);
        assert_eq!(config.http.workers, 0);
        assert_eq!(config.database.url, "sqlite://palabre.db");
        assert!(config.database.migrate);
        assert!(config.redis.is_none());
        assert_eq!(config.logs.format, LogFormat::Json);
        assert_eq!(config.logs.level, "info");
        assert_eq!(config.runtime.shards, 0);
        assert_eq!(config.runtime.max_in_flight, 20_000);
        assert_eq!(config.runtime.max_in_flight_per_tenant, 5_000);
        assert_eq!(config.runtime.max_waiting_webhooks, 8_192);
        assert_eq!(config.runtime.senders, 1024);
        assert_eq!(config.runtime.passivate_after, Duration::from_secs(60));
        assert_eq!(config.runtime.max_resident_conversations, 10_000);
        assert_eq!(config.runtime.drain, Duration::from_secs(20));
        assert_eq!(config.runtime.drain_notice, Duration::from_secs(1));
        assert_eq!(config.runtime.sweep_every, Duration::from_secs(2));
        assert_eq!(config.runtime.watch_every, Duration::from_secs(30));
        assert_eq!(config.runtime.ask_after, Duration::from_secs(2));
        assert_eq!(config.runtime.lease, Duration::from_secs(60));
    }
}

#[test]
fn a_tenants_defaults() {
    let config = holds("", &[]);
    let tenant = &config.tenants[0];
    assert_eq!(tenant.name, "belle");
    assert_eq!(tenant.timezone, chrono_tz::UTC);
    assert_eq!((tenant.limits.per_second, tenant.limits.per_day), (10, 1000));
    let rules = tenant.rules.source();
    assert_eq!(rules.language, Language::Fr);
    assert_eq!(rules.per_contact_per_minute, 5);
    assert_eq!(rules.session_idle, Duration::from_secs(30 * 60));
    assert_eq!(rules.live_session_idle, Duration::from_secs(2 * 60 * 60));
    assert_eq!(rules.replies, Replies { fallback: Some("Bien reçu.".into()), ..Replies::default() });
    assert_eq!(rules.longest_text, 1_600);
    let account: &TwilioAccount = tenant.channels[0].provider.settings().expect("Twilio's");
    assert_eq!(account.api_base_url, "https://api.twilio.com");
    assert_eq!(account.timeout, Duration::from_secs(10));
    assert_eq!(account.on_unknown, OnUnknown::Resend);
    assert_eq!(account.messaging_service_sid, None);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let main = "[http]\nlisten = \"0.0.0.0:1\"\nworkers = 3\n[runtime]\nmax_in_flight = 10\n";
    let config = holds(
        main,
        &[
            ("PALABRE__HTTP__LISTEN", "[::1]:9000"),
            ("PALABRE__HTTP__PUBLIC_BASE_URL", "https://hooks.example.com/"),
            ("PALABRE__HTTP__TRUSTED_PROXIES", r#"["10.0.0.0/8", "10.1.2.3"]"#),
            ("PALABRE__DATABASE__MIGRATE", "false"),
            ("PALABRE__REDIS__URL", "redis://:pass@localhost"),
            ("PALABRE__LOGS__LEVEL", "palabre=debug,info"),
            ("PALABRE__RUNTIME__DRAIN", "1m 30s"),
            ("PALABRE_CONFIG", "not a key"),
        ],
    );
    assert_eq!(config.http.listen.to_string(), "[::1]:9000");
    assert_eq!(config.http.workers, 3);
    assert_eq!(config.http.public_base_url.as_deref(), Some("https://hooks.example.com"));
    assert_eq!(config.http.trusted_proxies.iter().map(|block| block.prefix).collect::<Vec<_>>(), [8, 32]);
    assert!(!config.database.migrate);
    assert_eq!(config.redis.expect("redis").url.expose_secret(), "redis://:pass@localhost");
    assert_eq!(config.logs.level, "palabre=debug,info");
    assert_eq!(config.runtime.drain, Duration::from_secs(90));
    assert_eq!((config.runtime.max_in_flight, config.runtime.max_in_flight_per_tenant), (10, 10));
}

#[test]
fn a_bound_that_was_written_is_not_lowered_in_silence() {
    let said = |main: &str, variables: &[(&str, &str)]| -> Vec<String> {
        let loaded = Config::from_toml_texts(main, &[("t.toml", TENANT)], &with(variables), &PROVIDERS);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).warnings.iter().map(told).collect()
    };
    let lower = "[runtime]\nmax_in_flight = 10\ndrain = \"1s\"\n[http]\nmax_body_bytes = 67108864\n";
    assert_eq!(said(lower, &[]), [""; 0], "the defaults make way");
    assert_eq!(said("", &[("PALABRE__RUNTIME__MAX_IN_FLIGHT", "10")]), [""; 0]);
    assert_eq!(said("", &[("PALABRE__RUNTIME", "{max_in_flight=10, senders=3}")]), [""; 0]);
    assert_eq!(said("[runtime]\nmax_in_flight = 10\nmax_in_flight_per_tenant = 10\n", &[]), [""; 0]);
    let help = "one tenant cannot have more than all: lower it, or raise the other";
    let both = [("PALABRE__RUNTIME", "{max_in_flight=10, max_in_flight_per_tenant=20}")];
    for (main, variables, place, names) in [
        (
            "[runtime]\nmax_in_flight = 10\nmax_in_flight_per_tenant = 20\n",
            &[][..],
            "palabre.toml:3:28",
            ("runtime.max_in_flight_per_tenant", "runtime.max_in_flight"),
        ),
        (
            "[runtime]\nmax_in_flight_per_tenant = 20\n",
            &[("PALABRE__RUNTIME__MAX_IN_FLIGHT", "10")][..],
            "palabre.toml:2:28",
            ("runtime.max_in_flight_per_tenant", "PALABRE__RUNTIME__MAX_IN_FLIGHT"),
        ),
        ("", &both[..], "the environment's PALABRE__RUNTIME", ("PALABRE__RUNTIME", "PALABRE__RUNTIME")),
    ] {
        let expected = format!("warning {place} `{}` is more than `{}`: 10 is used instead | {help}", names.0, names.1);
        assert_eq!(said(main, variables), [expected], "{main}");
    }
}

#[test]
fn mistakes_in_variables_are_named_by_their_variable() {
    let variables = with(&[
        ("PALABRE__HTPP__LISTEN", "x"),
        ("PALABRE__HTTP__LISEN", "x"),
        ("PALABRE__HTTP__WORKERS", "many"),
        ("PALABRE__LOGS__FORMAT", "xml"),
        ("PALABRE__RUNTIME__SENDERS", "0"),
        ("PALABRE__", "x"),
    ]);
    let errors = Config::from_toml_texts("", &[("t.toml", TENANT)], &variables, &PROVIDERS).expect_err("mistakes");
    let told: Vec<String> = errors.problems.iter().map(told).collect();
    let prefix = "error the environment's PALABRE__";
    assert_eq!(
        told,
        [
            format!("{prefix} `PALABRE__` names no key | write it like PALABRE__HTTP__LISTEN"),
            format!("{prefix}HTPP__LISTEN unknown key `PALABRE__HTPP__LISTEN` | did you mean `PALABRE__HTTP__LISTEN`?"),
            format!("{prefix}HTTP__LISEN unknown key `PALABRE__HTTP__LISEN` | did you mean `PALABRE__HTTP__LISTEN`?"),
            format!("{prefix}HTTP__WORKERS `PALABRE__HTTP__WORKERS` must be a whole number, not text"),
            format!("{prefix}LOGS__FORMAT `PALABRE__LOGS__FORMAT` cannot be `xml` | one of `json`, `text`"),
            format!("{prefix}RUNTIME__SENDERS `PALABRE__RUNTIME__SENDERS` is 0, but must be from 1 to 65536"),
        ]
    );
}

#[test]
fn relative_paths_start_beside_the_file() {
    let folder = tempfile::Builder::new().prefix("100% sûr?").tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("firms")).expect("a folder");
    for (name, text) in [
        ("palabre.toml", "tenants.dir = \"firms\"\ndatabase.url = \"sqlite://data/p.db?cache=private\"\n"),
        ("firms/b.toml", &TENANT.replace("belle", "second").replace("415523", "415524")),
        ("firms/a.toml", TENANT),
        ("firms/.a.toml", "not = toml ="),
        ("firms/readme.md", "not toml"),
    ] {
        std::fs::write(path(name), text).expect("a file");
    }
    let config = Config::load(&path("palabre.toml"), &with(&[]), &PROVIDERS).expect("it holds").config;
    let ids: Vec<&str> = config.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(ids, ["belle", "second"], "in the order of the files' names");
    let shown = folder.path().to_str().expect("UTF-8").replace('%', "%25").replace('?', "%3F");
    assert_eq!(config.database.url, format!("sqlite://{shown}/data/p.db?cache=private"));

    let absolute = with(&[("PALABRE__DATABASE__URL", "sqlite:///var/p.db")]);
    let config = Config::load(&path("palabre.toml"), &absolute, &PROVIDERS).expect("it holds").config;
    assert_eq!(config.database.url, "sqlite:///var/p.db");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = folder.path().join("palabre.toml");
    let told = |path: &Path| -> Vec<String> {
        let errors = Config::load(path, &Environment::default(), &PROVIDERS).expect_err("it cannot be read");
        errors.problems.iter().map(told).collect()
    };
    let shown = main.display();
    assert_eq!(
        told(&main),
        [format!(
            "error {shown} cannot be read: it is not there | name the daemon's configuration with `--config FILE`"
        )]
    );
    std::fs::write(&main, b"[http]\nlisten = \"\xff\"").expect("a file");
    assert_eq!(told(&main), [format!("error {shown} line 2 is not UTF-8 | save the file as UTF-8")]);
    std::fs::write(&main, "[tenants]\ndir = \"nowhere\"").expect("a file");
    let told = told(&main);
    assert!(told[0].starts_with(&format!("error {shown}:2:7 the tenants' folder `")), "{told:?}");
    assert!(told[0].contains("nowhere` cannot be read: it is not there"), "{told:?}");
}
