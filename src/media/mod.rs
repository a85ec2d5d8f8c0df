//! Media: fetching files from where providers keep them, and keeping them by their hash.
//!
//! A URL comes from outside, so nothing of it is believed: [`Fetcher`] connects to public addresses alone, and what is kept has
//! the type that its bytes show ([`kind_of`]).

mod fetch;
mod folder;
mod guard;
mod kinds;

pub use self::fetch::{FetchError, FetchRequest, Fetched, Fetcher};
pub use self::folder::MediaFolder;
pub use self::guard::is_public;
pub use self::kinds::{allows, kind_of, shows_inline};
