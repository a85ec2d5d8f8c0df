//! Flows that a tenant uses by name: `booking`, `lead`, `ride`, `opt_in`.

use chrono::TimeDelta;

use super::answers::AnswerKind;
use super::source::{FlowSource, OnChange, StepKind, StepSource};

/// Their names.
pub const NAMES: [&str; 4] = ["booking", "lead", "ride", "opt_in"];

/// How long a built-in flow waits for the customer.
const TIMEOUT: TimeDelta = TimeDelta::hours(2);

/// The built-in flow of that name, in French or in English.
#[must_use]
pub fn flow(name: &str, english: bool) -> Option<FlowSource> {
    let (keywords, steps): (&[&str], Vec<StepSource>) = match (name, english) {
        ("booking", false) => (&["rendez-vous", "rdv", "réserver", "réservation"], booking()),
        ("booking", true) => (&["appointment", "book", "booking", "reservation"], booking()),
        ("lead", false) => (&["devis", "rappelez-moi", "être rappelé", "dépannage"], lead_fr()),
        ("lead", true) => (&["quote", "call me back", "estimate"], lead_en()),
        ("ride", false) => (&["taxi", "course", "chauffeur"], ride_fr()),
        ("ride", true) => (&["taxi", "ride", "cab"], ride_en()),
        ("opt_in", false) => (&["s'abonner", "inscription", "newsletter"], opt_in_fr()),
        ("opt_in", true) => (&["subscribe", "sign up", "newsletter"], opt_in_en()),
        _ => return None,
    };
    Some(FlowSource {
        name: name.to_owned(),
        keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
        steps,
        remind_after: None,
        timeout: TIMEOUT,
        attempts: 2,
        on_change: OnChange::Continue,
    })
}

fn step(id: &str, kind: StepKind) -> StepSource {
    StepSource { id: id.to_owned(), kind, next: None }
}

fn say(id: &str, text: &str) -> StepSource {
    step(id, StepKind::Say { text: text.to_owned() })
}

fn ask(id: &str, answer: AnswerKind, text: &str) -> StepSource {
    let from_opening = id == "need";
    let optional = matches!(id, "email");
    let where_seats_count = id == "passengers";
    let (text, save) = (text.to_owned(), id.to_owned());
    step(id, StepKind::Ask { text, answer, save, optional, retry: None, from_opening, where_seats_count })
}

fn booking() -> Vec<StepSource> {
    vec![step("appointment", StepKind::Book { service: None })]
}

fn lead_fr() -> Vec<StepSource> {
    vec![
        ask("need", AnswerKind::Text, "Que pouvons-nous faire pour vous ? Décrivez en une phrase."),
        ask("name", AnswerKind::Name, "C'est noté. À quel nom ?"),
        ask("email", AnswerKind::Email, "Merci {{ name }}. Un e-mail pour le devis ? (« non » si vous préférez ici)"),
        step("lead", StepKind::Lead),
        say("thanks", "Merci. {{ tenant.name }} vous recontacte dès que possible."),
    ]
}

fn lead_en() -> Vec<StepSource> {
    vec![
        ask("need", AnswerKind::Text, "What can we do for you? One sentence is enough."),
        ask("name", AnswerKind::Name, "Noted. Under which name?"),
        ask(
            "email",
            AnswerKind::Email,
            "Thank you {{ name }}. An e-mail for the quote? (\"no\" if you prefer it here)",
        ),
        step("lead", StepKind::Lead),
        say("thanks", "Thank you. {{ tenant.name }} will get back to you as soon as possible."),
    ]
}

fn ride_fr() -> Vec<StepSource> {
    vec![
        ask("pickup", AnswerKind::Place, "D'où partez-vous ? Envoyez votre position ou écrivez le lieu."),
        ask("destination", AnswerKind::Place, "Où allez-vous ?"),
        ask("when", AnswerKind::When, "Maintenant, ou à quelle heure ?"),
        ask("passengers", AnswerKind::Number, "Combien de passagers ?"),
        step(
            "agree",
            StepKind::Confirm {
                text: "Votre course : {{ pickup }} → {{ destination }}, {{ when }}{% if passengers %}, {{ passengers }} personne{% if passengers != '1' %}s{% endif %}{% endif %}{% if price %}, {{ price }}{% endif %}. Je cherche un chauffeur ? (oui / non)"
                    .to_owned(),
                no: None,
            },
        ),
        step(
            "offer",
            StepKind::Offer {
                text: "Course : {{ pickup }} → {{ destination }}, {{ when }}{% if passengers %}, {{ passengers }} personne{% if passengers != '1' %}s{% endif %}{% endif %}{% if price %}, {{ price }}{% endif %}. OUI pour la prendre.".to_owned(),
            },
        ),
        say("searching", "Je cherche un chauffeur, deux minutes."),
    ]
}

fn ride_en() -> Vec<StepSource> {
    vec![
        ask("pickup", AnswerKind::Place, "Where do you start? Share your location or write the place."),
        ask("destination", AnswerKind::Place, "Where do you want to go?"),
        ask("when", AnswerKind::When, "Now, or at what time?"),
        ask("passengers", AnswerKind::Number, "How many passengers?"),
        step(
            "agree",
            StepKind::Confirm {
                text: "Your ride: {{ pickup }} → {{ destination }}, {{ when }}{% if passengers %}, {{ passengers }} {% if passengers == '1' %}person{% else %}people{% endif %}{% endif %}{% if price %}, {{ price }}{% endif %}. Shall I look for a driver? (yes / no)"
                    .to_owned(),
                no: None,
            },
        ),
        step(
            "offer",
            StepKind::Offer {
                text: "Ride: {{ pickup }} → {{ destination }}, {{ when }}{% if passengers %}, {{ passengers }} {% if passengers == '1' %}person{% else %}people{% endif %}{% endif %}{% if price %}, {{ price }}{% endif %}. YES to take it.".to_owned()
            },
        ),
        say("searching", "I am looking for a driver, two minutes."),
    ]
}

fn opt_in_fr() -> Vec<StepSource> {
    vec![
        step(
            "agree",
            StepKind::Confirm {
                text: "Recevoir nos nouvelles ici, deux fois par mois au plus ? Vous pourrez écrire STOP à tout moment. (oui / non)".to_owned(),
                no: None,
            },
        ),
        ask("name", AnswerKind::Name, "Merci. Votre prénom ?"),
        step("lead", StepKind::Lead),
        say("thanks", "C'est noté, {{ name }}. À bientôt."),
    ]
}

fn opt_in_en() -> Vec<StepSource> {
    vec![
        step(
            "agree",
            StepKind::Confirm {
                text: "Get our news here, twice a month at most? You can write STOP at any time. (yes / no)".to_owned(),
                no: None,
            },
        ),
        ask("name", AnswerKind::Name, "Thank you. Your first name?"),
        step("lead", StepKind::Lead),
        say("thanks", "Noted, {{ name }}. See you soon."),
    ]
}
