//! Flows as pictures, putting a contact on a step, and the waiting list below the agenda.

use super::*;
use crate::daemon::{BELLE, Setup};

const AWA: &str = "awa@belle.example";
const NADIA: &str = "+33612345678";
const GRACE: &str = "+33612345679";

fn world() -> World {
    World::start_on(&Setup { tenant: agenda::TENANT.to_owned(), ..Setup::default() })
}

async fn say(world: &World, number: &str, said: &str) {
    let sql = format!("SELECT count(*) FROM messages_out WHERE \"to\" = 'whatsapp:{number}'");
    let before = world.value::<i64>(&sql).await;
    world.write(BELLE, number, said).await;
    world.until(&sql, before + 1).await;
}

async fn awa(world: &World, role: &str) -> Visitor {
    add_user(world, AWA, "Awa", ("belle", role));
    signed_in(world, AWA).await
}

#[tokio::test]
async fn flows_are_seen_with_where_contacts_stand_and_a_person_puts_one_on_a_step() {
    let world = world();
    say(&world, NADIA, "rdv").await;
    let mut awa = awa(&world, "agent").await;
    let page = awa.get("/console/flows").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for told in ["<svg ", "class=\"step here\"", "booking", "1 en cours", "rendez-vous"] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    assert!(!page.body.contains("style="), "the browser refuses inline styles");
    let id: String = world.value("SELECT id FROM conversations").await;
    let sent = "SELECT count(*) FROM messages_out WHERE body LIKE 'Avec plaisir.%'";
    assert_eq!(world.value::<i64>(sent).await, 1);
    let form = [("conversation", id.as_str()), ("place", "booking/appointment")];
    assert_eq!(awa.submit("/console/flows/place", &form).await.location(), "/console/flows?done=placed");
    world.until(sent, 2).await;
    let left = "SELECT count(*) FROM event_log WHERE event_type = 'flow_abandoned'";
    assert_eq!(world.value::<i64>(left).await, 1);
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action = 'conversation.place'";
    assert_eq!(world.value::<i64>(audited).await, 1);
    let gone = [("conversation", id.as_str()), ("place", "booking/nowhere")];
    assert_eq!(awa.submit("/console/flows/place", &gone).await.location(), "/console/flows?done=gone");
    let way = format!("/console/flows?conversation={id}");
    let talk = awa.get(&format!("/console/conversations/{id}")).await.body;
    assert!(talk.contains(&format!("href=\"{way}\"")), "the card leads there: {talk}");
    let page = awa.get(&way).await;
    assert!(page.body.contains("chosen-title"), "{}", page.body);
    say(&world, NADIA, "STOP").await;
    assert_eq!(awa.submit("/console/flows/place", &form).await.location(), "/console/flows?done=stop");
}

#[tokio::test]
async fn i15_who_only_looks_on_puts_nobody_anywhere() {
    let world = world();
    say(&world, NADIA, "rdv").await;
    let mut viewer = awa(&world, "viewer").await;
    assert!(!viewer.get("/console/flows").await.body.contains("/console/flows/place"));
    let id: String = world.value("SELECT id FROM conversations").await;
    let form = [("conversation", id.as_str()), ("place", "booking/appointment")];
    assert_eq!(viewer.submit("/console/flows/place", &form).await.status, 403);
}

#[tokio::test]
async fn the_waiting_list_stands_below_the_agenda_and_people_take_somebody_off() {
    let world = world();
    for said in ["rdv manucure demain 15h avec Awa", "oui"] {
        say(&world, NADIA, said).await;
    }
    say(&world, GRACE, "liste d'attente manucure demain 15h avec Awa").await;
    let mut awa = awa(&world, "agent").await;
    let page = awa.get("/console/bookings").await.body;
    assert!(page.contains("Liste d&#x27;attente (1)") || page.contains("Liste d'attente (1)"), "{page}");
    assert!(page.contains("Manucure · Awa"), "{page}");
    let id: String = world.value("SELECT id FROM waiting_list").await;
    let path = format!("/console/bookings/waiting/{id}/remove");
    assert_eq!(awa.submit(&path, &[]).await.location(), "/console/bookings?done=removed#waiting");
    assert_eq!(world.value::<String>("SELECT state FROM waiting_list").await, "ended");
    assert_eq!(awa.submit(&path, &[]).await.location(), "/console/bookings?done=removed_before#waiting", "once");
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action = 'waiting.remove'";
    assert_eq!(world.value::<i64>(audited).await, 1);
}
