//! A payer's own page, without an account: by a signed link that is sent to the e-mail with which they paid. They see until when
//! they have access there, change their card, cancel, and withdraw from the contract.

use actix_web::web::{self, Form, Query};
use actix_web::{HttpRequest, HttpResponse};
use minijinja::{Value, context};
use palabre_actors::domain::entitlement::SubscriptionState;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use serde::Deserialize;

use super::{Path, failed, html, language, pick, shell, sold};
use crate::http::problem::HttpProblem;
use crate::http::routes::{Routes, nothing_here};
use crate::http::state::HttpState;
use crate::service::paid_access::{OwnPage, PaidAccess, PlanPage, Statement};

const TEMPLATE: &str = include_str!("own.html");
/// The longest e-mail that there is (RFC 5321), and the longest name that is taken.
const LONGEST: usize = 254;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/p/{tenant}/{plan}/own", own);
    routes.post("/p/{tenant}/{plan}/own/link", send_link);
    routes.get("/p/{tenant}/{plan}/cancel", cancel);
    routes.post("/p/{tenant}/{plan}/cancel/confirm", cancelled);
    routes.get("/p/{tenant}/{plan}/withdraw", withdraw);
    routes.post("/p/{tenant}/{plan}/withdraw/confirm", withdrawn);
}

/// What links to these pages carry, and their forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    /// What was bought.
    s: String,
    email: String,
    name: String,
}

/// What a page is to show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It asks for the e-mail.
    Ask,
    /// The link is on its way, if there is anybody.
    Sent,
    /// The payer's own page.
    Own,
    /// It asks to confirm.
    Confirm(Statement),
    /// It was taken.
    Done(Statement),
}

impl Step {
    const fn word(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Sent => "sent",
            Self::Own => "own",
            Self::Confirm(Statement::Cancellation) => "cancel",
            Self::Confirm(Statement::Withdrawal) => "withdraw",
            Self::Done(_) => "done",
        }
    }
}

/// A page for one visitor.
struct Shown<'a> {
    language: Language,
    token: &'a str,
    page: Option<OwnPage>,
    /// What was just taken, in words.
    told: Option<String>,
}

async fn own(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    given: Query<Given>,
) -> Result<HttpResponse, HttpProblem> {
    at(&state, (&request, &path, &given), Step::Own).await
}

async fn cancel(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    given: Query<Given>,
) -> Result<HttpResponse, HttpProblem> {
    at(&state, (&request, &path, &given), Step::Confirm(Statement::Cancellation)).await
}

async fn withdraw(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    given: Query<Given>,
) -> Result<HttpResponse, HttpProblem> {
    at(&state, (&request, &path, &given), Step::Confirm(Statement::Withdrawal)).await
}

/// A page of a signed link; without one, the page that sends it.
async fn at(
    state: &HttpState,
    (request, path, given): (&HttpRequest, &Path, &Given),
    step: Step,
) -> Result<HttpResponse, HttpProblem> {
    let (access, plan) = sold(state, path)?;
    let language = language(request, plan.language);
    if given.s.is_empty() {
        let shown = Shown { language, token: "", page: None, told: None };
        return Ok(render(access, &plan, &shown, Step::Ask).await);
    }
    let (tenant, now) = (TenantId::new(&path.0), state.deps.clock.now());
    let page = access.own(&tenant, &given.s, language, now).await.map_err(failed)?.ok_or_else(nothing_here)?;
    // What cannot be declared any more is told on their own page.
    let step = match step {
        Step::Confirm(Statement::Cancellation) if !page.can_cancel => Step::Own,
        Step::Confirm(Statement::Withdrawal) if page.withdraw_until.is_none() => Step::Own,
        step => step,
    };
    Ok(render(access, &plan, &Shown { language, token: &given.s, page: Some(page), told: None }, step).await)
}

async fn send_link(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    form: Form<Given>,
) -> Result<HttpResponse, HttpProblem> {
    let (access, plan) = sold(&state, &path)?;
    let language = language(&request, plan.language);
    let email = form.email.trim();
    if email.len() <= LONGEST && email.contains('@') {
        access.send_own_links(&TenantId::new(&path.0), email, state.deps.clock.now()).await.map_err(failed)?;
    }
    Ok(render(access, &plan, &Shown { language, token: "", page: None, told: None }, Step::Sent).await)
}

async fn cancelled(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    form: Form<Given>,
) -> Result<HttpResponse, HttpProblem> {
    declared(&state, (&request, &path, &form), Statement::Cancellation).await
}

async fn withdrawn(
    state: web::Data<HttpState>,
    request: HttpRequest,
    path: Path,
    form: Form<Given>,
) -> Result<HttpResponse, HttpProblem> {
    declared(&state, (&request, &path, &form), Statement::Withdrawal).await
}

async fn declared(
    state: &HttpState,
    (request, path, form): (&HttpRequest, &Path, &Given),
    statement: Statement,
) -> Result<HttpResponse, HttpProblem> {
    let (access, plan) = sold(state, path)?;
    let (tenant, now) = (TenantId::new(&path.0), state.deps.clock.now());
    let language = language(request, plan.language);
    let name: String = form.name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let taken = access.declare(&tenant, &form.s, (statement, &name), now).await.map_err(failed)?;
    let Some(taken) = taken else {
        return at(state, (request, path, form), Step::Own).await;
    };
    let what = match statement {
        Statement::Cancellation => pick(language, "Résiliation reçue le", "Cancellation received on"),
        Statement::Withdrawal => pick(language, "Rétractation reçue le", "Withdrawal received on"),
    };
    let how = if taken.is_sent {
        pick(language, "Un accusé de réception vous est envoyé.", "An acknowledgement is being sent to you.")
    } else {
        pick(
            language,
            "Gardez cette page : c'est votre accusé de réception.",
            "Keep this page: it is your acknowledgement.",
        )
    };
    let told = Some(format!("{what} {}. {how}", taken.at));
    let page = access.own(&tenant, &form.s, language, now).await.map_err(failed)?;
    Ok(render(access, &plan, &Shown { language, token: &form.s, page, told }, Step::Done(statement)).await)
}

async fn render(access: &PaidAccess, plan: &PlanPage, shown: &Shown<'_>, step: Step) -> HttpResponse {
    let (language, path) = (shown.language, format!("/p/{}/{}", plan.tenant, plan.id));
    let page = shown.page.as_ref();
    let state = page.map(|page| state_of(page, language));
    let claim = page.filter(|page| !page.is_claimed).map(|_| shown.token);
    let move_token = page.and_then(|page| page.move_token.as_deref());
    let starts = claim.map(|token| format!("claim_{token}")).or(move_token.map(|token| format!("move_{token}")));
    let opens = match &starts {
        Some(start) => access.bot_link(plan, start).await,
        None => None,
    };
    html(
        TEMPLATE,
        context! {
            step => step.word(), told => &shown.told, token => shown.token, path => &path, state,
            contract => page.map(|page| page.id.to_string()),
            claim, move_token, opens,
            move_from => page.and_then(|page| page.move_from.as_deref()),
            can_manage => page.is_some_and(|page| page.is_by_card),
            can_cancel => page.is_some_and(|page| page.can_cancel),
            withdraw_until => page.and_then(|page| page.withdraw_until.as_deref()),
            withdrawn_at => page.and_then(|page| page.withdrawn_at.as_deref()),
            words => words(language),
            ..shell(plan, language)
        },
    )
}

/// `Payé jusqu'au 1er janvier 2027 ; il se renouvelle tout seul.`
fn state_of(page: &OwnPage, language: Language) -> String {
    let Some(until) = &page.until else {
        let has_access = page.state == SubscriptionState::Active;
        let text = if has_access {
            pick(language, "Accès sans date de fin.", "Access without an end.")
        } else {
            pick(language, "Pas d'accès en ce moment.", "No access at the moment.")
        };
        return text.to_owned();
    };
    match (page.state, page.is_cancelled, language) {
        (SubscriptionState::Grace, _, Language::Fr) => {
            format!("Le dernier paiement n'est pas passé : accès jusqu'au {until}.")
        }
        (SubscriptionState::Grace, _, Language::En) => format!("The last payment failed: access until {until}."),
        (_, true, Language::Fr) => format!("Résilié : accès jusqu'au {until}."),
        (_, true, Language::En) => format!("Cancelled: access until {until}."),
        (_, false, Language::Fr) => format!("Payé jusqu'au {until} ; il se renouvelle tout seul."),
        (_, false, Language::En) => format!("Paid until {until}; it renews by itself."),
    }
}

fn words(language: Language) -> Value {
    let pick = |french, english| pick(language, french, english);
    context! {
        title => pick("Mon abonnement", "My subscription"),
        ask => pick(
            "L'adresse e-mail avec laquelle vous avez payé : le lien vers votre page y est envoyé. Sans compte, sans mot de passe.",
            "The e-mail with which you paid: the link to your page is sent there. No account, no password.",
        ),
        email => pick("Adresse e-mail", "E-mail"),
        send => pick("Envoyer le lien", "Send the link"),
        sent => pick(
            "Si un achat a été fait avec cette adresse, le lien vient de partir. Regardez aussi dans les indésirables.",
            "If something was bought with this e-mail, the link is on its way. Look into your spam folder, too.",
        ),
        stars => pick(
            "Payé en Stars ? Écrivez au bot : il vous donne le lien.",
            "Paid in Stars? Write to the bot: it gives you the link.",
        ),
        contract => pick("Contrat", "Contract"),
        claim => pick(
            "Dernier pas : ouvrez le bot et envoyez-lui ce message, il vous donne votre lien d'entrée.",
            "Last step: open the bot and send it this message, and it gives you your way in.",
        ),
        colon => pick("\u{a0}:", ":"),
        open => pick("Ouvrir le bot", "Open the bot"),
        moving => pick("Changer de compte", "Another account"),
        move_how => pick(
            "Depuis l'autre compte, ouvrez le bot et envoyez-lui ce message : l'accès y passe, et ce compte-ci en sort.",
            "From the other account, open the bot and send it this message: access goes there, and this account has to leave.",
        ),
        move_from => pick("vous pourrez le faire vous-même à partir du", "you can do it yourself from"),
        manage => pick("Changer de carte, voir les factures", "Change the card, see the invoices"),
        cancel => pick("Résilier", "Cancel"),
        cancel_what => pick(
            "L'abonnement ne sera pas renouvelé. L'accès dure jusqu'à la fin de ce qui est payé.",
            "The subscription will not be renewed. Access lasts until the end of what is paid.",
        ),
        cancel_confirm => pick("Confirmer la résiliation", "Confirm the cancellation"),
        withdraw => pick("Se rétracter du contrat ici", "Withdraw from the contract here"),
        withdraw_until => pick("Possible jusqu'au", "Possible until"),
        withdraw_what => pick(
            "Vous vous rétractez du contrat ci-dessous, sans avoir à dire pourquoi. Le vendeur a quatorze jours pour vous rembourser.",
            "You withdraw from the contract below, without having to say why. The seller has fourteen days to give your money back.",
        ),
        withdraw_confirm => pick("Confirmer la rétractation", "Confirm the withdrawal"),
        withdrawn => pick("Rétractation reçue le", "Withdrawal received on"),
        name => pick("Votre nom", "Your name"),
        back => pick("Retour", "Back"),
    }
}
