//! Names of providers: each stands in its own folder below `src/gateway/` and in the list there.

use std::collections::BTreeSet;

use super::tree::Tree;

const GATEWAYS: &str = "src/gateway/";
/// The code that may not name a provider.
const CODE: [&str; 2] = ["src/", "actors/src/"];

/// Folders below the gateways that are no provider.
const NOT_PROVIDERS: [&str; 2] = ["tests", "simulator"];

/// Files and folders that may name a provider, and why. To be made shorter.
pub(super) const EXCEPTIONS: &[(&str, &str)] = &[
    ("src/gateway/mod.rs", "the list of providers"),
    ("src/gateway/twilio/codes/table.rs", "an advice that names the provider's own sandbox"),
    ("actors/src/domain/address", "the scheme of the sandbox's addresses"),
    ("src/config/suggest.rs", "a sample"),
    ("src/cli/explain/", "samples"),
    ("src/cli/outbox/views.rs", "a sample"),
    ("src/lab/demo/tenants/", "samples of tenants"),
    ("src/spool/retry_deadline.rs", "the source of a number"),
];

/// Files that name a provider and are not its own.
pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    named_outside(tree, EXCEPTIONS)
}

fn named_outside(tree: &Tree, exceptions: &[(&str, &str)]) -> Vec<String> {
    let folders = tree.files().filter_map(|(path, _)| path.strip_prefix(GATEWAYS)?.split_once('/'));
    let providers: BTreeSet<&str> =
        folders.map(|(folder, _)| folder).filter(|folder| !NOT_PROVIDERS.contains(folder)).collect();
    if providers.is_empty() {
        return vec![format!("{GATEWAYS}: no folder of a provider, this check sees nothing")];
    }
    let mut complaints = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| CODE.iter().any(|folder| path.starts_with(folder))) {
        let is_of_tests = path.contains("/tests/") || path.ends_with("/tests.rs");
        if is_of_tests || exceptions.iter().any(|(begin, _)| path.starts_with(begin)) {
            continue;
        }
        let text = text.to_lowercase();
        let others = providers.iter().filter(|provider| !path.starts_with(&format!("{GATEWAYS}{provider}/")));
        for provider in others.filter(|provider| text.contains(**provider)) {
            complaints.push(format!("{path}: names the provider `{provider}`"));
        }
    }
    complaints
}

#[test]
fn a_provider_that_is_named_elsewhere_is_seen() {
    let tree = Tree::planted(&[
        ("src/gateway/mod.rs", "mod acme;"),
        ("src/gateway/acme/mod.rs", "struct Acme;"),
        ("src/gateway/other/mod.rs", "// as Acme does"),
        ("src/http/mod.rs", "const HEADER: &str = \"X-ACME-Signature\";"),
        ("docs/acme.md", "Acme"),
    ]);
    assert_eq!(
        named_outside(&tree, &[("src/gateway/mod.rs", "the list")]),
        ["src/gateway/other/mod.rs: names the provider `acme`", "src/http/mod.rs: names the provider `acme`"]
    );
    assert_eq!(named_outside(&Tree::default(), &[]).len(), 1, "a check that sees nothing must not pass");
}
