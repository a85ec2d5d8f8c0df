//! Conventions of the repository, as tests: imports, names, dependencies, documents.
//!
//! Each check is a function from texts to complaints, and has a test with a planted violation. The tests here run the
//! checks over the repository.

mod alerts;
mod audit_words;
mod circles;
mod code;
mod dependencies;
mod docs;
mod glossary;
mod habits;
mod imports;
pub(crate) mod logs;
mod outbox;
mod providers;
mod tree;
mod types;

use self::code::Code;
use self::dependencies::{Deny, Graph, Lock};
use self::tree::Tree;

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    none(&circles::complaints(&Code::all(&Tree::of_the_repository())));
}

#[test]
fn the_console_has_words_for_every_action_of_the_audit_log() {
    none(&audit_words::complaints(&Tree::of_the_repository()));
}

#[test]
fn a_public_type_name_stands_once_in_a_crate() {
    none(&types::repeated(&Code::all(&Tree::of_the_repository())));
}

#[test]
fn types_and_modules_use_the_words_of_the_glossary() {
    let files = Code::all(&Tree::of_the_repository());
    none(&glossary::complaints(&files));
    none(&glossary::idle_exceptions(&files));
}

#[test]
fn a_provider_is_named_in_its_own_folder_alone() {
    none(&providers::complaints(&Tree::of_the_repository()));
}

#[test]
fn doc_comments_are_required_of_the_core_alone() {
    none(&habits::missing_docs(&Tree::of_the_repository()));
}

#[test]
fn imports_run_one_way() {
    let tree = Tree::of_the_repository();
    none(&imports::direction(&Code::all(&tree)));
}

#[test]
fn the_core_does_no_io() {
    let tree = Tree::of_the_repository();
    none(&imports::discretion(&Code::all(&tree)));
    none(&dependencies::core(&Deny::of(&tree), &Graph::of_the_repository()));
}

#[test]
fn addresses_that_people_write_are_read_in_one_way() {
    none(&habits::addresses_read_otherwise(&Tree::of_the_repository()));
}

#[test]
fn sql_stays_in_the_store() {
    none(&habits::raw_sql(&Code::all(&Tree::of_the_repository())));
}

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    let tree = Tree::of_the_repository();
    none(&habits::lengths(&tree));
    none(&habits::names(&tree));
}

#[test]
fn licenses_are_allowed() {
    none(&dependencies::licenses(&Deny::of(&Tree::of_the_repository()), &Graph::of_the_repository()));
}

#[test]
fn every_crate_comes_from_the_registry() {
    let tree = Tree::of_the_repository();
    none(&dependencies::sources(&Deny::of(&tree), &Lock::of(&tree)));
}

#[test]
fn banned_crates_stay_out() {
    none(&dependencies::bans(&Deny::of(&Tree::of_the_repository()), &Graph::of_the_repository()));
}

#[test]
fn two_versions_of_a_crate_are_on_the_list() {
    none(&dependencies::duplicates(&Deny::of(&Tree::of_the_repository()), &Graph::of_the_repository()));
}

#[test]
fn exceptions_have_a_reason_and_a_review_date() {
    let tree = Tree::of_the_repository();
    none(&dependencies::exceptions(&Deny::of(&tree), &Lock::of(&tree)));
}

#[test]
fn links_lead_somewhere() {
    none(&docs::links(&Tree::of_the_repository()));
}

#[test]
fn guides_name_paths_that_are_there() {
    none(&docs::paths(&Tree::of_the_repository()));
}

#[test]
fn nothing_tells_where_it_was_built() {
    none(&docs::places(&Tree::of_the_repository()));
}

#[test]
fn decisions_are_numbered_short_and_whole() {
    none(&docs::decisions(&Tree::of_the_repository()));
}

#[test]
fn the_outbox_is_drawn_as_it_is() {
    none(&outbox::arrows(Tree::of_the_repository().text(outbox::DRAWING).unwrap_or_default()));
}

#[test]
fn alerts_ask_for_what_is_written_and_lead_somewhere() {
    none(&alerts::complaints(&Tree::of_the_repository()));
}

#[test]
fn logs_have_the_fields_of_their_schema() {
    none(&logs::complaints(&Tree::of_the_repository()));
}

#[test]
fn every_invariant_names_its_tests() {
    let tree = Tree::of_the_repository();
    none(&docs::invariants(&tree, &Code::all(&tree)));
}
