//! Signing in through a provider of OpenID Connect: the authorization code flow with PKCE, `state` and `nonce`.
//!
//! A browser carries a random secret, signed, between leaving for the provider and coming back. `state`, `nonce` and the verifier of
//! PKCE are made of it with a key that all nodes have: any node takes whoever comes back, and nothing is kept meanwhile. A code is
//! taken once, by the provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palabre_actors::domain::ids::UserId;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::sign_in::begin;
use super::{People, SignIn, Token, UserRow, Visitor};
use crate::digest::{hex, hmac_sha256};
use crate::oidc::{Claims, OidcError, OidcProvider, Returned, Wanted};
use crate::service::{ServiceError, audit};
use crate::store::people::SessionStage;

/// How long somebody may take at the provider: they may look for a phone there.
pub const AWAY_AT_MOST: Duration = Duration::from_mins(15);

/// Actions in the audit log.
const BEGIN: &str = "session.begin_oidc";
const REFUSE: &str = "session.refuse_oidc";

/// The provider through which people sign in. Clones share it; `Debug` shows no key.
#[derive(Clone)]
pub struct OidcSignIn {
    provider: Arc<OidcProvider>,
    redirect_uri: Arc<str>,
    /// The same on all nodes, and after every restart.
    key: [u8; 32],
}

/// Somebody who leaves for the provider.
#[derive(Debug)]
pub struct Leaving {
    /// What their browser is to show when it comes back.
    pub pass: Token,
    pub to: String,
}

/// With what a browser comes back from the provider.
#[derive(Clone, Copy, Default)]
pub struct Back<'a> {
    /// [`Leaving::pass`]
    pub pass: Option<&'a Token>,
    pub state: Option<&'a str>,
    pub code: Option<&'a str>,
    pub error: Option<&'a str>,
    pub issuer: Option<&'a str>,
}

/// What became of a sign-in through the provider.
#[derive(Debug)]
pub enum OidcOutcome {
    /// As with a password.
    Known(SignIn),
    /// The browser shows no sign-in that was begun here, or one that is too old or over.
    Again,
    /// The person, or the provider, ended it.
    Declined,
    /// The provider does not answer.
    Away,
    /// What the provider says does not hold: whoever runs the installation finds why in the log.
    NotAccepted,
    /// The provider does not vouch for an e-mail address.
    Unverified,
    /// Nobody here has the address, or may come in this way.
    Unknown,
}

/// A pass whose signature holds.
struct Opened<'a> {
    secret: &'a str,
    next: String,
}

impl OidcSignIn {
    /// Where the provider sends people back. `base_url`: where they reach the console, without a slash at its end.
    #[must_use]
    pub fn redirect_uri(base_url: &str) -> String {
        format!("{base_url}/console/login/oidc/back")
    }

    /// `base_url`: as of [`Self::redirect_uri`].
    #[must_use]
    pub fn new(provider: OidcProvider, base_url: &str) -> Self {
        let secret = provider.settings().client_secret.expose_secret().as_bytes();
        let key = hmac_sha256(secret, &[b"palabre sign-in"]);
        let redirect_uri = Self::redirect_uri(base_url).into();
        Self { provider: Arc::new(provider), redirect_uri, key }
    }

    /// What the button calls the provider.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.provider.settings().name.as_deref()
    }

    fn derived(&self, what: &str, secret: &str) -> String {
        hex(&hmac_sha256(&self.key, &[what.as_bytes(), b"\0", secret.as_bytes()]))
    }

    /// `secret.until.next.signature`
    fn pass(&self, secret: &str, until: i64, next: &str) -> Token {
        let body = format!("{secret}.{until}.{}", URL_SAFE_NO_PAD.encode(next));
        let signature = self.derived("pass", &body);
        Token::shown(&format!("{body}.{signature}"))
    }

    fn open<'a>(&self, pass: &'a Token, now: i64) -> Option<Opened<'a>> {
        let (body, signature) = pass.as_str().rsplit_once('.')?;
        let is_ours: bool = self.derived("pass", body).as_bytes().ct_eq(signature.as_bytes()).into();
        let mut parts = body.split('.');
        let (secret, until, next) = (parts.next()?, parts.next()?.parse::<i64>().ok()?, parts.next()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        (is_ours && now <= until).then_some(Opened { secret, next })
    }
}

impl fmt::Debug for OidcSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSignIn").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// Sends somebody to the provider, who wants to go to `next` afterwards. `None`: it does not answer.
///
/// # Errors
/// [`ServiceError`]
pub async fn leave(people: &People, oidc: &OidcSignIn, next: &str) -> Result<Option<Leaving>, ServiceError> {
    let secret = Token::fresh()?;
    let secret = secret.as_str();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(oidc.derived("verifier", secret)));
    let (state, nonce) = (oidc.derived("state", secret), oidc.derived("nonce", secret));
    let redirect_uri: &str = &oidc.redirect_uri;
    let wanted = Wanted { redirect_uri, state: &state, nonce: &nonce, challenge: &challenge };
    Ok(match oidc.provider.sign_in_page(wanted).await {
        Ok(to) => {
            let until = people.now().timestamp().saturating_add_unsigned(AWAY_AT_MOST.as_secs());
            Some(Leaving { pass: oidc.pass(secret, until, next), to: to.into() })
        }
        Err(error) => {
            tracing::warn!(error = %error, "nobody can sign in through the provider");
            None
        }
    })
}

/// Signs in whoever comes back from the provider: a person of this installation, the first time by the address that the
/// provider has verified, then by their account there (`sub`), whatever address it has. Answers where they wanted to go, if they
/// left from here.
///
/// # Errors
/// [`ServiceError`]
pub async fn come_back(
    people: &People,
    oidc: &OidcSignIn,
    back: Back<'_>,
    visitor: Visitor<'_>,
) -> Result<(OidcOutcome, Option<String>), ServiceError> {
    let now = people.now().timestamp();
    let Some(opened) = back.pass.and_then(|pass| oidc.open(pass, now)) else { return Ok((OidcOutcome::Again, None)) };
    let state = oidc.derived("state", opened.secret);
    if !back.state.is_some_and(|shown| shown.as_bytes().ct_eq(state.as_bytes()).into()) {
        return Ok((OidcOutcome::Again, Some(opened.next)));
    }
    let outcome = match (back.code, back.error) {
        (Some(code), None) => exchange(people, oidc, (&opened, code, back.issuer), visitor).await?,
        (_, Some("access_denied")) => OidcOutcome::Declined,
        // Its text is the provider's own, or whoever's made the link.
        _ => {
            tracing::warn!("the sign-in provider sent somebody back without a code");
            OidcOutcome::Declined
        }
    };
    Ok((outcome, Some(opened.next)))
}

async fn exchange(
    people: &People,
    oidc: &OidcSignIn,
    (opened, code, issuer): (&Opened<'_>, &str, Option<&str>),
    visitor: Visitor<'_>,
) -> Result<OidcOutcome, ServiceError> {
    if let Err(wait) = people.limits.attempt_from(visitor.source) {
        return Ok(OidcOutcome::Known(SignIn::Later(wait)));
    }
    let (verifier, nonce) = (oidc.derived("verifier", opened.secret), oidc.derived("nonce", opened.secret));
    let returned = Returned { code, issuer, redirect_uri: &oidc.redirect_uri, verifier: &verifier, nonce: &nonce };
    let claims = match oidc.provider.claims(returned, people.now().timestamp()).await {
        Ok(claims) => claims,
        Err(OidcError::Code) => return Ok(OidcOutcome::Again),
        Err(error) => {
            tracing::warn!(error = %error, "somebody was not signed in through the provider");
            return Ok(if error.is_transient() { OidcOutcome::Away } else { OidcOutcome::NotAccepted });
        }
    };
    let Some(email) = verified(&claims) else {
        refuse(people, None).await?;
        return Ok(OidcOutcome::Unverified);
    };
    let account = (oidc.provider.settings().issuer.as_str(), claims.subject.as_str());
    let linked = people.store.user_by_oidc(account.0, account.1).await?;
    let is_linked = linked.is_some();
    let user = if is_linked { linked } else { people.store.user_by_email(&email).await? };
    let may = |user: &&UserRow| user.disabled_at.is_none() && oidc.provider.settings().allows(&email);
    let Some(known) = user.as_ref().filter(may) else {
        refuse(people, user.as_ref()).await?;
        return Ok(OidcOutcome::Unknown);
    };
    // An address goes to somebody else one day: it says who an account is of once.
    if !is_linked && !people.store.link_oidc(known.id, account, people.now()).await? {
        tracing::warn!("another account at the sign-in provider has the address of a person: nobody was signed in");
        refuse(people, Some(known)).await?;
        return Ok(OidcOutcome::Unknown);
    }
    let asks_code = oidc.provider.settings().ask_code && known.totp_enabled_at.is_some();
    let stage = if asks_code { SessionStage::Code } else { SessionStage::Whole };
    let token = begin(people, known.id, (stage, BEGIN), visitor).await?;
    Ok(OidcOutcome::Known(if asks_code { SignIn::NeedsCode(token) } else { SignIn::Done(token) }))
}

/// The address that the provider vouches for, as it is kept.
fn verified(claims: &Claims) -> Option<String> {
    claims.email.as_deref().filter(|_| claims.email_verified).and_then(super::email)
}

async fn refuse(people: &People, user: Option<&UserRow>) -> Result<(), ServiceError> {
    let id = user.map_or(UserId(Uuid::nil()), |user| user.id);
    audit::note_person(&people.store, id, REFUSE, ("user", &id.to_string())).await
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::ConsoleOidc;
    use crate::gateway::client;

    const NOW: i64 = 1_780_000_000;

    fn oidc(secret: &str) -> OidcSignIn {
        let settings = ConsoleOidc {
            issuer: "https://id.example.com".to_owned(),
            client_id: "palabre".to_owned(),
            client_secret: SecretString::from(secret),
            name: None,
            allow: Vec::new(),
            ask_code: false,
        };
        OidcSignIn::new(OidcProvider::new(client::new().unwrap(), settings), "https://console.example.com")
    }

    #[test]
    fn a_pass_is_ours_for_a_while_and_on_every_node() {
        let (one, other) = (oidc("s3cret"), oidc("s3cret"));
        let pass = one.pass("abc", NOW, "/console/faq?x=.");
        let opened = other.open(&pass, NOW).expect("it is ours");
        assert_eq!((opened.secret, opened.next.as_str()), ("abc", "/console/faq?x=."));
        assert!(other.open(&pass, NOW + 1).is_none(), "it is too old");
        assert!(oidc("another").open(&pass, NOW).is_none(), "it is another installation's");
        let text = pass.as_str();
        for forged in [
            String::new(),
            text.replace("abc", "abd"),
            text.replace(&NOW.to_string(), &(NOW + 9).to_string()),
            text.replacen('.', "", 1),
            text.rsplit_once('.').expect("a signature").0.to_owned(),
            format!("{text}0"),
        ] {
            assert!(other.open(&Token::shown(&forged), NOW).is_none(), "{forged}");
        }
    }

    #[test]
    fn what_is_made_of_a_secret_differs_by_what_it_is_for() {
        let oidc = oidc("s3cret");
        let made: Vec<String> = ["state", "nonce", "verifier", "pass"].map(|what| oidc.derived(what, "abc")).into();
        assert!(made.iter().all(|one| one.len() == 64 && made.iter().filter(|other| *other == one).count() == 1));
        assert!(!format!("{oidc:?}").contains("s3cret"));
    }
}
