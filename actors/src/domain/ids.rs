//! Newtypes for every id, so that no bare string or number crosses a module boundary.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh UUIDv7: ordered by time, and within this process by creation.
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A row of `messages_in`. Within one node, ids grow in the order of acceptance (I3).
    InboundId
);

impl InboundId {
    /// When it was made, in milliseconds since 1970; `None` of an id that is no UUIDv7.
    #[must_use]
    pub fn made_at_ms(self) -> Option<i64> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        i64::try_from(seconds).ok().map(|seconds| seconds * 1_000 + i64::from(nanos / 1_000_000))
    }
}

uuid_id!(
    /// A row of `messages_out`.
    OutboundId
);
uuid_id!(
    /// A row of `conversations`.
    ConversationId
);
uuid_id!(
    /// A row of `contacts`.
    ContactId
);
uuid_id!(
    /// A row of `sessions`.
    SessionId
);
uuid_id!(
    /// A row of `live_sessions`.
    LiveSessionId
);
uuid_id!(
    /// A row of `order_lines`.
    OrderLineId
);
uuid_id!(
    /// A row of `waiting_list`.
    WaitingId
);
uuid_id!(
    /// A row of `event_log`.
    EventId
);
uuid_id!(
    /// A row of `timers`.
    TimerId
);
uuid_id!(
    /// A row of `users`.
    UserId
);
uuid_id!(
    /// A row of `bookings`.
    BookingId
);
uuid_id!(
    /// A row of `leads`.
    LeadId
);
uuid_id!(
    /// A row of `offers`.
    OfferId
);
uuid_id!(
    /// Made when a webhook is accepted; on every row, event and log line of that flow.
    CorrelationId
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is; whoever reads it from outside validates it first.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }
    };
}

text_id!(
    /// A business: the slug its configuration names (`institut-belle`).
    TenantId
);
text_id!(
    /// A sender account of a tenant: the slug its configuration names (`belle-wa`), unique over all tenants.
    ChannelId
);
text_id!(
    /// What the provider calls a message (`SM…`): the dedupe key within tenant and channel (I2).
    ProviderMessageId
);

impl ProviderMessageId {
    /// The longest that is kept. Meta's have some 60 bytes; an e-mail's may have 250.
    pub const MOST_BYTES: usize = 256;

    /// An id as a provider wrote it, if it can be kept: visible, and not too long.
    #[must_use]
    pub fn received(text: &str) -> Option<Self> {
        let fits = (1..=Self::MOST_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self::new(text))
    }
}

text_id!(
    /// One running daemon, made at its start; outbox rows are leased to it.
    NodeId
);
