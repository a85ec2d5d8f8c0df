//! Requests to Stripe's API.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::API_VERSION;
use super::objects::{
    AccountLink, Charge, CheckoutSession, ConnectedAccount, Dispute, Invoice, InvoicePayment, List, PortalSession,
    SubscriptionObject, WebhookEndpoint,
};

/// One call; Stripe answers in well under a second.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Rows of one page: the most that Stripe gives.
const PAGE: &str = "100";
/// Pages that are read of what one customer paid: years of monthly payments.
const PAGES: usize = 10;

/// Why Stripe did not do what it was asked. No text shows a key, an address or an amount.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// It cannot be reached, or is busy: the same request may be made again.
    #[error("Stripe cannot be reached or is busy ({0})")]
    Away(String),
    /// It does not take the key, or the connected account is not ours.
    #[error("Stripe refuses the key or the account ({0})")]
    Forbidden(String),
    /// There is no such object.
    #[error("Stripe knows no such object")]
    Missing,
    /// It refuses the request, by its code.
    #[error("Stripe refuses the request ({0})")]
    Refused(String),
    /// Its answer has another form than expected.
    #[error("Stripe's answer cannot be read")]
    Unreadable,
}

impl StripeError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Forbidden(_) | Self::Unreadable)
    }
}

#[derive(Deserialize)]
struct Failure {
    error: FailureDetails,
}

#[derive(Deserialize)]
struct FailureDetails {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

/// The API, with the platform's key. `Debug` shows no key.
#[derive(Clone)]
pub struct Stripe {
    client: reqwest::Client,
    base_url: String,
    key: SecretString,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stripe").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

pub(super) type FormFields<'a> = Vec<(String, std::borrow::Cow<'a, str>)>;

impl Stripe {
    #[must_use]
    pub const fn new(client: reqwest::Client, base_url: String, key: SecretString) -> Self {
        Self { client, base_url, key }
    }

    /// # Errors
    /// [`StripeError`]
    pub async fn checkout_session(&self, account: &str, id: &str) -> Result<CheckoutSession, StripeError> {
        self.get(&format!("/v1/checkout/sessions/{}", path(id)), Some(account), &[]).await
    }

    /// The checkouts since a moment (seconds since 1970) that were completed, the newest first.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn completed_checkouts(&self, account: &str, since: i64) -> Result<Vec<CheckoutSession>, StripeError> {
        let since = since.to_string();
        let query = [("status", "complete"), ("created[gte]", since.as_str())];
        let id = |session: &CheckoutSession| session.id.clone();
        self.pages("/v1/checkout/sessions", account, &query, (usize::MAX, id)).await
    }

    /// # Errors
    /// [`StripeError`]
    pub async fn subscription(&self, account: &str, id: &str) -> Result<SubscriptionObject, StripeError> {
        let expanded = [("expand[]", "default_payment_method")];
        self.get(&format!("/v1/subscriptions/{}", path(id)), Some(account), &expanded).await
    }

    /// # Errors
    /// [`StripeError`]
    pub async fn invoice(&self, account: &str, id: &str) -> Result<Invoice, StripeError> {
        self.get(&format!("/v1/invoices/{}", path(id)), Some(account), &[]).await
    }

    /// # Errors
    /// [`StripeError`]
    pub async fn charge(&self, account: &str, id: &str) -> Result<Charge, StripeError> {
        self.get(&format!("/v1/charges/{}", path(id)), Some(account), &[]).await
    }

    /// The invoices of a subscription that are `paid` or `open`, the newest first, with what paid them.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn invoices(&self, account: &str, subscription: &str, status: &str) -> Result<Vec<Invoice>, StripeError> {
        let query = [("subscription", subscription), ("status", status), ("expand[]", "data.payments")];
        self.pages("/v1/invoices", account, &query, (PAGES, |invoice: &Invoice| invoice.id.clone())).await
    }

    /// The charges of a customer.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn charges(&self, account: &str, customer: &str) -> Result<Vec<Charge>, StripeError> {
        let id = |charge: &Charge| charge.id.clone();
        self.pages("/v1/charges", account, &[("customer", customer)], (PAGES, id)).await
    }

    /// The disputes of a charge.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn disputes(&self, account: &str, charge: &str) -> Result<Vec<Dispute>, StripeError> {
        let page: List<Dispute> = self.get("/v1/disputes", Some(account), &[("charge", charge)]).await?;
        Ok(page.data)
    }

    /// The invoice that a payment intent paid, where the API no longer says so on the charge.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn invoice_of_payment(&self, account: &str, intent: &str) -> Result<Option<String>, StripeError> {
        let query = [("payment[type]", "payment_intent"), ("payment[payment_intent]", intent)];
        let page: List<InvoicePayment> = match self.get("/v1/invoice_payments", Some(account), &query).await {
            Ok(page) => page,
            Err(StripeError::Missing) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(page.data.into_iter().find_map(|one| one.invoice).map(|invoice| invoice.id().to_owned()))
    }

    /// Ends a subscription: at the end of what is paid, or at once.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn cancel(&self, account: &str, id: &str, at_once: bool) -> Result<SubscriptionObject, StripeError> {
        let route = format!("/v1/subscriptions/{}", path(id));
        if at_once {
            return self.send(Method::DELETE, &route, Some(account), &[], None, None).await;
        }
        let form = vec![("cancel_at_period_end".to_owned(), "true".into())];
        // A key of its own: what was resumed since is cancelled anew, and cancelling twice is cancelling.
        self.post(&route, Some(account), form, &fresh_key()).await
    }

    /// Gives the payment of a payment intent back.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn refund(&self, account: &str, intent: &str) -> Result<(), StripeError> {
        let form = vec![("payment_intent".to_owned(), intent.into())];
        let done: Result<serde_json::Value, _> =
            self.post("/v1/refunds", Some(account), form, &format!("refund-{intent}")).await;
        match done {
            // Somebody was faster, and that is what was wanted.
            Err(StripeError::Refused(code)) if code == "charge_already_refunded" => Ok(()),
            done => done.map(drop),
        }
    }

    /// A page on which a customer sees, changes and ends what they pay.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn portal(&self, account: &str, customer: &str, back: &str) -> Result<PortalSession, StripeError> {
        let form = vec![("customer".to_owned(), customer.into()), ("return_url".to_owned(), back.into())];
        self.post("/v1/billing_portal/sessions", Some(account), form, &fresh_key()).await
    }

    /// # Errors
    /// [`StripeError`]
    pub async fn account(&self, account: &str) -> Result<ConnectedAccount, StripeError> {
        self.get(&format!("/v1/accounts/{}", path(account)), None, &[]).await
    }

    /// The platform's webhook endpoints.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, StripeError> {
        let page: List<WebhookEndpoint> = self.get("/v1/webhook_endpoints", None, &[("limit", PAGE)]).await?;
        Ok(page.data)
    }

    /// Makes a connected account for a tenant.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn create_account(&self, tenant: &str) -> Result<ConnectedAccount, StripeError> {
        let form = vec![("type".to_owned(), "standard".into()), ("metadata[tenant]".to_owned(), tenant.into())];
        self.post("/v1/accounts", None, form, &format!("account-{tenant}")).await
    }

    /// A page on which a creator completes their account.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn account_link(&self, account: &str, back: &str) -> Result<AccountLink, StripeError> {
        let field = |key: &str, value: &'static str| (key.to_owned(), value.into());
        let form = vec![
            ("account".to_owned(), account.into()),
            ("refresh_url".to_owned(), back.into()),
            ("return_url".to_owned(), back.into()),
            field("type", "account_onboarding"),
        ];
        self.post("/v1/account_links", None, form, &fresh_key()).await
    }

    /// A page of the events of a connected account since a moment (seconds since 1970), the newest first, from after this one on.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn events(&self, account: &str, since: i64, after: Option<&str>) -> Result<EventPage, StripeError> {
        let since = since.to_string();
        let mut query = vec![("created[gte]", since.as_str()), ("limit", PAGE)];
        query.extend(after.map(|after| ("starting_after", after)));
        let page: List<serde_json::Value> = self.get("/v1/events", Some(account), &query).await?;
        let last = page.data.last().and_then(|event| event["id"].as_str()).map(ToOwned::to_owned);
        Ok(EventPage { next: last.filter(|_| page.has_more), bodies: page.data })
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        route: &str,
        account: &str,
        query: &[(&str, &str)],
        (most, id): (usize, impl Fn(&T) -> String),
    ) -> Result<Vec<T>, StripeError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..most {
            let after = all.last().map(&id);
            let mut query = [query, &[("limit", PAGE)]].concat();
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page: List<T> = self.get(route, Some(account), &query).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        route: &str,
        account: Option<&str>,
        query: &[(&str, &str)],
    ) -> Result<T, StripeError> {
        self.send(Method::GET, route, account, query, None, None).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        route: &str,
        account: Option<&str>,
        form: FormFields<'_>,
        idempotency_key: &str,
    ) -> Result<T, StripeError> {
        self.send(Method::POST, route, account, &[], Some(form), Some(idempotency_key)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        account: Option<&str>,
        query: &[(&str, &str)],
        form: Option<FormFields<'_>>,
        idempotency_key: Option<&str>,
    ) -> Result<T, StripeError> {
        let mut url = format!("{}{route}", self.base_url);
        if !query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            url = format!("{url}?{query}");
        }
        let mut request = self
            .client
            .request(method, url)
            .timeout(TIMEOUT)
            .bearer_auth(self.key.expose_secret())
            .header("Stripe-Version", API_VERSION);
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(form) = &form {
            request = request.form(form);
        }
        // A reqwest error shows its URL, which names an object: its kind says enough.
        let response = request.send().await.map_err(|error| StripeError::Away(cause(&error).to_owned()))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| StripeError::Away(cause(&error).to_owned()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| StripeError::Unreadable);
        }
        let failure = serde_json::from_slice::<Failure>(&body).ok().map(|failure| failure.error);
        let word =
            failure.and_then(|failure| failure.code.or(failure.kind)).unwrap_or_else(|| status.as_str().to_owned());
        Err(match status {
            StatusCode::NOT_FOUND => StripeError::Missing,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StripeError::Forbidden(word),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => StripeError::Away(word),
            status if status.is_server_error() => StripeError::Away(word),
            _ if word == "resource_missing" => StripeError::Missing,
            _ => StripeError::Refused(word),
        })
    }
}

/// Events of a connected account.
#[derive(Debug)]
pub struct EventPage {
    pub bodies: Vec<serde_json::Value>,
    /// After which event the next page begins. `None`: this was the last.
    pub next: Option<String>,
}

/// A key for a request that may be made again by itself.
fn fresh_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// An id as a part of a path.
fn path(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%5F", "_")
}

fn cause(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "connection lost"
    }
}
