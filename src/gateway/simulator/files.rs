//! Files of simulated customers, as a provider hands them out, with what may go wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use actix_web::{HttpRequest, HttpResponse};

/// What customers send of themselves.
const PHOTO: &[u8] = include_bytes!("files/photo.png");
const VOICE: &[u8] = include_bytes!("files/voice.wav");
const PAPER: &[u8] =
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
    3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Benali;Nadia;;;\r\nFN:Nadia Benali\r\n\
    TEL;type=CELL;waid=33639980077:+33 6 39 98 00 77\r\nEND:VCARD\r\n";
/// What calls itself a picture and is a page.
const PAGE: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";

/// The files of a simulator, by name, and how often each was asked for.
#[derive(Debug, Default)]
pub(in crate::gateway) struct SimulatedFiles(Mutex<BTreeMap<String, u64>>);

impl SimulatedFiles {
    /// How often a file was asked for.
    pub fn asked(&self, name: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or_default()
    }

    /// Answers a request for a file, by the name that its path ends with.
    ///
    /// `photo`, `voice`, `paper` and `card` are what they say; `page` is no picture. `moved` leads to a photo beside it, `astray`
    /// to this machine by another name, `round` to itself. `busy` has no answer the first time, `late` is not known the first
    /// time, `slow` is never answered the first time. `large` never ends; `gone` is gone.
    pub async fn answer(&self, name: &str, request: &HttpRequest) -> HttpResponse {
        let folder = request.path().strip_suffix(name).unwrap_or_default();
        let here = format!("http://{}{folder}", request.connection_info().host());
        let nth = {
            let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = asked.entry(name.to_owned()).or_default();
            *count += 1;
            *count
        };
        let leads_to = |place: String| HttpResponse::TemporaryRedirect().insert_header(("Location", place)).finish();
        match name {
            "moved" => leads_to(format!("{here}photo")),
            "round" => leads_to(format!("{here}round")),
            "astray" => leads_to(format!("{}secret", here.replace("127.0.0.1", "localhost"))),
            "busy" if nth == 1 => HttpResponse::ServiceUnavailable().finish(),
            "late" if nth == 1 => HttpResponse::NotFound().finish(),
            "slow" if nth == 1 => std::future::pending().await,
            "voice" => HttpResponse::Ok().content_type("audio/ogg").body(VOICE),
            "paper" => HttpResponse::Ok().content_type("application/pdf").body(PAPER),
            "card" => HttpResponse::Ok().content_type("text/vcard").body(CARD),
            "page" => HttpResponse::Ok().content_type("image/png").body(PAGE),
            "large" => HttpResponse::Ok().streaming(futures_util::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(actix_web::web::Bytes::from_static(&[0; 16 * 1024]))
            })),
            "gone" => HttpResponse::Gone().finish(),
            "photo" | "busy" | "late" | "slow" | "secret" => HttpResponse::Ok().content_type("image/png").body(PHOTO),
            _ => HttpResponse::NotFound().finish(),
        }
    }
}
