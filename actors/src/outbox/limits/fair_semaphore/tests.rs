//! Tests of the fair semaphore.

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn channel_key(tenant: &str, channel: &str) -> ChannelKey {
    ChannelKey { tenant: TenantId::new(tenant), channel: ChannelId::new(channel) }
}

fn open(total: usize, tenants: &[(&str, u32, &[&str])]) -> Arc<FairSemaphore> {
    let share = |weight, channels: &[&str]| Share {
        weight,
        rate_limited_max: usize::MAX,
        channels: channels.iter().map(|channel| (ChannelId::new(channel), usize::MAX)).collect(),
    };
    let shares = tenants.iter().map(|(id, weight, channels)| (TenantId::new(id), share(*weight, channels)));
    FairSemaphore::new(total, &shares.collect())
}

fn all(semaphore: &Arc<FairSemaphore>, channel_key: &ChannelKey) -> Vec<SemaphorePermit> {
    std::iter::from_fn(|| semaphore.take(channel_key)).collect()
}

/// The waits that got their permit, in the order in which they began.
fn granted<'a>(
    waits: &mut Vec<(&'a str, impl Future<Output = Option<SemaphorePermit>> + Unpin)>,
) -> Vec<(&'a str, SemaphorePermit)> {
    let mut got = Vec::new();
    let mut n = 0;
    while n < waits.len() {
        match (&mut waits[n].1).now_or_never() {
            Some(permit) => got.push((waits.remove(n).0, permit.expect("the tenant is known"))),
            None => n += 1,
        }
    }
    got
}

#[test]
fn waiters_that_left_are_passed_over_however_many_they_are() {
    let semaphore = open(1, &[("a", 1, &["a"])]);
    let held = semaphore.take(&channel_key("a", "a")).expect("it is free");
    for _ in 0..100_000 {
        assert!(semaphore.wait(&channel_key("a", "a")).now_or_never().is_none());
    }
    let before = semaphore.granted(&channel_key("a", "a"));
    drop(held);
    assert_eq!((semaphore.taken(), semaphore.granted(&channel_key("a", "a"))), (0, before));
    assert!(semaphore.wait(&channel_key("a", "a")).now_or_never().flatten().is_some(), "nothing waits before it");
}

#[test]
fn i9_however_much_one_tenant_has_to_send_some_permits_stay_free() {
    let semaphore = open(16, &[("a", 1, &["a"]), ("b", 1, &["b"]), ("c", 1, &["c"])]);
    let a = all(&semaphore, &channel_key("a", "a"));
    let b = all(&semaphore, &channel_key("b", "b"));
    let c = all(&semaphore, &channel_key("c", "c"));
    assert_eq!((a.len(), b.len(), c.len()), (8, 4, 2));
    assert_eq!(semaphore.taken(), 14);
    assert!(semaphore.take(&channel_key("nobody", "x")).is_none());
}

#[test]
fn a_channel_that_hangs_leaves_permits_to_the_others_of_its_tenant() {
    let semaphore = open(64, &[("a", 1, &["slow", "fast"])]);
    let slow = all(&semaphore, &channel_key("a", "slow"));
    let fast = all(&semaphore, &channel_key("a", "fast"));
    assert!(!fast.is_empty() && slow.len() + fast.len() <= 33, "{} and {}", slow.len(), fast.len());
}

#[test]
fn weights_decide_who_gets_how_many() {
    let semaphore = open(90, &[("heavy", 2, &["h"]), ("light", 1, &["l"])]);
    let held =
        all(&semaphore, &channel_key("heavy", "h")).into_iter().chain(all(&semaphore, &channel_key("light", "l")));
    let held: Vec<SemaphorePermit> = held.collect();
    // Twice the free permits, and as many as are free then.
    assert_eq!((semaphore.held(&channel_key("heavy", "h")), semaphore.held(&channel_key("light", "l"))), (60, 15));
    drop(held);
    assert_eq!(semaphore.taken(), 0);
}

#[test]
fn waiters_get_permits_in_turn_by_weight_and_not_in_order_of_arrival() {
    let semaphore = open(4, &[("a", 2, &["a"]), ("b", 1, &["b1", "b2"]), ("idle", 64, &["i"])]);
    // All permits are held by one tenant, which drops one after another.
    let mut held: Vec<SemaphorePermit> = all(&semaphore, &channel_key("idle", "i"));
    assert_eq!((held.len(), semaphore.taken()), (4, 4));
    let mut waits = Vec::new();
    for name in ["a", "a", "a", "a", "b1", "b1", "b2", "b2"] {
        let key = channel_key(&name[..1], name);
        let semaphore = Arc::clone(&semaphore);
        let mut wait = Box::pin(async move { semaphore.wait(&key).await });
        assert!((&mut wait).now_or_never().is_none());
        waits.push((name, wait));
    }
    let mut order = Vec::new();
    while let Some(permit) = held.pop() {
        drop(permit);
        // Each waiter drops its permit at once, so that the next one in turn gets it.
        loop {
            let got = granted(&mut waits);
            if got.is_empty() {
                break;
            }
            order.extend(got.iter().map(|(name, _)| *name));
        }
    }
    assert_eq!(order, ["a", "a", "b1", "a", "a", "b2", "b1", "b2"]);
    assert_eq!(semaphore.taken(), 0);
}

#[test]
fn no_permit_is_lost_when_a_waiter_goes_away() {
    let semaphore = open(1, &[("a", 1, &["a"]), ("b", 1, &["b"])]);
    let held = semaphore.take(&channel_key("a", "a")).expect("it is free");
    let wait = |tenant: &'static str| {
        let semaphore = Arc::clone(&semaphore);
        Box::pin(async move { semaphore.wait(&channel_key(tenant, tenant)).await })
    };
    let (mut gone, mut granted_unheard, mut staying) = (wait("a"), wait("a"), wait("b"));
    assert!((&mut gone).now_or_never().is_none());
    assert!((&mut granted_unheard).now_or_never().is_none());
    assert!((&mut staying).now_or_never().is_none());
    drop(gone);
    // The permit goes to a waiter that does not poll, and that then goes away.
    drop(held);
    assert_eq!(semaphore.taken(), 1);
    drop(granted_unheard);
    let permit = (&mut staying).now_or_never().flatten();
    assert!(permit.is_some(), "the waiter that stayed gets it");
    drop(permit);
    assert_eq!(semaphore.taken(), 0);
    assert!(semaphore.drained().now_or_never().is_some());
}

#[test]
fn no_more_wait_for_rate_limits_than_pass_within_a_second() {
    let channels = HashMap::from([(ChannelId::new("a"), 2)]);
    let share = Share { weight: 1, rate_limited_max: 10, channels };
    let semaphore = FairSemaphore::new(64, &HashMap::from([(TenantId::new("a"), share)]));
    let mut held = all(&semaphore, &channel_key("a", "a"));
    assert_eq!(held.len(), 2);
    let key = channel_key("a", "a");
    let mut wait = Box::pin(semaphore.wait(&key));
    assert!((&mut wait).now_or_never().is_none());
    held[0].rate_limit_passed();
    assert!(
        (&mut wait).now_or_never().flatten().is_some(),
        "one is through its rate limits, another may wait for its own"
    );
}

proptest! {
    /// In whatever order tenants take and give back: permits are neither lost nor made, and while one is free, a tenant
    /// that holds none gets one.
    #[test]
    fn i9_permits_are_neither_lost_nor_made(
        total in 1_usize..40,
        weights in proptest::collection::vec(1_u32..5, 2..6),
        steps in proptest::collection::vec((0_u8..4, 0_usize..64), 1..200),
    ) {
        let names: Vec<String> = (0..weights.len()).map(|n| n.to_string()).collect();
        let channels: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let tenants: Vec<(&str, u32, &[&str])> = names
            .iter()
            .zip(&weights)
            .zip(&channels)
            .map(|((name, weight), channels)| (name.as_str(), *weight, channels.as_slice()))
            .collect();
        let semaphore = open(total, &tenants);
        let (mut held, mut waits) = (Vec::new(), Vec::new());
        for (what, which) in steps {
            let key = channel_key(&names[which % names.len()], &names[which % names.len()]);
            match what {
                0 => {
                    let holds_none = semaphore.held(&key) == 0;
                    let free = semaphore.taken() < total;
                    let got = semaphore.take(&key);
                    prop_assert!(got.is_some() || !holds_none || !free);
                    held.extend(got);
                }
                1 => {
                    let semaphore = Arc::clone(&semaphore);
                    let mut wait = Box::pin(async move { semaphore.wait(&key).await });
                    match (&mut wait).now_or_never() {
                        Some(permit) => held.extend(permit),
                        None => waits.push(wait),
                    }
                }
                2 if !held.is_empty() => drop(held.swap_remove(which % held.len())),
                _ if !waits.is_empty() => drop(waits.swap_remove(which % waits.len())),
                _ => {}
            }
            let mut n = 0;
            while n < waits.len() {
                match (&mut waits[n]).now_or_never() {
                    Some(permit) => {
                        held.extend(permit);
                        drop(waits.swap_remove(n));
                    }
                    None => n += 1,
                }
            }
            prop_assert_eq!(semaphore.taken(), held.len());
        }
        drop(waits);
        drop(held);
        prop_assert_eq!(semaphore.taken(), 0);
    }
}
