//! The FAQ's page in Chromium: filtered by typing, a question tried and added on a phone, without JavaScript, accessible.

use fantoccini::Locator;

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::daemon::{BELLE, World};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";

#[tokio::test]
async fn a_question_is_tried_added_and_found_by_typing_on_a_phone() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Vous faites le henné ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'answered_fallback'", 1).await;
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto("/console/faq").await;
    browser.click("#template summary").await;
    browser.click("#template button").await;
    browser.says("#told", "9 questions ajoutées").await;
    browser.assert_accessible().await;
    browser.screenshot("faq-phone").await;
    browser.write("[name=try]", "Vous faites le henné ?").await;
    browser.click("form.line button").await;
    browser.says("#tried", "la réponse par défaut").await;
    browser.assert_accessible().await;
    browser.click("#tried a.button").await;
    browser.write("#add [name=answer]", "Oui, le jeudi.").await;
    browser.click("#add button.main").await;
    browser.says("#told", "Question ajoutée").await;
    browser.write("#q", "henne").await;
    let shown = browser.client.find_all(Locator::Css("#entries > li:not([hidden])")).await.expect("a list");
    assert_eq!(shown.len(), 1);
    browser.click("#entries > li:not([hidden]) a.button").await;
    browser.says("h1", "Modifier").await;
    browser.assert_accessible().await;
    browser.screenshot("faq-edit-phone").await;
    browser.close().await;
}

#[tokio::test]
async fn without_javascript_questions_are_added_and_filtered() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::without_scripts(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.goto("/console/faq").await;
    browser.click("#add summary").await;
    browser.write("#add [name=question]", "Faites-vous le henné ?").await;
    browser.write("#add [name=answer]", "Oui, le jeudi.").await;
    browser.click("#add button.main").await;
    browser.says("#told", "Question ajoutée").await;
    browser.write("#q", "jeudi").await;
    browser.click("[role=search] button").await;
    browser.client.wait().for_element(Locator::Css("#q[value='jeudi']")).await.expect("the page that was searched");
    browser.says("#entries", "le henné").await;
    let shown = browser.client.find_all(Locator::Css("#entries > li")).await.expect("a list");
    assert_eq!(shown.len(), 1);
    browser.close().await;
}

#[tokio::test]
async fn the_page_is_accessible_on_a_laptop() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    for path in ["/console/faq", "/console/faq?try=vos+horaires+svp", "/console/faq?question=Un+parking+%3F"] {
        browser.goto(path).await;
        browser.text("h1").await;
        browser.assert_accessible().await;
    }
    browser.screenshot("faq-laptop").await;
    browser.close().await;
}
