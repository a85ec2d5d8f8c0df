//! `palabre doctor` beside a real daemon: every provider's simulator set up well, then badly; what else may be wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::Utc;
use palabre::config::{Channel, Config, Environment};
use palabre::gateway::simulator::{Daemon, SampleChannel, SimulatedProvider, StartOptions};
use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, SimulatedNumber};
use palabre::gateway::{self, PROVIDERS};
use palabre::payments::stripe::simulator::{SECRET_KEY, SimulatedStripe, WEBHOOK_SECRET};
use serde_json::Value;

use crate::daemon::{BELLE, PUBLIC_URL, Setup, TAXI, World, on_postgres};
use crate::deploy::Caddy;
use crate::smtp::MailServer;

const ACCOUNT: &str = "acct_Every0000000001";
/// Of every provider's channel. Telegram's bot has the number before the hyphen.
const SECRET: &str = "12345678-un-secret-du-fournisseur";

/// Of the mail server.
const PASSWORD: &str = "smtp-password";

/// What a run said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// A daemon with the channels of every provider, and all that they talk with.
struct Everything {
    world: World,
    simulators: Vec<Arc<dyn SimulatedProvider>>,
    stripe: SimulatedStripe,
    _mail: MailServer,
}

impl Everything {
    fn open() -> Self {
        let mail = MailServer::start();
        let stripe = SimulatedStripe::start(ACCOUNT, Utc::now()).expect("the simulator starts");
        let mut tenant = "id = \"every\"\nname = \"Tout\"\nlanguage = \"fr\"\nreplies.fallback = \"ok\"\n".to_owned();
        let mut simulators = Vec::new();
        for simulation in gateway::simulations() {
            let options = StartOptions { listen: ([127, 0, 0, 1], 0).into(), seed: 7, on_sent: Arc::new(|_| {}) };
            let simulator = simulation.start(options).expect("the simulator starts");
            for (number, (provider, scheme)) in simulation.providers().iter().enumerate() {
                let address = match scheme.to_string().as_str() {
                    "telegram" => "telegram:12345678".to_owned(),
                    scheme => format!("{scheme}:+3361234999{number}"),
                };
                tenant.push_str(&simulation.channel_toml(&SampleChannel {
                    id: &format!("every-{provider}"),
                    provider,
                    address: &address,
                    account: 7,
                    secret_file: "every-secret",
                    base_url: &simulator.base_url(),
                }));
            }
            simulators.push(simulator);
        }
        tenant.push_str(&format!(
            "[[channels]]\nid = \"every-smtp\"\nprovider = \"smtp\"\naddress = \"mailto:contact@every.example\"\n\
             from_name = \"Tout\"\nhost = \"localhost\"\nport = {}\nusername = \"contact\"\npassword = {{ file = \"mail-secret\" }}\n\
             ca = {{ file = \"smtp-ca\" }}\nwebhook_token = {{ file = \"every-secret\" }}\n\
             [[channels]]\nid = \"every-sandbox\"\nprovider = \"sandbox\"\naddress = \"sandbox:every\"\n\
             [stripe]\naccount = \"{ACCOUNT}\"\n[[plans]]\nid = \"premium\"\nname = \"Accès\"\nprice = 999\n\
             chats = [\"telegram:-1001234567890\"]\nbot = \"every-telegram\"\n\
             [imprint]\nname = \"Tout SARL\"\n",
            mail.port
        ));
        let daemon = format!(
            "[stripe]\nsecret_key = {{ file = \"stripe-key\" }}\nwebhook_secrets = [{{ file = \"stripe-hook\" }}]\n\
             api_base_url = \"{}\"\n",
            stripe.base_url()
        );
        let mut world = World::asleep(&Setup { daemon, ..Setup::default() });
        let certificate = std::fs::read_to_string(mail.certificate()).expect("a certificate");
        for (name, secret) in [
            ("every-secret", SECRET),
            ("mail-secret", PASSWORD),
            ("smtp-ca", &certificate),
            ("stripe-key", SECRET_KEY),
            ("stripe-hook", WEBHOOK_SECRET),
        ] {
            world.write_secret(name, secret);
        }
        std::fs::write(world.config().with_file_name("tenants").join("every.toml"), tenant).expect("a file");
        world.start_daemon();
        let this = Self { world, simulators, stripe, _mail: mail };
        this.set_up();
        this
    }

    /// What an operator does in each provider's console.
    fn set_up(&self) {
        let loaded = Config::load(&self.world.config(), &Environment::default(), &PROVIDERS).expect("it holds");
        let tenant = loaded.config.tenants.iter().find(|tenant| tenant.id.as_str() == "every").expect("it is there");
        let channels: Vec<Channel> = tenant.channels.clone();
        let base = self.world.base_url();
        for simulator in &self.simulators {
            simulator.set_channels(&channels);
            simulator.set_daemon(Daemon::at(base));
            simulator.set_misconfigured(false);
        }
        self.stripe.set_webhook_urls(&[&format!("{base}/webhooks/stripe")]);
    }

    async fn doctor(&self, told: &[&str]) -> Said {
        run(&self.world, &[], &[&["doctor"], told].concat()).await
    }
}

/// Runs the program with the configuration of a world and the address of its daemon, which is also its public URL. The
/// simulators may run on this thread meanwhile.
async fn run(world: &World, variables: &[(&str, &str)], told: &[&str]) -> Said {
    let base = world.base_url().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    command
        .args(told)
        .env("PALABRE_CONFIG", world.config())
        .env("PALABRE__HTTP__LISTEN", base.trim_start_matches("http://"))
        .env("PALABRE__HTTP__PUBLIC_BASE_URL", &base)
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let said = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: said.status.code().expect("an exit code"), out: text(&said.stdout), err: text(&said.stderr) }
}

/// The findings of one check and subject, as `level: what`.
fn about(report: &Value, check: &str, subject: Option<&str>) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let same = findings.filter(|found| found["check"] == check && found["subject"].as_str() == subject);
    same.map(|found| format!("{}: {}", found["level"].as_str().unwrap(), found["what"].as_str().unwrap())).collect()
}

/// The levels of one check and subject.
fn levels(report: &Value, check: &str, subject: Option<&str>) -> Vec<String> {
    let found = about(report, check, subject).into_iter();
    found.map(|found| found.split(':').next().unwrap_or_default().to_owned()).collect()
}

/// The PostgreSQL of the tests gives these up for speed, and the doctor says so.
const RISKS: [&str; 2] = ["the setting fsync lets", "the setting full_page_writes lets"];

/// What is wrong, but for what is so on purpose.
fn wrong(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let told = findings.filter(|finding| finding["level"] == "wrong").map(|finding| finding["what"].to_string());
    told.filter(|what| !(on_postgres() && RISKS.iter().any(|risk| what.contains(risk)))).collect()
}

#[actix_web::test]
async fn every_provider_is_asked_about_its_channels_in_good_and_in_bad_states() {
    let everything = Everything::open();
    // Telegram is told by our own command where to post.
    let told = run(&everything.world, &[], &["telegram", "set-webhook", "--channel", "every-telegram"]).await;
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    // The paid chat has no such administrator: that is found once, told, and then mended.
    let stuck = "SELECT count(*) FROM access_chats WHERE stuck_since IS NOT NULL";
    everything.world.until(stuck, 1).await;
    let report = everything.doctor(&["--tenant", "every", "--json"]).await.json();
    assert_eq!(levels(&report, "access", Some("every")), ["wrong"], "{report:#}");
    everything.world.execute("UPDATE access_chats SET stuck_since = NULL").await;

    let good = everything.doctor(&["--tenant", "every", "--json"]).await;
    let report = good.json();
    assert_eq!(wrong(&report), Vec::<String>::new(), "{report:#}");
    assert_eq!((good.code == 0, &report["ready"]), (!on_postgres(), &Value::Bool(!on_postgres())), "{report:#}");
    // Check, subject, and what the bad state is to say about it, in French.
    let channels: [(&str, &str, &str); 7] = [
        ("channel", "every-twilio-whatsapp", "n'arrivent pas ici"),
        ("channel", "every-twilio-sms", "n'arrivent pas ici"),
        ("channel", "every-greenapi-whatsapp", "n'arrivent pas ici"),
        ("channel", "every-whatsapp-cloud", "aucune application n'est abonnée"),
        ("channel", "every-telegram", "est une autre URL"),
        ("channel", "every-smtp", "refuse la connexion"),
        ("payments", "every", "n'est pas à la plateforme"),
    ];
    for (check, subject, _) in channels {
        let found = levels(&report, check, Some(subject));
        assert!(!found.is_empty() && found.iter().all(|level| level == "good"), "{subject}: {report:#}");
    }
    for check in ["configuration", "daemon", "public_url", "clock", "database", "payments", "messages"] {
        let found = levels(&report, check, None);
        assert!(!found.is_empty(), "{check}: {report:#}");
    }
    assert_eq!(about(&report, "channel", Some("every-sandbox")).len(), 1, "{report:#}");
    assert!(about(&report, "channel", Some("belle")).is_empty(), "another tenant's: {report:#}");

    // Everything is set up wrongly at once.
    for simulator in &everything.simulators {
        simulator.set_misconfigured(true);
    }
    everything.stripe.set_webhook_urls(&["https://elsewhere.example.com/webhooks/stripe"]);
    everything.world.write_secret("mail-secret", "another");
    let path = everything.world.config().with_file_name("tenants").join("every.toml");
    let text = std::fs::read_to_string(&path).expect("its file");
    std::fs::write(&path, text.replace(ACCOUNT, "acct_Another00000001")).expect("a file");
    let bad = everything.doctor(&["--tenant", "every", "--json", "--language", "fr"]).await;
    let report = bad.json();
    assert_eq!((bad.code, &report["ready"]), (1, &Value::Bool(false)), "{report:#}");
    for (check, subject, words) in channels {
        let found = about(&report, check, Some(subject));
        let is_told = found.iter().any(|found| found.starts_with("wrong") && found.contains(words));
        assert!(is_told, "{subject}: {words}: {report:#}");
    }
    assert!(levels(&report, "payments", None).contains(&"wrong".to_owned()), "{report:#}");

    let text = everything.doctor(&["--tenant", "every"]).await;
    assert!(text.code == 1 && text.out.contains("\nto do:\n  1. ") && !text.out.contains("\nready"), "{}", text.out);
    assert!(text.out.contains("palabre telegram set-webhook"), "{}", text.out);
    for said in [&good, &bad, &text] {
        for secret in [SECRET, PASSWORD, SECRET_KEY, WEBHOOK_SECRET, BELLE.auth_token, "un-secret-du"] {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{secret}: {}{}", said.out, said.err);
        }
    }
}

/// A world whose Twilio is set up well.
fn shop(setup: &Setup) -> World {
    let world = World::start_on(setup);
    point_numbers(&world, world.base_url());
    world
}

fn point_numbers(world: &World, base: &str) {
    let number = |account: &str, wire: String, provider: &str, id: &str| SimulatedNumber {
        account_sid: account.to_owned(),
        wire,
        path: format!("/webhooks/{provider}/{id}"),
    };
    let numbers = [BELLE, TAXI].into_iter().flat_map(|tenant| {
        let (sid, sender) = (tenant.account_sid, tenant.sender);
        [
            number(sid, format!("whatsapp:{sender}"), "twilio-whatsapp", tenant.id),
            number(sid, sender.to_owned(), "twilio-sms", &format!("{}-sms", tenant.id)),
        ]
    });
    world.twilio.set_numbers(numbers.collect());
    world.twilio.set_daemon(Daemon { public_base_url: base.to_owned(), reached_at: world.base_url().to_owned() });
}

#[tokio::test]
async fn a_healthy_installation_is_ready_and_says_so() {
    let world = shop(&Setup::default());
    let said = run(&world, &[], &["doctor"]).await;
    let french = run(&world, &[], &["doctor", "--language", "fr"]).await;
    if on_postgres() {
        assert_eq!((said.code, french.code), (1, 1), "{}{}", said.out, said.err);
        let lines: Vec<&str> = said.out.lines().filter(|line| line.starts_with("WRONG")).collect();
        assert!(lines.iter().all(|line| RISKS.iter().any(|risk| line.contains(risk))), "{}", said.out);
    } else {
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.ends_with("ready\n"), "{}", said.out);
        assert!(french.code == 0 && french.out.ends_with("prêt\n"), "{}", french.out);
    }
    let stranger = run(&world, &[], &["doctor", "--tenant", "bele"]).await;
    assert!(stranger.code == 1 && stranger.err.contains("did you mean `belle`?"), "{}", stranger.err);
    // Neither database nor anything else was changed: there is no event of it.
    let spoken = world.value::<i64>("SELECT count(*) FROM event_log").await;
    assert_eq!(spoken, 0);
}

#[tokio::test]
async fn what_is_wrong_around_the_daemon_is_named() {
    let mut world = shop(&Setup::default());
    // An address that nobody listens at, as public URL and as Redis.
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let (url, redis) = (format!("http://{away}"), format!("redis://{away}"));
    let variables = [("PALABRE__HTTP__PUBLIC_BASE_URL", url.as_str()), ("PALABRE__REDIS__URL", redis.as_str())];
    let said = run(&world, &variables, &["doctor", "--json"]).await;
    let report = said.json();
    assert_eq!(said.code, 1, "{report:#}");
    assert_eq!(
        about(&report, "public_url", None),
        [format!("wrong: {url} cannot be reached from this machine (connection_refused)")]
    );
    assert_eq!(levels(&report, "redis", None), ["doubtful"], "{report:#}");
    // Its numbers lead to the other URL.
    assert!(levels(&report, "channel", Some("belle")).contains(&"wrong".to_owned()), "{report:#}");

    // A name that nobody has.
    let nowhere = [("PALABRE__HTTP__PUBLIC_BASE_URL", "https://no-such-name.invalid")];
    let report = run(&world, &nowhere, &["doctor", "--json"]).await.json();
    assert!(about(&report, "public_url", None)[0].contains("no-such-name.invalid has no address"), "{report:#}");

    // Messages that were given up, and one that nobody answers.
    world.twilio.set_faults(Faults::of([Rule::always(Fault::Refuse { status: 400, code: 21_211 })]));
    point_numbers(&world, PUBLIC_URL);
    assert_eq!(world.write(BELLE, "+33612345678", "Bonjour").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE state = 'dead'", 1).await;
    let rights = std::fs::Permissions::from_mode;
    let folder = world.config().parent().expect("a folder").to_owned();
    std::fs::set_permissions(&folder, rights(0o755)).expect("ours");
    let token = folder.join("belle.token");
    std::fs::set_permissions(&token, rights(0o644)).expect("ours");
    std::fs::set_permissions(world.config(), rights(0o666)).expect("ours");
    let before = if on_postgres() {
        "created_at = created_at - interval '1 hour'"
    } else {
        "created_at = '2026-01-01T00:00:00.000000Z'"
    };
    assert!(world.terminate().success());
    world.execute(&format!("UPDATE messages_in SET processed_at = NULL, {before}")).await;

    let said = doctor_alone(&world.config(), &["--json"]).await;
    let report = said.json();
    assert_eq!(said.code, 1, "{report:#}");
    assert_eq!(levels(&report, "daemon", None), ["wrong"], "{report:#}");
    let messages = about(&report, "messages", None).join("\n");
    assert!(messages.contains("1 messages have waited for their answer"), "{report:#}");
    assert!(messages.contains("1 messages of the last day were given up"), "{report:#}");
    let is_open = std::env::temp_dir()
        .ancestors()
        .all(|folder| std::fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 1 == 1));
    if is_open {
        assert_eq!(levels(&report, "files", Some(&token.display().to_string())), ["doubtful"], "{report:#}");
        assert_eq!(levels(&report, "files", Some(&world.config().display().to_string())), ["wrong"], "{report:#}");
    }
    for secret in [BELLE.auth_token, TAXI.auth_token, "+33612345678"] {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{secret}: {}", said.out);
    }

    // A database that is not there, or of an earlier version.
    let elsewhere = if on_postgres() {
        "postgres://nobody@127.0.0.1:1/none".to_owned()
    } else {
        format!("sqlite://{}", folder.join("none.db").display())
    };
    let report = doctor_with(&world.config(), &[("PALABRE__DATABASE__URL", &elsewhere)], &["--json"]).await.json();
    assert_eq!(levels(&report, "database", None), [if on_postgres() { "wrong" } else { "doubtful" }], "{report:#}");
    assert!(!folder.join("none.db").exists(), "it makes no file");
    let last = "SELECT max(version) FROM seaql_migrations";
    world.execute(&format!("DELETE FROM seaql_migrations WHERE version = ({last})")).await;
    let report = doctor_alone(&world.config(), &["--json"]).await.json();
    assert!(
        about(&report, "database", None).iter().any(|found| found.contains("1 migrations are missing")),
        "{report:#}"
    );
}

#[tokio::test]
async fn a_configuration_that_does_not_hold_is_the_first_thing_to_mend() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("palabre.toml");
    std::fs::write(&config, "[http]\nlisten = \"everywhere\"\n").expect("a file");
    std::fs::create_dir(folder.path().join("tenants")).expect("a folder");
    let said = doctor_alone(&config, &[]).await;
    assert!(said.code == 1 && said.out.contains("to do:"), "{}{}", said.out, said.err);
    assert!(said.out.contains("palabre.toml:2"), "{}", said.out);
    let report = doctor_alone(&config, &["--json"]).await.json();
    assert_eq!(report["ready"], false);
    assert_eq!(report["findings"][0]["check"], "configuration");
}

/// A certificate for `localhost` that its own file makes believed.
pub fn certify(folder: &Path, days: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", days])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key", "-out", "certificate"])
        .current_dir(folder)
        .output()
        .expect("openssl is there: run .ci/prepare");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn the_certificate_of_the_public_url_is_looked_at() {
    let world = shop(&Setup::default());
    let daemon = world.port();
    let nobody = tempfile::tempdir().expect("a folder");
    certify(nobody.path(), "90");
    for (days, words) in [
        ("90", "good: its certificate is believed, for 89 days to come"),
        ("5", "doubtful: its certificate is believed, for 4 days to come"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        certify(folder.path(), days);
        let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
        let front = Caddy::with_tls(daemon, &certificate, &key);
        let url = format!("https://localhost:{}", front.port);
        point_numbers(&world, &url);
        let own = certificate.display().to_string();
        let variables = [("PALABRE__HTTP__PUBLIC_BASE_URL", url.as_str()), ("SSL_CERT_FILE", own.as_str())];
        let said = run(&world, &variables, &["doctor", "--json"]).await;
        let report = said.json();
        let found = about(&report, "public_url", None);
        assert!(wrong(&report).is_empty() && found.contains(&words.to_owned()), "{words}: {report:#}");

        let other = nobody.path().join("certificate").display().to_string();
        let variables = [("PALABRE__HTTP__PUBLIC_BASE_URL", url.as_str()), ("SSL_CERT_FILE", other.as_str())];
        let report = run(&world, &variables, &["doctor", "--json"]).await.json();
        let found = about(&report, "public_url", None);
        assert!(found.len() == 1 && found[0].contains("is not believed"), "{report:#}");
    }
}

#[tokio::test]
async fn without_any_authority_to_believe_it_could_not_run() {
    let world = shop(&Setup::default());
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = folder.path().join("none.pem");
    std::fs::write(&nothing, "").expect("a file");
    let (file, folder) = (nothing.display().to_string(), folder.path().display().to_string());
    let variables = [("SSL_CERT_FILE", file.as_str()), ("SSL_CERT_DIR", folder.as_str())];
    let said = run(&world, &variables, &["doctor", "--json"]).await;
    assert!(
        said.code == 70 && said.out.is_empty() && said.err.contains("error:"),
        "{}: {}{}",
        said.code,
        said.out,
        said.err
    );
}

async fn doctor_alone(config: &Path, told: &[&str]) -> Said {
    doctor_with(config, &[], told).await
}

async fn doctor_with(config: &Path, variables: &[(&str, &str)], told: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    // Nobody listens at port 1.
    command
        .arg("doctor")
        .args(told)
        .env("PALABRE_CONFIG", config)
        .env("PALABRE__HTTP__PUBLIC_BASE_URL", "http://127.0.0.1:1");
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    if !config.parent().is_some_and(|folder| folder.join("belle.token").exists()) {
        command.env_remove("PALABRE__HTTP__PUBLIC_BASE_URL");
    } else {
        command.env("PALABRE__HTTP__LISTEN", "127.0.0.1:1");
    }
    let said = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: said.status.code().expect("an exit code"), out: text(&said.stdout), err: text(&said.stderr) }
}
