//! `palabre migrate`: the database's schema, brought up to date.

use std::path::Path;

use super::{exit, load, say};
use crate::store::Store;

pub(super) fn run(config: &Path) -> u8 {
    let Some(config) = load(config) else { return exit::FOUND_WRONG };
    super::on_runtime(async move {
        let store = match Store::open(&config.database.url).await {
            Ok(store) => store,
            Err(error) => return super::complain(&error),
        };
        let migrated = store.migrate().await;
        store.close().await;
        match migrated {
            Ok(()) => {
                say(format_args!("the database is up to date"));
                exit::OK
            }
            Err(error) => super::complain(&error),
        }
    })
}
