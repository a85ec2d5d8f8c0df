//! Figures of a tenant: messages, answer times, what the bot answered, and by which FAQ entry.
//!
//! A day's figures are made from its messages. Those of days that can change no more are kept, so that a page reads a few rows.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::permissions::Permission::AnalyticsRead;
use super::{Caller, ServiceError};
use crate::store::figures::{DayAchieved, DayMessage};
use crate::store::operator::Operator;

/// Statuses of a message may still come so many days after it.
const SETTLED_AFTER: u64 = 3;
/// The most days that a page shows.
const MOST_DAYS: u64 = 92;

/// What a day adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayFigures {
    pub came: u64,
    pub went: u64,
    /// What the bot wrote, of all that went out.
    pub by_bot: u64,
    /// What no rule had an answer to.
    pub unanswered: u64,
    /// Went out and is known to have come, or not to have.
    pub delivered: u64,
    pub lost: u64,
    pub opt_outs: u64,
    /// Booked, and asked to be called back.
    pub bookings: u64,
    pub leads: u64,
    /// What the messages out cost, in millionths of the tenant's currency.
    pub cost_micros: u64,
    /// How long contacts waited for an answer, in seconds, in order.
    pub waits: Vec<u32>,
    /// Messages that each FAQ entry answered, by the entries' ids.
    pub answers: BTreeMap<String, u64>,
}

impl DayFigures {
    /// The sum of several days.
    #[must_use]
    pub fn together<'a>(days: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for day in days {
            sum.came += day.came;
            sum.went += day.went;
            sum.by_bot += day.by_bot;
            sum.unanswered += day.unanswered;
            sum.delivered += day.delivered;
            sum.lost += day.lost;
            sum.opt_outs += day.opt_outs;
            sum.bookings += day.bookings;
            sum.leads += day.leads;
            sum.cost_micros += day.cost_micros;
            sum.waits.extend(&day.waits);
            for (entry, messages) in &day.answers {
                *sum.answers.entry(entry.clone()).or_default() += messages;
            }
        }
        sum.waits.sort_unstable();
        sum
    }

    /// The wait that so many of a hundred contacts stayed within. `None`: nobody was answered.
    #[must_use]
    pub fn wait(&self, percent: usize) -> Option<u32> {
        let last = self.waits.len().checked_sub(1)?;
        self.waits.get((self.waits.len() * percent).div_ceil(100).saturating_sub(1).min(last)).copied()
    }
}

/// What a part is of a whole, in percent. `None`: of nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<u64> {
    (part * 100 + whole / 2).checked_div(whole)
}

/// What messages of a day add up to. They are in the order of time.
#[must_use]
pub fn add_up(messages: &[DayMessage], opt_outs: u64) -> DayFigures {
    let mut figures = DayFigures { opt_outs, ..DayFigures::default() };
    // Since when the contact of each conversation waits.
    let mut waiting: HashMap<Uuid, Timestamp> = HashMap::new();
    for message in messages {
        if !message.is_outbound {
            figures.came += 1;
            figures.unanswered +=
                u64::from(matches!(message.kind.as_deref(), Some("answered_fallback" | "silent_no_rule")));
            if let Some(conversation) = message.conversation {
                waiting.entry(conversation).or_insert(message.at);
            }
            continue;
        }
        figures.went += 1;
        figures.by_bot += u64::from(message.kind.as_deref() != Some("manual"));
        match message.state.as_deref() {
            Some("delivered" | "read") => figures.delivered += 1,
            Some("failed" | "dead") => figures.lost += 1,
            _ => {}
        }
        if let Some(since) = message.conversation.and_then(|conversation| waiting.remove(&conversation)) {
            figures.waits.push(u32::try_from((message.at - since).num_seconds()).unwrap_or_default());
        }
    }
    figures.waits.sort_unstable();
    figures
}

/// The figures of so many days up to today, the oldest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn days(
    caller: &Caller,
    store: &Operator,
    (tenant, timezone): (&TenantId, Tz),
    (last, number): (NaiveDate, u64),
    now: Timestamp,
) -> Result<Vec<(NaiveDate, DayFigures)>, ServiceError> {
    caller.require(AnalyticsRead)?;
    caller.within(tenant)?;
    let number = number.clamp(1, MOST_DAYS);
    let days: Vec<NaiveDate> = (0..number).rev().filter_map(|back| last.checked_sub_days(Days::new(back))).collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
    let kept = store.kept_figures(tenant, (&first.to_string(), &last.to_string())).await?;
    let kept: BTreeMap<String, DayFigures> = kept
        .into_iter()
        .filter(|(day, _, made_at)| is_settled(day, *made_at, timezone))
        .filter_map(|(day, figures, _)| Some((day, serde_json::from_str(&figures).ok()?)))
        .collect();
    let mut all = Vec::with_capacity(days.len());
    for day in days {
        let name = day.to_string();
        let figures = match kept.get(&name) {
            Some(figures) => figures.clone(),
            None => {
                let figures = of_day(store, tenant, limits(day, timezone)).await?;
                if is_settled(&name, now, timezone)
                    && let Ok(json) = serde_json::to_string(&figures)
                {
                    store.keep_figures(tenant, (&name, &json), now).await?;
                }
                figures
            }
        };
        all.push((day, figures));
    }
    Ok(all)
}

/// Adds a day up from its messages.
async fn of_day(
    store: &Operator,
    tenant: &TenantId,
    limits: (Timestamp, Timestamp),
) -> Result<DayFigures, ServiceError> {
    let messages = store.day_messages(tenant, limits).await?;
    let opt_outs = store.day_opt_outs(tenant, limits).await?;
    let DayAchieved { answers, bookings, leads, cost_micros } = store.day_achieved(tenant, limits).await?;
    let messages = add_up(&messages, u64::try_from(opt_outs).unwrap_or_default());
    Ok(DayFigures { answers, bookings, leads, cost_micros, ..messages })
}

/// Whether nothing of a day can change any more.
fn is_settled(day: &str, at: Timestamp, timezone: Tz) -> bool {
    let Ok(day) = day.parse::<NaiveDate>() else { return false };
    day.checked_add_days(Days::new(SETTLED_AFTER)).is_some_and(|settled| limits(settled, timezone).0 <= at)
}

/// A day's first moment, and the next day's.
fn limits(day: NaiveDate, timezone: Tz) -> (Timestamp, Timestamp) {
    let start = |day: NaiveDate| {
        let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
        // Where clocks skip midnight, the day begins an hour later.
        let local = timezone.from_local_datetime(&midnight).earliest();
        let local = local.or_else(|| timezone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest());
        local.map_or_else(|| midnight.and_utc(), |local| local.to_utc())
    };
    (start(day), start(day.checked_add_days(Days::new(1)).unwrap_or(day)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::tests::{fresh, postgres, told, untold};

    fn at(seconds: i64) -> Timestamp {
        "2026-11-30T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
    }

    fn message(talk: u128, seconds: i64, is_outbound: bool, kind: &str, state: Option<&str>) -> DayMessage {
        DayMessage {
            conversation: Some(Uuid::from_u128(talk)),
            at: at(seconds),
            is_outbound,
            kind: Some(kind.to_owned()),
            state: state.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_day_adds_up() {
        let messages = [
            message(1, 0, false, "answered_faq", None),
            message(1, 2, true, "reply", Some("read")),
            message(2, 5, false, "answered_fallback", None),
            message(2, 6, false, "silent_human", None),
            message(2, 65, true, "manual", Some("failed")),
            message(2, 70, true, "manual", Some("delivered")),
            message(3, 80, false, "silent_opted_out", None),
        ];
        let figures = add_up(&messages, 1);
        let expected = DayFigures {
            came: 4,
            went: 3,
            by_bot: 1,
            unanswered: 1,
            delivered: 2,
            lost: 1,
            opt_outs: 1,
            waits: vec![2, 60],
            ..DayFigures::default()
        };
        assert_eq!(figures, expected);
        assert_eq!((figures.wait(50), figures.wait(90)), (Some(2), Some(60)));
        assert_eq!(DayFigures::default().wait(50), None);
        assert_eq!((percent(1, 3), percent(2, 3), percent(1, 0)), (Some(33), Some(67), None));
        let answers = BTreeMap::from([("faq[0]".to_owned(), 3)]);
        let figures = DayFigures { answers, bookings: 2, leads: 1, cost_micros: 40_000, ..figures };
        let sum = DayFigures::together([&figures, &figures]);
        assert_eq!((&sum.waits, sum.answers["faq[0]"]), (&vec![2, 2, 60, 60], 6));
        assert_eq!((sum.bookings, sum.leads, sum.cost_micros), (4, 2, 80_000));
    }

    /// When, `in` or `out`, what came of it or why it was written, and where it stands.
    type ToldMessage = (Timestamp, &'static str, &'static str, &'static str);

    /// What the figures of a day must be, counted one message at a time.
    fn counted(told: &[ToldMessage], (since, until): (Timestamp, Timestamp)) -> [u64; 6] {
        let within = told.iter().filter(|(at, ..)| (since..until).contains(at));
        let count = |fits: &dyn Fn(&&ToldMessage) -> bool| u64::try_from(within.clone().filter(fits).count()).unwrap();
        [
            count(&|(_, way, ..)| *way == "in"),
            count(&|(_, way, ..)| *way == "out"),
            count(&|(_, way, kind, _)| *way == "out" && *kind == "reply"),
            count(&|(_, way, kind, _)| *way == "in" && *kind == "answered_fallback"),
            count(&|(_, way, _, state)| *way == "out" && ["delivered", "read"].contains(state)),
            count(&|(_, way, _, state)| *way == "out" && *state == "dead"),
        ]
    }

    async fn kept_figures_are_those_of_the_rows(store: Store) {
        let (caller, belle, paris) = (Caller::command_line(), TenantId::new("belle"), chrono_tz::Europe::Paris);
        let mut messages = Vec::new();
        for number in 0..240_i64 {
            let at = at(-number * 41 * 60);
            let message = match number % 5 {
                0 => (at, "in", "answered_fallback", "processed"),
                1 => (at, "out", "reply", "delivered"),
                2 => (at, "in", "answered_faq", "processed"),
                3 => (at, "out", "manual", "read"),
                _ => (at, "out", "reply", "dead"),
            };
            let (_, way, kind, state) = message;
            told(&store, "belle", (at, u128::from(number.unsigned_abs() % 7)), (way, kind, state)).await;
            told(&store, "taxi", (at, 99), (way, kind, state)).await;
            messages.push(message);
        }
        let (operator, today) = (store.operator(), at(0).with_timezone(&paris).date_naive());
        let days = async || days(&caller, &operator, (&belle, paris), (today, 7), at(0)).await.unwrap();
        let made = days().await;
        for (day, figures) in &made {
            let DayFigures { came, went, by_bot, unanswered, delivered, lost, .. } = *figures;
            let expected = counted(&messages, limits(*day, paris));
            assert_eq!([came, went, by_bot, unanswered, delivered, lost], expected, "{day}");
        }
        assert_eq!(days().await, made, "what was kept says the same");
        untold(&store).await;
        let kept = days().await;
        let settled = made.len() - usize::try_from(SETTLED_AFTER).unwrap();
        assert_eq!(kept[..settled], made[..settled], "and is there when the messages are not");
        assert!(made[..settled].iter().all(|(_, figures)| figures.came > 0));
        assert!(kept[settled..].iter().all(|(_, figures)| figures.came == 0), "what may still change is made anew");
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_of_a_day_is_what_its_rows_say() {
        let (store, _folder) = fresh().await;
        kept_figures_are_those_of_the_rows(store).await;
    }

    #[tokio::test]
    async fn what_is_kept_of_a_day_is_what_its_rows_say_on_postgres() {
        let (store, _database) = postgres::fresh().await;
        kept_figures_are_those_of_the_rows(store).await;
    }

    #[test]
    fn days_are_the_tenants() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
        let (start, end) = limits(day, chrono_tz::Europe::Paris);
        assert_eq!((end - start).num_hours(), 23, "clocks go forward");
        assert_eq!(start.to_rfc3339(), "2026-03-28T23:00:00+00:00");
        assert!(!is_settled("2026-11-28", at(0), chrono_tz::UTC) && is_settled("2026-11-27", at(0), chrono_tz::UTC));
    }
}
