//! Test bed: the real daemon as a process, a simulated Twilio beside it, and a reader of its database.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use palabre::gateway::simulator::{SentMessage, StartOptions};
use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::{
    Answer, Daemon as Whereabouts, InboundMessage, SimulatedAccount, Simulator, SimulatorConfig,
};
use palabre_testbed::postgres;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement, TryGetable};
use tempfile::TempDir;
use tokio::time::Sleep;

/// What the providers see; signatures are made for it.
pub const PUBLIC_URL: &str = "https://hooks.example.com";
/// The database of a world that has no server.
const LITE: &str = "sqlite://palabre.db";
/// Nothing here takes this long; it only turns a hang into a failure.
const DEADLINE: Duration = Duration::from_secs(60);

/// Between two looks: whoever is waited for needs the machine more than whoever waits.
pub const BREATH: Duration = Duration::from_millis(5);

/// Whether this test is one of those that run on PostgreSQL: the same tests run on both databases, and their module's name
/// says on which.
pub fn on_postgres() -> bool {
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    assert!(test != "main", "run the tests in threads of their own");
    test.contains("on_postgres::")
}

/// A column of times, to be read as SQLite has them (RFC 3339).
pub fn moment(column: &str) -> String {
    if on_postgres() {
        format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    } else {
        column.to_owned()
    }
}

/// Waiting that ends. A machine that stood still meanwhile is no reason to give up, so each look counts for a second at
/// most.
pub struct Waiting {
    looked: Instant,
    waited: Duration,
}

impl Waiting {
    pub fn begin() -> Self {
        Self { looked: Instant::now(), waited: Duration::ZERO }
    }

    /// Whether it is worth another look.
    pub fn goes_on(&mut self) -> bool {
        let now = Instant::now();
        self.waited += (now - self.looked).min(Duration::from_secs(1));
        self.looked = now;
        self.waited < DEADLINE
    }

    /// A pause before another look, or a failure that says what was seen.
    #[track_caller]
    pub fn again(&mut self, seen: impl FnOnce() -> String) -> Sleep {
        assert!(self.goes_on(), "{}", seen());
        tokio::time::sleep(BREATH)
    }
}

/// How a simulated provider starts that notes down which messages it took.
pub fn telling(sent: &Arc<Mutex<Vec<SentMessage>>>) -> StartOptions {
    let taken = Arc::clone(sent);
    let on_sent = Arc::new(move |message| taken.lock().expect("nobody panicked").push(message));
    StartOptions { listen: ([127, 0, 0, 1], 0).into(), seed: 7, on_sent }
}

/// A tenant of the tests: its id is also that of its WhatsApp channel.
#[derive(Clone, Copy, Debug)]
pub struct Tenant {
    /// `belle`
    pub id: &'static str,
    /// `AC…`
    pub account_sid: &'static str,
    /// Its token, which must never be seen in a log.
    pub auth_token: &'static str,
    /// Its sender.
    pub sender: &'static str,
}

/// The first tenant.
pub const BELLE: Tenant = Tenant {
    id: "belle",
    account_sid: "AC00000000000000000000000000000001",
    auth_token: "0123456789abcdef0123456789abcde1",
    sender: "+14155238886",
};

/// The second tenant.
pub const TAXI: Tenant = Tenant {
    id: "taxi",
    account_sid: "AC00000000000000000000000000000002",
    auth_token: "0123456789abcdef0123456789abcde2",
    sender: "+14155238887",
};

/// What a world is configured with beside what every world has: TOML. `{id}` stands for the tenant's id, `{number}` for 1 or 2.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Tables of the daemon's file.
    pub daemon: String,
    /// `timezone`
    pub timezone: String,
    /// Keys of the WhatsApp channels.
    pub whatsapp: String,
    /// Keys of the SMS channels.
    pub sms: String,
    /// Keys of `[limits]`.
    pub limits: String,
    /// Tables of the tenants' files.
    pub tenant: String,
}

impl Default for Setup {
    /// Generous limits.
    fn default() -> Self {
        Self {
            // Looked at often, and asked soon: the simulator knows at once what it took.
            daemon: "[runtime]\nsweep_every = \"250ms\"\nask_after = \"500ms\"".to_owned(),
            timezone: "Europe/Paris".to_owned(),
            whatsapp: String::new(),
            sms: String::new(),
            limits: "per_second = 10000\nper_contact_per_minute = 100000\nper_day = 1000000".to_owned(),
            tenant: String::new(),
        }
    }
}

impl Setup {
    /// What a killed daemon had under way is free after four seconds, instead of a minute: on PostgreSQL nobody knows that it is
    /// dead. A lease is at least as long as two calls.
    pub fn killed_soon(mut self) -> Self {
        self.daemon = self.daemon.replacen("[runtime]", "[runtime]\nlease = \"4s\"", 1);
        for channel in [&mut self.whatsapp, &mut self.sms] {
            channel.insert_str(0, "timeout = \"2s\"\n");
        }
        self
    }
}

/// A folder with a configuration and a database, a Twilio, and a daemon that may be killed and started again.
pub struct World {
    /// The provider.
    pub twilio: Simulator,
    folder: TempDir,
    /// Instead of a file in the folder.
    postgres: Option<String>,
    /// Goes with the world.
    _own: Option<postgres::Database>,
    daemon: Option<Process>,
    /// Of the daemons' environment.
    variables: Vec<(&'static str, String)>,
    /// More nodes on the same database.
    others: Vec<Process>,
    logs: Arc<Mutex<String>>,
}

/// A running daemon. Dropping it kills it.
pub struct Process {
    child: Child,
    base_url: String,
}

impl World {
    /// Starts Twilio and a daemon with generous limits.
    pub fn start() -> Self {
        Self::start_on(&Setup::default())
    }

    /// The same with other `[limits]`.
    pub fn start_with(limits: &str) -> Self {
        Self::start_on(&Setup { limits: limits.to_owned(), ..Setup::default() })
    }

    /// The same on a configuration of its own.
    pub fn start_on(setup: &Setup) -> Self {
        let mut world = Self::asleep(setup);
        world.start_daemon();
        world
    }

    /// The same without a daemon so far.
    pub fn asleep(setup: &Setup) -> Self {
        let own = on_postgres().then(postgres::empty);
        let url = own.as_ref().map(postgres::Database::url);
        Self::made(setup, url, own)
    }

    /// A world on a server that the test may stop. No daemon runs yet.
    pub fn beside(server: &postgres::Server, setup: &Setup) -> Self {
        server.create("palabre");
        Self::made(setup, Some(server.url("palabre")), None)
    }

    fn made(setup: &Setup, postgres: Option<String>, own: Option<postgres::Database>) -> Self {
        let accounts = [BELLE, TAXI].map(|tenant| SimulatedAccount::new(tenant.account_sid, tenant.auth_token));
        let twilio = Simulator::start(SimulatorConfig::new(accounts)).expect("the simulator starts");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = postgres.as_deref().unwrap_or(LITE);
        write_config(folder.path(), database, &twilio.base_url(), setup);
        Self {
            twilio,
            folder,
            postgres,
            _own: own,
            daemon: None,
            variables: Vec::new(),
            others: Vec::new(),
            logs: Arc::default(),
        }
    }

    /// Starts the daemon on the folder, whatever state it is in.
    pub fn start_daemon(&mut self) {
        self.start_daemon_at(0);
    }

    /// The same at this port of loopback.
    pub fn start_daemon_at(&mut self, port: u16) {
        assert!(self.daemon.is_none(), "it runs already");
        let process = self.process(port, "spool");
        self.twilio
            .set_daemon(Whereabouts { public_base_url: PUBLIC_URL.to_owned(), reached_at: process.base_url.clone() });
        self.daemon = Some(process);
    }

    /// Writes the configuration anew, for the next start.
    pub fn reconfigure(&self, setup: &Setup) {
        let database = self.postgres.as_deref().unwrap_or("sqlite://palabre.db");
        write_config(self.folder.path(), database, &self.twilio.base_url(), setup);
    }

    /// Starts another node beside it, which webhooks reach once they are aimed there.
    pub fn start_another(&mut self) {
        let spool = format!("spool-{}", self.others.len() + 2);
        let process = self.process(0, &spool);
        self.others.push(process);
    }

    /// Starts a node of that number, which is the caller's, and listens at this port of loopback.
    pub fn node(&self, number: usize, port: u16) -> Process {
        self.process(port, &format!("spool-{number}"))
    }

    fn process(&self, port: u16, spool: &str) -> Process {
        Process::start(&self.config(), (port, spool), &self.variables, &self.logs)
    }

    /// What daemons that are started from now on have in their environment.
    pub fn set_variables(&mut self, variables: &[(&'static str, String)]) {
        self.variables = variables.to_vec();
    }

    /// Where each node is.
    pub fn nodes(&self) -> Vec<&str> {
        self.daemon.iter().chain(&self.others).map(|process| process.base_url.as_str()).collect()
    }

    /// Webhooks go to this node from now on.
    pub fn aim_at(&self, node: usize) {
        let reached_at = self.nodes()[node].to_owned();
        self.twilio.set_daemon(Whereabouts { public_base_url: PUBLIC_URL.to_owned(), reached_at });
    }

    /// kill -9
    pub fn kill(&mut self) {
        drop(self.daemon.take().expect("it runs"));
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.base_url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// The memory that it holds, in KiB.
    pub fn resident(&self) -> u64 {
        let id = self.daemon.as_ref().expect("it runs").child.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        self.daemon.take().expect("it runs").terminate()
    }

    /// The daemon stands still (SIGSTOP), as on a machine that sleeps.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on after [`World::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// SIGHUP, at which it reads its tenants' files.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        self.daemon.as_ref().expect("it runs").signal(signal);
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("palabre.toml")
    }

    /// Writes a secret's file beside the configuration.
    pub fn write_secret(&self, name: &str, secret: &str) {
        std::fs::write(self.folder.path().join(name), secret).expect("a file");
    }

    /// `http://127.0.0.1:…`
    pub fn base_url(&self) -> &str {
        &self.daemon.as_ref().expect("it runs").base_url
    }

    /// Everything that every daemon of this world has logged.
    pub fn logs(&self) -> String {
        self.logs.lock().expect("no test panicked while it held this").clone()
    }

    /// Waits until one of its daemons has logged this.
    pub async fn until_logged(&self, says: &str) {
        let mut waiting = Waiting::begin();
        while !self.logs().contains(says) {
            waiting.again(|| format!("{says}: {}", self.logs())).await;
        }
    }

    /// A text to a tenant's WhatsApp channel.
    pub fn text(&self, tenant: Tenant, from: &str, body: &str) -> InboundMessage {
        let (from, to) = (format!("whatsapp:{from}"), format!("whatsapp:{}", tenant.sender));
        InboundMessage::text(Kind::Whatsapp, tenant.id, tenant.account_sid, &from, &to, body)
    }

    /// A contact writes, and the daemon answers the webhook.
    pub async fn write(&self, tenant: Tenant, from: &str, body: &str) -> Answer {
        self.twilio.deliver(&self.text(tenant, from, body)).await.expect("the webhook is answered")
    }

    /// The texts that Twilio took for an address, in order.
    pub fn received(&self, address: &str) -> Vec<String> {
        let to = format!("whatsapp:{address}");
        self.twilio.sends().into_iter().filter(|sent| sent.to == to).map(|sent| sent.body).collect()
    }

    /// Looks at the database.
    pub async fn rows<T>(&self, sql: &str, read: impl Fn(&QueryResult) -> T) -> Vec<T> {
        let database = self.database().await;
        let rows = database.query_all_raw(self.statement(sql)).await.expect("the query holds");
        rows.iter().map(read).collect()
    }

    /// One value out of the database.
    pub async fn value<T: TryGetable>(&self, sql: &str) -> T {
        let mut values = self.rows(sql, |row| row.try_get_by_index(0).expect("the column has this type")).await;
        assert_eq!(values.len(), 1, "one row for {sql}");
        values.remove(0)
    }

    /// Waits until a count in the database is as wanted.
    pub async fn until(&self, sql: &str, wanted: i64) {
        let mut waiting = Waiting::begin();
        let database = self.database().await;
        loop {
            let row = database.query_one_raw(self.statement(sql)).await.expect("the query holds");
            let found: i64 = row.and_then(|row| row.try_get_by_index(0).ok()).expect("a count");
            if found == wanted {
                return;
            }
            waiting.again(|| format!("{found} instead of {wanted} for {sql}\n{}", self.logs())).await;
        }
    }

    /// Writes to the database behind the daemon's back.
    pub async fn execute(&self, sql: &str) {
        let database = self.connect("").await;
        database.execute_unprepared(sql).await.expect("the statement holds");
        database.close().await.expect("it closes");
    }

    /// The configuration names another database from now on: for the next start, and for those who look.
    pub fn moves_to(&mut self, postgres: &str) {
        let text = std::fs::read_to_string(self.config()).expect("its configuration");
        std::fs::write(self.config(), text.replace(LITE, postgres)).expect("a file");
        self.postgres = Some(postgres.to_owned());
    }

    /// The database in its folder.
    pub fn sqlite_url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("palabre.db").display())
    }

    /// Which of both databases it is.
    pub fn is_on_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// For whoever looks often.
    pub async fn reader(&self) -> DatabaseConnection {
        self.database().await
    }

    async fn database(&self) -> DatabaseConnection {
        self.connect("?mode=ro").await
    }

    async fn connect(&self, how: &str) -> DatabaseConnection {
        let file = || format!("{}{how}", self.sqlite_url());
        let url = self.postgres.clone().unwrap_or_else(file);
        Database::connect(url).await.expect("the database is there")
    }

    fn statement(&self, sql: &str) -> Statement {
        let backend = if self.postgres.is_some() { DbBackend::Postgres } else { DbBackend::Sqlite };
        Statement::from_string(backend, sql)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Before their folder and their database go.
        self.daemon = None;
        self.others.clear();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the program at a port, 0 for any, with a spool of its own, and waits until it says that it is ready.
    fn start(
        config: &Path,
        (port, spool): (u16, &str),
        variables: &[(&'static str, String)],
        logs: &Arc<Mutex<String>>,
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(["serve", "--config"])
            .arg(config)
            .env("PALABRE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .env("PALABRE__SPOOL__DIR", spool)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (tell, told) = mpsc::channel();
        for stream in [
            Box::new(child.stdout.take().expect("piped")) as Box<dyn std::io::Read + Send>,
            Box::new(child.stderr.take().expect("piped")),
        ] {
            let (logs, tell) = (Arc::clone(logs), tell.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Some(address) = listening(&line) {
                        let _ = tell.send(address);
                    }
                    let mut logs = logs.lock().expect("nobody panicked");
                    logs.push_str(&line);
                    logs.push('\n');
                }
            });
        }
        drop(tell);
        let Ok(address) = told.recv_timeout(DEADLINE) else {
            let _ = child.kill();
            panic!("the daemon did not get ready:\n{}", logs.lock().expect("nobody panicked"));
        };
        Self { child, base_url: format!("http://{address}") }
    }

    /// `http://127.0.0.1:…`
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("-TERM");
        let mut waiting = Waiting::begin();
        loop {
            if let Some(status) = self.child.try_wait().expect("the daemon can be asked") {
                return status;
            }
            assert!(waiting.goes_on(), "the daemon does not end");
            std::thread::sleep(BREATH);
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill is there").success());
    }
}

fn listening(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line.get("message")? == "ready").then(|| line.get("http.listen")?.as_str().map(str::to_owned))?
}

fn write_config(folder: &Path, database: &str, api_base_url: &str, setup: &Setup) {
    let tenants = folder.join("tenants");
    std::fs::create_dir_all(&tenants).expect("a folder");
    let Setup { daemon, timezone, whatsapp, sms, limits, tenant: more } = setup;
    let main = format!("[http]\npublic_base_url = \"{PUBLIC_URL}\"\n[database]\nurl = \"{database}\"\n{daemon}\n");
    std::fs::write(folder.join("palabre.toml"), main).expect("a file");
    for tenant in [BELLE, TAXI] {
        let Tenant { id, account_sid, auth_token, sender } = tenant;
        std::fs::write(folder.join(format!("{id}.token")), auth_token).expect("a file");
        let text = format!(
            r#"
            id = "{id}"
            name = "Maison {id}"
            language = "fr"
            timezone = "{timezone}"
            sellers = ["+33612340001"]
            [[channels]]
            id = "{id}"
            provider = "twilio-whatsapp"
            address = "whatsapp:{sender}"
            account_sid = "{account_sid}"
            auth_token = {{ file = "{id}.token" }}
            api_base_url = "{api_base_url}"
            {whatsapp}
            [[channels]]
            id = "{id}-sms"
            provider = "twilio-sms"
            address = "{sender}"
            account_sid = "{account_sid}"
            auth_token = {{ file = "{id}.token" }}
            api_base_url = "{api_base_url}"
            {sms}
            [limits]
            {limits}
            [[faq]]
            question = "Quels sont vos horaires ?"
            keywords = ["horaires"]
            answer = "Du mardi au samedi, de 9 h à 19 h."
            [replies]
            fallback = "Vous avez écrit : {{{{ message.body }}}}"
            {more}
            "#
        );
        let number = if id == BELLE.id { "1" } else { "2" };
        let text = text.replace("{id}", id).replace("{number}", number);
        std::fs::write(tenants.join(format!("{id}.toml")), text).expect("a file");
    }
}
