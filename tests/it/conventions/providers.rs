//! Names of providers: each stands in its own folder below `src/gateway/` and in the list there.

use std::collections::BTreeSet;

use super::tree::Tree;

const GATEWAYS: &str = "src/gateway/";
/// The code that may not name a provider.
const CODE: [&str; 2] = ["src/", "actors/src/"];

/// Folders below the gateways that are no provider.
const NOT_PROVIDERS: [&str; 3] = ["tests", "simulator", "media"];

/// Files that may name a provider, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("src/gateway/mod.rs", "the list of providers"),
    ("src/gateway/twilio/codes/table.rs", "an advice that names the provider's own sandbox"),
    ("actors/src/domain/address.rs", "the scheme of the sandbox's addresses"),
    ("actors/src/domain/address/parsing.rs", "how the sandbox's addresses are read"),
    ("actors/src/domain/event/personal.rs", "an address of that scheme in a test"),
    ("src/store/sellers.rs", "an address of that scheme"),
    ("src/service/privacy/record.rs", "a tenant of its test needs a channel"),
    ("src/cli/paid_access.rs", "an address of that scheme, in a help text"),
    ("src/config/paid_access/plan.rs", "whose own money Stars are, and an address of that scheme"),
    ("src/config/plan.rs", "whose own money Stars are"),
    ("src/service/paid_access/stars_sales.rs", "whose own money Stars are"),
    ("src/service/paid_access/stars.rs", "whose own money Stars are"),
    ("src/service/paid_access/links.rs", "an address of that scheme in a test"),
    ("src/store/paid_access/subscriptions.rs", "whose own money Stars are"),
    ("src/cli/mod.rs", "the subcommand for the webhooks of one provider"),
    ("src/cli/telegram.rs", "the subcommand for the webhooks of one provider"),
    ("src/cli/outbox/views.rs", "a configuration in a test"),
    ("src/cli/outbox.rs", "an address of that scheme, in a help text"),
    ("src/cli/who.rs", "an address of that scheme in a test"),
    ("src/http/api/messages/addressing.rs", "an address of that scheme in a test"),
    ("src/service/media/serving.rs", "a word of the policy of served files"),
    ("src/service/setup/draft.rs", "the scheme of the test phone's address"),
    ("src/console/assets/console.js", "the page of the test phone"),
    ("src/console/inbox.rs", "the page of the test phone"),
    ("src/console/mod.rs", "the page of the test phone"),
    ("src/console/navigation.rs", "the page of the test phone"),
    ("src/console/pages.rs", "the page of the test phone"),
    ("src/console/sandbox.rs", "the page of the test phone"),
    ("src/console/lookups.rs", "the scheme of the test phone's address"),
    ("src/console/templates/list.html", "the page of the test phone"),
    ("src/console/templates/sandbox.html", "the page of the test phone"),
    ("src/console/templates/setup/connected.html", "the page of the test phone"),
    ("src/console/templates/setup/trial.html", "the page of the test phone"),
    ("src/console/setup/mod.rs", "the scheme of the test phone's address"),
    ("src/console/channel_list.rs", "the scheme of the test phone's address"),
    ("src/console/setup/connected.rs", "the scheme of the test phone's address"),
    ("src/console/texts/conversations_en.toml", "the page of the test phone"),
    ("src/console/texts/conversations_fr.toml", "the page of the test phone"),
    ("src/console/display.rs", "the marks of channels, by the scheme of their addresses"),
    ("src/lab/demo/journey/mod.rs", "a customer of the demo on several channels"),
    ("src/lab/demo/paid_access/belle.toml", "a tenant of the demo"),
    ("src/lab/demo/tenants/atelier-nour.toml", "a tenant of the demo"),
    ("src/lab/demo/paid_access/shop.rs", "whose chat members of the demo come into"),
    ("src/lab/demo/paid_access/load.rs", "an address of that scheme, and the calls of that provider's simulator"),
    ("src/lab/demo/paid_access/traffic.toml", "a tenant of the demo"),
    ("src/lab/demo/paid_access/narrator.rs", "the calls of that provider's simulator"),
    ("src/lab/demo/paid_access/mod.rs", "the calls of that provider's simulator"),
    ("src/lab/torture/chaos/members.rs", "whose chat paying members come into on a chaos day"),
    ("src/lab/demo/tenants/chez-fatou.toml", "a tenant of the demo"),
    ("src/lab/demo/tenants/institut-belle.toml", "a tenant of the demo"),
    ("src/lab/demo/tenants/martin-plomberie.toml", "a tenant of the demo"),
    ("src/lab/demo/tenants/taxi-bleu.toml", "a tenant of the demo"),
];

/// Files that name a provider and are not its own, and exceptions that nothing needs.
pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let all = named_outside(tree, &[]);
    let idle = EXCEPTIONS.iter().filter(|(path, _)| !all.iter().any(|one| one.starts_with(&format!("{path}: "))));
    let idle = idle.map(|(path, _)| format!("{path}: no exception is needed"));
    named_outside(tree, EXCEPTIONS).into_iter().chain(idle).collect()
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
        if is_of_tests || exceptions.iter().any(|(exception, _)| path == *exception) {
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
