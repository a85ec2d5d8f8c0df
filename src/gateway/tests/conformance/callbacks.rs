//! Status callbacks, in any order: what they say reaches the receiver.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;

use super::super::super::Received;
use super::super::super::simulator::{CallbackPlan, Daemon};
use super::{PUBLIC, received, subjects};

/// What a daemon was posted: path and query, headers, body.
type Posted = (String, HeaderMap, Vec<u8>);

/// A daemon that only remembers.
struct Listener {
    base_url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
    server: actix_web::dev::ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

async fn note(posted: Data<Mutex<Vec<Posted>>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    posted.lock().unwrap().push((request.uri().to_string(), request.headers().clone(), body.to_vec()));
    HttpResponse::Ok().finish()
}

impl Listener {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let data = Data::from(Arc::clone(&posted));
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(data.clone()).default_service(web::to(note));
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                tell.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { base_url, posted, server: told.recv().unwrap(), thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The order is given at once; the future only waits for it.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[tokio::test]
async fn i8_callbacks_in_any_order_say_what_they_say() {
    let listener = Listener::start();
    for subject in subjects().iter().filter(|subject| subject.receiver().is_some()) {
        let reached_at = listener.base_url.clone();
        subject.simulator.set_daemon(Daemon { public_base_url: PUBLIC.to_owned(), reached_at });
        let plan = CallbackPlan {
            copies: 2,
            shuffled: true,
            before_answer: true,
            ..CallbackPlan::of(["sent", "delivered", "read", "failed"])
        };
        subject.simulator.set_callbacks(vec![(1, plan)]);
        listener.posted.lock().unwrap().clear();
        let receipt = subject.send(&subject.outbound("Bonjour")).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{}: {error}", subject.name()));
        let posted = listener.posted.lock().unwrap().clone();
        let read = |(path, headers, body): &Posted| {
            received(&**subject.receiver().unwrap(), &format!("{PUBLIC}{path}"), headers, body).unwrap()
        };
        let updates = posted.iter().map(|one| match read(one) {
            Received::Status(update) => update,
            other => panic!("{}: {other:?}", subject.name()),
        });
        let updates: Vec<StatusUpdate> = updates.collect();
        if updates.is_empty() {
            // Such a provider tells nothing of what it was given.
            continue;
        }
        use DeliveryStatus::{Delivered, Failed, Read, Sent};
        for status in [Sent, Delivered, Read, Failed] {
            let told = updates.iter().filter(|update| update.status == status);
            assert_eq!(told.count(), 2, "{}: {status:?}", subject.name());
        }
        assert!(updates.iter().all(|update| update.provider_message_id == receipt.provider_message_id));
        let failed = updates.iter().filter(|update| update.status == Failed);
        assert!(failed.into_iter().all(|update| update.code.as_ref().is_none_or(|code| !code.contains('+'))));
    }
}
