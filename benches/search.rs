//! Searches, lists and pages of conversations among a million messages: how long they take, and how fast the index is filled.
//!
//! `PALABRE_BENCH_URL` names an empty PostgreSQL database to measure instead of a SQLite file in the temporary folder,
//! `PALABRE_BENCH_MESSAGES` another number of messages.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail, and says what it measured")]

mod seed;

use std::time::{Duration, Instant};

use chrono::Utc;
use palabre::service::{Caller, Tenants, conversations};
use palabre::store::Store;
use palabre::store::conversations::{ConversationFilter, ConversationPage, TimelinePage, TimelineSide};
use palabre::store::operator::Operator;
use palabre::store::search::SearchPage;
use palabre_actors::domain::ids::TenantId;

use self::seed::Seeding;

const MESSAGES_PER_CONVERSATION: usize = 20;
const RUNS: usize = 30;

fn report(what: &str, mut times: Vec<Duration>, found: usize) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{what:<44} p50 {:>7.1} ms   p95 {:>7.1} ms   {found} found", at(50), at(95));
}

async fn measured(what: &str, mut once: impl AsyncFnMut(usize) -> usize) {
    let (mut times, mut found) = (Vec::new(), 0);
    for run in 0..RUNS {
        let begun = Instant::now();
        found = once(run).await;
        times.push(begun.elapsed());
    }
    report(what, times, found);
}

async fn searches(operator: &Operator) {
    let caller = Caller::command_line();
    let belle = Tenants::Of(vec![TenantId::new("belle")]);
    for (what, query) in [
        ("a word of most messages", "bonjour"),
        ("two frequent words", "rendez-vous demain"),
        ("five frequent words", "je voudrais une manucure demain merci"),
        ("a beginning", "mer"),
        ("a frequent word and a number", "commande 10000097"),
        ("a rare word", "bababogu"),
        ("a misspelt word", "bonjuor"),
        ("two misspelt words", "livraisson manucrue"),
        ("a word that nobody wrote", "xylophone"),
        ("a whole number", "06 00 01 23 45"),
        ("the end of a number", "2345"),
        ("a name", "aissatou diallo"),
        ("a misspelt name", "fatumata traorre"),
    ] {
        measured(what, async |_| {
            let page = SearchPage { before: None, limit: 50 };
            let found = conversations::search(&caller, operator, &belle, query, page).await.unwrap();
            found.contacts.len() + found.messages.len()
        })
        .await;
    }
    let page = SearchPage { before: None, limit: 50 };
    let second = conversations::search(&caller, operator, &belle, "bonjour", page).await.unwrap().next;
    measured("the second page of a frequent word", async |_| {
        let page = SearchPage { before: second, limit: 50 };
        conversations::search(&caller, operator, &belle, "bonjour", page).await.unwrap().messages.len()
    })
    .await;
    measured("a frequent word of every tenant's", async |_| {
        conversations::search(&caller, operator, &Tenants::All, "merci", page).await.unwrap().messages.len()
    })
    .await;
}

async fn pages(operator: &Operator) {
    let caller = Caller::command_line();
    let filter =
        ConversationFilter { tenants: Tenants::Of(vec![TenantId::new("belle")]), ..ConversationFilter::default() };
    let first = ConversationPage { before: None, limit: 50 };
    measured("a page of conversations", async |_| {
        conversations::list(&caller, operator, &filter, first).await.unwrap().len()
    })
    .await;
    let rows = conversations::list(&caller, operator, &filter, first).await.unwrap();
    measured("a conversation's messages", async |run| {
        let page = TimelinePage { after: None, before: None, side: TimelineSide::Newest, limit: 50 };
        let id = rows[run % rows.len()].id;
        conversations::messages(&caller, operator, id, page).await.unwrap().1.messages.len()
    })
    .await;
}

#[tokio::main]
async fn main() {
    let messages = std::env::var("PALABRE_BENCH_MESSAGES").map_or(1_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite://{}", folder.path().join("palabre.db").display());
    let url = std::env::var("PALABRE_BENCH_URL").unwrap_or_else(|_| file());
    let store = Store::open(&url, true).await.unwrap();
    let begun = Instant::now();
    let conversations = messages / MESSAGES_PER_CONVERSATION;
    seed::seed(&url, &Seeding { messages, conversations, days: 10, with_events: false }).await;
    println!("{messages} messages written in {:.0} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut index = store.search_index().unwrap();
    let mut indexed = 0;
    loop {
        let step = index.step(Utc::now()).await.unwrap();
        indexed += step.messages;
        if !step.has_more {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{indexed} indexed in {seconds:.0} s, {:.0} a second",
        f64::from(u32::try_from(indexed).unwrap()) / seconds
    );
    for file in ["palabre.db", "palabre.db-search"] {
        if let Ok(file_size) = std::fs::metadata(folder.path().join(file)).map(|data| data.len()) {
            println!("{file}: {} MiB", file_size >> 20);
        }
    }
    let operator = store.operator();
    searches(&operator).await;
    pages(&operator).await;
    store.close().await.unwrap();
}
