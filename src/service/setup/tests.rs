//! Tests of the set-up on real files.

use std::path::PathBuf;

use palabre_actors::domain::rules::Language;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Environment};
use crate::gateway::PROVIDERS;
use crate::service::Caller;
use crate::store::Store;

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
async fn a_change_leaves_comments_and_everything_else_and_is_checked_and_noted() {
    let (folder, _, tenants) = installation();
    let store = Store::open(&format!("sqlite://{}", folder.path().join("palabre.db").display()), true).await.unwrap();
    let operator = store.operator();
    let caller = Caller::command_line();
    let made = create(&caller, Some(&operator), &tenants, &new("beauty", Language::Fr)).await.unwrap();
    let id = TenantId::new("beauty-fr");
    let by_hand = made.text.replace("name = \"Manucure\"", "name = \"Manucure\" # la plus demandée");
    std::fs::write(&made.path, &by_hand).unwrap();
    change(&caller, &operator, (&tenants, &id), "services", |sheet| {
        let mut services = sheet.services();
        services[0].price = "30 €".to_owned();
        services.remove(2);
        sheet.set_services(&services);
        sheet.set_hours(&[("mon", vec!["10:00-12:00".to_owned()]), ("sat", Vec::new())]);
        let mut answers = sheet.faq();
        answers[0].answer = "Du lundi au vendredi.".to_owned();
        answers[1].answer.clear();
        sheet.set_answers(&answers);
    })
    .await
    .unwrap();
    let text = std::fs::read_to_string(&made.path).unwrap();
    let expected = ["# la plus demandée", "price = \"30 €\"", "mon = [\"10:00-12:00\"]", "# Un jour"];
    for part in expected.into_iter().chain(["Du lundi au vendredi.", "# Le téléphone de test", "use = \"booking\""]) {
        assert!(text.contains(part), "{part}: {text}");
    }
    for gone in ["sat =", "Massage\"", "65 €, massage 60 min"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    let wrong = change(&caller, &operator, (&tenants, &id), "hours", |sheet| {
        sheet.set_hours(&[("mon", vec!["25:00-12:00".to_owned()])]);
    });
    let refused = wrong.await.unwrap_err().to_string();
    assert!(refused.contains("is no span of hours") && refused.contains("mon"), "{refused}");
    assert_eq!(std::fs::read_to_string(&made.path).unwrap(), text);
    let rows = operator.audit((&Tenants::All, true), &crate::store::audit::AuditFilter::default(), 10).await.unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["setting.change", "tenant.create"]);
}

#[tokio::test]
async fn i15_only_who_sees_all_tenants_makes_one_and_only_its_own_people_change_it() {
    let (folder, _, tenants) = installation();
    let store = Store::open(&format!("sqlite://{}", folder.path().join("palabre.db").display()), true).await.unwrap();
    let operator = store.operator();
    create(&Caller::command_line(), None, &tenants, &new("taxi", Language::Fr)).await.unwrap();
    let owner = Caller { tenants: Tenants::Of(vec![TenantId::new("taxi-fr")]), ..Caller::command_line() };
    let another = Caller { tenants: Tenants::Of(vec![TenantId::new("belle")]), ..Caller::command_line() };
    let made = create(&owner, None, &tenants, &new("seller", Language::Fr)).await;
    assert!(matches!(made, Err(TenantFileError::Service(ServiceError::Denied(SettingWrite)))));
    let id = TenantId::new("taxi-fr");
    change(&owner, &operator, (&tenants, &id), "name", |sheet| sheet.set_word("name", "Taxi Vert")).await.unwrap();
    let foreign = change(&another, &operator, (&tenants, &id), "name", |sheet| sheet.set_word("name", "x")).await;
    assert!(matches!(foreign, Err(TenantFileError::Service(ServiceError::UnknownTenant))));
    assert!(matches!(file(&another, &tenants, &id), Err(TenantFileError::Service(ServiceError::UnknownTenant))));
    assert_eq!(Sheet::read(&file(&owner, &tenants, &id).unwrap().text).unwrap().word("name"), "Taxi Vert");
}

#[test]
fn an_id_is_made_of_a_name() {
    for (name, id) in [("Institut Belle", "institut-belle"), ("Chez Awa & fils", "chez-awa-fils"), ("  É  ", "e")] {
        assert_eq!(id_of(name), id);
    }
}
