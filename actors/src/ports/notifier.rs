//! Notifications between nodes: a hint to look now at what the next sweep would find anyway.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ChannelKey;
use crate::domain::ids::{ChannelId, TenantId};

/// What other nodes should look at now. It names tenants and channels only (I10). Several notifications add up to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Channels whose rows were released or replayed, or that were paused or resumed.
    pub channel_keys: BTreeSet<ChannelKey>,
    /// Tenants with a contact whose consent changed: their conversations in memory are to be read again.
    pub tenants: BTreeSet<TenantId>,
}

/// Sends notifications to other nodes. A notification is a hint: it may be lost or come twice, and no promise depends on it.
pub trait Notifier: Send + Sync {
    /// Sends it soon, together with others. Neither waits nor fails.
    fn notify(&self, what: Notification);
}

/// For a node alone: sends nothing.
impl Notifier for () {
    fn notify(&self, _: Notification) {}
}

/// The JSON that nodes of all versions exchange: its names do not change.
#[derive(Serialize)]
struct Wire<'a> {
    from: &'a str,
    #[serde(rename = "lanes")]
    channel_keys: Vec<(&'a str, &'a str)>,
    tenants: Vec<&'a str>,
}

impl Notification {
    /// About a channel's rows, or its pause.
    #[must_use]
    pub fn channel_key(tenant: &TenantId, channel: &ChannelId) -> Self {
        let channel_key = ChannelKey { tenant: tenant.clone(), channel: channel.clone() };
        Self { channel_keys: BTreeSet::from([channel_key]), ..Self::default() }
    }

    /// About a tenant's conversations.
    #[must_use]
    pub fn tenant(tenant: &TenantId) -> Self {
        Self { tenants: BTreeSet::from([tenant.clone()]), ..Self::default() }
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channel_keys.is_empty() && self.tenants.is_empty()
    }

    /// Adds another one to it.
    pub fn add(&mut self, other: Self) {
        self.channel_keys.extend(other.channel_keys);
        self.tenants.extend(other.tenants);
    }

    /// As texts of at most `most_bytes` bytes, sent by `from`. A single name that is too long is left out: other nodes find
    /// its rows at their next sweep.
    #[must_use]
    pub fn to_texts(&self, from: &str, most_bytes: usize) -> Vec<String> {
        let mut texts = Vec::new();
        self.write(from, most_bytes, &mut texts);
        texts
    }

    fn write(&self, from: &str, most_bytes: usize, texts: &mut Vec<String>) {
        if self.is_empty() {
            return;
        }
        let channel_keys =
            self.channel_keys.iter().map(|channel_key| (channel_key.tenant.as_str(), channel_key.channel.as_str()));
        let tenants = self.tenants.iter().map(TenantId::as_str);
        let wire = Wire { from, channel_keys: channel_keys.collect(), tenants: tenants.collect() };
        match serde_json::to_string(&wire) {
            Ok(text) if text.len() <= most_bytes => texts.push(text),
            _ if self.channel_keys.len() + self.tenants.len() > 1 => {
                let (first, second) = self.halves();
                first.write(from, most_bytes, texts);
                second.write(from, most_bytes, texts);
            }
            _ => {}
        }
    }

    fn halves(&self) -> (Self, Self) {
        let half = (self.channel_keys.len() + self.tenants.len()) / 2;
        let mut halves = (Self::default(), Self::default());
        for (n, channel_key) in self.channel_keys.iter().enumerate() {
            if n < half { &mut halves.0 } else { &mut halves.1 }.channel_keys.insert(channel_key.clone());
        }
        for (n, tenant) in (self.channel_keys.len()..).zip(&self.tenants) {
            if n < half { &mut halves.0 } else { &mut halves.1 }.tenants.insert(tenant.clone());
        }
        halves
    }

    /// Reads such a text. `None` for the node's own, and for a text of another form.
    #[must_use]
    pub fn from_text(text: &str, own: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Owned {
            from: String,
            #[serde(rename = "lanes")]
            channel_keys: Vec<(String, String)>,
            tenants: Vec<String>,
        }
        let read: Owned = serde_json::from_str(text).ok()?;
        if read.from == own {
            return None;
        }
        let channel_key = |(tenant, channel): &(String, String)| ChannelKey {
            tenant: TenantId::new(tenant),
            channel: ChannelId::new(channel),
        };
        Some(Self {
            channel_keys: read.channel_keys.iter().map(channel_key).collect(),
            tenants: read.tenants.iter().map(|tenant| TenantId::new(tenant)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> Notification {
        let mut all = Notification::default();
        for n in 0..40 {
            let tenant = TenantId::new(&format!("tenant-{n}"));
            all.add(Notification::channel_key(&tenant, &ChannelId::new(&format!("channel-{n}"))));
            all.add(Notification::tenant(&tenant));
        }
        all
    }

    #[test]
    fn a_notification_is_read_back_from_as_many_texts_as_it_takes() {
        for most in [100, 300, 100_000] {
            let texts = many().to_texts("node-1", most);
            assert!(texts.iter().all(|text| text.len() <= most), "{texts:?}");
            let mut back = Notification::default();
            texts.iter().for_each(|text| back.add(Notification::from_text(text, "node-2").expect("ours")));
            assert_eq!(back, many(), "{most}");
        }
        assert_eq!(many().to_texts("node-1", 100_000).len(), 1);
        assert_eq!(many().to_texts("node-1", 10), Vec::<String>::new());
        assert_eq!(Notification::default().to_texts("node-1", 100), Vec::<String>::new());
    }

    #[test]
    fn nodes_of_an_earlier_version_can_read_it() {
        let one = Notification::channel_key(&TenantId::new("belle"), &ChannelId::new("wa"));
        let text = r#"{"from":"node-1","lanes":[["belle","wa"]],"tenants":[]}"#;
        assert_eq!(one.to_texts("node-1", 1_000), [text]);
        assert_eq!(Notification::from_text(text, "node-2"), Some(one));
    }

    #[test]
    fn a_node_ignores_its_own_notifications_and_other_texts() {
        let text = &Notification::tenant(&TenantId::new("belle")).to_texts("node-1", 1_000)[0];
        assert_eq!(Notification::from_text(text, "node-1"), None);
        for other in ["", "hello", "{}", "[1]", r#"{"from":"x","lanes":[["a"]],"tenants":[]}"#] {
            assert_eq!(Notification::from_text(other, "node-1"), None, "{other}");
        }
    }
}
