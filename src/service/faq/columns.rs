//! Columns of a table of entries.

pub(super) const COLUMNS: [&str; 6] = ["question", "keywords", "about", "answer", "language", "enabled"];
