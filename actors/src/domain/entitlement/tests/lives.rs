//! Ten thousand random lives of members, against a model that knows nothing of ledgers: what they paid and did decides who may be
//! in (I13), whatever of it is told twice, late, in another order or never; and what they are told is true, and told once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::super::*;
use super::{TERMS, day};

const LIVES: u64 = 10_000;
const HOURS: i64 = 24;
const PERIOD: i64 = 30 * HOURS;
const GRACE: i64 = 5 * HOURS;
/// How long the provider tries to collect what was not paid.
const TRIES_FOR: i64 = 10 * HOURS;
const LASTS: i64 = 125 * HOURS;

/// Numbers that depend on the seed alone (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, many: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % many
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

fn hour(at: i64) -> Timestamp {
    day(0) + TimeDelta::hours(at)
}

/// A payment, as the payer knows it.
struct Bought {
    id: String,
    at: i64,
    until: i64,
    is_refunded: bool,
    dispute: Option<Dispute>,
}

impl Bought {
    fn counts(&self, dispute: DisputePolicy) -> bool {
        let is_lost = match self.dispute {
            Some(Dispute::Open) => dispute == DisputePolicy::Suspend,
            Some(Dispute::Lost) => true,
            Some(Dispute::Won) | None => false,
        };
        !self.is_refunded && !is_lost
    }
}

/// A subscription at the provider.
struct Provider {
    payments: Vec<Bought>,
    period: (i64, i64),
    /// Since when a renewal is open.
    unpaid_since: Option<i64>,
    is_cancelled: bool,
    ended_at: Option<i64>,
    gave_up: bool,
}

impl Provider {
    fn begin(id: &str, at: i64) -> Self {
        let period = (at, at + PERIOD);
        let mut own = Self {
            payments: Vec::new(),
            period,
            unpaid_since: None,
            is_cancelled: false,
            ended_at: None,
            gave_up: false,
        };
        own.is_paid(id, at);
        own
    }

    fn is_paid(&mut self, id: &str, at: i64) {
        let (id, until) = (format!("{id}{}", self.payments.len()), self.period.1);
        self.payments.push(Bought { id, at, until, is_refunded: false, dispute: None });
        self.unpaid_since = None;
    }

    /// An hour passes. Returns whether anything happened.
    fn passes(&mut self, at: i64, id: &str, card_pays: bool) -> bool {
        if self.ended_at.is_some() {
            return false;
        }
        match self.unpaid_since {
            Some(since) if at - since >= TRIES_FOR => {
                self.ended_at = Some(at);
                self.gave_up = true;
                true
            }
            Some(since) => {
                let tries_now = (at - since) % HOURS == 0 && card_pays;
                if tries_now {
                    self.is_paid(id, at);
                }
                tries_now
            }
            None if at >= self.period.1 && self.is_cancelled => {
                self.ended_at = Some(self.period.1);
                true
            }
            None if at >= self.period.1 => {
                self.period = (self.period.1, self.period.1 + PERIOD);
                if card_pays {
                    self.is_paid(id, at)
                } else {
                    self.unpaid_since = Some(at)
                }
                true
            }
            None => false,
        }
    }

    /// Everything that the provider would answer now.
    fn answer(&self, at: i64) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        for one in &self.payments {
            let (payment, covers) = (one.id.clone(), Until::At(hour(one.until)));
            entries.push(LedgerEntry::Paid { payment: payment.clone(), paid_at: hour(one.at), covers, money: None });
            if one.is_refunded {
                entries.push(LedgerEntry::Refunded { payment: payment.clone() });
            }
            entries.extend(one.dispute.map(|stage| LedgerEntry::Disputed { payment, stage }));
        }
        let status = match (self.ended_at, self.unpaid_since) {
            (Some(_), _) => ProviderStatus::Ended,
            (None, Some(_)) => ProviderStatus::PastDue,
            (None, None) => ProviderStatus::Active,
        };
        entries.push(LedgerEntry::Asked(ProviderState {
            asked_at: hour(at),
            status,
            period_start: hour(self.period.0),
            period_end: hour(self.period.1),
            cancels_at: (self.is_cancelled && self.ended_at.is_none()).then(|| hour(self.period.1)),
            ended_at: self.ended_at.map(hour),
            is_unpaid: self.gave_up,
            card_ends_at: None,
        }));
        entries
    }

    /// Whether who pays may be in, by what the plan promises.
    fn opens(&self, at: i64, dispute: DisputePolicy) -> bool {
        let until = self.payments.iter().filter(|one| one.counts(dispute)).map(|one| one.until).max();
        let by_will = self.is_cancelled || self.ended_at.is_some_and(|_| !self.gave_up);
        let until = match (until, self.ended_at.filter(|_| by_will)) {
            (Some(until), Some(ended)) => until.min(ended),
            (Some(until), None) => until,
            (None, _) => return false,
        };
        let is_cut = self.payments.iter().any(|one| !one.counts(dispute) && at < one.until);
        at < until || (at < until + GRACE && !by_will && !is_cut)
    }
}

/// What a member was told, by its kind.
type Told = BTreeSet<Notice>;

struct PlayedLife {
    random: Random,
    dispute: DisputePolicy,
    provider: Provider,
    ledger: Ledger,
    /// What is on its way, and when it comes.
    under_way: Vec<(i64, Vec<LedgerEntry>)>,
    is_calm: bool,
    away_until: i64,
    told: Told,
    /// Keys of messages that went out: one that is written twice under its key goes out once.
    sent: BTreeMap<Notice, u32>,
}

impl PlayedLife {
    fn terms(&self) -> Terms {
        Terms { dispute: self.dispute, ..TERMS }
    }

    /// Something happened: the provider tells of it, or does not.
    fn tells(&mut self, at: i64) {
        if self.is_calm {
            self.hears(&self.provider.answer(at));
            return;
        }
        if self.random.one_in(4) {
            return;
        }
        for _ in 0..1 + self.random.below(2) {
            let late = i64::try_from(self.random.below(4 * 24)).unwrap_or_default();
            // The hook says where to look: what is recorded is what the provider answers when it is asked. One that was asked
            // before and is recorded late is the worst that can happen.
            let answer = self.provider.answer(at);
            self.under_way.push(((at + late).max(self.away_until), answer));
        }
    }

    fn hears(&mut self, entries: &[LedgerEntry]) {
        for entry in entries {
            self.ledger.record(entry.clone());
        }
    }

    /// Returns whether anything came.
    fn arrives(&mut self, at: i64) -> bool {
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.under_way).into_iter().partition(|one| one.0 <= at);
        self.under_way = rest;
        let comes = !due.is_empty();
        for (_, mut entries) in due {
            if self.random.one_in(2) {
                entries.reverse();
            }
            self.hears(&entries);
        }
        comes
    }

    /// A look at the subscription. Killed between the message and the note of it, it is written again, under the same key.
    fn looks(&mut self, at: i64) {
        for notice in notices_due(&self.ledger, self.terms(), &self.told, hour(at)) {
            let is_new = !self.sent.contains_key(&notice);
            *self.sent.entry(notice.clone()).or_default() += u32::from(is_new);
            if !self.random.one_in(6) {
                self.told.insert(notice);
            }
        }
    }

    fn acts(&mut self, at: i64) {
        let provider = &mut self.provider;
        match self.random.below(8) {
            0 => provider.is_cancelled = provider.ended_at.is_none(),
            1 if provider.ended_at.is_none() => provider.is_cancelled = false,
            2 => {
                if let Some(last) = provider.payments.last_mut() {
                    last.is_refunded = true;
                }
            }
            3 => {
                let stage =
                    [Dispute::Open, Dispute::Won, Dispute::Lost][usize::try_from(self.random.below(3)).unwrap_or(0)];
                if let Some(last) = provider.payments.last_mut() {
                    last.dispute = last.dispute.filter(|known| *known > Dispute::Open).or(Some(stage));
                }
            }
            4 if provider.ended_at.is_none() && self.random.one_in(2) => {
                provider.ended_at = Some(at);
                provider.gave_up = false;
                provider.is_cancelled = true;
            }
            5 => self.away_until = at + i64::try_from(self.random.below(72)).unwrap_or_default(),
            _ => return,
        }
        self.tells(at);
    }

    /// What may be told of it, and of nothing else.
    fn is_true(&self, notice: &Notice) -> bool {
        let date = |at: i64| hour(at).format("%Y-%m-%d").to_string();
        let provider = &self.provider;
        let mut payments = provider.payments.iter();
        let of_a_period = |ahead: i64| payments.clone().any(|one| date(one.until + ahead) == notice.key);
        match notice.kind {
            NoticeKind::PaymentReceived => payments.any(|one| one.id == notice.key),
            NoticeKind::Refunded => payments.any(|one| one.id == notice.key && one.is_refunded),
            // A renewal fails when the period before it ends.
            NoticeKind::PaymentFailed => of_a_period(0),
            NoticeKind::GraceEndsInThreeDays | NoticeKind::GraceEndsTomorrow => of_a_period(GRACE),
            NoticeKind::AccessEnded => {
                let is_lost = payments.clone().any(|one| one.id == notice.key && !one.counts(DisputePolicy::Suspend));
                // A dispute that was won since was lost from sight for a while.
                let was_disputed = payments.clone().any(|one| one.id == notice.key && one.dispute.is_some());
                let ended = provider.ended_at.is_some_and(|at| date(at) == notice.key);
                is_lost || was_disputed || of_a_period(0) || ended
            }
            _ => false,
        }
    }
}

/// Plays a life. Returns how many notices it had.
fn plays(seed: u64) -> usize {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1));
    let dispute = if random.one_in(3) { DisputePolicy::Keep } else { DisputePolicy::Suspend };
    let is_calm = random.one_in(3);
    let mut card_pays = true;
    let mut life = PlayedLife {
        random,
        dispute,
        provider: Provider::begin("p", 0),
        ledger: Ledger::default(),
        under_way: Vec::new(),
        is_calm,
        away_until: 0,
        told: Told::new(),
        sent: BTreeMap::new(),
    };
    life.tells(0);
    for at in 0..LASTS {
        if life.provider.passes(at, "p", card_pays) {
            life.tells(at);
        }
        if at % 6 != 0 {
            continue;
        }
        let acts = life.random.one_in(60);
        if acts {
            life.acts(at);
        }
        if life.random.one_in(120) {
            card_pays = life.random.one_in(2);
        }
        // Time alone changes something in the week after a period.
        let may_change = at % HOURS == 0 && at % PERIOD < 7 * HOURS;
        if !life.arrives(at) && !acts && !may_change {
            continue;
        }
        life.looks(at);
        if is_calm {
            let entitlement = life.ledger.entitlement(life.terms(), hour(at));
            assert_eq!(
                entitlement.has_access(),
                life.provider.opens(at, dispute),
                "life {seed}, hour {at}: {entitlement:?} {:?}",
                life.ledger
            );
        }
    }
    // One reconciliation makes up for everything.
    life.hears(&life.provider.answer(LASTS));
    life.looks(LASTS);
    let entitlement = life.ledger.entitlement(life.terms(), hour(LASTS));
    let expected = life.provider.opens(LASTS, dispute);
    assert_eq!(entitlement.has_access(), expected, "life {seed}: {entitlement:?} {:?}", life.ledger);
    // What comes late after it changes nothing any more.
    life.arrives(i64::MAX);
    assert_eq!(life.ledger.entitlement(life.terms(), hour(LASTS)), entitlement, "life {seed}");
    for (notice, times) in &life.sent {
        assert_eq!(*times, 1, "life {seed}: {notice:?}");
        assert!(life.is_true(notice), "life {seed}: {notice:?} is not so");
    }
    for one in life.provider.payments.iter().filter(|one| LASTS - one.at < 7 * HOURS && !one.is_refunded) {
        let received = Notice { kind: NoticeKind::PaymentReceived, key: one.id.clone() };
        assert!(life.sent.contains_key(&received), "life {seed}: nobody was told of {}", one.id);
    }
    if is_calm && !expected && life.provider.payments.iter().all(|one| one.dispute.is_none()) {
        let has_ended = life.sent.keys().any(|notice| notice.kind == NoticeKind::AccessEnded);
        assert!(has_ended, "life {seed}: it ended, and nobody was told: {:?} {:?}", life.sent, life.ledger);
    }
    life.sent.len()
}

#[test]
fn i13_ten_thousand_lives_end_as_the_model_says() {
    let told: usize = (0..LIVES).map(plays).sum();
    assert!(told > usize::try_from(LIVES).unwrap_or_default(), "{told} notices");
}

#[test]
fn who_pays_twice_for_one_time_is_told_once_and_of_the_later_payment() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let (first, apart) = (Provider::begin("a", 0), i64::try_from(random.below(40)).unwrap_or_default() * HOURS);
        let second = Provider::begin("b", apart);
        let ledger = |provider: &Provider| {
            let mut ledger = Ledger::default();
            provider.answer(0).into_iter().for_each(|entry| ledger.record(entry));
            ledger
        };
        let (one, other, now) = (ledger(&first), ledger(&second), hour(apart + 1));
        let of_second = paid_twice(&other, &[&one], TERMS, now);
        let overlaps = apart + 2 * HOURS < PERIOD;
        assert_eq!(of_second.is_some(), overlaps, "{apart}");
        assert_eq!(of_second.map(|notice| notice.key), overlaps.then(|| "b0".to_owned()));
        let is_later = apart == 0 || paid_twice(&one, &[&other], TERMS, now).is_none();
        assert!(is_later, "of the earlier one nothing is told");
    }
    // A renewal is no second payment, and one that was given back counts for nothing.
    let mut member = ledger_of([("a", 0, 30), ("b", 30, 60)]);
    assert_eq!(paid_twice(&member, &[], TERMS, day(31)), None);
    member.record(LedgerEntry::Paid {
        payment: "c".to_owned(),
        paid_at: day(32),
        covers: Until::At(day(62)),
        money: None,
    });
    assert_eq!(paid_twice(&member, &[], TERMS, day(32)).map(|notice| notice.key).as_deref(), Some("c"));
    member.record(LedgerEntry::Refunded { payment: "b".to_owned() });
    assert_eq!(paid_twice(&member, &[], TERMS, day(32)), None);
}

fn ledger_of<const N: usize>(paid: [(&str, i64, i64); N]) -> Ledger {
    let mut ledger = Ledger::default();
    for (payment, from, until) in paid {
        let (payment, covers) = (payment.to_owned(), Until::At(day(until)));
        ledger.record(LedgerEntry::Paid { payment, paid_at: day(from), covers, money: None });
    }
    ledger
}
