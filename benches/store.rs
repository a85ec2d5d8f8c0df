//! What the store can do by itself, `synchronous=FULL` on the disk that holds the temporary folder: accepted messages
//! and full turns (accept, commit with one answer, settlement) per second. `PALABRE_BENCH_URL` names an empty PostgreSQL
//! database to measure instead.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench may fail")]

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use futures_util::stream;
use palabre::store::Store;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::message::NewInbound;
use palabre_actors::domain::send::Receipt;
use palabre_actors::ports::{Acceptance, Inbox, Outbox, Settled, Settlement, Turns};
use palabre_actors::testing::conformance::fixture::{Customer, at, now, turn};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Messages in one measurement.
const MESSAGES: usize = 8192;

async fn fresh() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite://{}", folder.path().join("palabre.db").display());
    let url = std::env::var("PALABRE_BENCH_URL").unwrap_or_else(|_| file());
    (Store::open(&url, true).await.unwrap(), folder)
}

/// As random as the ids of a provider: they fall all over the index.
fn provider_id() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("SM{:016x}{:016x}", random(), random())
}

fn messages(count: usize) -> Vec<NewInbound> {
    let message = |n: usize| {
        let customer = Customer::of(["belle", "artisan", "live", "taxi"][n % 4], 4000 + (n % 2000) as u32);
        customer.writes(&provider_id(), 0)
    };
    (0..count).map(message).collect()
}

async fn accept(store: &Store, batch: usize) -> Duration {
    let batches: Vec<_> = messages(MESSAGES).chunks(batch).map(<[NewInbound]>::to_vec).collect();
    let begun = Instant::now();
    let in_flight = (256 / batch).max(2);
    let accepted = stream::iter(batches).map(|batch| store.accept(batch)).buffer_unordered(in_flight);
    accepted.for_each(async |answers| assert!(answers.iter().all(Result::is_ok))).await;
    begun.elapsed()
}

/// One message of each customer in `0..MESSAGES`, from acceptance to settlement, so many at once.
async fn turns(store: &Store, at_once: usize) -> Duration {
    let count = MESSAGES / 4;
    let customers = (0..count).map(|n| Customer::of(["belle", "artisan", "live", "taxi"][n % 4], n as u32));
    let states = stream::iter(customers).map(async |customer| {
        let state = customer.state(store).await;
        (customer.writes(&provider_id(), 0), state)
    });
    let prepared: Vec<_> = states.buffer_unordered(256).collect().await;
    let begun = Instant::now();
    let work = stream::iter(prepared).map(async |(new, state)| {
        let Some(Ok(Acceptance::New(message))) = store.accept(vec![new]).await.pop() else { panic!("accepts") };
        let turn = turn(&state, &message, 0).answered(now(0));
        let answer = turn.outbox[0].message.clone();
        store.commit(turn).await.unwrap();
        let provider_message_id = ProviderMessageId::new(&provider_id());
        let result = Settled::Sent(Receipt { provider_message_id });
        store
            .settle(Settlement { message: answer, result, via: None, cost_micros: 0, at: at(1) }.into())
            .await
            .unwrap();
    });
    work.buffer_unordered(at_once).for_each(async |()| ()).await;
    begun.elapsed() * 4
}

fn benches(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (store, _folder) = runtime.block_on(fresh());
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(MESSAGES as u64)).sample_size(10).measurement_time(Duration::from_secs(8));
    for batch in [1, 64, 256] {
        group.bench_with_input(BenchmarkId::new("accept", batch), &batch, |bencher, batch| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let mut spent = Duration::ZERO;
                    for _ in 0..rounds {
                        spent += accept(&store, *batch).await;
                    }
                    spent
                })
            });
        });
    }
    for at_once in [64, 256] {
        group.bench_with_input(BenchmarkId::new("turn", at_once), &at_once, |bencher, at_once| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let mut spent = Duration::ZERO;
                    for _ in 0..rounds {
                        spent += turns(&store, *at_once).await;
                    }
                    spent
                })
            });
        });
    }
    group.finish();
    runtime.block_on(store.close()).unwrap();
}

criterion_group!(store, benches);
criterion_main!(store);
