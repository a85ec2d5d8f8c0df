//! The set-up in Chromium: from nothing to the first answer on a phone, every step accessible, hostile names, without JavaScript.

use fantoccini::Locator;

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::daemon::{Setup, Waiting, World};

const OPS: &str = "ops@agency.example";
/// What `Chez Awa <script>alert(1)</script> & fils` is called.
const TENANT: &str = "chez-awa-script-alert-1-script-fils";

/// A world without tenants, and whoever runs it.
fn nothing() -> World {
    let mut world = World::asleep(&Setup::default());
    for tenant in ["belle", "taxi"] {
        let file = world.config().with_file_name("tenants").join(format!("{tenant}.toml"));
        std::fs::remove_file(file).expect("it was there");
    }
    world.start_daemon();
    add_user(&world, OPS, "Ops <img src=x onerror=alert(1)>", ("*", "operator"));
    world
}

/// Looks at a page as axe and people do.
async fn looked_at(browser: &Browser, name: &str) {
    browser.assert_accessible().await;
    browser.screenshot(&format!("setup-{name}")).await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let wide = browser.client.execute(wide, Vec::new()).await.expect("a number");
    assert_eq!(wide.as_i64(), Some(0), "{name} is wider than the screen");
}

/// Waits until the bot has learnt an answer that was just written: customers ask until one gets it.
async fn learnt(world: &World) {
    let inbound = format!("{}/webhooks/sandbox/{TENANT}-try", world.base_url());
    let mut waiting = Waiting::begin();
    for customer in 1.. {
        let body = serde_json::json!({ "from": format!("c{customer}"), "text": "Quels sont vos horaires ?" });
        let post = reqwest::Client::new().post(&inbound).header("Content-Type", "application/json");
        let answer = post.body(body.to_string()).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{}", world.logs());
        world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
        if world.value::<i64>("SELECT count(*) FROM messages_out WHERE body LIKE '12 rue des Lilas%'").await > 0 {
            return;
        }
        assert!(waiting.goes_on(), "{}", world.logs());
    }
}

async fn from_nothing_to_an_answer(world: &World, browser: &Browser, name: &str) {
    browser.sign_in(OPS).await;
    browser.goto("/console").await;
    browser.says("h1", "Nouvelle entreprise").await;
    looked_at(browser, &format!("new-{name}")).await;
    browser.click("input[value=beauty]").await;
    browser.write("#f-name", "Chez Awa <script>alert(1)</script> & fils").await;
    browser.write("#f-timezone", "Europe/Paris").await;
    browser.click("button.main").await;
    browser.says("h1", "Mise en route").await;
    looked_at(browser, &format!("overview-{name}")).await;
    browser.click("a.main").await;
    browser.says("h1", "Votre entreprise").await;
    looked_at(browser, &format!("business-{name}")).await;
    browser.click("button.main").await;
    browser.says("h1", "Vos horaires").await;
    browser.write("#f-mon", "quand je veux").await;
    // Nothing is lost on reload.
    browser.client.refresh().await.expect("it reloads");
    browser.says("h1", "Vos horaires").await;
    let typed = browser.client.find(Locator::Css("#f-mon")).await.expect("a field").prop("value").await;
    assert_eq!(typed.expect("it has a value").as_deref(), Some("quand je veux"));
    browser.click("button.main").await;
    browser.says("#h-mon", "À corriger").await;
    looked_at(browser, &format!("hours-{name}")).await;
    browser.write("#f-mon", "9h-12h").await;
    browser.click("button.main").await;
    browser.says("h1", "Ce qu'on peut réserver").await;
    looked_at(browser, &format!("services-{name}")).await;
    browser.write("#f-price_0", "<b>30 €</b>").await;
    browser.click("button.main").await;
    browser.says("h1", "Votre équipe").await;
    browser.write("#f-name", "Sophie").await;
    browser.write("#f-email", "sophie@belle.example").await;
    browser.click("details.boxed button").await;
    browser.says("#link", "/console/invitation/").await;
    looked_at(browser, &format!("people-{name}")).await;
    browser.click("#on").await;
    browser.says("h1", "Vos réponses").await;
    looked_at(browser, &format!("faq-{name}")).await;
    browser.write("#f-answer_0", "12 rue des Lilas, <i>au fond</i>.").await;
    browser.click("button.main").await;
    browser.says("h1", "Essayer").await;
    browser.says("#tried", "Personne n'a encore essayé").await;
    looked_at(browser, &format!("trial-{name}")).await;
    learnt(world).await;
    browser.says("#tried", "le robot l'a eu").await;
    browser.click("button.main").await;
    browser.says("#phone", "12 rue des Lilas, <i>au fond</i>.").await;
    browser.screenshot(&format!("setup-answer-{name}")).await;
    browser.goto("/console/setup").await;
    browser.says(".steps", "fait").await;
    looked_at(browser, &format!("overview-done-{name}")).await;
}

#[tokio::test]
async fn from_nothing_to_the_first_answer_on_a_phone() {
    let world = nothing();
    let browser = Browser::open(&world, PHONE).await;
    from_nothing_to_an_answer(&world, &browser, "phone").await;
    browser.goto("/console/setup/channel").await;
    looked_at(&browser, "channels-phone").await;
    browser.goto("/console/setup/channel?provider=greenapi-whatsapp").await;
    browser.click("details.boxed summary").await;
    browser.text(".picture").await;
    looked_at(&browser, "channel-phone").await;
    browser.write("#f-address", "+224620000000").await;
    browser.write("#f-instance_id", "7105440259").await;
    browser.write("#f-api_token", "d75b3a66374942c5b3c019c698abc2067e151558acbd412345").await;
    browser.click("button.main").await;
    browser.says("#light", "En attente").await;
    looked_at(&browser, "connected-phone").await;
    browser.close().await;
}

#[tokio::test]
async fn every_step_is_accessible_on_a_laptop() {
    let world = nothing();
    let browser = Browser::open(&world, LAPTOP).await;
    from_nothing_to_an_answer(&world, &browser, "laptop").await;
    browser.close().await;
}

#[tokio::test]
async fn without_javascript_a_tenant_is_made_and_changed() {
    let world = nothing();
    let browser = Browser::without_scripts(&world, LAPTOP).await;
    browser.sign_in(OPS).await;
    browser.goto("/console/tenants/new").await;
    browser.write("#f-name", "Taxi Bleu").await;
    browser.click("input[value=taxi]").await;
    browser.click("button.main").await;
    browser.says("h1", "Mise en route").await;
    browser.click("a.main").await;
    browser.says("h1", "Votre entreprise").await;
    browser.click("button.main").await;
    browser.says("h1", "Vos horaires").await;
    browser.write("#f-sun", "fermé").await;
    browser.click("button.main").await;
    browser.says("h1", "Ce qu'on peut réserver").await;
    let file = world.config().with_file_name("tenants").join("taxi-bleu.toml");
    let text = std::fs::read_to_string(file).expect("its file");
    assert!(!text.contains("sun =") && text.contains("sat ="), "{text}");
    browser.close().await;
}
