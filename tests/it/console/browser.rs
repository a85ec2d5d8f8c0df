//! A real browser: Debian's Chromium, without a screen, each with a driver and a profile of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::PASSWORD;
use crate::daemon::{Waiting, World};

/// A laptop, and a small phone.
pub(crate) const LAPTOP: (u32, u32) = (1440, 900);
pub(crate) const PHONE: (u32, u32) = (360, 740);

/// The rules of WCAG 2.1 AA.
const RULES: [&str; 4] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/// A browser with one window. [`Browser::close`] it at the end; a test that fails leaves that to its drop.
pub(crate) struct Browser {
    pub(crate) client: Client,
    base_url: String,
    /// Where the driver is asked what the standard does not have.
    session_url: String,
    driver: Driver,
    _profile: TempDir,
}

/// chromedriver. It ends its browsers when it is ended.
struct Driver(Child);

impl Driver {
    fn start() -> (Self, String) {
        let mut child = Command::new("chromedriver")
            .args(["--port=0", "--log-level=WARNING"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: run .ci/prepare");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()));
        let url = format!("http://127.0.0.1:{}", port.expect("chromedriver names its port"));
        // Whoever stops reading would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), url)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// Whether the next page, or what the page fetched, came between finding an element and using it.
fn is_gone(error: &CmdError) -> bool {
    error.is_stale_element_reference() || error.to_string().contains("does not belong to the document")
}

impl Browser {
    /// A browser as wide and as high, with JavaScript.
    pub(crate) async fn open(world: &World, (width, height): (u32, u32)) -> Self {
        let (driver, url) = Driver::start();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut args = vec![
            "--headless=new".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--lang=fr".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        // Chromium's own walls need a user who is not root.
        if is_root() {
            args.push("--no-sandbox".to_owned());
        }
        let mut options = json!({ "args": args });
        if width < 500 {
            // A window is never so narrow; the drawing area of a phone is.
            options["mobileEmulation"] = json!({
                "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "touch": true }
            });
        }
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("browserName".to_owned(), json!("chrome"));
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&url).await.expect("Chromium starts");
        let session = client.session_id().await.expect("a driver").expect("a session");
        let session_url = format!("{url}/session/{session}");
        Self { client, base_url: world.base_url().to_owned(), session_url, driver, _profile: profile }
    }

    /// The same, whose pages get no script: the driver itself needs a browser that runs some. Their policy allows no
    /// scripts but those of these files.
    pub(crate) async fn without_scripts(world: &World, size: (u32, u32)) -> Self {
        let browser = Self::open(world, size).await;
        browser.block(&["*.js", "*.js?*"]).await;
        browser
    }

    /// Pages get nothing from addresses like these any more.
    pub(crate) async fn block(&self, urls: &[&str]) {
        for (command, parameters) in
            [("Network.enable", json!({})), ("Network.setBlockedURLs", json!({ "urls": urls }))]
        {
            self.driven("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await;
        }
    }

    /// Has the driver do something, and answers what came of it.
    async fn driven(&self, command: &str, parameters: &Value) -> Value {
        let request = reqwest::Client::new().post(format!("{}/{command}", self.session_url));
        let answer = request.body(parameters.to_string()).send().await.expect("the driver answers");
        let (is_done, text) = (answer.status().is_success(), answer.text().await.expect("a text"));
        assert!(is_done, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What the browser complained of since it was last asked: what the policy of a page forbade, scripts that failed.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let told = self.driven("se/log", &json!({ "type": "browser" })).await;
        let lines = told["value"].as_array().expect("a list");
        let grave = lines.iter().filter(|line| line["level"] == "SEVERE");
        grave.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) async fn goto(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base_url)).await.expect("the page comes");
    }

    /// Where it is: path and query.
    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("it is somewhere");
        url.as_str().strip_prefix(&self.base_url).unwrap_or(url.as_str()).to_owned()
    }

    /// Waits for an element, and writes into it.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let field = self.client.wait().for_element(Locator::Css(css)).await.expect(css);
        field.clear().await.expect(css);
        field.send_keys(text).await.expect(css);
    }

    /// Waits for an element, and clicks it.
    pub(crate) async fn click(&self, css: &str) {
        loop {
            let element = self.client.wait().for_element(Locator::Css(css)).await.expect(css);
            match element.click().await {
                Err(error) if is_gone(&error) => {}
                clicked => return clicked.expect(css),
            }
        }
    }

    /// Waits for an element; what it says.
    pub(crate) async fn text(&self, css: &str) -> String {
        loop {
            let element = self.client.wait().for_element(Locator::Css(css)).await.expect(css);
            match element.text().await {
                Err(error) if is_gone(&error) => {}
                text => return text.expect(css),
            }
        }
    }

    /// Waits until an element says so: the page may be the one before.
    pub(crate) async fn says(&self, css: &str, words: &str) {
        let mut waiting = Waiting::begin();
        loop {
            let text = self.text(css).await;
            if text.contains(words) {
                return;
            }
            waiting.again(|| format!("{css} says {text:?}, not {words:?}")).await;
        }
    }

    pub(crate) async fn sign_in(&self, email: &str) {
        self.goto("/console/login").await;
        self.write("#email", email).await;
        self.write("#password", PASSWORD).await;
        self.click("main button").await;
        // The next page, or the same with what is wrong: the old one is gone.
        self.client.wait().for_element(Locator::Css("body:not(:has(#password)), #wrong")).await.expect("an answer");
    }

    /// Keeps a picture of the page under `target/screenshots`.
    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// Fails when axe finds something on the page that keeps somebody out (WCAG 2.1 AA).
    pub(crate) async fn assert_accessible(&self) {
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/axe/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("axe is installed: run .ci/prepare");
        self.client.execute(&axe, Vec::new()).await.expect("axe loads");
        let run = "const [rules, done] = arguments;
            axe.run(document, { runOnly: { type: 'tag', values: rules } }).then(
                (found) => done(found.violations.map((one) =>
                    `${one.id}: ${one.help}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`)),
                (error) => done([String(error)]));";
        let found = self.client.execute_async(run, vec![json!(RULES)]).await.expect("axe runs");
        let found: Vec<String> = serde_json::from_value(found).expect("a list");
        assert!(found.is_empty(), "{}:\n{}", self.path().await, found.join("\n"));
    }

    /// Closes the window, and ends browser and driver.
    pub(crate) async fn close(self) {
        let Self { client, driver, _profile, .. } = self;
        client.close().await.expect("it closes");
        drop(driver);
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.starts_with(b"0\n"))
}
