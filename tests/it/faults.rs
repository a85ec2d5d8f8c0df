//! Faults around the daemon: kills, a provider that misbehaves, forged webhooks.

use std::time::Duration;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};
use tokio::task::JoinSet;

use crate::daemon::{BELLE, TAXI, World};

const ANNE: &str = "+33612345678";

#[tokio::test]
async fn i1_what_got_its_200_survives_kill_9_and_is_answered_once() {
    let mut world = World::start();
    let mut accepted = 0;
    for round in 0..3 {
        world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(20))]));
        let mut posts = JoinSet::new();
        let client = reqwest::Client::new();
        for n in 0..150 {
            let from = format!("+3361200{:04}", n % 40);
            let webhook =
                world.twilio.sign(&world.text(BELLE, &from, &format!("{round}/{n}"))).expect("a signed webhook");
            let request = client
                .post(&webhook.post_to)
                .header("X-Twilio-Signature", &webhook.signature)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(webhook.body.clone());
            posts.spawn(async move { request.send().await.is_ok_and(|answer| answer.status().as_u16() == 200) });
        }
        // In the middle of it: some webhooks are answered, some sends are on the wire.
        let mut answered = 0;
        while answered < 50 {
            answered += usize::from(posts.join_next().await.expect("there are more").expect("no panic"));
        }
        world.kill();
        while let Some(post) = posts.join_next().await {
            answered += usize::from(post.expect("no panic"));
        }
        accepted += answered;
        world.twilio.set_faults(Faults::none());
        world.start_daemon();
    }
    world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
    world.until("SELECT count(*) FROM messages_out WHERE state <> 'sent'", 0).await;
    let rows: i64 = world.value("SELECT count(*) FROM messages_in").await;
    assert!(rows >= i64::try_from(accepted).expect("few"), "{rows} rows for {accepted} times 200");
    let mut taken: Vec<String> = world.twilio.sends().into_iter().map(|sent| sent.body).collect();
    assert_eq!(i64::try_from(taken.len()).expect("few"), rows, "one answer for each row");
    taken.sort();
    taken.dedup();
    assert_eq!(i64::try_from(taken.len()).expect("few"), rows, "and none of them twice");
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_exits_with_0() {
    let mut world = World::start();
    world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(300))]));
    for n in 0..20 {
        world.write(BELLE, &format!("+336120000{n:02}"), "Bonjour").await;
    }
    let status = world.terminate();
    assert_eq!(status.code(), Some(0), "{}", world.logs());
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in WHERE state <> 'processed'").await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out WHERE state IN ('sending', 'unknown')").await, 0);
    world.start_daemon();
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 20).await;
    assert_eq!(world.twilio.taken(), 20);
}

#[tokio::test]
async fn i5_a_provider_that_misbehaves_gets_each_message_once() {
    for fault in [
        Fault::DropBeforeReading,
        Fault::ResetBeforeTaking,
        Fault::TakeThenReset,
        Fault::TakeThenHalfAnswer,
        Fault::TooManyRequests { retry_after_secs: Some(1) },
        Fault::ServerError(503),
        Fault::TakeThenServerError(502),
    ] {
        let world = World::start();
        world.twilio.set_faults(Faults::of([Rule::once(fault.clone())]));
        assert_eq!(world.write(BELLE, ANNE, "Bonjour").await.status, 200);
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
        assert_eq!(world.twilio.taken(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_a_dead_letter_and_an_opt_out_at_the_provider_is_ours_too() {
    let world = World::start();
    world.twilio.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code: 21211 })]));
    world.write(BELLE, ANNE, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'dead' AND last_error = '21211'", 1).await;
    world.until("SELECT count(*) FROM event_log WHERE event_type = 'message_dead'", 1).await;
    world.twilio.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code: 21610 })]));
    world.write(BELLE, "+33612345679", "Bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'suppressed'", 1).await;
    world.until("SELECT count(*) FROM opt_outs WHERE address = 'whatsapp:+33612345679'", 1).await;
}

#[tokio::test]
async fn a_provider_that_is_away_for_a_while_gets_everything_when_it_is_back() {
    let world = World::start();
    world.twilio.go_away();
    for n in 0..5 {
        assert_eq!(world.write(BELLE, &format!("+336120000{n:02}"), "Bonjour").await.status, 200);
    }
    world.until("SELECT count(*) FROM messages_out WHERE attempts >= 1 AND state = 'pending'", 5).await;
    world.twilio.come_back().expect("the port is free");
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    assert_eq!(world.twilio.taken(), 5);
}

#[tokio::test]
async fn i10_webhooks_that_lie_leave_no_row_and_no_trace_of_anyone() {
    let mut world = World::start();
    let honest = world.twilio.sign(&world.text(BELLE, ANNE, "mon secret")).expect("a signed webhook");
    let other = world.twilio.sign(&world.text(TAXI, ANNE, "mon secret")).expect("a signed webhook");
    let channel = format!("{}/webhooks/twilio-whatsapp/belle", world.base_url());
    let unknown = format!("{}/webhooks/twilio-whatsapp/nobody", world.base_url());
    let body = honest.body.as_bytes().to_vec();
    let huge = vec![b'a'; 10 * 1024 * 1024];
    let invalid = [b"Body=%FF%FE&".as_slice(), &body].concat();
    // What is wrong, where it is posted, its signature, its body, and what it gets.
    type Case<'a> = (&'a str, &'a str, Option<&'a str>, &'a [u8], u16);
    let cases: [Case<'_>; 7] = [
        ("unsigned", &channel, None, &body, 401),
        ("wrongly signed", &channel, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), &body, 401),
        ("signed by another tenant", &channel, Some(&other.signature), other.body.as_bytes(), 401),
        ("truncated", &channel, Some(&honest.signature), &body[..body.len() / 2], 401),
        ("ten megabytes", &channel, Some(&honest.signature), &huge, 413),
        ("invalid UTF-8", &channel, Some(&honest.signature), &invalid, 400),
        ("unknown channel", &unknown, Some(&honest.signature), &body, 404),
    ];
    let client = reqwest::Client::new();
    for (case, url, signature, body, expected) in cases {
        let mut request =
            client.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        // A server that does not read ten megabytes may close before they are written; what counts is what it says.
        match request.send().await {
            Ok(answer) => assert_eq!(answer.status().as_u16(), expected, "{case}"),
            Err(error) => assert!(case == "ten megabytes", "{case}: {error}"),
        }
    }
    let get = client.get(&channel).send().await.expect("an answer");
    assert_eq!(get.status().as_u16(), 405);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in").await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM event_log").await, 0);
    assert_eq!(world.terminate().code(), Some(0));
    let logs = world.logs();
    for secret in [ANNE, "33612345678", "mon secret", "mon+secret", BELLE.auth_token, TAXI.auth_token, "Camille"] {
        assert!(!logs.contains(secret), "{secret} is in the logs");
    }
    assert!(logs.contains("elapsed_ms") && logs.contains("correlation.id"), "every request is logged");
}

#[tokio::test]
async fn i10_an_ordinary_day_leaves_nobody_in_the_logs_or_the_event_log() {
    let mut world = World::start();
    world.write(BELLE, ANNE, "Bonjour, je suis Camille").await;
    // A STOP that comes first would keep the answer back.
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    for body in ["STOP", "horaires"] {
        world.write(BELLE, ANNE, body).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 3).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let metrics = world.metrics().await;
    assert!(metrics.contains("palabre_"), "{metrics}");
    let payloads =
        world.rows("SELECT payload FROM event_log", |row| row.try_get_by_index::<String>(0).expect("text")).await;
    world.terminate();
    for seen in [&world.logs(), &metrics, &payloads.join("\n")] {
        for secret in ["33612345678", "Camille", "horaires", BELLE.auth_token] {
            assert!(!seen.contains(secret), "{secret} is in {seen}");
        }
    }
}

#[tokio::test]
async fn i5_a_second_daemon_on_the_same_database_is_refused() {
    let world = World::start();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(["serve", "--config"])
        .arg(world.config())
        .env("PALABRE__HTTP__LISTEN", "127.0.0.1:0")
        .output()
        .expect("the program starts");
    assert_eq!(second.status.code(), Some(70));
    let said = [&second.stdout, &second.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat();
    assert_eq!(said.matches("another palabre has the database").count(), 1, "to the log, once: {said}");
    assert_eq!(world.write(BELLE, ANNE, "Bonjour").await.status, 200, "the first goes on");
}
