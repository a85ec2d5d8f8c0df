//! Webhooks as Twilio posts them, written fast: each sender's request is laid out once, with gaps for what differs from
//! message to message. All gaps have a fixed width, so that the lengths, and what is signed, are laid out with it.

use crate::gateway::twilio::form::{Form, NotAForm};
use crate::gateway::twilio::signature::{SIGNATURE_HEADER, Signer};
use crate::gateway::twilio::simulator::InboundMessage;

use super::ledger::Sequence;
use super::target::{Sender, Target};

/// What customers write; a token follows. The second one asks what a FAQ of `palabre simulate setup` answers.
const TEXTS: [&str; 2] = ["Bonjour, pouvez-vous me rappeler demain ? ", "Bonjour, quels sont vos horaires ? "];

/// The range `+33 700` belongs to machines, not to people. Load never leaves this machine anyway.
const NUMBER_PREFIX: &str = "+33700";

/// Contacts that a sender can have: the digits behind the prefix.
pub(super) const MOST_CONTACTS: u32 = 1_000_000;

/// What no other part of a request looks like, with the width of what will stand there.
const SID_GAP: &str = "SMxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const CONTACT_GAP: &str = "zzzzzz";
const TOKEN_GAP: &str = "yyyyyyyyyyyyyyyy";
const SIGNATURE_GAP: &str = "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww";

/// Bytes of a base64 HMAC-SHA1.
const SIGNATURE_BYTES: usize = 28;

/// Tells this run's messages from those of any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run(u64);

impl Run {
    /// A new one.
    pub(super) fn fresh(random: &mut fastrand::Rng) -> Self {
        Self(random.u64(..))
    }

    /// Of two messages that follow on each other the ids are nothing alike, as with a provider's: whoever keeps them in order
    /// writes each somewhere else.
    fn sid(self, sequence: Sequence) -> String {
        format!("SM{:016x}{:016x}", scattered(self.0 ^ u64::from(sequence.0)), self.0)
    }

    /// Stands in a message's text behind a `#`, and in its reply when that repeats the text.
    fn token(self, sequence: Sequence) -> String {
        format!("{:08x}{:08x}", self.0 & 0xFFFF_FFFF, sequence.0)
    }

    /// Finds a token of any run in a text. `Err` is another run's.
    pub(super) fn find_in(self, text: &str) -> Option<Result<Sequence, OtherRun>> {
        let token = text.split('#').skip(1).find_map(|rest| {
            let digits = rest.get(..TOKEN_GAP.len())?;
            let is_token = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u64::from_str_radix(digits, 16).ok().filter(|_| is_token)
        })?;
        let sequence = Sequence((token & 0xFFFF_FFFF) as u32);
        Some(if token >> 32 == self.0 & 0xFFFF_FFFF { Ok(sequence) } else { Err(OtherRun) })
    }
}

/// Another number for each: the last steps of SplitMix64, which can be taken back.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A token that another run made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherRun;

/// The requests of a run.
#[derive(Debug)]
pub(super) struct Webhooks {
    run: Run,
    /// By sender.
    layouts: Vec<[Layout; TEXTS.len()]>,
}

/// One sender's request for one text.
#[derive(Debug)]
struct Layout {
    signer: Signer,
    request: Gapped,
    /// The URL with the sorted parameters behind it.
    signed: Gapped,
    signature_at: usize,
}

/// Where a request is written; use the same again.
#[derive(Debug, Default)]
pub(super) struct Draft {
    request: Vec<u8>,
    signed: Vec<u8>,
}

impl Webhooks {
    /// Lays out every sender's requests.
    ///
    /// # Errors
    /// Never, unless the gateway's simulator stops writing forms.
    pub(super) fn new(target: &Target, run: Run) -> Result<Self, NotAForm> {
        let layouts = target.senders.iter().map(|sender| {
            let [first, second] = TEXTS.map(|text| Layout::new(target, sender, text));
            Ok([first?, second?])
        });
        Ok(Self { run, layouts: layouts.collect::<Result<_, NotAForm>>()? })
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
            let layout = &layouts[sequence.0 as usize % TEXTS.len()];
            let filling = Filling {
                sid: self.run.sid(sequence),
                contact: format!("{contact:06}"),
                token: self.run.token(sequence),
            };
            layout.write(&filling, draft);
        }
        &draft.request
    }
}

impl Layout {
    fn new(target: &Target, sender: &Sender, text: &str) -> Result<Self, NotAForm> {
        let from = match sender.wire.split_once(':') {
            Some((scheme, _)) => format!("{scheme}:{NUMBER_PREFIX}{CONTACT_GAP}"),
            None => format!("{NUMBER_PREFIX}{CONTACT_GAP}"),
        };
        let text = format!("{text}#{TOKEN_GAP}");
        let (channel, account) = (&sender.channel_id, &sender.account_sid);
        let mut message = InboundMessage::text(sender.kind, channel, account, &from, &sender.wire, &text);
        SID_GAP.clone_into(&mut message.sid);
        let (path, body) = (&message.path, message.form());
        let mut signed = format!("{}{path}", target.base_url);
        for (key, value) in Form::parse(body.as_bytes())?.pairs() {
            signed.push_str(key);
            signed.push_str(value);
        }
        let host = target.base_url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nI-Twilio-Idempotency-Token: {SID_GAP}\r\n\
             {SIGNATURE_HEADER}: {}\r\nContent-Length: {}\r\n\r\n",
            &SIGNATURE_GAP[..SIGNATURE_BYTES],
            body.len()
        );
        let signature_at = head.find(&SIGNATURE_GAP[..SIGNATURE_BYTES]).unwrap_or_default();
        let signer = Signer::new(&sender.auth_token);
        Ok(Self { signer, request: Gapped::new(&format!("{head}{body}")), signed: Gapped::new(&signed), signature_at })
    }

    fn write(&self, filling: &Filling, draft: &mut Draft) {
        self.request.fill(filling, &mut draft.request);
        self.signed.fill(filling, &mut draft.signed);
        // With no parameters apart, what is signed is this very text.
        let signature = std::str::from_utf8(&draft.signed).map(|text| self.signer.sign_url(text)).unwrap_or_default();
        put(&mut draft.request, self.signature_at, &signature);
    }
}

struct Filling {
    sid: String,
    contact: String,
    token: String,
}

#[derive(Clone, Copy, Debug)]
enum Gap {
    Sid,
    Contact,
    Token,
}

/// A text with gaps of fixed width.
#[derive(Debug)]
struct Gapped {
    text: String,
    gaps: Vec<(usize, Gap)>,
}

impl Gapped {
    fn new(text: &str) -> Self {
        let kinds = [(SID_GAP, Gap::Sid), (CONTACT_GAP, Gap::Contact), (TOKEN_GAP, Gap::Token)];
        let gaps = kinds.iter().flat_map(|(mark, gap)| text.match_indices(mark).map(|(at, _)| (at, *gap))).collect();
        Self { text: text.to_owned(), gaps }
    }

    fn fill(&self, filling: &Filling, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(self.text.as_bytes());
        for (at, gap) in &self.gaps {
            let value = match gap {
                Gap::Sid => &filling.sid,
                Gap::Contact => &filling.contact,
                Gap::Token => &filling.token,
            };
            put(into, *at, value);
        }
    }
}

fn put(into: &mut [u8], at: usize, value: &str) {
    if let Some(place) = into.get_mut(at..at + value.len()) {
        place.copy_from_slice(value.as_bytes());
    }
}

/// Which conversation a send belongs to, by who wrote to whom.
#[derive(Debug)]
pub(super) struct ConversationIndex {
    /// By the sender's address as Twilio writes it.
    senders: std::collections::HashMap<String, u32>,
}

impl ConversationIndex {
    pub(super) fn new(target: &Target) -> Self {
        let senders = target.senders.iter().zip(0..).map(|(sender, at)| (sender.wire.clone(), at));
        Self { senders: senders.collect() }
    }

    /// The conversation in which `from` (a sender of ours) writes to `to`.
    pub(super) fn conversation(&self, from: &str, to: &str) -> Option<u32> {
        let sender = *self.senders.get(from)?;
        let number = to.rsplit(':').next()?;
        let contact: u32 = number.strip_prefix(NUMBER_PREFIX)?.parse().ok()?;
        contact.checked_mul(u32::try_from(self.senders.len()).ok()?)?.checked_add(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::target;
    use super::*;

    const DAEMON: &str = "127.0.0.1:8080";

    fn webhooks(senders: usize) -> (Target, Webhooks) {
        let target = target(DAEMON.parse().unwrap(), Vec::new(), senders);
        let webhooks = Webhooks::new(&target, Run(0xDEAD_BEEF_0BAD_CAFE)).unwrap();
        (target, webhooks)
    }

    #[test]
    fn a_request_is_the_gateways_own_form_and_its_signature_holds() {
        let (target, webhooks) = webhooks(3);
        let mut draft = Draft::default();
        for (sequence, conversation) in [(0, 0), (1, 1), (2, 2_999_999), (u32::MAX, 7)] {
            let request = webhooks.write(Sequence(sequence), conversation, &mut draft);
            let request = std::str::from_utf8(request).unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let sender = &target.senders[conversation as usize % 3];
            let from = format!("whatsapp:+33700{:06}", conversation / 3);
            let text = format!("{}#0badcafe{sequence:08x}", TEXTS[sequence as usize % 2]);
            let mut message =
                InboundMessage::text(sender.kind, &sender.channel_id, &sender.account_sid, &from, &sender.wire, &text);
            message.sid = webhooks.run().sid(Sequence(sequence));
            assert!(message.sid.len() == 34 && message.sid.ends_with("deadbeef0badcafe"), "{}", message.sid);
            assert_eq!(body, message.form());
            assert_eq!(message.parameters().len(), 19);
            assert!(head.starts_with(&format!("POST {} HTTP/1.1\r\n", message.path)));
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
            let header = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_default().to_owned()
            };
            assert_eq!(header("Host"), DAEMON);
            assert_eq!(header("I-Twilio-Idempotency-Token"), message.sid);
            let form = Form::parse(body.as_bytes()).unwrap();
            let url = format!("{}{}", target.base_url, message.path);
            assert!(Signer::new(&sender.auth_token).verifies_form(&url, &form, &header(SIGNATURE_HEADER)));
        }
    }

    #[test]
    fn ids_that_follow_on_each_other_lie_far_apart() {
        let run = Run(0xDEAD_BEEF_0BAD_CAFE);
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|n| run.sid(Sequence(n))).collect();
        assert_eq!(ids.len(), 10_000);
        let beginnings: std::collections::BTreeSet<_> = ids.iter().map(|id| &id[2..4]).collect();
        assert_eq!(beginnings.len(), 256, "over all that there are");
    }

    #[test]
    fn a_repetition_is_the_same_to_the_byte() {
        let (_, webhooks) = webhooks(2);
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
        let (target, _) = webhooks(3);
        let index = ConversationIndex::new(&target);
        let from = &target.senders[1].wire;
        assert_eq!(index.conversation(from, "whatsapp:+33700000002"), Some(7));
        assert_eq!(index.conversation(from, "whatsapp:+33612345678"), None);
        assert_eq!(index.conversation("whatsapp:+10000000", "whatsapp:+33700000002"), None);
    }
}
