//! A contact's personal data in the console: exported and erased, by whose role allows it, with a page that says what stays.

use super::*;
use crate::daemon::{BELLE, Waiting};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";

async fn contact_of(world: &World) -> (String, String) {
    world.write(BELLE, CUSTOMER, "Bonjour, la quincaillerie ?").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let of = |column: &str| format!("SELECT {column} FROM conversations WHERE address = 'whatsapp:{CUSTOMER}'");
    (world.value(&of("contact_id")).await, world.value(&of("id")).await)
}

async fn until_shown(visitor: &mut Visitor, path: &str, words: &str) -> Shown {
    let mut waiting = Waiting::begin();
    loop {
        let page = visitor.get(path).await;
        if page.body.contains(words) {
            return page;
        }
        waiting.again(|| format!("{words}: {}", page.body)).await;
    }
}

#[tokio::test]
async fn i16_an_owner_exports_and_erases_from_the_card() {
    let world = World::start();
    let (contact, conversation) = contact_of(&world).await;
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    let card = awa.get(&format!("/console/conversations/{conversation}")).await.body;
    assert!(card.contains("Exporter") && card.contains(&format!("/console/contacts/{contact}/erase")), "{card}");
    let page = format!("/console/contacts/{contact}/privacy");
    assert!(awa.get(&page).await.body.contains("Messages : 2"));
    let begun = awa.submit(&format!("/console/contacts/{contact}/export"), &[]).await;
    assert_eq!((begun.status, begun.location()), (303, format!("{page}#requests").as_str()));
    let shown = until_shown(&mut awa, &page, "Télécharger le fichier").await;
    let link = shown.body.split_once("href=\"/console/privacy/").and_then(|(_, rest)| rest.split_once('"'));
    let link = format!("/console/privacy/{}", link.expect("a link").0);
    let file = awa.get(&link).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/zip"));
    assert!(file.body.contains("quincaillerie"));
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action IN ('contact.export', 'contact.export.read')";
    assert_eq!(world.value::<i64>(audited).await, 2);

    let asked = awa.get(&format!("/console/contacts/{contact}/erase")).await.body;
    for told in ["Ce qui part", "Ce qui reste", "empreinte", "annulés", "qui a demandé"] {
        assert!(asked.contains(told), "{told}: {asked}");
    }
    let unsure = awa.submit(&format!("/console/contacts/{contact}/erase"), &[]).await;
    assert!(unsure.status == 200 && unsure.body.contains("cochez la case"), "{}", unsure.body);
    let begun = awa.submit(&format!("/console/contacts/{contact}/erase"), &[("sure", "true")]).await;
    assert!(begun.status == 303 && begun.location().starts_with("/console/privacy/"), "{}", begun.body);
    let done = until_shown(&mut awa, begun.location(), "Ce qui a été fait").await.body;
    assert!(done.contains("Messages vidés : 1 reçus, 1 envoyés"), "{done}");
    assert_eq!(awa.get(&page).await.status, 404);
    assert_eq!(awa.get(&link).await.status, 404, "the export is gone as well");
    assert_eq!(awa.get(&format!("/console/conversations/{conversation}")).await.status, 404);
    for path in ["/console/conversations", "/console/outbox", "/console/analytics", "/console/audit"] {
        let page = awa.get(path).await;
        assert!(page.status == 200 && !page.body.contains("612345678"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn i15_who_may_not_erase_is_not_shown_how_and_is_refused() {
    let world = World::start();
    let (contact, conversation) = contact_of(&world).await;
    for (role, may_export) in [("admin", true), ("agent", false)] {
        let email = format!("{role}@belle.example");
        add_user(&world, &email, role, ("belle", role));
        let mut visitor = signed_in(&world, &email).await;
        let card = visitor.get(&format!("/console/conversations/{conversation}")).await.body;
        assert_eq!((card.contains("Exporter"), card.contains("/erase\"")), (may_export, false), "{role}: {card}");
        let page = visitor.get(&format!("/console/contacts/{contact}/privacy")).await;
        assert_eq!(page.status, if may_export { 200 } else { 403 }, "{role}");
        assert_eq!(visitor.get(&format!("/console/contacts/{contact}/erase")).await.status, 403, "{role}");
        visitor.get("/console/account").await;
        let refused = visitor.submit(&format!("/console/contacts/{contact}/erase"), &[("sure", "true")]).await;
        assert_eq!(refused.status, 403, "{role}: {}", refused.body);
    }
    assert_eq!(world.value::<i64>("SELECT count(*) FROM privacy_requests").await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM contacts").await, 1);
}
