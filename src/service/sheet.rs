//! Cells of the tables that spreadsheets open.

/// A cell as text: one that a spreadsheet would take for a formula gets an apostrophe in front.
pub(super) fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
