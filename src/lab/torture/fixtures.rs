//! Fixtures of the torture: businesses with a WhatsApp and an SMS channel each, and contacts whose scripts a seed draws.

use palabre_actors::domain::address::Scheme;

use crate::gateway::simulator::CustomerMessage;

/// How many businesses there are.
pub(super) const BUSINESSES: usize = 3;

/// A sender account of a business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TortureSender {
    /// Of which business.
    pub(super) business: usize,
    /// On which network.
    pub(super) scheme: Scheme,
}

impl TortureSender {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..BUSINESSES).flat_map(|business| [Scheme::Whatsapp, Scheme::Sms].map(|scheme| Self { business, scheme }))
    }

    /// `torture-1`
    pub(super) fn tenant(&self) -> String {
        tenant_id(self.business)
    }

    /// `torture-1-wa`
    pub(super) fn channel(&self) -> String {
        let network = if self.scheme == Scheme::Whatsapp { "wa" } else { "sms" };
        format!("{}-{network}", self.tenant())
    }

    /// Its address. The two channels of a business share a number.
    pub(super) fn address(&self) -> String {
        self.with_prefix(&format!("+1415523{:04}", 1_000 + self.business))
    }

    /// Whether a few faults open its breaker: so on WhatsApp channels, but for the first business's.
    pub(super) fn has_sensitive_breaker(&self) -> bool {
        self.scheme == Scheme::Whatsapp && self.business > 0
    }

    /// What takes over while its breaker is open: the last business's SMS channel. (The second has none: its messages
    /// wait.)
    pub(super) fn fallback(&self) -> Option<Self> {
        let has = self.has_sensitive_breaker() && self.business + 1 == BUSINESSES;
        has.then_some(Self { business: self.business, scheme: Scheme::Sms })
    }

    fn with_prefix(&self, number: &str) -> String {
        format!("{}:{number}", self.scheme.as_str())
    }
}

impl Contact {
    /// What they write, with the provider's id of it.
    pub(super) fn message(&self, id: String, text: &str) -> CustomerMessage {
        CustomerMessage {
            channel: self.sender.channel(),
            id,
            from: self.sender.with_prefix(&self.number()),
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
    pub(super) fn draw(index: u32, random: &mut fastrand::Rng) -> Self {
        let senders: Vec<TortureSender> = TortureSender::all().collect();
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

    fn number(&self) -> String {
        format!("+336{:08}", 12_000_000 + self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_stop_and_start_at_most_once_and_in_this_order() {
        let mut random = fastrand::Rng::with_seed(7);
        let contacts: Vec<Contact> = (0..500).map(|index| Contact::draw(index, &mut random)).collect();
        for contact in &contacts {
            let said = |wanted| contact.script.iter().enumerate().filter(move |(_, said)| **said == wanted);
            let stops: Vec<usize> = said(Said::Stop).map(|(at, _)| at).collect();
            let starts: Vec<usize> = said(Said::Start).map(|(at, _)| at).collect();
            assert!(stops.len() <= 1 && starts.len() <= stops.len());
            assert!(stops.first().is_none_or(|stop| starts.first().is_none_or(|start| start > stop)));
            assert!((2..=MOST_TEXTS + 12).contains(&contact.script.len()));
        }
        assert!(contacts.iter().any(|contact| contact.script.contains(&Said::Start)));
        let mut numbers: Vec<String> = contacts.iter().map(Contact::number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), contacts.len());
    }

    #[test]
    fn a_seed_draws_the_same_people() {
        let draw = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..20).map(|index| Contact::draw(index, &mut random).script).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
