//! A tenant's CRM beside the daemon: contacts are correlated behind their messages, and sent e-mails are logged once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::daemon::{BELLE, Setup, World};
use crate::http_stand_in::serve;
use crate::smtp::Post;

const ANNE: &str = "+33612345678";
const LEAD: &str = "5f8d0d55b54764421";
const KEY: &str = "espo-key-0123456789";
const DAEMON: &str = "[webhooks]\nprivate_targets = true\n";

/// EspoCRM with one lead: Anne's number as somebody typed it, and Awa's e-mail address.
#[derive(Default)]
struct EspoCrm {
    is_away: AtomicBool,
    emails: Mutex<Vec<Value>>,
}

impl EspoCrm {
    fn start() -> (Arc<Self>, String) {
        let crm = Arc::new(Self::default());
        let url = format!("http://{}", serve(&crm, answer));
        let tenant = format!(
            "[crm]\nprovider = \"espocrm\"\nbase_url = \"{url}\"\napi_key = {{ file = \"espo-key\" }}\ntimeout = \"20s\""
        );
        (crm, tenant)
    }
}

async fn answer(crm: Data<EspoCrm>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if crm.is_away.load(Ordering::SeqCst) || request.headers().get("X-Api-Key").is_none_or(|key| key != KEY) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    match request.path() {
        "/api/v1/Email" => {
            crm.emails.lock().unwrap().push(serde_json::from_slice(&body).expect("JSON"));
            HttpResponse::Ok().json(json!({ "id": "1" }))
        }
        "/api/v1/Lead" if query.iter().any(|(_, value)| value == "06 12 34 56 78" || value == "awa@example.org") => {
            HttpResponse::Ok().json(json!({ "total": 1, "list": [{ "id": LEAD }] }))
        }
        _ => HttpResponse::Ok().json(json!({ "total": 0, "list": [] })),
    }
}

#[tokio::test]
async fn a_contact_is_found_behind_its_messages_and_a_crm_that_is_away_delays_nothing() {
    let (crm, tenant) = EspoCrm::start();
    crm.is_away.store(true, Ordering::SeqCst);
    let mut world = World::asleep(&Setup { daemon: DAEMON.to_owned(), tenant, ..Setup::default() });
    world.write_secret("espo-key", KEY);
    world.start_daemon();
    assert_eq!(world.write(BELLE, ANNE, "Quels sont vos horaires ?").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    world.until("SELECT count(*) FROM crm_records WHERE state = 'pending' AND last_error = 'http_503'", 1).await;

    crm.is_away.store(false, Ordering::SeqCst);
    world.execute("UPDATE crm_records SET next_look_up_at = created_at").await;
    let found =
        format!("SELECT count(*) FROM crm_records WHERE state = 'found' AND kind = 'Lead' AND record_id = '{LEAD}'");
    world.until(&found, 1).await;
    let lead = format!("SELECT count(*) FROM message_events WHERE event = 'webhook_received' AND lead_id = '{LEAD}'");
    world.until(&lead, 1).await;
    let payload: String =
        world.value("SELECT CAST(payload AS text) FROM event_log WHERE event_type = 'contact_correlated'").await;
    let payload: Value = serde_json::from_str(&payload).expect("JSON");
    assert_eq!((payload["lead_id"].as_str(), payload["provider"].as_str()), (Some(LEAD), Some("espocrm")));

    let metrics = world.metrics().await;
    let counted = metrics.lines().any(|line| {
        line.starts_with("palabre_crm_lookups_total{") && line.contains("\"found\"") && line.ends_with(" 1")
    });
    assert!(counted, "{metrics}");
    // Known already: no second event.
    world.execute("UPDATE crm_records SET next_look_up_at = created_at, looked_up_at = NULL").await;
    world.until("SELECT count(*) FROM crm_records WHERE looked_up_at IS NOT NULL", 1).await;
    world.until("SELECT count(*) FROM event_log WHERE event_type = 'contact_correlated'", 1).await;
    let logs = world.logs();
    assert!(!logs.contains("612345678") && !logs.contains(KEY), "i10: {logs}");
}

#[tokio::test]
async fn a_sent_e_mail_is_logged_in_the_crm_once_also_after_a_kill() {
    let (crm, tenant) = EspoCrm::start();
    let mut post = Post::start_with(DAEMON, &tenant);
    let sent = json!({ "to": "mailto:awa@example.org", "subject": "Votre devis", "text": "Bonjour Awa" });
    post.send(&sent).await;
    post.world.until("SELECT count(*) FROM crm_emails WHERE state = 'logged'", 1).await;
    post.world.kill();
    post.world.start_daemon();
    post.send(&json!({ "to": "mailto:stranger@example.org", "subject": "Bonjour", "text": "Bonjour" })).await;
    post.world.until("SELECT count(*) FROM crm_emails", 2).await;
    post.world.until("SELECT count(*) FROM crm_records WHERE state = 'absent'", 1).await;
    let logged = crm.emails.lock().unwrap().clone();
    assert_eq!(logged.len(), 1, "{logged:?}");
    for (key, value) in
        [("subject", "Votre devis"), ("to", "awa@example.org"), ("parentType", "Lead"), ("parentId", LEAD)]
    {
        assert_eq!(logged[0][key], value, "{key}");
    }
}
