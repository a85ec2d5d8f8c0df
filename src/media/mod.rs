//! Media: keeping the files of messages by their hash, and telling what they are.
//!
//! What a file is comes from its bytes ([`kind_of`]): neither the provider nor the file's name is believed.

mod bucket;
mod folder;
mod kinds;
mod links;
mod names;
mod storage;

pub use self::bucket::BucketError;
pub use self::folder::MediaFolder;
pub use self::kinds::{allows, kind_of, shows_inline};
pub use self::links::MediaLinks;
pub use self::names::{ending_of, safe_name};
pub use self::storage::{MediaStorage, StorageError};
