//! Chains of the audit log, on both databases: appended at once, verified, tampered with, cut by retention.

use chrono::TimeDelta;

use super::*;
use crate::store::Store;
use crate::store::statement::SqlExecutor;
use crate::store::tests;

fn at(minutes: i64) -> Timestamp {
    "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minutes)
}

fn entry(tenant: &str, action: &'static str, minutes: i64) -> AuditEntry {
    AuditEntry {
        tenant: tenant_of(tenant),
        actor: "key:crm".to_owned(),
        action: action.into(),
        entity_type: "message".into(),
        entity_id: "m1".to_owned(),
        correlation: CorrelationId::fresh(),
        at: at(minutes),
        metadata: Payload::builder().number("messages", 3).finish(),
    }
}

async fn run(store: &Store, sql: &str) {
    store.0.writes.execute(sql.to_owned().into(), Vec::new()).await.unwrap();
}

async fn verdict(store: &Operator, tenant: &str, hash: Option<&str>) -> AuditVerdict {
    let heads = store.audit_heads().await.unwrap();
    let head = heads.into_iter().find(|head| head.tenant == tenant_of(tenant)).unwrap();
    store.verify_audit(head, hash).await.unwrap()
}

fn only(tenant: &str) -> Tenants {
    Tenants::Of(vec![TenantId::new(tenant)])
}

async fn appended_at_once(store: &Store) {
    let operator = store.operator();
    let writers = (0..8).map(|writer| {
        let operator = operator.clone();
        tokio::spawn(async move {
            for n in 0..5 {
                // Both orders of tenants: a lock of each is taken in one.
                let mut both = vec![entry("belle", "outbox.replay", n), entry("taxi", "outbox.cancel", n)];
                if writer % 2 == 0 {
                    both.reverse();
                }
                operator.append_audit(both).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    operator.append_audit(vec![entry("", "user.add", 9)]).await.unwrap();
    for (tenant, rows) in [("belle", 40), ("taxi", 40), ("", 1)] {
        let verdict = verdict(&operator, tenant, None).await;
        assert_eq!((verdict.rows, verdict.fault, verdict.head.position), (rows, None, i64::try_from(rows).unwrap()));
    }
}

async fn found_by_what_was_done(store: &Store) {
    let operator = store.operator();
    for (n, action) in (0..).zip(["outbox.replay", "outbox.cancel", "outboxes.open", "session.begin"]) {
        operator.append_audit(vec![entry("belle", action, n)]).await.unwrap();
    }
    operator.append_audit(vec![entry("", "user.add", 4)]).await.unwrap();
    let found = async |tenants: &str, installation, filter: AuditFilter| {
        let rows = operator.audit((&only(tenants), installation), &filter, 10).await.unwrap();
        rows.into_iter().map(|row| row.action).collect::<Vec<_>>()
    };
    let action = |word: &str| AuditFilter { action: Some(word.to_owned()), ..AuditFilter::default() };
    assert_eq!(found("belle", false, action("outbox")).await, ["outbox.cancel", "outbox.replay"]);
    assert_eq!(found("belle", false, action("outbox.replay")).await, ["outbox.replay"]);
    assert_eq!(found("taxi", false, AuditFilter::default()).await, [""; 0], "i9");
    assert_eq!(found("taxi", true, AuditFilter::default()).await, ["user.add"]);
    let times = AuditFilter { since: Some(at(1)), until: Some(at(3)), ..AuditFilter::default() };
    assert_eq!(found("belle", false, times).await, ["outboxes.open", "outbox.cancel"]);
    let actor = AuditFilter { actor: Some("user:x".to_owned()), ..AuditFilter::default() };
    assert_eq!(found("belle", false, actor).await, [""; 0]);
    let all = operator.audit((&only("belle"), false), &AuditFilter::default(), 2).await.unwrap();
    assert_eq!((all.len(), all[0].metadata.as_str(), all[0].at), (2, r#"{"messages":3}"#, at(3)));
    let before = AuditFilter { before: Some(all[1].id), ..AuditFilter::default() };
    assert_eq!(found("belle", false, before).await, ["outbox.cancel", "outbox.replay"]);
}

async fn tampering_is_seen(store: &Store) {
    let operator = store.operator();
    let entries = |tenant: &str| (0..5).map(|n| entry(tenant, "outbox.replay", n)).collect::<Vec<_>>();
    let tampered = [
        ("actor", "UPDATE audit_log SET actor = 'key:other' WHERE position = 3", AuditFault::Changed(3)),
        ("metadata", "UPDATE audit_log SET metadata = '{}' WHERE position = 2", AuditFault::Changed(2)),
        (
            "moved",
            "UPDATE audit_log SET entity_type = 'messagem', entity_id = '1' WHERE position = 2",
            AuditFault::Changed(2),
        ),
        ("gone", "DELETE FROM audit_log WHERE position = 4", AuditFault::Missing(4)),
        ("first", "DELETE FROM audit_log WHERE position = 1", AuditFault::Missing(1)),
        ("last", "DELETE FROM audit_log WHERE position = 5", AuditFault::Missing(5)),
        ("hash", "UPDATE audit_log SET hash = 'x' WHERE position = 5", AuditFault::Changed(5)),
        ("head", "UPDATE audit_heads SET hash = 'x' WHERE position = 5", AuditFault::Head),
        ("shorter", "DELETE FROM audit_log WHERE position = 5", AuditFault::Missing(5)),
    ];
    for (tenant, sql, fault) in tampered {
        operator.append_audit(entries(tenant)).await.unwrap();
        assert_eq!(verdict(&operator, tenant, None).await.fault, None);
        run(store, &format!("{sql} AND tenant_id = '{tenant}'")).await;
        assert_eq!(verdict(&operator, tenant, None).await.fault, Some(fault), "{tenant}");
    }
}

async fn the_rest_holds_when_the_beginning_is_gone(store: &Store) {
    let operator = store.operator();
    let entries = (0..2_500).map(|n| entry("belle", "outbox.replay", n)).collect();
    operator.append_audit(entries).await.unwrap();
    operator.append_audit(vec![entry("taxi", "outbox.replay", 0)]).await.unwrap();
    let noted = verdict(&operator, "belle", None).await.head.hash;
    assert_eq!(operator.forget_audit(at(2_100)).await.unwrap(), 2_100);
    assert_eq!(operator.forget_audit(at(2_100)).await.unwrap(), 0);
    let left = verdict(&operator, "belle", Some(&noted)).await;
    assert_eq!((left.rows, left.fault, left.head.kept_from, left.has_hash), (400, None, 2_101, Some(true)));
    assert_eq!(verdict(&operator, "belle", Some("abc")).await.has_hash, Some(false));
    assert_eq!(verdict(&operator, "taxi", None).await.rows, 1, "the last row of a chain stays");
    operator.append_audit(vec![entry("belle", "outbox.cancel", 2_600)]).await.unwrap();
    assert_eq!(verdict(&operator, "belle", Some(&noted)).await.has_hash, Some(true));
    run(store, "DELETE FROM audit_log WHERE tenant_id = 'belle' AND position = 2101").await;
    assert_eq!(verdict(&operator, "belle", None).await.fault, Some(AuditFault::Missing(2_101)));
}

tests::on_both! {
    appended_at_once
    found_by_what_was_done
    tampering_is_seen
    the_rest_holds_when_the_beginning_is_gone
}
