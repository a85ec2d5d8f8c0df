//! An installation moves from SQLite to PostgreSQL while customers write: the command is killed again and again, and the
//! daemon changes over.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use palabre_testbed::postgres::{self, Database};
use serde_json::Value;

use crate::daemon::{BELLE, Setup, TAXI, Tenant, Waiting, World};

const ANNE: &str = "+33612345678";

/// A world on SQLite, and where it is to go.
struct Removal {
    world: World,
    target: Database,
    /// What each customer wrote and is answered, in order.
    wrote: BTreeMap<(&'static str, String), Vec<String>>,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn customer(number: usize) -> String {
    format!("+33612{number:06}")
}

impl Removal {
    fn start() -> Self {
        Self { world: World::start(), target: postgres::empty(), wrote: BTreeMap::new() }
    }

    async fn writes(&mut self, tenant: Tenant, from: &str, body: &str) {
        let answer = self.world.write(tenant, from, body).await;
        assert_eq!(answer.status, 200, "{body}\n{}", self.world.logs());
        self.wrote.entry((tenant.id, from.to_owned())).or_default().push(body.to_owned());
    }

    /// So many customers of both tenants write.
    async fn many_write(&mut self, customers: usize, body: &str) {
        for number in 0..customers {
            let tenant = if number % 3 == 0 { TAXI } else { BELLE };
            self.writes(tenant, &customer(number), body).await;
        }
    }

    /// Everything that was written has its one answer, in order, and nothing else was sent.
    async fn is_whole(&self) {
        let count = i64::try_from(self.wrote.values().map(Vec::len).sum::<usize>()).expect("few");
        self.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", count).await;
        self.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", count).await;
        for table in ["messages_in", "messages_out"] {
            assert_eq!(self.world.value::<i64>(&format!("SELECT count(*) FROM {table}")).await, count, "{table}");
        }
        assert_eq!(i64::try_from(self.world.twilio.taken()).expect("few"), count, "nobody is answered twice");
        for ((_, customer), bodies) in &self.wrote {
            let answers: Vec<_> = bodies.iter().map(|body| format!("Vous avez écrit : {body}")).collect();
            assert_eq!(self.world.received(customer), answers, "in order");
        }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
        command.args(["migrate", "--from", &self.world.sqlite_url()]).args(more);
        command.env("PALABRE_MIGRATE_TO", self.target.url()).stdin(Stdio::null());
        command
    }

    fn migrate(&self, more: &[&str]) -> Said {
        let said = self.command(more).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Said { code: said.status.code().expect("an exit code"), out: text(&said.stdout), err: text(&said.stderr) }
    }

    /// How many rows the target has. Each table is asked about by itself: a statement over several tables and the
    /// migrations' own locks would wait for each other.
    fn rows_there(&self) -> u64 {
        let count = |table: &str| -> u64 {
            let sql = format!(
                "SELECT CASE WHEN to_regclass('{table}') IS NULL THEN 0 ELSE \
                (xpath('//c/text()', query_to_xml('SELECT count(*) AS c FROM {table}', false, true, '')))[1]::text::int END"
            );
            self.target.psql(&sql).parse().expect("a number")
        };
        ["conversations", "messages_in", "messages_out", "event_log"].map(count).into_iter().sum()
    }

    /// Starts the command and kills it (-9) once so many rows are there. Whether it was at work still.
    fn killed_at(&self, rows: u64, more: &[&str]) -> bool {
        let mut moving = self.command(more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        let mut waiting = Waiting::begin();
        while self.rows_there() < rows && ended(&mut moving).is_none() {
            assert!(waiting.goes_on(), "{} of {rows} rows", self.rows_there());
        }
        let early = ended(&mut moving).is_none();
        moving.kill().expect("it may be killed");
        moving.wait().expect("it ends");
        early
    }
}

fn ended(child: &mut Child) -> Option<std::process::ExitStatus> {
    child.try_wait().expect("it may be asked")
}

#[tokio::test]
async fn i1_i2_i3_a_move_that_is_killed_again_and_again_loses_and_repeats_nothing() {
    let mut removal = Removal::start();
    removal.many_write(30, "avant").await;
    removal.writes(BELLE, ANNE, "avant").await;
    removal.world.write(BELLE, ANNE, "STOP").await;
    removal.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 32).await;
    // One row at a time, so that there are many moments; customers go on writing between them.
    let slowly = ["--rows-at-once", "1"];
    let mut early = 0;
    for (round, rows) in [1, 40, 90, 130, 170, 210, 250].into_iter().enumerate() {
        early += usize::from(removal.killed_at(rows, &slowly));
        removal.many_write(4, &format!("tour {round}")).await;
    }
    assert!(early >= 2, "{early} kills came in the middle of it");
    let beside = removal.migrate(&["--finish"]);
    assert_eq!(beside.code, 1, "{}", beside.err);
    assert!(beside.err.contains("another palabre has the database"), "{}", beside.err);
    let copied = removal.migrate(&slowly);
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert!(copied.out.contains("--finish"), "{}", copied.out);

    // What came since is left for the end, which is killed too.
    removal.many_write(30, "après la copie").await;
    assert_eq!(removal.world.terminate().code(), Some(0));
    let there = removal.rows_there();
    let finishing = ["--finish", "--rows-at-once", "1"];
    let mut early = 0;
    for more in [1, 30, 60, 90] {
        early += usize::from(removal.killed_at(there + more, &finishing));
    }
    assert!(early >= 1, "{early} kills came in the middle of the end");
    let done = removal.migrate(&finishing);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(!done.out.contains("DIFFERENT") && done.out.contains("Every row is there"), "{}", done.out);
    assert!(removal.migrate(&["--finish"]).out.contains("finished already"));

    let url = removal.target.url();
    removal.world.moves_to(&url);
    removal.world.start_daemon();
    removal.many_write(30, "après").await;
    // Anne said STOP, and is answered once about it.
    removal.world.write(BELLE, ANNE, "encore").await;
    let anne = removal.wrote.remove(&(BELLE.id, ANNE.to_owned())).expect("she wrote");
    assert_eq!(anne.len(), 1);
    let count = i64::try_from(removal.wrote.values().map(Vec::len).sum::<usize>()).expect("few");
    removal.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", count + 3).await;
    removal.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", count + 2).await;
    assert_eq!(removal.world.received(ANNE).len(), 2, "the answer to the first, and the confirmation of STOP");
    assert_eq!(i64::try_from(removal.world.twilio.taken()).expect("few"), count + 2);
    for ((_, customer), bodies) in &removal.wrote {
        let answers: Vec<_> = bodies.iter().map(|body| format!("Vous avez écrit : {body}")).collect();
        assert_eq!(removal.world.received(customer), answers, "in order");
    }
}

#[tokio::test]
async fn i1_i3_the_daemon_keeps_what_comes_until_the_move_is_finished() {
    let mut removal = Removal::start();
    removal.many_write(10, "avant").await;
    removal.is_whole().await;
    assert_eq!(removal.migrate(&[]).code, 0);
    let repeated = removal.world.text(BELLE, &customer(1), "juste avant");
    assert_eq!(removal.world.twilio.deliver(&repeated).await.expect("an answer").status, 200);
    removal.wrote.entry((BELLE.id, customer(1))).or_default().push("juste avant".to_owned());
    removal.is_whole().await;

    // The change-over: the next daemon is PostgreSQL's, and begins before that is whole.
    assert_eq!(removal.world.terminate().code(), Some(0));
    let url = removal.target.url();
    let sqlite = removal.world.sqlite_url();
    removal.world.moves_to(&url);
    removal.world.start_daemon();
    let ready: Value = reqwest::get(format!("{}/readyz", removal.world.base_url()))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!((&ready["status"], &ready["database"]), (&"ready".into(), &"away".into()), "{ready}");
    assert!(removal.world.logs().contains("a move into this database is not finished"), "{}", removal.world.logs());
    removal.many_write(10, "pendant").await;
    assert_eq!(removal.world.twilio.deliver(&repeated).await.expect("an answer").status, 200);
    assert_eq!(removal.target.psql("SELECT count(*) FROM messages_in"), "10", "nothing is written before it is whole");
    assert_eq!(removal.target.psql("SELECT count(*) FROM nodes"), "0");

    let done = removal.migrate(&["--finish", "--json"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let report: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(report["stage"], "finished");
    let messages = report["tables"].as_array().expect("tables").iter().find(|table| table["table"] == "messages_in");
    let messages = messages.expect("it is there");
    assert_eq!((&messages["source"]["rows"], &messages["same"]), (&11.into(), &true.into()), "{messages}");
    assert_eq!(messages["source"], messages["target"]);
    removal.is_whole().await;
    removal.many_write(10, "après").await;
    removal.is_whole().await;
    assert_eq!(removal.world.terminate().code(), Some(0));
    for secret in [&customer(0)[1..10], &ANNE[1..], "pendant", "avant"] {
        assert!(!removal.world.logs().contains(secret), "{secret} is in the logs");
    }

    // Nobody takes the old one up again by mistake.
    let text = std::fs::read_to_string(removal.world.config()).expect("a file").replace(&url, &sqlite);
    std::fs::write(removal.world.config(), text).expect("a file");
    for command in [&["serve"][..], &["outbox", "list"]] {
        let said = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(command)
            .env("PALABRE_CONFIG", removal.world.config())
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && told.contains("was moved to PostgreSQL"), "{command:?}: {told}");
    }
}

#[tokio::test]
async fn a_move_that_cannot_be_is_refused_with_the_reason() {
    let mut world = World::start_on(&Setup::default());
    assert_eq!(world.terminate().code(), Some(0));
    let target = postgres::empty();
    let (from, to) = (world.sqlite_url(), target.url());
    for (told, code, part) in [
        (&["--from", &from][..], 2, "--to"),
        (&["--finish"], 2, "--from"),
        (&["--from", &from, "--to", &from], 1, "from sqlite://… to postgres://…"),
        (&["--from", &to, "--to", &from], 1, "and no other way"),
        (&["--from", "sqlite:///nowhere/palabre.db", "--to", &to], 1, "there is no database /nowhere/palabre.db"),
        (&["--from", &from, "--to", "postgres://localhost:1/palabre"], 70, "refused"),
        (&["--from", &from, "--to", &to], 0, ""),
    ] {
        told_of_a_move(told, code, part);
    }
    // What is written is not what reads back.
    target.psql(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER lose BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION lose(); DELETE FROM tenants",
    );
    told_of_a_move(&["--from", &from, "--to", &to, "--finish"], 1, "does not have what was written to it: tenants");
    world.start_daemon();
}

fn told_of_a_move(told: &[&str], code: i32, part: &str) {
    let said = Command::new(env!("CARGO_BIN_EXE_palabre")).arg("migrate").args(told).output().expect("it runs");
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(code), "{told:?}: {err}");
    assert!(err.contains(part), "{told:?}: {err}");
}
