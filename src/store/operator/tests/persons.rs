//! Contacts that are made one and parted, and consents that came another way, on both databases.

use palabre_actors::domain::ids::ContactId;
use palabre_actors::testing::conformance::fixture::{Customer, at, queued};

use super::*;
use crate::store::conversations::ContactRow;
use crate::store::tests::postgres;

/// Two customers who have written, the first of them at two moments.
async fn two(store: &Store) -> (Customer, Customer) {
    let (anne, anna) = (Customer::of(BELLE, 1), Customer::of(BELLE, 2));
    anne.is_answered(store, "first", 1, queued(100)).await;
    anna.is_answered(store, "second", 2, queued(100)).await;
    (anne, anna)
}

async fn contacts(operator: &Operator) -> Vec<ContactRow> {
    operator.contacts(&only(BELLE), None, 10).await.unwrap()
}

async fn id_of(operator: &Operator, customer: &Customer) -> ContactId {
    let contacts = contacts(operator).await;
    contacts.iter().find(|contact| contact.addresses.contains(&customer.0.address)).unwrap().id
}

async fn is_silent(store: &Store, customer: &Customer) -> bool {
    customer.recipient_status(store).await.opted_out
}

async fn merges_and_parts(store: &Store) {
    let (anne, anna) = two(store).await;
    let (operator, belle) = (store.operator(), TenantId::new(BELLE));
    let (keep, other) = (id_of(&operator, &anne).await, id_of(&operator, &anna).await);
    assert_eq!(operator.part_contact(&belle, other, at(10)).await.unwrap(), Parted::NotMerged);
    assert!(!operator.merge_contacts(&belle, (keep, keep), at(10)).await.unwrap());
    assert!(!operator.merge_contacts(&TenantId::new(TAXI), (keep, other), at(10)).await.unwrap(), "i9");

    assert!(operator.merge_contacts(&belle, (keep, other), at(10)).await.unwrap());
    assert!(!operator.merge_contacts(&belle, (keep, other), at(11)).await.unwrap(), "they are one already");
    let one = contacts(&operator).await;
    assert_eq!((one.len(), one[0].id, one[0].addresses.len()), (1, keep, 2));
    assert_eq!(one[0].conversations.len(), 1, "of two on one channel one goes on");
    assert_eq!(operator.merged_contacts(&belle, keep).await.unwrap(), [other]);

    // A STOP by either address silences both, and does so when they are parted.
    operator.opt_out(&belle, &anna.0.address, None, at(20)).await.unwrap();
    assert!(is_silent(store, &anne).await && is_silent(store, &anna).await);
    assert_eq!(operator.part_contact(&belle, other, at(30)).await.unwrap(), Parted::Done);
    let apart = contacts(&operator).await;
    assert_eq!(apart.len(), 2);
    assert!(apart.iter().all(|contact| contact.addresses.len() == 1 && contact.conversations.len() == 1), "{apart:?}");
    assert!(is_silent(store, &anne).await && is_silent(store, &anna).await);
    assert!(operator.opt_in(&belle, &anne.0.address, "letter", at(40)).await.unwrap());
    assert!(!is_silent(store, &anne).await && is_silent(store, &anna).await, "each speaks for themselves again");

    let sql = "SELECT event_type FROM event_log WHERE event_type LIKE 'contact_%' ORDER BY id";
    let events = rows(&store.0.reads, sql.to_owned(), Vec::new()).await.unwrap();
    let events: Vec<String> = events.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(events, ["contact_merged", "contact_unmerged"]);
}

async fn consents_on_paper(store: &Store) {
    let (anne, _) = two(store).await;
    let (operator, belle) = (store.operator(), TenantId::new(BELLE));
    let confirmed = async |customer: &Customer| {
        let contacts = contacts(&operator).await;
        let contact = contacts.into_iter().find(|contact| contact.addresses.contains(&customer.0.address));
        contact.and_then(|contact| contact.confirmed_at)
    };
    assert!(operator.record_consent(&belle, &anne.0.address, "form 12", at(10)).await.unwrap());
    assert_eq!(confirmed(&anne).await, Some(at(10)));
    let stranger = Customer::of(BELLE, 77);
    assert!(operator.record_consent(&belle, &stranger.0.address, "form 13", at(11)).await.unwrap());
    assert_eq!(confirmed(&stranger).await, Some(at(11)), "whom nobody knew is a contact now");
    let ledger = operator.consents(&only(BELLE), None, None, 10).await.unwrap();
    let told: Vec<_> = ledger.iter().map(|row| (row.what.as_str(), row.evidence.as_deref())).collect();
    assert_eq!(told, [("confirmed", Some("form 12")), ("confirmed", Some("form 13"))]);

    operator.opt_out(&belle, &anne.0.address, None, at(20)).await.unwrap();
    assert!(!operator.record_consent(&belle, &anne.0.address, "form 14", at(30)).await.unwrap(), "i6: a STOP stays");
    let silent = Customer::of(BELLE, 78);
    operator.opt_out(&belle, &silent.0.address, None, at(20)).await.unwrap();
    assert!(!operator.record_consent(&belle, &silent.0.address, "form 15", at(30)).await.unwrap());
    assert!(is_silent(store, &anne).await && is_silent(store, &silent).await);
}

#[tokio::test]
async fn i6_contacts_that_are_merged_by_hand_and_parted_stay_silent() {
    let (store, _folder) = fresh().await;
    merges_and_parts(&store).await;
}

#[tokio::test]
async fn i6_contacts_that_are_merged_by_hand_and_parted_stay_silent_on_postgres() {
    let (store, _database) = postgres::fresh().await;
    merges_and_parts(&store).await;
}

#[tokio::test]
async fn a_consent_on_paper_is_in_the_ledger_and_lifts_no_stop() {
    let (store, _folder) = fresh().await;
    consents_on_paper(&store).await;
}

#[tokio::test]
async fn a_consent_on_paper_is_in_the_ledger_and_lifts_no_stop_on_postgres() {
    let (store, _database) = postgres::fresh().await;
    consents_on_paper(&store).await;
}
