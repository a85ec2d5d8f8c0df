//! E-mail through the real daemon, to a real SMTP server with STARTTLS, read by Python's own parser.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{BREATH, PUBLIC_URL, Setup, Waiting, World};

const PASSWORD: &str = "smtp-password";
const TOKEN: &str = "relay-token-of-belle";
const KEY: &str = "key-of-the-site-0123456789";

/// aiosmtpd, as `.ci/prepare` installed it. It ends with its owner.
pub struct MailServer {
    folder: TempDir,
    process: Child,
    pub port: u16,
}

impl MailServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"])
            // A server that shows the certificate of an authority as its own is not believed.
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key", "-out", "certificate"])
            .current_dir(&folder)
            .output()
            .expect("openssl is there: run .ci/prepare");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp");
        let mut process = Command::new(home.join("venv/bin/python"))
            .arg(home.join("server.py"))
            .args(["certificate", "key", "port", "mails"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("aiosmtpd is there: run .ci/prepare");
        let mut waiting = Waiting::begin();
        let port = loop {
            if let Ok(port) = std::fs::read_to_string(folder.path().join("port")) {
                break port.trim().parse().expect("a port");
            }
            let ended = process.try_wait().expect("its state");
            assert!(ended.is_none() && waiting.goes_on(), "the mail server does not start: run .ci/prepare");
            std::thread::sleep(BREATH);
        };
        Self { folder, process, port }
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate")
    }

    /// Every mail that it took.
    fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A header of a mail; there must be one at most.
fn header<'m>(mail: &'m Value, name: &str) -> Option<&'m str> {
    let headers = mail["headers"].as_array().expect("headers").iter();
    let mut found = headers.filter(|pair| pair[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)));
    let first = found.next();
    assert!(found.next().is_none(), "{name} stands twice");
    first.and_then(|pair| pair[1].as_str())
}

pub struct Post {
    server: MailServer,
    pub world: World,
    client: Client,
}

impl Post {
    fn start() -> Self {
        Self::start_with("", "")
    }

    /// With more tables of the daemon's file and of the tenants' files.
    pub fn start_with(daemon: &str, tenant: &str) -> Self {
        let server = MailServer::start();
        let channel = format!(
            "[[channels]]\nid = \"{{id}}-mail\"\nprovider = \"smtp\"\naddress = \"mailto:contact@{{id}}.example\"\n\
             from_name = \"Maison {{id}} – Été\"\nhost = \"localhost\"\nport = {}\nusername = \"contact\"\n\
             password = {{ file = \"mail-secret\" }}\nca = {{ file = \"smtp-ca\" }}\n\
             webhook_token = {{ file = \"relay-token\" }}\n",
            server.port
        );
        let daemon = format!(
            "[runtime]\nsweep_every = \"100ms\"\nask_after = \"100ms\"\n[[api.keys]]\nname = \"site\"\n\
             key = {{ file = \"site-key\" }}\ntenants = [\"belle\"]\nscopes = [\"read\", \"send\"]\n{daemon}\n"
        );
        let setup = Setup { sms: channel, daemon, tenant: tenant.to_owned(), ..Setup::default() };
        let mut world = World::asleep(&setup);
        let certificate = std::fs::read_to_string(server.certificate()).expect("a certificate");
        for (name, secret) in [
            ("mail-secret", PASSWORD),
            ("smtp-ca", certificate.as_str()),
            ("relay-token", TOKEN),
            ("site-key", KEY),
            ("espo-key", "espo-key-0123456789"),
        ] {
            world.write_secret(name, secret);
        }
        world.start_daemon();
        Self { server, world, client: Client::new() }
    }

    /// Asks for a mail by the API.
    async fn ask(&self, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v1/messages", self.world.base_url());
        let answer = self.client.post(url).bearer_auth(KEY).json(body).send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    pub async fn send(&self, body: &Value) -> String {
        let (status, taken) = self.ask(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
        taken["id"].as_str().expect("an id").to_owned()
    }

    /// Waits for so many mails.
    async fn mails(&self, count: usize) -> Vec<Value> {
        let mut waiting = Waiting::begin();
        loop {
            let mails = self.server.mails();
            if mails.len() >= count {
                return mails;
            }
            waiting.again(|| format!("{} of {count} mails: {}", mails.len(), self.world.logs())).await;
        }
    }

    /// What a relay posts.
    async fn relay(&self, token: &str, event: &Value) -> StatusCode {
        let url = format!("{}/webhooks/smtp/belle-mail", self.world.base_url());
        let request = self.client.post(url).bearer_auth(token).json(event);
        request.send().await.expect("an answer").status()
    }
}

#[tokio::test]
async fn a_mail_goes_out_over_tls_with_text_and_html_and_ends_by_its_link() {
    let post = Post::start();
    let html = "<p>À demain, <b>10&nbsp;h</b>.</p><p>Institut</p>";
    let id =
        post.send(&json!({ "to": "mailto:Awa@Example.org", "subject": "Votre rendez-vous 😀", "html": html })).await;
    let mails = post.mails(1).await;
    let mail = &mails[0];
    assert_eq!((&mail["peer_is_encrypted"], &mail["authenticated"]), (&json!(true), &json!(true)));
    assert_eq!((&mail["from"], &mail["to"]), (&json!("contact@belle.example"), &json!(["awa@example.org"])));
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(header(mail, "Subject"), Some("Votre rendez-vous 😀"));
    assert_eq!(header(mail, "From"), Some("Maison belle – Été <contact@belle.example>"));
    assert_eq!(mail["html"].as_str().expect("HTML").trim(), html);
    let text = mail["text"].as_str().expect("a text").replace("\r\n", "\n");
    assert_eq!(text.trim(), "À demain, 10 h.\n\nInstitut", "a text part always");
    let own = id.replace('-', "");
    assert_eq!(header(mail, "Message-ID"), Some(format!("<ML{own}@belle.example>").as_str()));
    assert_eq!(header(mail, "List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    post.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;

    // The next mail of the conversation stands with it.
    post.send(&json!({ "to": "mailto:awa@example.org", "subject": "Re", "text": "Encore" })).await;
    let mails = post.mails(2).await;
    assert_eq!(header(&mails[1], "In-Reply-To"), header(mail, "In-Reply-To"));
    assert_eq!(mails[1]["html"], Value::Null);

    // A relay tells what became of it.
    let event = |name: &str| json!({ "event": name, "email": "awa@example.org", "message-id": header(mail, "Message-ID"), "ts": 1 });
    assert_eq!(post.relay("wrong", &event("delivered")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post.relay(TOKEN, &event("delivered")).await, StatusCode::OK);
    post.world.until("SELECT count(*) FROM messages_out WHERE state = 'delivered'", 1).await;
    assert_eq!(post.relay(TOKEN, &json!([event("opened"), event("deferred")])).await, StatusCode::OK);
    post.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;

    // Who opens the link is asked; who posts is out, once.
    let link = header(mail, "List-Unsubscribe").expect("a link").trim_matches(['<', '>']);
    let link = link.replace(PUBLIC_URL, post.world.base_url());
    let page = post.client.get(&link).send().await.expect("a page");
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.expect("a page").contains("<form method=\"post\">"));
    assert_eq!(post.world.value::<i64>("SELECT count(*) FROM opt_outs").await, 0, "opening changes nothing");
    let forged = link.replace("&s=", "&s=0");
    assert_eq!(post.client.post(&forged).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    for _ in 0..2 {
        let done = post.client.post(&link).body("List-Unsubscribe=One-Click").send().await.expect("a page");
        assert_eq!(done.status(), StatusCode::OK);
    }
    post.world.until("SELECT count(*) FROM opt_outs WHERE address = 'mailto:awa@example.org'", 1).await;
    let (status, problem) = post.ask(&json!({ "to": "mailto:awa@example.org", "text": "Promotion" })).await;
    assert_eq!((status, problem["error"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("opted_out")));
    post.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    assert_eq!(post.server.mails().len(), 2, "the page has confirmed it: there is no mail about it");
    assert!(
        !post.world.logs().contains(PASSWORD) && !post.world.logs().contains("awa@"),
        "secrets or addresses in the log"
    );
}

#[tokio::test]
async fn nothing_in_a_mail_can_add_a_header_and_other_alphabets_arrive() {
    let post = Post::start();
    let subject = "Bonjour\r\nBcc: eve@example.org\r\n\r\n<script>";
    post.send(&json!({ "to": "mailto:anne@münchen.example", "subject": subject, "text": "x\r\n.\r\nMAIL FROM:<eve@example.org>" })).await;
    post.send(&json!({ "to": "mailto:anaïs@example.org", "text": "Ça va ?" })).await;
    let mails = post.mails(2).await;
    let to = |address: &str| mails.iter().find(|mail| mail["to"] == json!([address])).expect("the mail");
    let injected = to("anne@xn--mnchen-3ya.example");
    assert_eq!(header(injected, "Subject"), Some("Bonjour Bcc: eve@example.org <script>"));
    assert_eq!(header(injected, "Bcc"), None);
    let text = injected["text"].as_str().expect("a text").replace("\r\n", "\n");
    assert_eq!(text.trim_end(), "x\n.\nMAIL FROM:<eve@example.org>");
    assert_eq!(to("anaïs@example.org")["text"].as_str().expect("a text").trim(), "Ça va ?");
    for bad in ["mailto:", "mailto:a@b@c.fr", "mailto:a b@c.fr", "mailto:a@b.fr\r\nBcc: x@y.fr"] {
        assert!(post.ask(&json!({ "to": bad, "text": "x" })).await.0.is_client_error(), "{bad}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_has_its_class_and_a_lost_answer_is_unknown() {
    let post = Post::start();
    post.send(&json!({ "to": "mailto:refuse-550@example.org", "text": "x" })).await;
    let dead = "SELECT count(*) FROM messages_out WHERE state = 'dead' AND last_error = 'smtp_550'";
    post.world.until(dead, 1).await;
    post.send(&json!({ "to": "mailto:refuse-451@example.org", "text": "x" })).await;
    let waits = "SELECT count(*) FROM messages_out WHERE state = 'pending' AND last_error = 'smtp_451'";
    post.world.until(waits, 1).await;
    post.send(&json!({ "to": "mailto:drop@example.org", "text": "x" })).await;
    post.world.until("SELECT count(*) FROM event_log WHERE event_type = 'message_unknown'", 1).await;
    // Nobody can be asked: it is sent again, under the same Message-ID.
    let mails = post.mails(2).await;
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    // The server works all the same.
    post.send(&json!({ "to": "mailto:awa@example.org", "text": "x" })).await;
    post.world
        .until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND \"to\" = 'mailto:awa@example.org'", 1)
        .await;
}

#[tokio::test]
async fn a_complaint_that_a_relay_tells_is_a_stop() {
    let post = Post::start();
    post.send(&json!({ "to": "mailto:awa@example.org", "text": "x" })).await;
    let mails = post.mails(1).await;
    let message = header(&mails[0], "X-Mailin-custom").expect("our id");
    let event = json!({ "event": "spam", "email": "awa@example.org", "X-Mailin-custom": message });
    for _ in 0..2 {
        assert_eq!(post.relay(TOKEN, &event).await, StatusCode::OK);
    }
    post.world.until("SELECT count(*) FROM opt_outs WHERE address = 'mailto:awa@example.org'", 1).await;
    let bounce = json!({ "event": "hard_bounce", "email": "awa@example.org", "X-Mailin-custom": message });
    assert_eq!(post.relay(TOKEN, &bounce).await, StatusCode::OK);
    post.world
        .until("SELECT count(*) FROM messages_out WHERE state = 'failed' AND last_error = 'smtp_bounced'", 1)
        .await;
    assert_eq!(post.world.value::<i64>("SELECT count(*) FROM messages_in").await, 1, "the same complaint once");
}
