//! Budgets: the alert, what they stop, and what is sent all the same.

use super::{ANNE, Asked, echo, quick, where_it_is_noon};
use crate::daemon::{BELLE, Setup, World};

fn budget(more: &str) -> Setup {
    let quick = quick();
    Setup {
        whatsapp: format!("{}\ncost = 0.05", quick.whatsapp),
        tenant: format!("[budget]\nper_day = 0.1\nalert_at = 0.5\n{more}"),
        timezone: where_it_is_noon().0,
        ..quick
    }
}

fn gauge(name: &str) -> String {
    format!("palabre_tenant_{name}{{tenant=\"belle\",period=\"day\"}}")
}

#[tokio::test]
async fn a_spent_budget_alerts_and_stops_what_is_not_urgent() {
    let mut world = World::start_on(&budget("hard_stop = true"));
    world.write(BELLE, ANNE, "un").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.until_metric(&gauge("budget_used_ratio"), 0.5).await;
    world.until_metric(&gauge("budget_alert"), 1.0).await;
    assert_eq!(world.value::<i64>("SELECT CAST(sum(cost_micros) AS bigint) FROM messages_out").await, 50_000);
    let offer = Asked { body: "Une offre !", not_urgent: true, ..Asked::default() };
    let passes = world.ask_for(BELLE, ANNE, offer).await;
    world.until_is(&passes, "sent", None).await;
    world.until_metric(&gauge("budget_used_ratio"), 1.0).await;

    let stopped = world.ask_for(BELLE, ANNE, Asked { body: "Une autre !", ..offer }).await;
    world.until_is(&stopped, "deferred", Some("budget")).await;
    let waits = world.seconds_between(&stopped, "updated_at", "next_attempt_at").await;
    assert!((0.0..=90_000.0).contains(&waits), "until the day's end: {waits} s");
    world.explains(&stopped, "the tenant's budget is spent", "le budget de l'entreprise est dépensé");
    assert_eq!(world.twilio.taken(), 2);

    // A restart does not forget what was spent.
    assert_eq!(world.terminate().code(), Some(0));
    world.start_daemon();
    let again = world.ask_for(BELLE, ANNE, Asked { body: "Encore une !", ..offer }).await;
    world.until_is(&again, "deferred", Some("budget")).await;
    world.until_is(&stopped, "deferred", Some("budget")).await;
    assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{again}'")).await, 0);
    assert_eq!(world.twilio.taken(), 2);
}

#[tokio::test]
async fn an_answer_is_urgent_and_passes_a_spent_budget() {
    let world = World::start_on(&budget("hard_stop = true"));
    for text in ["un", "deux", "trois"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    assert_eq!(world.received(ANNE), ["un", "deux", "trois"].map(echo));
    world.until_metric(&gauge("budget_used_ratio"), 1.5).await;
}

#[tokio::test]
async fn what_the_budget_holds_keeps_nobody_waiting_and_goes_in_its_order_when_there_is_money_again() {
    let mut world = World::start_on(&budget("hard_stop = true"));
    for text in ["un", "deux"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let offer = |body| Asked { body, not_urgent: true, ..Asked::default() };
    let mut held = Vec::new();
    for text in ["Une offre !", "Encore une !"] {
        held.push(world.ask_for(BELLE, ANNE, offer(text)).await);
    }
    world.write(BELLE, ANNE, "trois").await;
    world.id_of("trois").await;
    let urgent = world.ask_for(BELLE, ANNE, Asked { body: "Votre taxi est là.", ..Asked::default() }).await;
    world.until_is(&urgent, "sent", None).await;
    for id in &held {
        world.until_is(id, "deferred", Some("budget")).await;
    }
    let mut answered = ["un", "deux", "trois"].map(echo).to_vec();
    answered.push("Votre taxi est là.".to_owned());
    assert_eq!(world.received(ANNE), answered, "each at once");
    world.explains(&held[1], "the tenant's budget is spent", "le budget de l'entreprise est dépensé");
    world.explains(&held[1], "waits until ", "attend jusqu'au ");
    world.write(BELLE, ANNE, "quatre").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    assert_eq!(world.taken_texts().len(), 5, "the contact's next word does not bring it back");

    // More money, and a restart.
    assert_eq!(world.terminate().code(), Some(0));
    world.reconfigure(&Setup { tenant: "[budget]\nper_day = 100\nhard_stop = true".to_owned(), ..budget("") });
    world.start_daemon();
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 7).await;
    assert_eq!(world.received(ANNE)[5..], ["Une offre !", "Encore une !"]);
    assert_eq!(
        world.history(&held[0]).await,
        [
            "message_claimed:due",
            "message_deferred:budget",
            "message_released:due",
            "message_claimed:due",
            "message_sent:taken",
        ]
    );
}

#[tokio::test]
async fn a_stop_counts_for_what_the_budget_holds() {
    let world = World::start_on(&budget("hard_stop = true"));
    for text in ["un", "deux"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let offer = Asked { body: "Une offre !", not_urgent: true, ..Asked::default() };
    let held = world.ask_for(BELLE, ANNE, offer).await;
    world.until_is(&held, "deferred", Some("budget")).await;
    world.write(BELLE, ANNE, "STOP").await;
    world.until_is(&held, "suppressed", Some("opted_out")).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
}

#[tokio::test]
async fn without_a_hard_stop_a_spent_budget_only_alerts() {
    let world = World::start_on(&budget(""));
    for text in ["un", "deux"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let offer = Asked { body: "Une offre !", not_urgent: true, ..Asked::default() };
    let id = world.ask_for(BELLE, ANNE, offer).await;
    world.until_is(&id, "sent", None).await;
    world.until_metric(&gauge("budget_alert"), 1.0).await;
}
