//! The webhooks of a run: which customer writes what, with ids and tokens of the run's own. The provider's simulator
//! writes the requests.

use super::ledger::Sequence;
use super::target::Target;
use crate::gateway::simulator::SimulatorError;
use crate::gateway::simulator::load::{Draft, Filling, Gap, LoadWebhooks};

/// What customers write; a token follows. The second one asks what a FAQ of `palabre simulate setup` answers.
const TEXTS: [&str; 2] = ["Bonjour, pouvez-vous me rappeler demain ? ", "Bonjour, quels sont vos horaires ? "];

/// The range `+33 700` belongs to machines, not to people. Load never leaves this machine anyway.
const NUMBER_PREFIX: &str = "+33700";

/// Contacts that a sender can have: the digits behind the prefix.
pub(super) const MOST_CONTACTS: u32 = 1_000_000;

/// Tells this run's messages from those of any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run(u64);

impl Run {
    pub(super) fn fresh(random: &mut fastrand::Rng) -> Self {
        Self(random.u64(..))
    }

    /// Ids of consecutive messages are far apart, as a provider's are: an index writes each on another page.
    fn id(self, sequence: Sequence) -> String {
        format!("{:016x}{:016x}", scattered(self.0 ^ u64::from(sequence.0)), self.0)
    }

    /// Stands in a message's text behind a `#`, and in its reply when that repeats the text.
    fn token(self, sequence: Sequence) -> String {
        format!("{:08x}{:08x}", self.0 & 0xFFFF_FFFF, sequence.0)
    }

    /// Finds a token of any run in a text. `Err` is another run's.
    pub(super) fn find_in(self, text: &str) -> Option<Result<Sequence, OtherRun>> {
        let token = text.split('#').skip(1).find_map(|rest| {
            let digits = rest.get(..Gap::Token.mark().len())?;
            let is_token = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u64::from_str_radix(digits, 16).ok().filter(|_| is_token)
        })?;
        let sequence = Sequence((token & 0xFFFF_FFFF) as u32);
        Some(if token >> 32 == self.0 & 0xFFFF_FFFF { Ok(sequence) } else { Err(OtherRun) })
    }
}

/// Maps each number to another one: the last steps of SplitMix64, which are reversible, so no two collide.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A token that another run made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherRun;

/// The requests of a run.
pub(super) struct Webhooks {
    run: Run,
    /// By sender.
    layouts: Vec<[Box<dyn LoadWebhooks>; TEXTS.len()]>,
}

impl Webhooks {
    /// Lays out every sender's requests.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) fn new(target: &Target, run: Run) -> Result<Self, SimulatorError> {
        let customer = format!("{NUMBER_PREFIX}{}", Gap::Customer.mark());
        let layouts = target.senders.iter().map(|sender| {
            let [first, second] = TEXTS.map(|text| {
                let text = format!("{text}#{}", Gap::Token.mark());
                sender.simulation.load_webhooks(&sender.channel, &target.base_url, &customer, &text)
            });
            Ok([first?, second?])
        });
        Ok(Self { run, layouts: layouts.collect::<Result<_, SimulatorError>>()? })
    }

    /// The run that these are of.
    pub(super) fn run(&self) -> Run {
        self.run
    }

    /// A message's whole request. Writing the same again gives the same: a provider's repetition.
    pub(super) fn write<'d>(&self, sequence: Sequence, conversation: u32, draft: &'d mut Draft) -> &'d [u8] {
        draft.request.clear();
        let senders = self.layouts.len().max(1);
        let (sender, contact) = (conversation as usize % senders, conversation as usize / senders);
        if let Some(layouts) = self.layouts.get(sender) {
            let filling = Filling {
                id: self.run.id(sequence),
                customer: format!("{contact:06}"),
                token: self.run.token(sequence),
            };
            layouts[sequence.0 as usize % TEXTS.len()].write(&filling, draft);
        }
        &draft.request
    }

    /// The conversation in which a channel (by its place) writes to `to`.
    pub(super) fn conversation(&self, channel: usize, to: &str) -> Option<u32> {
        let number = to.rsplit(':').next()?;
        let contact: u32 = number.strip_prefix(NUMBER_PREFIX)?.parse().ok()?;
        let (senders, channel) = (u32::try_from(self.layouts.len()).ok()?, u32::try_from(channel).ok()?);
        contact.checked_mul(senders)?.checked_add(channel)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Written, target};
    use super::*;

    fn webhooks(senders: usize) -> Webhooks {
        let target = target("127.0.0.1:8080".parse().unwrap(), Vec::new(), senders);
        Webhooks::new(&target, Run(0xDEAD_BEEF_0BAD_CAFE)).unwrap()
    }

    #[test]
    fn customers_write_from_numbers_of_their_own_with_the_run_s_ids_and_tokens() {
        let webhooks = webhooks(3);
        let mut draft = Draft::default();
        for (sequence, conversation) in [(0, 0), (1, 1), (2, 2_999_999), (u32::MAX, 7)] {
            let request = webhooks.write(Sequence(sequence), conversation, &mut draft);
            let written = Written::read(request);
            assert_eq!(written.channel, format!("load-{}", conversation % 3));
            assert_eq!(written.id, webhooks.run().id(Sequence(sequence)));
            assert_eq!(written.customer, format!("+33700{:06}", conversation / 3));
            assert_eq!(written.text, format!("{}#0badcafe{sequence:08x}", TEXTS[sequence as usize % 2]));
        }
    }

    #[test]
    fn ids_that_follow_on_each_other_lie_far_apart() {
        let run = Run(0xDEAD_BEEF_0BAD_CAFE);
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|n| run.id(Sequence(n))).collect();
        assert_eq!(ids.len(), 10_000);
        let beginnings: std::collections::BTreeSet<_> = ids.iter().map(|id| &id[..2]).collect();
        assert_eq!(beginnings.len(), 256, "over all that there are");
    }

    #[test]
    fn a_repetition_is_the_same_to_the_byte() {
        let webhooks = webhooks(2);
        let (mut first, mut second) = (Draft::default(), Draft::default());
        webhooks.write(Sequence(9), 9, &mut second);
        assert_eq!(webhooks.write(Sequence(5), 3, &mut first), webhooks.write(Sequence(5), 3, &mut second));
    }

    #[test]
    fn a_token_is_found_in_a_reply() {
        let run = Run(0x1234_5678_9ABC_DEF0);
        let found = |text: &str| run.find_in(text);
        let token = run.token(Sequence(42));
        assert_eq!(found(&format!("Merci : « Bonjour ? #{token} »")), Some(Ok(Sequence(42))));
        assert_eq!(found(&format!("#1 #é #{token}")), Some(Ok(Sequence(42))));
        assert_eq!(found(&format!("#{}", Run(7).token(Sequence(42)))), Some(Err(OtherRun)));
        for text in ["", "Merci", "#", "#+234567890abcdef", "#123", "Merci # é"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_conversation_is_known_by_its_addresses() {
        let webhooks = webhooks(3);
        assert_eq!(webhooks.conversation(1, "whatsapp:+33700000002"), Some(7));
        assert_eq!(webhooks.conversation(1, "whatsapp:+33612345678"), None);
    }
}
