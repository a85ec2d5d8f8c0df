use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn lane(tenant: &str, channel: &str) -> LaneKey {
    LaneKey { tenant: TenantId::new(tenant), channel: ChannelId::new(channel) }
}

fn open(total: usize, tenants: &[(&str, u32, &[&str])]) -> Arc<Places> {
    let share = |weight, channels: &[&str]| Share {
        weight,
        unpaced_limit: usize::MAX,
        lanes: channels.iter().map(|channel| (ChannelId::new(channel), usize::MAX)).collect(),
    };
    let shares = tenants.iter().map(|(id, weight, channels)| (TenantId::new(id), share(*weight, channels)));
    Places::new(total, &shares.collect())
}

fn all(places: &Arc<Places>, lane: &LaneKey) -> Vec<Place> {
    std::iter::from_fn(|| places.take(lane)).collect()
}

/// Waits that were begun, in the order in which they got their places.
fn served<'a>(waits: &mut Vec<(&'a str, impl Future<Output = Option<Place>> + Unpin)>) -> Vec<(&'a str, Place)> {
    let mut got = Vec::new();
    let mut n = 0;
    while n < waits.len() {
        match (&mut waits[n].1).now_or_never() {
            Some(place) => got.push((waits.remove(n).0, place.expect("the tenant is known"))),
            None => n += 1,
        }
    }
    got
}

#[test]
fn whoever_gave_up_is_passed_over_however_many_they_are() {
    let places = open(1, &[("a", 1, &["a"])]);
    let held = places.take(&lane("a", "a")).expect("it is free");
    for _ in 0..100_000 {
        assert!(places.wait(&lane("a", "a")).now_or_never().is_none());
    }
    let before = places.served(&lane("a", "a"));
    drop(held);
    assert_eq!((places.taken(), places.served(&lane("a", "a"))), (0, before));
    assert!(places.wait(&lane("a", "a")).now_or_never().flatten().is_some(), "nobody stands before it");
}

#[test]
fn i9_however_much_one_has_to_send_some_places_stay_free() {
    let places = open(16, &[("a", 1, &["a"]), ("b", 1, &["b"]), ("c", 1, &["c"])]);
    let a = all(&places, &lane("a", "a"));
    let b = all(&places, &lane("b", "b"));
    let c = all(&places, &lane("c", "c"));
    assert_eq!((a.len(), b.len(), c.len()), (8, 4, 2));
    assert_eq!(places.taken(), 14);
    assert!(places.take(&lane("nobody", "x")).is_none());
}

#[test]
fn a_channel_that_hangs_leaves_places_to_the_others_of_its_tenant() {
    let places = open(64, &[("a", 1, &["slow", "fast"])]);
    let slow = all(&places, &lane("a", "slow"));
    let fast = all(&places, &lane("a", "fast"));
    assert!(!fast.is_empty() && slow.len() + fast.len() <= 33, "{} and {}", slow.len(), fast.len());
}

#[test]
fn weights_decide_who_gets_how_many() {
    let places = open(90, &[("heavy", 2, &["h"]), ("light", 1, &["l"])]);
    let held = all(&places, &lane("heavy", "h")).into_iter().chain(all(&places, &lane("light", "l")));
    let held: Vec<Place> = held.collect();
    // Twice the free places, and as many as are free then.
    assert_eq!((places.held(&lane("heavy", "h")), places.held(&lane("light", "l"))), (60, 15));
    drop(held);
    assert_eq!(places.taken(), 0);
}

#[test]
fn those_who_wait_are_served_in_turn_by_weight_and_not_in_the_order_in_which_they_came() {
    let places = open(4, &[("a", 2, &["a"]), ("b", 1, &["b1", "b2"]), ("idle", 64, &["i"])]);
    // Nothing is left, and the one who has it all lets go of one after another.
    let mut held: Vec<Place> = all(&places, &lane("idle", "i"));
    assert_eq!((held.len(), places.taken()), (4, 4));
    let mut waits = Vec::new();
    for name in ["a", "a", "a", "a", "b1", "b1", "b2", "b2"] {
        let key = lane(&name[..1], name);
        let places = Arc::clone(&places);
        let mut wait = Box::pin(async move { places.wait(&key).await });
        assert!((&mut wait).now_or_never().is_none());
        waits.push((name, wait));
    }
    let mut order = Vec::new();
    while let Some(place) = held.pop() {
        drop(place);
        // Each serves at once and lets go, so that the next in turn comes.
        loop {
            let got = served(&mut waits);
            if got.is_empty() {
                break;
            }
            order.extend(got.iter().map(|(name, _)| *name));
        }
    }
    assert_eq!(order, ["a", "a", "b1", "a", "a", "b2", "b1", "b2"]);
    assert_eq!(places.taken(), 0);
}

#[test]
fn no_place_is_lost_when_a_waiter_goes_away() {
    let places = open(1, &[("a", 1, &["a"]), ("b", 1, &["b"])]);
    let held = places.take(&lane("a", "a")).expect("it is free");
    let wait = |tenant: &'static str| {
        let places = Arc::clone(&places);
        Box::pin(async move { places.wait(&lane(tenant, tenant)).await })
    };
    let (mut gone, mut served_unheard, mut patient) = (wait("a"), wait("a"), wait("b"));
    assert!((&mut gone).now_or_never().is_none());
    assert!((&mut served_unheard).now_or_never().is_none());
    assert!((&mut patient).now_or_never().is_none());
    drop(gone);
    // The place goes to one that is not looking, and that then goes away.
    drop(held);
    assert_eq!(places.taken(), 1);
    drop(served_unheard);
    let place = (&mut patient).now_or_never().flatten();
    assert!(place.is_some(), "it came to the one who still waits");
    drop(place);
    assert_eq!(places.taken(), 0);
    assert!(places.drained().now_or_never().is_some());
}

#[test]
fn no_more_wait_for_permits_than_pass_within_a_second() {
    let lanes = HashMap::from([(ChannelId::new("a"), 2)]);
    let share = Share { weight: 1, unpaced_limit: 10, lanes };
    let places = Places::new(64, &HashMap::from([(TenantId::new("a"), share)]));
    let mut held = all(&places, &lane("a", "a"));
    assert_eq!(held.len(), 2);
    let key = lane("a", "a");
    let mut wait = Box::pin(places.wait(&key));
    assert!((&mut wait).now_or_never().is_none());
    held[0].paced();
    assert!((&mut wait).now_or_never().flatten().is_some(), "one has its permits, another may wait for its own");
}

proptest! {
    /// Whoever comes and goes in whatever order: places are neither lost nor made, and as long as one is free, a tenant
    /// that holds none gets one.
    #[test]
    fn i9_places_are_neither_lost_nor_made(
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
        let places = open(total, &tenants);
        let (mut held, mut waits) = (Vec::new(), Vec::new());
        for (what, which) in steps {
            let key = lane(&names[which % names.len()], &names[which % names.len()]);
            match what {
                0 => {
                    let empty_handed = places.held(&key) == 0;
                    let free = places.taken() < total;
                    let got = places.take(&key);
                    prop_assert!(got.is_some() || !empty_handed || !free);
                    held.extend(got);
                }
                1 => {
                    let places = Arc::clone(&places);
                    let mut wait = Box::pin(async move { places.wait(&key).await });
                    match (&mut wait).now_or_never() {
                        Some(place) => held.extend(place),
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
                    Some(place) => {
                        held.extend(place);
                        drop(waits.swap_remove(n));
                    }
                    None => n += 1,
                }
            }
            prop_assert_eq!(places.taken(), held.len());
        }
        drop(waits);
        drop(held);
        prop_assert_eq!(places.taken(), 0);
    }
}
