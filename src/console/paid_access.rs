//! `/console/access`: what is sold, who bought it, what came in, and which chats need a look.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use minijinja::context;
use palabre_actors::domain::address::{Address, AddressError};
use palabre_actors::domain::entitlement::SubscriptionState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::csv_file::csv_file;
use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::paid_access::{self as access, AccessError, MemberView, PaidAccess};
use crate::service::{Permission, ServiceError, Tenants};
use crate::store::paid_access::{AccessFigures, Money, MonthlyRevenue, PaymentEventFilter, SubscriptionFilter};

/// Rows of a page, and of an export.
const ROWS: usize = 50;
const EXPORTED: usize = 10_000;
/// Failed payments that are shown.
const FAILURES: usize = 20;

/// Which members, and from where on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AccessQuery {
    q: String,
    state: String,
    plan: String,
    before: Option<Uuid>,
    /// What was just done.
    done: String,
    /// Why access was not given by hand: `country` or `who`.
    refused: String,
}

/// Access that is given by hand.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GrantForm {
    plan: String,
    who: String,
    /// `30`; empty: for ever.
    days: String,
}

#[derive(Serialize)]
struct PlanLine {
    id: String,
    name: String,
    price: Option<String>,
    stars: Option<u32>,
    page: Option<String>,
}

#[derive(Serialize)]
struct MemberLine {
    id: String,
    who: String,
    plan: String,
    state: &'static str,
    state_text: String,
    since: String,
    until: Option<String>,
    paid_with: String,
    places: Vec<String>,
}

#[derive(Serialize)]
struct RevenueLine {
    month: String,
    paid_with: String,
    payments: i64,
    paid: String,
    refunded: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/access", page);
    routes.get("/access/members.csv", members_csv);
    routes.post("/access/grant", grant);
    routes.post("/access/connect", connect);
}

impl ConsoleState {
    /// What is sold here.
    pub(super) fn sold(&self) -> Result<&PaidAccess, ConsoleError> {
        self.deps.access.as_ref().filter(|access| access.sells()).ok_or(ConsoleError::NotFound)
    }
}

impl From<AccessError> for ConsoleError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Service(error) => error.into(),
            AccessError::UnknownSubscription => Self::NotFound,
            AccessError::UnknownPlan
            | AccessError::BadMember(_)
            | AccessError::NotSoldSo
            | AccessError::NothingPaid
            | AccessError::NotByCard
            | AccessError::MovedLately => Self::BadForm,
            AccessError::Busy => ServiceError::Busy.into(),
            error => Self::PaymentSystem(error),
        }
    }
}

fn filter(query: &AccessQuery) -> SubscriptionFilter {
    let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    SubscriptionFilter {
        plan: given(&query.plan),
        state: query.state.parse::<SubscriptionState>().ok(),
        before: query.before,
        typed: given(&query.q),
    }
}

/// `GET /console/access`
pub async fn page(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<AccessQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::AccessRead)?;
    let Ok(sold) = state.sold() else {
        return state.page(("access.html", "access"), &member, context! { is_sold => false });
    };
    let (tenants, display) = (member.own_tenant(), state.display(&member));
    let plans = plan_lines(&member, sold, &tenants)?;
    let mut members = access::members(&member.caller, sold, &tenants, &filter(&query), ROWS + 1).await?;
    let has_more = members.len() > ROWS;
    members.truncate(ROWS);
    let more = members.last().filter(|_| has_more).map(|last| next_page(&query, last.subscription.id));
    let lines: Vec<MemberLine> = members.iter().map(|one| line((&member, &state), (sold, &display), one)).collect();
    let (chats, seen) = access::chats(&member.caller, sold, &tenants).await?;
    let stuck: Vec<String> = chats.iter().filter_map(|chat| chat.stuck_since).map(|at| display.moment(at)).collect();
    let audited = chats.iter().filter_map(|chat| chat.audited_at).max().map(|at| display.moment(at));
    let sees = member.caller.may(Permission::ContentRead);
    let found: Vec<(String, String)> = seen
        .iter()
        .filter_map(|person| Some((name(&person.address, sees), person.finding?.as_str())))
        .map(|(who, word)| (who, state.text(&member, "access", word)))
        .collect();
    let context = context! {
        is_sold => !plans.is_empty(),
        plans => shown(plans),
        members => shown(lines),
        more,
        states => shown(["pending", "active", "grace", "expired", "revoked"].map(|word| (word, state.text(&member, "access", word)))),
        query => shown((&query.q, &query.state, &query.plan)),
        stuck => shown(stuck),
        found => shown(found),
        audited,
        figures => figures(&member, &state, sold, &display).await?,
        has_stripe => sold.stripe.is_some(),
        may_change => member.caller.may(Permission::AccessWrite),
        export => format!("/console/access/members.csv?{}", fields(&query)),
        done => state.pages.texts().find(member.language, "access", &format!("done_{}", query.done)),
        refused => state.pages.texts().find(member.language, "access", &format!("refused_{}", query.refused)),
    };
    state.page(("access.html", "access"), &member, context)
}

/// What came in, for those who may see it.
async fn figures(
    member: &Member,
    state: &ConsoleState,
    sold: &PaidAccess,
    display: &Display,
) -> Result<Option<minijinja::Value>, ConsoleError> {
    if !member.caller.may(Permission::PaymentRead) {
        return Ok(None);
    }
    let tenants = member.own_tenant();
    let (months, figures) = access::revenue(&member.caller, sold, &tenants, display.now - TimeDelta::days(30)).await?;
    let amount =
        |amount: i64, currency: &str| access::amount(&Money { amount, currency: currency.to_owned() }, member.language);
    let line = |month: MonthlyRevenue| RevenueLine {
        paid_with: state.text(member, "access", &month.provider),
        payments: month.payments,
        paid: amount(month.paid, &month.currency),
        refunded: amount(month.refunded, &month.currency),
        month: display.month(&month.month),
    };
    let months: Vec<RevenueLine> = months.into_iter().map(line).collect();
    let filter = PaymentEventFilter { kind: Some("invoice.payment_failed"), ..PaymentEventFilter::default() };
    let failed = access::events(&member.caller, sold, &tenants, &filter, FAILURES).await?;
    let failed: Vec<(String, String, Option<String>)> = failed
        .iter()
        .filter_map(|event| {
            Some((event.subscription?.to_string(), display.date(event.received_at), event.money.as_ref()))
        })
        .map(|(id, at, money)| (id, at, money.map(|money| access::amount(money, member.language))))
        .collect();
    Ok(Some(context! {
        with_access => figures.with_access,
        began => figures.began,
        ended => figures.ended,
        churn => churn(figures),
        months => shown(months),
        failed => shown(failed),
    }))
}

/// How many of a hundred members of thirty days ago have left; `None`: there were none.
fn churn(figures: AccessFigures) -> Option<i64> {
    let before = figures.with_access - figures.began + figures.ended;
    (before > 0).then(|| (figures.ended * 100 + before / 2) / before)
}

fn plan_lines(member: &Member, sold: &PaidAccess, tenants: &Tenants) -> Result<Vec<PlanLine>, ConsoleError> {
    let mut lines = Vec::new();
    for (tenant, plan) in access::plans(&member.caller, sold, tenants)? {
        let page = access::plan_page(sold, &tenant, &plan.id);
        lines.push(PlanLine {
            price: page.and_then(|page| page.price(member.language)),
            stars: plan.stars,
            page: sold.public_base_url.as_ref().map(|base| format!("{base}/p/{tenant}/{}", plan.id)),
            id: plan.id,
            name: plan.name,
        });
    }
    Ok(lines)
}

/// The query of a page, without from where on.
fn fields(query: &AccessQuery) -> String {
    let pairs = [("q", &query.q), ("state", &query.state), ("plan", &query.plan)];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn next_page(query: &AccessQuery, before: Uuid) -> String {
    format!("/console/access?{}&before={before}", fields(query))
}

/// Somebody, as whoever may not see whole addresses sees them.
pub(super) fn name(address: &Address, sees: bool) -> String {
    if sees { address.path().to_owned() } else { address.to_string() }
}

fn line(
    (member, state): (&Member, &ConsoleState),
    (sold, display): (&PaidAccess, &Display),
    one: &MemberView,
) -> MemberLine {
    let row = &one.subscription;
    let sees = member.caller.may(Permission::ContentRead);
    let word = row.state.as_str();
    let until = row.grace_until.or(row.current_period_end);
    MemberLine {
        id: row.id.to_string(),
        who: row
            .address
            .as_ref()
            .map_or_else(|| state.text(member, "access", "unclaimed"), |address| name(address, sees)),
        plan: sold.plan(&row.tenant, &row.plan).map_or_else(|| row.plan.clone(), |plan| plan.name),
        state: word,
        state_text: state.text(member, "access", word),
        since: display.date(row.created_at),
        until: until.map(|until| display.date(until)),
        paid_with: state.text(member, "access", row.payer.as_str()),
        places: one.places.iter().map(|place| state.text(member, "access", place.state.as_str())).collect(),
    }
}

/// `GET /console/access/members.csv`
pub async fn members_csv(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<AccessQuery>,
) -> Result<HttpResponse, ConsoleError> {
    let found = access::exported(&member.caller, state.sold()?, &member.tenant, &filter(&query), EXPORTED).await?;
    let csv = access::as_csv(&found, member.caller.may(Permission::ContentRead));
    Ok(csv_file("members.csv", &csv))
}

/// `POST /console/access/grant`
pub async fn grant(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<GrantForm>,
) -> Result<Page, ConsoleError> {
    let (sold, now) = (state.sold()?, state.now());
    let plan = (&member.tenant, form.0.plan.as_str());
    let who = match sold.member(plan, &form.0.who) {
        Ok(who) => who,
        Err(AccessError::BadMember(AddressError::CountryUnknown | AddressError::NotNational)) => {
            return Ok(Page::see("/console/access?refused=country#grant"));
        }
        Err(AccessError::BadMember(_)) => return Ok(Page::see("/console/access?refused=who#grant")),
        Err(error) => return Err(error.into()),
    };
    let until = match form.0.days.trim() {
        "" => None,
        days => {
            let days = days.parse::<u16>().ok().filter(|days| *days > 0).ok_or(ConsoleError::BadForm)?;
            Some(now + TimeDelta::days(days.into()))
        }
    };
    let id = access::grant(&member.caller, sold, plan, &who, until, now).await?;
    Ok(Page::see(&format!("/console/access/{id}?done=granted")))
}

/// `POST /console/access/connect`: shows the way to the page on which the creator completes their account. It is a link, because
/// the browser lets no form lead to another site.
pub async fn connect(
    member: Member,
    state: web::Data<ConsoleState>,
    _form: Form<super::home::Nothing>,
) -> Result<Page, ConsoleError> {
    let sold = state.sold()?;
    let known = sold.creators.get(&member.tenant).and_then(|creator| creator.access.stripe_account.clone());
    let (account, url) = access::connect(&member.caller, sold, &member.tenant).await?;
    let is_new = known.as_ref() != Some(&account);
    state.page(("access_connect.html", "access"), &member, context! { stripe_account => account, url, is_new })
}
