//! Fixtures of the torture: businesses with a WhatsApp and an SMS channel each, or with one of every provider, and contacts whose
//! scripts a seed draws.

use palabre_actors::domain::address::Scheme;

use crate::gateway::simulations;
use crate::gateway::simulator::CustomerMessage;
use crate::lab::host::{numbered_address, simulation_on};

/// How many businesses there are.
pub(super) const BUSINESSES: usize = 3;

/// A sender account of a business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TortureSender {
    pub(super) business: usize,
    /// On which network.
    pub(super) scheme: Scheme,
    /// By which provider, where it is not the first one of its network.
    pub(super) provider: Option<&'static str>,
    /// Its place among the channels of its business.
    place: usize,
}

impl TortureSender {
    /// WhatsApp and SMS of every business; with `every_provider`, the channels of all other providers that are simulated, too.
    pub(super) fn all(every_provider: bool) -> Vec<Self> {
        let first = [Scheme::Whatsapp, Scheme::Sms].map(|scheme| (scheme, None));
        let usual = first.map(|(scheme, _)| simulation_on(scheme).map(|(_, provider)| provider));
        let simulated = simulations().into_iter().flat_map(|simulation| simulation.providers()).copied();
        let others = simulated.filter(|(provider, _)| every_provider && !usual.contains(&Some(*provider)));
        let channels: Vec<_> =
            first.into_iter().chain(others.map(|(provider, scheme)| (scheme, Some(provider)))).collect();
        let of = |business: usize| {
            let channels = channels.iter().enumerate();
            channels.map(move |(place, (scheme, provider))| Self {
                business,
                scheme: *scheme,
                provider: *provider,
                place,
            })
        };
        (0..BUSINESSES).flat_map(of).collect()
    }

    /// `torture-1`
    pub(super) fn tenant(&self) -> String {
        tenant_id(self.business)
    }

    /// `torture-1-wa`
    pub(super) fn channel(&self) -> String {
        format!("{}-{}", self.tenant(), self.network())
    }

    /// `wa`, or what its provider is called.
    pub(super) fn network(&self) -> &'static str {
        self.provider.unwrap_or(if self.scheme == Scheme::Whatsapp { "wa" } else { "sms" })
    }

    /// Its address. The first two channels of a business share a number.
    pub(super) fn address(&self) -> String {
        let place = if self.provider.is_some() { self.place } else { 0 };
        numbered_address(self.scheme, 14_155_231_000 + 10 * place + self.business)
    }

    /// Whether a few faults open its breaker: so on WhatsApp channels, but for the first business's.
    pub(super) fn has_sensitive_breaker(&self) -> bool {
        self.provider.is_none() && self.scheme == Scheme::Whatsapp && self.business > 0
    }

    /// What takes over while its breaker is open: the last business's SMS channel. (The second has none: its messages
    /// wait.)
    pub(super) fn fallback(&self) -> Option<Self> {
        let has = self.has_sensitive_breaker() && self.business + 1 == BUSINESSES;
        has.then(|| Self { scheme: Scheme::Sms, place: 1, ..self.clone() })
    }
}

impl Contact {
    /// What they write, with the provider's id of it.
    pub(super) fn message(&self, id: String, text: &str) -> CustomerMessage {
        CustomerMessage {
            channel: self.sender.channel(),
            id,
            from: numbered_address(self.sender.scheme, self.number()),
            text: text.to_owned(),
            ..CustomerMessage::default()
        }
    }
}

/// The id of a business's tenant.
pub(super) fn tenant_id(business: usize) -> String {
    format!("torture-{}", business + 1)
}

/// A person who writes to one sender, and is never heard of again when the script is through. (A conversation of a hundred
/// messages would outgrow the page of the provider's list, after which nobody can tell what the provider took.)
#[derive(Clone, Debug)]
pub(super) struct Contact {
    /// Counted over all of them.
    pub(super) index: u32,
    /// To whom they write.
    pub(super) sender: TortureSender,
    /// What they say, one after the other.
    pub(super) script: Vec<Said>,
}

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A text of its own, which the answer repeats.
    Text,
    /// STOP, at most once in a script: its confirmation is always the same text, and two of the same could not be told
    /// apart at the provider.
    Stop,
    /// START, at most once, after a STOP.
    Start,
}

/// The most texts of a script.
const MOST_TEXTS: usize = 24;

impl Contact {
    /// Draws one. Every fourth says STOP early, so that a short run has some; of the others every third says it at a
    /// random moment.
    pub(super) fn draw(index: u32, senders: &[TortureSender], random: &mut fastrand::Rng) -> Self {
        let sender = senders[random.usize(..senders.len())].clone();
        let stops = if index.is_multiple_of(4) {
            Some(random.usize(1..4))
        } else {
            (random.u8(..3) == 0).then(|| random.usize(..MOST_TEXTS))
        };
        let texts = |count: usize| std::iter::repeat_n(Said::Text, count);
        let Some(before) = stops else {
            return Self { index, sender, script: texts(random.usize(4..MOST_TEXTS)).collect() };
        };
        let mut script: Vec<Said> = texts(before).chain([Said::Stop]).chain(texts(random.usize(1..5))).collect();
        if random.bool() {
            script.push(Said::Start);
            script.extend(texts(random.usize(1..5)));
        }
        Self { index, sender, script }
    }

    fn number(&self) -> usize {
        33_612_000_000 + self.index as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_stop_and_start_at_most_once_and_in_this_order() {
        let (mut random, senders) = (fastrand::Rng::with_seed(7), TortureSender::all(true));
        let contacts: Vec<Contact> = (0..500).map(|index| Contact::draw(index, &senders, &mut random)).collect();
        for contact in &contacts {
            let said = |wanted| contact.script.iter().enumerate().filter(move |(_, said)| **said == wanted);
            let stops: Vec<usize> = said(Said::Stop).map(|(at, _)| at).collect();
            let starts: Vec<usize> = said(Said::Start).map(|(at, _)| at).collect();
            assert!(stops.len() <= 1 && starts.len() <= stops.len());
            assert!(stops.first().is_none_or(|stop| starts.first().is_none_or(|start| start > stop)));
            assert!((2..=MOST_TEXTS + 12).contains(&contact.script.len()));
        }
        assert!(contacts.iter().any(|contact| contact.script.contains(&Said::Start)));
        let mut numbers: Vec<usize> = contacts.iter().map(Contact::number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), contacts.len());
    }

    #[test]
    fn a_seed_draws_the_same_people() {
        let draw = |seed| {
            let (mut random, senders) = (fastrand::Rng::with_seed(seed), TortureSender::all(false));
            (0..20).map(|index| Contact::draw(index, &senders, &mut random).script).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
