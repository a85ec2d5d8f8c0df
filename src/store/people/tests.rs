//! People, sessions, links and keys, on both databases.

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::store::Store;
use crate::store::operator::Tenants;
use crate::store::tests;

fn at(minutes: i64) -> Timestamp {
    "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minutes)
}

fn belle() -> TenantId {
    TenantId::new("belle")
}

async fn awa(store: &Operator) -> UserRow {
    assert!(store.add_user(UserId::fresh(), ("awa@belle.example", "Awa", Language::Fr), at(0)).await.unwrap());
    store.user_by_email("awa@belle.example").await.unwrap().unwrap()
}

async fn accounts(store: &Store) {
    let store = &store.operator();
    let user = awa(store).await;
    assert!(!store.add_user(UserId::fresh(), ("awa@belle.example", "X", Language::En), at(1)).await.unwrap());
    assert_eq!(store.user(user.id).await.unwrap(), Some(user.clone()));
    store.set_password(user.id, "hash", at(2)).await.unwrap();
    store.set_profile(user.id, ("Awa D.", Language::En), at(2)).await.unwrap();
    let codes = ["a".to_owned(), "b".to_owned()];
    store.set_totp(user.id, (Some("SECRET"), Some(at(3))), &codes, at(3)).await.unwrap();
    let known = store.user(user.id).await.unwrap().unwrap();
    assert_eq!(
        (known.name.as_str(), known.language, known.password_hash.as_deref()),
        ("Awa D.", Language::En, Some("hash"))
    );
    assert_eq!((known.totp_secret.as_deref(), known.totp_enabled_at), (Some("SECRET"), Some(at(3))));

    for (step, taken) in [(5, true), (5, false), (4, false), (6, true)] {
        assert_eq!(store.take_totp_step(user.id, step).await.unwrap(), taken, "{step}");
    }
    assert!(store.take_recovery_code(&known, "a").await.unwrap());
    assert!(!store.take_recovery_code(&known, "a").await.unwrap(), "of two who use it at once, one does");
    let known = store.user(user.id).await.unwrap().unwrap();
    assert_eq!(known.recovery_codes, ["b"]);
    assert!(!store.take_recovery_code(&known, "c").await.unwrap());
}

async fn accounts_at_a_provider(store: &Store) {
    let store = &store.operator();
    let (user, sophie) = (awa(store).await, UserId::fresh());
    assert!(store.add_user(sophie, ("sophie@belle.example", "Sophie", Language::Fr), at(0)).await.unwrap());
    let link = async |who, issuer, subject| store.link_oidc(who, (issuer, subject), at(1)).await;
    let whose = async |issuer, subject| store.user_by_oidc(issuer, subject).await.unwrap().map(|user| user.id);
    assert_eq!(whose("https://id.example", "1").await, None);
    assert!(link(user.id, "https://id.example", "1").await.unwrap());
    assert!(link(user.id, "https://id.example", "1").await.unwrap(), "at once on another node");
    assert_eq!(whose("https://id.example", "1").await, Some(user.id));
    assert_eq!(whose("https://other.example", "1").await, None, "another provider's");
    assert!(!link(user.id, "https://id.example", "2").await.unwrap(), "another account has their address now");
    assert!(link(sophie, "https://id.example", "1").await.is_err(), "it is Awa's");
    // Another provider is asked from now on.
    assert!(link(user.id, "https://other.example", "7").await.unwrap());
    assert_eq!(whose("https://id.example", "1").await, None);
    store.set_disabled(user.id, Some(at(2)), at(2)).await.unwrap();
    store.set_disabled(user.id, None, at(3)).await.unwrap();
    assert_eq!(whose("https://other.example", "7").await, None);
    assert!(link(user.id, "https://other.example", "8").await.unwrap());
}

async fn members(store: &Store) {
    let store = &store.operator();
    let user = awa(store).await;
    assert_eq!(store.users_of_none().await.unwrap(), std::slice::from_ref(&user));
    store.set_membership(Some(&belle()), user.id, "agent", at(1)).await.unwrap();
    store.set_membership(Some(&belle()), user.id, "owner", at(2)).await.unwrap();
    store.set_membership(None, user.id, "support", at(3)).await.unwrap();
    let mut roles: Vec<_> =
        store.memberships(user.id).await.unwrap().into_iter().map(|own| (own.tenant, own.role)).collect();
    roles.sort();
    assert_eq!(roles, [(None, "support".to_owned()), (Some(belle()), "owner".to_owned())]);
    let of_belle = store.users_of(&[Some(belle())]).await.unwrap();
    assert_eq!(
        of_belle.iter().map(|(user, own)| (user.id, own.role.as_str())).collect::<Vec<_>>(),
        [(user.id, "owner")]
    );
    assert_eq!(store.users_of(&[Some(belle()), None]).await.unwrap().len(), 2);
    assert_eq!(store.users_of(&[]).await.unwrap().len(), 0);

    assert_eq!(store.others_with_role(&belle(), "owner", UserId::fresh()).await.unwrap(), 0, "no password");
    store.set_password(user.id, "hash", at(4)).await.unwrap();
    assert_eq!(store.others_with_role(&belle(), "owner", UserId::fresh()).await.unwrap(), 1);
    assert_eq!(store.others_with_role(&belle(), "owner", user.id).await.unwrap(), 0);
    assert!(store.end_membership(Some(&belle()), user.id).await.unwrap());
    assert!(!store.end_membership(Some(&belle()), user.id).await.unwrap());
}

async fn signed_in(store: &Store) {
    let store = &store.operator();
    let user = awa(store).await;
    let begin = |digest: &'static str, stage, ends_at| {
        store.add_session(NewSession { user: user.id, digest, stage, device: "Firefox", ends_at }, at(0))
    };
    let first = begin("one", SessionStage::Whole, at(100)).await.unwrap();
    let second = begin("two", SessionStage::Code, at(10)).await.unwrap();
    let third = begin("three", SessionStage::Whole, at(100)).await.unwrap();
    assert_eq!(store.user(user.id).await.unwrap().unwrap().signed_in_at, Some(at(0)));
    store.session_seen(first, at(50)).await.unwrap();
    store.session_looks_at(first, &belle()).await.unwrap();
    let (session, whose) = store.session("one").await.unwrap().unwrap();
    assert_eq!((session.id, session.seen_at, session.tenant, whose.id), (first, at(50), Some(belle()), user.id));
    assert_eq!(store.session("two").await.unwrap().unwrap().0.stage, SessionStage::Code);
    assert_eq!(store.session("four").await.unwrap(), None);
    assert_eq!(store.sessions(user.id).await.unwrap()[0].id, first);

    assert!(!store.end_session(UserId::fresh(), third).await.unwrap(), "it is not theirs");
    assert_eq!(store.forget_sessions(at(60), at(20)).await.unwrap(), 2, "one ended, one is idle");
    begin("five", SessionStage::Whole, at(100)).await.unwrap();
    assert_eq!(store.end_sessions(user.id, Some(first)).await.unwrap(), 1);
    store.set_disabled(user.id, Some(at(70)), at(70)).await.unwrap();
    assert_eq!(store.session("one").await.unwrap(), None);
    assert_ne!(first, second);
}

async fn links(store: &Store) {
    let store = &store.operator();
    let user = awa(store).await;
    let tenant = belle();
    let invites = Some((Some(&tenant), "agent"));
    for digest in ["one", "two"] {
        store.add_link(NewLink { user: user.id, invites, digest, ends_at: at(10) }, at(0)).await.unwrap();
    }
    store.add_link(NewLink { user: user.id, invites: None, digest: "reset", ends_at: at(10) }, at(0)).await.unwrap();
    assert_eq!(store.link("one", at(1)).await.unwrap(), None, "a later one took its place");
    let (link, whose) = store.link("two", at(1)).await.unwrap().unwrap();
    assert_eq!(
        (link.purpose, link.tenant, link.role.as_deref()),
        (LinkPurpose::Invitation, Some(belle()), Some("agent"))
    );
    assert_eq!(whose.id, user.id);
    assert_eq!(store.invitations(&[Some(belle())], at(1)).await.unwrap().len(), 1);
    assert_eq!(store.invitations(&[Some(TenantId::new("taxi")), None], at(1)).await.unwrap().len(), 0);
    assert_eq!(store.link("two", at(11)).await.unwrap(), None);
    assert!(!store.take_link("two", at(11)).await.unwrap());
    assert!(store.take_link("two", at(1)).await.unwrap());
    assert!(!store.take_link("two", at(1)).await.unwrap());
    store.set_password(user.id, "hash", at(2)).await.unwrap();
    assert_eq!(store.link("reset", at(1)).await.unwrap(), None, "it has a new password already");
}

async fn keys(store: &Store) {
    let store = &store.operator();
    let user = awa(store).await;
    store.set_membership(Some(&belle()), user.id, "agent", at(0)).await.unwrap();
    let tenant = belle();
    let key = |user, digest: &'static str| NewKey {
        tenant: &tenant,
        user,
        name: "crm",
        digest,
        scopes: "read send",
        created_by: "user:x",
        ends_at: Some(at(10)),
    };
    let program = store.add_key(key(None, "one"), at(0)).await.unwrap();
    let own = store.add_key(key(Some(user.id), "two"), at(0)).await.unwrap();
    let holder = store.key("two", at(1)).await.unwrap().unwrap();
    assert_eq!((holder.key.id, holder.is_disabled, holder.role.as_deref()), (own, false, Some("agent")));
    assert_eq!(store.key("one", at(1)).await.unwrap().unwrap().role, None);
    assert!(store.key("one", at(11)).await.unwrap().is_none(), "its time is over");
    let only = |tenant: &str| Tenants::Of(vec![TenantId::new(tenant)]);
    assert!(!store.revoke_key(&only("taxi"), program, at(2)).await.unwrap(), "i9");
    assert!(store.revoke_key(&only("belle"), program, at(2)).await.unwrap());
    assert!(store.key("one", at(3)).await.unwrap().is_none());
    store.key_used(own, at(3)).await.unwrap();
    store.set_disabled(user.id, Some(at(4)), at(4)).await.unwrap();
    assert!(store.key("two", at(5)).await.unwrap().unwrap().is_disabled);
    let all = store.keys(&only("belle")).await.unwrap();
    assert_eq!(
        all.iter().map(|key| (key.id, key.used_at, key.revoked_at)).collect::<Vec<_>>(),
        [(own, Some(at(3)), None), (program, None, Some(at(2)))]
    );
    assert_eq!(store.keys(&only("taxi")).await.unwrap(), []);
    assert_ne!(own, Uuid::nil());
}

tests::on_both! { accounts accounts_at_a_provider members signed_in links keys }
