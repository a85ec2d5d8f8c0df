//! The waiting list and busy times from other calendars, through the real daemon. Run on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{Days, Timelike as _, Utc};
use reqwest::Client;
use serde_json::{Value, json};

use crate::daemon::{Setup, World};
use crate::flows;
use crate::http_stand_in::serve;

/// A time zone in which it is about noon: nobody is offered a time at night.
fn zone_at_noon() -> (String, i64) {
    let ahead = 12 - i64::from(Utc::now().hour());
    // The signs of these names are the other way round.
    (if ahead > 0 { format!("Etc/GMT-{ahead}") } else { format!("Etc/GMT+{}", -ahead) }, ahead)
}

fn setup() -> Setup {
    Setup { timezone: zone_at_noon().0, ..flows::setup() }
}

async fn say(world: &World, customer: &str, text: &str) {
    let body = json!({ "from": customer, "name": customer, "text": text }).to_string();
    let url = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    let request = Client::new().post(url).header("Content-Type", "application/json").body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

/// Waits until a customer was sent a text that begins so.
async fn hears(world: &World, customer: &str, beginning: &str) {
    let beginning = beginning.replace('\'', "''");
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM messages_out WHERE \"to\" = 'sandbox:{customer}' AND body LIKE '{beginning}%' LIMIT 1) heard"
    );
    world.until(&sql, 1).await;
}

async fn talks(world: &World, customer: &str, lines: &[(&str, &str)]) {
    for (said, expected) in lines {
        say(world, customer, said).await;
        hears(world, customer, expected).await;
    }
}

#[tokio::test]
async fn i12_a_time_that_is_called_off_goes_to_who_waits_longest() {
    let world = World::start_on(&setup());
    talks(&world, "nadia", &[("rdv après-demain 15h", "Manucure "), ("oui", "C'est réservé.")]).await;
    let waits = "liste d'attente après-demain 15h";
    talks(&world, "awa", &[(waits, "C'est noté : je vous écris ici")]).await;
    talks(&world, "diallo", &[(waits, "C'est noté : je vous écris ici")]).await;
    talks(&world, "nadia", &[("annuler mon rdv", "Annuler Manucure "), ("oui", "C'est annulé.")]).await;
    hears(&world, "awa", "Une place s'est libérée : Manucure ").await;
    let states = "SELECT count(*) FROM waiting_list WHERE state = 'offered'";
    assert_eq!(world.value::<i64>(states).await, 1);
    let others = "SELECT count(*) FROM messages_out WHERE \"to\" = 'sandbox:diallo' AND body LIKE 'Une place%'";
    assert_eq!(world.value::<i64>(others).await, 0, "one is asked, then the next");
    talks(&world, "awa", &[("non", "D'accord. Je vous écris si une autre place")]).await;
    hears(&world, "diallo", "Une place s'est libérée : Manucure ").await;
    talks(&world, "diallo", &[("oui", "C'est réservé.")]).await;
    let taken = "SELECT count(*) FROM waiting_list WHERE state = 'taken'";
    assert_eq!(world.value::<i64>(taken).await, 1);
    let confirmed = "SELECT count(*) FROM bookings WHERE state = 'confirmed'";
    assert_eq!(world.value::<i64>(confirmed).await, 1);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 9);
    let events =
        "SELECT count(*) FROM event_log WHERE event_type IN ('waiting_joined', 'waiting_offered', 'waiting_ended')";
    assert_eq!(world.value::<i64>(events).await, 5, "two joined, two were offered it, one has it");
}

#[tokio::test]
async fn who_comes_late_is_noted_and_the_next_customer_cannot_have_that_time() {
    let world = World::start_on(&setup());
    talks(&world, "nadia", &[("rdv demain 15h", "Manucure "), ("oui", "C'est réservé.")]).await;
    talks(&world, "nadia", &[("demain je serai en retard de 30 min", "Noté, Awa est au courant")]).await;
    assert_eq!(world.value::<i64>("SELECT late_minutes FROM bookings").await, 30);
    talks(&world, "awa", &[("rdv demain 16h", "16:00 est pris.")]).await;
    let event = "SELECT count(*) FROM event_log WHERE event_type = 'booking_late'";
    assert_eq!(world.value::<i64>(event).await, 1);
}

/// A calendar in which the whole of tomorrow is taken.
struct Elsewhere {
    is_away: AtomicBool,
}

async fn answer(calendar: Data<Elsewhere>) -> HttpResponse {
    if calendar.is_away.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let local = Utc::now() + chrono::TimeDelta::hours(zone_at_noon().1);
    let tomorrow = local.date_naive().checked_add_days(Days::new(1)).expect("a day");
    let event = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@test\r\nDTSTART;VALUE=DATE:{}\r\nSUMMARY:Vacances secrètes\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n",
        tomorrow.format("%Y%m%d")
    );
    HttpResponse::Ok().content_type("text/calendar").body(event)
}

#[tokio::test]
async fn what_is_taken_in_another_calendar_is_not_offered_also_when_it_cannot_be_read_any_more() {
    let calendar = Arc::new(Elsewhere { is_away: AtomicBool::new(false) });
    let url = format!("http://{}/private-4711/basic.ics", serve(&calendar, answer));
    let own = setup();
    let tenant = format!("{}\n[[calendars]]\nresource = \"Awa\"\nurl = {{ file = \"awa.url\" }}\n", own.tenant);
    let daemon = format!("{}\n[webhooks]\nprivate_targets = true\n", own.daemon);
    let mut world = World::asleep(&Setup { tenant, daemon, ..own });
    world.write_secret("awa.url", &url);
    world.start_daemon();
    // Both tenants read it.
    world.until("SELECT count(*) FROM calendar_feeds WHERE fetched_at IS NOT NULL AND resource = 'Awa'", 2).await;
    talks(&world, "nadia", &[("rdv demain 15h", "C'est complet")]).await;
    talks(&world, "awa", &[("rdv après-demain 15h", "Manucure ")]).await;

    calendar.is_away.store(true, Ordering::SeqCst);
    for attempts in 1..=3 {
        world.execute("UPDATE calendar_feeds SET next_fetch_at = fetched_at").await;
        world
            .until(
                &format!("SELECT count(*) FROM calendar_feeds WHERE last_error = 'failed' AND attempts = {attempts}"),
                2,
            )
            .await;
    }
    talks(&world, "diallo", &[("rdv demain 15h", "C'est complet")]).await;
    let mut health = Value::Null;
    for _ in 0..100 {
        let answer = reqwest::get(format!("{}/api/health", world.base_url())).await.expect("an answer");
        health = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        if health.to_string().contains("a calendar cannot be read") {
            break;
        }
        world.execute("UPDATE calendar_feeds SET attempts = 3").await;
        tokio::task::yield_now().await;
    }
    assert!(health.to_string().contains("a calendar cannot be read"), "{health}");
    let logs = world.logs();
    assert!(!logs.contains("private-4711") && !logs.contains("secrètes"), "the address of a calendar is a secret");
}

/// A CalDAV server on which the whole of tomorrow is taken, for whoever asks as it wants to be asked.
async fn answer_a_query(request: actix_web::HttpRequest, body: String) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("Authorization") != "Basic YXdhOnMzY3JldA==" {
        return HttpResponse::Unauthorized().finish();
    }
    let asks = request.method().as_str() == "REPORT" && header("Depth") == "1" && body.contains("<C:time-range start=");
    if !asks {
        return HttpResponse::MethodNotAllowed().finish();
    }
    let local = Utc::now() + chrono::TimeDelta::hours(zone_at_noon().1);
    let tomorrow = local.date_naive().checked_add_days(Days::new(1)).expect("a day");
    let answer = format!(
        "<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\"><d:response><d:propstat><d:prop>\
        <c:calendar-data xmlns:c=\"urn:ietf:params:xml:ns:caldav\">BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1@test\n\
        DTSTART;VALUE=DATE:{}\nSUMMARY:Vacances &amp; repos\nEND:VEVENT\nEND:VCALENDAR\n</c:calendar-data></d:prop>\
        </d:propstat></d:response></d:multistatus>",
        tomorrow.format("%Y%m%d")
    );
    HttpResponse::MultiStatus().content_type("application/xml").body(answer)
}

#[tokio::test]
async fn a_calendar_behind_an_account_is_read_by_caldav() {
    let url = format!("http://{}/dav/awa/", serve(&Arc::new(()), answer_a_query));
    let own = setup();
    let account = "user = \"awa\"\npassword = { file = \"awa.password\" }";
    let tenant =
        format!("{}\n[[calendars]]\nresource = \"Awa\"\nurl = {{ file = \"awa.url\" }}\n{account}\n", own.tenant);
    let daemon = format!("{}\n[webhooks]\nprivate_targets = true\n", own.daemon);
    let mut world = World::asleep(&Setup { tenant, daemon, ..own });
    world.write_secret("awa.url", &url);
    world.write_secret("awa.password", "s3cret");
    world.start_daemon();
    world.until("SELECT count(*) FROM calendar_feeds WHERE fetched_at IS NOT NULL AND resource = 'Awa'", 2).await;
    talks(&world, "nadia", &[("rdv demain 15h", "C'est complet")]).await;
    talks(&world, "awa", &[("rdv après-demain 15h", "Manucure ")]).await;
    assert!(!world.logs().contains("s3cret"), "a password is a secret");
}
