//! `/console/analytics`: seven days in figures, and what the bot does not know.

use actix_web::web;
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use minijinja::context;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::typography::money;
use serde::{Deserialize, Serialize};

use super::display::shown;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member, Page, faq as faq_page};
use crate::service::Permission;
use crate::service::analytics::{self, DayFigures, percent};
use crate::service::faq;

/// Days that are shown, unless somebody asks for others.
const DAYS: u64 = 7;
/// Questions that the bot answered, at most.
const MOST_ANSWERED: usize = 10;
/// The height of a chart's columns, and the width of a day.
const HEIGHT: u64 = 120;
const WIDTH: u64 = 640;

/// Which days.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AnalyticsQuery {
    days: Option<u64>,
    /// The last one.
    to: String,
}

/// A figure with the one of the days before.
#[derive(Serialize)]
struct Figure {
    label: String,
    value: String,
    before: String,
}

/// A column of a chart.
#[derive(Serialize)]
struct Column {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    kind: &'static str,
}

#[derive(Serialize)]
struct DayLine {
    day: String,
    /// Where its name stands under the chart.
    x: u64,
    came: u64,
    went: u64,
    median: String,
    p90: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/analytics", show);
}

/// `GET /console/analytics`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<AnalyticsQuery>,
) -> Result<Page, ConsoleError> {
    let display = state.display(&member);
    let number = query.days.unwrap_or(DAYS).clamp(1, 92);
    let today = display.now.with_timezone(&display.timezone).date_naive();
    let last = query.to.parse::<NaiveDate>().unwrap_or(today).min(today);
    let (store, place) = (&state.deps.store, (&member.tenant, display.timezone));
    // The days before as well, for the comparison.
    let all = analytics::days(&member.caller, store, place, (last, number * 2), display.now).await?;
    let (earlier, days) = all.split_at(all.len().saturating_sub(usize::try_from(number).unwrap_or(7)));
    let sum = |days: &[(NaiveDate, DayFigures)]| DayFigures::together(days.iter().map(|(_, figures)| figures));
    let (now, before) = (sum(days), sum(earlier));
    let since = days.first().map(|(day, _)| *day).unwrap_or(today);
    let tenant = state.tenant(&member.tenant).filter(|_| member.caller.may(Permission::ContentRead));
    let questions = match tenant {
        Some(tenant) => {
            let since = first_moment(since, display.timezone);
            faq::unanswered(&member.caller, store, (&member.tenant, &tenant.rules), since).await?
        }
        None => Vec::new(),
    };
    let answered = answered(&member, &state, &now).await?;
    let count = |number: usize, key: &str| state.text(&member, "faq", key).replace("{count}", &number.to_string());
    let cost = i64::try_from(now.cost_micros).unwrap_or(i64::MAX);
    let context = context! {
        number,
        last => last.to_string(),
        figures => shown(figures(&state, &member, &now, &before)),
        messages => shown(columns(days, |figures| [(figures.came, "came"), (figures.went, "went")])),
        waits => shown(columns(days, |figures| [
            (u64::from(figures.wait(50).unwrap_or_default()), "median"),
            (u64::from(figures.wait(90).unwrap_or_default()), "p90"),
        ])),
        days => shown(lines(days, member.language)),
        questions => shown(faq_page::groups(&questions, &count)),
        may_write_faq => member.caller.may(Permission::FaqWrite),
        height => HEIGHT,
        width => WIDTH,
        opt_outs => now.opt_outs,
        bookings => now.bookings,
        leads => now.leads,
        cost => (cost > 0).then(|| money(member.language, cost)),
        answered => shown(answered),
        earlier_link => earlier.last().map(|(day, _)| format!("/console/analytics?days={number}&to={day}")),
        later_link => last.checked_add_days(Days::new(number)).filter(|_| last < today)
            .map(|day| format!("/console/analytics?days={number}&to={}", day.min(today))),
        span => days.first().zip(days.last()).map(|((first, _), (last, _))| {
            format!("{} – {}", day_name(*first, member.language), day_name(*last, member.language))
        }),
    };
    state.page(("analytics.html", "analytics"), &member, context)
}

fn first_moment(day: NaiveDate, timezone: Tz) -> palabre_actors::domain::Timestamp {
    use chrono::TimeZone as _;
    let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    timezone.from_local_datetime(&midnight).earliest().map_or_else(|| midnight.and_utc(), |local| local.to_utc())
}

fn figures(state: &ConsoleState, member: &Member, now: &DayFigures, before: &DayFigures) -> Vec<Figure> {
    let figure = |key: &str, value: fn(&DayFigures) -> String| Figure {
        label: state.text(member, "analytics", key),
        value: value(now),
        before: value(before),
    };
    vec![
        figure("came", |figures| figures.came.to_string()),
        figure("answer_time", |figures| duration(figures.wait(50))),
        figure("by_bot", |figures| share(percent(figures.by_bot, figures.went))),
        figure("delivery", |figures| share(percent(figures.delivered, figures.delivered + figures.lost))),
    ]
}

/// A question with a known answer, and how often it was the answer.
#[derive(Serialize)]
struct AnsweredLine {
    question: String,
    messages: u64,
}

/// What the FAQ answered most.
async fn answered(member: &Member, state: &ConsoleState, now: &DayFigures) -> Result<Vec<AnsweredLine>, ConsoleError> {
    let Some(tenant) = state.tenant(&member.tenant).filter(|_| !now.answers.is_empty()) else { return Ok(Vec::new()) };
    let entries = faq::list(&member.caller, &state.deps.store, (&member.tenant, &tenant.rules)).await?;
    // An entry that was deleted since is named by nothing any more.
    let line = |entry: faq::ListedEntry| {
        let messages = now.answers.get(&entry.row.id).copied()?;
        Some(AnsweredLine { question: entry.row.question, messages })
    };
    let mut lines: Vec<AnsweredLine> = entries.into_iter().filter_map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.messages));
    lines.truncate(MOST_ANSWERED);
    Ok(lines)
}

fn share(percent: Option<u64>) -> String {
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
}

/// A wait: `45 s`, `12 min`, `3 h 05`.
fn duration(seconds: Option<u32>) -> String {
    match seconds {
        None => "–".to_owned(),
        Some(seconds @ 0..60) => format!("{seconds} s"),
        Some(seconds @ 60..3_600) => format!("{} min", seconds / 60),
        Some(seconds) => format!("{} h {:02}", seconds / 3_600, seconds / 60 % 60),
    }
}

/// `30/11`, or `30 Nov`.
fn day_name(day: NaiveDate, language: Language) -> String {
    match language {
        Language::Fr => day.format("%d/%m").to_string(),
        Language::En => day.format("%-d %b").to_string(),
    }
}

/// Two columns for each day, the highest as high as the chart.
fn columns(days: &[(NaiveDate, DayFigures)], of: impl Fn(&DayFigures) -> [(u64, &'static str); 2]) -> Vec<Column> {
    let highest = days.iter().flat_map(|(_, figures)| of(figures)).map(|(value, _)| value).max().unwrap_or(0).max(1);
    let step = WIDTH / u64::try_from(days.len()).unwrap_or(1).max(1);
    let width = (step / 3).clamp(2, 40);
    let mut columns = Vec::new();
    for (place, (_, figures)) in (0..).zip(days) {
        for (side, (value, kind)) in (0..).zip(of(figures)) {
            let height = value * HEIGHT / highest;
            // Something is more than nothing.
            let height = if value > 0 { height.max(2) } else { 0 };
            columns.push(Column {
                x: place * step + step / 2 + side * width - width,
                y: HEIGHT - height,
                width: width.saturating_sub(2).max(1),
                height,
                kind,
            });
        }
    }
    columns
}

fn lines(days: &[(NaiveDate, DayFigures)], language: Language) -> Vec<DayLine> {
    let step = WIDTH / u64::try_from(days.len()).unwrap_or(1).max(1);
    (0..)
        .zip(days)
        .map(|(place, (day, figures))| DayLine {
            day: day_name(*day, language),
            x: place * step + step / 2,
            came: figures.came,
            went: figures.went,
            median: duration(figures.wait(50)),
            p90: duration(figures.wait(90)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_within_their_chart() {
        let day = |came: u64| DayFigures { came, went: 1, ..DayFigures::default() };
        let date = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        let days: Vec<_> = [0, 5, 1_000].map(|came| (date, day(came))).into();
        let columns = columns(&days, |figures| [(figures.came, "came"), (figures.went, "went")]);
        assert_eq!(columns.len(), 6);
        assert!(columns.iter().all(|column| column.y + column.height == HEIGHT && column.x + column.width <= WIDTH));
        assert_eq!((columns[0].height, columns[1].height, columns[4].height), (0, 2, HEIGHT));
        for (seconds, told) in [(None, "–"), (Some(45), "45 s"), (Some(720), "12 min"), (Some(11_100), "3 h 05")] {
            assert_eq!(duration(seconds), told);
        }
    }
}
