//! Cache of `seller_phones`: a row inserted by hand counts within seconds.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use palabre_actors::domain::address::{Address, HomeCountry, Identity, Scheme};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::SellerBook;
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::statement::{all, change, text};
use super::values::Row;
use super::{Store, StoreError, identities, sql};

/// How often the table is read. It is empty or tiny.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Phones = HashMap<TenantId, HashSet<Identity>>;

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

    /// The same for an existing cache.
    ///
    /// # Errors
    /// [`StoreError`]: the table cannot be read.
    pub async fn keep_fresh(&self, sellers: &Sellers) -> Result<(), StoreError> {
        sellers.replace(read(&self.0.reads).await?);
        let (reads, writes) = (self.0.reads.clone(), self.0.writes.clone());
        tokio::spawn(follow(reads, writes, Arc::downgrade(&sellers.0)));
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
        phones.get(tenant).is_some_and(|phones| phones.contains(person))
    }

    fn has_any(&self, tenant: &TenantId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(tenant)
    }
}

impl std::fmt::Debug for Sellers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sellers").finish_non_exhaustive()
    }
}

async fn follow(conn: DatabasePool, writes: DatabasePool, sellers: Weak<RwLock<Phones>>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(sellers) = sellers.upgrade().map(Sellers) else { return };
        match refresh(&conn, &writes).await {
            Ok(phones) => {
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

/// Reads the sellers, and checks addresses and opt-outs that somebody inserted by hand since.
async fn refresh(conn: &DatabasePool, writes: &DatabasePool) -> Result<Phones, DbErr> {
    let phones = read(conn).await?;
    identities::check(writes).await?;
    Ok(phones)
}

async fn read(conn: &DatabasePool) -> Result<Phones, DbErr> {
    let mut phones = Phones::new();
    for row in all(conn, sql::SELLER_PHONES, []).await? {
        let (tenant, phone) = columns(&row)?;
        phones.entry(tenant).or_default().insert(phone);
    }
    Ok(phones)
}

fn columns(row: &Row) -> Result<(TenantId, Identity), DbErr> {
    let language: Option<String> = row.get(2)?;
    Ok((row.tenant(0)?, identity_of(&row.get::<String>(1)?, language.as_deref())))
}

/// `+33 6 12 34-56.78`, `whatsapp:+33612345678`, `0033612345678` and `33612345678` are all `+33612345678`, and so is
/// `06 12 34 56 78` for a tenant that speaks French. An address of another kind, such as `telegram:123`, stands for itself.
/// What is neither stays as digits, and matches nobody.
fn identity_of(phone: &str, language: Option<&str>) -> Identity {
    let typed = Address::parse(Scheme::Sms, phone.trim(), None).ok();
    let is_phone = |address: &Address| matches!(address.scheme(), Scheme::Sms | Scheme::Whatsapp);
    if let Some(address) = typed.filter(|address| !is_phone(address) || is_user_id(address)) {
        return address.identity();
    }
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let (home, number) = match digits.strip_prefix("00") {
        Some(international) => (None, format!("+{international}")),
        None if digits.starts_with('0') && language == Some("fr") => (HomeCountry::of_code("FR"), digits),
        None => (None, format!("+{digits}")),
    };
    match Address::parse(Scheme::Sms, &number, home) {
        Ok(address) => address.identity(),
        Err(_) => Identity::from_stored(&number),
    }
}

/// Whether it is `whatsapp:US.1234`, a user without a phone number.
fn is_user_id(address: &Address) -> bool {
    address.scheme() == Scheme::Whatsapp && !address.is_phone()
}

#[cfg(test)]
mod tests {
    use super::identity_of;

    fn normalised(phone: &str, language: Option<&str>) -> String {
        identity_of(phone, language).as_str().to_owned()
    }

    #[test]
    fn a_number_may_be_written_in_any_way() {
        let spellings =
            ["+33612345678", "33612345678", "+33 6 12 34 56 78", "0033 6.12.34.56.78", "whatsapp:+33612345678"];
        for spelling in spellings.into_iter().chain(["06 12 34 56 78"]) {
            assert_eq!(normalised(spelling, Some("fr")), "+33612345678", "{spelling}");
        }
        assert_eq!(normalised("07911 123456", None), "+07911123456");
        for (typed, address) in [
            (" telegram:123 ", "telegram:123"),
            ("mailto:A@B.fr", "mailto:a@b.fr"),
            ("whatsapp:US.1234", "whatsapp:US.1234"),
            ("+229 97 12 34 56", "+2290197123456"),
            ("+27 (0)82 123 4567", "+27821234567"),
        ] {
            assert_eq!(normalised(typed, Some("fr")), address);
        }
    }
}
