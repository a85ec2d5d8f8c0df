//! Tests of `explain`'s history, the counts and the seller book.

use palabre_actors::domain::address::{Address, HomeCountry};
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::rules::SellerBook;
use palabre_actors::domain::send::Receipt;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::{Outbox, Settled, Settlement};
use palabre_actors::testing::conformance::fixture::{Customer, at, now};

use super::{fresh, url};
use crate::store::{ChannelRow, HistoryReader, Store, TenantRow};

async fn sync(store: &Store, tenant: &str, name: &str) {
    let key = Customer::of(tenant, 1).0;
    let channel = ChannelRow {
        id: key.channel,
        provider: "twilio-whatsapp".into(),
        address: Address::from_normalised("whatsapp:+14155238886"),
    };
    let row = TenantRow {
        id: key.tenant,
        name: name.into(),
        language: "fr".into(),
        timezone: "Europe/Paris".into(),
        country: HomeCountry::of_code("FR"),
        channels: vec![channel],
    };
    store.sync_tenants(&[row], at(0)).await.unwrap();
}

#[tokio::test]
async fn i11_every_id_of_a_flow_tells_the_same_story() {
    let (store, folder) = fresh().await;
    sync(&store, "belle", "Institut Belle").await;
    sync(&store, "belle", "Institut Belle et fils").await;
    let customer = Customer::of("belle", 1);
    let answer = customer.is_answered(&store, "SMin", 0, now(0)).await;
    Customer::of("belle", 2).is_answered(&store, "SMother", 0, now(0)).await;
    let receipt = Receipt { provider_message_id: ProviderMessageId::new("SMout") };
    let (message, result) = (answer.clone(), Settled::Sent(receipt));
    store.settle(Settlement { message, result, via: None, cost_micros: 0, at: at(2) }.into()).await.unwrap();

    let inbound = answer.in_reply_to.unwrap().to_string();
    let history = HistoryReader::open(&url(&folder)).await.unwrap();
    let ids = [inbound.clone(), answer.id.to_string(), answer.correlation.to_string(), "SMin".into(), "SMout".into()];
    for id in ids {
        let story = history.explain(&id).await.unwrap().unwrap_or_else(|| panic!("{id} is known"));
        assert_eq!((story.tenant_id.as_str(), &story.correlation_id), ("belle", &answer.correlation.to_string()));
        assert_eq!(story.inbound.unwrap().id, inbound);
        assert_eq!(story.outbound.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["sent"]);
        let events: Vec<_> = story.events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(events, ["webhook_received", "message_routed", "message_sent"]);
    }
    let conversation = answer.conversation.to_string();
    assert_eq!(history.contact_wrote("belle", &conversation).await.unwrap(), Some(at(0)));
    assert_eq!(history.contact_wrote("martin", &conversation).await.unwrap(), None, "not theirs");
    for nobody in ["SMnone", "", "0192f000-0000-7000-8000-000000000000"] {
        assert!(history.explain(nobody).await.unwrap().is_none());
    }

    let counts = history.counts().await.unwrap();
    assert_eq!((counts.inbound["processed"], counts.outbound["sent"], counts.outbound["sending"]), (2, 1, 1));
    assert_eq!((counts.events["webhook_received"], counts.conversations, counts.opt_outs), (2, 2, 0));
    let sent = history.outbox(Some(&customer.0.tenant), Some(OutboxState::Sent), 10).await.unwrap();
    assert_eq!(sent.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), [answer.id.to_string()]);
    let shown = format!("{sent:?}");
    assert!(!shown.contains("Bonjour") && !shown.contains("+336"), "{shown}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_seller_inserted_by_hand_counts() {
    let (store, _folder) = fresh().await;
    sync(&store, "live", "Live").await;
    let by_hand = "INSERT INTO seller_phones (tenant_id, phone_number) VALUES ('live', '06 12 34 56 78')";
    store.0.writes.unprepared(by_hand).await.unwrap();
    let sellers = store.sellers().await.unwrap();
    let (live, taxi) = (Customer::of("live", 1).0.tenant, Customer::of("taxi", 1).0.tenant);
    for address in ["whatsapp:+33612345678", "sms:+33612345678"] {
        let person = Address::from_normalised(address).identity();
        assert!(sellers.is_registered(&live, &person) && !sellers.is_registered(&taxi, &person));
    }
    assert!(!sellers.is_registered(&live, &Address::from_normalised("whatsapp:+33612345679").identity()));
}
