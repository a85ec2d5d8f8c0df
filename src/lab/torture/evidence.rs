//! Evidence for the checks: what clients posted, what the provider took, what the tables hold.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use palabre_actors::domain::ids::InboundId;
use serde::Serialize;

use super::fixtures::{Said, TortureSender};
use super::ledger::{PostRecords, Posted};
use super::stalls::Stall;
use crate::gateway::simulator::SentMessage;
use crate::store::Dump;
use crate::store::entity::{event_log, message_in, message_out};

#[derive(Clone, Default)]
pub(super) struct Evidence {
    /// What the customers did.
    pub(super) posts: PostRecords,
    /// What the provider took, in its order.
    pub(super) sends: Vec<SentMessage>,
    /// What the tables hold at the end.
    pub(super) dump: Dump,
    /// When the machine stood still.
    pub(super) stalls: Vec<Stall>,
    /// How many nodes took webhooks: with one, its spool keeps their order.
    pub(super) nodes: usize,
    /// When a node's clock was wrong: its times and ids stand among those of others.
    pub(super) skewed: Vec<Stretch>,
    /// Daemons that ended without being killed.
    pub(super) ended: Vec<String>,
}

/// A message with all that belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) posted: &'a Posted,
    pub(super) row: &'a message_in::Model,
    /// What the rules call for.
    pub(super) due: Due,
}

/// What the rules call for, after all that the contact said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// An answer that repeats the message.
    Reply,
    /// The one confirmation of a STOP.
    OptOutConfirmation,
    /// The confirmation of a START.
    OptInConfirmation,
    /// They said STOP before.
    Nothing,
}

impl Due {
    /// `messages_out.kind`
    pub(super) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Reply => Some("reply"),
            Self::OptOutConfirmation => Some("opt_out_confirmation"),
            Self::OptInConfirmation => Some("opt_in_confirmation"),
            Self::Nothing => None,
        }
    }

    /// `messages_in.reason`
    pub(super) fn outcome(self) -> &'static str {
        match self {
            Self::Reply => "answered_fallback",
            Self::OptOutConfirmation => "opted_out",
            Self::OptInConfirmation => "opted_in",
            Self::Nothing => "silent_opted_out",
        }
    }
}

/// The evidence, sorted for looking things up.
pub(super) struct Index<'a> {
    /// By conversation (channel and contact), in the order of acceptance.
    pub(super) conversations: BTreeMap<(&'a str, u32), Vec<Turn<'a>>>,
    /// Answers by the message that they answer.
    pub(super) answers: HashMap<&'a str, Vec<&'a message_out::Model>>,
    /// What the provider took, by our id.
    pub(super) sends: HashMap<&'a str, Vec<&'a SentMessage>>,
    /// Rows that were sent again although nobody could tell whether the provider had them (`on_unknown`).
    pub(super) blind: HashSet<&'a str>,
}

/// Sends of one network whose outcome was unknown for a while.
#[derive(Debug, Default, Serialize)]
pub(super) struct UnknownShare {
    /// Messages of the network.
    pub(super) messages: usize,
    /// Of them, those whose outcome was unknown at least once.
    pub(super) unknown: usize,
    /// Of them, those that were sent again because the provider cannot tell.
    pub(super) blind: usize,
}

/// What `on_unknown = "resend"` gives as its reason.
const UNCLEAR: &str = "unclear_at_provider";

impl Evidence {
    pub(super) fn index(&self) -> Index<'_> {
        let posted: HashMap<(&str, &str), &Posted> = self
            .posts
            .posted
            .iter()
            .map(|posted| ((posted.channel.as_str(), posted.provider_id.as_str()), posted))
            .collect();
        let mut rows: Vec<&message_in::Model> = self.dump.inbound.iter().collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let mut conversations: BTreeMap<(&str, u32), Vec<Turn<'_>>> = BTreeMap::new();
        for row in rows {
            let key = (row.channel_id.as_str(), row.provider_message_id.as_str());
            let Some(posted) = posted.get(&key).copied() else { continue };
            let turns = conversations.entry((row.channel_id.as_str(), posted.contact)).or_default();
            let silent = is_silent(turns);
            let due = match posted.said {
                Said::Start => Due::OptInConfirmation,
                Said::Text | Said::Stop if silent => Due::Nothing,
                Said::Text => Due::Reply,
                Said::Stop => Due::OptOutConfirmation,
            };
            turns.push(Turn { posted, row, due });
        }
        let mut answers: HashMap<&str, Vec<&message_out::Model>> = HashMap::new();
        for answer in &self.dump.outbound {
            answers.entry(answer.in_reply_to.as_deref().unwrap_or_default()).or_default().push(answer);
        }
        let mut sends: HashMap<&str, Vec<&SentMessage>> = HashMap::new();
        // Requests of some providers do not carry our id: what these took is known by channel, contact and text.
        let rows: HashMap<(&str, &str, &str), &str> = self
            .dump
            .outbound
            .iter()
            .map(|row| ((row.channel_id.as_str(), row.to.as_str(), row.body.as_str()), row.id.as_str()))
            .collect();
        for sent in &self.sends {
            let by_text = || {
                let channel = sent.channel.as_deref().unwrap_or_default();
                rows.get(&(channel, sent.to.as_str(), sent.text.as_str())).copied()
            };
            let id = sent.message_id.as_deref().or_else(by_text).unwrap_or_default();
            sends.entry(id).or_default().push(sent);
        }
        Index { conversations, answers, sends, blind: self.rows_with(|event| event.payload.contains(UNCLEAR)) }
    }

    /// Outbound rows that have such an event.
    fn rows_with(&self, is_one: impl Fn(&event_log::Model) -> bool) -> HashSet<&str> {
        let events = self.dump.events.iter().filter(|event| event.entity_type == "message_out" && is_one(event));
        events.filter_map(|event| event.entity_id.as_deref()).collect()
    }

    /// How much of each network's messages had an unknown outcome.
    pub(super) fn unknown_shares(&self, senders: &[TortureSender]) -> BTreeMap<&'static str, UnknownShare> {
        let unknown = self.rows_with(|event| event.event_type == "message_unknown");
        let blind = self.rows_with(|event| event.payload.contains(UNCLEAR));
        let mut shares: BTreeMap<&'static str, UnknownShare> = BTreeMap::new();
        for row in &self.dump.outbound {
            let Some(sender) = senders.iter().find(|sender| sender.channel() == row.channel_id) else { continue };
            let share = shares.entry(sender.network()).or_default();
            share.messages += 1;
            share.unknown += usize::from(unknown.contains(row.id.as_str()));
            share.blind += usize::from(blind.contains(row.id.as_str()));
        }
        shares
    }
}

/// From when, until when.
pub(super) type Stretch = (DateTime<Utc>, DateTime<Utc>);

impl Evidence {
    pub(super) fn was_skewed(&self, posted: &Posted) -> bool {
        self.skewed.iter().any(|stretch| posted.is_within(*stretch))
    }

    /// Whether a message waited on the disk of one of several nodes, whose order between them is nobody's: its row's id was made
    /// when it left the disk, and its webhook had got its 2xx before. (Without a spool the row comes first.)
    pub(super) fn was_spooled_beside_others(&self, turn: &Turn<'_>) -> bool {
        let made = turn.row.id.parse().ok().and_then(|id: InboundId| id.made_at_ms());
        self.nodes > 1 && turn.posted.acknowledged.zip(made).is_some_and(|(told, made)| told.timestamp_millis() < made)
    }
}

impl Posted {
    fn is_within(&self, (from, until): Stretch) -> bool {
        self.begun < until && self.acknowledged.is_none_or(|ended| ended > from)
    }
}

/// Whether the last change of consent was a STOP.
fn is_silent(turns: &[Turn<'_>]) -> bool {
    let last = turns.iter().rev().map(|turn| turn.due);
    let mut changes = last.filter(|due| matches!(due, Due::OptOutConfirmation | Due::OptInConfirmation));
    changes.next() == Some(Due::OptOutConfirmation)
}

impl Index<'_> {
    pub(super) fn answers(&self, row: &message_in::Model) -> &[&message_out::Model] {
        self.answers.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Answers to what was posted while a node's clock was wrong.
    pub(super) fn skewed(&self, evidence: &Evidence) -> impl Iterator<Item = &str> {
        let turns = self.conversations.values().flatten();
        let skewed = turns.filter(move |turn| evidence.was_skewed(turn.posted));
        skewed.flat_map(move |turn| self.answers(turn.row)).map(|answer| answer.id.as_str())
    }

    /// What the provider took of an answer.
    pub(super) fn sends(&self, answer: &message_out::Model) -> &[&SentMessage] {
        self.sends.get(answer.id.as_str()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A moment as the tables write it.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}
