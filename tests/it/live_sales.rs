//! Live sales through the real daemon: a seller opens, clients order, the seller ends it. Run on both databases.

use crate::daemon::{BELLE, World};

const SELLER: &str = "+33612340001";
const NADIA: &str = "+33612000001";
const SONIA: &str = "+33612000002";

async fn processed(world: &World, wanted: i64) {
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", wanted).await;
}

async fn heard(world: &World, number: &str) -> Vec<String> {
    let sql = format!("SELECT body FROM messages_out WHERE \"to\" = 'whatsapp:{number}' ORDER BY id");
    world.rows(&sql, |row| row.try_get_by_index(0).expect("a text")).await
}

#[tokio::test]
async fn a_live_is_sold_from_its_opening_to_the_thanks() {
    let world = World::start();
    world.write(BELLE, SELLER, "STATS").await;
    processed(&world, 1).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM live_sessions").await, 0, "a command opens no live");
    world.write(BELLE, SELLER, "Live ouvert ! Robe rouge 40 €, réf R12").await;
    processed(&world, 2).await;
    world.write(BELLE, NADIA, "je prends R12 taille M").await;
    world.write(BELLE, SONIA, "2 R12 et R15 taille L").await;
    processed(&world, 4).await;
    world.write(BELLE, SONIA, "j'annule R15").await;
    world.write(BELLE, NADIA, "et la bleue, elle est à combien").await;
    processed(&world, 6).await;
    let noted = heard(&world, NADIA).await;
    assert!(noted[0].starts_with("R12 taille M : c'est noté à votre nom"), "{noted:?}");
    let lines = "SELECT count(*) FROM order_lines WHERE tenant_id = 'belle' AND state = 'noted'";
    assert_eq!(world.value::<i64>(lines).await, 2);

    world.write(BELLE, SELLER, "PAUSE").await;
    processed(&world, 7).await;
    world.write(BELLE, SONIA, "je prends R20").await;
    processed(&world, 8).await;
    assert!(heard(&world, SONIA).await.iter().any(|text| text.starts_with("Le live est en pause")));
    assert_eq!(world.value::<i64>(lines).await, 2, "nothing is ordered in a pause");
    world.write(BELLE, SELLER, "REPRENDS").await;
    processed(&world, 9).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM live_sessions WHERE paused_at IS NOT NULL").await, 0);

    world.write(BELLE, SELLER, "FIN").await;
    processed(&world, 10).await;
    let summary = heard(&world, SELLER).await.pop().expect("a summary");
    assert!(summary.contains("2 personnes, 2 commandes (R12 × 3), 1 question sans réponse"), "{summary}");
    let closed = "SELECT count(*) FROM live_sessions WHERE closed_at IS NOT NULL AND clients = 2 AND unanswered = 1";
    assert_eq!(world.value::<i64>(closed).await, 1);
    let thanks = "SELECT count(*) FROM messages_out WHERE body LIKE 'Merci d%avoir suivi le live de Maison belle%'";
    world.until(thanks, 2).await;
    let last = heard(&world, NADIA).await.pop().expect("thanks");
    assert!(last.contains("Votre commande : R12 taille M."), "{last}");
    world.write(BELLE, NADIA, "je prends R12").await;
    processed(&world, 11).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM order_lines").await, 3, "the live is over");
}

#[tokio::test]
async fn i6_a_broadcast_passes_over_who_said_stop() {
    let world = World::start();
    world.write(BELLE, SELLER, "On commence").await;
    processed(&world, 1).await;
    world.write(BELLE, NADIA, "horaires").await;
    world.write(BELLE, SONIA, "horaires").await;
    processed(&world, 3).await;
    world.write(BELLE, SONIA, "STOP").await;
    processed(&world, 4).await;
    world.write(BELLE, SELLER, "DIFFUSE La R12 passe à 30 €").await;
    world.until("SELECT count(*) FROM messages_out WHERE body = 'La R12 passe à 30 €'", 1).await;
    world.until("SELECT count(*) FROM timers WHERE kind = 'send'", 0).await;
    assert_eq!(heard(&world, NADIA).await.last().map(String::as_str), Some("La R12 passe à 30 €"));
    assert!(!heard(&world, SONIA).await.iter().any(|text| text.contains("30 €")));
}
