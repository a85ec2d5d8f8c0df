//! Look-ups against a simulated EspoCRM, a plain service and a file.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use palabre_actors::domain::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::*;

const KEY: &str = "espo-key-0123456789";

/// Country code, trunk prefix, a national number as people group it; what the last group, of which two digits are added, begins
/// with.
const COUNTRIES: [(&str, &str, &[&str], &str); 10] = [
    ("33", "0", &["6", "12", "34", "56"], ""),
    ("32", "0", &["470", "12", "34"], ""),
    ("224", "", &["620", "11", "22"], ""),
    ("225", "", &["07", "01", "02", "03"], ""),
    ("221", "", &["77", "123", "45"], ""),
    ("212", "0", &["6", "61", "23", "45"], ""),
    ("44", "0", &["7700", "900"], "1"),
    ("237", "", &["6", "77", "12", "34"], ""),
    ("1", "", &["202", "555"], "01"),
    ("49", "0", &["151", "2345"], "67"),
];

/// 200 numbers with how a CRM holds them: twenty of each country, in ten spellings.
fn labelled() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (at, (code, trunk, groups, last)) in COUNTRIES.iter().enumerate() {
        for number in 0..20 {
            let last = format!("{last}{:02}", at * 3 + number);
            let groups: Vec<&str> = groups.iter().copied().chain([last.as_str()]).collect();
            let (plain, spaced) = (groups.concat(), groups.join(" "));
            let spelling = match number % 10 {
                0 => format!("+{code}{plain}"),
                1 => format!("00{code}{plain}"),
                2 => format!("{code}{plain}"),
                3 => format!("+{code} {spaced}"),
                4 => format!("{trunk}{spaced}"),
                5 => format!("{trunk}{}", groups.join(".")),
                6 => format!("{trunk}{plain}"),
                7 => format!("+{code} ({}){plain}", if trunk.is_empty() { "0" } else { trunk }),
                8 => format!("{trunk}{}", groups.join("-")),
                _ => format!("+{code}-{}", groups.join("-")),
            };
            all.push((format!("+{code}{plain}"), spelling));
        }
    }
    all
}

fn phone(number: &str) -> Vec<Address> {
    vec![Address::parse(Scheme::Whatsapp, number, None).unwrap()]
}

/// EspoCRM, as far as it is asked: records of two kinds, and e-mails.
#[derive(Default)]
struct Records {
    phones: Vec<(String, CrmRecord)>,
    emails: Vec<(String, CrmRecord)>,
    logged: Vec<Value>,
    refuses: bool,
}

struct StandIn {
    records: Arc<Mutex<Records>>,
    url: Url,
    server: ServerHandle,
}

impl StandIn {
    async fn start() -> Self {
        let records: Arc<Mutex<Records>> = Arc::default();
        let state = Data::from(Arc::clone(&records));
        let app = move || App::new().app_data(state.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = Url::parse(&format!("http://{}/espo", server.addrs()[0])).unwrap();
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { records, url, server: handle }
    }

    fn client(&self) -> CrmClient {
        let source = CrmSource::EspoCrm { base_url: self.url.clone(), api_key: SecretString::from(KEY) };
        CrmClient::new(&settings(source), None, client())
    }
}

fn client() -> Client {
    crate::http_client::builder().build().unwrap()
}

fn settings(source: CrmSource) -> Crm {
    Crm { source, timeout: Duration::from_secs(30), cache: Duration::from_secs(60), log_emails: true }
}

async fn answer(records: Data<Mutex<Records>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut records = records.lock().unwrap();
    if request.headers().get("X-Api-Key").is_none_or(|key| key != KEY) {
        return HttpResponse::Unauthorized().finish();
    }
    if records.refuses {
        return HttpResponse::InternalServerError().finish();
    }
    let kind = request.path().strip_prefix("/espo/api/v1/").unwrap().to_owned();
    if kind == "Email" {
        records.logged.push(serde_json::from_slice(&body).unwrap());
        return HttpResponse::Ok().json(json!({ "id": "1" }));
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (attribute, how) = (of("where[0][attribute]").unwrap(), of("where[0][type]").unwrap());
    let name = if how == "in" { "where[0][value][]" } else { "where[0][value]" };
    let wanted: Vec<&String> = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect();
    assert!(!wanted.is_empty() && request.query_string().len() < 6000, "{how}");
    let rows = if attribute == "phoneNumber" { &records.phones } else { &records.emails };
    let found = rows.iter().find(|(value, record)| record.kind == kind && wanted.contains(&value));
    let list: Vec<Value> = found.iter().map(|(_, record)| json!({ "id": record.id })).collect();
    HttpResponse::Ok().json(json!({ "total": list.len(), "list": list }))
}

fn record(kind: &str, id: &str) -> CrmRecord {
    CrmRecord { kind: kind.to_owned(), id: id.to_owned() }
}

#[actix_web::test]
async fn two_hundred_numbers_in_ten_spellings_are_found_in_espocrm_and_strangers_are_not() {
    let stand_in = StandIn::start().await;
    let labelled = labelled();
    for (at, (_, spelling)) in labelled.iter().enumerate() {
        let kind = if at % 3 == 0 { "Contact" } else { "Lead" };
        stand_in.records.lock().unwrap().phones.push((spelling.clone(), record(kind, &format!("r{at}"))));
    }
    let crm = stand_in.client();
    let mut missed = Vec::new();
    for (at, (number, spelling)) in labelled.iter().enumerate() {
        let found = crm.find(&phone(number)).await.unwrap();
        if found.is_none_or(|record| record.id != format!("r{at}")) {
            missed.push(spelling);
        }
    }
    println!("found {} of {}", labelled.len() - missed.len(), labelled.len());
    assert!(missed.len() * 20 <= labelled.len(), "{missed:?}");
    for stranger in ["+33699999999", "+224655555555", "+12025559999"] {
        assert_eq!(crm.find(&phone(stranger)).await.unwrap(), None, "{stranger}");
    }
    stand_in.server.stop(false).await;
}

#[actix_web::test]
async fn an_e_mail_address_is_found_and_what_was_sent_is_logged_there() {
    let stand_in = StandIn::start().await;
    let lead = record("Lead", "5f8d0d55b54764421");
    stand_in.records.lock().unwrap().emails.push(("nadia@exemple.fr".to_owned(), lead.clone()));
    let crm = stand_in.client();
    let nadia = [Address::parse(Scheme::Mailto, "Nadia@Exemple.fr", None).unwrap()];
    assert_eq!(crm.find(&nadia).await.unwrap(), Some(lead.clone()));
    let nobody = [Address::from_normalised("telegram:123456789")];
    assert_eq!(crm.find(&nobody).await.unwrap(), None);
    let email = LoggedEmail {
        subject: "Votre devis",
        text: "Bonjour",
        html: None,
        from: "contact@belle.example",
        to: "nadia@exemple.fr",
        sent_at: Timestamp::UNIX_EPOCH,
    };
    assert!(crm.log_email(&lead, &email).await.unwrap());
    let logged = stand_in.records.lock().unwrap().logged.clone();
    assert_eq!(logged.len(), 1);
    for (key, value) in
        [("parentType", "Lead"), ("parentId", &lead.id), ("status", "Sent"), ("dateSent", "1970-01-01 00:00:00")]
    {
        assert_eq!(logged[0][key], value, "{key}");
    }
    stand_in.records.lock().unwrap().refuses = true;
    assert!(matches!(crm.find(&nadia).await, Err(CrmFailure::Refused(500))));
    stand_in.server.stop(true).await;
    let failure = crm.find(&nadia).await.unwrap_err();
    let shown = format!("{failure:?} {failure}");
    assert!(!shown.contains("nadia") && !shown.contains(KEY), "i10: {shown}");
}

#[tokio::test]
async fn a_file_of_customers_knows_two_hundred_numbers_in_ten_spellings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    let labelled = labelled();
    let mut text = "Id;Téléphone;E-mail\n".to_owned();
    for (at, (_, spelling)) in labelled.iter().enumerate() {
        text.push_str(&format!("r{at};{spelling};c{at}@exemple.fr\n"));
    }
    std::fs::write(&file, &text).unwrap();
    let crm = CsvFile::new(file.clone(), None);
    let mut missed = Vec::new();
    for (at, (number, spelling)) in labelled.iter().enumerate() {
        let found = crm.find(&keys(&phone(number))).await.unwrap();
        if found.is_none_or(|record| record.id != format!("r{at}")) {
            missed.push(spelling);
        }
    }
    println!("found {} of {}", labelled.len() - missed.len(), labelled.len());
    assert!(missed.len() * 20 <= labelled.len(), "{missed:?}");
    assert_eq!(crm.find(&keys(&phone("+33699999999"))).await.unwrap(), None);
    let email = [Address::parse(Scheme::Mailto, "C7@exemple.fr", None).unwrap()];
    assert_eq!(crm.find(&keys(&email)).await.unwrap(), Some(record("Lead", "r7")));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(crm.find(&keys(&email)).await, Err(CrmFailure::File(_))));
    std::fs::write(&file, "name,phone\nNadia,+33612345678\n").unwrap();
    assert!(matches!(crm.find(&keys(&email)).await, Err(CrmFailure::Columns(_))));
}

#[test]
fn a_number_without_its_country_that_fits_two_customers_is_nobodys() {
    let rows = |spelling: &str| read(spelling, None);
    let found = |rows: &[csv_file::CsvRow]| csv_file::by_phone(rows, "+33612345678").cloned();
    assert_eq!(found(&rows("06 12 34 56 78")), None);
    assert_eq!(found(&rows("+33 6 12 34 56 78")), Some(record("Lead", "b")), "with its country it is surely meant");
    assert_eq!(found(&rows("+224 612 34 56 78")), Some(record("Lead", "a")));
}

/// A record with a French national number, and one with that spelling.
fn read(spelling: &str, home: Option<&str>) -> Vec<csv_file::CsvRow> {
    let home = home.and_then(HomeCountry::of_code);
    csv_file::parse(&format!("id,phone\na,0612345678\nb,{spelling}\n"), home).unwrap()
}

#[test]
fn the_tenants_country_says_whose_a_number_without_its_country_is() {
    for (spelling, home, phone, found) in [
        ("+33 6 12 34 56 79", Some("FR"), "+33612345678", Some("a")),
        // Belgium's numbers begin with 0 as well: in France, this is nobody's there.
        ("+32 470 12 34 56", Some("FR"), "+32612345678", None),
        ("+32 470 12 34 56", None, "+32612345678", Some("a")),
        ("620 12 34 56", Some("GN"), "+224620123456", Some("b")),
        ("620 12 34 56", Some("GN"), "+33620123456", None),
        // An older spelling of the same number.
        ("97 12 34 56", Some("BJ"), "+2290197123456", Some("b")),
    ] {
        let rows = read(spelling, home);
        let found_id = csv_file::by_phone(&rows, phone).map(|record| record.id.as_str());
        assert_eq!(found_id, found, "{spelling} in {home:?}: {phone}");
    }
}

#[actix_web::test]
async fn a_service_of_ones_own_is_asked_with_the_number_and_the_key() {
    async fn own(request: HttpRequest) -> HttpResponse {
        if request.headers().get("Authorization").is_none_or(|key| key != "Bearer own-key") {
            return HttpResponse::Forbidden().finish();
        }
        match request.query_string() {
            "phone=%2B33612345678" => HttpResponse::Ok().json(json!({ "id": 42, "kind": "Client" })),
            "phone=%2B33612345679" => HttpResponse::Ok().json(json!({})),
            "phone=%2B33612345670" => HttpResponse::Ok().body("<html>"),
            _ => HttpResponse::NotFound().finish(),
        }
    }
    let server = HttpServer::new(|| App::new().default_service(web::to(own)));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let url = Url::parse(&format!("http://{}/whose", server.addrs()[0])).unwrap();
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    let with = |key: &str| {
        let source = CrmSource::Http { base_url: url.clone(), api_key: Some(SecretString::from(key)) };
        CrmClient::new(&settings(source), None, client())
    };
    let crm = with("own-key");
    assert_eq!(crm.find(&phone("+33612345678")).await.unwrap(), Some(record("Client", "42")));
    assert_eq!(crm.find(&phone("+33612345679")).await.unwrap(), None);
    assert_eq!(crm.find(&phone("+33612345671")).await.unwrap(), None);
    assert!(matches!(crm.find(&phone("+33612345670")).await, Err(CrmFailure::Unreadable)));
    assert!(matches!(with("another").find(&phone("+33612345678")).await, Err(CrmFailure::Refused(403))));
    handle.stop(false).await;
}
