//! Samples for deployment: each is read by the program that it is for, where that runs without an engine of its own.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use palabre::config::{Config, Environment};
use palabre::gateway::PROVIDERS;
use palabre::gateway::twilio::simulator::Daemon as Whereabouts;
use palabre_testbed::lasting_port;
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{BELLE, BREATH, PUBLIC_URL, Setup, Waiting, World};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Caddy on the sample file. It ends with its owner.
pub struct Caddy {
    folder: TempDir,
    pub port: u16,
    process: Child,
}

impl Caddy {
    /// Nothing of the sample is changed but where things are: its name and port, and where the daemon is.
    fn start(daemon: u16) -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), lasting_port());
        let once = |text: String, from: &str, to: &str| {
            assert_eq!(text.matches(from).count(), 1, "the sample has `{from}` once");
            text.replace(from, to)
        };
        let site =
            once(read("config/caddy/Caddyfile"), "\nhooks.example.com {", &format!("\nhttp://127.0.0.1:{port} {{"));
        let site = once(site, "reverse_proxy 127.0.0.1:8080", &format!("reverse_proxy 127.0.0.1:{daemon}"));
        // A machine that runs other tests restarts a daemon more slowly.
        let site = once(site, "lb_try_duration 9s", "lb_try_duration 60s");
        let site = once(site, "response_header_timeout 9s", "response_header_timeout 60s");
        Self::run(folder, port, &site)
    }

    /// One with TLS and nothing else of the sample: files with its certificate and key, for `localhost`.
    pub fn with_tls(daemon: u16, certificate: &Path, key: &Path) -> Self {
        Self::with_tls_at(lasting_port(), daemon, certificate, key)
    }

    /// The same at a port.
    pub fn with_tls_at(port: u16, daemon: u16, certificate: &Path, key: &Path) -> Self {
        let (certificate, key) = (certificate.display(), key.display());
        let site =
            format!("https://localhost:{port} {{\n\ttls {certificate} {key}\n\treverse_proxy 127.0.0.1:{daemon}\n}}\n");
        Self::run(tempfile::tempdir().expect("a folder"), port, &site)
    }

    fn run(folder: TempDir, port: u16, site: &str) -> Self {
        // Its own administration listens at a port that is everybody's, and so does its redirection.
        let file = folder.path().join("Caddyfile");
        let global = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
        std::fs::write(&file, format!("{global}{site}")).expect("a file");
        let process = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("a file"))
            .spawn()
            .expect("caddy is there: run .ci/prepare");
        let mut caddy = Self { folder, port, process };
        let mut waiting = Waiting::begin();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = caddy.process.try_wait().expect("its state");
            assert!(ended.is_none() && waiting.goes_on(), "caddy does not start: {}", caddy.log());
            std::thread::sleep(BREATH);
        }
        caddy
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_passes_webhooks_on_unchanged_and_waits_for_a_restart() {
    let world = World::asleep(&Setup::default());
    let port = lasting_port();
    let mut node = Some(world.node(1, port));
    let caddy = Caddy::start(port);
    world.twilio.set_daemon(Whereabouts { public_base_url: PUBLIC_URL.to_owned(), reached_at: caddy.url() });
    // The signature covers path and query.
    assert_eq!(world.write(BELLE, "+33612345678", "Bonjour").await.status, 200);
    world.twilio.taken_at_least(1).await;
    let client = reqwest::Client::new();
    for (path, status) in [
        ("/healthz", 200),
        ("/webhooks/twilio-whatsapp/belle/status-check", 200),
        // Who has no plan, no file and no calendar there is told so by the daemon, in its own words.
        ("/p/plan.css", 200),
        ("/readyz", 404),
        ("/metrics", 404),
        ("/api/health", 404),
        ("/api/v1/messages", 404),
        ("/console/login", 404),
    ] {
        let answer = client.get(format!("{}{path}", caddy.url())).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }

    // Customers write while the daemon is restarted: nobody gets a 502.
    let world = Arc::new(world);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writing = {
        let (world, stop, written) = (Arc::clone(&world), Arc::clone(&stop), Arc::clone(&written));
        tokio::spawn(async move {
            let mut failed = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let number = written.fetch_add(1, Ordering::Relaxed);
                let answer =
                    world.twilio.deliver(&world.text(BELLE, "+33612345679", &format!("message {number}"))).await;
                match answer {
                    Ok(answer) if answer.status == 200 => {}
                    other => failed.push(format!("{number}: {other:?}")),
                }
                tokio::time::sleep(BREATH * 4).await;
            }
            failed
        })
    };
    for _ in 0..2 {
        let before = written.load(Ordering::Relaxed);
        while written.load(Ordering::Relaxed) < before + 5 {
            tokio::time::sleep(BREATH).await;
        }
        let gone = node.take().expect("it runs");
        let restarting = Arc::clone(&world);
        let restarted = tokio::task::spawn_blocking(move || {
            let status = gone.terminate();
            (status, restarting.node(1, port))
        });
        let (status, again) = restarted.await.expect("it restarts");
        assert_eq!(status.code(), Some(0));
        node = Some(again);
    }
    stop.store(true, Ordering::Relaxed);
    let failed = writing.await.expect("nobody panicked");
    assert!(failed.is_empty(), "{failed:?}\n{}", caddy.log());
}

/// A YAML file as JSON, by the parser that the tests of the API's description brought.
fn yaml(path: &str) -> Value {
    let python = Path::new(ROOT).join("tests/openapi/venv/bin/python");
    let said = Command::new(python)
        .args(["-c", "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)"])
        .arg(Path::new(ROOT).join(path))
        .output()
        .expect("python is there: run .ci/prepare");
    assert!(said.status.success(), "{path}: {}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("JSON")
}

#[test]
fn the_compose_file_holds_together() {
    let compose = yaml("config/docker/compose.yaml");
    let services = compose["services"].as_object().expect("services");
    assert_eq!(services.len(), 7, "{:?}", services.keys());
    let names = |key: &str| -> Vec<String> { compose[key].as_object().expect("a table").keys().cloned().collect() };
    let (networks, volumes) = (names("networks"), names("volumes"));
    for (name, service) in services {
        assert!(
            service["image"].as_str().is_some_and(|image| !image.ends_with(":latest")),
            "{name}: an image of a version"
        );
        for network in service["networks"].as_array().expect("networks") {
            assert!(networks.contains(&network.as_str().expect("a name").to_owned()), "{name}: {network}");
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount.as_str().expect("a mount").split(':').next().expect("a source").to_owned();
            assert!(source.starts_with("./") || volumes.contains(&source), "{name}: {source}");
        }
        let needed = match &service["depends_on"] {
            Value::Array(list) => list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect(),
            Value::Object(table) => table.keys().cloned().collect(),
            _ => Vec::new(),
        };
        assert!(needed.iter().all(|needed| services.contains_key(needed)), "{name}: {needed:?}");
        // What a port of the machine leads to is on the internet, or for this machine alone.
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().expect("a port");
            assert!(name == "caddy" || port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    // Prometheus asks and tells whom it finds there, and so does Grafana.
    let prometheus = yaml("config/docker/prometheus.yml");
    let told = &prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0];
    let asked = yaml("config/docker/grafana/datasource.yml");
    for url in [told.as_str().expect("a target"), asked["datasources"][0]["url"].as_str().expect("a URL")] {
        let host = url.trim_start_matches("http://").split(':').next().expect("a host");
        assert!(services.contains_key(host), "{url}");
    }
    let boards = yaml("config/docker/grafana/provider.yml");
    let boards = boards["providers"][0]["options"]["path"].as_str().expect("a path").to_owned();
    let mounts = services["grafana"]["volumes"].as_array().expect("mounts");
    assert!(mounts.iter().any(|mount| mount.as_str().is_some_and(|mount| mount.contains(&format!(":{boards}:")))));

    let palabre = &services["palabre"];
    assert_eq!(palabre["read_only"], true);
    assert_eq!(palabre["cap_drop"], serde_json::json!(["ALL"]));
    assert_eq!(palabre["healthcheck"]["test"], serde_json::json!(["CMD", "palabre", "health"]));
    assert_eq!(palabre["stop_grace_period"], "30s", "longer than runtime.drain");
    let dockerfile = palabre["build"]["dockerfile"].as_str().expect("a path");
    assert!(Path::new(ROOT).join(dockerfile).exists(), "{dockerfile}");

    // The variables of the image and of the service make a configuration that holds.
    let mut variables: BTreeMap<String, String> = image_variables();
    for (name, value) in palabre["environment"].as_object().expect("a table") {
        let value = value.as_str().expect("a text").replace("${PALABRE_DATABASE_PASSWORD:?in secrets.env}", "secret");
        assert!(!value.contains("${"), "{value}");
        variables.insert(name.clone(), value);
    }
    let tenants = Path::new(ROOT).join("config/tenants");
    variables.insert("PALABRE__TENANTS__DIR".to_owned(), tenants.display().to_string());
    variables
        .extend(["BELLE_TWILIO_TOKEN"].map(|name| (name.to_owned(), "0123456789abcdef0123456789abcdef".to_owned())));
    let environment: Environment = variables.into_iter().collect();
    let loaded = Config::load_without_secrets(&Path::new(ROOT).join("config/palabre.toml"), &environment, &PROVIDERS);
    let config = loaded.unwrap_or_else(|errors| panic!("{errors}")).config;
    assert!(config.database.is_server() && config.redis.is_some() && config.spool.is_some());
    assert!(config.http.listen.ip().is_unspecified() && config.http.admin_listen.is_some());
    // The root is read-only: whatever is written is in the volume.
    let folders = [config.spool.expect("a spool").dir, config.media.dir, config.privacy.export_dir];
    assert!(folders.iter().all(|folder| folder.starts_with("/var/lib/palabre")), "{folders:?}");
    // What Caddy's network is, the daemon believes.
    let subnet = compose["networks"]["front"]["ipam"]["config"][0]["subnet"].as_str().expect("a block");
    let address = subnet.split('/').next().expect("an address").parse().expect("an address");
    assert!(config.http.trusted_proxies.iter().any(|proxies| proxies.contains(address)));
}

/// `ENV` of the Dockerfile.
fn image_variables() -> BTreeMap<String, String> {
    let text = read("config/docker/Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = lines.flat_map(str::split_whitespace).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_image_is_built_from_what_is_there_and_runs_as_nobody_in_particular() {
    let text = read("config/docker/Dockerfile").replace("\\\n", " ");
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let of = |word: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
    };
    let known = [
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "VOLUME",
        "ENV",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    for line in &lines {
        assert!(known.iter().any(|word| line.starts_with(&format!("{word} "))), "{line}");
    }
    assert_eq!(of("FROM").len(), 2, "two stages");
    assert!(of("FROM").iter().all(|image| !image.contains("latest")), "{:?}", of("FROM"));
    let version = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ")).map(str::to_owned);
    let version = version.expect("a version").trim_matches('"').to_owned();
    assert!(of("FROM")[0].starts_with(&format!("rust:{version}-")), "{:?}: the version of Cargo.toml", of("FROM"));
    assert_eq!(of("USER"), ["10001:10001"]);
    assert!(of("HEALTHCHECK")[0].ends_with(r#"CMD ["palabre", "health"]"#));
    assert_eq!((of("ENTRYPOINT"), of("CMD")), (vec![r#"["palabre"]"#], vec![r#"["serve"]"#]));
    for copied in of("COPY").iter().filter(|copied| !copied.contains("--from=") && !copied.starts_with(". ")) {
        let source = copied.split_whitespace().next().expect("a path");
        assert!(Path::new(ROOT).join(source).exists(), "{source}");
    }
    let ignored = read(".dockerignore");
    assert!(ignored.lines().any(|line| line == "target") && ignored.lines().any(|line| line == ".git"));
}

#[test]
fn prometheus_of_the_compose_file_reads_its_configuration() {
    let said = Command::new("promtool")
        .args(["check", "config", "--syntax-only", "config/docker/prometheus.yml"])
        .current_dir(ROOT)
        .output()
        .expect("promtool is there: run .ci/prepare");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// systemd's own opinion of the unit: it is read without a complaint, and little is exposed (0 is best, 10 worst).
#[test]
fn systemd_takes_the_unit_and_finds_it_guarded() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("palabre.service");
    std::fs::write(&unit, read("config/systemd/palabre.service").replace("/usr/local/bin/palabre", "/bin/true"))
        .expect("a file");
    for told in [
        &["verify", "--man=no"][..],
        // In tenths: nothing above 1.5.
        &["security", "--offline=yes", "--threshold=15", "--no-pager"],
    ] {
        let said = Command::new("systemd-analyze").args(told).arg(&unit).output();
        let said = said.expect("systemd-analyze is there: run .ci/prepare");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(said.status.success(), "{told:?}: {}{}", text(&said.stdout), text(&said.stderr));
        assert!(told[0] != "verify" || said.stderr.is_empty(), "{}", text(&said.stderr));
    }
}

#[tokio::test]
async fn health_says_whether_the_daemon_is_ready() {
    let mut world = World::start();
    let ask = |base: String, config: PathBuf| {
        let told = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .arg("health")
            .env("PALABRE_CONFIG", config)
            .env("PALABRE__HTTP__LISTEN", base.trim_start_matches("http://"))
            .output()
            .expect("it runs");
        (told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned())
    };
    let base = world.base_url().to_owned();
    assert_eq!(ask(base.clone(), world.config()), (Some(0), "ready\n".to_owned()));
    world.kill();
    assert_eq!(ask(base, world.config()), (Some(1), String::new()));
    assert_eq!(ask("127.0.0.1:1".to_owned(), PathBuf::from("nowhere.toml")).0, Some(70));
}
