//! One day and one budget, whichever node sends.

use palabre_testbed::redis::Server;

use super::Nodes;
use crate::daemon::{BELLE, Setup, Waiting};
use crate::delivery::{Asked, where_it_is_noon};

const SENT: &str = "SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')";
const ON_THE_WAY: &str = "SELECT count(*) FROM messages_out WHERE state IN ('sending', 'unknown')";

fn contact(n: usize) -> String {
    format!("+33612{n:06}")
}

/// So many messages a day, or so much money.
fn setup(per_day: u32, tenant: &str) -> Setup {
    Setup {
        limits: format!("per_second = 10000\nper_contact_per_minute = 1000\nper_day = {per_day}"),
        whatsapp: "per_second = 10000\npair = \"off\"\ncost = 0.05".to_owned(),
        tenant: tenant.to_owned(),
        timezone: where_it_is_noon().0,
        ..Setup::default()
    }
}

impl Nodes {
    /// Contacts write to the nodes by turns, and get their answers or do not.
    async fn write_each(&self, contacts: std::ops::Range<usize>) {
        for n in contacts {
            self.world.aim_at(n % self.world.nodes().len());
            assert_eq!(self.world.write(BELLE, &contact(n), "bonjour").await.status, 200);
        }
    }

    /// Nodes that are gone are so for long.
    async fn dead_letter_the_dead(&self, living: i64) {
        let mut waiting = Waiting::begin();
        while self.world.value::<i64>("SELECT count(*) FROM nodes WHERE seen_at > now() - interval '1 hour'").await
            > living
        {
            assert!(waiting.goes_on(), "{}", self.world.logs());
            let old =
                "UPDATE nodes SET seen_at = now() - interval '1 day' WHERE seen_at < now() - interval '3 seconds'";
            self.world.execute(old).await;
        }
    }
}

#[tokio::test]
async fn i7_a_day_is_one_for_all_nodes_whatever_redis_does_and_whoever_dies() {
    let mut redis = Server::start();
    let mut nodes = Nodes::start_on(setup(40, ""), "50ms", Some(&redis));
    nodes.until_metric("palabre_cluster_nodes_count 2").await;
    nodes.write_each(0..8).await;
    redis.kill();
    nodes.write_each(8..16).await;
    nodes.world.until(ON_THE_WAY, 0).await;

    // With what it had reserved for itself.
    nodes.world.kill();
    nodes.world.start_daemon();
    redis.up();
    nodes.write_each(16..24).await;
    redis.command(&["FLUSHALL"]);
    nodes.write_each(24..60).await;
    nodes.dead_letter_the_dead(2).await;
    nodes.world.until(SENT, 40).await;
    let kept = "SELECT count(*) FROM messages_out WHERE state = 'pending'";
    nodes.world.until(kept, 20).await;
    assert_eq!(nodes.world.twilio.taken(), 40);

    // What is owed goes, on either node; and nobody has forgotten anything after a restart.
    assert_eq!(nodes.world.terminate().code(), Some(0));
    nodes.world.start_daemon();
    nodes.write_each(60..64).await;
    for (node, word) in [(0, "STOP"), (1, "AIDE")] {
        nodes.world.aim_at(node);
        nodes.world.write(BELLE, &contact(70 + node), word).await;
    }
    nodes.world.until(SENT, 42).await;
    nodes.world.until(kept, 24).await;
    let midnight = where_it_is_noon().1.format("%Y-%m-%d %H:%M:%S");
    let told =
        format!("behind OR next_attempt_at >= '{midnight}Z' OR blocked_reason IS NULL OR blocked_reason = 'per_day'");
    nodes.world.until(&format!("{kept} AND ({told})"), 24).await;
    assert_eq!(nodes.world.twilio.taken(), 42);
}

#[tokio::test]
async fn i7_a_budget_is_one_for_all_nodes() {
    let money = "[budget]\nper_day = 1\nper_month = 5\nalert_at = 0.5\nhard_stop = true";
    let nodes = Nodes::start_on(setup(1_000, money), "50ms", None);
    nodes.until_metric("palabre_cluster_nodes_count 2").await;
    // 20 messages cost what the day has: 10 answers, and of 25 offers as many.
    nodes.write_each(0..10).await;
    nodes.world.until(SENT, 10).await;
    let offer = Asked { body: "Une offre !", not_urgent: true, ..Asked::default() };
    for n in 0..25 {
        nodes.world.ask_for(BELLE, &contact(n % 10), offer).await;
    }
    nodes.world.until(SENT, 20).await;
    nodes
        .world
        .until("SELECT count(*) FROM messages_out WHERE state = 'deferred' AND blocked_reason = 'budget'", 15)
        .await;
    let midnight = where_it_is_noon().1.format("%Y-%m-%d %H:%M:%S");
    let held =
        format!("SELECT count(*) FROM messages_out WHERE state = 'deferred' AND next_attempt_at >= '{midnight}Z'");
    nodes.world.until(&held, 15).await;
    assert_eq!(nodes.world.twilio.taken(), 20);
    // Whoever looks at either node is told, at the latest when that one sends again.
    nodes.write_each(10..14).await;
    nodes.world.until(SENT, 24).await;
    nodes.write_each(14..16).await;
    nodes.world.until(SENT, 26).await;
    nodes.until_metric("palabre_tenant_budget_alert{tenant=\"belle\",period=\"day\"} 1").await;
    nodes.until_gauge("palabre_tenant_budget_used_ratio{tenant=\"belle\",period=\"day\"}", 1.2..=1.3).await;
    nodes.until_metric("palabre_tenant_budget_alert{tenant=\"belle\",period=\"month\"} 0").await;
}
