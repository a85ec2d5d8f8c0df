//! Who is meant on the command line: tenants, and people by their addresses.

use std::io::BufRead;

use palabre_actors::domain::address::{Address, HomeCountry, Scheme, Unnamed};
use palabre_actors::domain::ids::TenantId;

use super::{complain_about, names};
use crate::config::Config;
use crate::store::operator::Tenants;

pub(super) fn among(tenants: &[String]) -> Tenants {
    if tenants.is_empty() {
        return Tenants::All;
    }
    Tenants::Of(tenants.iter().map(|tenant| TenantId::new(tenant)).collect())
}

pub(super) fn tenant(id: &str, config: &Config) -> Option<TenantId> {
    let known = config.tenants.iter().find(|tenant| tenant.id.as_str() == id);
    if known.is_none() {
        complain_about(format_args!("{}", names::no_tenant(id, config)));
    }
    known.map(|tenant| tenant.id.clone())
}

/// What phone numbers without `+` mean to a tenant.
pub(super) fn home(tenant: &TenantId, config: &Config) -> Option<HomeCountry> {
    config.tenants.iter().find(|known| known.id == *tenant)?.country
}

/// The same where any number of tenants may be named: it is known of one alone, or of the only one that there is.
pub(super) fn home_of(tenants: &[String], config: &Config) -> Option<HomeCountry> {
    match (tenants, config.tenants.as_slice()) {
        ([tenant], _) => home(&TenantId::new(tenant), config),
        ([], [only]) => only.country,
        _ => None,
    }
}

/// The addresses that are meant; what is wrong with one is told without repeating it (I10).
pub(super) fn addresses(given: &str, home: Option<HomeCountry>) -> Option<Vec<Address>> {
    let lines: Vec<String> = if given == "-" {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    } else {
        vec![given.to_owned()]
    };
    let mut addresses = Vec::with_capacity(lines.len());
    for (number, line) in (1..).zip(&lines) {
        match parsed(line, home) {
            Ok(address) => addresses.push(address),
            Err(why) => {
                complain_about(format_args!("address {number}: {why}; nothing was changed"));
                return None;
            }
        }
    }
    Some(addresses)
}

/// An address with its scheme; an error does not repeat it (I10).
pub(super) fn parsed(text: &str, home: Option<HomeCountry>) -> Result<Address, String> {
    written(text, (Unnamed::Refused, home))
}

/// Somebody who is looked for: a phone number needs no scheme, because it is one person on every kind of channel. An error does
/// not repeat it (I10).
pub(super) fn person(text: &str, home: Option<HomeCountry>) -> Result<Address, String> {
    written(text, (Unnamed::Phone(Scheme::Sms), home))
}

/// What somebody wrote on the command line, or what is wrong with it and what to write instead.
pub(super) fn written(text: &str, (unnamed, home): (Unnamed, Option<HomeCountry>)) -> Result<Address, String> {
    Address::written(text, unnamed, home).map_err(|error| format!("{error}: {}", error.help()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_its_scheme() {
        let france = HomeCountry::of_code("FR");
        assert_eq!(parsed("whatsapp:+33 6 12 34 56 78", None).unwrap().as_str(), "whatsapp:+33612345678");
        assert_eq!(parsed("sms:06 12 34 56 78", france).unwrap().as_str(), "sms:+33612345678");
        for home in [None, france] {
            for wrong in ["+33612345678", "fax:+33612345678", "whatsapp:", "whatsapp:0612", "sms:2025550123", ""] {
                let why = parsed(wrong, home).unwrap_err();
                assert!(!why.contains("0612") && !why.is_empty(), "{why}");
            }
        }
    }

    #[test]
    fn a_person_is_looked_for_by_number_alone() {
        let france = HomeCountry::of_code("FR");
        for (text, home, found) in [
            ("+224 620 00 00 00", None, Some("sms:+224620000000")),
            ("06 12 34 56 78", france, Some("sms:+33612345678")),
            ("whatsapp:+33612345678", None, Some("whatsapp:+33612345678")),
            ("telegram:123", None, Some("telegram:123")),
            ("mailto:a@b.fr", None, Some("mailto:a@b.fr")),
            ("06 12 34 56 78", None, None),
            ("38080", france, None),
            ("a@b.fr", None, None),
        ] {
            assert_eq!(person(text, home).ok().as_ref().map(Address::as_str), found, "{text}");
        }
    }
}
