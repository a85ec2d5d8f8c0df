//! The agenda: booked by hand, moved, settled and called off by people, programs and the command line; who comes second is told.

use chrono::{Days, DurationRound as _, TimeDelta, Utc};
use chrono_tz::Europe::Paris;
use reqwest::Client;
use serde_json::{Value, json};

use super::*;
use crate::daemon::{BELLE, Setup};

const AWA: &str = "awa@belle.example";
const NADIA: &str = "+33612345678";
const KEY: &str = "key-of-the-booking-site-0123456789";

/// A business without hours, so that any day will do.
pub(crate) const TENANT: &str = r#"
    [[services]]
    id = "manucure"
    name = "Manucure"
    duration = "45m"
    price = "35 €"
    resources = ["Awa", "Sophie"]
    [[services]]
    id = "pedicure"
    name = "Pédicure"
    duration = "30m"
    resources = ["Sophie"]
    [booking]
    every = "30m"
    lead_time = "1m"
    [[flows]]
    use = "booking"
    keywords = ["rdv"]
"#;

/// A class that three people share.
const CLASS: &str =
    "[[services]]\nid = \"yoga\"\nname = \"Yoga\"\nduration = \"1h\"\nresources = [\"Salle\"]\ncapacity = 3\n";

fn world() -> World {
    world_of(TENANT)
}

fn world_of(tenant: &str) -> World {
    let daemon = "[runtime]\nsweep_every = \"100ms\"\n[[api.keys]]\nname = \"site\"\nkey = { file = \"site.key\" }\n\
        tenants = [\"belle\"]\nscopes = [\"read\", \"read-content\", \"send\", \"operate\"]\n";
    let setup = Setup { daemon: daemon.to_owned(), tenant: tenant.to_owned(), ..Setup::default() };
    let mut world = World::asleep(&setup);
    world.write_secret("site.key", KEY);
    world.start_daemon();
    world
}

async fn awa(world: &World, role: &str) -> Visitor {
    add_user(world, AWA, "Awa", ("belle", role));
    signed_in(world, AWA).await
}

/// A page as it is read: templates write slashes as entities.
fn plain(page: &str) -> String {
    page.replace("&#x2f;", "/")
}

/// A day by the shop's clocks, so many days from now.
fn day(after: u64) -> String {
    let today = Utc::now().with_timezone(&Paris).date_naive();
    today.checked_add_days(Days::new(after)).expect("a day").to_string()
}

fn booking<'a>(day: &'a str, time: &'a str, with: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("service", "manucure"), ("with", with), ("day", day), ("time", time)]
}

async fn ask(world: &World, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/{path}", world.base_url());
    let request = Client::new().post(url).bearer_auth(KEY).header("Content-Type", "application/json");
    let answer = request.body(body.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

#[tokio::test]
async fn a_booking_that_is_dragged_to_a_free_time_is_asked_about_on_its_page() {
    let world = world();
    let mut awa = awa(&world, "agent").await;
    let (tomorrow, later) = (day(1), day(2));
    awa.get("/console/bookings/new").await;
    let mut new = booking(&tomorrow, "10:00", "Awa");
    new.extend([("who", NADIA), ("name", "Nadia")]);
    let made = awa.submit("/console/bookings", &new).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let id: String = world.value("SELECT id FROM bookings").await;
    let page = awa.get(&format!("/console/bookings/{id}?day={later}&time=14:30&with=Sophie")).await.body;
    let page = plain(&page);
    assert!(page.contains(&format!("value=\"{later}\"")) && page.contains("value=\"14:30\""), "{page}");
    assert!(page.contains("<option selected>Sophie</option>"), "{page}");
    // What cannot be is left as it is: somebody who does not do it, a time that is none.
    let page = plain(&awa.get(&format!("/console/bookings/{id}?day={later}&time=99:99&with=Nobody")).await.body);
    assert!(page.contains("value=\"10:00\"") && page.contains("<option selected>Awa</option>"), "{page}");
    assert_eq!(world.value::<String>("SELECT resource FROM bookings").await, "Awa", "looking changes nothing");
}

#[tokio::test]
async fn a_booking_is_made_moved_and_called_off_by_hand() {
    let world = world();
    let mut awa = awa(&world, "agent").await;
    let tomorrow = day(1);
    let page = awa.get(&format!("/console/bookings?day={tomorrow}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let page = plain(&page.body);
    let free = format!("/console/bookings/new?day={tomorrow}&amp;time=10%3A00&amp;with=Awa");
    assert!(page.contains(&free), "{page}");
    assert!(page.contains("href=\"/console/bookings\" aria-current=\"page\""), "it stands in the navigation");
    let form = awa.get(&free.replace("&amp;", "&")).await;
    assert!(form.body.contains("value=\"10:00\"") && form.body.contains("<option selected>Awa"), "{}", form.body);

    let who = [("who", "+33 6 12 34 56 78"), ("name", "Nadia"), ("tell", "yes")];
    let booked = awa.submit("/console/bookings", &[&booking(&tomorrow, "10:00", "Awa")[..], &who].concat()).await;
    assert!(booked.location().ends_with("?done=booked&told=waits"), "{} {}", booked.location(), booked.body);
    let id: String = world.value("SELECT id FROM bookings WHERE state = 'confirmed' AND resource = 'Awa'").await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 9, "one for each five minutes");
    assert_eq!(world.value::<String>("SELECT name FROM contacts").await, "Nadia");
    let told = "SELECT count(*) FROM messages_out WHERE \"to\" = 'whatsapp:+33612345678' AND body LIKE";
    assert_eq!(world.value::<i64>(&format!("{told} 'Votre rendez-vous est noté : Manucure %'")).await, 1);
    let page = awa.get(booked.location()).await.body;
    assert!(page.contains("C&#x27;est noté.") && page.contains("Le message attend"), "{page}");
    assert!(page.contains("Nadia") && page.contains("/console/conversations/"), "{page}");

    // The same time again: nothing is lost of what was filled in.
    awa.get("/console/bookings/new").await;
    let other = [("who", "+33 6 87 65 43 21"), ("name", "Sonia")];
    let lost = awa.submit("/console/bookings", &[&booking(&tomorrow, "10:30", "Awa")[..], &other].concat()).await;
    assert!(lost.status == 200 && lost.body.contains("Ce créneau vient d&#x27;être pris"), "{}", lost.body);
    assert!(lost.body.contains("+33 6 87 65 43 21") && lost.body.contains("value=\"10:30\""), "{}", lost.body);
    let wrong = awa
        .submit(
            "/console/bookings",
            &[&[("who", "x")][..], &[("service", "pedicure"), ("with", "Awa"), ("day", &tomorrow), ("time", "12:00")]]
                .concat(),
        )
        .await;
    assert!(wrong.body.contains("Personne de ce nom"), "{}", wrong.body);
    let wrong = [("service", "pedicure"), ("with", "Awa"), ("day", &tomorrow), ("time", "12:00")];
    let wrong = awa.submit("/console/bookings", &[&wrong[..], &other].concat()).await;
    assert!(wrong.body.contains("ne fait pas cette prestation"), "{}", wrong.body);

    // Fifteen minutes later, over its own time.
    let path = format!("/console/bookings/{id}");
    let page = awa.get(&path).await.body;
    let was = page.split_once("name=\"was\" value=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a time").0;
    let moved = [("day", tomorrow.as_str()), ("time", "10:15"), ("with", "Awa"), ("was", was), ("tell", "yes")];
    let moved = awa.submit(&format!("{path}/move"), &moved).await;
    assert!(moved.location().contains("done=moved"), "{}", moved.body);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM bookings").await, 1, "it is the same booking");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 9);
    assert_eq!(world.value::<i64>(&format!("{told} 'Votre rendez-vous est déplacé : %10:15%'")).await, 1);

    // A page that was read before that.
    let stale = awa.submit(&format!("{path}/cancel"), &[("was", was)]).await;
    assert!(stale.status == 200 && stale.body.contains("entre-temps"), "{}", stale.body);
    let done = awa.submit(&format!("{path}/done"), &[]).await;
    assert!(done.body.contains("n&#x27;a pas encore commencé"), "{}", done.body);
    let cancelled = awa.submit(&format!("{path}/cancel"), &[]).await;
    assert!(cancelled.location().ends_with("?done=cancelled&told=no"), "{}", cancelled.location());
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 0, "its time is free at once");
    assert_eq!(
        world.value::<i64>("SELECT count(*) FROM messages_out").await,
        2,
        "nobody is told when nobody asks for it"
    );
    let page = awa.get(&format!("/console/bookings?day={tomorrow}&view=week")).await.body;
    assert!(page.contains("Annulés : 1"), "{page}");
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action LIKE 'booking.%'";
    assert_eq!(world.value::<i64>(audited).await, 7);
    let events = "SELECT count(*) FROM event_log WHERE event_type IN ('booking_confirmed', 'booking_moved', 'booking_cancelled') AND actor_type = 'agent'";
    assert_eq!(world.value::<i64>(events).await, 3);
    assert!(!world.logs().contains("612345678"), "nothing personal is logged");
}

#[tokio::test]
async fn what_took_place_is_said_and_put_right() {
    let world = world();
    let mut awa = awa(&world, "owner").await;
    // It began some minutes ago.
    let began = (Utc::now() - TimeDelta::minutes(10)).duration_trunc(TimeDelta::minutes(5)).expect("a time");
    let local = began.with_timezone(&Paris);
    let (day, time) = (local.date_naive().to_string(), local.format("%H:%M").to_string());
    awa.get("/console/bookings/new").await;
    let fields = [&booking(&day, &time, "Sophie")[..], &[("who", NADIA)]].concat();
    let booked = awa.submit("/console/bookings", &fields).await;
    assert_eq!(booked.status, 303, "{}", booked.body);
    let id: String = world.value("SELECT id FROM bookings").await;
    let came = awa.submit(&format!("/console/bookings/{id}/done"), &[]).await;
    assert!(came.location().contains("done=done"), "{}", came.body);
    assert_eq!(world.value::<String>("SELECT state FROM bookings").await, "done");
    let missed = awa.submit(&format!("/console/bookings/{id}/no-show"), &[]).await;
    assert!(missed.location().contains("done=no_show"), "{}", missed.body);
    assert_eq!(world.value::<String>("SELECT state FROM bookings").await, "no_show");
    let moved = [("day", day.as_str()), ("time", "23:55"), ("with", "Sophie")];
    let moved = awa.submit(&format!("/console/bookings/{id}/move"), &moved).await;
    assert!(moved.body.contains("entre-temps"), "what is over stays where it was: {}", moved.body);
}

#[tokio::test]
async fn a_class_shows_who_comes_with_how_many_and_the_places_that_are_left() {
    let world = world_of(&format!("{TENANT}{CLASS}"));
    let mut awa = awa(&world, "agent").await;
    let tomorrow = day(1);
    let form = awa.get(&format!("/console/bookings/new?day={tomorrow}&time=10:00&with=Salle")).await.body;
    assert!(form.contains("Combien de personnes"), "{form}");
    let class =
        [("service", "yoga"), ("with", "Salle"), ("day", tomorrow.as_str()), ("time", "10:00"), ("name", "Nadia")];
    let with = |people| [&class[..], &[("who", NADIA), ("people", people)]].concat();
    let too_many = awa.submit("/console/bookings", &with("4")).await;
    assert!(too_many.status == 200 && too_many.body.contains("Trop de personnes"), "{}", too_many.body);
    let booked = awa.submit("/console/bookings", &with("2")).await;
    assert_eq!(booked.status, 303, "{}", booked.body);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 2 * 12);
    let page = awa.get(&format!("/console/bookings?day={tomorrow}&with=Salle")).await.body;
    assert!(
        page.contains("2 personnes") && page.contains("Libre : 1 place") && page.contains("Libre : 3 places"),
        "{page}"
    );
    let two_at_three = |to: &str| json!({ "to": to, "service": "yoga", "resource": "Salle", "people": 2, "starts_at": format!("{tomorrow}T15:00:00Z") });
    let (status, first) = ask(&world, "bookings", &two_at_three("whatsapp:+33612000001")).await;
    assert_eq!((status, &first["people"]), (201, &json!(2)), "{first}");
    let (status, second) = ask(&world, "bookings", &two_at_three("whatsapp:+33612000002")).await;
    assert_eq!((status, &second["error"]), (409, &json!("taken")), "one place is left: {second}");
}

#[tokio::test]
async fn i12_of_many_who_book_one_time_by_hand_one_gets_it() {
    let world = world();
    let at = format!("{}T09:00:00Z", day(2));
    let race = (0..12).map(|n| {
        let body = json!({ "to": format!("whatsapp:+336120000{n:02}"), "service": "manucure", "resource": "Awa",
            "starts_at": at, "tell": true });
        let world = &world;
        async move { ask(world, "bookings", &body).await }
    });
    let answers = futures_util::future::join_all(race).await;
    let won = answers.iter().filter(|(status, _)| *status == 201).count();
    let lost = answers.iter().filter(|(status, body)| *status == 409 && body["error"] == "taken").count();
    assert_eq!((won, lost), (1, 11), "{answers:?}");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM bookings").await, 1);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out").await, 1, "nobody else is told of a booking");
}

#[tokio::test]
async fn programs_and_the_command_line_change_bookings_beside_the_daemon() {
    let world = world();
    let at = |time: &str| format!("{}T{time}:00Z", day(3));
    let new = json!({ "to": format!("whatsapp:{NADIA}"), "name": "Nadia", "service": "manucure", "resource": "Awa",
        "starts_at": at("09:00") });
    let (status, booked) = ask(&world, "bookings", &new).await;
    assert_eq!((status, &booked["state"]), (201, &json!("confirmed")), "{booked}");
    let id = booked["id"].as_str().expect("an id").to_owned();
    let moved = json!({ "starts_at": at("10:00"), "resource": "Sophie", "was_at": at("09:00"), "tell": true });
    let (status, changed) = ask(&world, &format!("bookings/{id}/move"), &moved).await;
    assert_eq!((status, &changed["resource"]), (200, &json!("Sophie")), "{changed}");
    assert!(changed["message_id"].is_string(), "{changed}");
    let (status, stale) = ask(&world, &format!("bookings/{id}/move"), &moved).await;
    assert_eq!((status, &stale["error"]), (409, &json!("changed")), "{stale}");
    let (status, early) = ask(&world, &format!("bookings/{id}/no-show"), &Value::Null).await;
    assert_eq!((status, &early["error"]), (422, &json!("not_begun")), "{early}");

    // The command line, while the conversation is in the daemon's memory.
    let said = palabre(&world, &["bookings", "move", &id, "--to", &at("11:00"), "--with", "Awa", "--tell"], "");
    assert!(
        said.code == 0 && said.out.contains("Awa") && said.out.contains("is told by message"),
        "{}{}",
        said.out,
        said.err
    );
    let taken =
        json!({ "to": "whatsapp:+33687654321", "service": "manucure", "resource": "Awa", "starts_at": at("11:15") });
    let (status, lost) = ask(&world, "bookings", &taken).await;
    assert_eq!((status, &lost["error"]), (409, &json!("taken")), "{lost}");
    let early = palabre(&world, &["bookings", "done", &id], "");
    assert!(early.code == 1 && early.err.contains("not_begun"), "{}{}", early.out, early.err);

    // The customer knows of the new time, and the daemon's conversation as well.
    let local = at("11:00").parse::<chrono::DateTime<Utc>>().expect("a time").with_timezone(&Paris).format("%H:%M");
    world.write(BELLE, NADIA, "je veux annuler mon rdv").await;
    let asked = format!("SELECT count(*) FROM messages_out WHERE body LIKE 'Annuler Manucure%{local} ?%'");
    world.until(&asked, 1).await;
    let said = palabre(&world, &["bookings", "cancel", &id], "");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 0);
    let again = palabre(&world, &["bookings", "cancel", &id], "");
    assert!(again.code == 1 && again.err.contains("changed"), "{}{}", again.out, again.err);
}

#[tokio::test]
async fn i15_who_only_looks_on_changes_nothing() {
    let world = world();
    let new = json!({ "to": format!("whatsapp:{NADIA}"), "name": "Nadia", "service": "manucure", "resource": "Awa",
        "starts_at": format!("{}T09:00:00Z", day(1)) });
    let (_, booked) = ask(&world, "bookings", &new).await;
    let path = format!("/console/bookings/{}", booked["id"].as_str().expect("an id"));
    let mut viewer = awa(&world, "viewer").await;
    let page = viewer.get(&format!("/console/bookings?day={}", day(1))).await.body;
    assert!(page.contains("Nadia") && !page.contains("Libre : noter"), "{page}");
    let page = viewer.get(&path).await.body;
    assert!(page.contains("Nadia") && !page.contains("/cancel") && !page.contains("/move"), "{page}");
    for (path, fields) in [
        (format!("{path}/cancel"), vec![]),
        (format!("{path}/move"), vec![("day", "2026-12-24"), ("time", "10:00")]),
        ("/console/bookings".to_owned(), vec![("who", NADIA), ("day", "2030-12-24"), ("time", "10:00")]),
    ] {
        assert_eq!(viewer.submit(&path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(world.value::<String>("SELECT state FROM bookings").await, "confirmed");
    add_user(&world, "help@agency.example", "Aide", ("belle", "support"));
    let mut support = signed_in(&world, "help@agency.example").await;
    let page = support.get(&path).await.body;
    assert!(!page.contains("Nadia") && !page.contains("612345678"), "{page}");
}

#[tokio::test]
async fn i6_who_said_stop_is_not_told() {
    let world = world();
    world.write(BELLE, NADIA, "STOP").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'opted_out'", 1).await;
    let sent = world.value::<i64>("SELECT count(*) FROM messages_out").await;
    let mut awa = awa(&world, "owner").await;
    awa.get("/console/bookings/new").await;
    let day = day(1);
    let fields = [&booking(&day, "10:00", "Awa")[..], &[("who", NADIA), ("tell", "yes")]].concat();
    let booked = awa.submit("/console/bookings", &fields).await;
    assert!(booked.location().ends_with("?done=booked&told=stop"), "{} {}", booked.location(), booked.body);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out").await, sent, "not a word");
}

#[tokio::test]
async fn a_link_shows_the_bookings_of_one_resource_until_it_is_revoked() {
    let world = world();
    for (with, name) in [("Awa", "Nadia"), ("Sophie", "Sonia")] {
        let new = json!({ "to": format!("whatsapp:+3361234567{}", with.len()), "name": name, "service": "manucure",
            "resource": with, "starts_at": format!("{}T09:00:00Z", day(1)) });
        assert_eq!(ask(&world, "bookings", &new).await.0, 201);
    }
    let mut owner = awa(&world, "owner").await;
    let page = owner.get("/console/bookings/calendar").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let made = plain(&owner.submit("/console/bookings/calendar", &[("with", "Awa")]).await.body);
    let token = made.split_once("/calendar/cal_").and_then(|(_, rest)| rest.split_once('<')).expect("a link").0;
    let path = format!("/calendar/cal_{token}");
    let mut phone = Visitor::of(&world);
    let ics = phone.get(&path).await;
    assert!(ics.header("content-type").starts_with("text/calendar"), "{}", ics.header("content-type"));
    assert!(ics.body.contains("SUMMARY:Manucure · Nadia") && !ics.body.contains("Sonia"), "{}", ics.body);
    assert!(ics.body.contains(&format!("DTSTART:{}T090000Z", day(1).replace('-', ""))), "{}", ics.body);
    assert_eq!(phone.get("/calendar/cal_guessed").await.status, 404);
    let as_a_key =
        Client::new().get(format!("{}/api/v1/bookings", world.base_url())).bearer_auth(format!("cal_{token}"));
    assert_eq!(as_a_key.send().await.expect("an answer").status(), 401, "it is no key of the API");
    assert!(!world.logs().contains(token), "it stands in no log");
    let id: String = world.value("SELECT id FROM api_keys").await;
    owner.get("/console/keys").await;
    assert_eq!(owner.submit(&format!("/console/keys/{id}/revoke"), &[]).await.status, 303);
    assert_eq!(phone.get(&path).await.status, 404);
}
