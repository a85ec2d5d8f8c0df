//! Permissions of a caller: `object:verb` words in one list.

use crate::config::ApiScope;

/// One thing that a caller may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    ConversationRead,
    ConversationWrite,
    ContactRead,
    MessageSend,
    OutboxRead,
    OutboxWrite,
    ConsentRead,
    ConsentWrite,
    ChannelRead,
    ChannelWrite,
    /// Whole addresses and texts; masked addresses alone without it.
    ContentRead,
}

use Permission::{
    ChannelRead, ChannelWrite, ConsentRead, ConsentWrite, ContactRead, ContentRead, ConversationRead,
    ConversationWrite, MessageSend, OutboxRead, OutboxWrite,
};

impl Permission {
    /// Every permission with its word.
    pub const ALL: [(Self, &'static str); 11] = [
        (ConversationRead, "conversation:read"),
        (ConversationWrite, "conversation:write"),
        (ContactRead, "contact:read"),
        (MessageSend, "message:send"),
        (OutboxRead, "outbox:read"),
        (OutboxWrite, "outbox:write"),
        (ConsentRead, "consent:read"),
        (ConsentWrite, "consent:write"),
        (ChannelRead, "channel:read"),
        (ChannelWrite, "channel:write"),
        (ContentRead, "content:read"),
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(permission, _)| *permission == self).map_or("", |(_, word)| word)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What a caller may do, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    pub const NONE: Self = Self(0);
    pub const EVERY: Self = Self((1 << Permission::ALL.len()) - 1);

    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < permissions.len() {
            bits |= permissions[at].bit();
            at += 1;
        }
        Self(bits)
    }

    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether everything that the others allow is allowed.
    #[must_use]
    pub const fn includes(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// What the scopes of an API key grant.
    #[must_use]
    pub fn of_scopes(scopes: &[ApiScope]) -> Self {
        scopes.iter().fold(Self::NONE, |all, scope| all.and(granted_by(*scope)))
    }
}

/// What one scope of an API key grants.
#[must_use]
pub const fn granted_by(scope: ApiScope) -> Permissions {
    match scope {
        ApiScope::Read => Permissions::of(&[ConversationRead, ContactRead, OutboxRead, ConsentRead, ChannelRead]),
        ApiScope::ReadContent => Permissions::of(&[ContentRead]),
        ApiScope::Send => Permissions::of(&[MessageSend]),
        ApiScope::Operate => Permissions::of(&[ConversationWrite, OutboxWrite, ChannelWrite]),
    }
}

/// The scope of API keys that grants a permission. `None`: no key may do this.
#[must_use]
pub fn scope_for(permission: Permission) -> Option<ApiScope> {
    let scopes = [ApiScope::Read, ApiScope::ReadContent, ApiScope::Send, ApiScope::Operate];
    scopes.into_iter().find(|scope| granted_by(*scope).allows(permission))
}

/// What people are to a tenant. Nobody has one yet: API keys have scopes, and the local command line may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Owner,
    Admin,
    Agent,
    Viewer,
    /// Helps tenants, and sees no texts.
    Support,
    /// Runs the daemon.
    Operator,
}

impl Role {
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Owner | Self::Admin | Self::Operator => Permissions::EVERY,
            Self::Agent => Permissions::of(&[
                ConversationRead,
                ConversationWrite,
                ContactRead,
                MessageSend,
                OutboxRead,
                ConsentRead,
                ConsentWrite,
                ChannelRead,
                ContentRead,
            ]),
            Self::Viewer => {
                Permissions::of(&[ConversationRead, ContactRead, OutboxRead, ConsentRead, ChannelRead, ContentRead])
            }
            Self::Support => {
                Permissions::of(&[ConversationRead, ContactRead, OutboxRead, OutboxWrite, ConsentRead, ChannelRead])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_permission_has_a_word_and_a_bit_of_its_own() {
        let words: BTreeSet<_> = Permission::ALL.iter().map(|(_, word)| word).collect();
        assert_eq!(words.len(), Permission::ALL.len());
        for (permission, word) in Permission::ALL {
            assert_eq!(permission.as_str(), word);
            assert!(word.split_once(':').is_some_and(|(object, verb)| !object.is_empty() && !verb.is_empty()));
            let alone = Permissions::of(&[permission]);
            let allowed = Permission::ALL.iter().filter(|(other, _)| alone.allows(*other)).count();
            assert_eq!(allowed, 1, "{word}");
            assert!(Permissions::EVERY.allows(permission));
        }
    }

    #[test]
    fn scopes_and_roles_grant_what_their_tables_say() {
        let crm = Permissions::of_scopes(&[ApiScope::Read, ApiScope::Send]);
        assert!(crm.allows(OutboxRead) && crm.allows(MessageSend));
        for refused in [OutboxWrite, ChannelWrite, ContentRead, ConversationWrite, ConsentWrite] {
            assert!(!crm.allows(refused), "{}", refused.as_str());
        }
        assert_eq!(scope_for(ChannelWrite), Some(ApiScope::Operate));
        assert_eq!(scope_for(ConsentWrite), None, "consents are changed on the machine itself");
        assert!(!Role::Support.permissions().allows(ContentRead));
        assert!(!Role::Viewer.permissions().allows(MessageSend));
        assert!(!Role::Agent.permissions().allows(ChannelWrite));
    }
}
