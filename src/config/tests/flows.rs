//! Tests with random messages: the samples' flows take anything, and have a way out of wherever they are.

use std::path::Path;

use chrono::TimeDelta;
use palabre_actors::domain::flow::Flows;
use palabre_actors::domain::flow::walk::{FlowCustomer, walk};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::config::{Config, Environment, Tenant};
use crate::gateway::PROVIDERS;

/// Monday, in the morning.
const NOW: &str = "2026-11-30T09:00:00Z";

/// Tenants with flows: the samples, and those of the scenarios.
fn tenants() -> Vec<Tenant> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenarios = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(scenarios.path(), format!("[tenants]\ndir = {:?}\n", root.join("tests/scenarios/tenants"))).unwrap();
    let loaded = [root.join("config/palabre.toml"), scenarios.path().to_owned()].map(|path| {
        let loaded = Config::load_without_secrets(&path, &Environment::default(), &PROVIDERS);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).config.tenants
    });
    loaded.into_iter().flatten().filter(|tenant| tenant.rules.flows().is_some()).collect()
}

/// The tenant's flows, and what its FAQ knows.
fn with_flows(
    tenant: &Tenant,
    work: impl FnOnce(&Flows, &dyn Fn(&str) -> bool) -> Result<(), String>,
) -> Result<(), String> {
    let knows = |text: &str| !tenant.rules.read_faq(text).answers.is_empty();
    let flows = tenant.rules.flows().ok_or_else(|| "it has no flows".to_owned())?;
    work(flows, &knows).map_err(|wrong| format!("{}: {wrong}", tenant.id))
}

#[test]
fn every_state_of_the_samples_flows_is_six_answers_from_the_end() {
    let tenants = tenants();
    for tenant in &tenants {
        let walked = with_flows(tenant, |flows, knows| {
            let states = walk(flows, knows, NOW.parse().unwrap())?;
            let unseen = flows.all().iter().map(|flow| &flow.name).find(|name| !states.contains_key(*name));
            unseen.map_or(Ok(()), |name| Err(format!("nothing leads into the flow `{name}`")))
        });
        assert_eq!(walked, Ok(()));
    }
    assert!(tenants.len() >= 5, "{} tenants have flows", tenants.len());
}

/// Words that mean something to some flow, and anything else.
fn any_message() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "rdv",
        "rendez-vous",
        "appointment",
        "devis",
        "quote",
        "taxi",
        "avis",
        "1",
        "2",
        "la 2e",
        "demain",
        "tomorrow",
        "demain 15h",
        "mardi prochain",
        "jeudi 10h30",
        "oui",
        "non",
        "yes",
        "no",
        "laisse tomber",
        "never mind",
        "retour",
        "recommencer",
        "quoi ?",
        "horaires ?",
        "combien ça coûte ?",
        "Diallo",
        "a@b.fr",
        "annuler mon rdv",
        "décaler",
        "reschedule",
        "hier",
        "",
        "👍",
        "16h",
        "asap",
        "avec Awa",
        "pour deux",
        "conseiller",
        "Kipé",
        "aéroport",
    ]);
    prop_oneof![8 => words.prop_map(str::to_owned), 1 => any::<String>(), 1 => "[0-9 :/h@.+-]{0,20}"]
}

#[test]
fn any_messages_leave_a_way_out_of_the_samples_flows() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(60);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    for tenant in tenants() {
        let ran = runner.run(&prop::collection::vec(any_message(), 1..16), |messages| {
            let talked = with_flows(&tenant, |flows, knows| {
                let mut customer = FlowCustomer::new(flows, knows, NOW.parse().unwrap());
                for message in &messages {
                    customer.say(message)?;
                    customer.now += TimeDelta::minutes(1);
                }
                customer.answers_to_the_end().map(drop)
            });
            talked.map_err(TestCaseError::fail)
        });
        ran.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}
