//! What goes out to many and to other systems: broadcasts, events out, the journal.

use super::*;
use crate::daemon::{BELLE, Setup, Waiting};

const AWA: &str = "awa@belle.example";

/// Belgium: no law that is known here says when advertising may not be sent, whatever time it is.
pub(crate) const CUSTOMERS: [&str; 3] = ["+32470123001", "+32470123002", "+32470123003"];

pub(crate) fn world() -> World {
    let base = Setup::default();
    let mut world = World::asleep(&Setup {
        daemon: format!("{}\n[webhooks]\nprivate_targets = true", base.daemon),
        // Nobody listens at this port.
        tenant: "[journal]\ndir = \"journal\"\n[[webhooks]]\nid = \"crm\"\nurl = \"http://127.0.0.1:9/?token=hush\"\n\
            secret = { file = \"hook\" }\n"
            .to_owned(),
        whatsapp: "cost = 0.05".to_owned(),
        ..base
    });
    world.write_secret("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    world.start_daemon();
    world
}

pub(crate) async fn customers_wrote(world: &World) {
    for customer in CUSTOMERS {
        world.write(BELLE, customer, "Bonjour").await;
    }
    world.write(BELLE, CUSTOMERS[0], "STOP").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 4).await;
}

#[tokio::test]
async fn i6_a_broadcast_is_looked_at_started_followed_and_reaches_nobody_who_said_stop() {
    let world = world();
    customers_wrote(&world).await;
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get("/console/broadcasts").await;
    assert!(page.status == 200 && page.body.contains("Pas encore de diffusion."), "{}", page.body);

    awa.get("/console/broadcasts/new").await;
    let empty = awa.submit("/console/broadcasts/new", &[("channel", "belle"), ("text", " ")]).await;
    assert!(empty.body.contains("Écrivez un message"), "{}", empty.body);
    let fields = [("channel", "belle"), ("text", "Portes ouvertes <samedi>."), ("budget", "dix")];
    assert!(awa.submit("/console/broadcasts/new", &fields).await.body.contains("Écrivez un montant"));
    let fields = [("channel", "belle"), ("text", "Portes ouvertes <samedi>."), ("budget", "12,50")];
    let looked = awa.submit("/console/broadcasts/new", &fields).await.body;
    assert!(looked.contains("2 clients recevraient le message") && looked.contains("Coût : 0,10"), "{looked}");
    assert!(looked.contains("1 : a dit STOP") && looked.contains("Portes ouvertes &lt;samedi&gt;."), "{looked}");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM broadcasts").await, 0, "nothing is written");

    let started = awa.submit("/console/broadcasts", &fields).await;
    let id: String = world.value("SELECT id FROM broadcasts").await;
    assert_eq!(started.location(), format!("/console/broadcasts/{id}?done=started"));
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'marketing' AND state = 'sent'", 2).await;
    world.until("SELECT count(*) FROM broadcasts WHERE state = 'done'", 1).await;
    let page = awa.get(&format!("/console/broadcasts/{id}")).await.body;
    for told in ["3 sur 3", "terminée", "a dit STOP", "Awa", "Coût : 0,10"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(awa.get("/console/broadcasts").await.body.contains("Portes ouvertes"));
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'broadcast.start'";
    assert_eq!(world.value::<i64>(noted).await, 1);
}

#[tokio::test]
async fn i15_who_only_looks_on_starts_and_stops_nothing() {
    let world = world();
    customers_wrote(&world).await;
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "vic@belle.example", "Vic", ("belle", "viewer"));
    let mut awa = signed_in(&world, AWA).await;
    awa.get("/console/broadcasts/new").await;
    world.execute("UPDATE conversations SET last_inbound_at = NULL").await;
    // Nobody's window is open: it is over as soon as it is looked at.
    awa.submit("/console/broadcasts", &[("channel", "belle"), ("text", "Soldes")]).await;
    let id: String = world.value("SELECT id FROM broadcasts").await;

    let mut vic = signed_in(&world, "vic@belle.example").await;
    vic.get("/console/conversations").await;
    assert_eq!(vic.get("/console/broadcasts/new").await.status, 403);
    let fields = [("channel", "belle"), ("text", "Portes ouvertes")];
    assert_eq!(vic.submit("/console/broadcasts", &fields).await.status, 403);
    assert_eq!(vic.submit(&format!("/console/broadcasts/{id}/stop"), &[]).await.status, 403);
    assert_eq!(vic.submit("/console/webhooks/crm/replay", &[]).await.status, 403);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM broadcasts").await, 1);

    let stopped = awa.submit(&format!("/console/broadcasts/{id}/stop"), &[]).await;
    assert_eq!(stopped.location(), format!("/console/broadcasts/{id}?done=stopped&count=0"));
    assert!(awa.get(stopped.location()).await.body.contains("0 messages ont été rappelés"));
}

#[tokio::test]
async fn events_that_were_given_up_are_seen_and_repeated_and_the_journal_is_told() {
    let world = world();
    customers_wrote(&world).await;
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    world.until("SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE attempts > 0 LIMIT 1) tried", 1).await;
    let dead =
        "UPDATE webhook_deliveries SET state = 'dead', last_error = 'unreachable:refused' WHERE tenant_id = 'belle'";
    world.execute(dead).await;
    let mut waiting = Waiting::begin();
    let page = loop {
        let page = awa.get("/console/webhooks").await.body;
        if page.contains("Fichiers : 1, le dernier du 20") {
            break page;
        }
        waiting.again(|| format!("the journal has no file: {page}")).await;
    };
    for told in ["<strong>crm</strong>", "127.0.0.1", "tous les événements", "abandonné"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("hush"), "i10: a token in the URL is shown");
    let repeated = awa.submit("/console/webhooks/crm/replay", &[]).await;
    assert_eq!(repeated.location(), "/console/webhooks?done=replayed");
    let waits = "SELECT count(*) FROM webhook_deliveries WHERE tenant_id = 'belle' AND state = 'dead'";
    assert_eq!(world.value::<i64>(waits).await, 0);
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'webhook.replay'";
    assert_eq!(world.value::<i64>(noted).await, 1);
}
