//! Direction of imports (see `docs/decisions/0001-core-and-adapters.md`), and what the core may not name.

use super::code::{Code, Named};

/// A crate's modules in layers, the innermost first: a module may name itself and what lies further in.
struct Plan {
    /// Where its files are.
    folder: &'static str,
    layers: &'static [Layer],
}

struct Layer {
    modules: &'static [&'static str],
    /// Whether the modules of the layer may name each other.
    mutual: bool,
}

const fn apart(modules: &'static [&'static str]) -> Layer {
    Layer { modules, mutual: false }
}

const PLANS: [Plan; 2] = [
    Plan {
        folder: "actors/src/",
        layers: &[
            apart(&["domain"]),
            apart(&["ports"]),
            apart(&["runtime"]),
            Layer { modules: &["supervisor", "tenant", "conversation", "ingress", "outbox"], mutual: true },
            apart(&["engine"]),
            apart(&["testing"]),
        ],
    },
    Plan {
        folder: "src/",
        layers: &[
            apart(&["digest", "http_client"]),
            apart(&["config"]),
            apart(&[
                "store",
                "spool",
                "cache",
                "gateway",
                "telemetry",
                "runtime",
                "media",
                "oidc",
                "crm",
                "assistant",
                "payments",
            ]),
            apart(&["service", "journal"]),
            apart(&["http", "console"]),
            apart(&["app"]),
            apart(&["lab"]),
            apart(&["cli"]),
            apart(&["main"]),
        ],
    },
];

/// Crates that the core may not name.
const IO_CRATES: [&str; 6] = ["sea_orm", "sqlx", "fred", "actix_web", "reqwest", "lettre"];
/// Parts of libraries that do I/O.
const IO_PATHS: [&[&str]; 6] =
    [&["std", "fs"], &["std", "net"], &["std", "process"], &["tokio", "fs"], &["tokio", "net"], &["tokio", "process"]];
/// A crate that one file alone may name, because it is to be replaced one day.
const CONFINED: [(&str, &str); 1] = [("backoff", "actors/src/domain/retry.rs")];

/// Imports that run outwards, or to a module that has no place.
pub(super) fn direction(files: &[Code]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let Some(plan) = PLANS.iter().find(|plan| file.path.starts_with(plan.folder)) else { continue };
        let Some(module) = module_of(plan, &file.path) else { continue };
        let Some(own) = plan.layer(&module) else {
            complaints
                .push(format!("{}: the module `{module}` has no place in the plan of {}", file.path, plan.folder));
            continue;
        };
        for named in &file.paths {
            let Some(target) = target(named) else { continue };
            let Some(layer) = plan.layer(&target) else { continue };
            let allowed = target == module
                || layer < own
                || (layer == own && plan.layers[own].mutual)
                || (target == "testing" && named.in_test)
                // Its tests read real providers' keys, which the daemon hands in.
                || (module == "config" && target == "gateway" && named.in_test);
            if !allowed {
                complaints.push(format!("{}:{}: `{module}` may not name `{target}`", file.path, named.line));
            }
        }
    }
    complaints
}

/// Names in the core that only the adapters may use.
pub(super) fn discretion(files: &[Code]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let in_core = file.path.starts_with("actors/src/");
        for (line, word) in &file.words {
            if in_core && IO_CRATES.contains(&word.as_str()) {
                complaints.push(format!("{}:{line}: the core may not name `{word}`", file.path));
            }
        }
        for named in &file.paths {
            if in_core && !named.in_test && IO_PATHS.iter().any(|path| named.segments.starts_with_words(path)) {
                let path = named.segments.join("::");
                complaints.push(format!("{}:{}: the core does no I/O: `{path}`", file.path, named.line));
            }
            for (name, home) in CONFINED {
                if named.segments[0] == name && file.path != home {
                    complaints.push(format!("{}:{}: only {home} may name `{name}`", file.path, named.line));
                }
            }
        }
    }
    complaints
}

trait Words {
    fn starts_with_words(&self, words: &[&str]) -> bool;
}

impl Words for Vec<String> {
    fn starts_with_words(&self, words: &[&str]) -> bool {
        self.len() >= words.len() && self.iter().zip(words).all(|(own, word)| own == word)
    }
}

impl Plan {
    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.modules.contains(&module))
    }
}

/// The module that a file belongs to; `None` for the map (`lib.rs`), which names them all.
fn module_of(plan: &Plan, path: &str) -> Option<String> {
    let inside = path.strip_prefix(plan.folder)?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (inside != "lib.rs").then(|| module.to_owned())
}

/// The module of its own crate that a path leads to.
fn target(named: &Named) -> Option<String> {
    let mut segments = named.segments.iter();
    let mut base = named.module.clone();
    match segments.next()?.as_str() {
        // `palabre` is how main.rs calls the library.
        "crate" | "palabre" => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
            while segments.as_slice().first().is_some_and(|segment| segment == "super") {
                segments.next();
                base.pop();
            }
        }
        _ => return None,
    }
    base.into_iter().chain(segments.cloned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaints_of(check: fn(&[Code]) -> Vec<String>, path: &str, text: &str, expected: &[&str]) {
        assert_eq!(check(&[Code::read(path, text)]), expected, "{path}: {text}");
    }

    #[test]
    fn imports_that_run_outwards_are_seen() {
        for (path, text, expected) in [
            ("src/store/mod.rs", "use crate::http::serve;", "src/store/mod.rs:1: `store` may not name `http`"),
            (
                "src/store/mod.rs",
                "fn f() { crate::gateway::f() }",
                "src/store/mod.rs:1: `store` may not name `gateway`",
            ),
            ("src/http/route.rs", "use super::super::app;", "src/http/route.rs:1: `http` may not name `app`"),
            ("src/app/front.rs", "\nuse crate::{config::C, cli};", "src/app/front.rs:2: `app` may not name `cli`"),
            (
                "src/config/mod.rs",
                "mod tests { use super::super::store; }",
                "src/config/mod.rs:1: `config` may not name `store`",
            ),
            (
                "actors/src/domain/turn.rs",
                "use super::super::ports::Clock;",
                "actors/src/domain/turn.rs:1: `domain` may not name `ports`",
            ),
            (
                "actors/src/runtime/mod.rs",
                "type A = crate::tenant::Tenant;",
                "actors/src/runtime/mod.rs:1: `runtime` may not name `tenant`",
            ),
            (
                "actors/src/engine.rs",
                "use crate::testing::fakes;",
                "actors/src/engine.rs:1: `engine` may not name `testing`",
            ),
            ("src/service/mod.rs", "use crate::http::serve;", "src/service/mod.rs:1: `service` may not name `http`"),
            ("src/app.rs", "use crate::lab::demo;", "src/app.rs:1: `app` may not name `lab`"),
            (
                "src/misplaced/mod.rs",
                "",
                "src/misplaced/mod.rs: the module `misplaced` has no place in the plan of src/",
            ),
        ] {
            complaints_of(direction, path, text, &[expected]);
        }
    }

    #[test]
    fn imports_that_run_inwards_pass() {
        for (path, text) in [
            ("src/main.rs", "fn main() -> ExitCode { palabre::cli::run() }"),
            ("src/http/route.rs", "use super::answer; use crate::{config, gateway::Receiver, service::list};"),
            ("src/cli/demo.rs", "use crate::lab::demo;"),
            ("src/lib.rs", "pub mod app; pub use crate::app::start;"),
            ("actors/src/tenant/mod.rs", "use crate::conversation::messages::Deliver;"),
            ("actors/src/engine/tests.rs", "use crate::testing::harness;"),
            ("actors/src/runtime/mod.rs", "#[cfg(test)] use crate::testing::harness;"),
        ] {
            complaints_of(direction, path, text, &[]);
        }
    }

    #[test]
    fn crates_of_the_adapters_are_seen_in_the_core() {
        let path = "actors/src/outbox/mod.rs";
        complaints_of(
            discretion,
            path,
            "use sea_orm as orm;",
            &[&format!("{path}:1: the core may not name `sea_orm`")],
        );
        complaints_of(
            discretion,
            path,
            "#[actix_web::get(\"/\")] fn f() {}",
            &[&format!("{path}:1: the core may not name `actix_web`")],
        );
        complaints_of(
            discretion,
            path,
            "use std::net::TcpStream;",
            &[&format!("{path}:1: the core does no I/O: `std::net::TcpStream`")],
        );
        complaints_of(discretion, path, "// sea_orm\nconst T: &str = \"reqwest\";", &[]);
        complaints_of(discretion, "src/store/mod.rs", "use sea_orm as orm;", &[]);
    }

    #[test]
    fn backoff_is_seen_outside_of_its_file() {
        complaints_of(
            discretion,
            "src/gateway/client.rs",
            "use backoff::Clock;",
            &["src/gateway/client.rs:1: only actors/src/domain/retry.rs may name `backoff`"],
        );
        complaints_of(discretion, "src/gateway/client.rs", "let backoff = 1;", &[]);
        complaints_of(discretion, "actors/src/domain/retry.rs", "use backoff::Clock;", &[]);
    }
}
