//! Validation of `console.push_key`: the key pair that signs pushes to browsers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use secrecy::{ExposeSecret as _, SecretString};

use super::document::Scope;
use super::raw::RawSecret;
use super::secret::Secrets;

const HELP: &str = "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -nocrypt \
                    -outform DER | base64 -w0` makes one";

/// The key in base64url without padding, whichever Base64 it was written in. `None`: something was reported.
pub(super) fn push_key(scope: &Scope<'_>, raw: &RawSecret, secrets: Secrets<'_>) -> Option<SecretString> {
    let secret = secrets.resolve(scope, "push_key", raw)?;
    if secrets.left_out {
        return Some(secret);
    }
    let text = secret.expose_secret().trim_end_matches('=').replace('+', "-").replace('/', "_");
    let document = URL_SAFE_NO_PAD.decode(&text).unwrap_or_default();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &SystemRandom::new());
    if pair.is_err() {
        scope.wrong("push_key", "is no key of P-256 in PKCS #8, in Base64 on one line", HELP);
        return None;
    }
    Some(SecretString::from(text))
}
