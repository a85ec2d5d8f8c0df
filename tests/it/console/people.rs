//! Signing in and out, invitations, and what is refused.

use super::*;
use crate::daemon::World;

const AWA: &str = "awa@belle.example";

#[tokio::test]
async fn i15_a_person_is_let_in_by_the_command_line_and_signs_in_and_out() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut visitor = Visitor::of(&world);
    let page = visitor.get("/console?x=1").await;
    assert_eq!((page.status, page.location()), (303, "/console/login?next=%2Fconsole%3Fx%3D1"));
    let page = visitor.get("/console/login?next=%2Fconsole%3Fx%3D1").await;
    assert_eq!(page.status, 200);
    let planted = visitor.cookies.clone();
    let wrong = [("email", AWA), ("password", "une autre phrase"), ("next", "/console?x=1")];
    let page = visitor.submit("/console/login", &wrong).await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("ne convient pas") && page.body.contains(AWA), "{}", page.body);
    let right = [("email", "  AWA@belle.example "), ("password", PASSWORD), ("next", "/console?x=1")];
    let page = visitor.submit("/console/login", &right).await;
    assert_eq!((page.status, page.location()), (303, "/console?x=1"));
    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    assert_ne!(planted, visitor.cookies);
    let page = visitor.get("/console").await;
    assert!(page.status == 200 && page.body.contains("Awa"), "{}", page.body);
    assert_eq!(visitor.get("/console/login").await.location(), "/console", "signed in already");

    let stolen = visitor.cookies.clone();
    assert_eq!(visitor.get("/console").await.status, 200);
    assert_eq!(visitor.submit("/console/logout", &[]).await.location(), "/console/login");
    visitor.cookies = stolen;
    assert_eq!(visitor.get("/console").await.status, 303, "the session has ended, whoever has its cookie");
    let logs = world.logs();
    for secret in [PASSWORD, AWA, "Awa"] {
        assert!(!logs.contains(secret), "i10: {secret} is in the logs");
    }
}

#[tokio::test]
async fn an_unknown_account_is_answered_like_a_wrong_password() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "out@belle.example", "Out", ("belle", "agent"));
    let ran = palabre(&world, &["user", "disable", "out@belle.example"], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut answers = Vec::new();
    for (email, password) in [
        (AWA, "une autre phrase"),
        ("nobody@belle.example", PASSWORD),
        ("out@belle.example", PASSWORD),
        ("no-address", "y"),
    ] {
        let mut visitor = Visitor::of(&world);
        visitor.get("/console/login").await;
        let page = visitor.submit("/console/login", &[("email", email), ("password", password)]).await;
        let page = page.body.replace(email, "…").replace(&visitor.cookies["palabre_form"], "…");
        answers.push(
            page.split("name=\"csrf\"")
                .map(|part| part.split_once('>').map_or(part, |(_, rest)| rest).to_owned())
                .collect::<Vec<_>>(),
        );
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn guesses_are_limited() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut visitor = Visitor::of(&world);
    visitor.get("/console/login").await;
    let mut statuses = Vec::new();
    for n in 0..11 {
        let password = format!("une autre phrase {n}");
        statuses.push(visitor.submit("/console/login", &[("email", AWA), ("password", &password)]).await.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10], 429);
    let page = visitor.submit("/console/login", &[("email", AWA), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 429, "not even the right one");
    assert!(page.header("retry-after").parse::<u64>().expect("seconds") <= 90);
}

#[tokio::test]
async fn an_invitation_is_a_link_that_holds_once() {
    let world = World::start();
    let told = ["user", "add", "sophie@belle.example", "--name", "Sophie", "--tenant", "belle", "--role", "agent"];
    let ran = palabre(&world, &told, "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let path = ran.out.trim().split_once("/console/").map(|(_, rest)| format!("/console/{rest}")).expect("a link");
    let listed = palabre(&world, &["user", "list"], "");
    assert!(listed.out.contains("sophie@belle.example") && listed.out.contains("invited"), "{}", listed.out);

    let mut visitor = Visitor::of(&world);
    let page = visitor.get(&path).await;
    assert!(page.status == 200 && page.body.contains("Sophie"), "{}", page.body);
    assert_eq!(page.header("referrer-policy"), "same-origin");
    for (password, again) in
        [("court", "court"), (PASSWORD, "autre chose encore"), ("sophie@belle.example", "sophie@belle.example")]
    {
        assert_eq!(visitor.submit(&path, &[("password", password), ("again", again)]).await.status, 400, "{password}");
    }
    let page = visitor.submit(&path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!((page.status, page.location()), (303, "/console"));
    assert_eq!(visitor.get("/console").await.status, 200);
    let mut other = Visitor::of(&world);
    assert_eq!(other.get(&path).await.status, 404, "it was used");
    signed_in(&world, "sophie@belle.example").await;
    assert!(!world.logs().contains(path.rsplit('/').next().expect("a token")), "i10");

    let ran = palabre(&world, &["user", "reset", "sophie@belle.example", "--json"], "");
    let link: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.out);
    let path =
        link["link"].as_str().and_then(|link| link.split_once("/console/")).map(|(_, rest)| format!("/console/{rest}"));
    let path = path.expect("a link");
    other.get(&path).await;
    let changed = "une phrase toute neuve";
    assert_eq!(other.submit(&path, &[("password", changed), ("again", changed)]).await.status, 303);
    assert_eq!(visitor.get("/console").await.status, 303, "the earlier session has ended");
}

#[tokio::test]
async fn whoever_has_two_businesses_chooses_one() {
    let world = World::start();
    add_user(&world, "agency@agency.example", "Agence", ("*", "operator"));
    let mut visitor = signed_in(&world, "agency@agency.example").await;
    assert_eq!(visitor.get("/console").await.location(), "/console/tenants?next=%2Fconsole");
    let page = visitor.get("/console/tenants?next=%2Fconsole").await;
    assert!(page.body.contains("belle") && page.body.contains("taxi"), "{}", page.body);
    assert_eq!(visitor.submit("/console/tenants", &[("tenant", "elsewhere")]).await.status, 404);
    let page = visitor.submit("/console/tenants", &[("tenant", "taxi"), ("next", "//evil.example")]).await;
    assert_eq!((page.status, page.location()), (303, "/console"), "nothing leads elsewhere");
    let page = visitor.get("/console").await;
    assert!(page.status == 200 && page.body.contains("taxi"), "{}", page.body);
}

#[tokio::test]
async fn forms_that_are_not_ours_change_nothing() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut visitor = Visitor::of(&world);
    let credentials = [("email", AWA), ("password", PASSWORD)];
    assert_eq!(visitor.post("/console/login", &credentials).await.status, 403, "without the page of it");
    let mut visitor = signed_in(&world, AWA).await;
    visitor.get("/console").await;
    for fields in [vec![], vec![("csrf", "")], vec![("csrf", "0123456789abcdef")]] {
        assert_eq!(visitor.post("/console/logout", &fields).await.status, 403);
    }
    visitor.headers.push(("Sec-Fetch-Site", "cross-site".to_owned()));
    assert_eq!(visitor.submit("/console/logout", &[]).await.status, 403, "from another site");
    visitor.headers.clear();
    assert_eq!(visitor.get("/console").await.status, 200, "still signed in");
}

#[tokio::test]
async fn every_answer_keeps_others_out() {
    let world = World::start();
    let mut visitor = Visitor::of(&world);
    for path in ["/console/login", "/console", "/console/nothing/here", "/console/invitation/x"] {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(
            (page.header("x-frame-options"), page.header("x-content-type-options")),
            ("DENY", "nosniff"),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
    }
    let page = visitor.get("/console/nothing/here").await;
    assert!(page.status == 404 && page.body.contains("Rien ici"), "{}", page.body);
    for (path, location) in
        [("/dashboard", "/console"), ("/dashboard/faq", "/console/faq"), ("/dashboard//evil.example", "/console")]
    {
        assert_eq!(visitor.get(path).await.location(), location, "{path}");
    }
    // Behind a proxy that speaks TLS, the cookie is for TLS alone.
    visitor.headers.push(("X-Forwarded-Proto", "https".to_owned()));
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    visitor.get("/console/login").await;
    let page = visitor.submit("/console/login", &[("email", AWA), ("password", PASSWORD)]).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-palabre_session=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test]
async fn i15_what_people_do_is_in_the_audit_log_which_is_whole() {
    let mut world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    let mut visitor = Visitor::of(&world);
    visitor.get("/console/login").await;
    visitor.submit("/console/login", &[("email", AWA), ("password", "une autre phrase")]).await;
    let mut visitor = signed_in(&world, AWA).await;
    let page = visitor.get("/console/team").await;
    let id = page.body.split_once("/console/team/").and_then(|(_, rest)| rest.split_once('/')).expect("a colleague").0;
    let id = id.to_owned();
    assert_eq!(visitor.submit(&format!("/console/team/{id}/role"), &[("role", "viewer")]).await.status, 303);
    assert_eq!(visitor.submit(&format!("/console/team/{id}/remove"), &[]).await.status, 303);
    let page = visitor.get("/console/team").await;
    assert!(!page.body.contains("Sophie"), "{}", page.body);
    let page = visitor.get("/console/audit").await;
    for action in ["team.add", "session.refuse", "session.begin", "team.set_role", "team.remove"] {
        assert!(page.body.contains(action), "{action}: {}", page.body);
    }
    assert!(page.body.contains(">Awa</a>") && !page.body.contains(AWA), "i10: names are looked up, not kept");

    let listed = palabre(&world, &["audit", "list", "--action", "team"], "");
    assert!(listed.out.contains("team.remove") && !listed.out.contains("session."), "{}{}", listed.out, listed.err);
    let verified = palabre(&world, &["audit", "verify", "--json"], "");
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let chains: serde_json::Value = serde_json::from_str(&verified.out).expect(&verified.out);
    let hash = chains["chains"][0]["hash"].as_str().expect("a hash").to_owned();
    let known = palabre(&world, &["audit", "verify", "--tenant", "belle", "--hash", &hash], "");
    assert_eq!(known.code, 0, "{}", known.out);
    // At the start, and every day, the end of each chain is written to the log: whoever makes a chain anew cannot make that line
    // anew.
    world.terminate();
    world.start_daemon();
    world.until_logged(&hash).await;
    world.execute("UPDATE audit_log SET actor = 'user:nobody' WHERE action = 'team.remove'").await;
    let verified = palabre(&world, &["audit", "verify"], "");
    assert!(verified.code == 1 && verified.out.contains("was changed"), "{}", verified.out);
}

#[tokio::test]
async fn a_key_that_is_made_here_opens_the_api_until_it_is_revoked() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut visitor = signed_in(&world, AWA).await;
    visitor.get("/console/keys").await;
    for wrong in [vec![("name", "Site Web"), ("read", "1")], vec![("name", "site"), ("content", "1")]] {
        assert_eq!(visitor.submit("/console/keys", &wrong).await.status, 400, "{wrong:?}");
    }
    let page = visitor.submit("/console/keys", &[("name", "site"), ("read", "1"), ("send", "1")]).await;
    let key = page
        .body
        .split_once("<code class=\"copy\">")
        .and_then(|(_, rest)| rest.split_once('<'))
        .expect("a key")
        .0
        .to_owned();
    let again = visitor.get("/console/keys").await;
    assert!(again.body.contains("site") && !again.body.contains(&key), "it is shown once");
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = client.get(format!("{}{path}", world.base_url())).bearer_auth(&key);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(ask("/api/v1/outbox").await, 200);
    assert_eq!(ask("/api/v1/outbox?tenant=taxi").await, 404, "i9");
    assert_eq!(ask("/api/v1/audit").await, 403, "it may not operate");
    let id = again.body.split_once("/console/keys/").and_then(|(_, rest)| rest.split_once('/')).expect("an id").0;
    assert_eq!(visitor.submit(&format!("/console/keys/{id}/revoke"), &[]).await.status, 303);
    assert_eq!(ask("/api/v1/outbox").await, 401);
    assert!(!world.logs().contains(&key), "i10");
}

#[tokio::test]
async fn i15_the_last_owner_stays_and_owners_are_made_by_owners() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "adele@belle.example", "Adele", ("belle", "admin"));
    let mut admin = signed_in(&world, "adele@belle.example").await;
    let page = admin.get("/console/team").await;
    let awa = page.body.split_once("/console/team/").and_then(|(_, rest)| rest.split_once('/')).expect("a colleague").0;
    let awa = awa.to_owned();
    for (path, fields) in [("role", vec![("role", "agent")]), ("remove", vec![])] {
        assert_eq!(admin.submit(&format!("/console/team/{awa}/{path}"), &fields).await.status, 403, "{path}");
    }
    let invitation = [("email", "b@belle.example"), ("name", "B"), ("role", "owner"), ("language", "fr")];
    assert_eq!(admin.submit("/console/team", &invitation).await.status, 403);
    let mut owner = signed_in(&world, AWA).await;
    owner.get("/console/team").await;
    assert_eq!(owner.submit(&format!("/console/team/{awa}/remove"), &[]).await.status, 400, "nobody would own it");
    assert_eq!(owner.submit("/console/team", &invitation).await.status, 200);
}

#[tokio::test]
async fn i9_an_invitation_gives_nobody_another_ones_account() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "taxi@taxi.example", "Taxi", ("taxi", "owner"));
    let mut taxi = signed_in(&world, "taxi@taxi.example").await;
    taxi.get("/console/team").await;
    let invitation = [("email", AWA), ("name", "Mine now"), ("role", "agent"), ("language", "fr")];
    let page = taxi.submit("/console/team", &invitation).await;
    let shown = page.body.replace("&#x2f;", "/");
    let link = shown.split_once("/console/invitation/").and_then(|(_, rest)| rest.split_once('<')).expect("a link").0;
    let path = format!("/console/invitation/{link}");
    let mut thief = Visitor::of(&world);
    let page = thief.get(&path).await;
    assert_eq!((page.status, page.location().starts_with("/console/login")), (303, true), "Awa has a password already");
    thief.get("/console/login").await;
    let chosen = [("password", "une phrase de voleur"), ("again", "une phrase de voleur")];
    assert_eq!(thief.submit(&path, &chosen).await.status, 404);
    let page = taxi.get(&path).await;
    assert!(page.status == 200 && page.body.contains("autre compte"), "{}", page.body);
    let mut awa = signed_in(&world, AWA).await;
    assert_eq!(awa.get("/console").await.status, 200);
    awa.get(&path).await;
    assert_eq!(awa.submit(&format!("{path}/join"), &[]).await.status, 303);
    let page = awa.get("/console/tenants").await;
    assert!(page.body.contains("belle") && page.body.contains("taxi"), "{}", page.body);
}
