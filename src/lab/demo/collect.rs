//! Collects the evidence once nothing is under way any more.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use palabre_actors::domain::rules::Language;

use super::Reasons;
use super::evidence::{Evidence, Explained, TenantFacts};
use super::fixtures::{CUSTOMERS, SENDERS};
use super::folder::DemoFolder;
use super::journal::Observations;
use super::journey::{self, Told};
use super::run::DemoRun;
use crate::config::Config;
use crate::store::{Dump, HistoryReader, StoreError};

/// The longest wait for what is under way: a retry and a question about an unknown send take a few seconds each.
const DEADLINE: Duration = Duration::from_secs(20);
/// The interval at which the tables are read.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// A shorter text may stand in a log by chance.
const SHORTEST_SECRET_CHARS: usize = 8;

/// Waits until every message has had its turn, every outbound row is settled and every phone has reported. `false`: it
/// took too long, and the checks will say what is missing.
pub(super) async fn quiet(demo: &DemoRun) -> bool {
    let settling = async {
        loop {
            if let Ok(counts) = demo.history.counts().await {
                let open = ["pending", "sending", "unknown"];
                let waiting = counts.inbound.get("accepted").copied().unwrap_or_default()
                    + open.iter().filter_map(|state| counts.outbound.get(*state)).sum::<u64>();
                if waiting == 0 && demo.journal.phones_are_done() {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(DEADLINE, settling).await.is_ok()
}

/// What the daemon said to others, besides its log.
pub(super) async fn said(demo: &DemoRun, urls: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    for (place, url) in urls {
        if let Ok(response) = demo.client.get(url).send().await {
            said.push((*place, response.text().await.unwrap_or_default()));
        }
    }
    said
}

/// Everything, as it stands.
///
/// # Errors
/// [`StoreError`]: the database cannot be read.
pub(super) async fn evidence(
    history: &HistoryReader,
    config: &Config,
    folder: &DemoFolder,
    (mut observed, told): (Observations, Option<&Told>),
    mut said: Vec<(&'static str, String)>,
    reasons: Reasons,
) -> Result<Evidence, StoreError> {
    let mut dump = history.dump().await?;
    let of_story = journey::taken_from(&mut dump);
    observed.sends.retain(|sent| !journey::is_of_it(sent));
    let explained = explanations(history, &dump, reasons).await?;
    said.push(("the logs", read(&folder.run.log())));
    let secrets = secrets(&observed, folder);
    let story = told.map(|told| journey::one_person(told, &of_story, &secrets));
    Ok(Evidence { observed, dump, tenants: tenants(config), secrets, said, explained, story })
}

async fn explanations(
    history: &HistoryReader,
    dump: &Dump,
    reasons: Reasons,
) -> Result<HashMap<String, Explained>, StoreError> {
    let mut explained = HashMap::new();
    for row in &dump.inbound {
        for id in [&row.id, &row.provider_message_id] {
            let story = history.explain(id).await?.and_then(|story| story.inbound).filter(|told| told.id == row.id);
            let why = story.as_ref().and_then(|row| (reasons.inbound)(row, Language::En));
            explained.insert(id.clone(), Explained { knows_it: story.is_some(), why });
        }
    }
    for row in &dump.outbound {
        let story = history.explain(&row.id).await?;
        let told = story.and_then(|story| story.outbound.into_iter().find(|told| told.id == row.id));
        let why = told.as_ref().and_then(|row| (reasons.outbound)(row, Language::En));
        explained.insert(row.id.clone(), Explained { knows_it: told.is_some(), why });
    }
    Ok(explained)
}

fn tenants(config: &Config) -> Vec<TenantFacts> {
    let scripted = config.tenants.iter().filter(|tenant| tenant.id.as_str() != journey::TENANT);
    let facts = scripted.map(|tenant| TenantFacts {
        id: tenant.id.as_str().to_owned(),
        channels: tenant.channels.iter().map(|channel| channel.id.as_str().to_owned()).collect(),
        addresses: tenant.channels.iter().map(|channel| channel.address.as_str().to_owned()).collect(),
        per_second: usize::try_from(tenant.limits.per_second).unwrap_or(usize::MAX),
        per_contact_per_minute: usize::try_from(tenant.rules.source().per_contact_per_minute).unwrap_or(usize::MAX),
        per_day: usize::try_from(tenant.limits.per_day).unwrap_or(usize::MAX),
    });
    facts.collect()
}

/// What nobody may print: phone numbers (digits alone, so that every spelling is found), tokens and texts of messages.
fn secrets(observed: &Observations, folder: &DemoFolder) -> Vec<String> {
    let people =
        CUSTOMERS.iter().map(|customer| customer.from).chain(observed.posts.iter().map(|post| post.from.as_str()));
    let numbers = people
        .chain(SENDERS.iter().map(|sender| sender.address))
        .chain(journey::ADDRESSES)
        .map(|address| address.rsplit(':').next().unwrap_or_default().trim_start_matches('+').to_owned());
    let texts = observed.posts.iter().map(|post| &post.text).chain(observed.sends.iter().map(|sent| &sent.text));
    let texts = texts.filter(|text| text.chars().count() >= SHORTEST_SECRET_CHARS).cloned();
    let all: BTreeSet<String> = numbers.chain(texts).chain(folder.tokens().map(str::to_owned)).collect();
    all.into_iter().collect()
}

fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
