//! Configuration: files and environment in, validated types out.
//!
//! Three layers, the later wins: the embedded `config/palabre.toml`, whose comments are the documentation of every key;
//! the operator's file; `PALABRE__…` variables. Then two phases: [`raw`] types say which keys exist and of which kind
//! their values are, and [`daemon`] and [`tenant`] make validated [`types`] of them. No phase stops at its first
//! mistake: every one is reported, with its place ([`problem`]).

mod api;
mod assistant;
mod busy;
mod channel;
mod cidr;
mod console;
mod country;
mod crm;
mod daemon;
mod delivery;
mod directory;
mod document;
mod doubts;
mod environment;
mod escalation;
mod exposed;
mod fallback;
mod faq;
mod fields;
mod files_read;
mod flows;
mod hours;
mod imprint;
mod journal;
mod layers;
mod lease;
mod load;
mod loops;
mod masking;
mod media;
mod observers;
mod paid_access;
mod plan;
mod problem;
mod provider_account;
mod push_key;
mod raw;
mod raw_console;
mod raw_flows;
mod raw_media;
mod raw_observers;
mod raw_plans;
mod raw_values;
mod raw_webhooks;
mod redis;
mod retention;
mod rides;
mod secret;
mod section;
mod source;
mod spool;
pub(crate) mod suggest;
mod template;
mod tenant;
#[cfg(test)]
mod tests;
mod types;
mod unique;
mod weak_key;
mod webhooks;

pub use directory::TenantDirectory;
pub use environment::Environment;
pub use exposed::{exposed, rights_of_others};
pub(crate) use fields::{is_loopback, settled};
pub use files_read::{ConfigFiles, FilesStamp, tenant_paths};
pub use imprint::Imprint;
pub use load::{DEFAULTS, Loaded, Reloaded};
pub(crate) use masking::masked;
pub use plan::{Currency, Every, Plan};
pub use problem::{ConfigErrors, Location, Problem, Severity};
pub use provider_account::ProviderSettings;
pub use raw::{RawDuration, RawSecret};
pub use section::{COMMON_KEYS, Capabilities, Configured, ProviderSection, Providers, Section};
pub use types::*;
