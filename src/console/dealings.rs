//! What the card of a contact shows beside addresses and consent: bookings, requests, rides, purchases, the CRM's record.

use minijinja::{Value, context};
use palabre_actors::domain::booking::BookingState;
use serde::Serialize;

use super::display::{Display, first_words, shown};
use super::{ConsoleError, ConsoleState, Member};
use crate::config::{CrmSource, Tenant};
use crate::service::dealings::{self, Dealings};
use crate::store::conversations::ContactRow;
use crate::store::crm::CrmLink;
use crate::store::operator::{BookingRow, LeadRow, OfferRow};
use crate::store::paid_access::Subscription;

/// What a request is shown by, in characters.
const LONGEST: usize = 60;

/// One thing, in a line.
#[derive(Serialize)]
struct Dealing {
    href: Option<String>,
    text: String,
    /// Empty for a booking to come.
    state_text: String,
    /// When a booking is, or when anything else was made.
    when: String,
}

/// The record of the tenant's CRM.
#[derive(Serialize)]
struct Record {
    /// `Lead 5f8d0d55b54764421`
    text: String,
    href: Option<String>,
}

/// The lists of a contact's card, by what they are; those without anything are left out.
pub(super) async fn card(
    member: &Member,
    state: &ConsoleState,
    contact: Option<&ContactRow>,
) -> Result<Value, ConsoleError> {
    let Some(contact) = contact else { return Ok(Value::from(())) };
    let dealings = dealings::of(&member.caller, &state.deps.store, &member.tenant, contact).await?;
    let tenant = state.tenant(&member.tenant);
    let words = Words { member, state, tenant: tenant.as_deref(), display: state.display(member) };
    let Dealings { bookings, leads, offers, subscriptions, crm } = &dealings;
    Ok(context! {
        bookings => shown(bookings.iter().map(|row| words.booking(row)).collect::<Vec<_>>()),
        leads => shown(leads.iter().map(|row| words.lead(row)).collect::<Vec<_>>()),
        rides => shown(offers.iter().map(|row| words.offer(row)).collect::<Vec<_>>()),
        purchases => shown(subscriptions.iter().map(|row| words.purchase(row)).collect::<Vec<_>>()),
        record => crm.as_ref().map(|link| shown(words.record(link))),
    })
}

struct Words<'a> {
    member: &'a Member,
    state: &'a ConsoleState,
    tenant: Option<&'a Tenant>,
    display: Display,
}

impl Words<'_> {
    fn text(&self, section: &str, key: &str) -> String {
        self.state.text(self.member, section, key)
    }

    fn booking(&self, row: &BookingRow) -> Dealing {
        let service = self.tenant.and_then(|tenant| tenant.rules.flows()?.service(&row.service));
        let is_to_come = row.starts_at > self.display.now && row.state == BookingState::Confirmed;
        Dealing {
            href: Some(format!("/console/bookings/{}", row.id)),
            text: service.map_or_else(|| row.service.clone(), |service| service.name.clone()),
            state_text: if is_to_come { String::new() } else { self.text("booking_state", row.state.as_str()) },
            when: self.display.moment(row.starts_at),
        }
    }

    fn lead(&self, row: &LeadRow) -> Dealing {
        Dealing {
            href: Some(format!("/console/leads?state={}", row.state.as_str())),
            text: first_words(&row.need, LONGEST),
            state_text: self.text("lead_state", row.state.as_str()),
            when: self.display.date(row.created_at),
        }
    }

    fn offer(&self, row: &OfferRow) -> Dealing {
        Dealing {
            href: None,
            text: first_words(&row.text, LONGEST),
            state_text: self.text("offer_state", row.state.as_str()),
            when: self.display.moment(row.created_at),
        }
    }

    fn purchase(&self, row: &Subscription) -> Dealing {
        let plan = self.tenant.and_then(|tenant| tenant.access.plans.iter().find(|plan| plan.id == row.plan));
        Dealing {
            href: Some(format!("/console/access/{}", row.id)),
            text: plan.map_or_else(|| row.plan.clone(), |plan| plan.name.clone()),
            state_text: self.text("access", row.state.as_str()),
            when: self.display.date(row.created_at),
        }
    }

    fn record(&self, link: &CrmLink) -> Record {
        let text = format!("{} {}", link.kind, link.id);
        let source = self.tenant.and_then(|tenant| Some(&tenant.crm.as_ref()?.source));
        let href = match source {
            // The pages of EspoCRM stand behind a `#`.
            Some(CrmSource::EspoCrm { base_url, .. }) => {
                Some(format!("{}/#{}/view/{}", base_url.as_str().trim_end_matches('/'), link.kind, link.id))
            }
            _ => None,
        };
        Record { text, href }
    }
}
