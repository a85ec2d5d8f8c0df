//! Tests of failover between database and spool, with every failure of a database.

use std::collections::{HashMap, HashSet};

use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::ids::{ChannelId, OutboundId, ProviderMessageId};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::testing::conformance::fixture::Customer;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::RETRY_WITHIN;
use super::*;
use crate::spool::Drained;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Refuses at once.
    Away,
    /// Does not answer; what it was asked is done all the same, later.
    Silent,
    /// Does not answer, and what it was asked is lost.
    Deaf,
    /// Commits, and the answer is lost.
    Mute,
}

/// A database: rows in the order of their ids.
struct Database {
    mood: watch::Sender<Mood>,
    rows: Mutex<Vec<Inbound>>,
    /// Callbacks, as they were applied.
    statuses: Mutex<Vec<String>>,
    asked: Mutex<Vec<Vec<String>>>,
}

impl Database {
    fn new(mood: Mood) -> Arc<Self> {
        let (rows, statuses, asked) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { mood: watch::channel(mood).0, rows, statuses, asked })
    }

    fn commit(&self, batch: &[NewInbound]) -> Vec<Result<Acceptance, PortError>> {
        let mut rows = self.rows.lock().unwrap();
        let answers = batch.iter().map(|new| {
            if new.provider_message_id.as_str() == "poison" {
                return Err(PortErrorKind::Corrupt.into());
            }
            if let Some(first) = rows.iter().find(|row| row.provider_message_id == new.provider_message_id) {
                return Ok(Acceptance::Duplicate { first: first.correlation });
            }
            rows.push(new.accepted_as(InboundId::fresh()));
            Ok(Acceptance::New(rows[rows.len() - 1].clone()))
        });
        answers.collect()
    }

    fn ids(&self) -> Vec<String> {
        self.rows.lock().unwrap().iter().map(|row| row.provider_message_id.as_str().to_owned()).collect()
    }
}

/// Applies a callback, as the database is in the mood to.
async fn apply(database: Arc<Database>, update: StatusUpdate) -> Result<Advanced, PortError> {
    let id = update.provider_message_id.to_string();
    let mood = *database.mood.borrow();
    match mood {
        Mood::Well | Mood::Mute => {
            tokio::task::yield_now().await;
            if id == "poison" {
                return Err(PortErrorKind::Corrupt.into());
            }
            database.statuses.lock().unwrap().push(id);
            if mood == Mood::Mute {
                return Err(PortErrorKind::Timeout.into());
            }
            Ok(Advanced::NoSuchMessage)
        }
        Mood::Away => Err(PortErrorKind::Unavailable.into()),
        Mood::Deaf | Mood::Silent => std::future::pending().await,
    }
}

fn callback(id: &str) -> StatusUpdate {
    StatusUpdate {
        tenant: TenantId::new("belle"),
        channel: ChannelId::new("belle-wa"),
        scheme: Scheme::Whatsapp,
        id: Some(OutboundId::fresh()),
        provider_message_id: ProviderMessageId::new(id),
        status: DeliveryStatus::Delivered,
        generation: None,
        code: None,
        failure: None,
        pricing: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// A database that others hold, too.
struct Door(Arc<Database>);

impl Inbox for Door {
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
        let database = Arc::clone(&self.0);
        database.asked.lock().unwrap().push(batch.iter().map(|new| new.provider_message_id.to_string()).collect());
        Box::pin(async move {
            let mood = *database.mood.borrow();
            match mood {
                Mood::Well => {
                    tokio::task::yield_now().await;
                    database.commit(&batch)
                }
                Mood::Away => failed(batch.len(), PortErrorKind::Unavailable),
                Mood::Mute => {
                    database.commit(&batch);
                    failed(batch.len(), PortErrorKind::Timeout)
                }
                Mood::Deaf => std::future::pending().await,
                Mood::Silent => {
                    // Nobody may be listening any more when it is done.
                    tokio::spawn(async move {
                        let mut mood = database.mood.subscribe();
                        mood.wait_for(|mood| *mood == Mood::Well).await.unwrap();
                        database.commit(&batch);
                    });
                    std::future::pending().await
                }
            }
        })
    }

    fn backlog(&self, _: &TenantId, _: Option<InboundId>, _: usize) -> Pending<'_, Result<Vec<Inbound>, PortError>> {
        unreachable!()
    }

    fn tenants_behind(&self, _: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>> {
        unreachable!()
    }

    fn dead_letter(&self, _: &Inbound, _: &'static str, _: Timestamp) -> Pending<'_, Result<(), PortError>> {
        unreachable!()
    }
}

struct Rig {
    database: Arc<Database>,
    spooled: SpooledInbox,
    folder: TempDir,
    told: Arc<Mutex<Drained>>,
    draining: tokio::task::JoinHandle<()>,
}

impl Rig {
    fn new(mood: Mood, max_bytes: u64) -> Self {
        Self::on(tempfile::tempdir().unwrap(), Database::new(mood), max_bytes)
    }

    fn on(folder: TempDir, database: Arc<Database>, max_bytes: u64) -> Self {
        let spool = SpoolFolder::open(folder.path(), max_bytes).unwrap();
        let spooled = SpooledInbox::new(spool, Arc::new(Door(Arc::clone(&database))), false).unwrap();
        let told = Arc::new(Mutex::new(Drained::default()));
        let (drain, hears, applies) = (spooled.clone(), Arc::clone(&told), Arc::clone(&database));
        let draining = tokio::spawn(async move {
            let tell = move |drained: Drained| {
                let mut told = hears.lock().unwrap();
                told.new.extend(drained.new);
                told.known.extend(drained.known);
            };
            drain.drain(tell, |update| apply(Arc::clone(&applies), update)).await.unwrap();
        });
        Self { database, spooled, folder, told, draining }
    }

    fn is(&self, mood: Mood) {
        self.database.mood.send_replace(mood);
    }

    async fn accept(&self, ids: &[&str]) -> Vec<String> {
        let batch = ids.iter().map(|id| Customer::of("belle", 1).writes(id, 0)).collect();
        self.spooled.accept(batch).await.iter().map(shown).collect()
    }

    async fn status(&self, update: StatusUpdate) -> Result<(), PortErrorKind> {
        let told = self.spooled.status(update, |update| apply(Arc::clone(&self.database), update)).await;
        told.map_err(|error| error.kind)
    }

    fn statuses(&self) -> Vec<String> {
        self.database.statuses.lock().unwrap().clone()
    }

    async fn until_empty(&self) {
        while self.spooled.router.outstanding() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.draining.abort();
    }
}

fn shown(answer: &Result<Acceptance, PortError>) -> String {
    match answer {
        Ok(Acceptance::New(_)) => "new".to_owned(),
        Ok(Acceptance::Duplicate { .. }) => "duplicate".to_owned(),
        Ok(Acceptance::Spooled) => "spooled".to_owned(),
        Err(error) => format!("{:?}", error.kind),
    }
}

#[tokio::test(start_paused = true)]
async fn i1_i3_what_the_database_cannot_take_is_kept_and_follows_in_order() {
    let rig = Rig::new(Mood::Well, 1 << 30);
    assert_eq!(rig.accept(&["a", "b"]).await, ["new", "new"]);
    rig.is(Mood::Away);
    assert_eq!(rig.accept(&["c", "d"]).await, ["spooled", "spooled"]);
    assert_eq!(rig.accept(&["e", "a"]).await, ["spooled", "spooled"]);
    assert_eq!(rig.database.ids(), ["a", "b"]);
    assert_eq!(rig.spooled.stats().records, 4);
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids(), ["a", "b", "c", "d", "e"]);
    let told: Vec<_> = rig.told.lock().unwrap().new.iter().map(|new| new.provider_message_id.to_string()).collect();
    assert_eq!(told, ["c", "d", "e"]);
    assert!(rig.told.lock().unwrap().known.contains(&TenantId::new("belle")), "nobody may have heard of the other");
    assert_eq!(rig.accept(&["f"]).await, ["new"], "past the empty spool");
}

#[tokio::test(start_paused = true)]
async fn a_silent_database_is_waited_for_once() {
    let rig = Rig::new(Mood::Deaf, 1 << 30);
    let (first, second) = tokio::join!(rig.accept(&["a"]), async {
        tokio::time::sleep(RETRY_WITHIN / 2).await;
        rig.accept(&["b"]).await
    });
    assert_eq!([first, second].concat(), ["spooled"; 2]);
    assert_eq!(rig.accept(&["c"]).await, ["spooled"]);
    let asked = rig.database.asked.lock().unwrap().clone();
    assert_eq!(asked[..2], [["a"], ["b"]]);
    assert!(asked[2..].iter().all(|batch| batch[0] == "a"), "only the spool tries again: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn i2_what_was_written_though_nobody_said_so_is_there_once() {
    let rig = Rig::new(Mood::Mute, 1 << 30);
    assert_eq!(rig.accept(&["a"]).await, ["spooled"]);
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn i1_a_full_spool_refuses_and_loses_nothing() {
    let rig = Rig::new(Mood::Away, 1_000);
    let _ = rig.spooled.clone().for_tenants(1);
    let mut kept = Vec::new();
    for number in 0..10 {
        let id = format!("SM{number}");
        match rig.accept(&[&id]).await[0].as_str() {
            "spooled" => kept.push(id),
            refused => assert_eq!(refused, "Unavailable"),
        }
    }
    assert!((1..10).contains(&kept.len()), "{kept:?}");
    assert!(!rig.spooled.stats().accepting);
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids(), kept);
    assert!(rig.spooled.stats().accepting);
}

#[tokio::test(start_paused = true)]
async fn i1_what_the_database_refuses_for_good_is_set_aside_and_holds_nobody_up() {
    let rig = Rig::new(Mood::Away, 1 << 30);
    assert_eq!(rig.accept(&["a", "poison", "b"]).await, ["spooled"; 3]);
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids(), ["a", "b"]);
    let aside = std::fs::read(rig.folder.path().join("refused.spool")).unwrap();
    assert!(String::from_utf8_lossy(&aside).contains("poison"));
    assert_eq!(rig.accept(&["poison"]).await, ["Corrupt"], "with the database there, the provider is told");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_to_a_database_that_was_not_reached_yet() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::new(Mood::Well));
    let spool = SpoolFolder::open(folder.path(), 1 << 30).unwrap();
    let spooled = SpooledInbox::new(spool, Arc::new(Door(Arc::clone(&database))), true).unwrap();
    let draining = tokio::spawn(spooled.clone().drain(|_| (), |_| async { Err(unavailable()) }));
    let answers = spooled.accept(vec![Customer::of("belle", 1).writes("a", 0)]).await;
    assert_eq!(shown(&answers[0]), "spooled");
    tokio::time::sleep(RETRY_WITHIN).await;
    assert!(database.asked.lock().unwrap().is_empty());
    spooled.open_store();
    while spooled.router.outstanding() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(database.ids(), ["a"]);
    draining.abort();
}

#[tokio::test(start_paused = true)]
async fn i9_a_tenant_that_fills_its_share_of_the_spool_is_refused_while_another_is_kept() {
    let rig = Rig::new(Mood::Away, 1 << 20);
    let write = async |tenant: &str, n: u32| {
        let batch = vec![Customer::of(tenant, 1).writes(&format!("{tenant}-{n}"), 0)];
        shown(&rig.spooled.accept(batch).await[0])
    };
    let mut kept = 0;
    while write("belle", kept).await == "spooled" {
        kept += 1;
        assert!(kept < 20_000, "it takes all the room");
    }
    let share = rig.spooled.stats().bytes;
    assert!((700_000..=787_000).contains(&share), "three quarters: {share}");
    for n in 0..100 {
        assert_eq!(write("taxi", n).await, "spooled");
    }
    assert_eq!(write("belle", kept).await, "Unavailable");
    // In one batch, each is answered by itself.
    let mixed = ["belle", "taxi", "belle"].map(|tenant| Customer::of(tenant, 2).writes(&format!("{tenant}-mixed"), 0));
    let answers: Vec<_> = rig.spooled.accept(mixed.to_vec()).await.iter().map(shown).collect();
    assert_eq!(answers, ["Unavailable", "spooled", "Unavailable"]);
    assert_eq!(rig.status(callback("over")).await, Err(PortErrorKind::Unavailable), "nor are its callbacks");
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids().len(), kept as usize + 101, "nothing that was promised is lost");
    rig.is(Mood::Away);
    assert_eq!(write("belle", kept + 1).await, "spooled", "its share is free again");
}

#[tokio::test(start_paused = true)]
async fn i8_a_callback_that_the_database_cannot_take_is_kept_and_follows() {
    let rig = Rig::new(Mood::Well, 1 << 30);
    rig.status(callback("before")).await.unwrap();
    rig.is(Mood::Away);
    rig.status(callback("first")).await.unwrap();
    // What comes goes behind it, whatever it is.
    assert_eq!(rig.accept(&["a"]).await, ["spooled"]);
    rig.status(callback("second")).await.unwrap();
    assert_eq!((rig.spooled.router.outstanding(), rig.statuses()), (3, vec!["before".to_owned()]));
    rig.is(Mood::Well);
    rig.until_empty().await;
    // Those of a page are applied together: each only moves its message forward.
    let mut statuses = rig.statuses();
    statuses.sort();
    assert_eq!(statuses, ["before", "first", "second"]);
    assert_eq!(rig.database.ids(), ["a"]);
    rig.status(callback("after")).await.unwrap();
    assert_eq!((rig.statuses().len(), rig.spooled.router.outstanding()), (4, 0), "past the empty spool");
}

#[tokio::test(start_paused = true)]
async fn i8_a_callback_is_not_waited_for_and_what_waits_with_it_is_kept() {
    let rig = Rig::new(Mood::Deaf, 1 << 30);
    let (status, written) = tokio::join!(rig.status(callback("a")), async {
        tokio::time::sleep(RETRY_WITHIN / 2).await;
        rig.accept(&["b"]).await
    });
    assert_eq!((status, written), (Ok(()), vec!["spooled".to_owned()]));
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!((rig.statuses(), rig.database.ids()), (vec!["a".to_owned()], vec!["b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_nobody_can_apply_holds_nobody_up() {
    let rig = Rig::new(Mood::Away, 1 << 30);
    // Without our id it would be looked for in all that was ever sent.
    let stranger = StatusUpdate { id: None, ..callback("stranger") };
    assert_eq!(rig.status(stranger.clone()).await, Err(PortErrorKind::Unavailable));
    rig.status(callback("poison")).await.unwrap();
    rig.status(callback("a")).await.unwrap();
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.statuses(), ["a"]);
    let aside = std::fs::read(rig.folder.path().join("refused.spool")).unwrap();
    assert!(String::from_utf8_lossy(&aside).contains("poison"));
    assert_eq!(rig.status(callback("poison")).await, Err(PortErrorKind::Corrupt), "the provider is told");
    rig.status(stranger).await.unwrap();
    assert_eq!(rig.statuses(), ["a", "stranger"]);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    /// A callback comes.
    Status,
    Mood(Mood),
    /// Time passes, and some answers come.
    Wait(u64),
    /// kill -9, and another process on the same folder.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let mood = prop_oneof![
        4 => Just(Mood::Well),
        1 => Just(Mood::Away),
        1 => Just(Mood::Silent),
        1 => Just(Mood::Deaf),
        1 => Just(Mood::Mute),
    ];
    prop_oneof![
        6 => (1..4_usize).prop_map(Step::Write),
        2 => Just(Step::Status),
        3 => mood.prop_map(Step::Mood),
        4 => (0..3_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Kill),
    ]
}

/// When a message came in and when it was answered, as numbers that grow.
type Span = (usize, Option<usize>);

/// Goes through the steps, and answers when each message came and was answered, and the database's rows.
async fn live_through(steps: Vec<Step>) -> (HashMap<String, Span>, Vec<String>) {
    let mut rig = Rig::new(Mood::Well, 1 << 30);
    let (mut spans, mut next, mut moment) = (HashMap::<String, Span>::new(), 0, 0);
    let mut posts = JoinSet::new();
    let mut statuses: JoinSet<(String, Result<(), PortError>)> = JoinSet::new();
    let mut applied = Vec::new();
    for step in steps {
        moment += 1;
        match step {
            Step::Write(count) => {
                let ids: Vec<String> = (next..next + count).map(|number| format!("SM{number}")).collect();
                next += count;
                spans.extend(ids.iter().map(|id| (id.clone(), (moment, None))));
                let batch = ids.iter().map(|id| Customer::of("belle", 1).writes(id, 0)).collect();
                let spooled = rig.spooled.clone();
                posts.spawn(async move { (ids, spooled.accept(batch).await) });
                // It is on its way before the next one comes.
                tokio::task::yield_now().await;
            }
            Step::Status => {
                let (id, spooled, database) = (format!("ST{moment}"), rig.spooled.clone(), Arc::clone(&rig.database));
                statuses.spawn(async move {
                    let told = spooled.status(callback(&id), |update| apply(Arc::clone(&database), update)).await;
                    (id, told)
                });
                tokio::task::yield_now().await;
            }
            Step::Mood(mood) => rig.is(mood),
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Step::Kill => {
                posts.abort_all();
                statuses.abort_all();
                rig.draining.abort();
                let _ = (&mut rig.draining).await;
                while posts.join_next().await.is_some() {}
                while let Some(told) = statuses.join_next().await {
                    applied.extend(told.ok().filter(|(_, told)| told.is_ok()).map(|(id, _)| id));
                }
                let (database, folder) = (Arc::clone(&rig.database), tempfile::tempdir().unwrap());
                let folder = std::mem::replace(&mut rig.folder, folder);
                drop(rig);
                rig = reopened(folder, database).await;
            }
        }
        while let Some(Ok((ids, answers))) = posts.try_join_next() {
            moment += 1;
            for (id, answer) in ids.into_iter().zip(answers) {
                assert!(answer.is_ok(), "there is room");
                spans.get_mut(&id).unwrap().1 = Some(moment);
            }
        }
    }
    rig.is(Mood::Well);
    while let Some(post) = posts.join_next().await {
        let (ids, answers) = post.unwrap();
        assert!(answers.iter().all(Result::is_ok));
        ids.iter().for_each(|id| spans.get_mut(id).unwrap().1 = Some(usize::MAX));
    }
    while let Some(told) = statuses.join_next().await {
        let (id, told) = told.unwrap();
        assert!(told.is_ok());
        applied.push(id);
    }
    rig.until_empty().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let there = rig.statuses();
    assert!(applied.iter().all(|id| there.contains(id)), "{applied:?} {there:?}");
    let rows = rig.database.ids();
    (spans, rows)
}

/// The other process's thread lets go of the folder when it has noticed.
async fn reopened(folder: TempDir, database: Arc<Database>) -> Rig {
    loop {
        match SpoolFolder::open(folder.path(), 1 << 30) {
            Ok(spool) => drop(spool),
            Err(SpoolError::InUse { .. }) => {
                std::thread::yield_now();
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        return Rig::on(folder, database, 1 << 30);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the database fails, and whenever the process is killed: what was answered is there once, and behind
    /// everything that was answered before it came.
    #[test]
    fn i1_i2_i3_no_failure_loses_repeats_or_overtakes(steps in vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (spans, rows) = runtime.block_on(live_through(steps));
        let distinct: HashSet<_> = rows.iter().collect();
        prop_assert_eq!(distinct.len(), rows.len(), "once");
        let place: HashMap<_, _> = rows.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        for (id, (_, answered)) in &spans {
            prop_assert!(answered.is_none() || place.contains_key(id.as_str()), "{} is lost", id);
        }
        for (before, (_, answered)) in &spans {
            for (after, (came, _)) in &spans {
                if let (Some(answered), Some(first), Some(second)) =
                    (answered, place.get(before.as_str()), place.get(after.as_str()))
                    && answered < came
                {
                    prop_assert!(first < second, "{} overtook {}: {:?}", after, before, rows);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn i3_what_waits_for_a_failing_database_is_kept_in_the_order_in_which_it_came() {
    let rig = Rig::new(Mood::Deaf, 1 << 30);
    let mut posts = JoinSet::new();
    let ids: Vec<String> = (0..20).map(|number| format!("SM{number}")).collect();
    for id in ids.clone() {
        let spooled = rig.spooled.clone();
        posts.spawn(async move { spooled.accept(vec![Customer::of("belle", 1).writes(&id, 0)]).await });
        tokio::time::sleep(RETRY_WITHIN / 15).await;
    }
    while posts.join_next().await.is_some() {}
    rig.is(Mood::Well);
    rig.until_empty().await;
    assert_eq!(rig.database.ids(), ids);
}
