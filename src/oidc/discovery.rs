//! The discovery document: where a provider signs people in, and how it wants to be asked.

use serde::Deserialize;
use url::Url;

use super::OidcError;
use crate::config::is_loopback;

/// The keys of it that are read.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Debug)]
pub(super) struct Endpoints {
    /// As the provider's tokens have it.
    pub issuer: String,
    pub authorization: Url,
    pub token: Url,
    pub userinfo: Option<Url>,
    /// Whether it takes the client's secret in `Authorization`, or else in the form.
    pub takes_basic: bool,
    /// Whether it sends browsers back with `iss` (RFC 9207).
    pub tells_issuer: bool,
}

/// The endpoints of a document that was read at `issuer`, which has no slash at its end.
pub(super) fn endpoints(document: Document, issuer: &str) -> Result<Endpoints, OidcError> {
    if document.issuer.trim_end_matches('/') != issuer {
        return Err(OidcError::OtherIssuer);
    }
    let methods = document.token_endpoint_auth_methods_supported;
    let takes = |method: &str| methods.as_ref().is_some_and(|methods| methods.iter().any(|known| known == method));
    let takes_basic = methods.is_none() || takes("client_secret_basic");
    if !takes_basic && !takes("client_secret_post") {
        return Err(OidcError::Authentication);
    }
    Ok(Endpoints {
        issuer: document.issuer,
        authorization: endpoint(&document.authorization_endpoint)?,
        token: endpoint(&document.token_endpoint)?,
        userinfo: document.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
        takes_basic,
        tells_issuer: document.authorization_response_iss_parameter_supported,
    })
}

fn endpoint(text: &str) -> Result<Url, OidcError> {
    let url = Url::parse(text).map_err(|_| OidcError::Endpoint)?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if is_safe { Ok(url) } else { Err(OidcError::Endpoint) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: Value) -> Result<Endpoints, OidcError> {
        let mut document = json!({
            "issuer": "https://id.example.com/",
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
        });
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        endpoints(serde_json::from_value(document).unwrap(), "https://id.example.com")
    }

    #[test]
    fn the_issuer_of_the_document_counts_with_its_slash() {
        let found = read(json!({})).unwrap();
        assert_eq!(found.issuer, "https://id.example.com/");
        assert!(found.takes_basic && !found.tells_issuer && found.userinfo.is_none());
        assert_eq!(read(json!({ "issuer": "https://evil.example" })).unwrap_err(), OidcError::OtherIssuer);
    }

    #[test]
    fn endpoints_are_not_asked_over_plain_http() {
        for url in ["http://id.example.com/token", "ftp://id.example.com", "token", "http://localhost.evil.example/"] {
            for key in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
                assert_eq!(read(json!({ key: url })).unwrap_err(), OidcError::Endpoint, "{key} {url}");
            }
        }
        assert!(read(json!({ "token_endpoint": "http://127.0.0.1:9000/token" })).is_ok());
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let with = |methods: &[&str]| read(json!({ "token_endpoint_auth_methods_supported": methods }));
        assert!(with(&["client_secret_post", "client_secret_basic"]).unwrap().takes_basic);
        assert!(!with(&["client_secret_post"]).unwrap().takes_basic);
        assert_eq!(with(&["private_key_jwt"]).unwrap_err(), OidcError::Authentication);
    }
}
