//! Fetching of files: which addresses are asked, and how much is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::*;

const LIMITS: FetchLimits = FetchLimits { most_bytes: 100, timeout: Duration::from_secs(20) };

/// A server on this machine. It counts who came to `/secret`, and who brought a key there.
struct Host {
    base: String,
    secrets: Arc<AtomicU32>,
    keys: Arc<AtomicU32>,
    stop: actix_web::dev::ServerHandle,
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.stop(false));
    }
}

/// `/to?{url}` leads there.
async fn answer(request: HttpRequest, counted: web::Data<(Arc<AtomicU32>, Arc<AtomicU32>)>) -> HttpResponse {
    let to = |url: &str| HttpResponse::Found().insert_header(("Location", url)).finish();
    if request.headers().contains_key("Authorization") {
        counted.1.fetch_add(1, Ordering::SeqCst);
    }
    match request.path() {
        "/to" => to(request.query_string()),
        "/round" => to("/round"),
        "/nowhere" => HttpResponse::Found().finish(),
        "/secret" => {
            counted.0.fetch_add(1, Ordering::SeqCst);
            HttpResponse::Ok().body("secret")
        }
        "/file" => HttpResponse::Ok().content_type("image/png").body("a picture"),
        "/large" => HttpResponse::Ok().body("x".repeat(101)),
        "/endless" => HttpResponse::Ok().streaming(futures_util::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(web::Bytes::from_static(b"xxxxxxxxxx"))
        })),
        "/slow" => std::future::pending().await,
        "/410" => HttpResponse::Gone().finish(),
        "/404" => HttpResponse::NotFound().finish(),
        "/403" => HttpResponse::Forbidden().finish(),
        "/429" => HttpResponse::TooManyRequests().finish(),
        "/500" => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::ImATeapot().finish(),
    }
}

fn host() -> Host {
    let counts: (Arc<AtomicU32>, Arc<AtomicU32>) = Default::default();
    let data = web::Data::new(counts.clone());
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let stop = server.handle();
    tokio::spawn(server);
    Host { base, secrets: counts.0, keys: counts.1, stop }
}

async fn fetch(place: Option<MediaPlace>) -> Result<Fetched, FetchError> {
    Fetcher::new().unwrap().fetch(place.expect("a URL"), LIMITS).await
}

#[tokio::test]
async fn what_is_not_public_is_not_asked_however_it_is_written() {
    let host = host();
    let port = host.base.rsplit(':').next().unwrap().to_owned();
    for url in [
        format!("{}/secret", host.base),
        format!("https://127.0.0.1:{port}/secret"),
        format!("https://localhost:{port}/secret"),
        format!("https://2130706433:{port}/secret"),
        format!("https://0x7f.1:{port}/secret"),
        format!("https://[::1]:{port}/secret"),
        format!("https://[::ffff:127.0.0.1]:{port}/secret"),
        format!("https://[64:ff9b::7f00:1]:{port}/secret"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://192.168.0.1/".to_owned(),
        "https://[fd00::1]/".to_owned(),
        "https://0.0.0.0/".to_owned(),
        // In the clear, with credentials, and no web at all.
        "http://93.184.216.34/".to_owned(),
        "https://user:word@93.184.216.34/".to_owned(),
        "ftp://93.184.216.34/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:image/png;base64,AAAA".to_owned(),
        "telegram-file:abc".to_owned(),
    ] {
        assert_eq!(fetch(MediaPlace::public(&url)).await.unwrap_err(), FetchError::Forbidden, "{url}");
    }
    assert!(MediaPlace::public("not a URL").is_none());
    assert_eq!(host.secrets.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_are_looked_at_one_by_one_and_keys_stay_where_they_belong() {
    let (host, other) = (host(), host());
    let at = |path: &str| MediaPlace::public(&format!("{}{path}", host.base)).map(|place| place.trusting(&host.base));
    let keyed = |path: &str| at(path).map(|place| place.with_authorization("Bearer key"));
    assert_eq!(fetch(keyed("/to?/file")).await.unwrap().bytes, "a picture", "within the API it may lead on");
    assert_eq!(host.keys.load(Ordering::SeqCst), 2);
    for (path, expected) in [
        (format!("/to?{}/secret", other.base), FetchError::Forbidden),
        ("/to?https://169.254.169.254/".to_owned(), FetchError::Forbidden),
        ("/to?file:///etc/passwd".to_owned(), FetchError::Forbidden),
        (format!("/to?/to?{}/secret", other.base), FetchError::Forbidden),
        ("/round".to_owned(), FetchError::Unreachable),
        ("/nowhere".to_owned(), FetchError::Unreachable),
    ] {
        assert_eq!(fetch(keyed(&path)).await.unwrap_err(), expected, "{path}");
    }
    // Another host's URL is not trusted for the API's sake, and does not lead into it.
    let place = MediaPlace::public(&format!("{}/to?{}/secret", other.base, host.base));
    let place = place.map(|place| place.trusting(&host.base));
    assert_eq!(fetch(place).await.unwrap_err(), FetchError::Forbidden);
    assert_eq!(other.keys.load(Ordering::SeqCst), 0);
    assert_eq!((host.secrets.load(Ordering::SeqCst), other.secrets.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn each_refusal_has_its_meaning_and_sizes_are_limited() {
    let host = host();
    let at = |path: &str| MediaPlace::public(&format!("{}{path}", host.base)).map(|place| place.trusting(&host.base));
    let file = fetch(at("/file")).await.unwrap();
    assert_eq!((&*file.bytes, file.content_type.as_str()), (&b"a picture"[..], "image/png"));
    for (path, expected) in [
        ("/large", FetchError::TooLarge),
        ("/endless", FetchError::TooLarge),
        ("/410", FetchError::Gone),
        ("/404", FetchError::NotFound),
        ("/403", FetchError::Denied),
        ("/429", FetchError::Unreachable),
        ("/500", FetchError::Unreachable),
        ("/other", FetchError::Gone),
    ] {
        assert_eq!(fetch(at(path)).await.unwrap_err(), expected, "{path}");
    }
    let brief = FetchLimits { timeout: Duration::from_millis(50), ..LIMITS };
    let fetched = Fetcher::new().unwrap().fetch(at("/slow").unwrap(), brief).await;
    assert_eq!(fetched.unwrap_err(), FetchError::Unreachable);
}
