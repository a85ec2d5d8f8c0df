//! A contact's personal data in Chromium: exported, then erased, on a phone, accessible.

use crate::browser::{Browser, PHONE};
use crate::console::add_user;
use crate::daemon::{BELLE, World};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";

#[tokio::test]
async fn a_person_is_exported_and_erased_on_a_phone() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Bonjour, la quincaillerie ?").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let of = |column: &str| format!("SELECT {column} FROM conversations WHERE address = 'whatsapp:{CUSTOMER}'");
    let (contact, conversation): (String, String) =
        (world.value(&of("contact_id")).await, world.value(&of("id")).await);
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto(&format!("/console/contacts/{contact}/privacy?from={conversation}")).await;
    browser.assert_accessible().await;
    browser.click("form button.main").await;
    // The page follows by itself.
    browser.says("#requests", "Télécharger le fichier").await;
    browser.assert_accessible().await;
    browser.screenshot("privacy-phone").await;
    browser.click("a.button[href$='/erase']").await;
    browser.says("h1", "Effacer une personne").await;
    browser.assert_accessible().await;
    browser.screenshot("privacy-erase-phone").await;
    browser.click("[name=sure]").await;
    browser.click("button.bad").await;
    browser.says("#request", "Ce qui a été fait").await;
    browser.assert_accessible().await;
    browser.screenshot("privacy-done-phone").await;
    browser.close().await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM contacts").await, 0);
}
