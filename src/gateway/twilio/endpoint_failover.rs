//! Endpoint failover: a backup base URL for one API.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;

/// How long the backup is asked first after the usual base URL could not be reached.
const BACKUP_FIRST: Duration = Duration::from_secs(30);

/// The usual base URL of an API, and perhaps a backup.
#[derive(Debug)]
pub(super) struct EndpointFailover {
    usual: Url,
    backup: Option<Url>,
    backup_first_until: Mutex<Option<Instant>>,
}

/// Which base URL to try, and which if it cannot be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order<'a> {
    pub first: &'a Url,
    pub second: Option<&'a Url>,
}

impl EndpointFailover {
    pub fn new(usual: Url, backup: Option<Url>) -> Self {
        Self { usual, backup, backup_first_until: Mutex::default() }
    }

    pub fn order(&self, now: Instant) -> Order<'_> {
        match &self.backup {
            Some(backup) if self.until().is_some_and(|until| now < until) => {
                Order { first: backup, second: Some(&self.usual) }
            }
            backup => Order { first: &self.usual, second: backup.as_ref() },
        }
    }

    /// The first of an order could not be connected to, and the second could: that is where calls begin for a while when
    /// it is the backup, and for good when it is the usual one.
    pub fn second_was_reached(&self, order: Order<'_>, now: Instant) {
        let backup_next = order.first == &self.usual;
        let mut until = self.backup_first_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = backup_next.then(|| now + BACKUP_FIRST);
    }

    fn until(&self) -> Option<Instant> {
        *self.backup_first_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_backup_is_asked_first_for_a_while() {
        let (usual, backup) = (url("https://a.example"), url("https://b.example"));
        let endpoints = EndpointFailover::new(usual.clone(), Some(backup.clone()));
        let usually = Order { first: &usual, second: Some(&backup) };
        let turned = Order { first: &backup, second: Some(&usual) };
        let now = Instant::now();
        assert_eq!(endpoints.order(now), usually);
        endpoints.second_was_reached(usually, now);
        assert_eq!(endpoints.order(now + Duration::from_millis(29_999)), turned);
        assert_eq!(endpoints.order(now + Duration::from_secs(30)), usually, "then the usual one has its chance");

        endpoints.second_was_reached(usually, now);
        endpoints.second_was_reached(turned, now);
        assert_eq!(endpoints.order(now), usually, "the backup went away, and the usual one is back");
    }

    #[test]
    fn without_a_backup_there_is_one_endpoint() {
        let usual = url("https://a.example");
        let endpoints = EndpointFailover::new(usual.clone(), None);
        assert_eq!(endpoints.order(Instant::now()), Order { first: &usual, second: None });
    }
}
