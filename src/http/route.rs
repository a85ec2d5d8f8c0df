//! The table of routes.

use super::api::Endpoint;

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// A message, on a channel's own path.
    Message {
        provider: &'a str,
        channel: &'a str,
    },
    /// A status callback, on a channel's own path.
    Status {
        provider: &'a str,
        channel: &'a str,
    },
    /// Whether a channel's path is right.
    Check {
        provider: &'a str,
        channel: &'a str,
    },
    /// A message, on a path that providers' consoles may hold from before.
    AliasMessage(Alias),
    /// A status callback, likewise.
    AliasStatus(Alias),
    /// Whether a provider's webhooks are served here.
    ServiceCheck {
        service: &'static str,
    },
    Healthz,
    Readyz,
    ApiHealth,
    Metrics,
    /// A path of the API, and the id in it.
    Api {
        endpoint: Endpoint,
        id: &'a str,
    },
    Unknown,
}

/// Paths without a channel: the request's account and address tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// `/api/webhooks/twilio`: WhatsApp and SMS.
    Twilio,
    /// `/webhooks/twilio-sms/…`
    TwilioSms,
}

impl Alias {
    /// What [`super::Receivers::by_account`] is asked for.
    pub(super) fn provider(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::TwilioSms => "twilio-sms",
        }
    }
}

/// The providers whose webhooks are served.
const PROVIDERS: [&str; 2] = ["twilio-whatsapp", "twilio-sms"];

/// How many patterns there are: the size of tables by [`Route::index`].
pub(super) const PATTERNS: usize = FIRST_OF_API + Endpoint::ALL.len();
/// Where the numbers of the API's patterns begin.
const FIRST_OF_API: usize = 13;

impl<'a> Route<'a> {
    /// Reads a raw path. Slugs need no percent-encoding, so none is undone; a trailing slash is another path.
    pub(super) fn find(path: &'a str) -> Self {
        match path {
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/api/health" => Self::ApiHealth,
            "/metrics" => Self::Metrics,
            "/api/webhooks/twilio" => Self::AliasMessage(Alias::Twilio),
            "/api/webhooks/twilio/status" => Self::AliasStatus(Alias::Twilio),
            "/api/webhooks/twilio/status-check" => Self::ServiceCheck { service: "twilio" },
            "/webhooks/twilio-sms/incoming" => Self::AliasMessage(Alias::TwilioSms),
            "/webhooks/twilio-sms/status" => Self::AliasStatus(Alias::TwilioSms),
            "/webhooks/twilio-sms/incoming/status-check" => Self::ServiceCheck { service: "twilio-sms" },
            _ => match path.strip_prefix("/webhooks/") {
                Some(rest) => Self::find_webhook(rest),
                None => path
                    .strip_prefix("/api/v1/")
                    .and_then(Endpoint::find)
                    .map_or(Self::Unknown, |(endpoint, id)| Self::Api { endpoint, id }),
            },
        }
    }

    fn find_webhook(rest: &'a str) -> Self {
        let mut segments = rest.split('/');
        let (Some(provider), Some(channel), third, None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Self::Unknown;
        };
        match (channel, third) {
            ("", _) => Self::Unknown,
            ("status-check", None) => PROVIDERS
                .into_iter()
                .find(|known| *known == provider)
                .map_or(Self::Unknown, |service| Self::ServiceCheck { service }),
            (_, None) => Self::Message { provider, channel },
            (_, Some("status")) => Self::Status { provider, channel },
            (_, Some("status-check")) => Self::Check { provider, channel },
            _ => Self::Unknown,
        }
    }

    /// The pattern: what logs and metrics show instead of the path, which anybody may write anything into.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Message { .. } => "/webhooks/{provider}/{channel_id}",
            Self::Status { .. } => "/webhooks/{provider}/{channel_id}/status",
            Self::Check { .. } => "/webhooks/{provider}/{channel_id}/status-check",
            Self::AliasMessage(Alias::Twilio) => "/api/webhooks/twilio",
            Self::AliasStatus(Alias::Twilio) => "/api/webhooks/twilio/status",
            Self::AliasMessage(Alias::TwilioSms) => "/webhooks/twilio-sms/incoming",
            Self::AliasStatus(Alias::TwilioSms) => "/webhooks/twilio-sms/status",
            Self::ServiceCheck { .. } => "/webhooks/{provider}/status-check",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::ApiHealth => "/api/health",
            Self::Metrics => "/metrics",
            Self::Api { endpoint, .. } => endpoint.pattern(),
            Self::Unknown => "(unknown)",
        }
    }

    /// A number of its own for each pattern, below [`PATTERNS`].
    pub(super) fn index(self) -> usize {
        match self {
            Self::Message { .. } => 0,
            Self::Status { .. } => 1,
            Self::Check { .. } => 2,
            Self::AliasMessage(Alias::Twilio) => 3,
            Self::AliasStatus(Alias::Twilio) => 4,
            Self::AliasMessage(Alias::TwilioSms) => 5,
            Self::AliasStatus(Alias::TwilioSms) => 6,
            Self::ServiceCheck { .. } => 7,
            Self::Healthz => 8,
            Self::Readyz => 9,
            Self::ApiHealth => 10,
            Self::Metrics => 11,
            Self::Unknown => 12,
            Self::Api { endpoint, .. } => FIRST_OF_API + endpoint as usize,
        }
    }

    /// Whether the route takes webhooks: those have correlation ids.
    pub(super) fn is_webhook(self) -> bool {
        matches!(self, Self::Message { .. } | Self::Status { .. } | Self::AliasMessage(_) | Self::AliasStatus(_))
    }

    /// Whether its requests are logged at `debug` only: probes and scrapes come every few seconds.
    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Self::Healthz | Self::Readyz | Self::ApiHealth | Self::Metrics)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_find_their_routes() {
        let (provider, channel) = ("twilio-whatsapp", "belle-wa");
        let table = [
            ("/webhooks/twilio-whatsapp/belle-wa", Route::Message { provider, channel }),
            ("/webhooks/twilio-whatsapp/belle-wa/status", Route::Status { provider, channel }),
            ("/webhooks/twilio-whatsapp/belle-wa/status-check", Route::Check { provider, channel }),
            ("/webhooks/twilio-whatsapp/status-check", Route::ServiceCheck { service: "twilio-whatsapp" }),
            ("/webhooks/twilio-sms/status-check", Route::ServiceCheck { service: "twilio-sms" }),
            ("/webhooks/twilio-sms/incoming", Route::AliasMessage(Alias::TwilioSms)),
            ("/webhooks/twilio-sms/status", Route::AliasStatus(Alias::TwilioSms)),
            ("/webhooks/twilio-sms/incoming/status-check", Route::ServiceCheck { service: "twilio-sms" }),
            ("/api/webhooks/twilio", Route::AliasMessage(Alias::Twilio)),
            ("/api/webhooks/twilio/status", Route::AliasStatus(Alias::Twilio)),
            ("/api/webhooks/twilio/status-check", Route::ServiceCheck { service: "twilio" }),
            ("/healthz", Route::Healthz),
            ("/readyz", Route::Readyz),
            ("/api/health", Route::ApiHealth),
            ("/metrics", Route::Metrics),
            ("/api/v1/outbox", Route::Api { endpoint: Endpoint::Outbox, id: "" }),
            ("/api/v1/outbox/counts", Route::Api { endpoint: Endpoint::OutboxCounts, id: "" }),
            ("/api/v1/outbox/replay", Route::Api { endpoint: Endpoint::OutboxReplay, id: "" }),
            ("/api/v1/outbox/0-1", Route::Api { endpoint: Endpoint::OutboxMessage, id: "0-1" }),
            ("/api/v1/outbox/0-1/cancel", Route::Api { endpoint: Endpoint::OutboxMessageCancel, id: "0-1" }),
            ("/api/v1/channels/belle-wa/pause", Route::Api { endpoint: Endpoint::ChannelPause, id: "belle-wa" }),
            ("/api/v1/outbox/", Route::Unknown),
            ("/api/v1/outbox//replay", Route::Unknown),
            ("/api/v1/outbox/0-1/other", Route::Unknown),
            ("/api/v1/messages/", Route::Unknown),
            ("/api/v1/", Route::Unknown),
            ("/api/v1", Route::Unknown),
            ("/", Route::Unknown),
            ("", Route::Unknown),
            ("*", Route::Unknown),
            ("/webhooks", Route::Unknown),
            ("/webhooks/", Route::Unknown),
            ("/webhooks/twilio-sms", Route::Unknown),
            ("/webhooks/twilio-sms/", Route::Unknown),
            ("/webhooks/nobody/status-check", Route::Unknown),
            ("/webhooks/twilio-whatsapp/belle-wa/", Route::Unknown),
            ("/webhooks/twilio-whatsapp/belle-wa/status/", Route::Unknown),
            ("/webhooks/twilio-whatsapp/belle-wa/other", Route::Unknown),
            ("/webhooks/twilio-whatsapp/belle-wa/status/more", Route::Unknown),
        ];
        for (path, route) in table {
            assert_eq!(Route::find(path), route, "{path}");
        }
    }

    #[test]
    fn every_pattern_has_its_own_number() {
        let api = Endpoint::ALL.map(|endpoint| Route::Api { endpoint, id: "" });
        let others = [
            Route::Message { provider: "", channel: "" },
            Route::Status { provider: "", channel: "" },
            Route::Check { provider: "", channel: "" },
            Route::AliasMessage(Alias::Twilio),
            Route::AliasStatus(Alias::Twilio),
            Route::AliasMessage(Alias::TwilioSms),
            Route::AliasStatus(Alias::TwilioSms),
            Route::ServiceCheck { service: "" },
            Route::Healthz,
            Route::Readyz,
            Route::ApiHealth,
            Route::Metrics,
            Route::Unknown,
        ];
        let routes: Vec<_> = others.into_iter().chain(api).collect();
        let numbers: BTreeSet<usize> = routes.iter().map(|route| route.index()).collect();
        assert_eq!(numbers, (0..PATTERNS).collect());
        assert_eq!(routes.iter().map(|route| route.pattern()).collect::<BTreeSet<_>>().len(), PATTERNS);
    }
}
