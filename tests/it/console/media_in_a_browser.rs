//! Files of messages in Chromium: pictures, players, and why something is not there.

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::daemon::{BELLE, Setup, World};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";

async fn send(world: &World, names: &[&str]) {
    let mut message = world.text(BELLE, CUSTOMER, "Voilà");
    message.more.push(("NumMedia".to_owned(), names.len().to_string()));
    for (nth, name) in names.iter().enumerate() {
        message.more.push((format!("MediaUrl{nth}"), world.twilio.file_url(BELLE.account_sid, name)));
        message.more.push((format!("MediaContentType{nth}"), "image/jpeg".to_owned()));
    }
    assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200);
}

/// Runs a script in the page until it answers something.
async fn until(browser: &Browser, script: &str) -> Value {
    let mut waiting = crate::daemon::Waiting::begin();
    loop {
        let found = browser.client.execute(script, vec![]).await.expect("the script runs");
        if found != json!(null) && found != json!(false) {
            return found;
        }
        waiting.again(|| script.to_owned()).await;
    }
}

#[tokio::test]
async fn pictures_are_shown_sound_is_played_and_names_are_harmless() {
    let world = World::start_on(&Setup { tenant: "[media]\nmax_bytes = 100000\n".to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    browser.goto("/console/conversations").await;
    browser.click("[data-row]").await;
    browser.says(".theirs .text", "Bonjour").await;
    // They come by themselves, first as what is being fetched.
    send(&world, &["photo", "voice", "paper", "large", "page", "gone"]).await;
    until(
        &browser,
        "const photo = document.querySelector('img.picture'); return photo && photo.complete && photo.naturalWidth",
    )
    .await;
    until(&browser, "return document.querySelectorAll('.file').length === 6").await;
    browser.says(".file.missing", "trop volumineux").await;
    until(&browser, "return document.querySelectorAll('.file.missing').length === 3").await;
    // The policy of the page lets it play.
    let played = until(
        &browser,
        "const sound = document.querySelector('audio'); \
         if (sound.dataset.asked !== 'yes') { sound.dataset.asked = 'yes'; sound.preload = 'auto'; sound.load(); } \
         return sound.error ? 'error ' + sound.error.message : sound.readyState >= 1 && sound.duration",
    );
    assert_eq!(played.await, json!(0.5));
    browser.assert_accessible().await;
    browser.screenshot("media-laptop").await;

    // What the sender called them is text, wherever it stands.
    let hostile = "UPDATE media SET name = '../<img src=x onerror=document.title=1>\"''.pdf' WHERE content_type = 'application/pdf'";
    world.execute(hostile).await;
    browser.client.refresh().await.expect("a page");
    browser.says(".file .paper", "img src=x onerror=document.title=1").await;
    assert!(browser.client.find_all(Locator::Css(".file img:not(.picture)")).await.expect("an answer").is_empty());
    // Nothing that is served runs, and a picture opens by itself.
    let link = browser.client.find(Locator::Css(".file a")).await.expect("a link");
    let href = link.attr("href").await.expect("an answer").expect("a place");
    browser.goto(&href).await;
    until(&browser, "return document.images.length === 1 && document.images[0].naturalWidth > 0").await;

    // The composer takes a file, and it stands in the conversation as it was sent.
    browser.goto("/console/conversations").await;
    browser.click("[data-row]").await;
    let chosen = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gateway/simulator/files/photo.png");
    let input = browser.client.find(Locator::Css("#attachment")).await.expect("an input");
    input.send_keys(chosen).await.expect("a file");
    browser.says("#attached", "photo.png").await;
    until(&browser, "return document.querySelector('#reply [name=file]').value || null").await;
    browser.assert_accessible().await;
    browser.screenshot("media-composer").await;
    browser.click("#reply .send").await;
    until(&browser, "return document.querySelectorAll('.ours img.picture').length === 1").await;
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'manual' AND state = 'sent'", 1).await;
    let sent = world.twilio.sends().into_iter().filter(|sent| sent.media_url.is_some()).count();
    assert_eq!(sent, 1);

    browser.close().await;
    let phone = Browser::open(&world, PHONE).await;
    phone.sign_in(AWA).await;
    phone.text(".tiles").await;
    phone.goto("/console/conversations").await;
    phone.click("[data-row]").await;
    until(
        &phone,
        "const photo = document.querySelector('img.picture'); return photo && photo.complete && photo.naturalWidth",
    )
    .await;
    let wide = phone.client.execute("return document.documentElement.scrollWidth", vec![]).await.expect("a number");
    assert!(wide.as_u64().is_some_and(|wide| wide <= 360), "nothing is wider than the phone: {wide}");
    phone.assert_accessible().await;
    phone.screenshot("media-phone").await;
    phone.close().await;
}
