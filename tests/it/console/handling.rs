//! Blocking a contact, two contacts that are one person, and how many wait, from every page.

use super::*;
use crate::daemon::{BELLE, TAXI};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";
const OTHER: &str = "+33698765432";

/// How many wait for them, as `/console/waiting` tells it.
async fn waiting(visitor: &mut Visitor) -> i64 {
    let answer = visitor.get("/console/waiting").await;
    let counts: serde_json::Value = serde_json::from_str(&answer.body).expect(&answer.body);
    counts["mine"].as_i64().expect("a number")
}

#[tokio::test]
async fn i14_who_is_blocked_gets_no_answer_and_stands_in_no_list_until_they_are_unblocked() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    world.write(BELLE, CUSTOMER, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_out", 1).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let path = format!("/console/conversations/{talk}");
    let mut awa = signed_in(&world, AWA).await;
    awa.get(&path).await;
    awa.submit(&format!("{path}/take-over"), &[]).await;
    world.write(BELLE, CUSTOMER, "Achetez mes montres").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 2).await;
    assert_eq!(waiting(&mut awa).await, 1);
    let mut sophie = signed_in(&world, "sophie@belle.example").await;
    assert_eq!(waiting(&mut sophie).await, 0, "it is Awa's to answer");

    let page = awa.get(&path).await.body;
    assert!(page.contains(&format!("action=\"{path}/block\"")), "the card has the form: {page}");
    let blocked = awa.submit(&format!("{path}/block"), &[]).await;
    assert_eq!(blocked.location(), format!("{path}?done=blocked#end"));
    let page = awa.get(&path).await.body;
    assert!(page.contains("Débloquer") && page.contains("a bloqué ce contact"), "{page}");
    assert!(!page.contains("id=\"reply\""), "there is nothing to write with");
    world.write(BELLE, CUSTOMER, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_blocked'", 1).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out").await, 1, "no answer");
    assert_eq!(waiting(&mut awa).await, 0, "and nobody is called");
    for (list, is_there) in [("", false), ("?tab=waiting", false), ("?tab=mine", false), ("?status=blocked", true)] {
        let page = awa.get(&format!("/console/conversations{list}")).await.body;
        assert_eq!(page.contains(&talk), is_there, "{list}");
    }
    let page = awa.get(&path).await.body;
    assert!(page.contains("Achetez mes montres") && page.matches("Quels sont vos horaires ?").count() >= 2, "{page}");

    assert_eq!(awa.submit(&format!("{path}/unblock"), &[]).await.status, 303);
    assert_eq!(awa.submit(&format!("{path}/hand-back"), &[]).await.status, 303);
    world.write(BELLE, CUSTOMER, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_out", 2).await;
    let noted = "SELECT count(*) FROM audit_log WHERE action IN ('conversation.block', 'conversation.unblock')";
    assert_eq!(world.value::<i64>(noted).await, 2, "I15");
}

#[tokio::test]
async fn i6_i9_two_contacts_are_made_one_and_parted_and_a_stop_of_one_is_a_stop_of_both() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.write(BELLE, OTHER, "STOP").await;
    world.write(TAXI, CUSTOMER, "Un taxi ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 3).await;
    let contact = async |tenant: &str, number: &str| -> String {
        let sql = format!(
            "SELECT contact_id FROM contact_addresses WHERE tenant_id = '{tenant}' AND address = 'whatsapp:{number}'"
        );
        world.value(&sql).await
    };
    let (one, two) = (contact("belle", CUSTOMER).await, contact("belle", OTHER).await);
    let foreign = contact("taxi", CUSTOMER).await;
    let mut awa = signed_in(&world, AWA).await;
    let page = format!("/console/contacts/{one}/merge");
    let shown = awa.get(&page).await;
    assert!(shown.status == 200 && shown.body.contains("06 12 34 56 78"), "{}", shown.body);
    assert_eq!(awa.get(&format!("/console/contacts/{foreign}/merge")).await.status, 404);
    awa.get(&page).await;
    assert_eq!(awa.submit(&page, &[("with", &foreign)]).await.status, 404, "another tenant's");
    assert_eq!(awa.submit(&page, &[("with", &one)]).await.location(), format!("{page}?done=again"));
    assert_eq!(awa.submit(&page, &[("with", &two)]).await.location(), format!("{page}?done=merged"));
    let shown = awa.get(&page).await.body;
    assert!(shown.contains(&format!("/console/contacts/{one}/part")) && shown.contains("06 98 76 54 32"), "{shown}");
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let card = awa.get(&format!("/console/conversations/{talk}")).await.body;
    assert!(card.contains("a dit STOP : rien ne lui sera envoyé"), "{card}");

    let parted = awa.submit(&format!("/console/contacts/{one}/part"), &[("with", &two)]).await;
    assert_eq!(parted.location(), format!("{page}?done=parted"), "{}", parted.body);
    assert!(!awa.get(&page).await.body.contains("/part\""));
    add_user(&world, "viewer@belle.example", "Viewer", ("belle", "viewer"));
    let mut viewer = signed_in(&world, "viewer@belle.example").await;
    assert_eq!(viewer.get(&page).await.status, 403);
}
