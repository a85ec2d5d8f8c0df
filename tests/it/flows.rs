//! Flows through the real daemon: what customers write, what comes back, and what stands in the tables. Run on both databases.

use reqwest::Client;
use serde_json::json;

use crate::daemon::{Setup, World};

/// A business without hours, so that any day will do.
const TENANT: &str = r#"
    [[services]]
    id = "manucure"
    name = "Manucure"
    duration = "45m"
    price = "35 €"
    resources = ["Awa"]
    [booking]
    every = "1h"
    lead_time = "1m"
    [[flows]]
    use = "booking"
    keywords = ["rdv", "rendez-vous"]
    [[flows]]
    use = "lead"
    [[flows]]
    name = "avis"
    keywords = ["avis"]
    [[flows.steps]]
    id = "note"
    choose = "Comment était-ce ?"
    options = [{ label = "Bien", next = "merci" }, { label = "Mal", next = "quoi" }]
    [[flows.steps]]
    id = "quoi"
    ask = "Que s'est-il passé ?"
    next = "personne"
    [[flows.steps]]
    id = "merci"
    say = "Merci {{ contact.name }}, vous avez choisi {{ note }}."
    next = "end"
    [[flows.steps]]
    id = "personne"
    hand_over = "Désolé. Une personne de {{ tenant.name }} vous répond."
"#;

/// A class beside it.
const CLASS: &str = r#"
    [[services]]
    id = "yoga"
    name = "Yoga"
    duration = "1h"
    resources = ["Salle"]
    capacity = 3
"#;

pub fn setup() -> Setup {
    let channel = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";
    let limits = "per_contact_per_minute = 50\nper_second = 1000\nper_day = 100000";
    Setup { sms: channel.to_owned(), tenant: TENANT.to_owned(), limits: limits.to_owned(), ..Setup::default() }
}

/// A customer writes to belle's test phone, at the node that the world is aimed at.
async fn say(base_url: &str, customer: &str, text: &str) {
    let body = json!({ "from": customer, "name": "Nadia", "text": text }).to_string();
    let url = format!("{base_url}/webhooks/sandbox/belle-try");
    let request = Client::new().post(url).header("Content-Type", "application/json").body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

/// What a customer was sent so far.
async fn heard(world: &World, customer: &str) -> Vec<String> {
    let sql = format!("SELECT body FROM messages_out WHERE \"to\" = 'sandbox:{customer}' ORDER BY id");
    world.rows(&sql, |row| row.try_get_by_index(0).expect("a text")).await
}

/// Writes lines of one customer in turn, and compares what comes back.
async fn dialogue(world: &World, customer: &str, lines: &[(&str, &str)]) {
    for (said, expected) in lines {
        let before = i64::try_from(heard(world, customer).await.len()).expect("few");
        say(world.base_url(), customer, said).await;
        let sql = format!("SELECT count(*) FROM messages_out WHERE \"to\" = 'sandbox:{customer}'");
        world.until(&sql, before + 1).await;
        let answer = heard(world, customer).await.pop().expect("an answer");
        assert!(answer.starts_with(expected), "{said:?} got {answer:?} instead of {expected:?}");
    }
}

#[tokio::test]
async fn a_customer_books_and_cancels() {
    let world = World::start_on(&setup());
    dialogue(
        &world,
        "nadia",
        &[
            ("bonjour je voudrais un rdv", "Quel jour vous arrange ?"),
            (
                "Quels sont vos horaires ?",
                "Du mardi au samedi, de 9 h à 19 h.\nEt pour revenir à votre demande : Quel jour",
            ),
            ("après-demain 15h", "Manucure "),
            ("ok", "C'est réservé. Rappel "),
        ],
    )
    .await;
    let booked = "SELECT count(*) FROM bookings WHERE tenant_id = 'belle' AND state = 'confirmed' AND resource = 'Awa'";
    assert_eq!(world.value::<i64>(booked).await, 1);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 9, "one for each five minutes");
    let timers = "SELECT count(*) FROM timers WHERE kind = 'booking_reminder'";
    assert_eq!(world.value::<i64>(timers).await, 2, "a day before and an hour before");
    dialogue(&world, "nadia", &[("je peux pas venir j'annule mon rdv", "Annuler Manucure "), ("oui", "C'est annulé.")])
        .await;
    assert_eq!(world.value::<i64>(booked).await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 0, "a cancelled time is free at once");
    let events =
        "SELECT count(*) FROM event_log WHERE event_type IN ('booking_held', 'booking_confirmed', 'booking_cancelled')";
    assert_eq!(world.value::<i64>(events).await, 3);
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_booking_frees_what_was_kept() {
    let world = World::start_on(&setup());
    dialogue(&world, "nadia", &[("rdv demain 15h", "Manucure "), ("STOP", "Maison belle : c'est noté")]).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM claims").await, 0);
    assert_eq!(world.value::<String>("SELECT state FROM bookings").await, "cancelled");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM conversations WHERE flow IS NOT NULL").await, 0);
    dialogue(&world, "awa", &[("rdv demain 15h", "Manucure "), ("oui", "C'est réservé.")]).await;
    say(world.base_url(), "nadia", "oui").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'", 1).await;
}

#[tokio::test]
async fn a_lead_is_written_down_and_a_person_is_called() {
    let world = World::start_on(&setup());
    dialogue(
        &world,
        "diallo",
        &[
            ("bjr besoin d'un devis fuite salle de bain urgent", "C'est noté. À quel nom ?"),
            ("Diallo", "Merci Diallo."),
            ("diallo@exemple.fr", "Merci. Maison belle vous recontacte"),
            ("un avis", "Comment était-ce ? 1 Bien · 2 Mal"),
            ("bof", "Je n'ai pas compris."),
            ("2", "Que s'est-il passé ?"),
            ("personne n'est venu", "Désolé. Une personne de Maison belle vous répond."),
        ],
    )
    .await;
    let lead = "SELECT count(*) FROM leads WHERE name = 'Diallo' AND email = 'diallo@exemple.fr' AND state = 'new'";
    assert_eq!(world.value::<i64>(lead).await, 1);
    assert_eq!(world.value::<String>("SELECT handler FROM conversations").await, "human");
    say(world.base_url(), "diallo", "rdv").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_human'", 1).await;
    let logs = world.logs();
    assert!(!logs.contains("diallo@") && !logs.contains("salle de bain"), "nothing personal is logged");
}

#[tokio::test]
async fn i12_of_many_customers_one_gets_a_time_and_the_others_are_told() {
    const CUSTOMERS: usize = 40;
    let world = World::start_on(&setup());
    race(&world, &[world.base_url()], CUSTOMERS, 1).await;
}

#[tokio::test]
async fn i12_a_class_takes_as_many_as_it_has_places() {
    const CUSTOMERS: usize = 24;
    let world = World::start_on(&Setup { tenant: format!("{TENANT}{CLASS}"), ..setup() });
    let all = (0..CUSTOMERS).map(|n| {
        let node = world.base_url().to_owned();
        let said = if n % 2 == 0 { "rdv yoga demain 13h pour deux" } else { "rdv yoga demain 13h juste moi" };
        tokio::spawn(async move { say(&node, &format!("y{n}"), said).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("nobody panicked");
    }
    let wanted = i64::try_from(CUSTOMERS).expect("few");
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'answered_flow'", wanted).await;
    // All who got one hold it; whoever came with another may have left one place that two could not have.
    let people = world.value::<i64>("SELECT CAST(sum(people) AS BIGINT) FROM bookings WHERE service = 'yoga'").await;
    let claims = world.value::<i64>("SELECT count(*) FROM claims").await;
    assert_eq!((people, claims), (3, 3 * 12), "three places, each twelve times five minutes");
}

/// All want one of so many times, at once, over all nodes. One gets each; the others are offered another.
pub async fn race(world: &World, nodes: &[&str], customers: usize, times: usize) {
    let all = (0..customers).map(|n| {
        let node = nodes[n % nodes.len()].to_owned();
        let said = format!("rdv demain {}h", 13 + n % times);
        tokio::spawn(async move { say(&node, &format!("c{n}"), &said).await })
    });
    for one in all {
        one.await.expect("nobody panicked");
    }
    let wanted = i64::try_from(customers).expect("few");
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'answered_flow'", wanted).await;
    let answers =
        world.rows("SELECT body FROM messages_out", |row| row.try_get_by_index::<String>(0).expect("a text")).await;
    let won = answers.iter().filter(|answer| answer.contains("Je réserve")).count();
    let told = answers.iter().filter(|answer| answer.contains(":00 est pris.")).count();
    assert_eq!((won, told), (times, customers - times), "{answers:?}");
    let booked = world.value::<i64>("SELECT count(*) FROM bookings").await;
    assert_eq!(booked, i64::try_from(times).expect("few"));
    let doubly = "SELECT count(*) FROM bookings a JOIN bookings b ON a.tenant_id = b.tenant_id AND a.resource = b.resource \
        AND a.id < b.id AND a.starts_at < b.free_at AND b.starts_at < a.free_at \
        WHERE a.state IN ('held', 'confirmed') AND b.state IN ('held', 'confirmed')";
    assert_eq!(world.value::<i64>(doubly).await, 0, "no two bookings at once");
}
