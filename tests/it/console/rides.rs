//! Rides as they happen: who is on duty, who has what, and calling one off.

use super::*;
use crate::daemon::{Setup, TAXI};

const SALIOU: &str = "saliou@taxi.example";
const CUSTOMER: &str = "+224620000009";
const MAMADOU: &str = "+224620000002";
const IBRAHIMA: &str = "+224620000005";

const TENANT: &str = r#"
    [[drivers]]
    name = "Mamadou"
    address = "+224620000002"
    [[drivers]]
    name = "Ibrahima"
    address = "+224620000005"
    [[flows]]
    use = "ride"
"#;

pub(crate) fn world() -> World {
    World::start_on(&Setup { tenant: TENANT.to_owned(), ..Setup::default() })
}

async fn say(world: &World, number: &str, said: &str) {
    let sql = format!("SELECT count(*) FROM messages_out WHERE \"to\" = 'whatsapp:{number}'");
    let before = world.value::<i64>(&sql).await;
    world.write(TAXI, number, said).await;
    world.until(&sql, before + 1).await;
}

/// Both drivers are on duty, and a customer asks for a ride.
pub(crate) async fn ride(world: &World) {
    say(world, MAMADOU, "DISPO").await;
    say(world, IBRAHIMA, "DISPO").await;
    for said in ["taxi", "Kipé", "aéroport", "maintenant", "oui"] {
        say(world, CUSTOMER, said).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE body LIKE 'Course :%'", 2).await;
}

async fn saliou(world: &World) -> Visitor {
    add_user(world, SALIOU, "Saliou", ("taxi", "agent"));
    signed_in(world, SALIOU).await
}

#[tokio::test]
async fn a_ride_is_seen_from_its_offer_to_its_end() {
    let world = world();
    ride(&world).await;
    let mut saliou = saliou(&world).await;
    let page = saliou.get("/console/rides").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for told in
        ["De service (2)", "Mamadou", "Ibrahima", "Sans chauffeur (1)", "Kipé → aéroport", "cherche un chauffeur"]
    {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    say(&world, IBRAHIMA, "OUI").await;
    world.until("SELECT count(*) FROM messages_out WHERE body LIKE 'Votre chauffeur : Ibrahima%'", 1).await;
    let page = saliou.get("/console/rides").await.body;
    assert!(page.contains("Chauffeur : Ibrahima") && page.contains("Sans chauffeur (0)"), "{page}");
    let id: String = world.value("SELECT id FROM offers").await;
    let path = format!("/console/rides/{id}/cancel");
    assert_eq!(saliou.submit(&path, &[("tell", "yes")]).await.location(), "/console/rides?done=cancelled");
    world.until("SELECT count(*) FROM messages_out WHERE body = 'La course est annulée.'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE body LIKE 'Votre demande est annulée%'", 1).await;
    assert_eq!(world.value::<String>("SELECT state FROM offers").await, "cancelled");
    assert_eq!(saliou.submit(&path, &[]).await.location(), "/console/rides?done=late", "once");
    let told =
        "SELECT count(*) FROM messages_out WHERE \"to\" = 'whatsapp:+224620000005' AND body = 'La course est annulée.'";
    assert_eq!(world.value::<i64>(told).await, 1, "whoever had it is told");
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action = 'offer.cancel'";
    assert_eq!(world.value::<i64>(audited).await, 2);
}

#[tokio::test]
async fn i12_a_ride_that_was_called_off_goes_to_nobody() {
    let world = world();
    ride(&world).await;
    let mut saliou = saliou(&world).await;
    saliou.get("/console/rides").await;
    let id: String = world.value("SELECT id FROM offers").await;
    let cancel = format!("/console/rides/{id}/cancel");
    let (called_off, ()) = tokio::join!(saliou.submit(&cancel, &[]), say(&world, MAMADOU, "OUI"),);
    // One of both was first, and the other is told that they came late.
    let state: String = world.value("SELECT state FROM offers").await;
    let had_it = "SELECT count(*) FROM messages_out WHERE body LIKE 'La course est à vous%'";
    match called_off.location() {
        "/console/rides?done=cancelled" => {
            assert_eq!(state, "cancelled");
            let told =
                "SELECT count(*) FROM messages_out WHERE body IN ('Course déjà prise.', 'La course est annulée.')";
            world.until(told, 1).await;
        }
        _ => assert_eq!((state.as_str(), world.value::<i64>(had_it).await), ("accepted", 1)),
    }
}

#[tokio::test]
async fn i15_who_only_looks_on_calls_nothing_off() {
    let world = world();
    ride(&world).await;
    add_user(&world, "v@taxi.example", "V", ("taxi", "viewer"));
    let mut viewer = signed_in(&world, "v@taxi.example").await;
    assert!(!viewer.get("/console/rides").await.body.contains("/cancel"));
    let id: String = world.value("SELECT id FROM offers").await;
    assert_eq!(viewer.submit(&format!("/console/rides/{id}/cancel"), &[]).await.status, 403);
    assert_eq!(world.value::<String>("SELECT state FROM offers").await, "open");
}
