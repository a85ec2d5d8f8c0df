//! Checks of an ID token's claims (OpenID Connect Core 1.0, 3.1.3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};

/// How far the provider's clock may be from ours.
const LEEWAY_S: i64 = 60;
/// A token is made while a browser is led back: an older one is another sign-in's.
const OLDEST_S: i64 = 10 * 60;

/// Who signed in.
#[derive(Clone, Deserialize)]
pub struct Claims {
    #[serde(rename = "sub")]
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    #[serde(default, deserialize_with = "flag")]
    pub email_verified: bool,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("it cannot be read")]
    Unreadable,
    #[error("it is another issuer's (iss)")]
    Issuer,
    #[error("it is for another client (aud)")]
    Audience,
    #[error("it was given to another client (azp)")]
    AuthorizedParty,
    #[error("it has expired (exp)")]
    Expired,
    #[error("it is of another time (iat)")]
    IssuedAt,
    #[error("it is of another sign-in (nonce)")]
    Nonce,
}

/// What a token must say.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

#[derive(Deserialize)]
struct Checked {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The claims of a token that is of this sign-in.
pub(super) fn claims(token: &str, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
    let payload = payload(token).ok_or(TokenFault::Unreadable)?;
    let checked: Checked = serde_json::from_slice(&payload).map_err(|_| TokenFault::Unreadable)?;
    check(&checked, expected)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Unreadable)?;
    if is_subject(&claims.subject) { Ok(claims) } else { Err(TokenFault::Unreadable) }
}

/// `sub` has at most 255 characters (OpenID Connect Core 1.0, 2). It is kept, and compared.
fn is_subject(subject: &str) -> bool {
    !subject.is_empty() && subject.chars().count() <= 255 && !subject.chars().any(char::is_control)
}

/// Header, payload and signature are parted by dots. Five parts would be an encrypted token, which was not asked for.
fn payload(token: &str) -> Option<Vec<u8>> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() { None } else { URL_SAFE_NO_PAD.decode(payload).ok() }
}

fn check(checked: &Checked, expected: &Expected<'_>) -> Result<(), TokenFault> {
    if checked.iss != expected.issuer {
        return Err(TokenFault::Issuer);
    }
    let is_ours = |client: &String| client == expected.client_id;
    let (is_for_us, is_for_others) = match &checked.aud {
        Audience::One(client) => (is_ours(client), false),
        Audience::Several(clients) => (clients.iter().any(is_ours), !clients.iter().all(is_ours)),
    };
    if !is_for_us {
        return Err(TokenFault::Audience);
    }
    // For several clients at once: only when it says that this one asked for it.
    if checked.azp.as_ref().map_or(is_for_others, |client| !is_ours(client)) {
        return Err(TokenFault::AuthorizedParty);
    }
    if checked.exp.saturating_add(LEEWAY_S) <= expected.now {
        return Err(TokenFault::Expired);
    }
    let age = expected.now.saturating_sub(checked.iat);
    if !(-LEEWAY_S..=OLDEST_S).contains(&age) {
        return Err(TokenFault::IssuedAt);
    }
    if checked.nonce.as_deref() != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    Ok(())
}

/// Some providers write it as a text.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    Ok(match Option::<Flag>::deserialize(deserializer)? {
        Some(Flag::Bool(is_set)) => is_set,
        Some(Flag::Text(text)) => text == "true",
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_780_000_000;

    fn token(change: &Value) -> String {
        let mut claims = json!({
            "iss": "https://id.example.com", "sub": "1", "aud": "palabre", "exp": NOW + 300, "iat": NOW, "nonce": "n",
            "email": "awa@belle.example", "email_verified": true,
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn read(token: &str) -> Result<Claims, TokenFault> {
        claims(token, &Expected { issuer: "https://id.example.com", client_id: "palabre", nonce: "n", now: NOW })
    }

    #[test]
    fn a_token_of_this_sign_in_is_taken() {
        for change in [
            json!({}),
            json!({ "aud": ["palabre"] }),
            json!({ "aud": ["palabre"], "azp": "palabre" }),
            json!({ "aud": ["project", "palabre"], "azp": "palabre" }),
            json!({ "exp": NOW - 59, "iat": NOW - 500 }),
            json!({ "iat": NOW + 60 }),
        ] {
            let claims = read(&token(&change)).unwrap_or_else(|fault| panic!("{change}: {fault}"));
            assert_eq!((claims.email.as_deref(), claims.email_verified), (Some("awa@belle.example"), true), "{change}");
        }
    }

    #[test]
    fn a_token_of_anything_else_is_not() {
        for (change, fault) in [
            (json!({ "iss": "https://id.example.com/" }), TokenFault::Issuer),
            (json!({ "aud": "other" }), TokenFault::Audience),
            (json!({ "aud": [] }), TokenFault::Audience),
            (json!({ "aud": ["other", "palabre"] }), TokenFault::AuthorizedParty),
            (json!({ "azp": "other" }), TokenFault::AuthorizedParty),
            (json!({ "exp": NOW - 60 }), TokenFault::Expired),
            (json!({ "exp": i64::MIN }), TokenFault::Expired),
            (json!({ "iat": NOW - 601 }), TokenFault::IssuedAt),
            (json!({ "iat": NOW + 61 }), TokenFault::IssuedAt),
            (json!({ "iat": i64::MIN }), TokenFault::IssuedAt),
            (json!({ "nonce": "other" }), TokenFault::Nonce),
            (json!({ "nonce": null }), TokenFault::Nonce),
            (json!({ "exp": "soon" }), TokenFault::Unreadable),
            (json!({ "sub": null }), TokenFault::Unreadable),
            (json!({ "sub": "" }), TokenFault::Unreadable),
            (json!({ "sub": "a\u{0}b" }), TokenFault::Unreadable),
            (json!({ "sub": "x".repeat(256) }), TokenFault::Unreadable),
        ] {
            assert_eq!(read(&token(&change)).err(), Some(fault), "{change}");
        }
        let whole = token(&json!({}));
        for text in ["", "a.b", "e30.e30", "e30.%%%.", &format!("{whole}.x.y"), &whole.replace('.', "")] {
            assert_eq!(read(text).err(), Some(TokenFault::Unreadable), "{text}");
        }
    }

    #[test]
    fn an_address_counts_as_verified_only_when_it_is_said() {
        for (said, is_verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("yes"), false),
            (json!(null), false),
        ] {
            assert_eq!(read(&token(&json!({ "email_verified": said }))).unwrap().email_verified, is_verified, "{said}");
        }
    }
}
