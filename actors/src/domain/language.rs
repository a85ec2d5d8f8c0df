//! Languages that Palabre itself can speak.

use super::words::stored_words;

/// The languages Palabre itself can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Français
    #[default]
    Fr,
    /// English
    En,
}

stored_words!(Language { Fr => "fr", En => "en" });
