//! What a recipient's program reads of a mail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[derive(Default)]
pub(super) struct ReadMail {
    /// What stands before the `@` of its Message-ID.
    pub id: String,
    pub text: String,
    /// What its last attached file is called.
    pub file: Option<String>,
}

impl ReadMail {
    pub fn of(whole: &str) -> Self {
        let id = header(split(whole).0.as_str(), "Message-ID").unwrap_or_default();
        let id = id.trim_matches(['<', '>']).split('@').next().unwrap_or_default().to_owned();
        let mut mail = Self { id, ..Self::default() };
        mail.read(whole);
        mail
    }

    fn read(&mut self, part: &str) {
        let (head, body) = split(part);
        let kind = header(&head, "Content-Type").unwrap_or_default();
        if let Some(boundary) = parameter(&kind, "boundary") {
            let boundary = format!("--{boundary}");
            let parts = body.split(&boundary).skip(1).filter(|part| !part.starts_with("--"));
            parts.for_each(|part| self.read(part.trim_start_matches("\r\n")));
            return;
        }
        let disposition = header(&head, "Content-Disposition").unwrap_or_default();
        if let Some(name) = parameter(&disposition, "filename") {
            self.file = Some(name);
        } else if kind.starts_with("text/plain") {
            let encoding = header(&head, "Content-Transfer-Encoding").unwrap_or_default();
            self.text = decoded(&encoding, body.trim_end_matches("\r\n"));
        }
    }
}

/// Headers, with those that were folded on one line, and what follows them.
fn split(part: &str) -> (String, &str) {
    let (head, body) = part.split_once("\r\n\r\n").unwrap_or((part, ""));
    (head.replace("\r\n ", " ").replace("\r\n\t", " "), body)
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

/// `boundary="…"`
fn parameter(value: &str, name: &str) -> Option<String> {
    let (_, rest) = value.split_once(&format!("{name}="))?;
    let rest = rest.trim_start_matches('"');
    Some(rest.split(['"', ';', ' ']).next().unwrap_or_default().to_owned())
}

fn decoded(encoding: &str, body: &str) -> String {
    let bytes = match encoding {
        "base64" => STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default(),
        "quoted-printable" => unquoted(body.replace("=\r\n", "").as_bytes()),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `=F0=9F` as the bytes that they stand for.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        let quoted = (byte == b'=').then(|| [rest.next(), rest.next()]);
        let Some([Some(high), Some(low)]) = quoted else {
            bytes.push(byte);
            continue;
        };
        let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default();
        bytes.push(u8::try_from(digit(high) * 16 + digit(low)).unwrap_or_default());
    }
    bytes
}
