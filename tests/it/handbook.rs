//! The handbook as a site: it is made, its links lead somewhere, and the French guides have their English pages.

use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn made(from: &Path, into: &Path) -> Output {
    let python = Path::new(ROOT).join("tests/tools/venv/bin/python");
    let mut command = Command::new(python);
    command.arg(Path::new(ROOT).join(".ci/handbook")).arg(into).env("HANDBOOK_ROOT", from);
    command.output().expect("python is there: run .ci/prepare")
}

#[test]
fn the_handbook_is_made_and_leads_from_page_to_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = made(Path::new(ROOT), folder.path());
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).expect("a page");
    let handbook = read("docs/operations.html");
    assert!(handbook.contains("<h3 id=\"the-disk-is-full\">") && handbook.contains("href=\"runbooks/backup.html\""));
    assert!(read("index.html").contains("href=\"docs/operations.html\""));
    let french = read("docs/fr/troubleshooting.html");
    assert!(french.contains("<html lang=\"fr\">") && french.contains("href=\"../operations.html#answers-are-late\""));
    // A message of somebody is code on a page, not a part of it.
    assert!(!handbook.contains("<script"));
    for entry in std::fs::read_dir(Path::new(ROOT).join("docs/fr")).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let english = Path::new(ROOT).join("docs").join(&name);
        assert!(name == "README.md" || english.exists(), "docs/fr/{name} translates docs/{name}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let (folder, out) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::create_dir(folder.path().join("docs")).expect("a folder");
    let page = "# A\n\n[one](b.md) [two](#none) [three](#a) [four](../docs/a.md#a) ![five](c.svg)\n";
    std::fs::write(folder.path().join("docs/a.md"), page).expect("a file");
    let said = made(folder.path(), out.path());
    assert!(!said.status.success());
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    let expected =
        ["docs/a.md: b.md leads nowhere", "docs/a.md: #none has no such heading", "docs/a.md: c.svg leads nowhere"];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}
