//! Paid access in the console: what is sold, access by hand and its end, the walls between tenants.

use palabre::payments::stripe::simulator::{SECRET_KEY, SimulatedStripe, WEBHOOK_SECRET};

use super::*;
use crate::daemon::Setup;

const OWNER: &str = "belle@belle.example";
const OTHER: &str = "ibou@taxi.example";

fn shop() -> World {
    let sms = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"".to_owned();
    let tenant = "[[plans]]\nid = \"premium\"\nname = \"Accès Premium\"\nprice = 999\nstars = 500\n\
        chats = [\"sandbox:{id}/club\"]\nbot = \"{id}-try\""
        .to_owned();
    World::start_on(&Setup { sms, tenant, ..Setup::default() })
}

#[tokio::test]
async fn i15_the_owner_gives_access_sees_who_has_it_and_ends_it() {
    let world = shop();
    add_user(&world, OWNER, "Belle", ("belle", "owner"));
    add_user(&world, OTHER, "Ibou", ("taxi", "owner"));
    let mut belle = signed_in(&world, OWNER).await;
    let page = belle.get("/console/access").await;
    assert!(page.status == 200 && page.body.contains("Accès Premium") && page.body.contains("500 ⭐"), "{}", page.body);
    let fields = [("plan", "premium"), ("who", "sandbox:belle/anna"), ("days", "30")];
    let made = belle.submit("/console/access/grant", &fields).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let member = made.location().split('?').next().expect("a path").to_owned();
    world.until("SELECT count(*) FROM subscriptions WHERE state = 'active' AND tenant_id = 'belle'", 1).await;
    let page = belle.get(made.location()).await;
    assert!(page.body.contains("L&#x27;accès est donné.") && page.body.contains("Accès donné le"), "{}", page.body);
    let found = belle.get("/console/access?q=anna&state=active").await.body;
    assert!(found.contains(&member), "{found}");
    assert!(!belle.get("/console/access?q=nobody").await.body.contains(&member));
    let file = belle.get("/console/access/members.csv").await;
    assert!(
        file.header("content-type").starts_with("text/csv")
            && file.body.contains(",premium,active,hand,")
            && file.body.contains("sandbox:belle/anna"),
        "{}",
        file.body
    );
    // The bot of a test phone lets nobody in: the page says so.
    world.until("SELECT count(*) FROM access_chats WHERE stuck_since IS NOT NULL", 1).await;
    assert!(belle.get("/console/access").await.body.contains("le bot ne peut plus faire entrer"));
    // Another tenant's people see and change nothing of it.
    let mut ibou = signed_in(&world, OTHER).await;
    assert_eq!(ibou.get(&member).await.status, 404);
    assert_eq!(ibou.get("/console/access").await.status, 200);
    assert_eq!(ibou.submit(&format!("{member}/revoke"), &[]).await.status, 404);
    belle.get(&member).await;
    let ended = belle.submit(&format!("{member}/revoke"), &[]).await;
    // What is not so is said, and changes nothing.
    for days in ["0", "x"] {
        let fields = [("plan", "premium"), ("who", "sandbox:belle/anna"), ("days", days)];
        assert_eq!(belle.submit("/console/access/grant", &fields).await.status, 400);
    }
    assert_eq!((ended.status, ended.location()), (303, format!("{member}?done=revoked").as_str()));
    world.until("SELECT count(*) FROM subscriptions WHERE state = 'revoked'", 1).await;
    let noted = "SELECT count(*) FROM audit_log WHERE action IN ('access.grant', 'access.export', 'access.revoke')";
    world.until(noted, 3).await;
}

#[actix_web::test]
async fn an_owner_is_led_to_the_page_on_which_stripe_completes_their_account() {
    let stripe = SimulatedStripe::start("acct_Belle0000000001", chrono::Utc::now()).expect("the simulator starts");
    let daemon = format!(
        "{}\n[stripe]\nsecret_key = {{ file = \"stripe-key\" }}\nwebhook_secrets = [{{ file = \"stripe-hook\" }}]\n\
         api_base_url = \"{}\"\n",
        Setup::default().daemon,
        stripe.base_url()
    );
    let sms = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"".to_owned();
    let tenant = "[[plans]]\nid = \"premium\"\nname = \"Accès Premium\"\nprice = 999\n\
        chats = [\"sandbox:{id}/club\"]\nbot = \"{id}-try\""
        .to_owned();
    let mut world = World::asleep(&Setup { sms, tenant, daemon, ..Setup::default() });
    world.write_secret("stripe-key", SECRET_KEY);
    world.write_secret("stripe-hook", WEBHOOK_SECRET);
    world.start_daemon();
    add_user(&world, OWNER, "Belle", ("belle", "owner"));
    let mut belle = signed_in(&world, OWNER).await;
    belle.get("/console/access").await;
    let page = belle.submit("/console/access/connect", &[]).await;
    assert!(page.status == 200 && page.body.contains("onboarding"), "{}", page.body);
    assert!(page.body.contains("acct_Belle0000000001"), "what is to be put into the file: {}", page.body);
}
