//! The agenda in Chromium: on a phone and on a laptop, without JavaScript, accessible.

use chrono::{Days, Utc};
use chrono_tz::Europe::Paris;

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::console::agenda::TENANT;
use crate::daemon::{BELLE, Setup, World};

const AWA: &str = "awa@belle.example";

fn world() -> World {
    World::start_on(&Setup { tenant: TENANT.to_owned(), ..Setup::default() })
}

fn tomorrow() -> String {
    let today = Utc::now().with_timezone(&Paris).date_naive();
    today.checked_add_days(Days::new(1)).expect("a day").to_string()
}

/// Nadia books by writing; Awa sees it.
async fn nadia_books(world: &World) {
    world.write(BELLE, "+33612345678", "rdv manucure demain 15h").await;
    world.until("SELECT count(*) FROM bookings WHERE state = 'held'", 1).await;
    world.write(BELLE, "+33612345678", "oui").await;
    world.until("SELECT count(*) FROM bookings WHERE state = 'confirmed'", 1).await;
}

#[tokio::test]
async fn a_time_is_booked_and_moved_on_a_phone() {
    let world = world();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    nadia_books(&world).await;
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto(&format!("/console/bookings?day={}", tomorrow())).await;
    browser.says("#agenda", "15:00").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-phone").await;
    browser.click("a.free[href*='10%3A00'][href*='with=Sophie']").await;
    browser.says("h1", "Noter").await;
    browser.write("[name=who]", "+33 6 87 65 43 21").await;
    browser.write("[name=name]", "Sonia").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-book-phone").await;
    browser.click("#book button.main").await;
    browser.says("#told", "noté").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-booking-phone").await;
    browser.click("#cancel summary").await;
    browser.click("#cancel button").await;
    browser.says("#told", "annulé").await;
    browser.close().await;
}

#[tokio::test]
async fn without_javascript_a_booking_is_called_off() {
    let world = world();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    nadia_books(&world).await;
    let browser = Browser::without_scripts(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.goto(&format!("/console/bookings?day={}&view=week", tomorrow())).await;
    browser.click("a.slot").await;
    browser.says("h1", "Manucure").await;
    browser.click("#cancel summary").await;
    browser.click("#cancel button").await;
    browser.says("#told", "annulé").await;
    world.until("SELECT count(*) FROM messages_out WHERE body LIKE 'Votre rendez-vous est annulé%'", 1).await;
    browser.close().await;
}

#[tokio::test]
async fn what_a_customer_books_appears_by_itself_on_a_laptop() {
    let world = world();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, LAPTOP).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto(&format!("/console/bookings?day={}", tomorrow())).await;
    browser.says("#agenda", "Libre").await;
    nadia_books(&world).await;
    browser.says("#agenda", "15:00–15:45").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-laptop").await;
    browser.goto(&format!("/console/bookings?day={}&view=week", tomorrow())).await;
    browser.says("#agenda", "15:00–15:45").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-week-laptop").await;
    browser.goto("/console/bookings").await;
    browser.text("h1").await;
    browser.assert_accessible().await;
    browser.screenshot("agenda-today-laptop").await;
    browser.close().await;
}

#[tokio::test]
async fn requests_are_marked_on_a_phone() {
    let world = crate::console::leads::world();
    crate::console::leads::diallo_asks(&world, "+33612345678", "bjr besoin d'un devis fuite salle de bain urgent")
        .await;
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in(AWA).await;
    browser.text(".tiles").await;
    browser.goto("/console/leads").await;
    browser.says("#leads", "Diallo").await;
    browser.assert_accessible().await;
    browser.screenshot("leads-phone").await;
    browser.click("#leads button[value=contacted]").await;
    browser.says("#told", "noté").await;
    browser.close().await;
}

#[tokio::test]
async fn rides_are_accessible_on_a_phone_and_come_by_themselves() {
    let world = crate::console::rides::world();
    add_user(&world, "saliou@taxi.example", "Saliou", ("taxi", "owner"));
    let browser = Browser::open(&world, PHONE).await;
    browser.sign_in("saliou@taxi.example").await;
    browser.text(".tiles").await;
    browser.goto("/console/rides").await;
    browser.says("#duty", "Personne").await;
    crate::console::rides::ride(&world).await;
    browser.says("#open", "cherche un chauffeur").await;
    browser.assert_accessible().await;
    browser.screenshot("rides-phone").await;
    browser.close().await;
}
