//! Values of the installation that stay as they were made: the key that signs exports.

use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::silence::kept;

impl Operator {
    /// A value of the installation that stays as it was made first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn installation_value(&self, name: &str, fresh: &str) -> Result<String, StoreError> {
        Ok(kept(self.reads(), self.writes(), name, fresh).await?)
    }
}
