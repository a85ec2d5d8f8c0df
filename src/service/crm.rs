//! CRM correlation: whose a contact is in the tenant's CRM, looked up behind the messages and never in their way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use metrics::counter;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::Clock;
use reqwest::Client;
use tracing::warn;

use super::permissions::Permission::{ContactRead, ContentRead};
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::{Crm, Tenant};
use crate::crm::{CrmClient, CrmFailure, CrmRecord, LoggedEmail};
use crate::gateway::client::ClientError;
use crate::gateway::{guarded_client, unreached};
use crate::store::StoreError;
use crate::store::crm::{CrmCounts, CrmEmail, CrmEmailOutcome, CrmLink, CrmLookup};
use crate::store::operator::Operator;
use crate::telemetry::metrics as names;

/// Contacts, or e-mails, that are taken together: at three seconds each, well within the lease.
const AT_ONCE: usize = 20;
/// How long what a node took is nobody else's.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// The first wait after a failure; each is twice the one before.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);
/// A row is committed so long after its id was made, at most: younger ones are looked for again.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// E-mails that were written before are not logged: they are older than the CRM's configuration, or were noted before a restart.
const EMAILS_OF: TimeDelta = TimeDelta::days(1);
/// How soon an e-mail is looked at again that was just written and is not sent yet, or whose contact is being looked up.
const SOON: TimeDelta = TimeDelta::seconds(2);
/// The same for one that was written more than a minute ago.
const LATER: TimeDelta = TimeDelta::minutes(1);
/// An e-mail whose contact is in no CRM is dropped after so long: they may be entered there meanwhile.
const UNKNOWN_CONTACT: TimeDelta = TimeDelta::hours(1);
/// An e-mail that cannot be logged in so many attempts, which is more than a day, is dropped.
const EMAIL_ATTEMPTS: u32 = 14;

/// Correlates the contacts of tenants that have a CRM. Clones share it.
#[derive(Clone)]
pub struct Correlation {
    operator: Operator,
    client: Client,
    /// Whether a CRM may stand in a network of one's own.
    private: bool,
    clock: Arc<dyn Clock>,
    tenants: Arc<Mutex<HashMap<TenantId, Followed>>>,
}

impl std::fmt::Debug for Correlation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Correlation").finish_non_exhaustive()
    }
}

/// A tenant's CRM, and how far contacts and e-mails were read.
struct Followed {
    source: Arc<Tenant>,
    crm: Arc<CrmClient>,
    /// Contacts made before were all seen.
    contacts: Timestamp,
    /// E-mails written before were all noted.
    emails: Timestamp,
    is_failing: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorrelationStep {
    /// Whether more may be due at once.
    pub has_more: bool,
}

impl Correlation {
    /// # Errors
    /// [`ClientError`]
    pub fn new(operator: Operator, private: bool, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let client = guarded_client::new(private)?;
        Ok(Self { operator, client, private, clock, tenants: Arc::default() })
    }

    /// Looks up contacts of a tenant that are due, and logs e-mails. A CRM that fails ends the step.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn step(&self, tenant: &Arc<Tenant>) -> Result<CorrelationStep, StoreError> {
        let Some(settings) = &tenant.crm else { return Ok(CorrelationStep::default()) };
        let crm = self.crm_of(tenant, settings);
        let now = self.clock.now();
        let after = self.followed(&tenant.id, |followed| followed.contacts);
        let lookups = self.operator.claim_crm_lookups(&tenant.id, after, (now, now + LEASE), AT_ONCE).await?;
        let has_more = lookups.len() >= AT_ONCE;
        if lookups.is_empty() {
            self.followed(&tenant.id, |followed| followed.contacts = now - OVERLAP);
        }
        let mut is_away = false;
        for lookup in &lookups {
            // A CRM that does not answer is not asked for the others.
            is_away = !self.look_up((&tenant.id, settings, &*crm), lookup, is_away).await?;
        }
        if settings.log_emails && !is_away {
            self.log_emails(tenant, &crm, now).await?;
        }
        Ok(CorrelationStep { has_more: has_more && !is_away })
    }

    /// Answers whether the CRM answered.
    async fn look_up(
        &self,
        (tenant, settings, crm): (&TenantId, &Crm, &CrmClient),
        lookup: &CrmLookup,
        is_away: bool,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if is_away {
            self.operator.retry_crm_lookup((tenant, lookup.contact), lookup.attempts, None, now + FIRST_RETRY).await?;
            return Ok(false);
        }
        let count = |outcome: &'static str| {
            counter!(names::CRM_LOOKUPS, "tenant" => tenant.to_string(), "outcome" => outcome).increment(1);
        };
        match self.guarded(settings, crm, &lookup.addresses).await {
            Ok(found) => {
                count(if found.is_some() { "found" } else { "absent" });
                self.note_failure(tenant, None);
                let link = found.map(|CrmRecord { kind, id }| CrmLink { kind, id });
                let next = now + TimeDelta::from_std(settings.cache).unwrap_or(LONGEST_RETRY);
                let provider = settings.source.as_str();
                self.operator.settle_crm_lookup((tenant, lookup), link.as_ref(), provider, (now, next)).await?;
                Ok(true)
            }
            Err(failure) => {
                count("failed");
                let reason = reason(&failure);
                self.note_failure(tenant, Some(&failure));
                let next = now + wait_after(lookup.attempts);
                let attempts = lookup.attempts + 1;
                self.operator.retry_crm_lookup((tenant, lookup.contact), attempts, Some(&reason), next).await?;
                Ok(false)
            }
        }
    }

    async fn guarded(
        &self,
        settings: &Crm,
        crm: &CrmClient,
        addresses: &[Address],
    ) -> Result<Option<CrmRecord>, CrmFailure> {
        if !is_allowed(settings, self.private) {
            return Err(CrmFailure::NotPublic);
        }
        crm.find(addresses).await
    }

    async fn log_emails(&self, tenant: &Tenant, crm: &CrmClient, now: Timestamp) -> Result<(), StoreError> {
        let channels: Vec<ChannelId> = tenant
            .channels
            .iter()
            .filter(|channel| channel.profile.scheme == Scheme::Mailto)
            .map(|channel| channel.id.clone())
            .collect();
        if channels.is_empty() {
            return Ok(());
        }
        let since = self.followed(&tenant.id, |followed| followed.emails);
        self.operator.note_crm_emails(&tenant.id, &channels, (since, now)).await?;
        self.followed(&tenant.id, |followed| followed.emails = now - OVERLAP);
        let mut is_away = false;
        for email in self.operator.claim_crm_emails(&tenant.id, (now, now + LEASE), AT_ONCE).await? {
            let mut reason = None;
            let outcome = match destiny(&email, now) {
                Destiny::Drop => CrmEmailOutcome::Dropped,
                Destiny::Wait => {
                    CrmEmailOutcome::Again(None, now + if now - email.noted_at < LATER { SOON } else { LATER })
                }
                Destiny::Log(_) if is_away => CrmEmailOutcome::Again(None, now + FIRST_RETRY),
                Destiny::Log(link) => match crm.log_email(&link, &logged(&email)).await {
                    Ok(_) => CrmEmailOutcome::Logged,
                    Err(failure) => {
                        is_away = true;
                        self.note_failure(&tenant.id, Some(&failure));
                        let word = reason.insert(self::reason(&failure));
                        match email.attempts + 1 >= EMAIL_ATTEMPTS {
                            true => CrmEmailOutcome::Dropped,
                            false => CrmEmailOutcome::Again(Some(word.as_str()), now + wait_after(email.attempts)),
                        }
                    }
                },
            };
            self.operator.settle_crm_email(&tenant.id, (email.message, email.attempts), outcome, now).await?;
        }
        Ok(())
    }

    /// The tenant's CRM; made again when the tenant's file changed.
    fn crm_of(&self, tenant: &Arc<Tenant>, settings: &Crm) -> Arc<CrmClient> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Followed {
            source: Arc::clone(tenant),
            crm: Arc::new(CrmClient::new(settings, tenant.country, self.client.clone())),
            contacts: Timestamp::UNIX_EPOCH,
            emails: self.clock.now() - EMAILS_OF,
            is_failing: false,
        };
        let followed = tenants.entry(tenant.id.clone()).or_insert_with(fresh);
        if !Arc::ptr_eq(&followed.source, tenant) {
            *followed = fresh();
        }
        Arc::clone(&followed.crm)
    }

    fn followed<T: Default>(&self, tenant: &TenantId, look: impl FnOnce(&mut Followed) -> T) -> T {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get_mut(tenant).map(look).unwrap_or_default()
    }

    /// Logs the first of some failures.
    fn note_failure(&self, tenant: &TenantId, failure: Option<&CrmFailure>) {
        let was_failing =
            self.followed(tenant, |followed| std::mem::replace(&mut followed.is_failing, failure.is_some()));
        if let Some(failure) = failure.filter(|_| !was_failing) {
            warn!(
                tenant.id = %tenant,
                crm.reason = %reason(failure),
                "the CRM does not answer, contacts are looked up later"
            );
        }
    }
}

/// Whether a CRM's URL may be asked.
fn is_allowed(settings: &Crm, private: bool) -> bool {
    settings.source.url().is_none_or(|url| guarded_client::check(url, private).is_ok())
}

fn wait_after(attempts: u32) -> TimeDelta {
    let doubled = FIRST_RETRY.checked_mul(1 << attempts.min(16));
    doubled.map_or(LONGEST_RETRY, |wait| wait.min(LONGEST_RETRY))
}

/// The word for a failure.
fn reason(failure: &CrmFailure) -> String {
    match failure {
        CrmFailure::Unreached(error) => guarded_client::why(error).to_owned(),
        CrmFailure::NotPublic => guarded_client::NOT_PUBLIC.to_owned(),
        CrmFailure::Refused(status) => format!("http_{status}"),
        CrmFailure::Unreadable => "unreadable".to_owned(),
        CrmFailure::File(_) => "no_file".to_owned(),
        CrmFailure::Columns(_) => "no_columns".to_owned(),
    }
}

enum Destiny {
    Log(CrmRecord),
    Wait,
    Drop,
}

fn destiny(email: &CrmEmail, now: Timestamp) -> Destiny {
    use OutboxState::{
        Cancelled, Dead, Deferred, Delivered, Failed, Pending, Read, Sending, Sent, Suppressed, Unknown,
    };
    match (email.state, &email.link) {
        (Sent | Delivered | Read, Some(link)) => {
            Destiny::Log(CrmRecord { kind: link.kind.clone(), id: link.id.clone() })
        }
        (Sent | Delivered | Read, None) if email.is_looked_up && now - email.noted_at > UNKNOWN_CONTACT => {
            Destiny::Drop
        }
        (Failed | Suppressed | Dead | Cancelled, _) => Destiny::Drop,
        (Pending | Sending | Unknown | Deferred, _) | (Sent | Delivered | Read, None) => Destiny::Wait,
    }
}

fn logged(email: &CrmEmail) -> LoggedEmail<'_> {
    LoggedEmail {
        subject: email.subject.as_deref().unwrap_or_default(),
        text: &email.text,
        html: email.html.as_deref(),
        from: email.from.as_ref().map_or("", Address::path),
        to: email.to.path(),
        sent_at: email.sent_at,
    }
}

/// How many contacts the CRMs of tenants know.
///
/// # Errors
/// [`ServiceError`]
pub async fn counts(
    caller: &Caller,
    store: &Operator,
    tenants: &[TenantId],
) -> Result<std::collections::BTreeMap<TenantId, CrmCounts>, ServiceError> {
    caller.require(ContactRead)?;
    caller.among(&Tenants::Of(tenants.to_vec()))?;
    Ok(store.crm_counts(tenants).await?)
}

/// Asks a tenant's CRM for an address, for trying it out; nothing is stored.
///
/// # Errors
/// [`ServiceError`]: `Failed` when the CRM does not answer.
pub async fn find(
    caller: &Caller,
    store: &Operator,
    (tenant, settings): (&Tenant, &Crm),
    address: &Address,
    private: bool,
) -> Result<Result<Option<CrmRecord>, String>, ServiceError> {
    caller.require(ContactRead)?;
    caller.require(ContentRead)?;
    caller.within(&tenant.id)?;
    audit::note(caller, store, &tenant.id, "crm.find", ("tenant", tenant.id.as_str())).await?;
    if !is_allowed(settings, private) {
        return Ok(Err(guarded_client::NOT_PUBLIC.to_owned()));
    }
    let Ok(client) = guarded_client::new(private) else { return Ok(Err("no_client".to_owned())) };
    let deadline = settings.timeout.saturating_add(Duration::from_secs(60));
    let found = CrmClient::new(settings, tenant.country, client);
    match tokio::time::timeout(deadline, found.find(std::slice::from_ref(address))).await {
        Ok(found) => Ok(found.map_err(|failure| reason(&failure))),
        Err(_) => Ok(Err(unreached::NO_ANSWER.to_owned())),
    }
}
