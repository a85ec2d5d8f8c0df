//! Circles of imports: files that import each other, directly or through others.
//!
//! A file and the files below it are one module, so what a file takes from its parent's file is no import. A name that is
//! re-exported leads to the file that defines it. Test code may import as it likes.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Code, module_of};

/// Crates, by the folder of their sources.
const CRATES: [&str; 4] = ["actors/src/", "src/", "migrations/src/", "tests/testbed/src/"];

type Module = Vec<String>;

/// One complaint for each circle.
pub(super) fn complaints(files: &[Code]) -> Vec<String> {
    let circles = CRATES.iter().flat_map(|folder| circles(&Crate::of(folder, files)));
    circles.map(|circle| format!("a circle of imports: {}", circle.join(", "))).collect()
}

struct Crate<'a> {
    files: BTreeMap<Module, &'a Code>,
}

impl<'a> Crate<'a> {
    fn of(folder: &str, files: &'a [Code]) -> Self {
        let own = files.iter().filter(|file| file.path.starts_with(folder) && file.path != "src/main.rs");
        let files = own.map(|file| (module_of(&file.path), file));
        Self { files: files.filter(|(module, _)| !module.iter().any(|name| name == "tests")).collect() }
    }

    /// The modules that a file imports from, without itself and those above it.
    fn imports(&self, module: &Module, code: &Code) -> BTreeSet<Module> {
        let paths = code.paths.iter().filter(|named| !named.in_test);
        let targets = paths.filter_map(|named| self.resolve(&named.module, &named.segments, 0));
        targets.filter(|target| !module.starts_with(target)).collect()
    }

    /// The module whose file defines what a path names.
    fn resolve(&self, base: &[String], segments: &[String], depth: u8) -> Option<Module> {
        let mut segments = segments;
        let mut module = base.to_vec();
        match segments.first()?.as_str() {
            "crate" => module.clear(),
            "self" => {}
            "super" => {
                module.pop();
                while segments.get(1).is_some_and(|segment| segment == "super") {
                    segments = &segments[1..];
                    module.pop();
                }
            }
            child => {
                module.push(child.to_owned());
                if !self.files.contains_key(&module) {
                    return None;
                }
            }
        }
        segments = &segments[1..];
        while let Some(name) = segments.first() {
            module.push(name.clone());
            if !self.files.contains_key(&module) {
                module.pop();
                break;
            }
            segments = &segments[1..];
        }
        // An inline module stands in the file of the nearest module above it.
        while !self.files.contains_key(&module) {
            module.pop()?;
        }
        let reexport = segments.first().filter(|_| depth < 8 && module != base).and_then(|name| {
            let paths = self.files[&module].paths.iter();
            let mut same_name = paths.filter(|named| named.segments.len() > 1 && named.segments.last() == Some(name));
            same_name.find_map(|named| self.resolve(&module, &named.segments, depth + 1).filter(|to| *to != module))
        });
        Some(reexport.unwrap_or(module))
    }
}

/// The circles of a crate, as the paths of their files: sets of files of which each reaches each.
fn circles(of: &Crate<'_>) -> Vec<Vec<String>> {
    let imports: BTreeMap<&Module, BTreeSet<Module>> =
        of.files.iter().map(|(module, code)| (module, of.imports(module, code))).collect();
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|module| (*module, reached(module, &imports))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle: Vec<String> = reached
            .iter()
            .filter(|other| reach.get(**other).is_some_and(|back| back.contains(module)))
            .map(|other| of.files[*other].path.clone())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached<'a>(from: &Module, imports: &'a BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = imports.get(from).into_iter().flatten().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(imports.get(module).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaints_of(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<Code> = files.iter().map(|(path, text)| Code::read(path, text)).collect();
        assert_eq!(complaints(&files), expected);
    }

    #[test]
    fn a_circle_of_imports_is_seen() {
        let circle = "a circle of imports: src/x/a.rs, src/x/b.rs";
        complaints_of(
            &[("src/x/a.rs", "use super::b::B;"), ("src/x/b.rs", "fn f() { super::a::g() }"), ("src/x/mod.rs", "")],
            &[circle],
        );
        complaints_of(
            &[
                ("src/x/a.rs", "use super::B;"),
                ("src/x/b.rs", "use crate::x::A;"),
                ("src/x/mod.rs", "pub use self::a::A; pub use b::{B, C};"),
            ],
            &[circle],
        );
        complaints_of(
            &[
                ("src/x/a.rs", "use crate::y::Y;"),
                ("src/y.rs", "use crate::z;"),
                ("src/x/mod.rs", ""),
                ("src/z/mod.rs", "use crate::x::a::{A, b};"),
            ],
            &["a circle of imports: src/x/a.rs, src/y.rs, src/z/mod.rs"],
        );
    }

    #[test]
    fn imports_without_a_circle_pass() {
        complaints_of(
            &[
                ("src/x/mod.rs", "pub use self::a::A; struct X;"),
                ("src/x/a.rs", "use super::X; use super::b::B;"),
                ("src/x/b.rs", "use super::X; #[cfg(test)] mod tests { use super::super::a::A; }"),
            ],
            &[],
        );
    }
}
