//! A provider of OpenID Connect: an authorization code becomes what it says of who signed in.
//!
//! The ID token comes straight from the token endpoint over TLS, whose certificate shows whose it is. OpenID Connect Core 1.0,
//! 3.1.3.7, point 6, lets that stand in for the token's signature, and no signature is checked here; so nothing is asked over
//! plain HTTP, but on loopback. All other points are checked in `id_token.rs`.

mod discovery;
mod id_token;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use self::discovery::Endpoints;
use self::id_token::Expected;
pub use self::id_token::{Claims, TokenFault};
use crate::config::ConsoleOidc;
use crate::http_client::{self, UnreadBody};

/// One call. Somebody looks at a white page meanwhile.
const TIMEOUT: Duration = Duration::from_secs(8);

/// How long the discovery document counts: providers seldom change theirs, and the specification names no time.
const KEPT: Duration = Duration::from_hours(1);
/// How long it counts that it could not be read: a provider that is away is not asked by everybody who comes.
const AWAY_KEPT: Duration = Duration::from_secs(2);

/// Longest answer that is read. A discovery document takes some kilobytes.
const LONGEST_ANSWER_BYTES: usize = 256 * 1024;

/// Why nobody was signed in. No text shows a code, a token or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    #[error("the sign-in provider cannot be reached ({0})")]
    Away(&'static str),
    #[error("the sign-in provider answers HTTP {0}")]
    Status(u16),
    #[error("the sign-in provider's answer cannot be read")]
    Unreadable,
    #[error("the discovery document is of another issuer than console.oidc.issuer")]
    OtherIssuer,
    #[error("the discovery document names an endpoint that is no https:// URL")]
    Endpoint,
    #[error("the sign-in provider takes no client secret in a form that is known here")]
    Authentication,
    /// It was used, is too old, or was given to somebody else.
    #[error("the sign-in provider does not take the code")]
    Code,
    #[error("the sign-in provider refuses console.oidc.client_id or client_secret")]
    Client,
    #[error("the sign-in provider's token is not accepted: {0}")]
    Token(#[from] TokenFault),
}

impl OidcError {
    /// Whether the same may go well in a moment.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Away(_) | Self::Status(429 | 500..))
    }
}

/// What the provider is asked to sign somebody in with.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub redirect_uri: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    /// The SHA-256 of the verifier in base64url (RFC 7636).
    pub challenge: &'a str,
}

/// What the provider sent a browser back with.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    pub code: &'a str,
    /// `iss` (RFC 9207)
    pub issuer: Option<&'a str>,
    pub redirect_uri: &'a str,
    pub verifier: &'a str,
    pub nonce: &'a str,
}

/// A configured provider. `Debug` shows no secret.
pub struct OidcProvider {
    client: Client,
    settings: ConsoleOidc,
    discovered: Mutex<Option<Discovered>>,
}

/// What became of reading the discovery document, and when.
type Discovered = (Instant, Result<Arc<Endpoints>, OidcError>);

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl OidcProvider {
    #[must_use]
    pub fn new(client: Client, settings: ConsoleOidc) -> Self {
        Self { client, settings, discovered: Mutex::default() }
    }

    #[must_use]
    pub const fn settings(&self) -> &ConsoleOidc {
        &self.settings
    }

    /// Reads the discovery document.
    ///
    /// # Errors
    /// [`OidcError`]
    pub async fn discover(&self) -> Result<(), OidcError> {
        self.endpoints().await.map(|_| ())
    }

    /// Where somebody signs in.
    ///
    /// # Errors
    /// [`OidcError`]
    pub async fn sign_in_page(&self, wanted: Wanted<'_>) -> Result<Url, OidcError> {
        let mut url = self.endpoints().await?.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid email")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", wanted.redirect_uri)
            .append_pair("state", wanted.state)
            .append_pair("nonce", wanted.nonce)
            .append_pair("code_challenge", wanted.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who signed in. `now`: seconds since 1970.
    ///
    /// # Errors
    /// [`OidcError`]
    pub async fn claims(&self, returned: Returned<'_>, now: i64) -> Result<Claims, OidcError> {
        let endpoints = self.endpoints().await?;
        if returned.issuer.map_or(endpoints.tells_issuer, |issuer| issuer != endpoints.issuer) {
            return Err(OidcError::OtherIssuer);
        }
        let answer = self.token(&endpoints, returned).await?;
        let (issuer, client_id) = (&*endpoints.issuer, &*self.settings.client_id);
        let claims = id_token::claims(&answer.id_token, &Expected { issuer, client_id, nonce: returned.nonce, now })?;
        // Providers that hold to the letter of 5.4 put e-mail addresses there alone.
        match (&claims.email, &endpoints.userinfo, answer.access_token) {
            (None, Some(url), Some(token)) => {
                let answer = self.ask(self.client.get(url.clone()).bearer_auth(token)).await?;
                let told: Claims = read(success(answer)?).await?;
                Ok(if told.subject == claims.subject { told } else { claims })
            }
            _ => Ok(claims),
        }
    }

    async fn token(&self, endpoints: &Endpoints, returned: Returned<'_>) -> Result<TokenAnswer, OidcError> {
        let (id, secret) = (&*self.settings.client_id, self.settings.client_secret.expose_secret());
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", returned.code),
            ("redirect_uri", returned.redirect_uri),
            ("code_verifier", returned.verifier),
        ];
        let request = self.client.post(endpoints.token.clone());
        let request = if endpoints.takes_basic {
            // RFC 6749, 2.3.1: both are encoded as in forms first.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request.basic_auth(encoded(id), Some(encoded(secret)))
        } else {
            form.extend([("client_id", id), ("client_secret", secret)]);
            request
        };
        let answer = self.ask(request.form(&form)).await?;
        let status = answer.status();
        if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            return read(success(answer)?).await;
        }
        let refusal: Option<Refusal> = read(answer).await.ok();
        Err(match refusal.as_ref().map(|refusal| refusal.error.as_str()) {
            Some("invalid_grant") => OidcError::Code,
            Some("invalid_client" | "unauthorized_client") => OidcError::Client,
            _ => OidcError::Status(status.as_u16()),
        })
    }

    async fn endpoints(&self) -> Result<Arc<Endpoints>, OidcError> {
        // Whoever comes meanwhile waits for the same answer.
        let mut kept = self.discovered.lock().await;
        if let Some((at, found)) = &*kept {
            let counts_for = if found.is_ok() { KEPT } else { AWAY_KEPT };
            if at.elapsed() < counts_for {
                return found.clone();
            }
        }
        let found = self.fetch_endpoints().await.map(Arc::new);
        *kept = Some((Instant::now(), found.clone()));
        found
    }

    async fn fetch_endpoints(&self) -> Result<Endpoints, OidcError> {
        let issuer = &self.settings.issuer;
        let answer = self.ask(self.client.get(format!("{issuer}/.well-known/openid-configuration"))).await?;
        discovery::endpoints(read(success(answer)?).await?, issuer)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Response, OidcError> {
        request.timeout(TIMEOUT).send().await.map_err(away)
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcProvider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

/// The error's own text is not used: it shows the URL.
fn away(error: reqwest::Error) -> OidcError {
    OidcError::Away(if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    })
}

fn success(answer: Response) -> Result<Response, OidcError> {
    if answer.status().is_success() { Ok(answer) } else { Err(OidcError::Status(answer.status().as_u16())) }
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, OidcError> {
    let body = http_client::body(answer, LONGEST_ANSWER_BYTES).await.map_err(|unread| match unread {
        UnreadBody::TooLong => OidcError::Unreadable,
        UnreadBody::Broken(error) => away(error),
    })?;
    serde_json::from_slice(&body).map_err(|_| OidcError::Unreadable)
}
