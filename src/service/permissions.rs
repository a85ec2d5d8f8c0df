//! Permissions of a caller: `object:verb` words in one list.

use std::str::FromStr;

use crate::config::ApiScope;

/// One thing that a caller may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    ConversationRead,
    ConversationWrite,
    ContactRead,
    ContactWrite,
    MessageSend,
    OutboxRead,
    OutboxWrite,
    ConsentRead,
    ConsentWrite,
    /// A consent that was given on paper or by telephone. It lifts no STOP.
    ConsentRecord,
    ChannelRead,
    ChannelWrite,
    FaqRead,
    FaqWrite,
    FlowWrite,
    BookingRead,
    BookingWrite,
    LeadRead,
    LeadWrite,
    AccessRead,
    /// Plans, subscriptions, who may be in a paid chat.
    AccessWrite,
    PaymentRead,
    PaymentRefund,
    AnalyticsRead,
    /// The tenant's configuration, without secrets.
    SettingRead,
    SettingWrite,
    /// Where events go out to.
    WebhookWrite,
    TeamRead,
    TeamWrite,
    /// Keys of the API.
    KeyWrite,
    AuditRead,
    PrivacyExport,
    PrivacyErase,
    /// Whole addresses and texts; masked addresses alone without it.
    ContentRead,
    /// Of the whole installation.
    ConfigReload,
    /// Advertising to many contacts at once.
    BroadcastSend,
}

use Permission::{
    AccessRead, AccessWrite, AnalyticsRead, AuditRead, BookingRead, BookingWrite, BroadcastSend, ChannelRead,
    ChannelWrite, ConfigReload, ConsentRead, ConsentRecord, ConsentWrite, ContactRead, ContactWrite, ContentRead,
    ConversationRead, ConversationWrite, FaqRead, FaqWrite, FlowWrite, KeyWrite, LeadRead, LeadWrite, MessageSend,
    OutboxRead, OutboxWrite, PaymentRead, PaymentRefund, PrivacyErase, PrivacyExport, SettingRead, SettingWrite,
    TeamRead, TeamWrite, WebhookWrite,
};

impl Permission {
    /// Every permission with its word.
    pub const ALL: [(Self, &'static str); 36] = [
        (ConversationRead, "conversation:read"),
        (ConversationWrite, "conversation:write"),
        (ContactRead, "contact:read"),
        (ContactWrite, "contact:write"),
        (MessageSend, "message:send"),
        (OutboxRead, "outbox:read"),
        (OutboxWrite, "outbox:write"),
        (ConsentRead, "consent:read"),
        (ConsentWrite, "consent:write"),
        (ConsentRecord, "consent:record"),
        (ChannelRead, "channel:read"),
        (ChannelWrite, "channel:write"),
        (FaqRead, "faq:read"),
        (FaqWrite, "faq:write"),
        (FlowWrite, "flow:write"),
        (BookingRead, "booking:read"),
        (BookingWrite, "booking:write"),
        (LeadRead, "lead:read"),
        (LeadWrite, "lead:write"),
        (AccessRead, "access:read"),
        (AccessWrite, "access:write"),
        (PaymentRead, "payment:read"),
        (PaymentRefund, "payment:refund"),
        (AnalyticsRead, "analytics:read"),
        (SettingRead, "setting:read"),
        (SettingWrite, "setting:write"),
        (WebhookWrite, "webhook:write"),
        (TeamRead, "team:read"),
        (TeamWrite, "team:write"),
        (KeyWrite, "key:write"),
        (AuditRead, "audit:read"),
        (PrivacyExport, "privacy:export"),
        (PrivacyErase, "privacy:erase"),
        (ContentRead, "content:read"),
        (ConfigReload, "config:reload"),
        (BroadcastSend, "broadcast:send"),
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(permission, _)| *permission == self).map_or("", |(_, word)| word)
    }

    const fn bit(self) -> u64 {
        1 << self as u16
    }
}

/// What a caller may do, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u64);

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
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// What both allow.
    #[must_use]
    pub const fn shared_with(self, others: Self) -> Self {
        Self(self.0 & others.0)
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
        ApiScope::Read => Permissions::of(&[
            ConversationRead,
            ContactRead,
            OutboxRead,
            ConsentRead,
            ChannelRead,
            FaqRead,
            BookingRead,
            LeadRead,
            AccessRead,
            AnalyticsRead,
            SettingRead,
        ]),
        ApiScope::ReadContent => Permissions::of(&[ContentRead]),
        ApiScope::Send => Permissions::of(&[MessageSend, BroadcastSend]),
        ApiScope::Operate => Permissions::of(&[
            ConversationWrite,
            ContactWrite,
            OutboxWrite,
            ChannelWrite,
            FaqWrite,
            BookingWrite,
            LeadWrite,
            AccessWrite,
            WebhookWrite,
            ConsentRecord,
            AuditRead,
            ConfigReload,
        ]),
        ApiScope::Privacy => Permissions::of(&[PrivacyExport, PrivacyErase]),
    }
}

/// The scope of API keys that grants a permission. `None`: no key may do this.
#[must_use]
pub fn scope_for(permission: Permission) -> Option<ApiScope> {
    ApiScope::ALL.into_iter().find(|scope| granted_by(*scope).allows(permission))
}

/// What people are to a tenant, or to all of them.
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

/// A role that no version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the roles are owner, admin, agent, viewer, support and operator")]
pub struct UnknownRole;

/// What whoever answers customers needs.
const AGENT: Permissions = Permissions::of(&[
    ConversationRead,
    ConversationWrite,
    ContactRead,
    ContactWrite,
    MessageSend,
    OutboxRead,
    ConsentRead,
    ConsentWrite,
    ConsentRecord,
    ChannelRead,
    FaqRead,
    BookingRead,
    BookingWrite,
    LeadRead,
    LeadWrite,
    AccessRead,
    AnalyticsRead,
    SettingRead,
    TeamRead,
    ContentRead,
]);

/// What whoever only looks on needs.
const VIEWER: Permissions = Permissions::of(&[
    ConversationRead,
    ContactRead,
    OutboxRead,
    ConsentRead,
    ChannelRead,
    FaqRead,
    BookingRead,
    LeadRead,
    AccessRead,
    AnalyticsRead,
    SettingRead,
    TeamRead,
    ContentRead,
]);

/// What whoever looks for a fault needs: no texts, no whole addresses.
const SUPPORT: Permissions = Permissions::of(&[
    ConversationRead,
    ContactRead,
    OutboxRead,
    OutboxWrite,
    ConsentRead,
    ChannelRead,
    FaqRead,
    BookingRead,
    LeadRead,
    AccessRead,
    AnalyticsRead,
    SettingRead,
    TeamRead,
    AuditRead,
]);

impl Role {
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Owner, "owner"),
        (Self::Admin, "admin"),
        (Self::Agent, "agent"),
        (Self::Viewer, "viewer"),
        (Self::Support, "support"),
        (Self::Operator, "operator"),
    ];

    /// The word of the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(role, _)| *role == self).map_or("", |(_, word)| word)
    }

    /// An admin may do all that an owner may, but give money back and erase people.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Owner | Self::Operator => Permissions::EVERY,
            Self::Admin => Permissions::EVERY.without(Permissions::of(&[PaymentRefund, PrivacyErase])),
            Self::Agent => AGENT,
            Self::Viewer => VIEWER,
            Self::Support => SUPPORT,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        Self::ALL.iter().find(|(_, own)| *own == word).map(|(role, _)| *role).ok_or(UnknownRole)
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
        assert_eq!(scope_for(PrivacyErase), Some(ApiScope::Privacy));
        assert!(!Role::Admin.permissions().includes(granted_by(ApiScope::Privacy)), "only owners erase");
        assert_eq!(scope_for(ConsentWrite), None, "consents are changed on the machine itself");
        assert!(!Role::Support.permissions().allows(ContentRead));
        assert!(!Role::Viewer.permissions().allows(MessageSend));
        assert!(!Role::Agent.permissions().allows(ChannelWrite));
        assert!(!Role::Agent.permissions().allows(TeamWrite) && !Role::Agent.permissions().allows(AuditRead));
        assert!(Role::Admin.permissions().allows(TeamWrite) && !Role::Admin.permissions().allows(PaymentRefund));
        for (role, word) in Role::ALL {
            assert_eq!(word.parse(), Ok(role));
            assert!(Role::Owner.permissions().includes(role.permissions()), "{word}");
        }
        assert_eq!("boss".parse::<Role>(), Err(UnknownRole));
    }
}
