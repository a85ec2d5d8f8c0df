//! Counters of one channel, looked up once: they exist with 0 from the start, so that an alert sees the first event.

use metrics::Counter;

use crate::domain::send::SendErrorClass;
use crate::domain::turn::Outcome;
use crate::ports::ChannelKey;
use crate::runtime::metric;

/// The result of an attempt that the provider took.
const SENT: &str = "sent";

/// Sends, deliveries and turns of a channel on this node.
pub(crate) struct ChannelCounters {
    sends: Vec<(&'static str, Counter)>,
    delivered: Counter,
    turns: Vec<(Outcome, Counter)>,
}

impl ChannelCounters {
    pub(super) fn new(channel_key: &ChannelKey) -> Self {
        let (tenant, channel) = (channel_key.tenant.as_str(), channel_key.channel.as_str());
        let names = || [("tenant", tenant.to_owned()), ("channel", channel.to_owned())];
        let labels = |label: &'static str, word: &'static str| {
            let [tenant, channel] = names();
            [tenant, channel, (label, word.to_owned())]
        };
        let delivered = known(metrics::counter!(metric::DELIVERED, &names()));
        let results = SendErrorClass::WORDS.iter().copied().chain([SENT]);
        let sends = results.map(|result| (result, known(metrics::counter!(metric::SENDS, &labels("result", result)))));
        let turns = Outcome::ALL.iter().map(|outcome| {
            let labels = labels("outcome", outcome.as_str());
            (*outcome, known(metrics::counter!(metric::TURNS, &labels)))
        });
        Self { sends: sends.collect(), delivered, turns: turns.collect() }
    }

    /// Counts an attempt; `None`: the provider took it.
    pub(crate) fn count_send(&self, failed: Option<SendErrorClass>) {
        let result = failed.map_or(SENT, SendErrorClass::as_str);
        if let Some((_, counter)) = self.sends.iter().find(|(known, _)| *known == result) {
            counter.increment(1);
        }
    }

    /// Counts a message that the contact has.
    pub(crate) fn count_delivered(&self) {
        self.delivered.increment(1);
    }

    /// Counts a message that had its turn.
    pub(crate) fn count_turn(&self, outcome: Outcome) {
        if let Some((_, counter)) = self.turns.iter().find(|(known, _)| *known == outcome) {
            counter.increment(1);
        }
    }
}

/// The counter, which exists from now on.
fn known(counter: Counter) -> Counter {
    counter.increment(0);
    counter
}
