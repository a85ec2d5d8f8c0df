//! Tests against a real Redis. The script runs on the test's clock where time matters, and on the server's own where
//! the server matters.

mod outages;

use std::cell::RefCell;
use std::time::Duration;

use fred::interfaces::ClientLike;
use palabre_actors::domain::channel::RateLimit;
use palabre_actors::ports::{Acquired, KeyedLimit};
use palabre_actors::testing::conformance::rate_limit::{
    Call, Local, Paced, both_agree, i7_no_window_holds_more_than_the_limit,
};
use palabre_testbed::redis::Server;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use secrecy::SecretString;
use tokio::runtime::Runtime;

use super::limits_script::{self, LimitsScript, PermitRequest};
use super::{Keys, RedisClient};

palabre_actors::pacing_conformance!(Shared::start());

/// The time comes with the question.
const TESTS_CLOCK: &str = "local now = tonumber(ARGV[#ARGV])\n";
/// It began then, in microseconds.
const BEGAN: i64 = 1_700_000_000_000_000;

/// Some nodes, which ask by turns, and the server that they share.
struct Shared {
    nodes: Vec<RedisClient>,
    asked: usize,
    keys: Keys,
    script: LimitsScript,
    runtime: Runtime,
    server: Server,
}

impl Shared {
    fn start() -> Self {
        let server = Server::start();
        let runtime = Runtime::new().expect("threads");
        let url = SecretString::from(server.url());
        let connect = || {
            runtime.block_on(async {
                let redis = RedisClient::connect(&url).expect("a URL");
                redis.know(b"secret").await;
                redis
            })
        };
        let nodes = (0..3).map(|_| connect()).collect();
        Self { nodes, asked: 0, keys: Keys::of(b"secret"), script: LimitsScript::new(TESTS_CLOCK), runtime, server }
    }

    /// Limits of which nothing is used.
    fn anew(&mut self) {
        self.server.command(&["FLUSHALL"]);
    }
}

impl Paced for Shared {
    fn take(&mut self, limits: &[KeyedLimit], at: Duration) -> Acquired {
        self.asked += 1;
        let node = &self.nodes[self.asked % self.nodes.len()];
        let asked: Vec<PermitRequest> = limits
            .iter()
            .map(|limit| PermitRequest { key: self.keys.limit(&limit.key), limit: limit.limit, known: Duration::ZERO })
            .collect();
        let now = BEGAN + i64::try_from(at.as_micros()).expect("not for ever");
        let commands = node.0.client.with_options(&patient());
        self.runtime.block_on(limits_script::run(&commands, &self.script, &asked, Some(now))).expect("it answers")
    }
}

/// A machine that stood still is no failure of a test.
fn patient() -> fred::prelude::Options {
    fred::prelude::Options { timeout: Some(Duration::from_secs(60)), max_attempts: Some(1), ..Default::default() }
}

/// Times so long that the server, whose own clock forgets keys, forgets none within a case.
fn schedules() -> impl Strategy<Value = (Vec<RateLimit>, Vec<Call>)> {
    let limit =
        (30_u64..300, 1_u32..6).prop_map(|(every, burst)| RateLimit { every: Duration::from_secs(every), burst });
    let attempt = (0_u64..120_000_000, 1_usize..8).prop_map(|(gap, through)| (Duration::from_micros(gap), through));
    (proptest::collection::vec(limit, 1..4), proptest::collection::vec(attempt, 1..120))
}

/// Whether something holds for every schedule, with unused limits each time.
fn holds(check: impl Fn(&mut Shared, &[RateLimit], &[Call]) -> Result<(), String>) {
    let shared = RefCell::new(Shared::start());
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let held = runner.run(&schedules(), |(quotas, attempts)| {
        let mut shared = shared.borrow_mut();
        shared.anew();
        check(&mut shared, &quotas, &attempts).map_err(TestCaseError::fail)
    });
    held.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn i7_no_window_of_several_nodes_holds_more_than_the_limit() {
    holds(i7_no_window_holds_more_than_the_limit);
}

#[test]
fn i7_several_nodes_are_answered_as_one_process_is() {
    holds(|shared, quotas, attempts| both_agree(&mut Local::default(), shared, quotas, attempts));
}
