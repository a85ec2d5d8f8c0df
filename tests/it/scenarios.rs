//! Every scenario of `tests/scenarios` through the daemon: all at once on one daemon and one database, each on a sandbox of a
//! tenant of its own. Time jumps to what happens next in any of them, so hours of waiting cost nothing. Run on both
//! databases.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use futures_util::future::join_all;
use palabre::app;
use palabre::assistant::simulator::{Scripted, SimulatedAssistant};
use palabre::config::{Config, Environment};
use palabre::gateway::PROVIDERS;
use palabre::telemetry::metrics;
use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Clock;
use reqwest::Client;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TryGetable};
use serde_json::json;

use crate::daemon::{BREATH, Setup, Waiting, World, moment, on_postgres};

/// How long everybody takes to answer, as in `palabre scenario run`.
const TURN: TimeDelta = TimeDelta::minutes(1);

/// Time that stands still until it is moved: microseconds since 1970.
struct JumpingClock(AtomicI64);

impl JumpingClock {
    fn jump(&self, to: Timestamp) {
        self.0.fetch_max(to.timestamp_micros(), Ordering::SeqCst);
    }

    /// It goes on for a moment.
    fn tick(&self) {
        self.jump(self.now() + TimeDelta::from_std(BREATH).expect("a moment"));
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// As both databases compare it.
fn literal(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A scenario on its way.
struct Player {
    file: String,
    tenant: String,
    zone: chrono_tz::Tz,
    /// When it goes on.
    at: Timestamp,
    /// People with an address of their own in the file, and what stands for it here.
    people: BTreeMap<String, String>,
    lines: VecDeque<(usize, String)>,
    /// Answers that each person has read.
    read: BTreeMap<String, usize>,
    last: String,
    is_over: bool,
}

/// The daemon's outside.
struct Stage {
    database: DatabaseConnection,
    client: Client,
    base_url: String,
    assistant: SimulatedAssistant,
    clock: Arc<JumpingClock>,
}

impl Stage {
    async fn rows<T: TryGetable>(&self, sql: &str) -> Vec<T> {
        let backend = if on_postgres() { DbBackend::Postgres } else { DbBackend::Sqlite };
        let rows = self.database.query_all_raw(Statement::from_string(backend, sql)).await.expect("the query holds");
        rows.iter().map(|row| row.try_get_by_index(0).expect("a value of this type")).collect()
    }

    async fn value<T: TryGetable>(&self, sql: &str) -> T {
        self.rows(sql).await.swap_remove(0)
    }

    async fn until(&self, sql: &str, wanted: i64, what: &str) {
        let mut waiting = Waiting::begin();
        loop {
            let found: i64 = self.value(sql).await;
            if found == wanted {
                return;
            }
            waiting.again(|| format!("{what}: {found} instead of {wanted}")).await;
        }
    }

    /// Waits until nothing is on its way out: a jump would let its leases end. Time goes on meanwhile, for what is paced.
    async fn all_is_sent(&self) {
        let on_its_way = "FROM messages_out WHERE state IN ('pending', 'sending', 'unknown')";
        let mut waiting = Waiting::begin();
        while self.value::<i64>(&format!("SELECT count(*) {on_its_way}")).await > 0 {
            if !waiting.goes_on() {
                let sql = format!(
                    "SELECT DISTINCT tenant_id || ' ' || state || ' ' || coalesce(last_error, '') {on_its_way}"
                );
                panic!("messages that are not sent: {:?}", self.rows::<String>(&sql).await);
            }
            tokio::time::sleep(BREATH).await;
            self.clock.tick();
        }
    }

    /// Jumps to a time. What is due before happens at its own time, in its order; what is due within a second, together.
    async fn pass_until(&self, to: Timestamp) {
        let due = format!("SELECT {} FROM timers WHERE fires_at <= '{}'", moment("min(fires_at)"), literal(to));
        while let Some(fires_at) = self.value::<Option<String>>(&due).await {
            let fires_at = fires_at.parse::<DateTime<Utc>>().expect("a time");
            self.clock.jump((fires_at + TimeDelta::seconds(1)).min(to));
            let left = format!("SELECT count(*) FROM timers WHERE fires_at <= '{}'", literal(self.clock.now()));
            self.until(&left, 0, "timers that do not fire").await;
            self.all_is_sent().await;
        }
        self.clock.jump(to);
    }
}

impl Player {
    /// Reads a file, and writes the tenant of its own that it gets.
    fn of((number, path): (usize, &PathBuf), tenants: &Path, stage: &SimulatedAssistant) -> Self {
        let text = std::fs::read_to_string(path).expect("a scenario");
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (mut tenant, mut now, mut people, mut lines) = (String::new(), None, BTreeMap::new(), VecDeque::new());
        for (at, line) in text.lines().enumerate() {
            match (line.strip_prefix("- "), line.split_once(": ")) {
                (Some(script), _) => lines.push_back((at + 1, script.to_owned())),
                (None, Some(("tenant", id))) => id.trim().clone_into(&mut tenant),
                (None, Some(("now", at))) => now = at.trim().split_once(' ').map(|(d, t)| (d.to_owned(), t.to_owned())),
                (None, Some((who, address))) if address.starts_with("whatsapp:") => {
                    people.insert(who.to_owned(), address.trim_start_matches("whatsapp:").trim().to_owned());
                }
                _ => {}
            }
        }
        let own = format!("{tenant}-{number}");
        let mut toml = std::fs::read_to_string(folder().join(format!("tenants/{tenant}.toml"))).expect("its tenant");
        let zone: chrono_tz::Tz = toml
            .lines()
            .find_map(|line| line.strip_prefix("timezone = \"")?.strip_suffix('"')?.parse().ok())
            .expect("a time zone");
        for (from, to) in [
            (format!("id = \"{tenant}\""), format!("id = \"{own}\"")),
            (format!("\"{tenant}-try\""), format!("\"{own}-try\"")),
            (format!("\"sandbox:{tenant}\""), format!("\"sandbox:{own}\"")),
            ("\"http://127.0.0.1:9/v1\"".to_owned(), format!("\"{}\"\ntimeout = \"500ms\"", stage.base_url_of(&own))),
        ] {
            toml = toml.replace(&from, &to);
        }
        // Each step waits until all is sent: at 10 a second, what a seller tells everybody would take a while.
        toml = if toml.contains("[limits]") {
            toml.replace("[limits]", "[limits]\nper_second = 1000")
        } else {
            format!("{toml}\n[limits]\nper_second = 1000\n")
        };
        for (who, number) in &people {
            toml = toml.replace(&format!("\"{number}\""), &format!("\"sandbox:{}\"", who.to_lowercase()));
        }
        std::fs::write(tenants.join(format!("{own}.toml")), toml).expect("a file");
        let (date, time) = now.expect("when it begins");
        let date: NaiveDate = date.parse().expect("a date");
        let local = date.and_time(format!("{time}:00").parse().expect("a time"));
        let at = zone.from_local_datetime(&local).single().expect("one time").with_timezone(&Utc);
        Self { file, tenant: own, zone, at, people, lines, read: BTreeMap::new(), last: "C".to_owned(), is_over: false }
    }

    /// Follows the script until time passes. Whether somebody spoke.
    async fn follow(&mut self, stage: &Stage) -> bool {
        while let Some((number, line)) = self.lines.pop_front() {
            let (head, rest) = line.split_once(':').expect("a line of a script");
            let (rest, last) = (rest.trim(), self.last.clone());
            let place = format!("{}:{number}: {line}", self.file);
            match head {
                "B" => self.hears(stage, &last, rest, &place).await,
                "A" => stage.assistant.will(&self.tenant, scripted(rest)),
                "booked" => assert_eq!(self.booked(stage).await, rest, "{place}"),
                "waiting" => assert_eq!(self.waiting(stage).await, rest, "{place}"),
                "orders" => assert_eq!(self.orders(stage).await, rest, "{place}"),
                "leads" => {
                    let sql = format!("SELECT count(*) FROM leads WHERE tenant_id = '{}'", self.tenant);
                    assert_eq!(stage.value::<i64>(&sql).await.to_string(), rest, "{place}");
                }
                "handler" => {
                    let address = format!("sandbox:{}", last.to_lowercase());
                    let tenant = &self.tenant;
                    let sql = format!(
                        "SELECT handler FROM conversations WHERE tenant_id = '{tenant}' AND address = '{address}'"
                    );
                    assert_eq!(stage.value::<String>(&sql).await, rest, "{place}");
                }
                "wait" => {
                    self.nothing_unheard(stage, &place).await;
                    self.at += TimeDelta::from_std(humantime::parse_duration(rest).expect("a time")).expect("short");
                    return false;
                }
                who => match who.strip_prefix("B to ") {
                    Some(who) => self.hears(stage, who, rest, &place).await,
                    None => {
                        self.nothing_unheard(stage, &place).await;
                        self.say(stage, who, rest).await;
                        self.at += TURN;
                        return true;
                    }
                },
            }
        }
        self.nothing_unheard(stage, &self.file).await;
        self.is_over = true;
        false
    }

    async fn say(&mut self, stage: &Stage, who: &str, text: &str) {
        who.clone_into(&mut self.last);
        let body = json!({ "from": who.to_lowercase(), "name": "Nadia", "text": text }).to_string();
        let url = format!("{}/webhooks/sandbox/{}-try", stage.base_url, self.tenant);
        let request = stage.client.post(url).header("Content-Type", "application/json").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{}: {text}", self.file);
    }

    async fn told(&self, stage: &Stage, who: &str) -> Vec<String> {
        let (tenant, who) = (&self.tenant, who.to_lowercase());
        let sql = format!(
            "SELECT body FROM messages_out WHERE tenant_id = '{tenant}' AND \"to\" = 'sandbox:{who}' ORDER BY id"
        );
        stage.rows(&sql).await
    }

    async fn hears(&mut self, stage: &Stage, who: &str, expected: &str, place: &str) {
        let at = self.read.entry(who.to_owned()).or_default();
        let read = *at;
        *at += usize::from(expected != "(silence)");
        let told = self.told(stage, who).await;
        let came = told.get(read).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        // Whoever is on a sandbox has no number that could be told.
        let without = |text: String, (who, number): (&String, &String)| {
            text.replace(&format!("{number}, "), "").replace(number.as_str(), &who.to_lowercase())
        };
        let expected = self.people.iter().fold(expected.to_owned(), without);
        let fits = match (&came, expected.strip_suffix('…')) {
            (None, _) => expected == "(silence)",
            (Some(came), Some(beginning)) => came.starts_with(beginning.trim_end()),
            (Some(came), None) => *came == expected,
        };
        assert!(fits, "{place}\n{who} was told {came:?}");
    }

    async fn nothing_unheard(&self, stage: &Stage, place: &str) {
        let sql = format!("SELECT DISTINCT \"to\" FROM messages_out WHERE tenant_id = '{}'", self.tenant);
        for to in stage.rows::<String>(&sql).await {
            let name = to.trim_start_matches("sandbox:").to_uppercase();
            let read = self.read.get(&name).copied().unwrap_or_default();
            let told = self.told(stage, &name).await;
            assert!(told.len() <= read, "{place}\n{name} was told {:?}, which the file does not say", told.get(read));
        }
    }

    async fn booked(&self, stage: &Stage) -> String {
        let (tenant, starts) = (&self.tenant, moment("starts_at"));
        let sql = format!(
            "SELECT service || ' ' || resource || '|' || {starts} FROM bookings WHERE tenant_id = '{tenant}' \
             AND state = 'confirmed' ORDER BY starts_at"
        );
        let shown = stage.rows::<String>(&sql).await.into_iter().map(|row| {
            let (what, at) = row.split_once('|').expect("a time");
            let at = at.parse::<DateTime<Utc>>().expect("a time").with_timezone(&self.zone);
            format!("{what} {}", at.format("%Y-%m-%d %H:%M"))
        });
        or_nothing(shown.collect())
    }

    async fn waiting(&self, stage: &Stage) -> String {
        let sql = format!(
            "SELECT service || ' ' || state FROM waiting_list WHERE tenant_id = '{}' AND state IN ('waiting', 'offered') \
             ORDER BY created_at, id",
            self.tenant
        );
        or_nothing(stage.rows(&sql).await)
    }

    async fn orders(&self, stage: &Stage) -> String {
        let tenant = &self.tenant;
        let sql = format!(
            "SELECT CASE quantity WHEN 1 THEN '' ELSE CAST(quantity AS TEXT) || ' ' END || reference || coalesce(' ' || size, '') \
             FROM order_lines WHERE tenant_id = '{tenant}' AND state = 'noted' ORDER BY id"
        );
        or_nothing(stage.rows(&sql).await)
    }
}

fn scripted(text: &str) -> Scripted {
    match text {
        "(does not know)" => Scripted::DoesNotKnow,
        "(late)" => Scripted::IsLate,
        _ => Scripted::Says(text.to_owned()),
    }
}

fn or_nothing(shown: Vec<String>) -> String {
    if shown.is_empty() { "nothing".to_owned() } else { shown.join("; ") }
}

#[actix_web::test]
async fn every_scenario_goes_through_the_daemon_as_it_is_written() {
    let daemon = "[runtime]\nsweep_every = \"50ms\"\nshards = 1\n[console]\nenabled = false".to_owned();
    let world = World::asleep(&Setup { daemon, ..Setup::default() });
    let tenants = world.config().parent().expect("a folder").join("tenants");
    let endpoint = SimulatedAssistant::start().expect("the endpoint starts");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    assert!(files.len() >= 100, "{} scenarios", files.len());
    let mut players: Vec<Player> = files.iter().enumerate().map(|file| Player::of(file, &tenants, &endpoint)).collect();
    let begin = players.iter().map(|player| player.at).min().expect("a scenario");
    let clock = Arc::new(JumpingClock(AtomicI64::new(begin.timestamp_micros())));
    let mut config = Config::load(&world.config(), &Environment::default(), &PROVIDERS).expect("it holds").config;
    config.http.listen = ([127, 0, 0, 1], 0).into();
    let exporter = metrics::install().expect("metrics");
    let daemon = app::start_in(config, exporter, Arc::clone(&clock) as _).await.expect("it starts");
    let stage = Stage {
        database: world.reader().await,
        client: Client::new(),
        base_url: format!("http://{}", daemon.addr),
        assistant: endpoint,
        clock,
    };
    let mut said = 0;
    while let Some(at) = players.iter().filter(|player| !player.is_over).map(|player| player.at).min() {
        stage.pass_until(at).await;
        let now = players.iter_mut().filter(|player| !player.is_over && player.at <= at);
        said += join_all(now.map(|player| player.follow(&stage))).await.into_iter().filter(|spoke| *spoke).count();
        let processed = "SELECT count(*) FROM messages_in WHERE state = 'processed'";
        stage.until(processed, i64::try_from(said).expect("few"), "messages that are not processed").await;
        stage.all_is_sent().await;
    }
    let unsent = "SELECT tenant_id || ' ' || state || ' ' || coalesce(last_error, '') FROM messages_out \
         WHERE state NOT IN ('sent', 'suppressed', 'cancelled')";
    assert_eq!(stage.rows::<String>(unsent).await, Vec::<String>::new(), "messages that were not sent");
    assert!(daemon.stop().await, "nothing is under way");
}
