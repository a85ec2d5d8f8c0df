//! Our signatures against those of Twilio's own client, over a corpus drawn from a fixed seed. Both judge the same
//! requests, genuine and tampered with, and have to agree on each.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use palabre::gateway::twilio::form::Form;
use palabre::gateway::twilio::signature::{Signer, carries_body_hash};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

const CASES: usize = 3_000;
const SEED: u64 = 0x7061_6c61_6272_6501;

#[derive(Clone, Serialize)]
struct Request {
    url: String,
    body: String,
    json: bool,
}

#[derive(Serialize)]
struct Case {
    token: String,
    /// The URL that Twilio signs, in this spelling of it.
    signed: String,
    spelling: &'static str,
    received: Request,
    /// The same request with something changed, or not.
    other: Request,
    /// Ours.
    signature: String,
}

#[derive(Deserialize)]
struct Verdict {
    theirs: String,
    ours: bool,
    genuine: bool,
    crossed: bool,
}

struct Corpus(fastrand::Rng);

impl Corpus {
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.0.usize(..all.len())]
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 32] = [
            "a",
            "Z",
            "0",
            "7",
            "Bonjour",
            " ",
            "  ",
            "+",
            "&",
            "=",
            "%",
            "%20",
            "%C3%A9",
            "é",
            "ß",
            "日本",
            "\u{1F600}",
            "\u{FF5E}",
            "\u{E000}",
            "\u{10FFFF}",
            "\n",
            "\r\n",
            "\t",
            "'",
            "\"",
            "<",
            ">",
            "#",
            "?",
            "/",
            "~!*()",
            "\u{0}",
        ];
        (0..self.0.usize(..6)).map(|_| self.one_of(&PIECES)).collect()
    }

    fn form(&mut self) -> String {
        const KEYS: [&str; 16] = [
            "Body",
            "From",
            "To",
            "MessageSid",
            "AccountSid",
            "MediaUrl0",
            "body",
            "Body2",
            "",
            "10",
            "9",
            "0",
            "é",
            "\u{1F600}",
            "\u{FF5E}",
            "a b",
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for _ in 0..self.0.usize(..12) {
            // Keys repeat, and so do values.
            let (key, value) = (self.one_of(&KEYS), if self.0.u8(..4) == 0 { "same".to_owned() } else { self.text() });
            form.append_pair(key, &value);
        }
        form.finish()
    }

    fn url(&mut self) -> (String, &'static str) {
        let scheme = self.one_of(&["https", "http"]);
        let host =
            self.one_of(&["hooks.example.com", "Hooks.Example.com", "127.0.0.1", "[::1]", "user:pw@example.com"]);
        let path = self.one_of(&["", "/", "/webhooks/twilio-sms/c1", "/a b", "/é", "/it's", "/%7Ex"]);
        let mut url = format!("{scheme}://{host}{path}");
        if self.0.bool() {
            let parts = [
                "?a=b",
                "?a=b&c=d",
                "?q=it's",
                "?q=a b",
                "?q=a+b",
                "?q=a%20b",
                "?é=ü",
                "?a=1&b=2&a=3",
                "?2=b&1=a",
                "?",
                "?a",
                "?&a=&",
                "?x=%zz",
                "?x=%27",
                "?a=b|c",
                "?a={}",
                "?q=%FF",
                "?a=b#rc=5",
            ];
            url.push_str(self.one_of(&parts));
        }
        (url, self.one_of(&["received", "received", "normal", "legacy"]))
    }

    /// The URL as we see it, and as Twilio signs it, which may differ in the port.
    fn ported(&mut self, url: &str) -> (String, String) {
        let standard = if url.starts_with("https") { ":443" } else { ":80" };
        let with = |port: &str| {
            let after_scheme = url.find("://").unwrap() + 3;
            let end = url[after_scheme..].find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
            format!("{}{port}{}", &url[..end], &url[end..])
        };
        match self.0.u8(..6) {
            0 => (with(standard), url.to_owned()),
            1 => (url.to_owned(), with(standard)),
            2 => (with(":8443"), url.to_owned()),
            3 => (with(":8443"), with(":8443")),
            // Not one of the spellings.
            4 => (url.to_owned(), with(":8443")),
            _ => (url.to_owned(), url.to_owned()),
        }
    }

    fn case(&mut self) -> Case {
        let token = format!("{:032x}", self.0.u128(..));
        let signer = Signer::new(&SecretString::from(token.as_str()));
        let (url, spelling) = self.url();
        let json = self.0.u8(..5) == 0 && !url.contains('#');
        let body = if json { serde_json::json!({ "Body": self.text() }).to_string() } else { self.form() };
        let url = if json { Signer::with_body_hash(&url, body.as_bytes()) } else { url };
        let (received_url, signed) = self.ported(&url);
        let received = Request { url: received_url, body, json };
        let signature = if json {
            signer.sign_url(&received.url)
        } else {
            signer.sign_form(&received.url, &Form::parse(received.body.as_bytes()).unwrap())
        };
        let other = self.changed(received.clone());
        Case { token, signed, spelling, received, other, signature }
    }

    fn changed(&mut self, mut request: Request) -> Request {
        let (joint, more) = if request.body.is_empty() { ("", "x") } else { ("&", "x") };
        match self.0.u8(..7) {
            0 => request.url.push('x'),
            1 => request.url = request.url.replacen("http", "HTTP", 1),
            2 => request.body.push_str(&format!("{joint}{more}")),
            3 => drop(request.body.pop()),
            4 => request.body = request.body.replacen('a', "b", 1),
            // The order of a form's parameters is not signed, nor are repetitions.
            5 if !request.json => {
                let mut pieces: Vec<&str> = request.body.split('&').collect();
                pieces.reverse();
                pieces.extend_from_within(..1);
                request.body = pieces.join("&");
            }
            _ => {}
        }
        request
    }
}

fn we_accept(token: &str, signature: &str, request: &Request) -> bool {
    let signer = Signer::new(&SecretString::from(token));
    if request.json {
        return carries_body_hash(&request.url)
            && signer.verifies_body(&request.url, request.body.as_bytes(), signature);
    }
    let form = Form::parse(request.body.as_bytes());
    form.is_ok_and(|form| signer.verifies_form(&request.url, &form, signature))
}

fn ask_their_client(cases: &[Case]) -> Vec<Verdict> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twilio-node");
    assert!(
        folder.join("node_modules/twilio/package.json").exists(),
        "Twilio's client is not installed: run `npm ci` in tests/twilio-node (./test does so)"
    );
    let mut node = Command::new("node")
        .arg("agree.mjs")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed to hold our signatures against Twilio's own client");
    let mut input = node.stdin.take().unwrap();
    let corpus = serde_json::json!({ "cases": cases }).to_string();
    // It reads everything before it writes anything.
    input.write_all(corpus.as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "agree.mjs failed");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn twilios_own_client_agrees_with_us() {
    let mut corpus = Corpus(fastrand::Rng::with_seed(SEED));
    let cases: Vec<Case> = (0..CASES).map(|_| corpus.case()).collect();
    let verdicts = ask_their_client(&cases);
    assert_eq!(verdicts.len(), cases.len());
    let (mut genuine, mut refused) = (0, 0);
    for (case, verdict) in cases.iter().zip(&verdicts) {
        let what = serde_json::to_string_pretty(case).unwrap();
        // What we sign, they accept, and so do we.
        assert_eq!(verdict.ours, we_accept(&case.token, &case.signature, &case.received), "our signature: {what}");
        // What they sign, we accept whenever they do.
        let ours = we_accept(&case.token, &verdict.theirs, &case.received);
        assert_eq!(verdict.genuine, ours, "their signature: {what}");
        let ours = we_accept(&case.token, &verdict.theirs, &case.other);
        assert_eq!(verdict.crossed, ours, "tampered: {what}");
        genuine += usize::from(verdict.genuine);
        refused += usize::from(!verdict.crossed);
    }
    // The corpus is worth something only if both verdicts are common in it.
    assert!(genuine > CASES / 2 && refused > CASES / 3, "{genuine} genuine, {refused} refused");
}
