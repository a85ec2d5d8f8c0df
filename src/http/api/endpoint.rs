//! The paths of the API.

/// What a path of the API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Endpoint {
    Description,
    Outbox,
    OutboxCounts,
    OutboxReplay,
    OutboxMessage,
    OutboxMessageReplay,
    OutboxMessageCancel,
    Messages,
    Consents,
    Channels,
    ChannelPause,
    ChannelResume,
}

impl Endpoint {
    /// All of them.
    pub(in crate::http) const ALL: [Self; 12] = [
        Self::Description,
        Self::Outbox,
        Self::OutboxCounts,
        Self::OutboxReplay,
        Self::OutboxMessage,
        Self::OutboxMessageReplay,
        Self::OutboxMessageCancel,
        Self::Messages,
        Self::Consents,
        Self::Channels,
        Self::ChannelPause,
        Self::ChannelResume,
    ];

    /// The pattern, as in logs, metrics and the description.
    pub(in crate::http) const fn pattern(self) -> &'static str {
        match self {
            Self::Description => "/api/v1/openapi.json",
            Self::Outbox => "/api/v1/outbox",
            Self::OutboxCounts => "/api/v1/outbox/counts",
            Self::OutboxReplay => "/api/v1/outbox/replay",
            Self::OutboxMessage => "/api/v1/outbox/{id}",
            Self::OutboxMessageReplay => "/api/v1/outbox/{id}/replay",
            Self::OutboxMessageCancel => "/api/v1/outbox/{id}/cancel",
            Self::Messages => "/api/v1/messages",
            Self::Consents => "/api/v1/consents",
            Self::Channels => "/api/v1/channels",
            Self::ChannelPause => "/api/v1/channels/{id}/pause",
            Self::ChannelResume => "/api/v1/channels/{id}/resume",
        }
    }

    /// The methods it takes.
    pub(in crate::http) const fn allow(self) -> &'static str {
        match self {
            Self::Description
            | Self::Outbox
            | Self::OutboxCounts
            | Self::OutboxMessage
            | Self::Consents
            | Self::Channels => "GET, HEAD",
            Self::OutboxReplay
            | Self::OutboxMessageReplay
            | Self::OutboxMessageCancel
            | Self::Messages
            | Self::ChannelPause
            | Self::ChannelResume => "POST",
        }
    }
}
