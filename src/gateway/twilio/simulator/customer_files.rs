//! Files of simulated customers, where Twilio keeps them.

use super::Simulator;

impl Simulator {
    /// Where a file of a customer's is, by its name among the simulator's: `photo`,
    /// `voice`, `page`, and others that go wrong.
    #[must_use]
    pub fn file_url(&self, account_sid: &str, name: &str) -> String {
        format!("{}/2010-04-01/Accounts/{account_sid}/Messages/MM1/Media/{name}", self.base_url())
    }

    /// How often a file was asked for with the account's credentials.
    #[must_use]
    pub fn files_asked(&self, name: &str) -> u64 {
        self.world.files.asked(name)
    }
}
