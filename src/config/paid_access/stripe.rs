//! Validation of `[stripe]`.

use super::super::document::Scope;
use super::super::fields::{base_url, quoted, settled};
use super::super::plan::StripePlatform;
use super::super::raw_plans::{RawStripe, RawStripeAccount};
use super::super::secret::Secrets;

const API: &str = "https://api.stripe.com";
const LOST: &str = "the secret key crosses the network in clear";

/// The platform's part. `None` inside: nothing is sold by card. `None` outside: something was reported.
pub(in crate::config) fn platform(
    scope: &Scope<'_>,
    raw: &RawStripe,
    secrets: Secrets<'_>,
    has_public_url: bool,
) -> Option<Option<StripePlatform>> {
    let is_there = raw.secret_key.is_some()
        || raw.webhook_secrets.is_some()
        || raw.success_url.is_some()
        || raw.cancel_url.is_some()
        || raw.api_base_url.is_some();
    if !is_there {
        return Some(None);
    }
    if !has_public_url {
        scope.warning(
            "secret_key",
            "`http.public_base_url` is missing: Stripe's page leads payers back to it, and events come in there"
                .to_owned(),
            "write `public_base_url = \"https://hooks.example.com\"` under `[http]`",
        );
    }
    let help =
        "write `secret_key = { env = \"STRIPE_SECRET_KEY\" }`; it is in Stripe's dashboard under Developers, API keys";
    let secret_key = scope
        .required("secret_key", raw.secret_key.as_ref(), help)
        .and_then(|raw| secrets.resolve(scope, "secret_key", raw));
    let help =
        "write `webhook_secrets = [{ env = \"STRIPE_WEBHOOK_SECRET\" }]`; each endpoint in Stripe's dashboard has one";
    let webhook_secrets = scope.required("webhook_secrets", raw.webhook_secrets.as_deref(), help);
    if webhook_secrets.is_some_and(<[_]>::is_empty) {
        scope.wrong("webhook_secrets", "is empty", help);
        return None;
    }
    let webhook_secrets = webhook_secrets.map(|list| {
        let each = list.iter().enumerate();
        // Each is looked at before the first bad one ends it.
        let read: Vec<_> =
            each.map(|(index, raw)| secrets.resolve(scope, &format!("webhook_secrets[{index}]"), raw)).collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    let page = |key: &str, raw: &Option<String>| {
        settled(raw.as_deref().map(|raw| base_url(scope, key, raw, "https://example.com/merci", LOST)))
    };
    let (success_url, cancel_url) = (page("success_url", &raw.success_url), page("cancel_url", &raw.cancel_url));
    let api_base_url = base_url(scope, "api_base_url", raw.api_base_url.as_deref().unwrap_or(API), API, LOST);
    Some(Some(StripePlatform {
        secret_key: secret_key?,
        webhook_secrets: webhook_secrets??,
        success_url: success_url?,
        cancel_url: cancel_url?,
        api_base_url: api_base_url?,
    }))
}

/// A tenant's connected account. `None` inside: it has none. `None` outside: something was reported.
pub(in crate::config) fn account(scope: &Scope<'_>, raw: &RawStripeAccount) -> Option<Option<String>> {
    let Some(account) = raw.account.as_deref() else { return Some(None) };
    let rest = account.strip_prefix("acct_").unwrap_or_default();
    if rest.is_empty() || !rest.chars().all(|c| c.is_ascii_alphanumeric()) {
        let reason = format!("`{}` is {}, which is no connected account", scope.name("account"), quoted(account));
        scope.error(
            "account",
            reason,
            "write its id, such as `acct_1StvTAJxE062NxgF`; `palabre access connect` makes one",
        );
        return None;
    }
    Some(Some(account.to_owned()))
}
