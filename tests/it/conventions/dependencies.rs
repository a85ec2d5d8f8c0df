//! Dependencies, checked against `deny.toml`: the same lists that cargo-deny reads, for machines that do not have it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use semver::{Version, VersionReq};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use super::tree::Tree;

/// The crate that does no I/O.
const CORE: &str = "palabre-actors";

/// `deny.toml`, as far as it is checked here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deny {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
    advisories: Advisories,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<LicenseException>,
}

#[derive(Debug, Deserialize)]
struct LicenseException {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bans {
    deny: Vec<Ban>,
    skip: Vec<Skip>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    spec: String,
    wrappers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Skip {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Advisories {
    ignore: Vec<Advisory>,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    id: String,
    reason: String,
}

impl Deny {
    pub(super) fn of(tree: &Tree) -> Self {
        toml_edit::de::from_str(tree.text("deny.toml").expect("deny.toml is there")).unwrap()
    }
}

/// `Cargo.lock`: everything, for every platform.
#[derive(Debug, Deserialize)]
pub(super) struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

impl Lock {
    pub(super) fn of(tree: &Tree) -> Self {
        toml_edit::de::from_str(tree.text("Cargo.lock").expect("Cargo.lock is there")).unwrap()
    }
}

/// What is really compiled for this machine, with the features that are on. `cargo metadata` would also show what weak
/// features might bring and do not.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Everything, tests and benches included.
    all: Edges,
    /// Without what tests and benches alone need.
    shipped: Edges,
    /// Reached from the core, without what its tests alone need.
    core: Edges,
}

#[derive(Debug, Default)]
struct Edges {
    /// Licenses by package.
    packages: BTreeMap<Package, String>,
    /// Who depends directly on whom, by name.
    parents: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
}

impl Graph {
    pub(super) fn of_the_repository() -> Self {
        Self {
            all: Edges::read(&cargo_tree(&["--workspace", "--edges", "normal,build,dev"])),
            shipped: Edges::read(&cargo_tree(&["--workspace", "--edges", "normal,build"])),
            core: Edges::read(&cargo_tree(&["--package", CORE, "--edges", "normal,build"])),
        }
    }
}

impl Edges {
    /// Reads lines of `depth name version (place)|license (*)`.
    fn read(tree: &str) -> Self {
        let mut edges = Self::default();
        let mut above: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (package, license) = line.split_once('|').unwrap_or_else(|| panic!("unreadable line: {line}"));
            let mut words = package.split(' ');
            let mut word = || words.next().unwrap_or_else(|| panic!("unreadable line: {line}"));
            let (depth, name, version) = (word(), word(), word());
            above.truncate(depth.parse().unwrap());
            if let Some(parent) = above.last() {
                edges.parents.entry(name.to_owned()).or_default().insert(parent.clone());
            }
            above.push(name.to_owned());
            let version = version.trim_start_matches('v').to_owned();
            let license = license.trim_end_matches("(*)").trim().to_owned();
            edges.packages.insert(Package { name: name.to_owned(), version }, license);
        }
        edges
    }
}

/// Runs without the network when it can; a fresh machine has everything for its own platform once it has compiled.
fn cargo_tree(arguments: &[&str]) -> String {
    let run = |more: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["tree", "--quiet", "--locked", "--charset", "ascii", "--prefix", "depth", "--format", " {p}|{l}"])
            .args(arguments)
            .args(more)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs")
    };
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        output = run(&[]);
    }
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Crates whose license does not let us ship them.
pub(super) fn licenses(deny: &Deny, graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for (Package { name, version }, license) in &graph.all.packages {
        let exceptions = deny.licenses.exceptions.iter().filter(|exception| exception.name == *name);
        let allowed: Vec<&String> =
            deny.licenses.allow.iter().chain(exceptions.flat_map(|exception| &exception.allow)).collect();
        let fits = Expression::parse_mode(license, ParseMode::LAX)
            .is_ok_and(|expression| expression.evaluate(|wanted| allowed.iter().any(|id| **id == wanted.to_string())));
        if !fits {
            complaints.push(format!("{name} {version}: `{license}` is not allowed by deny.toml"));
        }
    }
    complaints
}

/// Crates that do not come from where crates come from.
pub(super) fn sources(deny: &Deny, lock: &Lock) -> Vec<String> {
    let known = |source: &str| {
        source.strip_prefix("registry+").is_some_and(|url| deny.sources.allow_registry.iter().any(|known| known == url))
    };
    lock.package
        .iter()
        .filter(|package| match &package.source {
            Some(source) => !known(source),
            // Ours alone stand in the repository.
            None => package.name != "palabre" && !package.name.starts_with("palabre-"),
        })
        .map(|Locked { name, version, source }| {
            format!("{name} {version}: comes from {}", source.as_deref().unwrap_or("a folder"))
        })
        .collect()
}

/// Banned crates, and crates that somebody names who may not.
pub(super) fn bans(deny: &Deny, graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for ban in &deny.bans.deny {
        let (name, versions) = ban.parts();
        for package in graph.all.packages.keys().filter(|package| package.name == name) {
            if !versions.matches(&Version::parse(&package.version).unwrap()) {
                continue;
            }
            let Some(wrappers) = &ban.wrappers else {
                complaints.push(format!("{name} {}: banned by deny.toml", package.version));
                continue;
            };
            for parent in graph.all.parents.get(name).into_iter().flatten().filter(|parent| !wrappers.contains(parent))
            {
                complaints.push(format!("{name}: {parent} may not depend on it"));
            }
        }
    }
    complaints
}

/// What only named crates may depend on is not below the core at all, by no detour either.
pub(super) fn core(deny: &Deny, graph: &Graph) -> Vec<String> {
    let wrapped = deny.bans.deny.iter().filter(|ban| ban.wrappers.is_some()).map(|ban| ban.parts().0);
    let mut complaints = Vec::new();
    for name in wrapped {
        if graph.core.packages.keys().any(|package| package.name == name) {
            let parents: Vec<&str> = graph.core.parents[name].iter().map(String::as_str).collect();
            complaints.push(format!("{name}: below the core, by way of {}", parents.join(", ")));
        }
    }
    if !graph.core.packages.keys().any(|package| package.name == CORE) {
        complaints.push(format!("{CORE} is not in its own tree: this check sees nothing"));
    }
    complaints
}

impl Ban {
    /// Name and versions of `name`, `name@1.2.3` (just that one) or `name:<0.2`.
    fn parts(&self) -> (&str, VersionReq) {
        match self.spec.split_once([':', '@']) {
            None => (&self.spec, VersionReq::STAR),
            Some((name, version)) if self.spec.contains('@') => {
                (name, VersionReq::parse(&format!("={version}")).unwrap())
            }
            Some((name, versions)) => (name, VersionReq::parse(versions).unwrap()),
        }
    }
}

/// Crates that are shipped in two versions and not on the list.
pub(super) fn duplicates(deny: &Deny, graph: &Graph) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Package { name, version } in graph.shipped.packages.keys() {
        versions.entry(name).or_default().push(version);
    }
    versions
        .into_iter()
        .filter(|(name, versions)| versions.len() > 1 && !deny.bans.skip.iter().any(|skip| skip.name == *name))
        .map(|(name, versions)| {
            format!("{name}: {} are all shipped; add it to `skip` in deny.toml only with a reason", versions.join(", "))
        })
        .collect()
}

/// Exceptions that nobody would ever look at again.
pub(super) fn exceptions(deny: &Deny, lock: &Lock) -> Vec<String> {
    let mut complaints = Vec::new();
    for Advisory { id, reason } in &deny.advisories.ignore {
        let crate_name = reason.split_once(':').map_or("", |(name, _)| name);
        if !lock.package.iter().any(|package| package.name == crate_name) {
            complaints.push(format!("{id}: `{crate_name}` is not in Cargo.lock (any more)"));
        }
        let date = reason.split_once("Review by ").map_or("", |(_, date)| date.trim_end_matches('.'));
        if date.parse::<chrono::NaiveDate>().is_err() {
            complaints.push(format!("{id}: no `Review by YYYY-MM-DD` at the end of its reason"));
        }
    }
    for skip in deny.bans.skip.iter().filter(|skip| skip.reason.is_empty()) {
        complaints.push(format!("{}: skipped without a reason", skip.name));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deny(text: &str) -> Deny {
        toml_edit::de::from_str(text).unwrap()
    }

    fn graph(tree: &str) -> Graph {
        Graph { all: Edges::read(tree), shipped: Edges::read(tree), core: Edges::read(tree) }
    }

    #[test]
    fn licenses_that_are_not_allowed_are_seen() {
        let deny = deny(
            r#"licenses.allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
            licenses.exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]"#,
        );
        let graph = graph(
            "0 palabre v0.1.0 (somewhere)|Apache-2.0\n1 either v1.0.0|MIT/GPL-3.0\n1 both v1.0.0|(MIT OR ISC) AND Unicode-3.0\n\
            1 copyleft v2.0.0 (proc-macro)|GPL-3.0-only\n1 half v1.0.0|MIT AND MPL-2.0 (*)\n1 none v1.0.0|\n\
            1 roots v1.0.0|CDLA-Permissive-2.0\n1 others v1.0.0|CDLA-Permissive-2.0",
        );
        assert_eq!(
            licenses(&deny, &graph),
            [
                "copyleft 2.0.0: `GPL-3.0-only` is not allowed by deny.toml",
                "half 1.0.0: `MIT AND MPL-2.0` is not allowed by deny.toml",
                "none 1.0.0: `` is not allowed by deny.toml",
                "others 1.0.0: `CDLA-Permissive-2.0` is not allowed by deny.toml",
            ]
        );
    }

    #[test]
    fn other_sources_are_seen() {
        let deny = deny(r#"sources.allow-registry = ["https://a.example/index"]"#);
        let lock = Tree::planted(&[(
            "Cargo.lock",
            "[[package]]\nname = \"palabre-actors\"\nversion = \"0.1.0\"\n\
            [[package]]\nname = \"good\"\nversion = \"1.0.0\"\nsource = \"registry+https://a.example/index\"\n\
            [[package]]\nname = \"near\"\nversion = \"1.0.0\"\n\
            [[package]]\nname = \"far\"\nversion = \"1.0.0\"\nsource = \"git+https://a.example/index\"\n",
        )]);
        assert_eq!(
            sources(&deny, &Lock::of(&lock)),
            ["near 1.0.0: comes from a folder", "far 1.0.0: comes from git+https://a.example/index"]
        );
    }

    #[test]
    fn banned_crates_are_seen() {
        let deny = deny(
            r#"bans.deny = [{ crate = "openssl" }, { crate = "time:<0.2" }, { crate = "exact@1.2.3" },
            { crate = "reqwest", wrappers = ["palabre"] }]"#,
        );
        let graph = graph(
            "0 palabre v0.1.0|MIT\n1 reqwest v0.13.0|MIT\n2 openssl v0.10.0|MIT\n1 time v0.3.0|MIT\n1 exact v1.2.4|MIT\n\
            0 palabre-actors v0.1.0|MIT\n1 time v0.1.45|MIT\n1 exact v1.2.3|MIT\n1 between v1.0.0|MIT\n2 reqwest v0.13.0|MIT (*)",
        );
        assert_eq!(
            bans(&deny, &graph),
            [
                "openssl 0.10.0: banned by deny.toml",
                "time 0.1.45: banned by deny.toml",
                "exact 1.2.3: banned by deny.toml",
                "reqwest: between may not depend on it",
            ]
        );
        assert_eq!(core(&deny, &graph), ["reqwest: below the core, by way of between, palabre"]);
        assert_eq!(core(&deny, &Graph::default()).len(), 1, "a check that sees nothing must not pass");
    }

    #[test]
    fn second_versions_are_seen() {
        let deny = deny(r#"bans.skip = [{ crate = "syn", reason = "moving" }]"#);
        let graph =
            graph("0 palabre v0.1.0|MIT\n1 syn v2.0.0|MIT\n1 syn v3.0.0|MIT\n1 rand v0.8.0|MIT\n1 rand v0.9.0|MIT");
        let complaints = duplicates(&deny, &graph);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].starts_with("rand: 0.8.0, 0.9.0 are all shipped"), "{complaints:?}");
    }

    #[test]
    fn exceptions_without_reason_date_or_crate_are_seen() {
        let deny = deny(
            r#"advisories.ignore = [{ id = "A-1", reason = "here: harmless. Review by 2027-05-31" },
            { id = "A-2", reason = "here: harmless. Review by tomorrow" }, { id = "A-3", reason = "gone: Review by 2027-05-31" }]
            bans.skip = [{ crate = "syn", reason = "" }]"#,
        );
        let lock = Tree::planted(&[("Cargo.lock", "[[package]]\nname = \"here\"\nversion = \"1.0.0\"\n")]);
        assert_eq!(
            exceptions(&deny, &Lock::of(&lock)),
            [
                "A-2: no `Review by YYYY-MM-DD` at the end of its reason",
                "A-3: `gone` is not in Cargo.lock (any more)",
                "syn: skipped without a reason",
            ]
        );
    }
}
