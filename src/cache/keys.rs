//! Keys in Redis.
//!
//! They name the installation, because several may share a server, and never a person: an address is hashed with the
//! installation's secret (I10).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palabre_actors::ports::LimitKey;

use crate::digest::hmac_sha256;

/// Bytes of a hash that are used.
const HASH_BYTES: usize = 16;

/// The keys of one installation.
pub(super) struct Keys {
    /// In braces, so that a Redis cluster keeps the keys of an installation on one node.
    prefix: String,
    secret: Box<[u8]>,
}

impl Keys {
    pub(super) fn of(secret: &[u8]) -> Self {
        let secret: Box<[u8]> = secret.into();
        let mut keys = Self { prefix: String::new(), secret };
        keys.prefix = format!("{{palabre:{}}}", &keys.hashed("installation")[..8]);
        keys
    }

    /// The key of a rate limit.
    pub(super) fn limit(&self, key: &LimitKey) -> String {
        let prefix = &self.prefix;
        match key {
            LimitKey::Tenant(tenant) => format!("{prefix}:tenant:{tenant}"),
            LimitKey::Account(channel) => format!("{prefix}:account:{channel}"),
            LimitKey::Pair(channel, address) => format!("{prefix}:pair:{channel}:{}", self.hashed(address.as_str())),
        }
    }

    /// The key of probes.
    pub(super) fn probe(&self) -> String {
        format!("{}:knock", self.prefix)
    }

    /// The channel of notifications.
    pub(super) fn notifications(&self) -> String {
        format!("{}:wakes", self.prefix)
    }

    fn hashed(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(&hmac_sha256(&self.secret, &[text.as_bytes()])[..HASH_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::address::{Address, Scheme};
    use palabre_actors::domain::ids::{ChannelId, TenantId};

    use super::*;

    #[test]
    fn i10_names_tell_installations_and_contacts_apart_and_nobodys_number() {
        let channel = ChannelId::new("belle-wa");
        let pair = |number: &str| {
            LimitKey::Pair(channel.clone(), Address::parse(Scheme::Whatsapp, number, None).expect("a number"))
        };
        let (ours, theirs) = (Keys::of(b"ours"), Keys::of(b"theirs"));
        let anne = ours.limit(&pair("+33612345678"));
        assert!(!anne.contains("612345678") && anne.contains(":pair:belle-wa:"), "{anne}");
        assert_eq!(anne, Keys::of(b"ours").limit(&pair("+33612345678")), "every node says the same");
        assert_ne!(anne, ours.limit(&pair("+33612345679")));
        let hash = |name: &str| name.rsplit(':').next().map(str::to_owned);
        assert_ne!(hash(&anne), hash(&theirs.limit(&pair("+33612345678"))), "nobody can make it up without the secret");
        let tenant = LimitKey::Tenant(TenantId::new("belle"));
        assert_ne!(ours.limit(&tenant), theirs.limit(&tenant));
        assert!(ours.limit(&tenant).ends_with(":tenant:belle"));
        assert_ne!(ours.notifications(), theirs.notifications());
    }
}
