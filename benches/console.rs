//! The console's pages among a million messages and 100,000 conversations, and a thousand consoles that are open: the real
//! program, asked over HTTP.
//!
//! `PALABRE_BENCH_URL` names an empty PostgreSQL database to measure instead of a SQLite file in the temporary folder,
//! `PALABRE_BENCH_MESSAGES` another number of messages; there are a tenth as many conversations.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail, and says what it measured")]

mod seed;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use palabre::store::Store;
use reqwest::Client;
use reqwest::redirect::Policy;

use self::seed::Seeding;

const MESSAGES_PER_CONVERSATION: usize = 10;
/// So many days of a shop that is busy all day long.
const DAYS: i64 = 60;
const RUNS: usize = 20;
const CONSOLES: usize = 1_000;
const EMAIL: &str = "awa@belle.example";
const PASSWORD: &str = "une phrase assez longue";

/// The program, which is killed when it is dropped.
struct Daemon {
    child: Child,
    base_url: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(["serve", "--config"])
            .arg(config)
            .env("PALABRE__HTTP__LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line).ok()?;
            (line["message"] == "ready").then(|| line["http.listen"].as_str().map(ToOwned::to_owned))?
        });
        // Whoever stops reading would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, base_url: format!("http://{}", address.unwrap()) }
    }

    /// Its memory in KiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// What it has used of all cores, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

fn write_files(folder: &Path, url: &str) {
    std::fs::create_dir_all(folder.join("tenants")).unwrap();
    let main = format!("[http]\npublic_base_url = \"https://hooks.example.com\"\n[database]\nurl = \"{url}\"\n");
    std::fs::write(folder.join("palabre.toml"), main).unwrap();
    std::fs::write(folder.join("token"), "0123456789abcdef0123456789abcde1").unwrap();
    let faq = (0..8).map(|number| {
        format!("[[faq]]\nquestion = \"Question {number} ?\"\nkeywords = [\"mot{number}\"]\nanswer = \"Oui.\"\n")
    });
    let belle = "id = \"belle\"\nname = \"Belle\"\nlanguage = \"fr\"\ntimezone = \"Europe/Paris\"\n[[channels]]\nid = \"belle-wa\"\n\
        provider = \"twilio-whatsapp\"\naddress = \"whatsapp:+14155238886\"\naccount_sid = \"AC00000000000000000000000000000001\"\n\
        auth_token = { file = \"token\" }\napi_base_url = \"http://127.0.0.1:9\"\n";
    std::fs::write(folder.join("tenants/belle.toml"), format!("{belle}{}", faq.collect::<String>())).unwrap();
}

fn add_user(config: &Path) {
    let told = ["user", "add", EMAIL, "--name", "Awa", "--tenant", "belle", "--role", "owner", "--password-stdin"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(told)
        .env("PALABRE_CONFIG", config)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Signs in. Answers the cookies.
async fn sign_in(client: &Client, base: &str) -> String {
    let page = client.get(format!("{base}/console/login")).send().await.unwrap();
    let form = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = page.text().await.unwrap();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [("csrf", csrf.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let answer =
        client.post(format!("{base}/console/login")).header("Cookie", form).form(&fields).send().await.unwrap();
    let cookies = answer.headers().get_all("set-cookie").iter();
    let cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
    cookies.filter(|cookie| cookie.contains("palabre_session")).collect()
}

/// A page, with how long it took.
async fn page(client: &Client, cookies: &str, url: &str) -> (String, Duration) {
    let begun = Instant::now();
    let answer = client.get(url).header("Cookie", cookies).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{url}");
    let body = answer.text().await.unwrap();
    (body, begun.elapsed())
}

async fn pages(client: &Client, cookies: &str, base: &str) {
    let at = |path: &str| format!("{base}/console/{path}");
    let (list, _) = page(client, cookies, &at("conversations")).await;
    let talk = list.split("data-row=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let next = list.split("after=").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    for path in [
        "conversations".to_owned(),
        format!("conversations?after={next}"),
        "conversations?tab=waiting".to_owned(),
        "conversations?tab=bot".to_owned(),
        "conversations?tab=mine".to_owned(),
        "conversations?label=vip".to_owned(),
        "conversations?status=resolved".to_owned(),
        "conversations?status=blocked".to_owned(),
        "conversations?q=bonjour".to_owned(),
        "conversations?q=rendez-vous+demain".to_owned(),
        "conversations?q=livraisson+manucrue".to_owned(),
        "conversations?q=fatumata+traorre".to_owned(),
        "conversations?q=06+00+01+23+45".to_owned(),
        "conversations?q=xylophone".to_owned(),
        format!("conversations/{talk}"),
        "waiting".to_owned(),
        "analytics".to_owned(),
        "analytics?days=30".to_owned(),
        "faq".to_owned(),
        "outbox".to_owned(),
        "channels".to_owned(),
    ] {
        let url = at(&path);
        let (body, first) = page(client, cookies, &url).await;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            times.push(page(client, cookies, &url).await.1);
        }
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (median, slow) = (times[RUNS / 2], times[RUNS * 95 / 100]);
        let kb = body.len() / 1_000;
        println!(
            "{path:<52} first {:>7.1} ms   p50 {:>7.1} ms   p95 {:>7.1} ms   {kb} kB",
            ms(first),
            ms(median),
            ms(slow)
        );
    }
}

/// A thousand consoles that are open while nothing happens.
async fn consoles(daemon: &Daemon, client: &Client, cookies: &str) {
    let before = daemon.resident();
    let mut open = Vec::new();
    let begun = Instant::now();
    for _ in 0..CONSOLES {
        let stream = client.get(format!("{}/console/events", daemon.base_url)).header("Cookie", cookies).send().await;
        open.push(stream.unwrap());
    }
    println!("{CONSOLES} consoles opened in {:.1} s", begun.elapsed().as_secs_f64());
    // What opening them cost is over.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (used, begun) = (daemon.ticks(), Instant::now());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let hundredths = f64::from(u32::try_from(daemon.ticks() - used).unwrap());
    let share = hundredths / begun.elapsed().as_secs_f64();
    let memory = daemon.resident().saturating_sub(before) / 1_024;
    println!("{CONSOLES} consoles, nothing happens: {memory} MiB more, {share:.1} % of a core");
    drop(open);
}

#[tokio::main]
async fn main() {
    let messages = std::env::var("PALABRE_BENCH_MESSAGES").map_or(1_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite://{}", folder.path().join("palabre.db").display());
    let url = std::env::var("PALABRE_BENCH_URL").unwrap_or_else(|_| file());
    let store = Store::open(&url, true).await.unwrap();
    let begun = Instant::now();
    let conversations = messages / MESSAGES_PER_CONVERSATION;
    seed::seed(&url, &Seeding { messages, conversations, days: DAYS, with_events: true }).await;
    println!("{messages} messages in {conversations} conversations written in {:.0} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut index = store.search_index().unwrap();
    while index.step(Utc::now()).await.unwrap().has_more {}
    println!("indexed in {:.0} s", begun.elapsed().as_secs_f64());
    drop(index);
    store.close().await.unwrap();

    write_files(folder.path(), &url);
    let config = folder.path().join("palabre.toml");
    add_user(&config);
    let daemon = Daemon::start(&config);
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let cookies = sign_in(&client, &daemon.base_url).await;
    pages(&client, &cookies, &daemon.base_url).await;
    consoles(&daemon, &client, &cookies).await;
}
