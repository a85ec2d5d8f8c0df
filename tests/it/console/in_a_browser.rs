//! Signing in and out, codes and a team in Chromium; every page of people is accessible.

use fantoccini::Locator;
use totp_rs::{Algorithm, Builder, Secret};

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::{PASSWORD, add_user};
use crate::daemon::World;

const AWA: &str = "awa@belle.example";

fn code(secret: &str, later: u64) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).expect("base 32");
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().expect("it holds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    totp.generate(now + later).to_string()
}

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, PHONE).await;
    browser.goto("/console/team").await;
    assert_eq!(browser.path().await, "/console/login?next=%2Fconsole%2Fteam");
    browser.assert_accessible().await;
    browser.screenshot("login-phone").await;
    browser.write("#email", AWA).await;
    browser.write("#password", "une autre phrase").await;
    browser.click("main button").await;
    // In the browser's language: nobody is signed in.
    assert!(!browser.text("#wrong").await.is_empty());
    browser.assert_accessible().await;
    browser.write("#password", PASSWORD).await;
    browser.click("main button").await;
    browser.client.wait().for_element(Locator::Css("#role")).await.expect("the team's page");
    assert_eq!(browser.path().await, "/console/team");
    browser.click(".me summary").await;
    browser.click("form[action='/console/logout'] button").await;
    browser.client.wait().for_element(Locator::Css("#password")).await.expect("the sign-in");
    browser.goto("/console/team").await;
    assert!(browser.path().await.starts_with("/console/login"));
    browser.close().await;
}

#[tokio::test]
async fn without_javascript_all_of_it_works() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::without_scripts(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.goto("/console/team").await;
    browser.write("#name", "Sophie").await;
    browser.write("#email", "sophie@belle.example").await;
    browser.click("form[action='/console/team'] button.primary").await;
    let link = browser.text("[role=status] code").await;
    assert!(link.contains("/console/invitation/"), "{link}");
    browser.close().await;
}

#[tokio::test]
async fn a_code_of_an_app_is_asked_for_once_it_is_on() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.goto("/console/account/code").await;
    browser.assert_accessible().await;
    browser.screenshot("code-laptop").await;
    let secret = browser.text("main code").await;
    browser.write("#code", "000000").await;
    browser.click("main form button").await;
    browser.says("#wrong", "ne convient pas").await;
    let used = code(&secret, 0);
    browser.write("#code", &used).await;
    browser.click("main form button").await;
    let recovery = browser.text(".codes li").await;
    browser.assert_accessible().await;

    browser.click(".me summary").await;
    browser.click("form[action='/console/logout'] button").await;
    browser.client.wait().for_element(Locator::Css("#password")).await.expect("the sign-in");
    browser.sign_in(AWA).await;
    browser.client.wait().for_element(Locator::Css("#code")).await.expect("the second step");
    browser.assert_accessible().await;
    browser.write("#code", &used).await;
    browser.click("main form button").await;
    assert!(!browser.text("#wrong").await.is_empty(), "no code is taken twice");
    browser.goto("/console/team").await;
    assert!(browser.path().await.starts_with("/console/login"), "half a sign-in is none");
    browser.sign_in(AWA).await;
    browser.write("#code", &code(&secret, 30)).await;
    browser.click("main form button").await;
    browser.client.wait().for_element(Locator::Css("form[action='/console/logout']")).await.expect("signed in");

    browser.click(".me summary").await;
    browser.click("form[action='/console/logout'] button").await;
    browser.client.wait().for_element(Locator::Css("#password")).await.expect("the sign-in");
    browser.sign_in(AWA).await;
    browser.write("#code", &recovery.to_uppercase()).await;
    browser.click("main form button").await;
    browser.client.wait().for_element(Locator::Css("form[action='/console/logout']")).await.expect("signed in");
    browser.close().await;
}

#[tokio::test]
async fn every_page_of_people_is_accessible() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    for (name, size) in [("phone", PHONE), ("laptop", LAPTOP)] {
        let browser = Browser::open(&world, size).await;
        browser.sign_in(AWA).await;
        browser.client.wait().for_element(Locator::Css("form[action='/console/logout']")).await.expect("signed in");
        for page in ["account", "team", "keys", "audit", "tenants", "nothing"] {
            browser.goto(&format!("/console/{page}")).await;
            browser.assert_accessible().await;
            browser.screenshot(&format!("{page}-{name}")).await;
        }
        browser.close().await;
    }
}
