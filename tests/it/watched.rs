//! What the daemon measures for alerts alone: its public URL's certificate, its audit log, bots that lost their rights.

use palabre_testbed::lasting_port;

use crate::console::{add_user, palabre};
use crate::daemon::{Setup, World, on_postgres};
use crate::deploy::Caddy;
use crate::doctor::certify;

/// The daemon looks this often.
const SOON: &str = "[runtime]\nwatch_every = \"100ms\"";

#[tokio::test]
async fn the_end_of_the_public_certificate_is_measured_and_so_is_one_that_is_not_believed() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    certify(folders[0].path(), "5");
    certify(folders[1].path(), "90");
    let file = |number: usize, name: &str| folders[number].path().join(name);
    let port = lasting_port();
    let front = Caddy::with_tls(port, &file(0, "certificate"), &file(0, "key"));
    let mut world = World::asleep(&Setup { daemon: SOON.to_owned(), ..Setup::default() });
    let (base, url) = (format!("http://127.0.0.1:{port}"), format!("https://localhost:{}", front.port));
    let believes = |number: usize| {
        let authority = file(number, "certificate").display().to_string();
        [("PALABRE__HTTP__PUBLIC_BASE_URL", url.clone()), ("SSL_CERT_FILE", authority)]
    };
    world.set_variables(&believes(0));
    let node = world.node(1, port);
    let ends = chrono::Utc::now() + chrono::TimeDelta::days(5);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let ends = ends.timestamp() as f64;
    world.until_metric_at(&base, "palabre_public_certificate_ends_seconds", |seen| (seen - ends).abs() < 3_600.0).await;
    world.until_metric_at(&base, "palabre_public_certificate_believed", |seen| seen == 1.0).await;
    assert!(node.terminate().success());

    world.set_variables(&believes(1));
    let _node = world.node(1, port);
    world.until_metric_at(&base, "palabre_public_certificate_believed", |seen| seen == 0.0).await;
    assert!(world.logs().contains("is not believed"), "{}", world.logs());
}

#[tokio::test]
async fn a_row_of_the_audit_log_that_was_changed_is_seen_at_the_next_start_and_named_by_the_doctor() {
    let mut world = World::start();
    add_user(&world, "awa@belle.example", "Awa", ("belle", "owner"));
    world.until_metric("palabre_outbox_sending", 0.0).await;
    assert!(world.terminate().success());
    world.execute("UPDATE audit_log SET actor = 'user:nobody' WHERE tenant_id = 'belle' AND position = 1").await;
    world.start_daemon();
    world.until_metric("palabre_audit_broken{tenant=\"belle\"}", 1.0).await;
    assert!(world.logs().contains("the audit log is not whole"));
    let said = palabre(&world, &["doctor", "--tenant", "belle"], "");
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("WRONG  audit belle: row 1 is not the one that was written"), "{}", said.out);
}

/// What makes the tenants sell access to a chat.
pub const SELLS: &str = "[[channels]]\nid = \"{id}-tg\"\nprovider = \"telegram\"\naddress = \"telegram:700000000{number}\"\n\
    bot_token = { file = \"bot.token\" }\nwebhook_secret = { file = \"bot.secret\" }\napi_base_url = \"http://127.0.0.1:1\"\n\
    [imprint]\nname = \"Maison {id}\"\n\
    [[plans]]\nid = \"premium\"\nname = \"Premium\"\nstars = 500\nchats = [\"telegram:-100123456789{number}\"]\nbot = \"{id}-tg\"\n";

#[tokio::test]
async fn a_bot_that_lost_its_rights_is_counted_until_it_has_them_again() {
    let mut world = World::asleep(&Setup { daemon: SOON.to_owned(), tenant: SELLS.to_owned(), ..Setup::default() });
    world.write_secret("bot.token", "7000000001-un-secret-du-fournisseur");
    world.write_secret("bot.secret", "un-secret-du-webhook-de-belle");
    world.start_daemon();
    let count = |tenant: &str| format!("palabre_access_stuck_chats_count{{tenant=\"{tenant}\"}}");
    for tenant in ["belle", "taxi"] {
        world.until_metric(&count(tenant), 0.0).await;
    }
    world.until("SELECT count(*) FROM access_chats", 2).await;
    let at = if on_postgres() { "now()" } else { "'2026-11-30T03:55:00.000000Z'" };
    world.execute(&format!("UPDATE access_chats SET stuck_since = {at} WHERE tenant_id = 'belle'")).await;
    world.until_metric(&count("belle"), 1.0).await;
    let said = palabre(&world, &["doctor", "--tenant", "belle", "--language", "fr"], "");
    let found = "FAUX   access belle: le bot ne peut plus faire entrer ni sortir personne de telegram:-1001234567891";
    assert!(said.code == 1 && said.out.contains(found), "{}{}", said.out, said.err);
    world.execute("UPDATE access_chats SET stuck_since = NULL").await;
    world.until_metric(&count("belle"), 0.0).await;
    assert_eq!(world.metric(&count("taxi")).await, Some(0.0));
}
