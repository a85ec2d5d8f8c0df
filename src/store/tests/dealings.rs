//! A contact's bookings, leads and offers, on both databases.

use palabre_actors::domain::ids::{ContactId, TenantId};
use uuid::Uuid;

use crate::store::Store;
use crate::store::statement::SqlExecutor as _;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x019c_1a2b_0000_7000_8000_0000_0000_0000 + number)
}

async fn a_contacts_dealings_are_theirs_alone(store: &Store) {
    let (when, anne, other) = ("2026-06-01T08:00:00.000000Z", id(100), id(101));
    for (n, contact, tenant) in [(1, anne, "belle"), (2, anne, "belle"), (3, other, "belle"), (4, anne, "taxi")] {
        let base = format!("'{}', '{tenant}', '{anne}', '{contact}'", id(n));
        let end = format!("'{}', '{when}', '{when}'", id(n));
        for sql in [
            format!(
                "INSERT INTO bookings (id, tenant_id, conversation_id, contact_id, service, resource, starts_at, ends_at, \
                    free_at, state, correlation_id, created_at, updated_at) \
                 VALUES ({base}, 'manucure', 'Awa', '2026-06-0{n}T08:00:00.000000Z', '{when}', '{when}', 'confirmed', {end})"
            ),
            format!(
                "INSERT INTO leads (id, tenant_id, conversation_id, contact_id, need, urgent, state, source, correlation_id, \
                    created_at, updated_at) VALUES ({base}, 'un devis', FALSE, 'new', 'lead', {end})"
            ),
            format!(
                "INSERT INTO offers (id, tenant_id, conversation_id, contact_id, kind, body, details, state, expires_at, \
                    correlation_id, created_at, updated_at) \
                 VALUES ({base}, 'ride', 'un taxi', '{{}}', 'open', '{when}', {end})"
            ),
        ] {
            store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
        }
    }
    let (operator, belle, anne) = (store.operator(), TenantId::new("belle"), ContactId(anne));
    let newest_first = vec![id(2), id(1)];
    let bookings = operator.bookings_of(&belle, anne, 5).await.unwrap();
    assert_eq!(bookings.iter().map(|row| row.id.0).collect::<Vec<_>>(), newest_first);
    let leads = operator.leads_of(&belle, anne, 5).await.unwrap();
    assert_eq!(leads.iter().map(|row| row.id.0).collect::<Vec<_>>(), newest_first);
    let offers = operator.offers_of(&belle, anne, 5).await.unwrap();
    assert_eq!(offers.iter().map(|row| row.id.0).collect::<Vec<_>>(), newest_first);
    assert_eq!(operator.offers_of(&belle, anne, 1).await.unwrap().len(), 1);
}

crate::store::tests::on_both! {
    a_contacts_dealings_are_theirs_alone
}
