//! Tests of the set-up on real files.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use palabre_actors::domain::rules::Language;
use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Environment};
use crate::gateway::PROVIDERS;
use crate::service::{Caller, Tenants};

/// An installation without tenants.
fn installation() -> (TempDir, PathBuf, TenantFolder) {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("palabre.toml");
    std::fs::create_dir(folder.path().join("tenants")).unwrap();
    std::fs::write(&main, "[database]\nurl = \"sqlite://palabre.db\"\n").unwrap();
    let tenants = TenantFolder::of(&main, Environment::default());
    (folder, main, tenants)
}

fn new(trade: &str, language: Language) -> NewTenant {
    NewTenant {
        id: format!("{trade}-{language}"),
        name: "Chez \"Awa\" & fils".to_owned(),
        trade: trade.to_owned(),
        language,
        timezone: "Europe/Paris".to_owned(),
        phone: Some("+33612345678".to_owned()),
        with_faq: true,
    }
}

#[tokio::test]
async fn every_trade_makes_a_file_that_holds_and_answers_its_questions() {
    let (_folder, main, tenants) = installation();
    for trade in &trades::ALL {
        for language in [Language::Fr, Language::En] {
            create(&Caller::command_line(), None, &tenants, &new(trade.id, language)).await.unwrap();
        }
    }
    let loaded = Config::load(&main, &Environment::default(), &PROVIDERS).unwrap();
    // Whoever writes such a word alone says STOP; in longer messages it asks the question.
    let others = loaded.warnings.iter().filter(|warning| !warning.reason.contains("alone means STOP"));
    assert_eq!(others.count(), 0, "{:?}", loaded.warnings);
    assert_eq!(loaded.config.tenants.len(), 2 * trades::ALL.len());
    for tenant in &loaded.config.tenants {
        assert_eq!(tenant.name, "Chez \"Awa\" & fils");
        assert_eq!(tenant.rules.source().faq.len(), 10, "{}", tenant.id);
        assert_eq!(tenant.channels.len(), 1);
    }
    let again = create(&Caller::command_line(), None, &tenants, &new("beauty", Language::Fr)).await;
    assert!(matches!(again, Err(TenantFileError::Taken(id)) if id == "beauty-fr"));
    let zone = NewTenant { timezone: "Europe/Pari".to_owned(), id: "other".to_owned(), ..new("taxi", Language::En) };
    let refused = create(&Caller::command_line(), None, &tenants, &zone).await.unwrap_err();
    assert!(refused.to_string().contains("Europe/Paris"), "did you mean: {refused}");
    assert!(!main.with_file_name("tenants").join("other.toml").exists());
}

#[tokio::test]
async fn i15_only_who_sees_all_tenants_makes_one() {
    let (_folder, _, tenants) = installation();
    let owner = Caller { tenants: Tenants::Of(vec![TenantId::new("taxi-fr")]), ..Caller::command_line() };
    let made = create(&owner, None, &tenants, &new("seller", Language::Fr)).await;
    assert!(matches!(made, Err(TenantFileError::Service(ServiceError::Denied(SettingWrite)))));
}

#[tokio::test]
async fn a_file_is_replaced_whole_keeps_its_rights_and_the_version_before() {
    let (_folder, main, tenants) = installation();
    let made = create(&Caller::command_line(), None, &tenants, &new("beauty", Language::Fr)).await.unwrap();
    assert!(tenants.previous(&made).unwrap().is_none());
    std::fs::set_permissions(&made.path, Permissions::from_mode(0o640)).unwrap();
    let changed = format!("# Changed.\n{}", made.text);
    tenants.replace(&made, &changed).unwrap();
    assert_eq!(std::fs::read_to_string(&made.path).unwrap(), changed);
    assert_eq!(std::fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(tenants.previous(&made).unwrap().unwrap().text, made.text);
    let late = tenants.replace(&made, "# Somebody was faster.");
    assert!(matches!(late, Err(TenantFileError::Changed)), "{late:?}");
    assert_eq!(std::fs::read_to_string(&made.path).unwrap(), changed);
    // Neither the version before nor a file that is being written is a tenant's.
    let loaded = Config::load(&main, &Environment::default(), &PROVIDERS).unwrap();
    assert_eq!(loaded.config.tenants.len(), 1);

    let elsewhere = main.with_file_name("elsewhere.toml");
    std::fs::rename(&made.path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &made.path).unwrap();
    let file = TenantFile { path: made.path.clone(), text: changed };
    tenants.replace(&file, &made.text).unwrap();
    assert!(std::fs::symlink_metadata(&made.path).unwrap().is_symlink(), "what the link leads to is written");
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), made.text);
}

#[tokio::test]
async fn i10_a_secret_has_a_file_of_its_own_until_no_version_names_it() {
    let (_folder, main, tenants) = installation();
    let made = create(&Caller::command_line(), None, &tenants, &new("beauty", Language::Fr)).await.unwrap();
    let secret = SecretString::from(" s3cret ");
    let path = tenants.write_secret(("beauty-wa", "auth_token"), &secret).unwrap();
    let full = main.with_file_name(&path);
    assert_eq!(std::fs::read_to_string(&full).unwrap(), "s3cret");
    assert_eq!(std::fs::metadata(&full).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(full.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let by_hand = main.with_file_name("secrets/by-hand");
    std::fs::write(&by_hand, "x").unwrap();

    let mut file = made;
    let texts = [
        format!("{}\n# {{ file = \"{path}\" }} and \"secrets/by-hand\"", file.text),
        format!("{}\n# one", file.text),
        format!("{}\n# two", file.text),
    ];
    for (text, is_there) in texts.into_iter().zip([true, true, false]) {
        tenants.replace(&file, &text).unwrap();
        file.text = text;
        assert_eq!(full.exists(), is_there, "{}", file.text);
    }
    assert!(by_hand.exists(), "a file of somebody else's stays");
}

#[test]
fn an_id_is_made_of_a_name() {
    for (name, id) in [("Institut Belle", "institut-belle"), ("Chez Awa & fils", "chez-awa-fils"), ("  É  ", "e")] {
        assert_eq!(id_of(name), id);
    }
}
