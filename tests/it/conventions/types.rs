//! Names of public types: each stands once in its crate.

use std::collections::BTreeMap;

use super::code::{Code, Kind};

const CRATES: [&str; 3] = ["actors/src/", "src/", "migrations/src/"];

/// Names that may stand several times, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Migration", "each migration is a type of this name, as sea-orm-migration wants it"),
    ("Model", "each entity is a type of this name, as sea-orm wants it"),
    ("Options", "the arguments of one subcommand; each subcommand's module is named with it"),
    ("Report", "what one subcommand of the lab prints; each is named with its module"),
    ("Conversation", "the actor, and the state that it keeps"),
    ("Form", "a form of the console, and the form encoding of one provider's webhooks"),
    ("Subscription", "of a browser to live updates, and of a member to a plan"),
    ("Notice", "what a member of a paid chat is told, and what a provider tells that is no message"),
    ("Membership", "of a person in a tenant, and of a contact in a chat"),
    ("Accepted", "a webhook, and an invitation"),
];

/// Types that are visible in their whole crate and have the name of another one.
pub(super) fn repeated(files: &[Code]) -> Vec<String> {
    let mut places: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for file in files {
        let Some(folder) = CRATES.iter().find(|folder| file.path.starts_with(**folder)) else { continue };
        let types = file.definitions.iter().filter(|of| of.kind == Kind::PublicType && !of.in_test);
        for of in types.filter(|of| !EXCEPTIONS.iter().any(|(name, _)| of.name == *name)) {
            places.entry((folder, &of.name)).or_default().push(format!("{}:{}", file.path, of.line));
        }
    }
    let repeated = places.into_iter().filter(|(_, places)| places.len() > 1);
    repeated.map(|((_, name), places)| format!("`{name}` stands several times: {}", places.join(", "))).collect()
}

#[test]
fn a_public_type_name_that_stands_twice_is_seen() {
    let files = [
        Code::read("src/a.rs", "pub struct Kept; struct Own; pub struct Model;\n#[cfg(test)] pub struct InTests;"),
        Code::read("src/b.rs", "pub(crate) enum Kept {}\npub(super) struct Own; pub struct Model; pub struct InTests;"),
        Code::read("actors/src/c.rs", "pub trait Kept {}"),
    ];
    assert_eq!(repeated(&files), ["`Kept` stands several times: src/a.rs:1, src/b.rs:1"]);
}
