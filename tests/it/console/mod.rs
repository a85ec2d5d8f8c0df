//! The console from outside: a browser without a screen signs in, and sends the forms of pages.

pub(crate) mod agenda;
mod doctor;
mod faq;
mod flows;
mod handling;
pub(crate) mod hostile;
mod inbox;
pub(crate) mod leads;
mod live;
mod oidc;
pub(crate) mod outgoing;
mod paid_access;
mod people;
mod privacy;
pub(crate) mod rides;
mod sales;
mod setup;
pub(crate) mod visitor;

use std::io::Write as _;
use std::process::{Command, Stdio};

use self::visitor::{Shown, Visitor};
use crate::daemon::World;

pub(crate) const PASSWORD: &str = "une phrase assez longue";

/// A command's exit code, and what it said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `palabre …` with a world's configuration, and something on its standard input.
pub(crate) fn palabre(world: &World, told: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let mut child = command
        .args(told)
        .env("PALABRE_CONFIG", world.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    // A command that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let said = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: said.status.code().expect("an exit code"), out: text(said.stdout), err: text(said.stderr) }
}

/// Adds a person who may sign in with [`PASSWORD`].
pub(crate) fn add_user(world: &World, email: &str, name: &str, (tenant, role): (&str, &str)) {
    let told = ["user", "add", email, "--name", name, "--tenant", tenant, "--role", role, "--password-stdin"];
    let ran = palabre(world, &told, &format!("{PASSWORD}\n"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// The conversation with whoever has this number on WhatsApp.
async fn conversation_of(world: &World, tenant: &str, number: &str) -> String {
    world
        .value(&format!(
            "SELECT id FROM conversations WHERE tenant_id = '{tenant}' AND address = 'whatsapp:{number}' LIMIT 1"
        ))
        .await
}

/// A browser in which this person is signed in.
pub(crate) async fn signed_in(world: &World, email: &str) -> Visitor {
    let mut visitor = Visitor::of(world);
    visitor.get("/console/login").await;
    let page = visitor.submit("/console/login", &[("email", email), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 303, "{}", page.body);
    visitor
}
