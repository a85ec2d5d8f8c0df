//! Broadcasts and events out in Chromium: on a phone and on a laptop, accessible.

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::console::outgoing::{customers_wrote, world};

const AWA: &str = "awa@belle.example";

#[tokio::test]
async fn a_broadcast_is_started_on_a_phone_and_events_out_are_looked_at_on_a_laptop() {
    let world = world();
    customers_wrote(&world).await;
    add_user(&world, AWA, "Awa Diallo", ("belle", "owner"));
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto("/console/broadcasts/new").await;
    browser.write("#f-text", "Portes ouvertes samedi.").await;
    browser.click("form.stack button.main").await;
    browser.says("#plan", "2 clients recevraient").await;
    browser.assert_accessible().await;
    browser.screenshot("broadcast-plan-phone").await;
    browser.click("button[formaction]").await;
    browser.says("#told", "C'est lancé").await;
    browser.says("#broadcast", "terminée").await;
    browser.assert_accessible().await;
    browser.screenshot("broadcast-phone").await;
    browser.goto("/console/broadcasts").await;
    browser.assert_accessible().await;
    browser.close().await;

    let browser = Browser::open(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto("/console/webhooks").await;
    browser.says("#endpoints", "crm").await;
    browser.assert_accessible().await;
    browser.screenshot("webhooks-laptop").await;
    browser.close().await;
}
