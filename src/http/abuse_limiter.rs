//! Abuse limiter: tells sources to wait that keep sending webhooks that fail their signature check or cannot be read.
//!
//! A source is an address (IPv6: its /64), and its failures are counted *per channel*: a provider calls for all tenants
//! from the same addresses, and one tenant's wrong token must not turn another's webhooks away (I9). The signature is checked
//! all the same, and what is believed is taken: whoever has an account at the same provider could shut a channel otherwise. A
//! source that is not known (a listed proxy that sends no `X-Forwarded-For`) is never told to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use palabre_actors::domain::ids::ChannelId;

use super::public_url::is_believed;
use crate::config::Http;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Sources that are remembered at once; more are not counted until some have been quiet.
const MOST_SOURCES: usize = 65_536;
/// How often quiet sources are looked for and forgotten, when there are too many.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

type FailureLimits = RateLimiter<Key, HashMapStateStore<Key>, MonotonicClock, NoOpMiddleware<Instant>>;
/// Without a channel: failures at the API.
type Key = (IpAddr, Option<ChannelId>);

/// The failures of all sources. One for all listeners and workers.
pub(super) struct AbuseLimiter {
    /// `None`: no source is refused.
    limits: Option<FailureLimits>,
    clock: MonotonicClock,
    list: RwLock<RefusedSources>,
    /// How many are refused. Nearly always 0, and then the list is not locked.
    count: AtomicUsize,
}

#[derive(Default)]
struct RefusedSources {
    /// Until when.
    refused: HashMap<Key, Instant>,
    swept: Option<Instant>,
}

impl AbuseLimiter {
    /// Allows a source `per_minute` failures at one channel; 0: any number.
    pub(super) fn new(per_minute: u32) -> Self {
        let limits = NonZeroU32::new(per_minute)
            .map(|most| RateLimiter::hashmap_with_clock(Quota::per_minute(most), MonotonicClock));
        Self { limits, clock: MonotonicClock, list: RwLock::default(), count: AtomicUsize::new(0) }
    }

    /// How long the source is refused at the channel, or at the API, if it is.
    pub(super) fn refuses(&self, source: Option<IpAddr>, channel: Option<&ChannelId>) -> Option<Duration> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let key = (source?, channel.cloned());
        let until = *self.list.read().unwrap_or_else(PoisonError::into_inner).refused.get(&key)?;
        until.checked_duration_since(self.clock.now()).filter(|wait| !wait.is_zero())
    }

    /// Counts a webhook with a wrong signature, or one that could not be read; without a channel, a wrong API key.
    pub(super) fn note(&self, source: Option<IpAddr>, channel: Option<&ChannelId>) {
        let (Some(source), Some(limits)) = (source, &self.limits) else { return };
        let key = (source, channel.cloned());
        let now = self.clock.now();
        if limits.len() >= MOST_SOURCES && !self.make_room(limits, now) {
            return;
        }
        let Err(wait) = limits.check_key(&key) else { return };
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.refused.insert(key, now + wait.wait_time_from(now).max(Duration::from_secs(1)));
        self.count.store(list.refused.len(), Ordering::Relaxed);
    }

    /// Forgets quiet sources, at most once per [`SWEEP_EVERY`]: it looks at all of them.
    fn make_room(&self, limits: &FailureLimits, now: Instant) -> bool {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        if list.swept.is_some_and(|at| now < at + SWEEP_EVERY) {
            return false;
        }
        list.swept = Some(now);
        list.refused.retain(|_, until| *until > now);
        self.count.store(list.refused.len(), Ordering::Relaxed);
        limits.retain_recent();
        limits.len() < MOST_SOURCES
    }
}

/// The source of a request: the peer, or the client that a listed proxy names. Where several listed proxies stand in a row, it is
/// the last that is none of them. A listed proxy whose word cannot be read is the source itself, so that nothing that is written
/// there switches the limit off.
#[must_use]
pub fn source(request: &HttpRequest, config: &Http) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    if !is_believed(config, peer) {
        return Some(block(peer));
    }
    let lines: Vec<_> = request.headers().get_all(&X_FORWARDED_FOR).collect();
    let mut nearest = None;
    for line in lines.into_iter().rev() {
        let elements = line.to_str().unwrap_or_default().rsplit(',').map(str::trim);
        for element in elements.filter(|element| !element.is_empty()) {
            match named_address(element) {
                Some(proxy) if is_believed(config, proxy) => nearest = Some(proxy),
                client => return Some(block(client.or(nearest).unwrap_or(peer))),
            }
        }
    }
    nearest.map(block)
}

/// The address in an element of `X-Forwarded-For`. Some proxies write a port behind it, brackets around it (IPv6), or quotes
/// around both.
fn named_address(element: &str) -> Option<IpAddr> {
    let element = element.trim().trim_matches('"').trim();
    if let Ok(address) = element.parse() {
        return Some(address);
    }
    if let Ok(with_port) = element.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    // `[2001:db8::1]`, and ports that are none.
    let bracketed = element.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let before_port = element.rsplit_once(':').map(|(address, _)| address).filter(|address| !address.contains(':'));
    let address = bracketed.or(before_port).unwrap_or(element);
    // `fe80::1%eth0`
    address.split_once('%').map_or(address, |(address, _)| address).parse().ok()
}

/// Whoever has one IPv6 address usually has its whole /64.
pub(super) fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Cidr;

    fn config() -> Http {
        let proxy = Cidr { address: "10.0.0.0".parse().unwrap(), prefix: 8 };
        Http { trusted_proxies: vec![proxy], ..crate::http::tests::http_config() }
    }

    #[test]
    fn a_source_is_the_peer_or_whom_a_listed_proxy_names() {
        // peer, X-Forwarded-For -> source
        let table = [
            ("192.0.2.1:9", None, Some("192.0.2.1")),
            ("192.0.2.1:9", Some("198.51.100.7"), Some("192.0.2.1")),
            ("10.1.2.3:9", None, None),
            ("10.1.2.3:9", Some("198.51.100.7"), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("203.0.113.1, 198.51.100.7"), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("nobody"), Some("10.1.2.3")),
            ("10.1.2.3:9", Some("203.0.113.1, unknown"), Some("10.1.2.3")),
            ("10.1.2.3:9", Some("unknown, 10.9.9.9"), Some("10.9.9.9")),
            ("10.1.2.3:9", Some(" , "), None),
            ("10.1.2.3:9", Some("203.0.113.1, 198.51.100.7, 10.9.9.9:80"), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("10.9.9.9"), Some("10.9.9.9")),
            ("10.1.2.3:9", Some("fe80::1%eth0"), Some("fe80::")),
            ("10.1.2.3:9", Some("198.51.100.7:4711"), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("203.0.113.1, \"198.51.100.7:4711\""), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("198.51.100.7:_hidden"), Some("198.51.100.7")),
            ("10.1.2.3:9", Some("2001:db8:1:2:3::4"), Some("2001:db8:1:2::")),
            ("10.1.2.3:9", Some("[2001:db8:1:2:3::4]"), Some("2001:db8:1:2::")),
            ("10.1.2.3:9", Some("[2001:db8:1:2:3::4]:4711"), Some("2001:db8:1:2::")),
            ("10.1.2.3:9", Some("\"[2001:db8:1:2:3::4]:4711\""), Some("2001:db8:1:2::")),
            ("10.1.2.3:9", Some("[::ffff:198.51.100.7]:4711"), Some("198.51.100.7")),
            ("[2001:db8:1:2:3::4]:9", None, Some("2001:db8:1:2::")),
            ("[::ffff:192.0.2.1]:9", None, Some("192.0.2.1")),
        ];
        for (peer, forwarded, expected) in table {
            let request = TestRequest::get().peer_addr(peer.parse::<SocketAddr>().unwrap());
            let request = match forwarded {
                Some(text) => request.insert_header(("X-Forwarded-For", text)),
                None => request,
            };
            let found = source(&request.to_http_request(), &config());
            assert_eq!(found, expected.map(|text| text.parse().unwrap()), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn i9_who_fails_too_often_at_one_channel_is_refused_there_and_nowhere_else() {
        let limiter = AbuseLimiter::new(3);
        let (here, there) = (ChannelId::new("belle"), ChannelId::new("taxi"));
        let (loud, quiet) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        for n in 0..4 {
            assert_eq!(limiter.refuses(loud, Some(&here)), None, "{n}");
            limiter.note(loud, Some(&here));
            limiter.note(None, Some(&here));
        }
        let wait = limiter.refuses(loud, Some(&here)).expect("it is refused");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20), "{wait:?}");
        for (source, channel) in [(loud, &there), (quiet, &here), (None, &here)] {
            assert_eq!(limiter.refuses(source, Some(channel)), None, "{source:?} {channel:?}");
        }
        let open = AbuseLimiter::new(0);
        (0..100).for_each(|_| open.note(loud, Some(&here)));
        assert_eq!(open.refuses(loud, Some(&here)), None);
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let limiter = AbuseLimiter::new(1);
        let channel = ChannelId::new("belle");
        for n in 0..u32::try_from(MOST_SOURCES).unwrap() + 5_000 {
            let source = Some(IpAddr::from(n.to_be_bytes()));
            limiter.note(source, Some(&channel));
            limiter.note(source, Some(&channel));
        }
        assert!(limiter.list.read().unwrap().refused.len() <= MOST_SOURCES);
        assert!(limiter.limits.as_ref().unwrap().len() <= MOST_SOURCES);
    }
}
