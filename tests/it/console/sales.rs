//! Live sessions in the console: what is ordered, as it comes in, and as a file.

use super::*;
use crate::daemon::BELLE;

const SELLER: &str = "+33612340001";

#[tokio::test]
async fn orders_of_a_live_session_are_shown_and_taken_away_as_a_file() {
    let world = World::start();
    add_user(&world, "awa@belle.example", "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, "awa@belle.example").await;
    let empty = awa.get("/console/live").await;
    assert!(empty.status == 200 && empty.body.contains("Aucun live pour l&#x27;instant."), "{}", empty.body);

    world.write(BELLE, SELLER, "Live ouvert, réf R12").await;
    world.until("SELECT count(*) FROM live_sessions", 1).await;
    world.write(BELLE, "+33612345678", "je prends R12 taille M").await;
    world.until("SELECT count(*) FROM order_lines", 1).await;
    let page = awa.get("/console/live").await.body;
    assert!(page.contains("En direct depuis") && page.contains("R12") && page.contains("taille M"), "{page}");
    assert!(page.contains("Acheteurs : 1 · Pièces : 1") && page.contains("Camille"), "{page}");

    let id: String = world.value("SELECT id FROM live_sessions").await;
    let csv = awa.get(&format!("/console/live/{id}/orders.csv")).await;
    assert_eq!(csv.status, 200);
    assert!(csv.body.contains(",R12,M,1,noted,Camille,whatsapp:+33612345678,"), "{}", csv.body);
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'order.export'";
    assert_eq!(world.value::<i64>(noted).await, 1, "who took it away stands in the audit log");

    world.write(BELLE, SELLER, "FIN").await;
    world.until("SELECT count(*) FROM live_sessions WHERE closed_at IS NOT NULL", 1).await;
    let page = awa.get(&format!("/console/live/{id}")).await.body;
    assert!(page.contains("Terminé") && page.contains("Personnes : 1"), "{page}");
}
