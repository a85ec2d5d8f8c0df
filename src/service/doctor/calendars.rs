//! Check of calendars in which the time of resources is taken: whether each could be read lately.

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::config::Tenant;
use crate::service::busy::DOUBTFUL_AFTER;
use crate::store::calendar_feeds::CalendarFeedRow;
use crate::store::operator::Operator;

const CHECK: &str = "calendars";

pub(super) async fn check(of: &Installation<'_>, store: &Operator) -> Vec<DoctorFinding> {
    let with: Vec<&Tenant> = of.tenants().filter(|tenant| !tenant.calendars.is_empty()).collect();
    if with.is_empty() {
        return Vec::new();
    }
    let feeds = store.calendar_feeds().await.unwrap_or_default();
    let mut findings = Vec::new();
    for tenant in with {
        let failed = feeds.iter().filter(|feed| feed.tenant == tenant.id && feed.attempts >= DOUBTFUL_AFTER);
        findings.extend(failed.map(|feed| failing(tenant, feed)));
    }
    if findings.is_empty() {
        let what = text("every calendar of [[calendars]] answers", "chaque agenda de [[calendars]] répond");
        findings.push(DoctorFinding::good(CHECK, what));
    }
    findings
}

fn failing(tenant: &Tenant, feed: &CalendarFeedRow) -> DoctorFinding {
    let (id, resource) = (&tenant.id, &feed.resource);
    let why = feed.last_error.as_deref().unwrap_or("unknown");
    let kept = feed.fetched_at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
    DoctorFinding::doubtful(
        CHECK,
        text(
            format!("{id}: the calendar of {resource} cannot be read ({why}); what counts is of {kept}"),
            format!("{id} : l'agenda de {resource} ne se lit pas ({why}) ; ce qui compte date de {kept}"),
        ),
        text(
            "open its address in a browser; calendars give out a new one when the old one was reset",
            "ouvrir son adresse dans un navigateur ; un agenda en donne une nouvelle quand l'ancienne a été réinitialisée",
        ),
    )
}
