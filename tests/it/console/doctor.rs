//! The examination in the console: who sees what of it.

use palabre::gateway::twilio::simulator::SimulatedNumber;

use super::*;
use crate::daemon::{BELLE, World};

#[tokio::test]
async fn i9_i15_owners_have_their_own_tenant_examined_and_operators_the_installation() {
    let world = World::start();
    for (email, name, role) in [
        ("awa@belle.example", "Awa", ("belle", "owner")),
        ("sophie@belle.example", "Sophie", ("belle", "agent")),
        ("ops@agency.example", "Ops", ("*", "operator")),
    ] {
        add_user(&world, email, name, role);
    }
    world.twilio.set_numbers(vec![SimulatedNumber {
        account_sid: BELLE.account_sid.to_owned(),
        wire: BELLE.sender.to_owned(),
        path: "/webhooks/elsewhere".to_owned(),
    }]);
    let mut sophie = signed_in(&world, "sophie@belle.example").await;
    assert_eq!(sophie.get("/console/doctor").await.status, 403);
    sophie.get("/console").await;
    assert_eq!(sophie.submit("/console/doctor", &[]).await.status, 403);

    let mut awa = signed_in(&world, "awa@belle.example").await;
    let page = awa.get("/console/doctor").await;
    assert!(page.status == 200 && page.body.contains("Examiner"), "{}", page.body);
    let page = awa.submit("/console/doctor", &[]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for shown in ["Canal", "belle-sms", "Journal d&#x27;audit", "Que faire :", "aucun n&#x27;attend trop"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    for hidden in ["taxi", "Base de données", "Adresse publique", "belle.token", BELLE.auth_token] {
        assert!(!page.body.contains(hidden), "{hidden}: {}", page.body);
    }

    let mut ops = signed_in(&world, "ops@agency.example").await;
    ops.get("/console/tenants").await;
    ops.submit("/console/tenants", &[("tenant", "belle")]).await;
    ops.get("/console/doctor").await;
    let page = ops.submit("/console/doctor", &[]).await;
    for shown in ["Base de données", "Adresse publique", "taxi-sms", "Horloge"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(!page.body.contains(BELLE.auth_token));
}

#[tokio::test]
async fn i9_i15_what_was_not_sent_goes_out_again_for_whoever_may_say_so() {
    let world = World::start();
    for (email, name, role) in
        [("awa@belle.example", "Awa", ("belle", "owner")), ("ops@agency.example", "Ops", ("*", "operator"))]
    {
        add_user(&world, email, name, role);
    }
    let dead = "SELECT count(*) FROM messages_out WHERE state = 'dead'";
    world.write(BELLE, "+33612345678", "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    world.execute("UPDATE messages_out SET state = 'dead', last_error = 'rejected'").await;
    let mut awa = signed_in(&world, "awa@belle.example").await;
    let page = awa.get("/console/doctor").await.body;
    assert!(page.contains("un message") && page.contains("Tout renvoyer") && !page.contains("Nœuds"), "{page}");
    let taxi = [("tenant", "taxi"), ("channel", "taxi")];
    assert_eq!(awa.submit("/console/doctor/replay", &taxi).await.status, 404, "another's");
    world.until(dead, 1).await;

    let mut ops = signed_in(&world, "ops@agency.example").await;
    ops.get("/console/tenants").await;
    ops.submit("/console/tenants", &[("tenant", "taxi")]).await;
    let page = ops.get("/console/doctor").await.body;
    for shown in ["belle · belle", "Tout renvoyer", "Nœuds", "en marche depuis"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("612345678"), "i10: {page}");
    let page = ops.submit("/console/doctor/replay", &[("tenant", "belle"), ("channel", "belle")]).await;
    assert_eq!(page.location(), "/console/doctor?done=replayed");
    world.until(dead, 0).await;
}
