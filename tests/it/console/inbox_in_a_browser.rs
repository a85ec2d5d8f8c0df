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
    let world = World::start();
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

#[tokio::test]
async fn a_browser_comes_back_by_itself_after_kill_9_and_misses_nothing() {
    let mut world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let browser = signed_in(&world, PHONE).await;
    browser.goto("/console/conversations").await;
    browser.click("[data-row]").await;
    browser.says("#timeline", "Bonjour").await;
    browser.write("#text", "à moitié écrit").await;
    let port = world.port();
    world.kill();
    // What stands on the page is not what is in the database any more, and the page says so.
    browser.says("#connection:not([hidden])", "Hors ligne").await;
    world.start_daemon_at(port);
    for said in ["Vous êtes là ?", "Je rappelle demain"] {
        world.write(BELLE, CUSTOMER, said).await;
    }
    browser.says("#timeline", "Vous êtes là ?").await;
    browser.says("#timeline", "Je rappelle demain").await;
    browser.client.wait().for_element(Locator::Css("#connection[hidden]")).await.expect("it is up to date again");
    let text = browser.client.find(Locator::Css("#text")).await.expect("the composer").prop("value").await;
    assert_eq!(text.expect("a value").as_deref(), Some("à moitié écrit"), "what was being written is still there");
    browser.says("#reply .send", "Envoyer quand même").await;
    browser.close().await;
}

#[tokio::test]
async fn where_streams_are_blocked_the_page_asks_again_and_says_so() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = signed_in(&world, LAPTOP).await;
    browser.block(&["*/console/events*"]).await;
    browser.goto("/console/conversations").await;
    browser.says("#connection:not([hidden])", "toutes les 5 secondes").await;
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    browser.says("[data-row]", "Camille").await;
    browser.close().await;
}

#[tokio::test]
async fn i14_two_people_see_each_other_and_none_answers_blindly() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    world.write(BELLE, CUSTOMER, "Avez-vous de la place ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk: String = world.value("SELECT id FROM conversations").await;
    let awa = signed_in(&world, LAPTOP).await;
    let sophie = Browser::open(&world, PHONE).await;
    sophie.sign_in("sophie@belle.example").await;
    sophie.text(".tiles").await;
    let path = format!("/console/conversations/{talk}");
    awa.goto(&path).await;
    sophie.goto(&path).await;
    awa.says("#colleagues", "Sophie regarde").await;
    sophie.write("#text", "Oui, à 15 h.").await;
    awa.says("#colleagues", "Sophie écrit").await;
    awa.write("#text", "Non, désolée.").await;
    sophie.click("#reply .send").await;
    sophie.says(".message.person .text", "Oui, à 15 h.").await;
    // It comes to the other one while she writes: one key more sends hers all the same.
    awa.says(".message.person .text", "Oui, à 15 h.").await;
    awa.says("#reply .send", "Envoyer quand même").await;
    let text = awa.client.find(Locator::Css("#text")).await.expect("the composer").prop("value").await;
    assert_eq!(text.expect("a value").as_deref(), Some("Non, désolée."));
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out WHERE kind = 'manual'").await, 1);
    awa.click("#reply .send").await;
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'manual'", 2).await;
    awa.close().await;
    sophie.close().await;
}

#[tokio::test]
async fn whoever_is_waited_for_is_told_on_any_page_and_nobody_else() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let (awa, sophie) = (signed_in(&world, PHONE).await, Browser::open(&world, PHONE).await);
    sophie.sign_in("sophie@belle.example").await;
    sophie.text(".tiles").await;
    awa.goto("/console/conversations").await;
    awa.click("[data-row]").await;
    awa.click("[data-key=t]").await;
    awa.says("#told", "le robot se tait").await;
    for browser in [&awa, &sophie] {
        browser.goto("/console/replies").await;
        browser.client.wait().for_element(Locator::Css("body[data-waits='0']")).await.expect("it was asked");
    }
    world.write(BELLE, CUSTOMER, "Vous êtes là ?").await;
    awa.client.wait().for_element(Locator::Css("body[data-waits='1'][data-rang='1']")).await.expect("it rings");
    assert!(awa.client.title().await.expect("a title").starts_with("(1) "));
    awa.client.wait().for_element(Locator::Css("#waits:not([hidden])")).await.expect("it says how many");
    awa.assert_accessible().await;
    awa.screenshot("waits-phone").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_human'", 1).await;
    let silent = Locator::Css("body[data-waits='0']:not([data-rang])");
    sophie.client.find(silent).await.expect("it is not hers to answer");
    assert!(!sophie.client.title().await.expect("a title").starts_with('('));
    // Whoever wants no sound says so once.
    awa.click(".me summary").await;
    awa.click("#sound").await;
    awa.client.wait().for_element(Locator::Css("#sound[aria-pressed=false]")).await.expect("it is off");
    awa.close().await;
    sophie.close().await;
}

#[tokio::test]
async fn from_the_sign_in_to_the_answer_without_a_mouse() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let browser = Browser::open(&world, LAPTOP).await;
    browser.goto("/console/login?next=%2Fconsole%2Fconversations").await;
    let keys = async |keys: &str| {
        let at = browser.client.active_element().await.expect("an element");
        at.send_keys(keys).await.expect("keys");
    };
    // The skip link, the e-mail address, the password: what comes first is written first.
    let email = browser.client.wait().for_element(Locator::Css("#email")).await.expect("a field");
    email.send_keys(AWA).await.expect("keys");
    keys("\u{e004}").await;
    keys(crate::console::PASSWORD).await;
    keys("\u{e007}").await;
    browser.says("[data-row]", "Camille").await;
    keys("?").await;
    browser.client.wait().for_element(Locator::Css("dialog#keys[open]")).await.expect("the keys");
    browser.assert_accessible().await;
    keys("\u{e00c}").await;
    browser.client.wait().for_element(Locator::Css("dialog#keys:not([open])")).await.expect("it closes");
    keys("/").await;
    let search = browser.client.active_element().await.expect("an element").attr("id").await.expect("an id");
    assert_eq!(search.as_deref(), Some("q"));
    keys("bonjour\u{e007}").await;
    browser.says("h1", "Chercher").await;
    keys("gi").await;
    browser.says("[data-row]", "Camille").await;
    keys("j").await;
    while {
        let row = browser.client.wait().for_element(Locator::Css(".row a.at")).await.expect("it is chosen");
        row.send_keys("\u{e007}").await.is_err()
    } {}
    browser.text("#timeline .theirs").await;
    keys("r").await;
    keys("Bonjour, ici Awa.").await;
    keys("\u{e009}\u{e007}\u{e000}").await;
    browser.says(".message.person", "ici Awa").await;
    keys("\u{e00c}").await;
    keys("n").await;
    let note = browser.client.active_element().await.expect("an element").attr("id").await.expect("an id");
    assert_eq!(note.as_deref(), Some("note"));
    browser.close().await;
}
