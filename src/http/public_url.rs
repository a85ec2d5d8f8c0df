//! The URL as the provider called it, which its signature covers.
//!
//! With `http.public_base_url` it is that base, followed by the request's path and query byte for byte (decoding and
//! encoding again may change them). Without it, the host comes from the `Host` header, or from `X-Forwarded-Host` and
//! `X-Forwarded-Proto` of a listed proxy. Of a list in such a header the last element counts: the listed proxy wrote it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::config::Http;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The public URL of a request, and where its path begins in it.
pub(super) struct PublicUrl {
    url: String,
    path_at: usize,
}

impl PublicUrl {
    pub(super) fn of(request: &HttpRequest, config: &Http) -> Self {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        match &config.public_base_url {
            Some(base) => Self::join("", base, path),
            None => {
                let peer = request.peer_addr().map(|peer| peer.ip());
                let believed = peer.is_some_and(|peer| is_believed(config, peer));
                let (scheme, host) = origin(request.headers(), believed);
                Self::join(scheme, host, path)
            }
        }
    }

    fn join(scheme: &str, base: &str, path: &str) -> Self {
        let mut url = String::with_capacity(scheme.len() + base.len() + path.len());
        url.push_str(scheme);
        url.push_str(base);
        let path_at = url.len();
        url.push_str(path);
        Self { url, path_at }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.url
    }

    /// The path and query alone.
    pub(super) fn path_and_query(&self) -> &str {
        &self.url[self.path_at..]
    }
}

/// Whether a request came over TLS, as a listed proxy says.
#[must_use]
pub fn is_https(request: &HttpRequest, config: &Http) -> bool {
    let believed = request.peer_addr().is_some_and(|peer| is_believed(config, peer.ip()));
    origin(request.headers(), believed).0 == "https://"
}

fn origin(headers: &HeaderMap, believed: bool) -> (&'static str, &str) {
    let forwarded = |name: HeaderName| if believed { last_of(headers, &name) } else { None };
    let scheme = match forwarded(X_FORWARDED_PROTO) {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https://",
        _ => "http://",
    };
    let host = forwarded(X_FORWARDED_HOST).or_else(|| headers.get(header::HOST)?.to_str().ok()).unwrap_or("");
    (scheme, host)
}

fn last_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).last()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// Whether a request comes from this machine itself: from a loopback address, and no proxy says that it speaks for another.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    const SPEAKS_FOR_ANOTHER: [HeaderName; 3] =
        [header::FORWARDED, X_FORWARDED_FOR, HeaderName::from_static("x-real-ip")];
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    is_loopback && !SPEAKS_FOR_ANOTHER.iter().any(|name| request.headers().contains_key(name))
}

/// Whether a peer is a listed proxy, whose `X-Forwarded-…` headers count.
pub(super) fn is_believed(config: &Http, peer: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|cidr| cidr.contains(peer))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Cidr;

    fn config(base: Option<&str>, proxies: &[(&str, u8)]) -> Http {
        Http {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin_listen: None,
            public_base_url: base.map(str::to_owned),
            trusted_proxies: proxies
                .iter()
                .map(|(address, prefix)| Cidr { address: address.parse().unwrap(), prefix: *prefix })
                .collect(),
            max_body_bytes: 1024,
            ..crate::http::tests::http_config()
        }
    }

    fn request(peer: &str) -> TestRequest {
        TestRequest::with_uri("/webhooks/a/b?x=%20+%C3%A9&y=")
            .peer_addr(peer.parse().unwrap())
            .insert_header(("host", "inner:8080"))
            .insert_header(("x-forwarded-host", "forged.example, hooks.example.com"))
            .insert_header(("x-forwarded-proto", "https"))
    }

    fn url(peer: &str, config: &Http) -> String {
        PublicUrl::of(&request(peer).to_http_request(), config).as_str().to_owned()
    }

    #[test]
    fn the_configured_base_wins_and_the_rest_stays_raw() {
        let config = config(Some("https://public.example"), &[("127.0.0.1", 32)]);
        let url = PublicUrl::of(&request("127.0.0.1:5").to_http_request(), &config);
        assert_eq!(url.as_str(), "https://public.example/webhooks/a/b?x=%20+%C3%A9&y=");
        assert_eq!(url.path_and_query(), "/webhooks/a/b?x=%20+%C3%A9&y=");
    }

    #[test]
    fn only_listed_proxies_are_believed() {
        let config = config(None, &[("10.1.0.0", 16), ("::1", 128)]);
        let forwarded = "https://hooks.example.com/webhooks/a/b?x=%20+%C3%A9&y=";
        let direct = "http://inner:8080/webhooks/a/b?x=%20+%C3%A9&y=";
        assert_eq!(url("10.1.255.3:9", &config), forwarded);
        assert_eq!(url("[::ffff:10.1.2.3]:9", &config), forwarded);
        assert_eq!(url("[::1]:9", &config), forwarded);
        assert_eq!(url("10.2.0.1:9", &config), direct);
        assert_eq!(url("[::2]:9", &config), direct);
    }

    #[test]
    fn blocks_of_every_size() {
        let any = Cidr { address: "0.0.0.0".parse().unwrap(), prefix: 0 };
        assert!(any.contains("203.0.113.9".parse().unwrap()));
        assert!(!any.contains("2001:db8::1".parse().unwrap()));
        let any6 = Cidr { address: "::".parse().unwrap(), prefix: 0 };
        assert!(any6.contains("2001:db8::1".parse().unwrap()));
    }
}
