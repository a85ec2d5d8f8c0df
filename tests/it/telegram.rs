//! Telegram through the real daemon: webhooks in, answers and calls out, against the simulated Bot API.

use palabre::gateway::simulator::{Attachment, CustomerMessage, Daemon, Fault, Faults, Forgery, Rule, When};
use palabre::gateway::telegram::simulator::TelegramSimulator;
use serde_json::{Value, json};

use crate::console::{add_user, signed_in};
use crate::daemon::{PUBLIC_URL, Setup, World};

const TOKEN: &str = "7000000001:AAbelle-token";
const SECRET: &str = "belle_secret-1";
pub const CHANNEL: &str = "belle-tg";
const AWA: &str = "telegram:123456789";

/// A channel of each tenant: the bots differ, whatever the tenant is called.
fn setup(telegram: &TelegramSimulator, more: &str, daemon: &str) -> Setup {
    let channel = format!(
        "[[channels]]\nid = \"{{id}}-tg\"\nprovider = \"telegram\"\naddress = \"telegram:700000000{{number}}\"\n\
         bot_token = {{ file = \"{{id}}-bot\" }}\nwebhook_secret = {{ file = \"{{id}}-secret\" }}\n\
         api_base_url = \"{}\"\n{more}",
        telegram.base_url()
    );
    Setup { sms: channel, daemon: daemon.to_owned(), ..Setup::default() }
}

pub struct Bot {
    pub telegram: TelegramSimulator,
    pub world: World,
}

impl Bot {
    fn start() -> Self {
        Self::start_with("", &Setup::default().daemon, &[])
    }

    /// With more keys of the channels, tables of the daemon's file, and secrets.
    pub fn start_with(more: &str, daemon: &str, secrets: &[(&str, &str)]) -> Self {
        let telegram = TelegramSimulator::on_this_machine().expect("the simulator starts");
        let is_polled = more.contains("updates = \"poll\"");
        telegram.add_bot(CHANNEL, TOKEN, Some(SECRET).filter(|_| !is_polled));
        telegram.add_bot("taxi-tg", "7000000002:AAtaxi-token", Some("taxi_secret-2").filter(|_| !is_polled));
        let mut world = World::asleep(&setup(&telegram, more, daemon));
        for (name, secret) in [
            ("belle-bot", TOKEN),
            ("belle-secret", SECRET),
            ("taxi-bot", "7000000002:AAtaxi-token"),
            ("taxi-secret", "taxi_secret-2"),
        ] {
            world.write_secret(name, secret);
        }
        for (name, secret) in secrets {
            world.write_secret(name, secret);
        }
        world.start_daemon();
        let reached_at = world.base_url().to_owned();
        telegram.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        Self { telegram, world }
    }

    async fn write(&self, number: u64, text: &str) {
        let answer = self.telegram.deliver(&written(number, text)).await.expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }

    pub async fn update(&self, update: &Value) -> u16 {
        self.telegram.deliver_update(CHANNEL, update).await.expect("an answer").status
    }

    /// What was sent to a chat.
    pub fn sent_to(&self, chat: i64) -> Vec<String> {
        let sent = self.telegram.calls_of("sendMessage").into_iter();
        let to = sent.filter(|parameters| parameters["chat_id"] == chat);
        to.map(|parameters| parameters["text"].as_str().expect("a text").to_owned()).collect()
    }
}

fn written(number: u64, text: &str) -> CustomerMessage {
    CustomerMessage {
        channel: CHANNEL.to_owned(),
        id: format!("TG{number}u{number}"),
        from: AWA.to_owned(),
        text: text.to_owned(),
        name: Some("Awa".to_owned()),
        ..CustomerMessage::default()
    }
}

#[tokio::test]
async fn a_question_is_answered_once_and_stop_is_obeyed() {
    let bot = Bot::start();
    bot.write(1, "Quels sont vos horaires ?").await;
    bot.write(1, "Quels sont vos horaires ?").await;
    bot.telegram.called_at_least("sendMessage", 1).await;
    bot.write(2, "STOP").await;
    bot.telegram.called_at_least("sendMessage", 2).await;
    bot.write(3, "Vous êtes là ?").await;
    bot.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 3).await;
    bot.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let sent = bot.sent_to(123_456_789);
    assert_eq!((sent.len(), sent[0].as_str()), (2, "Du mardi au samedi, de 9 h à 19 h."));
    // The start button is everybody's first word, and START of whoever said STOP.
    bot.write(4, "/start").await;
    bot.world.until("SELECT count(*) FROM opt_outs", 0).await;
    bot.telegram.called_at_least("sendMessage", 3).await;
    bot.write(5, "/start abc").await;
    bot.telegram.called_at_least("sendMessage", 4).await;
    assert_eq!(bot.sent_to(123_456_789)[3], "Vous avez écrit : /start abc");
    bot.world.until("SELECT count(*) FROM messages_out WHERE provider_message_id LIKE 'TG%'", 4).await;
    for secret in [TOKEN, "AAbelle-token", SECRET] {
        assert!(!bot.world.logs().contains(secret), "a secret in the log");
    }
}

#[tokio::test]
async fn a_pressed_button_is_answered_and_so_is_the_person() {
    let bot = Bot::start();
    let attachment = Attachment::Button { text: "horaires", payload: "hours" };
    let pressed = CustomerMessage { attachment, ..written(1, "") };
    assert_eq!(bot.telegram.deliver(&pressed).await.expect("an answer").status, 200);
    bot.telegram.called_at_least("answerCallbackQuery", 1).await;
    bot.telegram.called_at_least("sendMessage", 1).await;
    assert_eq!(bot.telegram.calls_of("answerCallbackQuery")[0]["callback_query_id"], "100");
    assert_eq!(bot.sent_to(123_456_789), ["Du mardi au samedi, de 9 h à 19 h."]);
    bot.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused_and_what_is_odd_is_taken() {
    let bot = Bot::start();
    let client = reqwest::Client::new();
    for (forgery, status) in
        [(Forgery::Unsigned, 401), (Forgery::SignedBy("taxi-tg"), 401), (Forgery::UnknownChannel, 404)]
    {
        let webhook = bot.telegram.forged(&written(1, "x"), forgery).expect("a webhook");
        assert_eq!(webhook.request(&client).send().await.expect("an answer").status(), status);
    }
    assert_eq!(bot.update(&json!({ "update_id": 1, "invented_tomorrow": {} })).await, 200);
    assert_eq!(bot.update(&json!({ "nothing": 1 })).await, 400);
    let chat = json!({ "id": -100_123, "type": "group", "title": "x" });
    let group = json!({ "update_id": 2, "message": { "message_id": 1, "chat": chat, "text": "Bonjour", "date": 1 } });
    assert_eq!(bot.update(&group).await, 200);
    assert_eq!(bot.world.value::<i64>("SELECT count(*) FROM messages_in").await, 0);
}

#[tokio::test]
async fn a_bot_that_was_blocked_is_silent_and_a_wait_is_obeyed() {
    let bot = Bot::start();
    let too_many = Fault::TooManyRequests { retry_after_secs: Some(1) };
    bot.telegram.set_faults(Faults::of([Rule::once(too_many)]));
    bot.write(1, "Bonjour").await;
    bot.telegram.called_at_least("sendMessage", 1).await;
    bot.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND attempts = 2", 1).await;
    let blocked = Fault::Refuse { status: 403, code: 1 };
    bot.telegram.set_faults(Faults::of([Rule::once(blocked).when(When::To(AWA.to_owned()))]));
    bot.write(2, "Bonjour").await;
    let suppressed = "SELECT count(*) FROM messages_out WHERE state = 'suppressed' AND last_error = 'telegram_blocked'";
    bot.world.until(suppressed, 1).await;
    bot.world
        .until("SELECT count(*) FROM opt_outs WHERE address = 'telegram:123456789' AND source = 'provider'", 1)
        .await;
}

#[tokio::test]
async fn a_group_that_migrated_is_answered_under_its_new_id() {
    let bot = Bot::start_with("groups = [\"telegram:-500\"]", &Setup::default().daemon, &[]);
    let migrated = json!({ "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": { "migrate_to_chat_id": -1_001_111_111_111_i64 } });
    bot.telegram.refuse_next("sendMessage", migrated);
    let group = |number: i64| {
        let chat = json!({ "id": -500, "type": "group", "title": "Les copines" });
        json!({ "update_id": number, "message": { "message_id": number, "chat": chat, "text": "horaires", "date": 1 } })
    };
    for number in 1..=2 {
        assert_eq!(bot.update(&group(number)).await, 200);
        bot.telegram.called_at_least("sendMessage", usize::try_from(number).expect("small")).await;
    }
    assert_eq!(bot.sent_to(-1_001_111_111_111).len(), 2);
}

#[tokio::test]
async fn a_picture_is_asked_for_and_fetched() {
    let bot = Bot::start();
    let message = CustomerMessage { attachment: Attachment::Image, ..written(1, "Regardez") };
    assert_eq!(bot.telegram.deliver(&message).await.expect("an answer").status, 200);
    bot.world.until("SELECT count(*) FROM media WHERE state = 'stored' AND content_type = 'image/png'", 1).await;
    assert_eq!(bot.telegram.calls_of("getFile")[0]["file_id"], "photo");
    assert!(!bot.world.logs().contains(TOKEN), "the token is in the file's URL");
}

#[tokio::test]
async fn i6_an_edit_is_kept_and_not_answered_and_a_stop_in_one_counts() {
    let bot = Bot::start();
    bot.write(1, "Quels sont vos horaires ?").await;
    bot.telegram.called_at_least("sendMessage", 1).await;
    let edited = |update: u64, text: &str| {
        json!({ "update_id": update, "edited_message": { "message_id": 1, "date": 1, "edit_date": 2, "text": text,
            "chat": { "id": 123_456_789, "type": "private" },
            "from": { "id": 123_456_789, "is_bot": false, "first_name": "Awa" } } })
    };
    for _ in 0..2 {
        assert_eq!(bot.update(&edited(900_001, "Quels sont vos tarifs ?")).await, 200);
    }
    bot.world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_notice'", 1).await;
    assert_eq!(bot.update(&edited(900_002, "STOP")).await, 200);
    bot.world.until("SELECT count(*) FROM opt_outs", 1).await;
    let (came, answers): (i64, i64) = (
        bot.world.value("SELECT count(*) FROM messages_in").await,
        bot.world.value("SELECT count(*) FROM messages_out WHERE kind = 'reply'").await,
    );
    assert_eq!((came, answers), (3, 1));
}

#[tokio::test]
async fn i2_what_a_polled_bot_is_given_again_is_answered_once_also_after_a_kill() {
    let mut bot = Bot::start_with("updates = \"poll\"\n", &Setup::default().daemon, &[]);
    // Messages become durable, and the position behind them does not: the same is given again.
    let held = "CREATE TRIGGER held BEFORE UPDATE OF position ON poll_cursors BEGIN SELECT RAISE(ABORT, 'held'); END";
    bot.world.execute(held).await;
    bot.telegram.deliver(&written(1, "Quels sont vos horaires ?")).await.expect("it is kept");
    bot.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    bot.world.until("SELECT min(count(*), 1) FROM event_log WHERE event_type = 'idempotent_ignored'", 1).await;
    bot.world.kill();
    bot.telegram.deliver(&written(2, "Vous êtes là ?")).await.expect("it is kept");
    bot.world.execute("DROP TRIGGER held").await;
    // The lease of the process that was killed would run out by itself.
    bot.world.execute("UPDATE poll_cursors SET held_until = '1970-01-01T00:00:00.000000Z'").await;
    bot.world.start_daemon();
    bot.world.until("SELECT coalesce(max(position), 0) FROM poll_cursors WHERE channel_id = 'belle-tg'", 3).await;
    bot.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!(
        bot.sent_to(123_456_789),
        ["Du mardi au samedi, de 9 h à 19 h.", "Vous avez écrit : Vous êtes là ?"],
        "each once"
    );
}

#[tokio::test]
async fn a_person_who_types_in_the_console_is_shown_to_the_customer() {
    let bot = Bot::start();
    bot.write(1, "Bonjour").await;
    bot.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    add_user(&bot.world, "awa@belle.example", "Awa", ("belle", "agent"));
    let mut awa = signed_in(&bot.world, "awa@belle.example").await;
    let talk: String = bot.world.value("SELECT id FROM conversations").await;
    awa.get(&format!("/console/conversations/{talk}")).await;
    let typing = [("conversation", talk.as_str()), ("typing", "true")];
    assert_eq!(awa.submit("/console/presence", &typing).await.status, 204);
    let shown = bot.telegram.calls_of("sendChatAction");
    assert_eq!(shown, [json!({ "chat_id": 123_456_789, "action": "typing" })]);
}
