//! A provider's settings of one channel, which only that provider can read.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A provider's validated settings of one channel.
#[derive(Clone, Debug)]
pub struct ProviderAccount {
    name: &'static str,
    /// What the provider calls the account; empty where there is none.
    pub account: String,
    /// Where its API is.
    pub api_base_url: Option<String>,
    /// Where requests go when `api_base_url` cannot be reached.
    pub backup_api_base_url: Option<String>,
    settings: Arc<dyn ProviderSettings>,
}

/// Settings that only their provider can read. `Debug` shows no secret.
pub trait ProviderSettings: Any + fmt::Debug + Send + Sync {}

impl<T: Any + fmt::Debug + Send + Sync> ProviderSettings for T {}

impl ProviderAccount {
    pub fn new(name: &'static str, account: &str, settings: impl ProviderSettings) -> Self {
        let settings = Arc::new(settings);
        Self { name, account: account.to_owned(), api_base_url: None, backup_api_base_url: None, settings }
    }

    /// The provider's name in configuration, paths and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The settings, for the provider that made them.
    #[must_use]
    pub fn settings<T: Any>(&self) -> Option<&T> {
        let settings: &dyn Any = &*self.settings;
        settings.downcast_ref()
    }
}
