//! `X-Twilio-Signature`: verifies a webhook, and signs one as Twilio does.
//!
//! `base64(HMAC-SHA1(auth_token, URL + Σ sorted(key + value)))` over all form parameters, repeated values once. With any
//! other body the URL carries `bodySHA256`, the URL alone is signed, and the hash covers the body. Source: Twilio's
//! "Webhooks security" page and twilio-node 6 `src/webhooks/webhooks.ts`; the corpus test in `tests/it` holds both
//! directions against that package.

use actix_web::http::header::HeaderName;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::form::Form;
use super::url_variants;

/// The header that carries the signature, as it is written.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";

/// The same, to look it up with.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-twilio-signature");

/// The query parameter that carries the hash of a body that is no form.
pub const BODY_HASH_PARAMETER: &str = "bodySHA256";

/// Bytes of an HMAC-SHA1.
const MAC_BYTES: usize = 20;

/// Signs and verifies with one account's primary auth token. The key schedule is computed once.
#[derive(Clone)]
pub struct Signer {
    /// `None` when the token is empty: nothing verifies then, and nothing verifies what it signs.
    keyed: Option<Hmac<Sha1>>,
}

impl Signer {
    /// For the account whose primary auth token this is (an API key's secret verifies nothing).
    #[must_use]
    pub fn new(auth_token: &SecretString) -> Self {
        let token = auth_token.expose_secret().as_bytes();
        let keyed = if token.is_empty() { None } else { Hmac::new_from_slice(token).ok() };
        Self { keyed }
    }

    /// Whether Twilio signed this form for this URL, in any variant of the URL that it may have used.
    #[must_use]
    pub fn verifies_form(&self, url: &str, form: &Form, signature: &str) -> bool {
        self.verifies(url, signature, |mac| absorb(mac, form))
    }

    /// Whether Twilio signed this URL, and this is the body that the URL speaks of.
    #[must_use]
    pub fn verifies_body(&self, url: &str, body: &[u8], signature: &str) -> bool {
        let Some(claimed) = body_hash(url) else { return false };
        let same_body = body_sha256(body).as_bytes().ct_eq(claimed.as_bytes());
        self.verifies(url, signature, |_| {}) && bool::from(same_body)
    }

    /// The header for a form posted to a URL.
    #[must_use]
    pub fn sign_form(&self, url: &str, form: &Form) -> String {
        self.sign(&[url], |mac| absorb(mac, form))
    }

    /// The header for a URL that carries its body's hash, see [`Self::with_body_hash`].
    #[must_use]
    pub fn sign_url(&self, url: &str) -> String {
        self.sign(&[url], |_| {})
    }

    /// The URL to which Twilio would post this body.
    #[must_use]
    pub fn with_body_hash(url: &str, body: &[u8]) -> String {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{BODY_HASH_PARAMETER}={}", body_sha256(body))
    }

    fn verifies(&self, url: &str, signature: &str, absorb_more: impl Fn(&mut Hmac<Sha1>)) -> bool {
        let Some(keyed) = &self.keyed else { return false };
        let Some(claimed) = decoded(signature) else { return false };
        url_variants::any(url, |pieces| bool::from(tag(keyed, &pieces, &absorb_more).ct_eq(&claimed)))
    }

    fn sign(&self, pieces: &[&str], absorb_more: impl Fn(&mut Hmac<Sha1>)) -> String {
        self.keyed.as_ref().map(|keyed| STANDARD.encode(tag(keyed, pieces, absorb_more))).unwrap_or_default()
    }
}

/// Shows nothing of the key.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// Whether the URL says that it carries the hash of its body.
#[must_use]
pub fn carries_body_hash(url: &str) -> bool {
    url.contains(BODY_HASH_PARAMETER) && body_hash(url).is_some()
}

/// The first `bodySHA256` of the query string.
fn body_hash(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    url.query_pairs().find(|(key, _)| key == BODY_HASH_PARAMETER).map(|(_, value)| value.into_owned())
}

/// Lower-case hexadecimal.
fn body_sha256(body: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xF)]);
    Sha256::digest(body).iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn absorb(mac: &mut Hmac<Sha1>, form: &Form) {
    for parameter in form.signed() {
        mac.update(parameter.as_bytes());
    }
}

fn tag(keyed: &Hmac<Sha1>, pieces: &[&str], absorb_more: impl Fn(&mut Hmac<Sha1>)) -> [u8; MAC_BYTES] {
    let mut mac = keyed.clone();
    for piece in pieces {
        mac.update(piece.as_bytes());
    }
    absorb_more(&mut mac);
    mac.finalize().into_bytes().into()
}

/// The header's bytes: 28 characters of canonical base64 and nothing else, so that one signature has one spelling.
fn decoded(signature: &str) -> Option<[u8; MAC_BYTES]> {
    let mut bytes = [0; MAC_BYTES + 1];
    let used = STANDARD.decode_slice(signature, &mut bytes).ok()?;
    bytes.get(..used)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str = "https://hooks.example.com/webhooks/twilio-sms/c1";

    fn signer() -> Signer {
        Signer::new(&SecretString::from("0123456789abcdef0123456789abcdef"))
    }

    fn form(body: &str) -> Form {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn signs_like_twilio_documents_it() {
        // The example of Twilio's "Webhooks security" page, as its client's own tests have it.
        let signer = Signer::new(&SecretString::from("12345"));
        let body = "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signature = signer.sign_form(url, &form(body));
        assert_eq!(signature, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        for url in [url, "https://mycompany.com:443/myapp.php?foo=1&bar=2"] {
            assert!(signer.verifies_form(url, &form(body), &signature), "{url}");
        }
        assert!(!signer.verifies_form("https://mycompany.com/myapp.php?foo=1&bar=3", &form(body), &signature));
        assert!(!signer.verifies_form("http://mycompany.com/myapp.php?foo=1&bar=2", &form(body), &signature));
    }

    #[test]
    fn fails_closed() {
        let empty = Signer::new(&SecretString::from(""));
        let form = form("a=b");
        assert_eq!(empty.sign_form(URL, &form), "");
        for signature in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", &signer().sign_form(URL, &form)] {
            assert!(!empty.verifies_form(URL, &form, signature));
            assert!(!empty.verifies_body(URL, b"", signature));
        }
        for signature in ["", " ", "\0", "é", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert!(!signer().verifies_form(URL, &form, signature));
        }
        assert!(!signer().verifies_body(URL, b"{}", &signer().sign_url(URL)), "a URL without a hash covers no body");
    }

    #[test]
    fn a_body_is_covered_by_its_hash() {
        let url = Signer::with_body_hash(URL, b"{}");
        let signature = signer().sign_url(&url);
        assert!(carries_body_hash(&url));
        assert!(signer().verifies_body(&url, b"{}", &signature));
        assert!(!signer().verifies_body(&url, b"{ }", &signature));
        assert!(!signer().verifies_body(&url.to_uppercase(), b"{}", &signature));
        let upper = url.replace("44136fa3", "44136FA3");
        assert_ne!(upper, url);
        assert!(!signer().verifies_body(&upper, b"{}", &signer().sign_url(&upper)));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", signer()), "Signer");
    }

    proptest! {
        #[test]
        fn verifies_what_it_signs(pairs in prop::collection::vec((".{1,10}", ".{0,20}"), 0..20), path in "[a-z?=&%' ]{0,20}") {
            let url = format!("https://hooks.example.com/{path}");
            let form = Form::from_pairs(pairs).unwrap();
            let signature = signer().sign_form(&url, &form);
            prop_assert!(signer().verifies_form(&url, &form, &signature));
        }

        #[test]
        fn any_other_byte_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8, which in 0usize..3) {
            let body = "AccountSid=AC1&Body=Bonjour&From=whatsapp%3A%2B33612345678&MessageSid=SM1".to_owned();
            let signature = signer().sign_form(URL, &form(&body));
            let mut parts = [URL.to_owned().into_bytes(), body.into_bytes(), signature.into_bytes()];
            let part = &mut parts[which];
            let at = at.index(part.len());
            part[at] ^= 1 << bit;
            let [url, body, signature] = &parts;
            let (Ok(url), Ok(form), Ok(signature)) =
                (std::str::from_utf8(url), Form::parse(body), std::str::from_utf8(signature)) else { return Ok(()) };
            // `%3A` and `%3a`, or a host in capitals, are the same request in other letters.
            let same = form == Form::parse(b"AccountSid=AC1&Body=Bonjour&From=whatsapp:%2B33612345678&MessageSid=SM1").unwrap();
            let same_url = reqwest::Url::parse(url).is_ok_and(|url| url.as_str() == URL);
            if !(which == 0 && same_url || which == 1 && same) {
                prop_assert!(!signer().verifies_form(url, &form, signature));
            }
        }

        #[test]
        fn never_panics(url in ".{0,60}", body in prop::collection::vec(any::<u8>(), 0..200), signature in ".{0,40}") {
            prop_assert!(!signer().verifies_body(&url, &body, &signature));
            if let Ok(form) = Form::parse(&body) {
                prop_assert!(!signer().verifies_form(&url, &form, &signature));
            }
        }
    }
}
