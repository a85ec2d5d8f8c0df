//! Case that advice is given for: its messages, channel and provider, as far as they are known. With it advice names
//! the channel and the command, rather than a word that the reader has to fill in.

use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::{Both, in_};
use crate::config::Config;

/// The channel that takes over from another, as the configuration has it.
pub(in crate::cli) fn fallback_of<'c>(channel: &str, config: &'c Config) -> Option<&'c str> {
    let mut channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    let known = channels.find(|known| known.id.as_str() == channel)?;
    known.profile.fallback.as_ref().map(|fallback| fallback.as_str())
}

/// What is known of whatever advice is given on.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Case<'a> {
    /// The channel it was written for.
    channel: Option<&'a str>,
    /// The channel that takes over from that one, where one is configured.
    fallback: Option<&'a str>,
    /// Where it stands.
    state: Option<OutboxState>,
    /// What `palabre outbox replay` is told: an id, or a filter.
    which: Option<String>,
}

impl<'a> Case<'a> {
    /// Something of a channel, and the channel that takes over from it.
    pub(in crate::cli) fn of(channel: &'a str, fallback: Option<&'a str>) -> Self {
        Self { channel: Some(channel), fallback, ..Self::default() }
    }

    pub(in crate::cli) fn message(self, id: OutboundId, state: OutboxState) -> Self {
        Self { state: Some(state), which: Some(id.to_string()), ..self }
    }

    /// All that stand somewhere for a reason.
    pub(in crate::cli) fn group(self, reason: &str, state: OutboxState) -> Self {
        let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
        Self { state: Some(state), which: Some(format!("--reason {reason}")), ..self }
    }

    /// The same, of which no channel is named because there are too many.
    pub(in crate::cli) fn anywhere(self) -> Self {
        Self { channel: None, fallback: None, ..self }
    }

    /// The channel that takes over from its own.
    pub(super) fn fallback(&self) -> Option<&'a str> {
        self.fallback
    }

    /// Advice with its places filled: `{channel}`, `{fallback}`, `{replay}` (the command), `{again}` (what lets a message
    /// go once the cause is mended) and `{later}` (when there is nothing to mend).
    pub(super) fn fill(&self, advice: Both, language: Language) -> String {
        let replay = match &self.which {
            Some(which) => format!("`palabre outbox replay {which}`"),
            None => in_(language, ("replay it", "le rejouer")).to_owned(),
        };
        in_(language, advice)
            .replace("{again}", in_(language, self.again()))
            .replace("{later}", in_(language, self.later()))
            .replace("{channel}", self.channel.unwrap_or(in_(language, ("CHANNEL", "CANAL"))))
            .replace("{fallback}", self.fallback.unwrap_or(in_(language, ("another channel", "un autre canal"))))
            .replace("{replay}", &replay)
    }

    const fn again(&self) -> Both {
        match self.waits() {
            Some(true) => ("and it goes by itself", "et il part de lui-même"),
            Some(false) => ("then {replay}", "puis {replay}"),
            None => (
                "then replay what was given up (what waits goes by itself)",
                "puis rejouer ce qui a été abandonné (ce qui attend part de lui-même)",
            ),
        }
    }

    const fn later(&self) -> Both {
        match self.waits() {
            Some(true) => ("nothing: it is tried again by itself", "rien : il est réessayé de lui-même"),
            Some(false) | None => ("later: {replay}", "plus tard : {replay}"),
        }
    }

    /// Whether it goes on by itself.
    const fn waits(&self) -> Option<bool> {
        match self.state {
            None => None,
            Some(OutboxState::Pending | OutboxState::Sending | OutboxState::Unknown | OutboxState::Deferred) => {
                Some(true)
            }
            Some(_) => Some(false),
        }
    }
}

#[cfg(test)]
impl<'a> Case<'a> {
    /// A message of a channel, for tests.
    pub(super) fn sample(channel: &'a str, fallback: Option<&'a str>, state: OutboxState) -> Self {
        Self::of(channel, fallback).message(OutboundId(uuid::Uuid::nil()), state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_what_is_known() {
        let advice = ("mend {channel}, {again}; {later}", "réparer {channel}, {again} ; {later}");
        let nil = uuid::Uuid::nil();
        let group = Case::of("belle-wa", None).group("exhausted:20003", OutboxState::Dead);
        for (case, english, french) in [
            (
                Case::sample("belle-wa", None, OutboxState::Pending),
                "mend belle-wa, and it goes by itself; nothing: it is tried again by itself".to_owned(),
                "réparer belle-wa, et il part de lui-même ; rien : il est réessayé de lui-même".to_owned(),
            ),
            (
                Case::sample("belle-wa", None, OutboxState::Dead),
                format!("mend belle-wa, then `palabre outbox replay {nil}`; later: `palabre outbox replay {nil}`"),
                format!("réparer belle-wa, puis `palabre outbox replay {nil}` ; plus tard : `palabre outbox replay {nil}`"),
            ),
            (
                group.anywhere(),
                "mend CHANNEL, then `palabre outbox replay --reason 20003`; later: `palabre outbox replay --reason 20003`"
                    .to_owned(),
                "réparer CANAL, puis `palabre outbox replay --reason 20003` ; plus tard : `palabre outbox replay --reason 20003`"
                    .to_owned(),
            ),
        ] {
            assert_eq!(case.fill(advice, Language::En), english);
            assert_eq!(case.fill(advice, Language::Fr), french);
        }
    }
}
