//! Requests to be called back: listed, filtered, marked, taken away as CSV.

use super::*;
use crate::daemon::{BELLE, Setup};

const AWA: &str = "awa@belle.example";

pub(crate) fn world() -> World {
    World::start_on(&Setup { tenant: "[[flows]]\nuse = \"lead\"\n".to_owned(), ..Setup::default() })
}

/// Somebody asks for a quote, and gives a name and no e-mail.
pub(crate) async fn diallo_asks(world: &World, number: &str, need: &str) {
    let (mut answers, wanted) = (0, world.value::<i64>("SELECT count(*) FROM leads").await + 1);
    for said in [need, "Diallo", "non"] {
        world.write(BELLE, number, said).await;
        answers += 1;
        let sql = format!("SELECT count(*) FROM messages_out WHERE \"to\" = 'whatsapp:{number}'");
        world.until(&sql, answers).await;
    }
    world.until("SELECT count(*) FROM leads", wanted).await;
}

#[tokio::test]
async fn a_request_is_called_back_won_and_taken_away() {
    let world = world();
    diallo_asks(&world, "+33612345678", "bjr besoin d'un devis fuite salle de bain urgent").await;
    diallo_asks(&world, "+33612345679", "un devis pour une cuisine svp").await;
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get("/console/leads").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for told in ["Diallo", "fuite salle de bain", "urgent", "À rappeler", "tel:+33612345678", "aria-current=\"page\""]
    {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    let id: String = world.value("SELECT id FROM leads WHERE urgent").await;
    let talk = conversation_of(&world, "belle", "+33612345678").await;
    let page = awa.get(&format!("/console/conversations/{talk}")).await.body;
    let page = page.replace("&#x2f;", "/");
    let card = page.split_once("id=\"card\"").expect("a card").1;
    assert!(card.contains("<h2>Demandes</h2>") && card.contains("/console/leads?state=new"), "{card}");
    assert!(!card.contains("<h2>Rendez-vous</h2>"), "nothing that is empty: {card}");
    let marked = awa.submit(&format!("/console/leads/{id}/state"), &[("state", "won"), ("list", "new")]).await;
    assert_eq!(marked.location(), "/console/leads?state=new&done=marked");
    let page = awa.get("/console/leads?state=won").await.body;
    assert!(page.contains("fuite salle de bain") && !page.contains("cuisine"), "{page}");
    let csv = awa.get("/console/leads/export?state=won").await;
    assert!(
        csv.header("content-type").starts_with("text/csv") && csv.body.contains(",won,true,Diallo,"),
        "{}",
        csv.body
    );
    assert_eq!(csv.body.lines().count(), 2);
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action IN ('lead.mark', 'lead.export')";
    assert_eq!(world.value::<i64>(audited).await, 2);
    assert_eq!(awa.submit("/console/leads/x/state", &[("state", "won")]).await.status, 404);
    assert!(!world.logs().contains("salle de bain"), "nothing personal is logged");
}

#[tokio::test]
async fn i15_who_only_looks_on_marks_nothing_and_support_sees_nobody() {
    let world = world();
    diallo_asks(&world, "+33612345678", "un devis pour une cuisine svp").await;
    let id: String = world.value("SELECT id FROM leads").await;
    for (role, sees) in [("viewer", true), ("support", false)] {
        let email = format!("{role}@belle.example");
        add_user(&world, &email, role, ("belle", role));
        let mut visitor = signed_in(&world, &email).await;
        let page = visitor.get("/console/leads").await;
        assert_eq!((page.status, page.body.contains("cuisine")), (200, sees), "{role}: {}", page.body);
        assert!(!page.body.contains("/state\""), "{role}");
        assert_eq!(
            visitor.submit(&format!("/console/leads/{id}/state"), &[("state", "won")]).await.status,
            403,
            "{role}"
        );
        assert_eq!(visitor.get("/console/leads/export").await.status == 200, sees, "{role}");
    }
    assert_eq!(world.value::<String>("SELECT state FROM leads").await, "new");
}
