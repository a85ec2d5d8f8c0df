//! Paid access through the real daemon: a simulated Stripe, a simulated Telegram, and a member between them.

use std::process::{Command, Stdio};

use chrono::Utc;
use palabre::gateway::simulator::{CustomerMessage, Daemon};
use palabre::gateway::telegram::simulator::TelegramSimulator;
use palabre::payments::stripe::simulator::{SECRET_KEY, SimulatedStripe, WEBHOOK_SECRET, WebhookFaults};
use serde_json::{Value, json};

use crate::daemon::{PUBLIC_URL, Setup, World};

const CHANNEL: &str = "belle-tg";
const ACCOUNT: &str = "acct_Belle0000000001";
const CHAT: i64 = -1_001_234_567_890;
const AWA: i64 = 123_456_789;
const STRANGER: i64 = 987_654_321;
const CREATOR: i64 = 555_555_555;

struct Shop {
    stripe: SimulatedStripe,
    telegram: TelegramSimulator,
    world: World,
    client: reqwest::Client,
}

impl Shop {
    fn open() -> Self {
        let stripe = SimulatedStripe::start(ACCOUNT, Utc::now()).expect("the simulator starts");
        let telegram = TelegramSimulator::on_this_machine().expect("the simulator starts");
        telegram.add_bot(CHANNEL, "7000000001:AAbelle-token", Some("belle_secret-1"));
        telegram.add_bot("taxi-tg", "7000000002:AAtaxi-token", Some("taxi_secret-2"));
        let sms = format!(
            "[[channels]]\nid = \"{{id}}-tg\"\nprovider = \"telegram\"\naddress = \"telegram:700000000{{number}}\"\n\
             bot_token = {{ file = \"{{id}}-bot\" }}\nwebhook_secret = {{ file = \"{{id}}-secret\" }}\n\
             api_base_url = \"{}\"\ntimeout = \"2s\"\n",
            telegram.base_url()
        );
        let tenant = format!(
            "[stripe]\naccount = \"acct_Belle000000000{{number}}\"\n[[plans]]\nid = \"premium\"\nname = \"Accès Premium\"\nprice = 999\n\
             stars = 500\nchats = [\"telegram:{CHAT}\"]\nbot = \"{{id}}-tg\"\n\
             [imprint]\nname = \"Belle Diop EI\"\naddress = \"12 rue des Lilas, Montreuil\"\nterms_url = \"https://belle.example/cgv\"\n"
        );
        let daemon = format!(
            "{}\n[stripe]\nsecret_key = {{ file = \"stripe-key\" }}\nwebhook_secrets = [{{ file = \"stripe-hook\" }}]\n\
             api_base_url = \"{}\"\n",
            Setup::default().daemon,
            stripe.base_url()
        );
        let mut world = World::asleep(&Setup { sms, tenant, daemon, ..Setup::default() }.killed_soon());
        for (name, secret) in [
            ("belle-bot", "7000000001:AAbelle-token"),
            ("belle-secret", "belle_secret-1"),
            ("taxi-bot", "7000000002:AAtaxi-token"),
            ("taxi-secret", "taxi_secret-2"),
            ("stripe-key", SECRET_KEY),
            ("stripe-hook", WEBHOOK_SECRET),
        ] {
            world.write_secret(name, secret);
        }
        world.start_daemon();
        let reached_at = world.base_url().to_owned();
        telegram.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { stripe, telegram, world, client }
    }

    async fn write(&self, number: u64, text: &str) {
        self.writes(AWA, number, text).await;
    }

    async fn writes(&self, who: i64, number: u64, text: &str) {
        let message = CustomerMessage {
            channel: CHANNEL.to_owned(),
            id: format!("TG{number}u{number}"),
            from: format!("telegram:{who}"),
            text: text.to_owned(),
            name: Some("Awa".to_owned()),
            ..CustomerMessage::default()
        };
        assert_eq!(self.telegram.deliver(&message).await.expect("an answer").status, 200);
    }

    async fn update(&self, update: &Value) {
        let answer = self.telegram.deliver_update(CHANNEL, update).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    async fn asks_to_join(&self, number: i64, who: i64) {
        self.update(&json!({ "update_id": number, "chat_join_request": {
            "chat": { "id": CHAT, "type": "channel", "title": "Premium" },
            "from": { "id": who, "is_bot": false, "first_name": "Someone" },
            "user_chat_id": who, "date": 1,
        } }))
        .await;
    }

    /// Hands Stripe's webhooks over.
    async fn hears_stripe(&self) {
        let url = format!("{}/webhooks/stripe", self.world.base_url());
        assert_eq!(self.stripe.deliver(&self.client, &url, WebhookFaults::default()).await, 0, "all were taken");
    }

    /// Somebody's place in the chat changes, and the bot is told.
    async fn moves(&self, number: i64, who: i64, status: &str) {
        self.telegram.set_member(CHAT, who, status);
        let user = json!({ "id": who, "is_bot": false, "first_name": "Someone" });
        self.update(&json!({ "update_id": number, "chat_member": {
            "chat": { "id": CHAT, "type": "channel", "title": "Premium" }, "from": user, "date": 1,
            "old_chat_member": { "status": "left", "user": user },
            "new_chat_member": { "status": status, "user": user },
        } }))
        .await;
    }

    /// The daemon starts again, and its bot's webhooks go there.
    fn starts_again(&mut self) {
        self.world.start_daemon();
        let reached_at = self.world.base_url().to_owned();
        self.telegram.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
    }

    /// `palabre access … --tenant belle`: its exit code, and what it says.
    fn palabre(&self, what: &str) -> (i32, String) {
        self.access(&[what, "--tenant", "belle"])
    }

    /// `palabre access …`: its exit code, and what it says.
    fn access(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
        command.arg("access").args(arguments).env("PALABRE_CONFIG", self.world.config());
        let said = command.stdin(Stdio::null()).output().expect("it runs");
        (said.status.code().expect("an exit code"), String::from_utf8(said.stdout).expect("UTF-8"))
    }

    /// Awa asks for the plan. Answers the path of the page that the bot sends her.
    async fn offered(&self) -> String {
        self.write(1, "/start plan_premium").await;
        self.telegram.called_at_least("sendMessage", 2).await;
        let offer = self.said("Accès Premium").expect("an offer");
        offer.split(' ').next_back().and_then(|link| link.strip_prefix(PUBLIC_URL)).expect("a link").to_owned()
    }

    /// Awa pays by card, and the daemon hears of it.
    async fn pays(&self, path: &str, token: &str) {
        let page = format!("{}{path}/buy", self.world.base_url());
        let buy = self.client.post(page).form(&[("m", token)]).send().await.expect("an answer");
        assert!(self.stripe.pay(buy.headers()["location"].to_str().expect("text"), "awa@example.com"));
        self.hears_stripe().await;
    }

    fn said(&self, start: &str) -> Option<String> {
        let calls = self.telegram.calls_of("sendMessage");
        let mut texts = calls.iter().filter(|call| call["chat_id"] == AWA).filter_map(|call| call["text"].as_str());
        texts.find(|text| text.starts_with(start)).map(str::to_owned)
    }
}

#[actix_web::test]
async fn i13_a_member_pays_by_card_comes_in_and_is_out_when_the_money_goes_back() {
    let shop = Shop::open();
    let page = shop.offered().await;
    let offer = shop.said("Accès Premium").expect("an offer");
    assert!(offer.starts_with("Accès Premium : 9,99\u{a0}€ par mois, ou 500 ⭐."), "{offer}");
    let (path, token) = page.split_once("?m=").expect("it names the member");
    // The page, and the way to pay.
    let here = |path: &str| format!("{}{path}", shop.world.base_url());
    let html = shop.client.get(here(&page)).send().await.expect("an answer");
    let policy = html.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let html = html.text().await.expect("a page");
    assert!(html.contains("9,99\u{a0}€") && html.contains("Accès Premium"), "{html}");
    let form = [("m", token)];
    shop.stripe.go_away(true);
    let away = shop.client.post(here(&format!("{path}/buy"))).form(&form).send().await.expect("an answer");
    assert_eq!(away.status(), 503);
    assert!(away.text().await.expect("a page").contains("rien n&#x27;a été débité"), "a page that people can read");
    shop.stripe.go_away(false);
    let buy = shop.client.post(here(&format!("{path}/buy"))).form(&form).send().await.expect("an answer");
    assert_eq!(buy.status(), 303);
    let checkout = buy.headers()["location"].to_str().expect("text").to_owned();
    assert!(shop.stripe.pay(&checkout, "awa@example.com"));
    // Nothing is believed without its signature.
    let forged = shop.client.post(here("/webhooks/stripe")).header("stripe-signature", "t=1,v1=00").body("{}");
    assert_eq!(forged.send().await.expect("an answer").status(), 401);
    shop.hears_stripe().await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    shop.telegram.called_at_least("createChatInviteLink", 1).await;
    // Whoever got hold of the link is not let in; the member is.
    shop.asks_to_join(100, STRANGER).await;
    shop.telegram.called_at_least("declineChatJoinRequest", 1).await;
    shop.asks_to_join(101, AWA).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 1).await;
    assert_eq!(shop.telegram.calls_of("declineChatJoinRequest")[0]["user_id"], STRANGER);
    assert_eq!(shop.telegram.calls_of("approveChatJoinRequest")[0]["user_id"], AWA);
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'in'", 1).await;
    // The same events again change nothing.
    let again = shop.stripe.subscriptions()[0].clone();
    shop.stripe.refund(&again);
    shop.hears_stripe().await;
    shop.telegram.called_at_least("banChatMember", 1).await;
    shop.telegram.called_at_least("unbanChatMember", 1).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'out'", 1).await;
    shop.world.until("SELECT count(*) FROM subscriptions WHERE state = 'revoked'", 1).await;
    assert_eq!(shop.telegram.calls_of("unbanChatMember")[0]["only_if_banned"], true);
    let events =
        "SELECT count(*) FROM event_log WHERE event_type IN ('access_granted', 'access_revoked', 'payment_refunded')";
    shop.world.until(events, 3).await;
    for secret in [SECRET_KEY, WEBHOOK_SECRET, "awa@example.com"] {
        assert!(!shop.world.logs().contains(secret), "a secret in the log");
    }
    assert_eq!(shop.stripe.refused(), 1, "the other creator's account, which this Stripe does not know, at the start");
}

#[actix_web::test]
async fn i13_a_member_pays_in_stars_and_a_wrong_price_is_refused() {
    let shop = Shop::open();
    shop.write(1, "/start plan_premium").await;
    shop.telegram.called_at_least("createInvoiceLink", 1).await;
    let invoice = shop.telegram.calls_of("createInvoiceLink")[0].clone();
    assert_eq!((&invoice["currency"], &invoice["subscription_period"]), (&json!("XTR"), &json!(2_592_000)));
    let payload = invoice["payload"].as_str().expect("a payload").to_owned();
    let checkout = |number: i64, stars: i64| {
        json!({ "update_id": number, "pre_checkout_query": {
            "id": number.to_string(), "from": { "id": AWA, "is_bot": false, "first_name": "Awa" },
            "currency": "XTR", "total_amount": stars, "invoice_payload": payload,
        } })
    };
    shop.update(&checkout(200, 1)).await;
    shop.telegram.called_at_least("answerPreCheckoutQuery", 1).await;
    shop.update(&checkout(201, 500)).await;
    shop.telegram.called_at_least("answerPreCheckoutQuery", 2).await;
    let answers: Vec<_> =
        shop.telegram.calls_of("answerPreCheckoutQuery").iter().map(|answer| answer["ok"].clone()).collect();
    assert_eq!(answers, [json!(false), json!(true)]);
    let until = Utc::now().timestamp() + 2_592_000;
    let paid = json!({ "update_id": 202, "message": {
        "message_id": 50, "date": 1, "chat": { "id": AWA, "type": "private" },
        "from": { "id": AWA, "is_bot": false, "first_name": "Awa" },
        "successful_payment": {
            "currency": "XTR", "total_amount": 500, "invoice_payload": payload,
            "telegram_payment_charge_id": "charge-1", "provider_payment_charge_id": "x",
            "subscription_expiration_date": until, "is_recurring": true, "is_first_recurring": true,
        },
    } });
    // Twice, as Telegram repeats what it is not sure of.
    shop.update(&paid).await;
    shop.update(&paid).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    shop.asks_to_join(203, AWA).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 1).await;
    let active = "SELECT count(*) FROM subscriptions WHERE state = 'active' AND provider = 'stars'";
    shop.world.until(active, 1).await;
    assert_eq!(shop.telegram.calls_of("createChatInviteLink").len(), 1, "one way in");
    // A refund by Telegram ends it.
    shop.update(&json!({ "update_id": 204, "message": {
        "message_id": 51, "date": 1, "chat": { "id": AWA, "type": "private" },
        "from": { "id": AWA, "is_bot": false, "first_name": "Awa" },
        "refunded_payment": {
            "currency": "XTR", "total_amount": 500, "invoice_payload": payload, "telegram_payment_charge_id": "charge-1",
        },
    } }))
    .await;
    shop.telegram.called_at_least("unbanChatMember", 1).await;
    shop.world.until("SELECT count(*) FROM subscriptions WHERE state = 'revoked'", 1).await;
}

#[actix_web::test]
async fn i13_the_daily_audit_removes_who_has_not_paid_and_reads_payments_that_nobody_told() {
    let mut shop = Shop::open();
    shop.write(1, "/start plan_premium").await;
    shop.telegram.called_at_least("createInvoiceLink", 1).await;
    let payload = shop.telegram.calls_of("createInvoiceLink")[0]["payload"].as_str().expect("a payload").to_owned();
    // Two come in by a way that is not ours: the creator, and somebody who has not paid.
    shop.moves(300, STRANGER, "member").await;
    shop.moves(301, CREATOR, "creator").await;
    shop.world.until("SELECT count(*) FROM chat_members WHERE membership IN ('member', 'owner')", 2).await;
    // By hand, it is told and nothing is done about it.
    let (code, table) = shop.palabre("audit");
    assert!(code == 1 && table.contains("stranger") && !table.contains(&STRANGER.to_string()), "{table}");
    shop.world.until("SELECT count(*) FROM chat_members WHERE finding IS NULL", 2).await;
    assert!(shop.telegram.calls_of("banChatMember").is_empty());
    // Awa pays, and no update tells of it. Then a day goes by.
    let now = Utc::now().timestamp();
    shop.telegram.add_transaction(json!({ "id": "charge-9", "amount": 500, "date": now, "source": {
        "type": "user", "transaction_type": "invoice_payment", "invoice_payload": payload, "subscription_period": 2_592_000,
        "user": { "id": AWA, "is_bot": false, "first_name": "Awa" },
    } }));
    shop.world.terminate();
    shop.world.execute("UPDATE access_chats SET next_audit_at = NULL").await;
    shop.world.execute("DELETE FROM access_bots").await;
    shop.starts_again();
    shop.telegram.called_at_least("banChatMember", 1).await;
    let banned = shop.telegram.calls_of("banChatMember")[0].clone();
    let until = banned["until_date"].as_i64().expect("a ban that ends by itself");
    assert!(banned["user_id"] == STRANGER && until > now + 30, "{banned}");
    assert_eq!(shop.telegram.members_of(CHAT), [CREATOR].into());
    shop.world.until("SELECT count(*) FROM chat_members WHERE finding = 'removed'", 1).await;
    shop.world.until("SELECT count(*) FROM subscriptions WHERE state = 'active' AND provider = 'stars'", 1).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    shop.asks_to_join(302, AWA).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 1).await;
    assert_eq!(shop.telegram.members_of(CHAT), [CREATOR, AWA].into());
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'in'", 1).await;
    let (code, table) = shop.palabre("audit");
    assert!(code == 0 && table.contains("all are where they should be"), "{table}");
    // A store takes the money back, and of that nothing is told but the charge.
    shop.telegram.add_transaction(json!({ "id": "charge-9", "amount": 500, "date": now, "receiver": {
        "type": "user", "user": { "id": AWA, "is_bot": false, "first_name": "Awa" },
    } }));
    let (code, text) = shop.palabre("reconcile");
    assert!(code == 0 && text.contains("1 payments in Stars booked"), "{text}");
    shop.telegram.called_at_least("unbanChatMember", 1).await;
    shop.world.until("SELECT count(*) FROM subscriptions WHERE state = 'revoked'", 1).await;
    assert_eq!(shop.telegram.members_of(CHAT), [CREATOR].into());
    let (code, text) = shop.palabre("reconcile");
    assert!(code == 0 && text.contains("0 payments in Stars booked"), "{text}");
}

#[actix_web::test]
async fn i13_a_payer_cancels_and_withdraws_without_an_account() {
    let shop = Shop::open();
    let page = shop.offered().await;
    let (path, token) = page.split_once("?m=").expect("it names the member");
    let here = |path: &str| format!("{}{path}", shop.world.base_url());
    let get = async |path: &str| {
        let answer = shop.client.get(here(path)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a page"))
    };
    let post = async |path: &str, form: &[(&str, &str)]| {
        let answer = shop.client.post(here(path)).form(form).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a page"))
    };
    let (_, html) = get(&page).await;
    for told in ["Belle Diop EI", "12 rue des Lilas", "belle.example", "Se rétracter du contrat ici"] {
        assert!(html.contains(told), "{told}: {html}");
    }
    shop.pays(path, token).await;
    shop.world.until("SELECT count(*) FROM subscriptions WHERE state = 'active'", 1).await;
    // Without a link, the page asks for the e-mail; the bot brings the link as well. Whoever nobody knows gets the same answer.
    let (status, html) = get(&format!("{path}/own")).await;
    assert!(status == 200 && html.contains("name=\"email\""), "{html}");
    let (_, known) = post(&format!("{path}/own/link"), &[("email", "awa@example.com")]).await;
    let (_, unknown) = post(&format!("{path}/own/link"), &[("email", "nobody@example.com")]).await;
    assert_eq!(known, unknown);
    let asked =
        "SELECT count(*) FROM messages_out WHERE body LIKE 'Votre page pour %' AND state IN ('sent', 'delivered')";
    shop.world.until(asked, 1).await;
    let link = shop.said("Votre page pour").expect("the link");
    let own = link.split_whitespace().find_map(|word| word.strip_prefix(PUBLIC_URL)).expect("ours").to_owned();
    let (status, html) = get(&own).await;
    assert!(status == 200 && html.contains("il se renouvelle tout seul"), "{html}");
    let token = own.split_once("?s=").expect("a token").1;
    assert_eq!(get(&format!("{path}/own?s={}", token.replace('_', "_0"))).await.0, 404);
    // Cancelled, with a date; then withdrawn.
    let (status, html) = get(&format!("{path}/cancel?s={token}")).await;
    assert!(status == 200 && html.contains("Confirmer la résiliation"), "{html}");
    let form = [("s", token), ("name", "Awa Diop")];
    let (status, html) = post(&format!("{path}/cancel/confirm"), &form).await;
    assert!(status == 200 && html.contains("Résiliation reçue le"), "{html}");
    let applied = "SELECT count(*) FROM payment_events WHERE provider = 'member' AND outcome = 'applied'";
    shop.world.until(applied, 1).await;
    let (_, html) = get(&own).await;
    assert!(html.contains("Résilié : accès jusqu&#x27;au") && !html.contains("/cancel?s="), "{html}");
    let (status, html) = post(&format!("{path}/withdraw/confirm"), &form).await;
    assert!(status == 200 && html.contains("Rétractation reçue le"), "{html}");
    shop.world.until(applied, 2).await;
    let told = "SELECT count(*) FROM messages_out WHERE body LIKE 'Accusé de réception.%au nom de Awa Diop%'";
    shop.world.until(told, 2).await;
    assert!(!shop.world.logs().contains("Awa Diop") && !shop.world.logs().contains(token), "in the log");
}

#[actix_web::test]
async fn i12_a_purchase_moves_to_another_account_and_the_old_one_has_to_leave() {
    let shop = Shop::open();
    let page = shop.offered().await;
    let (path, token) = page.split_once("?m=").expect("it names the member");
    let here = |path: &str| format!("{}{path}", shop.world.base_url());
    // The page leads to the bot as well, where it is paid in Stars.
    let html = shop.client.get(here(&page)).send().await.expect("an answer").text().await.expect("a page");
    assert!(html.contains("simulated_bot?start=plan_premium") && html.contains("500 ⭐"), "{html}");
    assert!(html.contains("C&#x27;est le prix total"), "{html}");
    shop.pays(path, token).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    shop.asks_to_join(400, AWA).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 1).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'in'", 1).await;
    // By people, once.
    let id: String = shop.world.value("SELECT id FROM subscriptions WHERE provider = 'stripe'").await;
    let (code, text) = shop.access(&["move", &id, &format!("telegram:{CREATOR}")]);
    assert_eq!(code, 0, "{text}");
    assert_ne!(shop.access(&["move", &id, &format!("telegram:{STRANGER}")]).0, 0, "once in thirty days");
    shop.telegram.called_at_least("unbanChatMember", 1).await;
    shop.telegram.called_at_least("createChatInviteLink", 2).await;
    assert_eq!(shop.telegram.calls_of("banChatMember")[0]["user_id"], AWA);
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'out'", 1).await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    shop.asks_to_join(401, AWA).await;
    shop.telegram.called_at_least("declineChatJoinRequest", 1).await;
    shop.asks_to_join(402, CREATOR).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 2).await;
    assert_eq!(shop.telegram.members_of(CHAT), [CREATOR].into());
    shop.world.until("SELECT count(*) FROM audit_log WHERE action = 'access.move'", 1).await;
    assert!(shop.said("Votre accès à Accès Premium est désormais lié").is_some(), "the old account was told");
}

#[actix_web::test]
async fn i13_members_are_let_in_once_though_the_daemon_is_killed() {
    let mut shop = Shop::open();
    let members: Vec<i64> = (0..8).map(|number| 80_000_000 + number).collect();
    let mut number = 500;
    for who in &members {
        number += 1;
        shop.writes(*who, number, "/start plan_premium").await;
    }
    shop.world.until("SELECT count(*) FROM subscriptions WHERE invoiced_at IS NOT NULL", 8).await;
    let invoiced = "SELECT id, address FROM subscriptions ORDER BY id";
    let rows = shop.world.rows(invoiced, |row| {
        let (id, address): (String, String) =
            (row.try_get_by_index(0).expect("an id"), row.try_get_by_index(1).expect("an address"));
        (id, address.trim_start_matches("telegram:").parse::<i64>().expect("a number"))
    });
    let rows = rows.await;
    let until = Utc::now().timestamp() + 2_592_000;
    for (at, (payload, who)) in rows.iter().enumerate() {
        let paid = json!({ "update_id": 600 + at, "message": {
            "message_id": 700 + at, "date": 1, "chat": { "id": who, "type": "private" },
            "from": { "id": who, "is_bot": false, "first_name": "Awa" },
            "successful_payment": {
                "currency": "XTR", "total_amount": 500, "invoice_payload": payload,
                "telegram_payment_charge_id": format!("charge-{at}"), "provider_payment_charge_id": "x",
                "subscription_expiration_date": until, "is_recurring": true, "is_first_recurring": true,
            },
        } });
        shop.update(&paid).await;
        // In the middle of what follows of the payments before.
        if at % 3 == 2 {
            shop.world.kill();
            shop.starts_again();
        }
        // Telegram is not sure that it was taken.
        shop.update(&paid).await;
    }
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 8).await;
    for (at, who) in members.iter().enumerate() {
        shop.asks_to_join(800 + i64::try_from(at).expect("small"), *who).await;
    }
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'in'", 8).await;
    shop.telegram.called_at_least("approveChatJoinRequest", 8).await;
    assert_eq!(shop.telegram.members_of(CHAT), members.iter().copied().collect());
    // Each was written to once, whatever was cut short.
    for start in ["Merci. Votre paiement%", "Votre lien d''entrée%"] {
        shop.world.until(&format!("SELECT count(*) FROM messages_out WHERE body LIKE '{start}'"), 8).await;
    }
    shop.world.until("SELECT count(*) FROM payment_events WHERE provider = 'stars'", 8).await;
}

#[actix_web::test]
async fn i13_a_bot_without_rights_holds_nothing_else_back_and_owners_are_never_removed() {
    let shop = Shop::open();
    shop.telegram.let_bots_administer(CHAT, false);
    let give = |who: i64| {
        let (code, id) = shop.access(&["grant", "--tenant", "belle", "--plan", "premium", &format!("telegram:{who}")]);
        assert_eq!(code, 0, "{id}");
        id.trim().to_owned()
    };
    give(AWA);
    shop.world.until("SELECT count(*) FROM access_chats WHERE stuck_since IS NOT NULL", 1).await;
    // What else she asks is answered meanwhile.
    shop.write(400, "/start plan_premium").await;
    shop.telegram.called_at_least("sendMessage", 1).await;
    shop.telegram.let_bots_administer(CHAT, true);
    let bot = |status: &str| {
        json!({ "status": status, "user": { "id": 7_000_000_001_i64, "is_bot": true, "first_name": "Belle" },
            "can_invite_users": true, "can_restrict_members": true })
    };
    shop.update(&json!({ "update_id": 401, "my_chat_member": {
        "chat": { "id": CHAT, "type": "channel", "title": "Premium" },
        "from": { "id": CREATOR, "is_bot": false, "first_name": "Belle" }, "date": 1,
        "old_chat_member": bot("member"), "new_chat_member": bot("administrator"),
    } }))
    .await;
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 1).await;
    // The owner has access by hand like anybody, and stays when it ends.
    shop.moves(402, CREATOR, "creator").await;
    shop.world.until("SELECT count(*) FROM chat_members WHERE membership = 'owner'", 1).await;
    let owners = give(CREATOR);
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'invited'", 2).await;
    assert_eq!(shop.access(&["revoke", &owners]).0, 0);
    shop.world.until("SELECT count(*) FROM access_grants WHERE state = 'out'", 1).await;
    assert!(shop.telegram.calls_of("banChatMember").is_empty());
}

#[actix_web::test]
async fn anonymous_checkouts_are_limited_by_address_and_plan() {
    let shop = Shop::open();
    let path = format!("{}/p/belle/premium/buy", shop.world.base_url());
    // The daemon believes the proxy of this machine.
    let buy_from = async |source: &str| {
        let asked = shop.client.post(&path).header("X-Forwarded-For", source).header("Accept-Language", "en");
        asked.form(&[("m", "")]).send().await.expect("an answer")
    };
    let buy = async || buy_from("203.0.113.9").await;
    for n in 0..30 {
        assert_eq!(buy().await.status(), 303, "{n}");
    }
    // An attempt comes back every twenty seconds: a slow machine may have seen that.
    let mut refused = buy().await;
    while refused.status() == 303 {
        refused = buy().await;
    }
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    let page = refused.text().await.expect("a page");
    assert!(page.contains("One moment") && page.contains("Nothing was charged"), "{page}");
    assert_eq!(buy_from("203.0.113.10").await.status(), 303, "somebody else");
    // The plan is shown as before; one that is not there has a page as well.
    let get = async |path: &str| {
        let asked = shop.client.get(format!("{}{path}", shop.world.base_url())).header("Accept-Language", "en");
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a page"))
    };
    assert_eq!(get("/p/belle/premium").await.0, 200);
    let (status, page) = get("/p/belle/gold").await;
    assert!(status == 404 && page.contains("Nothing here") && page.contains("<html lang=\"en\">"), "{page}");
}
