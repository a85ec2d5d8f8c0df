//! `/console/access/{id}`: one purchase, with its payments in plain words, its places in chats, and what may be done.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::entitlement::SubscriptionState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::display::shown;
use super::home::Nothing;
use super::paid_access::name;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::Permission;
use crate::service::paid_access::{self as access, AccessError};
use crate::store::paid_access::{Payer, PaymentEventFilter, PaymentEventLine};

/// Events that are shown.
const EVENTS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MemberQuery {
    /// What was just done.
    done: String,
}

#[derive(Serialize)]
struct EventLine {
    at: String,
    machine: String,
    what: String,
    amount: Option<String>,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/access/{id}", page);
    routes.post("/access/{id}/move", move_to);
    routes.post("/access/{id}/{action}", act);
}

pub async fn page(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<Uuid>,
    query: web::Query<MemberQuery>,
) -> Result<Page, ConsoleError> {
    let sold = state.sold()?;
    let found = access::member_of(&member.caller, sold, *id).await?;
    if found.subscription.tenant != member.tenant {
        return Err(ConsoleError::NotFound);
    }
    let (row, display) = (&found.subscription, state.display(&member));
    let filter = PaymentEventFilter { subscription: Some(row.id), ..PaymentEventFilter::default() };
    let tenants = member.own_tenant();
    let events = access::events(&member.caller, sold, &tenants, &filter, EVENTS).await?;
    let event = |event: &PaymentEventLine| EventLine {
        at: display.moment(event.received_at),
        machine: super::display::Display::machine(event.received_at),
        what: told(&state, &member, &event.kind),
        amount: event.money.as_ref().map(|money| access::amount(money, member.language)),
    };
    let text = |word: &str| state.text(&member, "access", word);
    let sees = member.caller.may(Permission::ContentRead);
    let places: Vec<(String, String, String)> = found
        .places
        .iter()
        .map(|place| (place.chat.clone(), text(place.state.as_str()), display.moment(place.updated_at)))
        .collect();
    let seen: Vec<(String, String)> = access::seen_in_chats(&member.caller, sold, row)
        .await?
        .iter()
        .map(|one| (text(&format!("was_{}", one.membership)), display.moment(one.seen_at)))
        .collect();
    let grants: Vec<(String, Option<String>)> = row
        .ledger
        .grants()
        .values()
        .map(|grant| (display.moment(grant.at), grant.until.end().map(|until| display.moment(until))))
        .collect();
    let plan = sold.plan(&row.tenant, &row.plan);
    let context = context! {
        id => row.id.to_string(),
        who => row.address.as_ref().map_or_else(|| text("unclaimed"), |address| name(address, sees)),
        email => row.email.as_deref().filter(|_| sees),
        plan => plan.map_or_else(|| row.plan.clone(), |plan| plan.name),
        state => row.state.as_str(),
        state_text => text(row.state.as_str()),
        paid_with => text(row.payer.as_str()),
        since => display.moment(row.created_at),
        until => row.current_period_end.map(|until| display.moment(until)),
        grace => row.grace_until.map(|until| display.moment(until)),
        events => shown(events.iter().map(event).collect::<Vec<_>>()),
        places => shown(places),
        grants => shown(grants),
        seen => shown(seen),
        may_change => member.caller.may(Permission::AccessWrite) && row.state != SubscriptionState::Revoked,
        may_move => member.caller.may(Permission::AccessWrite) && row.payer != Payer::Stars && row.state.gives_access(),
        may_cancel => row.payer != Payer::Hand && row.provider_payment.is_some(),
        may_refund => member.caller.may(Permission::PaymentRefund) && row.provider_payment.is_some(),
        done => state.pages.texts().find(member.language, "access", &format!("done_{}", query.done)),
    };
    state.page(("access_member.html", "access"), &member, context)
}

/// What happened, in the words of people; the provider's word where there are none.
fn told(state: &ConsoleState, member: &Member, kind: &str) -> String {
    let key = kind.replace('.', "_");
    state.pages.texts().find(member.language, "payment_event", &key).unwrap_or(kind).to_owned()
}

/// Whose a purchase is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewAccountForm {
    who: String,
}

/// `POST /console/access/{id}/move`
pub async fn move_to(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<Uuid>,
    form: Form<NewAccountForm>,
) -> Result<Page, ConsoleError> {
    let (sold, now) = (state.sold()?, state.now());
    let row = access::member_of(&member.caller, sold, *id).await?.subscription;
    if row.tenant != member.tenant {
        return Err(ConsoleError::NotFound);
    }
    let moved = match sold.member((&row.tenant, &row.plan), &form.0.who) {
        Ok(to) => access::move_to(&member.caller, sold, *id, &to, now).await,
        Err(error) => Err(error),
    };
    let done = match moved {
        Ok(()) => "moved",
        Err(AccessError::MovedLately) => "moved_lately",
        Err(AccessError::BadMember(_)) => "moved_nowhere",
        Err(error) => return Err(error.into()),
    };
    Ok(Page::see(&format!("/console/access/{id}?done={done}")))
}

/// `POST /console/access/{id}/{action}`: `revoke`, `cancel`, `refund`, `invite`
pub async fn act(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<(Uuid, String)>,
    _form: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    let ((id, action), sold, now) = (path.into_inner(), state.sold()?, state.now());
    let caller = &member.caller;
    if access::member_of(caller, sold, id).await?.subscription.tenant != member.tenant {
        return Err(ConsoleError::NotFound);
    }
    let done = match action.as_str() {
        "revoke" => access::revoke(caller, sold, id, now).await.map(|()| "revoked"),
        "cancel" => access::cancel(caller, sold, id, false, now).await.map(|()| "cancelled"),
        "refund" => access::refund(caller, sold, id, now).await.map(|()| "refunded"),
        "invite" => access::invite_again(caller, sold, id, now).await.map(|()| "invited"),
        _ => return Err(ConsoleError::NotFound),
    }?;
    Ok(Page::see(&format!("/console/access/{id}?done={done}")))
}
