//! What a whole turn costs, from acceptance to the settlement of its answer: a fallback, a FAQ answer and a step of a flow,
//! round after round on one store, `synchronous=FULL` on the disk that holds the temporary folder. `PALABRE_BENCH_URL` names
//! an empty PostgreSQL database to measure instead. Due: at most a tenth more than a fallback for the FAQ, and three tenths
//! for a step.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench may fail")]
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for people")]

mod tenant;

use std::time::Instant;

use futures_util::{StreamExt, stream};
use palabre::store::Store;
use palabre_actors::domain::conversation::State;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::live::LiveKnowledge;
use palabre_actors::domain::rules::Rules;
use palabre_actors::domain::send::Receipt;
use palabre_actors::domain::turn::{Outcome, Prepared, decide};
use palabre_actors::ports::{Acceptance, Inbox, Outbox, Settled, Settlement, Turns};
use palabre_actors::testing::conformance::fixture::{Customer, at, now};

const ROUNDS: usize = 21;
/// Turns of one kind in a round.
const TURNS: usize = 512;
/// Turns at once, as many conversations would have.
const AT_ONCE: usize = 64;

/// What is written first, which is not measured, then what is, and what comes of it.
const KINDS: [(&str, &str, &str, Outcome); 3] = [
    ("fallback", "Bonjour à vous", "Bonjour, je voudrais parler de mes vacances de jeudi.", Outcome::AnsweredFallback),
    ("faq", "Bonjour à vous", "Bonjour, c'est au sujet de la phrase : une phrase 13, merci !", Outcome::AnsweredFaq),
    ("flow step", "devis", "peindre un salon de 20 m2", Outcome::AnsweredFlow),
];

/// A message of a customer, from its acceptance to the settlement of its answer. Answers what came of it.
async fn turn(store: &Store, rules: &Rules, customer: &Customer, state: &State, body: &str) -> Outcome {
    let mut new = customer.writes(&format!("SM{}", uuid::Uuid::now_v7().simple()), 0);
    body.clone_into(&mut new.content.body);
    let Some(Ok(Acceptance::New(message))) = store.accept(vec![new]).await.pop() else { panic!("accepts") };
    let mut turn = decide(state, &message, rules, &(), at(0));
    let outcome = turn.consumed.as_ref().unwrap().outcome;
    for draft in &mut turn.outbox {
        draft.start = now(0);
    }
    let answers: Vec<_> = turn.outbox.iter().map(|draft| draft.message.clone()).collect();
    store.commit(turn).await.unwrap();
    for message in answers {
        let receipt = Receipt { provider_message_id: ProviderMessageId::new(&format!("SM{}", message.id)) };
        let settlement = Settlement { message, result: Settled::Sent(receipt), via: None, cost_micros: 0, at: at(1) };
        store.settle(settlement.into()).await.unwrap();
    }
    outcome
}

async fn known(store: &Store, customer: &Customer) -> State {
    let state = customer.state(store).await;
    State { prepared: Prepared { live: LiveKnowledge::Closed, ..Prepared::default() }, ..state }
}

/// Seconds for the turns of one kind. Each customer is new.
async fn round(store: &Store, rules: &Rules, first: usize, kind: usize) -> f64 {
    let (_, opening, body, expected) = KINDS[kind];
    let numbers = (first..first + TURNS).map(|number| Customer::of("belle", u32::try_from(number).unwrap()));
    let opened = stream::iter(numbers).map(async |customer| {
        let state = known(store, &customer).await;
        turn(store, rules, &customer, &state, opening).await;
        let state = known(store, &customer).await;
        (customer, state)
    });
    let opened: Vec<_> = opened.buffer_unordered(AT_ONCE).collect().await;
    let begun = Instant::now();
    let turns = stream::iter(&opened).map(|(customer, state)| turn(store, rules, customer, state, body));
    turns.buffer_unordered(AT_ONCE).for_each(async |outcome| assert_eq!(outcome, expected)).await;
    begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = || format!("sqlite://{}", folder.path().join("palabre.db").display());
    let store = Store::open(&std::env::var("PALABRE_BENCH_URL").unwrap_or_else(|_| file()), true).await.unwrap();
    let rules = tenant::rules(tenant::source(200, "Merci, nous avons bien reçu votre message."));
    let mut spent = [const { Vec::new() }; KINDS.len()];
    for number in 0..=ROUNDS {
        for (kind, spent) in spent.iter_mut().enumerate() {
            let first = (number * KINDS.len() + kind) * TURNS;
            let seconds = round(&store, &rules, first, kind).await;
            // The first warms up.
            if number > 0 {
                spent.push(seconds);
            }
        }
    }
    let [fallback, ..] = &spent;
    for ((name, ..), seconds) in KINDS.iter().zip(&spent) {
        let ratios = seconds.iter().zip(fallback).map(|(one, other)| one / other).collect();
        let each = median(seconds.clone()) * 1e6 / TURNS as f64;
        println!("{name}: {each:.0} µs a turn, {:+.1} % against a fallback", (median(ratios) - 1.0) * 100.0);
    }
    store.close().await.unwrap();
}
