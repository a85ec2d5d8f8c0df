//! Backups beside a daemon under load, and restore drills: the daemon is killed, its database lost, and another one answers what
//! was accepted before the backup.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use palabre::gateway::twilio::simulator::{Faults, Rule};
use palabre_testbed::postgres;
use tempfile::TempDir;

use crate::daemon::{BELLE, BREATH, Setup, World, on_postgres};

/// Few, because other tests load the machine: what counts is that messages are on their way at any moment.
const CUSTOMERS: usize = 6;
const PASSPHRASE: &str = "trois mots de passe bien longs";
const RUNBOOK: &str = "docs/runbooks/backup.md";

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn palabre(told: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let said = command.args(told).envs(variables.iter().copied()).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: said.status.code().expect("an exit code"), out: text(&said.stdout), err: text(&said.stderr) }
}

/// A world whose provider takes its time, so that messages are on their way at any moment.
fn busy_world(tenant: &str) -> World {
    let setup = Setup {
        daemon: "[runtime]\nsweep_every = \"100ms\"\nask_after = \"100ms\"".to_owned(),
        whatsapp: "pair = \"off\"\nper_second = 10000".to_owned(),
        // They write like robots.
        tenant: format!("[loops]\nenabled = false\n{tenant}"),
        ..Setup::default()
    };
    let world = World::start_on(&setup.killed_soon());
    world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(400))]));
    world
}

/// Customers write one message after the other until they are told to stop, or nobody answers.
fn customers(world: &Arc<World>, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<()>> {
    let customer = |number: usize| {
        let (world, stop) = (Arc::clone(world), Arc::clone(stop));
        tokio::spawn(async move {
            let from = format!("+336125{number:05}");
            for count in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let text = world.text(BELLE, &from, &format!("m-{number}-{count}"));
                if world.twilio.deliver(&text).await.is_err() {
                    return;
                }
                tokio::time::sleep(BREATH * 60).await;
            }
        })
    };
    (0..CUSTOMERS).map(customer).collect()
}

/// What a database says of each message that came in: whether it has no answer yet, and where its answer stands.
#[derive(Debug, Default)]
struct Books {
    unanswered: BTreeSet<String>,
    sent: BTreeSet<String>,
    open: BTreeSet<String>,
}

impl Books {
    async fn of(world: &World) -> Self {
        let mut books = Self::default();
        let sql = "SELECT i.body, o.state FROM messages_in i LEFT JOIN messages_out o ON o.in_reply_to = i.id \
            WHERE i.body LIKE 'm-%' AND (o.id IS NOT NULL OR i.processed_at IS NULL)";
        let read = |row: &sea_orm::QueryResult| -> (String, Option<String>) {
            (row.try_get_by_index(0).expect("a text"), row.try_get_by_index(1).expect("a word"))
        };
        for (body, state) in world.rows(sql, read).await {
            let of = match state.as_deref() {
                None => &mut books.unanswered,
                Some("sent" | "delivered" | "read") => &mut books.sent,
                Some(_) => &mut books.open,
            };
            of.insert(body);
        }
        books
    }
}

/// How often the provider took an answer to each message.
fn answers(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for sent in world.twilio.sends() {
        if let Some(body) = sent.body.strip_prefix("Vous avez écrit : ") {
            *counts.entry(body.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Nothing waits any more.
async fn settled(world: &World) {
    world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NULL", 0).await;
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending', 'unknown')", 0).await;
}

/// Everything that was accepted before the backup has its answer; what had been sent, or was on its way, has it once.
fn held_to_account(world: &World, books: &Books) {
    assert!(!books.sent.is_empty() && !books.open.is_empty(), "the backup was made under load: {books:?}");
    let answers = answers(world);
    let count = |body: &String| answers.get(body).copied().unwrap_or_default();
    for body in books.sent.iter().chain(&books.open) {
        assert_eq!(count(body), 1, "{body}: {books:?}\n{}", world.logs());
    }
    for body in &books.unanswered {
        // Answered between the backup and the kill, too: nobody knows of it any more.
        assert!((1..=2).contains(&count(body)), "{body}: {}", count(body));
    }
}

async fn until_taken(world: &World, more: u64) {
    let taken = world.twilio.taken();
    world.twilio.taken_at_least(taken + more).await;
}

/// Stops the load, and takes the world back from it.
async fn alone(world: Arc<World>, stop: &AtomicBool, writing: Vec<tokio::task::JoinHandle<()>>) -> World {
    stop.store(true, Ordering::Relaxed);
    for customer in writing {
        customer.await.expect("nobody panicked");
    }
    Arc::into_inner(world).expect("nobody else has it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_before_a_backup_is_answered_and_nothing_is_repeated() {
    if on_postgres() {
        return;
    }
    let safe = tempfile::tempdir().expect("a folder");
    let (file, passphrase, restored) =
        (safe.path().join("backup"), safe.path().join("passphrase"), safe.path().join("restored"));
    std::fs::write(&passphrase, format!("{PASSPHRASE}\n")).expect("a file");
    let world = Arc::new(busy_world("[journal]\ndir = \"journal-{id}\""));
    let config = world.config();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = customers(&world, &stop);
    until_taken(&world, 20).await;

    let variables = [("PALABRE_CONFIG", config.to_str().expect("a path"))];
    let shown = |path: &Path| path.display().to_string();
    let with_passphrase = ["--passphrase-file", &shown(&passphrase)].map(str::to_owned);
    let with_passphrase = with_passphrase.each_ref().map(String::as_str);
    let made = palabre(&[&["backup", &shown(&file)][..], &with_passphrase].concat(), &variables);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert_eq!(mode(&file), 0o600);
    let bytes = std::fs::read(&file).expect("the backup");
    for secret in ["m-1-", "+336125", "CREATE TABLE", "Vous avez"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is readable");
    }
    until_taken(&world, 10).await;

    let mut world = alone(world, &stop, writing).await;
    world.kill();
    let checked = palabre(&[&["restore", "--check", &shown(&file), "--json"][..], &with_passphrase].concat(), &[]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let told: serde_json::Value = serde_json::from_str(&checked.out).expect("JSON");
    assert!(told["database"]["messages_in"].as_u64().is_some_and(|count| count > 0), "{told}");
    let again =
        palabre(&[&["restore", &shown(&file), "--into", &shown(&restored)][..], &with_passphrase].concat(), &[]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("providers will be asked about"), "{}", again.out);

    // The disk is lost, and what was restored takes its place.
    let folder = config.parent().expect("a folder").to_owned();
    for name in [
        "palabre.db",
        "palabre.db-wal",
        "palabre.db-shm",
        "palabre.db-search",
        "palabre.db-search-wal",
        "palabre.db-search-shm",
    ] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::rename(restored.join("palabre.db"), folder.join("palabre.db")).expect("it moves");
    let journal = restored.join("journal").join(BELLE.id);
    let lines = std::fs::read_dir(&journal).expect("a folder").count();
    assert!(lines > 0, "the journal is in the backup");
    let books = Books::of(&world).await;
    world.start_daemon();
    settled(&world).await;
    held_to_account(&world, &books);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runbooks_recipe_restores_postgresql() {
    if !on_postgres() {
        return;
    }
    let safe = tempfile::tempdir().expect("a folder");
    let world = Arc::new(busy_world(""));
    let config = world.config();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = customers(&world, &stop);
    until_taken(&world, 20).await;
    let text = std::fs::read_to_string(&config).expect("its configuration");
    let url = text.lines().find_map(|line| line.strip_prefix("url = ")).expect("a URL").trim_matches('"').to_owned();
    let restored = postgres::empty();
    let recipe = Recipe { folder: safe, url: url.clone(), restored: restored.url(), config: config.clone() };
    recipe.run("Back up PostgreSQL");
    until_taken(&world, 10).await;

    let mut world = alone(world, &stop, writing).await;
    world.kill();
    recipe.run("Restore PostgreSQL");
    std::fs::write(&config, text.replace(&url, &restored.url())).expect("a file");
    world.moves_to(&restored.url());
    let books = Books::of(&world).await;
    world.start_daemon();
    settled(&world).await;
    held_to_account(&world, &books);
}

/// The blocks of commands of the runbook, run as they are written.
struct Recipe {
    folder: TempDir,
    url: String,
    restored: String,
    config: PathBuf,
}

impl Recipe {
    fn run(&self, heading: &str) {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RUNBOOK)).expect("the runbook");
        let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("the section");
        let commands = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
        let program = Path::new(env!("CARGO_BIN_EXE_palabre"));
        let path =
            format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").expect("a PATH"));
        let said = Command::new("sh")
            .args(["-euc", commands])
            .current_dir(&self.folder)
            .env("PATH", path)
            .env("PALABRE_CONFIG", &self.config)
            .env("DATABASE_URL", &self.url)
            .env("RESTORED_URL", &self.restored)
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(said.status.success(), "{heading}: {}{}", text(&said.stdout), text(&said.stderr));
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_written_over() {
    if on_postgres() {
        return;
    }
    let world = World::start();
    assert_eq!(world.write(BELLE, "+33612345678", "Bonjour").await.status, 200);
    world.twilio.taken_at_least(1).await;
    let config = world.config().display().to_string();
    let variables = [("PALABRE_CONFIG", config.as_str())];
    let safe = tempfile::tempdir().expect("a folder");
    let path = |name: &str| safe.path().join(name).display().to_string();
    std::fs::write(path("pass"), "premier").expect("a file");
    std::fs::write(path("other"), "second").expect("a file");

    let plain = palabre(&["backup", &path("plain")], &variables);
    assert!(plain.code == 0 && plain.err.contains("not encrypted"), "{}{}", plain.out, plain.err);
    let sealed = palabre(&["backup", &path("sealed"), "--passphrase-file", &path("pass")], &variables);
    assert_eq!(sealed.code, 0, "{}{}", sealed.out, sealed.err);
    // The audit log knows of both.
    assert_eq!(
        world.value::<i64>("SELECT count(*) FROM audit_log WHERE action = 'backup.make' AND tenant_id = 'belle'").await,
        2
    );
    let twice = palabre(&["backup", &path("plain")], &variables);
    assert!(twice.code == 70 && twice.err.contains("writes over nothing"), "{}", twice.err);
    let mut left: Vec<String> = std::fs::read_dir(safe.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["other", "pass", "plain", "sealed"], "nothing else is left behind");

    for (name, passphrase, code, words) in [
        ("plain", None, 0, "the database is whole: 1 messages in"),
        ("sealed", Some("pass"), 0, "the database is whole"),
        ("sealed", Some("other"), 1, "the passphrase is another one"),
        ("sealed", None, 70, "--passphrase-file"),
        ("none", None, 70, "none"),
    ] {
        let (file, mut told) = (path(name), vec!["restore", "--check"]);
        told.push(&file);
        let passphrase = passphrase.map(&path);
        told.extend(passphrase.iter().flat_map(|file| ["--passphrase-file", file.as_str()]));
        let said = palabre(&told, &[]);
        assert_eq!(said.code, code, "{name}: {}{}", said.out, said.err);
        assert!(said.out.contains(words) || said.err.contains(words), "{name}: {words}: {}{}", said.out, said.err);
    }
    let mut bytes = std::fs::read(path("plain")).expect("the backup");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    std::fs::write(path("changed"), &bytes).expect("a file");
    std::fs::write(path("cut"), &bytes[..middle]).expect("a file");
    for name in ["changed", "cut"] {
        let said = palabre(&["restore", &path(name), "--into", &path("into")], &[]);
        assert!(said.code == 1, "{name}: {}{}", said.out, said.err);
        assert!(!Path::new(&path("into")).exists(), "{name}");
    }
    let full = palabre(&["restore", &path("plain"), "--into", &safe.path().display().to_string()], &[]);
    assert!(full.code == 70 && full.err.contains("is there already"), "{}", full.err);
    let both = palabre(&["restore", &path("plain")], &[]);
    assert!(both.code == 2 && both.err.contains("--check") && both.err.contains("--into"), "{}", both.err);
    assert_eq!(palabre(&["restore", &path("plain"), "--into", &path("into")], &[]).code, 0);
    assert_eq!(mode(&safe.path().join("into/palabre.db")), 0o600);
    assert_eq!(mode(&safe.path().join("into")), 0o700);
}
