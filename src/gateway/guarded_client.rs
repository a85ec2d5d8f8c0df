//! HTTP client for URLs that tenants name: it connects to public addresses alone.
//!
//! Otherwise whoever writes a tenant's file could make the daemon ask services of its own network for them. The guard stands
//! where names become addresses, so that a name that changes between a check and the connection gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::client::{self, ClientError};
use super::unreached::{self, is_caused_by};

/// The URL's host is not public: it is a private, loopback or link-local address, or a name that leads to one.
pub const NOT_PUBLIC: &str = "private_address";

/// The client could not be made, or the URL is none that it may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL leads to an address that is not public")]
pub struct NotPublic;

/// Makes the client. It follows no redirect and takes no proxy. `private`: addresses that are not public are allowed, for tests
/// and for services of one's own network.
///
/// # Errors
/// [`ClientError`] when the system has no trusted certificates, for one.
pub fn new(private: bool) -> Result<reqwest::Client, ClientError> {
    let builder = client::builder();
    let builder = if private { builder } else { builder.dns_resolver(PublicNames) };
    Ok(builder.build()?)
}

/// Refuses a URL whose host is an address that is not public: no name is looked up for those.
///
/// # Errors
/// [`NotPublic`]
pub fn check(url: &Url, private: bool) -> Result<(), NotPublic> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err(NotPublic),
    };
    if private || is_public(address) { Ok(()) } else { Err(NotPublic) }
}

/// Whether a failed call failed because a name led to no public address.
#[must_use]
pub fn is_not_public(error: &reqwest::Error) -> bool {
    is_caused_by::<NotPublic>(error)
}

/// The word for a call that was not answered.
#[must_use]
pub fn why(error: &reqwest::Error) -> &'static str {
    match error {
        error if is_not_public(error) => NOT_PUBLIC,
        error if error.is_connect() => unreached::why(error),
        error if error.is_timeout() => unreached::NO_ANSWER,
        _ => unreached::CUT,
    }
}

/// Looks names up and keeps their public addresses.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut public, mut others): (Vec<SocketAddr>, usize) = (Vec::new(), 0);
            for address in found {
                if is_public(address.ip()) { public.push(address) } else { others += 1 }
            }
            match (public.is_empty(), others) {
                (false, _) => Ok(Box::new(public.into_iter()) as Addrs),
                (true, 0) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
                (true, _) => Err(NotPublic.into()),
            }
        })
    }
}

/// Whether an address is one of the public internet's.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Not those of the registry of special purposes (RFC 6890 and its successors).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// One that carries an IPv4 address within it is as public as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, compatible (also `::` and `::1`), and NAT64.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => within(high, low),
        // 6to4
        [0x2002, high, low, ..] => within(high, low),
        // Local NAT64, discard, protocol assignments with Teredo, documentation.
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] | [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] => false,
        [first, ..] => {
            first & 0xfe00 != 0xfc00 && first & 0xffc0 != 0xfe80 && first & 0xffc0 != 0xfec0 && first < 0xff00
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_network_are_not_public() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.9",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_with_such_an_address_is_refused_however_it_is_written() {
        for url in
            ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]:80/", "http://[::ffff:7f00:1]/"]
        {
            let url = Url::parse(url).unwrap();
            assert_eq!(check(&url, false), Err(NotPublic), "{url}");
            assert_eq!(check(&url, true), Ok(()), "{url}");
        }
        assert_eq!(check(&Url::parse("https://example.com/hook").unwrap(), false), Ok(()));
    }

    #[tokio::test]
    async fn a_name_that_leads_there_is_refused_when_it_is_looked_up() {
        let error = new(false).unwrap().get("http://localhost:9/").send().await.expect_err("it is not asked");
        assert!(is_not_public(&error), "{error:?}");
        let error = new(true).unwrap().get("http://localhost:9/").send().await.expect_err("nobody listens");
        assert!(!is_not_public(&error), "{error:?}");
    }
}
