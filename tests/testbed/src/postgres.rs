//! PostgreSQL: one server that all test processes share, a fresh database for each test; or a server of a test's own, that
//! it may kill.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{am_root, free_port};

/// The superuser of our servers, who needs no password on loopback.
const USER: &str = "palabre";
/// The account that runs the server when root runs the tests: PostgreSQL refuses root. Debian's package makes it.
const ACCOUNT: &str = "postgres";
/// Waits until nobody uses the folder any more (the lock is free, and stays so for a moment: between two tests it may be),
/// stops the server and removes everything.
const WATCHMAN: &str = r#"
(while :; do
  flock -x "$1/users" true
  sleep 3
  if flock -x -n "$1/users" sh -c 'for pid in $(head -n 1 "$1/data/postmaster.pid" 2>/dev/null); do
      kill -QUIT "$pid" 2>/dev/null
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    done
    umount -q -l "$1/data" "$1/spools" 2>/dev/null
    rm -rf "$1"' sh "$1"; then exit 0; fi
done) &
"#;

/// What a server of a test's own is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether what is committed survives a power cut. A test that kills processes does not need it, a measurement does.
    pub durable: bool,
}

/// A server. The folder goes with it.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
    /// Shared with others who use the server.
    _users: File,
}

/// A database of one's own on the shared server.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Server {
    /// Starts a server for oneself.
    ///
    /// # Panics
    /// There is no PostgreSQL on this machine, or it does not start.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let server = Self::ours();
        server.make(options);
        server
    }

    /// The same with its data on a disk of its own, and another such disk for spools: both can be filled. Only root can make
    /// them.
    ///
    /// # Panics
    /// As [`Server::start`], or nobody may mount a disk in memory here.
    #[must_use]
    pub fn start_on_small_disks() -> Self {
        let server = Self::ours();
        for (disk, bytes) in [(server.data(), "2g"), (server.spools(), "1100m")] {
            fs::create_dir(&disk).expect("ours");
            let size = format!("size={bytes},mode=0700");
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&disk).status();
            assert!(mounted.is_ok_and(|mounted| mounted.success()), "a disk in memory: root may mount one");
        }
        let (user, group) = account();
        chown(server.data(), Some(user), Some(group)).expect("root may");
        server.configure(Options { durable: true });
        server.set("max_wal_size = 512MB\n");
        server.begin();
        server
    }

    /// The folder of [`Server::start_on_small_disks`] for spools.
    #[must_use]
    pub fn spools(&self) -> PathBuf {
        self.folder.join("spools")
    }

    /// The shell command that leaves no room on the disk of the data, or of the spools.
    #[must_use]
    pub fn fill_command(disk: &Path) -> String {
        let disk = disk.display();
        format!(
            "dd if=/dev/zero of='{disk}/full' bs=4M 2>/dev/null; dd if=/dev/zero of='{disk}/fuller' bs=4k 2>/dev/null; true"
        )
    }

    /// The shell command that makes room again after [`Server::fill_command`].
    #[must_use]
    pub fn free_command(disk: &Path) -> String {
        format!("rm -f '{0}/full' '{0}/fuller'", disk.display())
    }

    /// The shell command that starts it where it gave up.
    #[must_use]
    pub fn up_command(&self) -> String {
        let control = self.control();
        format!("cd / && {{ {control} status >/dev/null || {control} -w -l '{}' start; }}", self.log().display())
    }

    /// A folder and a port for a server of one's own.
    fn ours() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("palabre-postgres-{}-{number}", std::process::id()));
        // Of a process of long ago that had our number.
        let _ = fs::remove_dir_all(&folder);
        let users = enter(&folder);
        users.lock_shared().expect("a lock");
        Self { folder, port: free_port(), _users: users }
    }

    /// The server that all tests of this machine share while any of them runs.
    fn shared() -> Self {
        let folder = std::env::temp_dir().join(format!("palabre-postgres-shared-{}", account().0));
        loop {
            let users = enter(&folder);
            users.lock_shared().expect("a lock");
            // The watchman may have removed the folder while we waited.
            let same = fs::metadata(folder.join("users"))
                .is_ok_and(|now| users.metadata().is_ok_and(|ours| (ours.ino(), ours.dev()) == (now.ino(), now.dev())));
            if !same {
                continue;
            }
            let making = OpenOptions::new().create(true).append(true).open(folder.join("making")).expect("a file");
            making.lock().expect("a lock");
            let port = fs::read_to_string(folder.join("port")).ok().and_then(|port| port.trim().parse().ok());
            let mut server = Self { folder: folder.clone(), port: port.unwrap_or_else(free_port), _users: users };
            if port.is_some() && !server.runs() {
                // Whoever ended everything on this machine at once ended the watchman too.
                server.forget();
                server.port = free_port();
            }
            if !server.runs() {
                server.make(Options::default());
                fs::write(folder.join("port"), server.port.to_string()).expect("a file");
            }
            return server;
        }
    }

    fn make(&self, options: Options) {
        self.configure(options);
        self.begin();
    }

    fn configure(&self, options: Options) {
        let data = self.data();
        program("initdb")
            .args(["-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .run();
        let mut settings = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 300\n\
            shared_buffers = 256MB\nmax_wal_size = 4GB\nlogging_collector = off\n",
            self.port
        );
        if !options.durable {
            settings.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
        }
        self.set(&settings);
    }

    /// What comes last counts.
    fn set(&self, settings: &str) {
        let file = self.data().join("postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(file).expect("its settings");
        file.write_all(settings.as_bytes()).expect("writes");
    }

    /// Starts it, and whoever ends it when nobody needs it any more.
    fn begin(&self) {
        self.up();
        Command::new("sh")
            .args(["-c", WATCHMAN, "sh"])
            .arg(&self.folder)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .status()
            .expect("there is a shell");
    }

    /// Where its data is.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// `pg_ctl` for a shell, as whoever the server runs as.
    fn control(&self) -> String {
        let (user, group) = account();
        let who =
            if am_root() { format!("setpriv --reuid={user} --regid={group} --clear-groups ") } else { String::new() };
        let program = program("pg_ctl");
        format!("{who}'{}' -s -D '{}'", program.0.get_program().display(), self.data().display())
    }

    /// Whether the process that its folder names is there, and is this server.
    fn runs(&self) -> bool {
        let data = self.data();
        let Ok(lines) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
        let process = lines.lines().next().unwrap_or_default();
        let Ok(command) = fs::read(format!("/proc/{process}/cmdline")) else { return false };
        command.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_bytes())
    }

    /// Removes what a server left that is no more, but for the locks that its users hold.
    fn forget(&self) {
        // A server that is just ending removes files of its own meanwhile.
        let gone = |done: io::Result<()>| {
            done.or_else(|error| (error.kind() == ErrorKind::NotFound).then_some(()).ok_or(error))
        };
        for entry in fs::read_dir(&self.folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                while path.exists() {
                    gone(fs::remove_dir_all(&path)).expect("ours");
                }
            } else if !["users", "making"].iter().any(|lock| entry.file_name() == *lock) {
                gone(fs::remove_file(path)).expect("ours");
            }
        }
    }

    /// Starts it again after [`Server::kill`].
    pub fn up(&self) {
        program("pg_ctl").args(["-w", "-s", "-D"]).arg(self.data()).arg("-l").arg(self.log()).arg("start").run();
    }

    /// Stops it as a crash does: nothing is finished, connections are cut.
    pub fn kill(&self) {
        program("pg_ctl").args(["-w", "-s", "-m", "immediate", "-D"]).arg(self.data()).arg("stop").run();
    }

    /// The shell command that does [`Server::kill`] and then [`Server::up`].
    #[must_use]
    pub fn crash_command(&self) -> String {
        format!("cd / && {} -w -m immediate -l '{}' restart", self.control(), self.log().display())
    }

    /// Stops all its processes in their tracks: connections stay, and nothing answers. End it with [`Server::thaw`].
    pub fn freeze(&self) {
        // A signal takes its time to arrive, and a process that was just being made is not in the list.
        while !self.processes().iter().all(|(_, state)| ["T", "Z"].contains(&state.as_str())) {
            self.signal("-STOP");
        }
    }

    /// Lets it go on after [`Server::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        for (process, _) in self.processes() {
            // It may be gone by now.
            let _ = Command::new("kill").args([signal, &process]).stderr(Stdio::null()).status();
        }
    }

    /// Its processes and their states, first the one that makes the others.
    fn processes(&self) -> Vec<(String, String)> {
        let lines = fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        let first = lines.lines().next().expect("its process").to_owned();
        let stat = |process: &str| -> Option<(String, String)> {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The second field, in brackets, may hold blanks; then come the state and the parent.
            let mut fields = stat.rsplit(") ").next()?.split(' ');
            Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
        };
        let (state, _) = stat(&first).expect("it runs");
        let mut processes = vec![(first.clone(), state)];
        for entry in fs::read_dir("/proc").expect("a system").flatten() {
            let Ok(process) = entry.file_name().into_string() else { continue };
            if let Some((state, parent)) = stat(&process)
                && parent == first
            {
                processes.push((process, state));
            }
        }
        processes
    }

    /// Another server that follows this one, with all that was committed until now.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn replica(&self) -> Self {
        let replica = Self::ours();
        let copy = format!("postgres://{USER}@127.0.0.1:{}", self.port);
        program("pg_basebackup").args(["-R", "--no-sync", "-c", "fast", "-d", &copy, "-D"]).arg(replica.data()).run();
        replica.set(&format!("port = {}\n", replica.port));
        replica.begin();
        replica
    }

    /// The way to one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// What SQL answers, as text: for looking at what a test did.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = program("psql").args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(self.url(database)).run();
        output.trim().to_owned()
    }

    /// An empty database of that name.
    pub fn create(&self, database: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {database}"));
    }
}

/// An empty database on the shared server.
///
/// # Panics
/// There is no PostgreSQL on this machine, or it does not start.
#[must_use]
pub fn empty() -> Database {
    let server = Server::shared();
    let name = fresh_name();
    server.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    server.create(&name);
    Database { server, name }
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh database on the shared server, made from a template that `prepare` fills once. The name says what is in it.
///
/// # Panics
/// There is no PostgreSQL on this machine, or it does not start.
pub async fn database(template: &str, prepare: impl AsyncFnOnce(&str)) -> Database {
    let server = Server::shared();
    let lock = OpenOptions::new().create(true).append(true).open(server.folder.join("template")).expect("a file");
    lock.lock().expect("a lock");
    let made = server.folder.join(format!("template-{template}"));
    if !made.exists() {
        server.create(template);
        prepare(&server.url(template)).await;
        File::create(made).expect("a file");
    }
    // Copies of a template are made one after the other.
    let name = fresh_name();
    server.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    server.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    drop(lock);
    Database { server, name }
}

impl Database {
    /// The way to it.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What SQL answers, as text.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Best effort: the server goes soon, and this with it.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = program("psql").args(["-qAtX", "-c", &drop]).arg(self.server.url("postgres")).output();
    }
}

/// Makes the folder, for whoever runs the server, and opens its lock.
fn enter(folder: &Path) -> File {
    loop {
        if fs::create_dir(folder).is_ok() {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("ours");
            if am_root() {
                let (user, group) = account();
                chown(folder, Some(user), Some(group)).expect("root may");
            }
        }
        // Somebody may be removing it meanwhile.
        if let Ok(users) = OpenOptions::new().create(true).append(true).open(folder.join("users")) {
            return users;
        }
    }
}

/// User and group that the server runs as.
fn account() -> (u32, u32) {
    if !am_root() {
        let own = fs::metadata("/proc/self").expect("a process");
        return (own.uid(), own.gid());
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("a system");
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut ours = fields.filter(|fields| fields.first() == Some(&ACCOUNT));
    let ours = ours.next().unwrap_or_else(|| panic!("no account `{ACCOUNT}`: run .ci/prepare"));
    let number = |at: usize| ours.get(at).and_then(|field| field.parse().ok()).expect("a number");
    (number(2), number(3))
}

/// One of PostgreSQL's programs, the newest there is.
fn program(name: &str) -> Program {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin").join(name)))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    found.sort();
    let path = found.pop().map_or_else(|| PathBuf::from(name), |(_, path)| path);
    let mut command = Command::new(path);
    command.current_dir("/");
    if am_root() {
        let (user, group) = account();
        command.uid(user).gid(group);
    }
    Program(command)
}

struct Program(Command);

impl Program {
    fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(args);
        self
    }

    fn output(mut self) -> std::io::Result<std::process::Output> {
        self.0.stdin(Stdio::null()).output()
    }

    fn run(self) -> String {
        let name = self.0.get_program().to_owned();
        let output = self.output().unwrap_or_else(|error| panic!("{}: {error}: run .ci/prepare", name.display()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", name.display());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
