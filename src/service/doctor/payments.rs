//! Check of payments by card: the platform's webhook endpoints, and each tenant's connected account.

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::config::{StripePlatform, Tenant};
use crate::payments::stripe::{Stripe, StripeError};

const CHECK: &str = "payments";

/// Where events come in.
const PATH: &str = "/webhooks/stripe";

pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let sellers: Vec<&Tenant> = of.tenants().filter(|tenant| tenant.access.stripe_account.is_some()).collect();
    let Some(platform) = &of.config().stripe else { return Vec::new() };
    if sellers.is_empty() {
        return Vec::new();
    }
    let stripe = Stripe::new(client.clone(), platform.api_base_url.clone(), platform.secret_key.clone());
    let mut findings = endpoints(of, platform, &stripe).await;
    for tenant in sellers {
        findings.extend(account(tenant, &stripe).await);
    }
    findings
}

async fn endpoints(of: &Installation<'_>, platform: &StripePlatform, stripe: &Stripe) -> Vec<DoctorFinding> {
    let endpoints = match stripe.webhook_endpoints().await {
        Ok(endpoints) => endpoints,
        Err(error) => return vec![refused(&error)],
    };
    let mut findings = vec![DoctorFinding::good(CHECK, text("Stripe takes the key", "Stripe accepte la clé"))];
    let Some(base) = of.config().http.public_base_url.as_deref() else { return findings };
    let url = format!("{base}{PATH}");
    let here: Vec<_> =
        endpoints.iter().filter(|endpoint| endpoint.url == url && endpoint.status == "enabled").collect();
    if here.is_empty() {
        findings.push(DoctorFinding::wrong(
            CHECK,
            text("no enabled webhook endpoint of Stripe leads here", "aucun webhook actif de Stripe n'arrive ici"),
            text(
                format!("add {url} in Stripe's dashboard, once for connected accounts (docs/access.md)"),
                format!("ajouter {url} dans le tableau de bord de Stripe, dont un pour les comptes connectés (docs/access.md)"),
            ),
        ));
    } else if here.len() > platform.webhook_secrets.len() {
        let (there, known) = (here.len(), platform.webhook_secrets.len());
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!(
                    "{there} endpoints lead here, and stripe.webhook_secrets has {known}: events of some are refused"
                ),
                format!(
                    "{there} webhooks arrivent ici, et stripe.webhook_secrets en a {known} : certains sont refusés"
                ),
            ),
            text("add the secret of each endpoint", "ajouter le secret de chaque webhook"),
        ));
    } else {
        let what = text("a webhook endpoint of Stripe leads here", "un webhook de Stripe arrive ici");
        findings.push(DoctorFinding::good(CHECK, what));
    }
    findings
}

async fn account(tenant: &Tenant, stripe: &Stripe) -> Option<DoctorFinding> {
    let id = tenant.access.stripe_account.as_deref()?;
    let finding = match stripe.account(id).await {
        Ok(account) if account.charges_enabled => {
            DoctorFinding::good(CHECK, text("the connected account can be paid", "le compte connecté peut être payé"))
        }
        Ok(_) => DoctorFinding::wrong(
            CHECK,
            text("the connected account cannot be paid yet", "le compte connecté ne peut pas encore être payé"),
            text(
                "let the creator complete it: `palabre access connect` makes the page's link",
                "le faire compléter par le créateur : `palabre access connect` donne le lien",
            ),
        ),
        Err(StripeError::Missing | StripeError::Forbidden(_)) => DoctorFinding::wrong(
            CHECK,
            text("the connected account is not the platform's", "le compte connecté n'est pas à la plateforme"),
            text(
                "compare [stripe] account of the tenant's file",
                "vérifier [stripe] account dans le fichier du commerce",
            ),
        ),
        Err(error) => refused(&error),
    };
    Some(finding.about(tenant.id.as_str()))
}

fn refused(error: &StripeError) -> DoctorFinding {
    match error {
        StripeError::Forbidden(_) => DoctorFinding::wrong(
            CHECK,
            text("Stripe refuses the key", "Stripe refuse la clé"),
            text(
                "compare stripe.secret_key with Stripe's dashboard",
                "comparer stripe.secret_key avec le tableau de bord",
            ),
        ),
        _ => DoctorFinding::doubtful(
            CHECK,
            text("Stripe cannot be asked for the moment", "Stripe ne répond pas pour l'instant"),
            text("ask again later", "redemander plus tard"),
        ),
    }
}
