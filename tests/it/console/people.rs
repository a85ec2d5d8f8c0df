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
    for (email, password) in
        [(AWA, "une autre phrase"), ("nobody@belle.example", PASSWORD), ("out@belle.example", PASSWORD), ("x", "y")]
    {
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
