//! Tests of the set-up on real files.

use std::path::PathBuf;

use palabre_actors::domain::rules::Language;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Environment};
use crate::gateway::PROVIDERS;
use crate::service::Caller;

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

#[test]
fn an_id_is_made_of_a_name() {
    for (name, id) in [("Institut Belle", "institut-belle"), ("Chez Awa & fils", "chez-awa-fils"), ("  É  ", "e")] {
        assert_eq!(id_of(name), id);
    }
}
