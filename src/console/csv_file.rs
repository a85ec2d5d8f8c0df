//! Tables that a browser keeps as files.

use actix_web::HttpResponse;
use actix_web::http::header;

/// A CSV under this name.
pub(super) fn csv_file(name: &str, csv: &str) -> HttpResponse {
    // Spreadsheets take a text without the mark for the machine's old alphabet.
    let body = format!("\u{feff}{csv}");
    let disposition = format!("attachment; filename=\"{name}\"");
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(body)
}
