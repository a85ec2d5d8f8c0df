//! `palabre migrate`: the database's schema, brought up to date.

use std::path::Path;

use super::{exit, load_without_secrets, say};
use crate::store::Store;

pub(super) fn run(config: &Path) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    super::on_runtime(async move {
        match Store::migrate(&config.database.url).await {
            Ok(steps) if steps.is_empty() => say(format_args!("the database is up to date")),
            Ok(steps) => say(format_args!("brought the database up to date: {}", steps.join(", "))),
            Err(error) => return super::complain(&error),
        }
        exit::OK
    })
}
