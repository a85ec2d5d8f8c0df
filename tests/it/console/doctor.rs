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
