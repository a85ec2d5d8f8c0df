//! Public pages of plans: what is sold, by whom, for how much; the way to the checkout; what comes after it.
//!
//! They work without JavaScript, carry no trackers, and know of a visitor what their link says.

mod own;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Form, Query};
use actix_web::{HttpRequest, HttpResponse};
use minijinja::{Value, context};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use serde::Deserialize;

use super::problem::HttpProblem;
use super::routes::{Routes, nothing_here};
use super::state::{HttpState, SourceAddress};
use super::visitor_page::{html, language, pick};
use crate::service::paid_access::{AccessError, Buyer, CheckoutPage, PaidAccess, PlanPage, buy, manage, plan_page};

const TEMPLATE: &str = include_str!("plan.html");
const STYLE: &str = include_str!("plan.css");

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/p/plan.css", style);
    routes.get("/p/{tenant}/{plan}", page);
    routes.post("/p/{tenant}/{plan}/buy", pay);
    routes.get("/p/{tenant}/{plan}/paid", paid);
    routes.get("/p/{tenant}/{plan}/cancelled", cancelled);
    routes.get("/p/{tenant}/{plan}/manage", managed);
    own::mount(routes);
}

/// What links to these pages carry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Carried {
    /// A member whom the bot knows.
    m: String,
    /// What was bought.
    s: String,
}

type Path = web::Path<(String, String)>;

async fn style() -> HttpResponse {
    let cached = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    HttpResponse::Ok().content_type("text/css; charset=utf-8").insert_header(cached).body(STYLE)
}

async fn page(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    carried: Query<Carried>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, shown) = sold(&state, &path)?;
    let told = Shown { language: language(&request, shown.language), carried: &carried, ..Shown::default() };
    Ok(render(access, &shown, &told).await)
}

async fn cancelled(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    carried: Query<Carried>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, shown) = sold(&state, &path)?;
    let language = language(&request, shown.language);
    let notice = pick(language, "Rien n'a été débité.", "Nothing was charged.");
    let told = Shown { language, carried: &carried, notice: Some(notice), ..Shown::default() };
    Ok(render(access, &shown, &told).await)
}

async fn paid(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    carried: Query<Carried>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, shown) = sold(&state, &path)?;
    let language = language(&request, shown.language);
    let is_claimed = access.is_claimed(&TenantId::new(&path.0), &carried.s).await.map_err(failed)?;
    let notice = match is_claimed {
        None => return Err(nothing_here()),
        Some(true) => pick(
            language,
            "Merci. Votre lien d'entrée arrive dans la conversation avec le bot.",
            "Thank you. Your way in arrives in the conversation with the bot.",
        ),
        Some(false) => pick(language, "Merci, votre paiement est arrivé.", "Thank you, your payment has arrived."),
    };
    let told =
        Shown { language, carried: &carried, notice: Some(notice), is_paid: true, asks: is_claimed == Some(false) };
    Ok(render(access, &shown, &told).await)
}

async fn pay(
    state: web::Data<HttpState>,
    request: HttpRequest,
    source: SourceAddress,
    path: Path,
    form: Form<Carried>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, shown) = sold(&state, &path)?;
    let language = language(&request, shown.language);
    let tenant = TenantId::new(&path.0);
    let member = access.member_of(&tenant, &form.m);
    let counted = state.checkout_limits.attempt((&tenant, &path.1), source.0, member.is_some());
    counted.map_err(too_many)?;
    let buyer = Buyer { tenant, plan: path.1.clone(), language, member };
    match buy(access, &buyer, state.deps.clock.now()).await {
        Ok(CheckoutPage::At(url, _)) => Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish()),
        Err(error) => away((access, &shown), (language, &form), error).await,
        Ok(CheckoutPage::AlreadyPaid) => {
            let notice = pick(language, "Vous avez déjà un accès payé.", "You have paid access already.");
            let told = Shown { language, carried: &form, notice: Some(notice), is_paid: true, ..Shown::default() };
            Ok(render(access, &shown, &told).await)
        }
    }
}

async fn managed(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    carried: Query<Carried>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, shown) = sold(&state, &path)?;
    let Some(subscription) = access.bought(&carried.s) else { return Err(nothing_here()) };
    match manage(access, &TenantId::new(&path.0), subscription).await {
        Ok(url) => Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish()),
        Err(error) => away((access, &shown), (language(&request, shown.language), &carried), error).await,
    }
}

/// The plan's page, for a visitor whom the payment system keeps waiting.
async fn away(
    (access, plan): (&PaidAccess, &PlanPage),
    (language, carried): (Language, &Carried),
    error: AccessError,
) -> Result<HttpResponse, HttpProblem> {
    let problem = failed(error);
    if problem.status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(problem);
    }
    let notice = pick(
        language,
        "Le paiement ne répond pas pour l'instant, et rien n'a été débité. Réessayez dans un moment.",
        "The payment does not answer at the moment, and nothing was charged. Try again in a while.",
    );
    let told = Shown { language, carried, notice: Some(notice), ..Shown::default() };
    let mut page = render(access, plan, &told).await;
    *page.status_mut() = problem.status;
    Ok(page)
}

fn sold<'s>(state: &'s HttpState, path: &Path) -> Result<(&'s PaidAccess, PlanPage), HttpProblem> {
    let access = state.deps.api.access.as_ref().ok_or_else(nothing_here)?;
    let page = plan_page(access, &TenantId::new(&path.0), &path.1).ok_or_else(nothing_here)?;
    Ok((access, page))
}

fn too_many(wait: Duration) -> HttpProblem {
    let (error, hint) = ("too many checkouts", "nothing was charged: try again when Retry-After is over");
    HttpProblem::new(StatusCode::TOO_MANY_REQUESTS, error, hint).retry_after(wait)
}

fn failed(error: AccessError) -> HttpProblem {
    match error {
        AccessError::UnknownPlan
        | AccessError::UnknownSubscription
        | AccessError::NotSoldSo
        | AccessError::NotByCard => nothing_here(),
        error => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a plan's page could not be served");
            HttpProblem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "payment not reachable",
                "nothing was charged: try again in a moment",
            )
        }
    }
}

/// What the page is to say.
struct Shown<'a> {
    language: Language,
    carried: &'a Carried,
    notice: Option<&'static str>,
    is_paid: bool,
    /// It tells how to claim what was paid.
    asks: bool,
}

impl Default for Shown<'_> {
    fn default() -> Self {
        static NOTHING: Carried = Carried { m: String::new(), s: String::new() };
        Self { language: Language::Fr, carried: &NOTHING, notice: None, is_paid: false, asks: false }
    }
}

async fn render(access: &PaidAccess, plan: &PlanPage, shown: &Shown<'_>) -> HttpResponse {
    let language = shown.language;
    let words = context! {
        pay => pick(language, "Payer par carte", "Pay by card"),
        stars => pick(language, "Payer en Stars avec le bot", "Pay in Stars at the bot"),
        colon => pick(language, "\u{a0}:", ":"),
        open => pick(language, "Ouvrir le bot", "Open the bot"),
        claim => pick(
            language,
            "Dernier pas : ouvrez le bot et envoyez-lui ce message, il vous donne votre lien d'entrée.",
            "Last step: open the bot and send it this message, and it gives you your way in.",
        ),
        manage => pick(language, "Gérer ou résilier mon abonnement", "Manage or cancel my subscription"),
        withdraw => pick(language, "Se rétracter du contrat ici", "Withdraw from the contract here"),
        terms => pick(
            language,
            "Le vendeur est nommé ci-dessus. Vous pouvez résilier à tout moment depuis cette page, sans compte.",
            "The seller is named above. You may cancel at any time from this page, without an account.",
        ),
    };
    let path = format!("/p/{}/{}", plan.tenant, plan.id);
    let token = Some(&shown.carried.s).filter(|token| access.bought(token).is_some());
    let to = |what: &str| match token {
        Some(token) => format!("{path}/{what}?s={token}"),
        None => format!("{path}/{what}"),
    };
    let claim = shown.asks.then_some(&shown.carried.s);
    let opens = match claim {
        Some(token) => access.bot_link(plan, &format!("claim_{token}")).await,
        None => None,
    };
    let stars = plan.stars().filter(|_| !shown.is_paid);
    let pays_in_stars = match stars {
        Some(_) => access.bot_link(plan, &format!("plan_{}", plan.id)).await,
        None => None,
    };
    html(
        TEMPLATE,
        context! {
            tax_note => plan.tax_note(language), stars, pays_in_stars, opens,
            description => &plan.description, price => plan.price(language), trial => plan.trial(language),
            notice => shown.notice, words, path => &path, can_pay => plan.is_sold_by_card && !shown.is_paid,
            claim, manage => to("own"), withdraw => to("withdraw"),
            member => &shown.carried.m, ..shell(plan, language)
        },
    )
}

/// What every page has: whose it is, and who sells.
fn shell(plan: &PlanPage, language: Language) -> Value {
    context! {
        language => language.as_str(), plan => &plan.name, seller => &plan.seller,
        imprint => &plan.imprint.lines, terms_url => &plan.imprint.terms_url,
        terms_word => pick(language, "Conditions de vente", "Terms of sale"),
    }
}
