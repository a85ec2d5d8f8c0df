//! Model of several nodes on one store.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::*;
use super::{PARIS, at, limits, usage};

/// How long a node counts itself as alive, how long a row is leased, and when a lost node's quota lease is void.
pub(super) const EPOCH: TimeDelta = TimeDelta::seconds(9);
const LEASE: TimeDelta = TimeDelta::seconds(60);
const RECLAIM: TimeDelta = TimeDelta::seconds(75);

/// Nodes on one store, as far as this is concerned.
pub(super) struct World {
    pub(super) limits: QuotaLimits,
    pub(super) now: Timestamp,
    pub(super) nodes: Vec<Node>,
    /// What each holds, and when it was seen last.
    holds: BTreeMap<usize, Usage>,
    seen: BTreeMap<usize, Timestamp>,
    pub(super) rows: Vec<Row>,
    /// When, and what.
    pub(super) sent: Vec<(Timestamp, ChargeRequest)>,
    /// When the provider got it.
    arrived: Vec<(Timestamp, ChargeRequest)>,
    next_id: usize,
}

pub(super) struct Node {
    id: usize,
    pub(super) lease: QuotaLease,
    pub(super) epoch: Epoch,
    frozen: bool,
}

pub(super) struct Row {
    node: usize,
    request: ChargeRequest,
    taken: Option<Charge>,
    lease_until: Timestamp,
    unknown: bool,
    reached_provider: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Take {
        node: usize,
        request: ChargeRequest,
        at_once: bool,
        lose_answer: bool,
    },
    Sent(usize),
    NotOut(usize),
    Unknown(usize),
    /// The outcome could not be written down.
    Unwritten(usize),
    Reconcile(usize),
    Kill(usize),
    Freeze(usize),
    Thaw(usize),
    Release(usize),
    Wait(i64),
}

impl World {
    pub(super) fn new(limits: QuotaLimits, nodes: usize, now: Timestamp) -> Self {
        let mut world = Self {
            limits,
            now,
            nodes: Vec::new(),
            holds: BTreeMap::new(),
            seen: BTreeMap::new(),
            rows: Vec::new(),
            sent: Vec::new(),
            arrived: Vec::new(),
            next_id: 0,
        };
        for _ in 0..nodes {
            let node = world.node();
            world.nodes.push(node);
        }
        world
    }

    fn node(&mut self) -> Node {
        self.next_id += 1;
        self.seen.insert(self.next_id, self.now);
        let epoch = Epoch { number: 0, until: self.now + EPOCH };
        Node { id: self.next_id, lease: QuotaLease::new(self.limits.clone(), self.now), epoch, frozen: false }
    }

    fn count(&self, node: usize) -> QuotaUsage {
        let since = |period: BudgetPeriod| {
            let start = period.start(self.now, PARIS);
            let sent = self.sent.iter().filter(|(at, _)| *at >= start);
            sent.fold(Usage::default(), |sum, (_, request)| sum.and(usage(1, request.cost_micros)))
        };
        let unsure = self.rows.iter().filter(|row| row.unknown || row.lease_until <= self.now).count() as u64;
        let others = self.holds.iter().filter(|(id, _)| **id != node);
        QuotaUsage {
            day: since(BudgetPeriod::Day),
            month: since(BudgetPeriod::Month),
            unsure,
            others: others.clone().fold(Usage::default(), |sum, (_, held)| sum.and(*held)),
            holders: others.count() as u64 + 1,
        }
    }

    /// Grants as a store does.
    fn grant(&mut self, n: usize, demand: &QuotaDemand) -> (QuotaUsage, Usage) {
        let id = self.nodes[n].id;
        let (now, seen) = (self.now, &self.seen);
        self.holds.retain(|other, _| *other == id || seen[other] > now - RECLAIM);
        let counted = self.count(id);
        let given = self.limits.grant(&counted, demand);
        self.holds.insert(id, demand.held.and(given));
        (counted, given)
    }

    pub(super) fn take(&mut self, n: usize, request: ChargeRequest, at_once: bool, lose_answer: bool) {
        let (now, epoch) = (self.now, self.nodes[n].epoch);
        let mut taken = self.nodes[n].lease.take(request, epoch, now);
        if matches!(taken, Err(ChargeRefusal::LeaseMore)) {
            let demand = self.nodes[n].lease.demand(Some(request), now);
            let (counted, given) = self.grant(n, &demand);
            if !lose_answer {
                self.nodes[n].lease.granted(&demand, &counted, given, epoch, now);
                taken = self.nodes[n].lease.take(request, epoch, now);
            }
        }
        if let Ok(taken) = taken {
            let row = Row {
                node: self.nodes[n].id,
                request,
                taken: Some(taken),
                lease_until: now + LEASE,
                unknown: false,
                reached_provider: at_once,
            };
            if at_once {
                self.arrived.push((now, request));
            }
            self.rows.push(row);
        }
    }

    /// The node of a row that it has in hand.
    fn holder(&self, row: usize) -> Option<usize> {
        let row = self.rows.get(row)?;
        row.taken.as_ref()?;
        self.nodes.iter().position(|node| node.id == row.node && !node.frozen)
    }

    fn settle(&mut self, number: usize, step: &Step) {
        let Some(n) = self.holder(number) else { return };
        let now = self.now;
        let Some(taken) = self.rows[number].taken.take() else { return };
        let (lease_until, request) = (self.rows[number].lease_until, self.rows[number].request);
        let reached_provider = self.rows[number].reached_provider;
        let lease = &mut self.nodes[n].lease;
        match step {
            Step::NotOut(_) if !reached_provider => {
                lease.give_back(taken);
                self.rows.swap_remove(number);
            }
            Step::Unknown(_) => {
                lease.settled(taken);
                self.rows[number].unknown = true;
            }
            Step::Unwritten(_) => lease.lose(taken, lease_until),
            _ => {
                lease.settled(taken);
                if !reached_provider {
                    self.arrived.push((now, request));
                }
                self.sent.push((now, request));
                self.rows.swap_remove(number);
            }
        }
    }

    pub(super) fn go_on(&mut self, seconds: i64) {
        for _ in 0..seconds.div_euclid(3).max(1) {
            self.now += TimeDelta::seconds(3.min(seconds));
            for node in self.nodes.iter_mut().filter(|node| !node.frozen) {
                self.seen.insert(node.id, self.now);
                let number = node.epoch.number + u64::from(self.now > node.epoch.until);
                node.epoch = Epoch { number, until: self.now + EPOCH };
            }
        }
        // Rows that no sender has in hand any more.
        let living: Vec<_> = self.nodes.iter().filter(|node| !node.frozen).map(|node| node.id).collect();
        for row in &mut self.rows {
            let in_hand = row.taken.is_some() && living.contains(&row.node);
            row.unknown |= row.lease_until <= self.now && !in_hand;
        }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match *step {
            Step::Take { node, request, at_once, lose_answer } => {
                let n = node % self.nodes.len();
                if !self.nodes[n].frozen {
                    self.take(n, request, at_once, lose_answer);
                }
            }
            Step::Sent(row) | Step::NotOut(row) | Step::Unknown(row) | Step::Unwritten(row) => {
                if !self.rows.is_empty() {
                    self.settle(row % self.rows.len(), step);
                }
            }
            Step::Reconcile(row) => {
                let unknown: Vec<_> = (0..self.rows.len()).filter(|n| self.rows[*n].unknown).collect();
                if let Some(row) = unknown.get(row % unknown.len().max(1)) {
                    let row = self.rows.swap_remove(*row);
                    if row.reached_provider {
                        self.sent.push((self.now, row.request));
                    }
                    let owner = self.nodes.iter_mut().find(|node| node.id == row.node);
                    if let Some((taken, owner)) = row.taken.zip(owner) {
                        owner.lease.settled(taken);
                    }
                }
            }
            Step::Kill(n) => {
                let n = n % self.nodes.len();
                self.nodes[n] = self.node();
            }
            Step::Freeze(n) => {
                let n = n % self.nodes.len();
                self.nodes[n].frozen = true;
            }
            Step::Thaw(n) => {
                let n = n % self.nodes.len();
                self.nodes[n].frozen = false;
            }
            Step::Release(n) => {
                let n = n % self.nodes.len();
                if !self.nodes[n].frozen {
                    let demand = self.nodes[n].lease.release(self.now);
                    let (counted, given) = self.grant(n, &demand);
                    assert_eq!(given, Usage::default());
                    self.nodes[n].lease.counted(&counted, self.now);
                }
            }
            Step::Wait(seconds) => self.go_on(seconds),
        }
    }

    /// In the day and the month that are now.
    fn arrived(&self, period: BudgetPeriod, counts: impl Fn(&ChargeRequest) -> bool) -> Usage {
        let (from, to) = (period.start(self.now, PARIS), period.end(self.now, PARIS));
        let arrived = self.arrived.iter().filter(|(at, request)| *at >= from && *at < to && counts(request));
        arrived.fold(Usage::default(), |sum, (_, request)| sum.and(usage(1, request.cost_micros)))
    }
}

fn request(exempt: bool) -> impl Strategy<Value = ChargeRequest> {
    let cost = prop_oneof![Just(0_i64), 1_i64..60];
    let rarely = if exempt { 0.2 } else { 0.0 };
    let flags = (proptest::bool::weighted(rarely), proptest::bool::weighted(rarely));
    (cost, flags).prop_map(|(cost_micros, (quota_exempt, urgent))| ChargeRequest {
        quota_exempt,
        urgent: urgent || quota_exempt,
        cost_micros,
    })
}

fn steps(exempt: bool) -> impl Strategy<Value = Vec<Step>> {
    let take = (0_usize..3, request(exempt), any::<bool>(), proptest::bool::weighted(0.05))
        .prop_map(|(node, request, at_once, lose_answer)| Step::Take { node, request, at_once, lose_answer });
    let row = || 0_usize..64;
    let node = || 0_usize..3;
    let step = prop_oneof![
        12 => take,
        6 => row().prop_map(Step::Sent),
        2 => row().prop_map(Step::NotOut),
        1 => row().prop_map(Step::Unknown),
        1 => row().prop_map(Step::Unwritten),
        2 => row().prop_map(Step::Reconcile),
        1 => node().prop_map(Step::Kill),
        1 => node().prop_map(Step::Freeze),
        2 => node().prop_map(Step::Thaw),
        1 => node().prop_map(Step::Release),
        3 => prop_oneof![0_i64..5, 5_i64..30, 30_i64..200, 1_000_i64..9_000].prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn i7_no_day_and_no_month_gets_more_than_its_limit_whatever_nodes_do(
        per_day in 1_u64..40,
        day in proptest::option::of(0_i64..900),
        month in proptest::option::of(0_i64..1_500),
        steps in steps(false),
    ) {
        let mut world = World::new(limits(per_day, day, month, 60), 3, at("2026-01-31T21:00:00Z"));
        for step in &steps {
            world.step(step);
            let today = world.arrived(BudgetPeriod::Day, |_| true);
            prop_assert!(today.messages <= per_day, "{today:?}");
            prop_assert!(day.is_none_or(|limit| today.cost_micros <= limit), "{today:?}");
            let this_month = world.arrived(BudgetPeriod::Month, |_| true);
            prop_assert!(month.is_none_or(|limit| this_month.cost_micros <= limit), "{this_month:?}");
        }
    }

    #[test]
    fn i7_exempt_and_urgent_messages_leave_no_room_for_more_of_the_rest(
        per_day in 1_u64..40,
        day in 0_i64..900,
        steps in steps(true),
    ) {
        let mut world = World::new(limits(per_day, Some(day), None, 60), 3, at("2026-01-31T21:00:00Z"));
        for step in &steps {
            world.step(step);
            prop_assert!(world.arrived(BudgetPeriod::Day, |request| !request.quota_exempt).messages <= per_day);
            prop_assert!(world.arrived(BudgetPeriod::Day, |request| !request.urgent).cost_micros <= day);
        }
    }
}
