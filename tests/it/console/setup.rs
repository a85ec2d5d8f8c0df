//! The set-up from outside: a tenant from nothing, errors at their fields, secrets that are shown once, undoing, roles, walls.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::daemon::{BELLE, Setup, Waiting};

const OPS: &str = "ops@agency.example";
const AWA: &str = "awa@belle.example";
/// It must be seen nowhere.
const API_TOKEN: &str = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345";

/// A world without tenants, and whoever runs it.
async fn nothing() -> (World, Visitor) {
    let mut world = World::asleep(&Setup::default());
    for tenant in ["belle", "taxi"] {
        std::fs::remove_file(file(&world, tenant)).expect("it was there");
    }
    world.start_daemon();
    add_user(&world, OPS, "Ops", ("*", "operator"));
    let ops = signed_in(&world, OPS).await;
    (world, ops)
}

fn file(world: &World, tenant: &str) -> PathBuf {
    world.config().with_file_name("tenants").join(format!("{tenant}.toml"))
}

fn text(world: &World, tenant: &str) -> String {
    std::fs::read_to_string(file(world, tenant)).expect("its file")
}

/// Which configuration counts.
async fn version(world: &World) -> String {
    let health = reqwest::get(format!("{}/api/health", world.base_url())).await.expect("an answer");
    let health = health.text().await.expect("a body");
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    health["components"]["configuration"]["version"].to_string()
}

const NAILS: [(&str, &str); 5] =
    [("trade", "beauty"), ("name", "Nails & Co"), ("language", "fr"), ("timezone", "Europe/Paris"), ("phone", "")];

async fn make_nails(ops: &mut Visitor) {
    ops.get("/console/tenants/new").await;
    let made = ops.submit("/console/tenants/new", &NAILS).await;
    assert_eq!((made.status, made.location()), (303, "/console/setup?done=made"), "{}", made.body);
    let page = ops.get("/console/setup?done=made").await;
    assert!(page.status == 200 && page.body.contains("Nails &amp; Co"), "{}", page.body);
}

#[tokio::test]
async fn whoever_runs_an_empty_installation_is_led_to_the_first_tenant_and_it_answers() {
    let (world, mut ops) = nothing().await;
    let led = ops.get("/console/conversations").await;
    assert_eq!((led.status, led.location()), (303, "/console/tenants/new"));
    ops.get("/console/tenants/new").await;
    let zone = ("timezone", "Europe/Pari");
    let refused = ops.submit("/console/tenants/new", &[NAILS[0], NAILS[1], NAILS[2], zone, ("phone", "0612")]).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    for at in ["id=\"f-timezone\"", "id=\"f-phone\""] {
        let field = refused.body.split("<input ").find(|input| input.starts_with(at)).unwrap_or_default();
        assert!(field.contains("aria-invalid"), "{at}: {}", refused.body);
    }
    assert!(refused.body.contains("value=\"Nails &amp; Co\"") && !file(&world, "nails-co").exists(), "nothing is lost");
    make_nails(&mut ops).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries WHERE tenant_id = 'nails-co'").await, 10);
    let again = ops.submit("/console/tenants/new", &NAILS).await;
    assert!(again.status == 400 && again.body.contains("Une entreprise a déjà ce nom"), "{}", again.body);

    ops.get("/console/setup/trial").await;
    let mut waiting = Waiting::begin();
    for written in 1.. {
        // Each time somebody else: the bot learns the answers within a second or two.
        let customer = format!("camille-{written}");
        let sent = ops.submit("/console/sandbox", &[("as", &customer), ("text", "Quels sont vos horaires ?")]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
        world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending')", 0).await;
        let page = ops.get(&format!("/console/sandbox?as={customer}")).await.body;
        if page.contains("Nous sommes ouverts du mardi au samedi") {
            break;
        }
        assert!(waiting.goes_on(), "{page}");
    }
    assert!(ops.get("/console/setup/trial").await.body.contains("Un message est arrivé"));
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'tenant.create'";
    assert_eq!(world.value::<i64>(audited).await, 1);
}

#[tokio::test]
async fn steps_write_the_file_at_once_keep_its_comments_and_are_gone_back_to() {
    let (world, mut ops) = nothing().await;
    make_nails(&mut ops).await;
    let path = file(&world, "nails-co");
    std::fs::write(&path, format!("# Written by Awa.\n{}", text(&world, "nails-co"))).expect("a file");

    ops.get("/console/setup/hours").await;
    let wrong = [("mon", "le matin"), ("tue", "9h-12h30 14h-19h"), ("holidays", "FR"), ("closed_on", "24/12/2026")];
    let refused = ops.submit("/console/setup/hours", &wrong).await;
    assert!(refused.status == 400 && refused.body.contains("id=\"h-mon\""), "{}", refused.body);
    assert!(refused.body.contains("value=\"le matin\"") && !refused.body.contains("id=\"h-tue\""), "{}", refused.body);
    let held = ops.submit("/console/setup/hours", &[&[("mon", "9am-6pm")], &wrong[1..]].concat()).await;
    assert_eq!((held.status, held.location()), (303, "/console/setup/services"), "{}", held.body);
    let written = text(&world, "nails-co");
    for part in ["# Written by Awa.", "mon = [\"09:00-18:00\"]", "\"14:00-19:00\"", "dates = [\"2026-12-24\"]"] {
        assert!(written.contains(part), "{part}\n{written}");
    }
    assert!(!written.contains("wed ="), "a day that is left empty is closed: {written}");
    let again = ops.get("/console/setup/hours?alone=setup").await.body;
    assert!(again.contains("value=\"09:00-18:00\"") && again.contains("2026-12-24"), "{again}");

    let services = [
        ("id_0", "manucure"),
        ("name_0", "Manucure <russe>"),
        ("duration_0", "1h15"),
        ("resources_0", "Awa, Sophie"),
        ("id_1", "massage"),
        ("name_1", ""),
        ("id_2", ""),
        ("name_2", "Pose"),
        ("duration_2", "une heure"),
        ("alone", "setup"),
    ];
    let refused = ops.submit("/console/setup/services", &services).await;
    assert!(refused.status == 400 && refused.body.contains("id=\"h-duration_2\""), "{}", refused.body);
    let services: Vec<_> =
        services.into_iter().map(|(key, value)| (key, if key == "duration_2" { "60" } else { value })).collect();
    let held = ops.submit("/console/setup/services", &services).await;
    assert_eq!((held.status, held.location()), (303, "/console/setup?done=saved"), "{}", held.body);
    let written = text(&world, "nails-co");
    assert!(written.contains("Manucure <russe>") && written.contains("duration = \"1h 15m\""), "{written}");
    assert!(written.contains("id = \"pose\"") && !written.contains("massage"), "{written}");

    let business = [("name", "Nails \"N\" <b>"), ("language", "fr"), ("timezone", "Europe/Paris")];
    let refused = ops.submit("/console/setup/business", &[&business[..], &[("phones", "2025550123")]].concat()).await;
    assert!(refused.status == 400 && refused.body.contains("class=\"hint wrong\" id=\"h-phones\""), "{}", refused.body);
    let held = ops.submit("/console/setup/business", &[&business[..], &[("phones", "06 12 34 56 78")]].concat()).await;
    assert_eq!(held.status, 303, "{}", held.body);
    let page = ops.get("/console/setup").await.body;
    assert!(page.contains("Nails &#34;N&#34; &lt;b&gt;") || page.contains("Nails &quot;N&quot; &lt;b&gt;"), "{page}");
    assert_eq!(page.matches("class=\"done\"").count(), 3, "{page}");
    assert!(!world.logs().contains("not hold"), "every file that was written holds: {}", world.logs());
}

#[tokio::test]
async fn how_customers_agree_is_said_in_a_step_of_its_own_and_counts_at_once() {
    let (world, mut ops) = nothing().await;
    make_nails(&mut ops).await;
    let page = ops.get("/console/setup/consent").await.body;
    assert!(page.contains("value=\"no\" checked") && page.contains("vous ne recevrez plus de messages"), "{page}");
    let answers = [("asks", "yes"), ("welcome", "Bonjour {{ contact.nom")];
    let refused = ops.submit("/console/setup/consent", &answers).await;
    assert!(refused.status == 400 && refused.body.contains("wrong\" id=\"h-welcome\""), "{}", refused.body);
    assert!(!text(&world, "nails-co").contains("double_opt_in"), "nothing was written");
    let answers = [("asks", "yes"), ("welcome", "On vous écrit ? CONFIRMER, ou STOP."), ("opt_out", "Au revoir.")];
    let held = ops.submit("/console/setup/consent", &answers).await;
    assert_eq!((held.status, held.location()), (303, "/console/setup/channel"), "{}", held.body);
    let written = text(&world, "nails-co");
    assert!(written.contains("double_opt_in = true") && written.contains("opt_out = \"Au revoir.\""), "{written}");
    let again = ops.get("/console/setup/consent?alone=setup").await.body;
    assert!(again.contains("value=\"yes\" checked") && again.contains("Au revoir."), "{again}");
    // It counts: the first message of a customer is asked.
    let body = json!({ "from": "c1", "text": "Bonjour" }).to_string();
    let inbound = format!("{}/webhooks/sandbox/nails-co-try", world.base_url());
    let post = reqwest::Client::new().post(inbound).header("Content-Type", "application/json").body(body);
    assert_eq!(post.send().await.expect("an answer").status().as_u16(), 200);
    world.until("SELECT count(*) FROM messages_out WHERE body LIKE 'On vous écrit ?%'", 1).await;
    let off = ops.submit("/console/setup/consent", &[("asks", "no"), ("alone", "setup")]).await;
    assert_eq!(off.location(), "/console/setup?done=saved", "{}", off.body);
    let written = text(&world, "nails-co");
    assert!(written.contains("double_opt_in = false") && !written.contains("opt_out ="), "{written}");
}

#[tokio::test]
async fn settings_show_the_ruling_line_change_what_may_be_changed_and_go_back() {
    let (world, mut ops) = nothing().await;
    make_nails(&mut ops).await;
    let before = text(&world, "nails-co");
    let page = ops.get("/console/settings").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let line = before.lines().position(|line| line.starts_with("tue =")).expect("it has hours") + 1;
    let shown = page.body.split("Ouvert le mardi").nth(1).unwrap_or_default();
    assert!(shown.contains(&format!("ligne {line}<")) && shown.contains("09:00-12:30, 14:00-19:00"), "{}", page.body);
    assert!(!page.body.contains("id=\"undo\""), "nothing was changed yet");

    let refused = ops.submit("/console/settings/replies", &[("fallback", "Merci {{ contact.nom")]).await;
    assert!(refused.status == 400 && refused.body.contains("Merci {{ contact.nom"), "{}", refused.body);
    assert!(refused.body.contains("id=\"h-fallback\""), "{}", refused.body);
    let saved = ops.submit("/console/settings/replies", &[("fallback", "À vite, <b>{{ contact.name }}</b> !")]).await;
    assert_eq!(saved.location(), "/console/settings?done=saved", "{}", saved.body);
    let handover = [
        ("calls_people", "yes"),
        ("keywords", "humain, quelqu'un"),
        ("after_misses", "3"),
        ("notify", "whatsapp:+33639980011"),
        ("hand_back_after", "quand je veux"),
    ];
    let refused = ops.submit("/console/settings/handover", &handover).await;
    assert!(refused.status == 400 && refused.body.contains("wrong\" id=\"h-hand_back_after\""), "{}", refused.body);
    assert!(!text(&world, "nails-co").contains("after_misses"), "nothing was written");
    assert_eq!(ops.submit("/console/settings/handover", &handover[..4]).await.status, 303);
    let written = text(&world, "nails-co");
    assert!(written.contains("after_misses = 3") && written.contains("to = [\"whatsapp:+33639980011\"]"), "{written}");

    let page = ops.get("/console/settings").await.body;
    assert!(page.contains("id=\"undo\"") && page.contains("À vite, &lt;b&gt;"), "{page}");
    assert_eq!(ops.submit("/console/settings/undo", &[]).await.location(), "/console/settings?done=undone");
    let undone = text(&world, "nails-co");
    assert!(!undone.contains("after_misses") && undone.contains("À vite"), "the last change alone: {undone}");
    assert_eq!(ops.submit("/console/settings/undo", &[]).await.status, 303);
    assert_eq!(text(&world, "nails-co"), written, "and made once more");
    assert_eq!(ops.submit("/console/settings/handover", &[]).await.status, 303);
    assert!(!text(&world, "nails-co").contains("[escalation]"), "{}", text(&world, "nails-co"));

    add_user(&world, "support@agency.example", "Support", ("nails-co", "support"));
    let mut support = signed_in(&world, "support@agency.example").await;
    let page = support.get("/console/settings").await;
    assert!(page.status == 200 && !page.body.contains("33639980011") && !page.body.contains("<pre"), "{}", page.body);
    assert_eq!(support.submit("/console/settings/undo", &[]).await.status, 403);
}

#[tokio::test]
async fn answers_of_the_trade_are_read_over_in_one_form() {
    let (world, mut ops) = nothing().await;
    make_nails(&mut ops).await;
    let page = ops.get("/console/setup/faq").await.body;
    assert_eq!(page.matches("<textarea").count(), 10, "{page}");
    let ids =
        world.rows("SELECT id FROM faq_entries ORDER BY id", |row| row.try_get_by_index::<String>(0).expect("an id"));
    let ids = ids.await;
    let fields = [("id_0", ids[0].as_str()), ("answer_0", "12 rue {{ des"), ("id_1", &ids[1]), ("answer_1", "")];
    let refused = ops.submit("/console/setup/faq", &fields).await;
    assert!(refused.status == 400 && refused.body.contains("12 rue {{ des"), "{}", refused.body);
    let held = ops.submit("/console/setup/faq", &[("id_0", ids[0].as_str()), ("answer_0", "12 rue des Lilas.")]).await;
    assert_eq!(held.location(), "/console/setup/trial");
    let mine = format!("SELECT count(*) FROM faq_entries WHERE id = '{}' AND answer = '12 rue des Lilas.'", ids[0]);
    assert_eq!(world.value::<i64>(&mine).await, 1);
    assert_eq!(ops.get("/console/setup/faq").await.body.matches("<textarea").count(), 9, "an emptied one is off");
}

#[tokio::test]
async fn i10_a_channel_is_connected_its_secrets_are_shown_once_or_never_and_a_light_turns_green() {
    let (world, mut ops) = nothing().await;
    make_nails(&mut ops).await;
    let choices = ops.get("/console/setup/channel").await.body;
    assert!(choices.contains("provider=greenapi-whatsapp") && choices.contains("provider=telegram"), "{choices}");
    let form = ops.get("/console/setup/channel?provider=greenapi-whatsapp").await.body;
    assert!(form.contains("setup.greenapi-whatsapp.fr.svg") && form.contains("type=\"password\""), "{form}");
    let picture = ops.get("/console/assets/setup.greenapi-whatsapp.fr.svg").await;
    assert!(picture.status == 200 && picture.header("content-type") == "image/svg+xml", "{}", picture.status);

    let fields = [("provider", "greenapi-whatsapp"), ("address", "+224 620 00 00 00"), ("api_token", API_TOKEN)];
    let refused = ops.submit("/console/setup/channel", &[&fields[..], &[("instance_id", "x<y")]].concat()).await;
    assert!(refused.status == 400 && refused.body.contains("wrong\" id=\"h-instance_id\""), "{}", refused.body);
    assert!(!refused.body.contains(API_TOKEN), "a secret is not shown, whatever comes of it");
    let secrets = world.config().with_file_name("secrets");
    assert_eq!(std::fs::read_dir(&secrets).expect("a folder").count(), 0, "nothing is left behind");
    let made = ops.submit("/console/setup/channel", &[&fields[..], &[("instance_id", "7105440259")]].concat()).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let url = "https://hooks.example.com/webhooks/greenapi-whatsapp/nails-co-whatsapp";
    let shown = made.body.replace("&#x2f;", "/");
    assert!(shown.contains(url) && shown.contains("En attente du premier message"), "{shown}");
    let token = made.body.split("id=\"s-webhook_token\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let token = token.and_then(|rest| rest.split('"').next()).expect("it is shown once").to_owned();
    let written = text(&world, "nails-co");
    for secret in [API_TOKEN, token.as_str()] {
        assert!(!written.contains(secret) && !world.logs().contains(secret), "{written}");
    }
    for entry in std::fs::read_dir(&secrets).expect("a folder") {
        let metadata = entry.expect("a file").metadata().expect("its rights");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
    let page = "/console/channels/nails-co-whatsapp";
    let shown = ops.get(page).await.body;
    assert!(!shown.contains(&token) && !shown.contains(API_TOKEN) && shown.contains("En faire un autre"), "{shown}");

    // Something that stands in for the provider, which nobody listens at: written by hand.
    let aside = written.replace("instance_id =", "api_base_url = \"http://127.0.0.1:9\"\ninstance_id =");
    let (before, mut waiting) = (version(&world).await, Waiting::begin());
    std::fs::write(file(&world, "nails-co"), &aside).expect("a file");
    while version(&world).await == before {
        assert!(waiting.goes_on(), "{}", world.logs());
    }
    let says = json!({
        "typeWebhook": "incomingMessageReceived", "timestamp": 1_588_091_580, "idMessage": "3EB0C767D097B7C7C001",
        "instanceData": { "idInstance": 7_105_440_259_u64, "wid": "224620000000@c.us", "typeInstance": "whatsapp" },
        "senderData": { "chatId": "33612345678@c.us", "sender": "33612345678@c.us", "senderName": "Anne" },
        "messageData": { "typeMessage": "textMessage", "textMessageData": { "textMessage": "Bonjour" } },
    });
    let inbound = format!("{}/webhooks/greenapi-whatsapp/nails-co-whatsapp", world.base_url());
    let post = reqwest::Client::new().post(inbound).header("Authorization", format!("Bearer {token}"));
    let answer = post.body(says.to_string()).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "{}", world.logs());
    let mut waiting = Waiting::begin();
    while !ops.get(page).await.body.contains("Ça marche") {
        assert!(waiting.goes_on(), "{}", world.logs());
    }

    let renewed = ops.submit(&format!("{page}/secret"), &[("key", "webhook_token")]).await;
    assert!(renewed.status == 200 && !renewed.body.contains(&token), "{}", renewed.body);
    assert!(text(&world, "nails-co").contains("api_base_url"), "what was written by hand stays");
    assert_eq!(ops.submit(&format!("{page}/secret"), &[("key", "api_token")]).await.status, 404);
    let actions = "SELECT count(*) FROM audit_log WHERE action IN ('channel.add', 'channel.renew_secret')";
    assert_eq!(world.value::<i64>(actions).await, 2);
}

#[tokio::test]
async fn channels_are_paused_with_a_reason_and_resumed() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get("/console/channels").await;
    assert!(page.status == 200 && page.body.contains("En attente du premier message"), "{}", page.body);
    assert!(page.body.contains("aucun envoi"), "{}", page.body);
    world.write(BELLE, "+33612345678", "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM usage WHERE channel_id = 'belle' AND messages > 0", 1).await;
    let page = awa.get("/console/channels").await;
    assert!(
        page.body.contains("Ça marche") && page.body.contains("Dernier envoi, au quart d&#x27;heure"),
        "{}",
        page.body
    );
    let personal = awa.submit("/console/channels/belle/pause", &[("reason", "ask +33612345678")]).await;
    assert_eq!(personal.location(), "/console/channels?done=personal");
    let paused = awa.submit("/console/channels/belle/pause", &[("reason", "numéro <b> porté")]).await;
    assert_eq!(paused.location(), "/console/channels?done=paused", "{}", paused.body);
    let page = awa.get("/console/channels?done=paused").await.body;
    assert!(page.contains("numéro &lt;b&gt; porté") && page.contains("/channels/belle/resume"), "{page}");
    assert_eq!(awa.submit("/console/channels/belle/resume", &[]).await.location(), "/console/channels?done=resumed");
    assert!(!awa.get("/console/channels").await.body.contains("/resume"));
    assert_eq!(awa.submit("/console/channels/taxi/pause", &[]).await.status, 404);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM channel_pauses").await, 0);
}

#[tokio::test]
async fn i15_a_role_that_may_not_sets_nothing_up_and_no_owner_makes_a_tenant() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, AWA).await;
    let before = text(&world, "belle");
    for path in ["", "/business", "/hours", "/services", "/people", "/faq", "/trial", "/consent", "/channel"] {
        let page = awa.get(&format!("/console/setup{path}")).await;
        assert_eq!(page.status, 403, "{path}: {}", page.body);
    }
    awa.get("/console/conversations").await;
    for path in ["/business", "/hours", "/services", "/consent"] {
        let fields = [("name", "X"), ("language", "fr"), ("timezone", "Europe/Paris")];
        assert_eq!(awa.submit(&format!("/console/setup{path}"), &fields).await.status, 403, "{path}");
    }
    let owner = "owner@belle.example";
    add_user(&world, owner, "Owner", ("belle", "owner"));
    let mut owner = signed_in(&world, owner).await;
    assert_eq!(owner.get("/console/tenants/new").await.status, 403);
    owner.get("/console/setup/hours").await;
    assert_eq!(owner.submit("/console/tenants/new", &NAILS).await.status, 403);
    assert_eq!(owner.get("/console/channels/taxi").await.status, 404, "another tenant's channel");
    let taken = [("provider", "twilio-whatsapp"), ("channel", "taxi"), ("address", "+1"), ("account_sid", "AC1")];
    assert_eq!(owner.submit("/console/setup/channel", &taken).await.status, 404);
    assert_eq!(text(&world, "belle"), before);
    assert!(!file(&world, "nails-co").exists());
}
