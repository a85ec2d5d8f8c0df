//! Paid access in Chromium: members, revenue and access by hand, on a phone and on a laptop, accessible.

use crate::browser::{Browser, LAPTOP, PHONE};
use crate::console::add_user;
use crate::daemon::{Setup, World};

const BELLE: &str = "belle@belle.example";

/// A shop that has sold for two months.
async fn shop() -> World {
    let sms = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"".to_owned();
    let tenant = "[[plans]]\nid = \"premium\"\nname = \"Accès Premium\"\nprice = 999\nstars = 500\n\
        chats = [\"sandbox:{id}/club\"]\nbot = \"{id}-try\""
        .to_owned();
    let world = World::start_on(&Setup { sms, tenant, ..Setup::default() });
    add_user(&world, BELLE, "Belle", ("belle", "owner"));
    for (number, who, state, provider) in
        [(1, "awa", "active", "stripe"), (2, "ibou", "grace", "stripe"), (3, "fatou", "expired", "stars")]
    {
        let row = format!("00000000-0000-7000-8000-00000000000{number}");
        let (october, november) = ("2026-10-03T10:00:00.000000Z", "2026-11-03T10:00:00.000000Z");
        world
            .execute(&format!(
                "INSERT INTO subscriptions (id, tenant_id, plan_id, channel_id, address, language, state, current_period_end, grace_until,
                    provider, email, provider_payment_id, ledger, version, created_at, updated_at)
                 VALUES ('{row}', 'belle', 'premium', 'belle-try', 'sandbox:belle/{who}', 'fr', '{state}', '2026-12-03T10:00:00.000000Z',
                    '2026-12-08T10:00:00.000000Z', '{provider}', '{who}@example.com', 'pi_{number}', '{{}}', 1, '{october}', '{november}');
                 INSERT INTO access_grants VALUES ('00000000-0000-7000-8000-0000000001{number}0', 'belle', '{row}', 'sandbox:belle/club', 'in',
                    NULL, NULL, '{october}');
                 INSERT INTO chat_members VALUES ('belle', 'sandbox:belle/club', 'sandbox:belle/{who}', 'member', NULL, '{november}')"
            ))
            .await;
        let (paid, failed, currency, amount) = match provider {
            "stars" => ("successful_payment", "refunded_payment", "xtr", 500),
            _ => ("charge.succeeded", "invoice.payment_failed", "eur", 999),
        };
        for (at, what, id) in [(october, paid, 1), (november, paid, 2), (november, failed, 3)] {
            world
                .execute(&format!(
                    "INSERT INTO payment_events (id, tenant_id, provider, provider_event_id, type, livemode, subject, subject_id,
                        subscription_id, amount, currency, outcome, received_at, applied_at)
                     VALUES ('00000000-0000-7000-8000-000000000{number}{id}0', 'belle', '{provider}', 'evt_{number}_{id}', '{what}', 1,
                        'charge', 'ch_{number}_{id}', '{row}', {amount}, '{currency}', 'applied', '{at}', '{at}')"
                ))
                .await;
        }
    }
    world
}

#[tokio::test]
async fn paid_access_is_seen_given_and_ended_on_a_phone_and_on_a_laptop() {
    let world = shop().await;
    for (name, size) in [("phone", PHONE), ("laptop", LAPTOP)] {
        let browser = Browser::open(&world, size).await;
        browser.sign_in(BELLE).await;
        browser.text(".tiles").await;
        browser.goto("/console/access").await;
        browser.says("#members", "en délai").await;
        browser.says("#revenue", "Stars").await;
        browser.says("#revenue", "19,98 €").await;
        browser.assert_accessible().await;
        browser.screenshot(&format!("access-{name}")).await;
        browser.write("[name=q]", "awa").await;
        browser.click("form[role=search] button").await;
        browser
            .client
            .wait()
            .for_element(fantoccini::Locator::Css("[name=q][value=awa]"))
            .await
            .expect("what was searched");
        browser.click("#members a").await;
        browser.says("h1", "awa").await;
        browser.says("main", "Vu pour la dernière fois dans le salon : membre").await;
        browser.assert_accessible().await;
        browser.screenshot(&format!("access-member-{name}")).await;
        browser.goto("/console/access").await;
        browser.click("#grant summary").await;
        browser.write("#grant [name=who]", &format!("sandbox:belle/{name}")).await;
        browser.assert_accessible().await;
        browser.click("#grant button.main").await;
        browser.says("#told", "L'accès est donné").await;
        browser.click("#revoke summary").await;
        browser.click("#revoke button").await;
        browser.says("#told", "L'accès s'arrête").await;
        browser.assert_accessible().await;
        for (page, shot) in [("premium", "plan"), ("premium/own", "plan-own")] {
            browser.goto(&format!("/p/belle/{page}")).await;
            browser.says("h1", "Accès Premium").await;
            browser.assert_accessible().await;
            browser.screenshot(&format!("{shot}-{name}")).await;
        }
        browser.close().await;
    }
}
