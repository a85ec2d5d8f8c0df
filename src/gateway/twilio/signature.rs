//! `X-Twilio-Signature`: verifies a webhook, and signs one as Twilio does.
//!
//! `base64(HMAC-SHA1(auth_token, URL + Σ sorted(key + value)))` over all form parameters, repeated values once. With any
//! other body the URL carries `bodySHA256`, the URL alone is signed, and the hash covers the body. Source: Twilio's
//! "Webhooks security" page and twilio-node 6 `src/webhooks/webhooks.ts`; the corpus test in `tests/it` holds both
//! directions against that package.
//!
//! A webhook rule of the account may name a shared key instead of the token, and HMAC-SHA256: a second header says so, and the
//! signed text is the same ("Sign webhooks with shared keys", and twilio-node's `examples/WebhookSignatureValidation.md`).

use actix_web::http::header::HeaderName;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::Output;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::form::Form;
use super::url_variants;
use crate::digest::one_fits;

/// The header that carries the signature, as it is written.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";

/// [`SIGNATURE_HEADER`] for looking it up.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-twilio-signature");

/// The query parameter that carries the hash of a body that is no form.
pub const BODY_HASH_PARAMETER: &str = "bodySHA256";

/// The header that says which key signed, when it was not the account's token: `key=…,algorithm=HMAC_SHA256`.
pub const SETTINGS_HEADER: &str = "X-Twilio-Webhooks-Signature-Settings";

/// [`SETTINGS_HEADER`] for looking it up.
pub(super) const SETTINGS: HeaderName = HeaderName::from_static("x-twilio-webhooks-signature-settings");

/// Characters of an HMAC-SHA256 in base64, the longest there is.
const LONGEST_SIGNATURE: usize = 44;

/// What came to prove a webhook.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// [`SIGNATURE_HEADER`]
    pub signature: &'a str,
    /// [`SETTINGS_HEADER`]
    pub settings: Option<&'a str>,
}

impl<'a> From<&'a str> for Proof<'a> {
    fn from(signature: &'a str) -> Self {
        Self { signature, settings: None }
    }
}

impl<'a> From<&'a String> for Proof<'a> {
    fn from(signature: &'a String) -> Self {
        signature.as_str().into()
    }
}

/// Signs and verifies with one account's primary auth token, and verifies with what may stand in for it. The key schedules are
/// computed once.
#[derive(Clone)]
pub struct Signer {
    /// `None` when the token is empty: nothing verifies then, and nothing verifies what it signs.
    keyed: Option<Hmac<Sha1>>,
    /// The token before this one, while Twilio still signs with it.
    previous: Option<Hmac<Sha1>>,
    /// A shared key, with both algorithms.
    shared: Option<(Hmac<Sha1>, Hmac<Sha256>)>,
}

impl Signer {
    /// For the account whose primary auth token this is (an API key's secret verifies nothing).
    #[must_use]
    pub fn new(auth_token: &SecretString) -> Self {
        Self { keyed: keyed(auth_token), previous: None, shared: None }
    }

    /// Believes webhooks that the token before this one signed, too.
    #[must_use]
    pub fn with_previous(mut self, auth_token: Option<&SecretString>) -> Self {
        self.previous = auth_token.and_then(keyed);
        self
    }

    /// Believes webhooks that a shared key of Twilio's webhook settings signed, too.
    #[must_use]
    pub fn with_shared_key(mut self, secret: Option<&SecretString>) -> Self {
        self.shared = secret.and_then(|secret| Some((keyed(secret)?, keyed(secret)?)));
        self
    }

    /// Whether Twilio signed this form for this URL, in any variant of the URL that it may have used.
    #[must_use]
    pub fn verifies_form<'a>(&self, url: &str, form: &Form, proof: impl Into<Proof<'a>>) -> bool {
        self.verifies(url, proof.into(), Some(form))
    }

    /// Whether Twilio signed this URL, and this is the body that the URL speaks of.
    #[must_use]
    pub fn verifies_body<'a>(&self, url: &str, body: &[u8], proof: impl Into<Proof<'a>>) -> bool {
        let Some(claimed) = body_hash(url) else { return false };
        let same_body = body_sha256(body).as_bytes().ct_eq(claimed.as_bytes());
        self.verifies(url, proof.into(), None) && bool::from(same_body)
    }

    /// The header for a form posted to a URL.
    #[must_use]
    pub fn sign_form(&self, url: &str, form: &Form) -> String {
        self.sign(&[url], Some(form))
    }

    /// The header for a URL that carries its body's hash, see [`Self::with_body_hash`].
    #[must_use]
    pub fn sign_url(&self, url: &str) -> String {
        self.sign(&[url], None)
    }

    /// The URL to which Twilio would post this body.
    #[must_use]
    pub fn with_body_hash(url: &str, body: &[u8]) -> String {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{BODY_HASH_PARAMETER}={}", body_sha256(body))
    }

    /// Without settings the account's token signed. With them it was the shared key, by an algorithm that they name; one that
    /// is not known proves nothing.
    fn verifies(&self, url: &str, proof: Proof<'_>, form: Option<&Form>) -> bool {
        let Some(claimed) = decoded(proof.signature) else { return false };
        let Some(settings) = proof.settings else {
            let tokens = self.keyed.iter().chain(&self.previous);
            return one_fits(tokens, |keyed| is_tag(keyed, url, form, &claimed));
        };
        match (&self.shared, algorithm(settings)) {
            (Some((keyed, _)), Some("HMAC_SHA1")) => is_tag(keyed, url, form, &claimed),
            (Some((_, keyed)), Some("HMAC_SHA256")) => is_tag(keyed, url, form, &claimed),
            _ => false,
        }
    }

    fn sign(&self, pieces: &[&str], form: Option<&Form>) -> String {
        self.keyed.as_ref().map(|keyed| STANDARD.encode(tag(keyed, pieces, form))).unwrap_or_default()
    }
}

/// `None` when the secret is empty.
fn keyed<M: KeyInit>(secret: &SecretString) -> Option<M> {
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() { None } else { M::new_from_slice(secret).ok() }
}

/// The algorithm that the settings name.
fn algorithm(settings: &str) -> Option<&str> {
    let mut named = settings.split(',').filter_map(|setting| setting.trim().strip_prefix("algorithm="));
    named.next().map(str::trim)
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

/// Whether the claimed tag is the key's for any variant of the URL.
fn is_tag<M: Mac + Clone>(keyed: &M, url: &str, form: Option<&Form>, claimed: &[u8]) -> bool {
    url_variants::any(url, |pieces| bool::from(tag(keyed, &pieces, form).as_slice().ct_eq(claimed)))
}

fn tag<M: Mac + Clone>(keyed: &M, pieces: &[&str], form: Option<&Form>) -> Output<M> {
    let mut mac = keyed.clone();
    for piece in pieces {
        mac.update(piece.as_bytes());
    }
    for parameter in form.into_iter().flat_map(Form::signed) {
        mac.update(parameter.as_bytes());
    }
    mac.finalize().into_bytes()
}

/// The header's bytes: canonical base64 and nothing else, so that one signature has one spelling.
fn decoded(signature: &str) -> Option<Vec<u8>> {
    if signature.len() > LONGEST_SIGNATURE { None } else { STANDARD.decode(signature).ok() }
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
    fn a_shared_key_signs_with_the_algorithm_that_is_named() {
        const SHARED: &str = "a-shared-key-of-thirty-two-bytes";
        let (token, shared) = (SecretString::from("12345"), SecretString::from(SHARED));
        let signer = Signer::new(&token).with_shared_key(Some(&shared));
        let form = form("Body=Bonjour&From=%2B33612345678&MessageSid=SM1");
        let text = format!("{URL}BodyBonjourFrom+33612345678MessageSidSM1");
        let sha256 = {
            let mut mac = Hmac::<Sha256>::new_from_slice(SHARED.as_bytes()).unwrap();
            mac.update(text.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        };
        let (by_token, sha1) = (signer.sign_form(URL, &form), Signer::new(&shared).sign_form(URL, &form));
        let of = |algorithm: &str| format!("key=SK0123456789abcdef0123456789abcdef,algorithm={algorithm}");
        let [new, old, unknown] = ["HMAC_SHA256", "HMAC_SHA1", "NONE"].map(of);
        // settings, signature -> whether it is believed
        let table = [
            (None, &by_token, true),
            (None, &sha256, false),
            (None, &sha1, false),
            (Some(new.as_str()), &sha256, true),
            (Some(" algorithm=HMAC_SHA256 , key=SK1"), &sha256, true),
            (Some(&new), &sha1, false),
            (Some(&new), &by_token, false),
            (Some(&old), &sha1, true),
            (Some(&old), &sha256, false),
            (Some(&unknown), &sha256, false),
            (Some(""), &by_token, false),
            (Some("key=SK1"), &sha256, false),
        ];
        for (settings, signature, expected) in table {
            let proof = Proof { signature, settings };
            assert_eq!(signer.verifies_form(URL, &form, proof), expected, "{settings:?} {signature}");
            let without = Signer::new(&token).verifies_form(URL, &form, proof);
            assert_eq!(without, settings.is_none() && expected, "a channel without a shared key: {settings:?}");
        }
    }

    #[test]
    fn the_token_before_this_one_is_believed_while_it_is_given() {
        let [new, old, other] = ["new", "old", "other"].map(SecretString::from);
        let form = form("Body=Bonjour");
        let rotating = Signer::new(&new).with_previous(Some(&old));
        for (token, expected) in [(&new, true), (&old, true), (&other, false)] {
            assert_eq!(rotating.verifies_form(URL, &form, &Signer::new(token).sign_form(URL, &form)), expected);
        }
        assert!(!Signer::new(&new).verifies_form(URL, &form, &Signer::new(&old).sign_form(URL, &form)));
        assert_eq!(rotating.sign_form(URL, &form), Signer::new(&new).sign_form(URL, &form));
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
