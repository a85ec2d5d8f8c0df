//! Cache of `seller_phones`: a row inserted by hand counts within seconds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use palabre_actors::domain::address::{Address, HomeCountry, Identity, Scheme, Unnamed};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::SellerBook;
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::statement::{all, change, text};
use super::{Store, StoreError, identities, sql};

/// How often the table is read. It is empty or tiny.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Phones {
    known: HashMap<TenantId, HashSet<Identity>>,
    /// How many rows of each tenant name nobody.
    unread: BTreeMap<TenantId, u64>,
}

/// The countries of the tenants, as the configuration has them now: what numbers without `+` in tables mean. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Countries(Arc<RwLock<HashMap<TenantId, HomeCountry>>>);

impl Countries {
    pub(super) fn of(&self, tenant: &TenantId) -> Option<HomeCountry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant).copied()
    }

    /// Takes over what is configured of a tenant.
    pub(super) fn set(&self, tenant: &TenantId, country: Option<HomeCountry>) {
        let mut countries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match country {
            Some(country) => countries.insert(tenant.clone(), country),
            None => countries.remove(tenant),
        };
    }
}

/// The tenants' sellers, as `seller_phones` has them. Clones share it.
#[derive(Clone, Default)]
pub struct Sellers(Arc<RwLock<Phones>>);

impl Store {
    /// Reads `seller_phones` now, and again and again for as long as the result lives.
    ///
    /// # Errors
    /// [`StoreError`]: the table cannot be read.
    pub async fn sellers(&self) -> Result<Sellers, StoreError> {
        let sellers = Sellers::default();
        self.keep_fresh(&sellers).await?;
        Ok(sellers)
    }

    /// Keeps an existing cache fresh.
    ///
    /// # Errors
    /// [`StoreError`]: the table cannot be read.
    pub async fn keep_fresh(&self, sellers: &Sellers) -> Result<(), StoreError> {
        let countries = self.0.countries.clone();
        sellers.replace(read(&self.0.reads, &countries).await?);
        let (reads, writes) = (self.0.reads.clone(), self.0.writes.clone());
        tokio::spawn(follow(reads, writes, countries, Arc::downgrade(&sellers.0)));
        Ok(())
    }

    /// Inserts a row into `seller_phones`, as an operator does by hand. It counts within seconds.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_seller_phone(&self, tenant: &TenantId, phone: &str) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(phone)];
        change(&self.0.writes, sql::ADD_SELLER_PHONE, values).await?;
        Ok(())
    }
}

impl Sellers {
    fn replace(&self, phones: Phones) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = phones;
    }
}

impl SellerBook for Sellers {
    fn is_registered(&self, tenant: &TenantId, person: &Identity) -> bool {
        let phones = self.0.read().unwrap_or_else(PoisonError::into_inner);
        phones.known.get(tenant).is_some_and(|phones| phones.contains(person))
    }

    fn has_any(&self, tenant: &TenantId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).known.contains_key(tenant)
    }
}

impl std::fmt::Debug for Sellers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sellers").finish_non_exhaustive()
    }
}

async fn follow(reads: DatabasePool, writes: DatabasePool, countries: Countries, sellers: Weak<RwLock<Phones>>) {
    let mut failing = false;
    let mut unread = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(sellers) = sellers.upgrade().map(Sellers) else { return };
        match refresh(&reads, &writes, &countries).await {
            Ok(phones) => {
                tell_unread(&phones.unread, &mut unread);
                sellers.replace(phones);
                failing = false;
            }
            Err(DbErr::ConnectionAcquire(_)) => return,
            Err(error) => {
                // Logged once for each outage; the phones known so far stay in force.
                if !failing {
                    tracing::warn!(error = %error, "seller_phones, or addresses inserted by hand, cannot be read");
                }
                failing = true;
            }
        }
    }
}

/// Says of each tenant once that rows of it name nobody, and again when there are more.
fn tell_unread(now: &BTreeMap<TenantId, u64>, told: &mut BTreeMap<TenantId, u64>) {
    for (tenant, rows) in now {
        if told.get(tenant).is_none_or(|told| told < rows) {
            tracing::warn!(
                tenant.id = %tenant,
                rows,
                "rows of seller_phones cannot be read: write + and the country code, or set the tenant's `country`"
            );
        }
    }
    told.clone_from(now);
}

/// Reads the sellers, and checks addresses and opt-outs that somebody inserted by hand since.
async fn refresh(reads: &DatabasePool, writes: &DatabasePool, countries: &Countries) -> Result<Phones, DbErr> {
    let phones = read(reads, countries).await?;
    identities::check(writes).await?;
    Ok(phones)
}

async fn read(conn: &DatabasePool, countries: &Countries) -> Result<Phones, DbErr> {
    let mut phones = Phones::default();
    for row in all(conn, sql::SELLER_PHONES, []).await? {
        let (tenant, written) = (row.tenant(0)?, row.get::<String>(1)?);
        match identity_of(&written, countries.of(&tenant)) {
            Some(person) => {
                phones.known.entry(tenant).or_default().insert(person);
            }
            None => *phones.unread.entry(tenant).or_default() += 1,
        }
    }
    Ok(phones)
}

/// Who is meant by a row. `+33 6 12 34-56.78`, `whatsapp:+33612345678`, `0033612345678` and, in France, `06 12 34 56 78` are one
/// person; an address of another kind, such as `telegram:123`, stands for itself.
fn identity_of(written: &str, home: Option<HomeCountry>) -> Option<Identity> {
    let address = Address::written(written, Unnamed::Phone(Scheme::Sms), home);
    address.ok().map(|address| address.identity())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_written_in_any_way_that_names_one_person() {
        let [france, guinea] = ["FR", "GN"].map(HomeCountry::of_code);
        for (written, home, person) in [
            ("+33612345678", None, Some("+33612345678")),
            ("+33 6 12 34-56.78", None, Some("+33612345678")),
            ("0033 6.12.34.56.78", None, Some("+33612345678")),
            ("whatsapp:+33612345678", None, Some("+33612345678")),
            ("06 12 34 56 78", france, Some("+33612345678")),
            ("sms:06 12 34 56 78", france, Some("+33612345678")),
            ("620 12 34 56", guinea, Some("+224620123456")),
            ("+229 97 12 34 56", france, Some("+2290197123456")),
            ("+27 (0)82 123 4567", france, Some("+27821234567")),
            (" telegram:123 ", france, Some("telegram:123")),
            ("mailto:A@B.fr", None, Some("mailto:a@b.fr")),
            ("whatsapp:US.1234", None, Some("whatsapp:US.1234")),
            ("06 12 34 56 78", None, None),
            ("06 12 34 56 78", guinea, None),
            ("33612345678", france, None),
            ("2025550123", france, None),
            ("Awa", france, None),
            ("", france, None),
        ] {
            let found = identity_of(written, home);
            assert_eq!(found.as_ref().map(Identity::as_str), person, "{written} in {home:?}");
        }
    }
}
