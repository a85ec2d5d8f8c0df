//! Simulated Stripe, for tests, the demo and people who try things out.
//!
//! It has a clock of its own that can be moved, checkout pages that a person or a program can pay on, renewals that succeed or
//! fail, refunds, disputes, and webhooks that come late, twice, in another order, or never. It answers in the shape of
//! the API version that it is told, and only to requests that name the right connected account.

mod api;
mod books;
mod changes;
mod contract;
mod entitled;
mod fields;
mod shapes;
mod webhooks;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use palabre_actors::domain::Timestamp;

use self::books::Books;
pub use self::books::Shape;
pub use self::webhooks::WebhookFaults;

/// The key that it takes.
pub const SECRET_KEY: &str = "sk_test_simulated_0123456789";
/// The secret with which it signs webhooks.
pub const WEBHOOK_SECRET: &str = "whsec_simulated_0123456789";

/// A running simulator. It ends when this is dropped.
pub struct SimulatedStripe {
    books: Arc<Mutex<Books>>,
    base_url: String,
    server: ServerHandle,
}

impl std::fmt::Debug for SimulatedStripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedStripe").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Drop for SimulatedStripe {
    fn drop(&mut self) {
        // What is told to stop stops; nobody waits for it.
        drop(self.server.stop(false));
    }
}

impl SimulatedStripe {
    /// Starts one on a free port, with this connected account. Must be called on an actix or tokio runtime.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(account: &str, now: Timestamp) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let books = Arc::new(Mutex::new(Books::new(account, &base_url, now.timestamp())));
        let shared = web::Data::from(Arc::clone(&books));
        let server = HttpServer::new(move || App::new().app_data(shared.clone()).configure(api::mount))
            .workers(1)
            .disable_signals()
            .listen(listener)?
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Ok(Self { books, base_url, server: handle })
    }

    /// Where its API and its checkout pages are.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        super::truth::moment(self.books().now)
    }

    /// Lets time pass: trials end, renewals are paid or fail, what was cancelled ends.
    pub fn advance(&self, seconds: i64) {
        self.books().advance(seconds);
    }

    /// Whether the cards of all customers pay from now on.
    pub fn let_cards_pay(&self, pays: bool) {
        self.books().cards_pay = pays;
    }

    /// When everybody's card ends: the last month in which it pays, and its year.
    pub fn let_cards_end(&self, month: u32, year: i32) {
        self.books().card_end = (month, year);
    }

    /// Pays on a checkout page, by its URL or by the id of its session, as this person. Returns whether it was
    /// paid.
    #[must_use]
    pub fn pay(&self, page: &str, email: &str) -> bool {
        let session = page.rsplit('/').next().unwrap_or(page);
        self.books().pay(session, email)
    }

    /// Gives the last payment of a subscription, or a single payment, back.
    pub fn refund(&self, bought: &str) {
        self.books().refund_last(bought);
    }

    /// The holder of the card disputes the last payment; `outcome` is `won` or `lost` once it is decided.
    pub fn dispute(&self, bought: &str, outcome: Option<&str>) {
        self.books().dispute_last(bought, outcome);
    }

    /// The member ends it on the customer's pages, at the end of what is paid.
    pub fn cancel(&self, subscription: &str) {
        self.books().cancel(subscription, false);
    }

    /// The member takes up again what they cancelled.
    pub fn resume(&self, subscription: &str) {
        self.books().resume(subscription);
    }

    /// Whether Stripe lets the creator's account be paid.
    pub fn let_account_charge(&self, may: bool) {
        let mut books = self.books();
        books.may_charge = may;
        books.happened("account.updated", "");
    }

    /// The creator disconnects their account from the platform.
    pub fn disconnect(&self) {
        let mut books = self.books();
        books.is_connected = false;
        books.happened("account.application.deauthorized", "");
    }

    /// What was not as Stripe's description has it, in requests and in its own answers.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.books().faults.clone()
    }

    /// Makes its answers and webhooks look like this API version's.
    pub fn speak(&self, shape: Shape) {
        self.books().shape = shape;
    }

    /// Signs webhooks in its own time from now on, for a receiver whose clock is moved with it.
    pub fn sign_in_own_time(&self) {
        self.books().signs_in_own_time = true;
    }

    /// What it answers to nobody: every request gets 503.
    pub fn go_away(&self, is_away: bool) {
        self.books().is_away = is_away;
    }

    /// Replaces the webhook endpoints of its dashboard.
    pub fn set_webhook_urls(&self, urls: &[&str]) {
        self.books().webhook_urls = urls.iter().map(|url| (*url).to_owned()).collect();
    }

    /// The ids of the subscriptions, the oldest first.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        self.books().subscriptions.iter().map(|one| one.id.clone()).collect()
    }

    /// Requests that it refused because they named no account, or another one, or no key.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.books().refused
    }

    /// Posts what happened since the last call to a webhook URL, with these faults. Returns how many posts were not taken.
    pub async fn deliver(&self, client: &reqwest::Client, url: &str, faults: WebhookFaults) -> usize {
        let posts = self.books().posts(faults);
        webhooks::post(client, url, posts).await
    }
}

/// For those who hand webhooks over by themselves.
impl SimulatedStripe {
    /// What happened since the last call: bodies with their signatures, as they would be posted under these faults.
    #[must_use]
    pub fn posts(&self, faults: WebhookFaults) -> Vec<(String, String)> {
        self.books().posts(faults)
    }

    /// Who has paid up to when, by Stripe's own books: for each subscription or single payment, in the order in which they
    /// were bought, its id, the customer's e-mail and until when its plan entitles, `i64::MAX` for ever. `grace` is in seconds.
    #[must_use]
    pub fn entitled(&self, grace: i64) -> Vec<(String, String, i64)> {
        self.books().entitled(grace)
    }
}
