//! Tests of every provider of the list.

mod conformance;
mod mutations;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use self::conformance::Conformance;
use super::{PROVIDERS, Provider, RouteKind, Wiring, client};
use crate::config::{Channel, Config, Environment};

/// A provider's page.
fn page(provider: &dyn Provider) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(provider.docs());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A tenant with the channel that a provider's page shows as a sample: the block of TOML that names the provider.
fn sample_tenant(provider: &dyn Provider, more: &str) -> String {
    let page = page(provider);
    let named = format!("provider = \"{}\"", provider.name());
    let blocks = page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains(&named)).expect("a sample");
    format!("id = \"belle\"\nreplies.fallback = \"Bien reçu.\"\n{block}\n{more}")
}

fn sample(provider: &dyn Provider) -> Channel {
    sample_with(provider, "")
}

/// The same with more keys.
fn sample_with(provider: &dyn Provider, more: &str) -> Channel {
    let tenant = sample_tenant(provider, more);
    let secrets = tenant.split("env = \"").skip(1).filter_map(|rest| Some((rest.split('"').next()?, "secret")));
    let environment = Environment::from_iter(secrets);
    let loaded = Config::from_toml_texts("", &[("belle.toml", &tenant)], &environment, &PROVIDERS);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{}: {errors}", provider.docs()));
    assert_eq!(loaded.warnings, [], "{}", provider.docs());
    loaded.config.tenants[0].channels[0].clone()
}

/// `palabre explain` and others are for people who may not read the secrets.
#[test]
fn every_providers_channel_holds_without_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let (main, tenants) = (folder.path().join("palabre.toml"), folder.path().join("tenants"));
    std::fs::create_dir(&tenants).expect("a folder");
    std::fs::write(&main, "").expect("a file");
    for provider in PROVIDERS {
        std::fs::write(tenants.join("belle.toml"), sample_tenant(*provider, "")).expect("a file");
        let loaded = Config::load_without_secrets(&main, &Environment::default(), &PROVIDERS);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{}: {errors}", provider.name()));
        assert_eq!(loaded.config.tenants[0].channels.len(), 1);
    }
}

#[test]
fn names_are_slugs_and_stand_once() {
    let names: BTreeSet<&str> = PROVIDERS.iter().map(|provider| provider.name()).collect();
    assert_eq!(names.len(), PROVIDERS.len());
    let is_slug = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    assert!(names.iter().all(|name| is_slug(name)), "{names:?}");
}

#[test]
fn every_provider_has_a_page_whose_sample_holds_and_that_tells_its_keys() {
    for provider in PROVIDERS {
        let page = page(*provider);
        for key in provider.keys() {
            assert!(page.contains(&format!("`{key}`")), "{}: `{key}`", provider.docs());
        }
        let channel = sample(*provider);
        assert_eq!(channel.provider.name(), provider.name());
        assert_eq!(channel.profile.scheme, provider.capabilities().scheme);
    }
}

#[test]
fn every_sample_connects() {
    let client = client::new().unwrap();
    for provider in PROVIDERS {
        let wiring = Wiring::without_files(&client, Some("https://hooks.example.com"));
        let connection = provider.connect(&sample(*provider), wiring).unwrap();
        assert!(!connection.sender.is_empty(), "{}", provider.name());
    }
}

#[test]
fn a_code_means_one_thing_and_is_told_in_both_languages() {
    let mut known = BTreeMap::new();
    let places = ["{channel}", "{fallback}", "{replay}", "{again}", "{later}"];
    for code in PROVIDERS.iter().flat_map(|provider| provider.codes()) {
        if let Some(other) = known.insert(code.code, code) {
            assert!(std::ptr::eq(other, code), "{} is another provider's too", code.code);
        }
        let alone = |text: &str| places.iter().fold(text.to_owned(), |text, place| text.replace(place, ""));
        for (english, french) in [code.meaning, code.advice] {
            assert!(!english.is_empty() && !french.is_empty(), "{}", code.code);
            assert!(english != french || alone(english).is_empty(), "{}: not translated", code.code);
            assert!(!alone(english).contains(['{', '}']) && !alone(french).contains(['{', '}']), "{}", code.code);
        }
        assert!(code.source().starts_with("https://"), "{}", code.code);
        assert_eq!(super::code(code.code), Some(code));
    }
    assert_eq!(super::code("no such code"), None);
}

#[test]
fn every_provider_has_a_simulation_or_says_why_not() {
    for provider in PROVIDERS {
        match provider.simulation() {
            Ok(simulation) => {
                let names: Vec<&str> = simulation.providers().iter().map(|(name, _)| *name).collect();
                assert!(names.contains(&provider.name()), "{}: simulates {names:?}", provider.name());
                assert!(super::simulations().iter().any(|known| known.providers() == simulation.providers()));
            }
            Err(reason) => assert!(!reason.is_empty(), "{}", provider.name()),
        }
    }
}

#[test]
fn a_path_of_its_own_is_nobody_elses() {
    let mut paths = BTreeSet::new();
    for provider in PROVIDERS {
        for route in provider.routes() {
            assert!(paths.insert(route.path), "{} stands twice", route.path);
            let family = provider.name().split('-').next();
            assert!(route.provider == provider.name() || Some(route.provider) == family, "{}", route.path);
            let segments: Vec<&str> = route.path.split('/').skip(1).collect();
            let takes_a_channels_place = matches!(segments[..], ["webhooks", name, _, ..] if name == provider.name());
            if takes_a_channels_place && matches!(route.kind, RouteKind::Messages(_) | RouteKind::Statuses(_)) {
                let word = segments[2];
                let reserved = word == "status" || provider.reserved_ids().contains(&word);
                assert!(reserved, "{}: `{word}` might be a channel's id", route.path);
            }
        }
    }
}

#[test]
fn ids_of_messages_tell_their_provider() {
    for (id, expected) in [
        ("SM0123456789abcdef0123456789abcdef", Some("twilio-whatsapp")),
        ("MM0123456789abcdef0123456789abcdef", Some("twilio-whatsapp")),
        ("SB0123456789abcdef0123456789abcdef", Some("sandbox")),
        ("3EB0C767D097B7C7C030", Some("greenapi-whatsapp")),
        ("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=", Some("whatsapp-cloud")),
        ("SM", None),
        ("whatsapp:+33612345678", None),
    ] {
        let found = super::provider_of_id(id);
        assert_eq!(found.map(|provider| provider.name()), expected, "{id}");
        let told = found.map(|provider| provider.on_unknown_id());
        assert!(told.is_none_or(|(english, french)| english != french && !english.is_empty()), "{id}");
    }
}
