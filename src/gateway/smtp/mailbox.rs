//! Addresses as SMTP writes them.

use lettre::Address as MailAddress;
use palabre_actors::domain::address::Address;

/// An address as SMTP writes it: the domain in ASCII (`xn--…`).
pub(super) fn wire(address: &Address) -> Option<MailAddress> {
    let (local, domain) = address.path().split_once('@')?;
    let url::Host::Domain(domain) = url::Host::parse(domain).ok()? else { return None };
    MailAddress::new(local, domain).ok()
}

/// Whether every byte of the local part is ASCII: a server may not take others.
pub(super) fn is_plain(address: &MailAddress) -> bool {
    address.user().is_ascii()
}
