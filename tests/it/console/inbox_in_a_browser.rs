//! The inbox in Chromium: a message arrives by itself, is answered, on a phone, by keys alone, without JavaScript.

use fantoccini::Locator;

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::daemon::{BELLE, Setup, World};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";
const SANDBOX: &str = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";

async fn signed_in(world: &World, size: (u32, u32)) -> Browser {
    let browser = Browser::open(world, size).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser
}

#[tokio::test]
async fn i14_a_message_arrives_by_itself_and_is_answered_on_a_phone() {
    let mut world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = signed_in(&world, PHONE).await;
    browser.goto("/console/conversations").await;
    browser.text(".empty").await;
    world.write(BELLE, CUSTOMER, "Bonjour, avez-vous de la place ?").await;
    // Without a reload.
    browser.says("[data-row]", "Camille").await;
    browser.assert_accessible().await;
    browser.screenshot("conversations-phone").await;
    browser.click("[data-row]").await;
    browser.click("[data-key=t]").await;
    browser.says("#told", "le robot se tait").await;
    browser.write("#text", "Oui, à 15 h.").await;
    browser.click("#reply .send").await;
    browser.says(".message.person .text", "Oui, à 15 h.").await;
    world.write(BELLE, CUSTOMER, "Parfait !").await;
    browser
        .client
        .wait()
        .for_element(Locator::XPath("//*[contains(@class,'theirs')]//*[text()='Parfait !']"))
        .await
        .expect("it arrives");
    browser.assert_accessible().await;
    browser.screenshot("conversation-phone").await;

    // What comes while one writes is seen before one sends.
    browser.write("#text", "À demain").await;
    world.write(BELLE, CUSTOMER, "Plutôt 16 h ?").await;
    browser.client.wait().for_element(Locator::Css("#came:not([hidden])")).await.expect("it is said");
    browser.says("#reply .send", "Envoyer quand même").await;

    // Killed and started again: the page follows by itself.
    world.kill();
    world.start_daemon();
    browser.close().await;
}

#[tokio::test]
async fn by_keys_alone_and_every_page_is_accessible() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let browser = signed_in(&world, LAPTOP).await;
    browser.goto("/console/conversations").await;
    let body = browser.client.find(Locator::Css("body")).await.expect("a body");
    body.send_keys("j").await.expect("a key");
    // A live update may put another element in its place meanwhile.
    while {
        let row = browser.client.wait().for_element(Locator::Css(".row a.at")).await.expect("it is chosen");
        row.send_keys("\u{e007}").await.is_err()
    } {}
    browser.text("#timeline .theirs").await;
    let body = browser.client.find(Locator::Css("body")).await.expect("a body");
    body.send_keys("t").await.expect("a key");
    browser.text("#told").await;
    let body = browser.client.find(Locator::Css("body")).await.expect("a body");
    body.send_keys("r").await.expect("a key");
    let text = browser.client.active_element().await.expect("an element");
    text.send_keys("Oui").await.expect("keys");
    text.send_keys("\u{e009}\u{e007}").await.expect("Ctrl and Enter");
    browser.text(".message.person").await;
    for path in [
        "/console",
        "/console/conversations?q=bonjour",
        "/console/replies",
        "/console/sandbox",
        "/console/outbox",
        "/console/outbox?list=waiting",
        "/console/analytics",
    ] {
        browser.goto(path).await;
        browser.text("h1").await;
        browser.assert_accessible().await;
    }
    browser.close().await;
}

#[tokio::test]
async fn without_javascript_one_reads_and_answers() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let browser = Browser::without_scripts(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.client.wait().for_element(Locator::Css(".me")).await.expect("signed in");
    browser.goto("/console/conversations").await;
    browser.click("[data-row]").await;
    browser.write("#text", "Bonjour, ici Awa.").await;
    browser.click("#reply .send").await;
    browser.says("#told", "part à son tour").await;
    browser.says(".message.person", "ici Awa").await;
    browser.close().await;
}
