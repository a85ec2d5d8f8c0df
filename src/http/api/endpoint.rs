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

    /// Reads what follows `/api/v1/`: the endpoint, and the id in its path (empty where there is none).
    pub(in crate::http) fn find(rest: &str) -> Option<(Self, &str)> {
        let mut segments = rest.split('/');
        let (first, second, third) = (segments.next()?, segments.next(), segments.next());
        if segments.next().is_some() {
            return None;
        }
        let endpoint = match (first, second, third) {
            ("openapi.json", None, None) => Self::Description,
            ("outbox", None, None) => Self::Outbox,
            ("outbox", Some("counts"), None) => Self::OutboxCounts,
            ("outbox", Some("replay"), None) => Self::OutboxReplay,
            ("outbox", Some(_), None) => Self::OutboxMessage,
            ("outbox", Some(_), Some("replay")) => Self::OutboxMessageReplay,
            ("outbox", Some(_), Some("cancel")) => Self::OutboxMessageCancel,
            ("messages", None, None) => Self::Messages,
            ("consents", None, None) => Self::Consents,
            ("channels", None, None) => Self::Channels,
            ("channels", Some(_), Some("pause")) => Self::ChannelPause,
            ("channels", Some(_), Some("resume")) => Self::ChannelResume,
            _ => return None,
        };
        let id = second.filter(|_| endpoint.pattern().contains('{')).unwrap_or_default();
        (second != Some("")).then_some((endpoint, id))
    }

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
