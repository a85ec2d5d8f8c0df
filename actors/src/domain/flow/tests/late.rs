//! Going back within an appointment, and customers who come late.

use super::*;

#[test]
fn one_goes_back_within_an_appointment() {
    let services = "Avec plaisir. Pour quelle prestation ? 1 Manucure 45 min, 35 € · 2 Pédicure 60 min · 3 Soin du visage 60 min, 65 €";
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("rdv", services),
        ("retour", services),
        ("1", "Quel jour vous arrange ?"),
        ("retour", services),
        ("3", "Quel jour vous arrange ?"),
        ("demain aprem", "Mardi 1er décembre, il reste 14:00, 16:00 ou 18:00. Laquelle ?"),
        ("retour", "Quel jour vous arrange ?"),
        ("demain 16h", "Soin du visage mardi 1er décembre à 16:00 avec Awa, 65 €. Je réserve ? (oui / non)"),
        ("je me suis trompée", "Mardi 1er décembre, il reste 09:00, 14:30 ou 18:00. Laquelle ?"),
    ]);
    assert!(talk.agenda.mine.is_empty(), "what was kept is free again");
    talk.dialogue(&[("retour", "Quel jour vous arrange ?"), ("retour", services)]);
    let mut talk = Talk::en();
    talk.say("booking");
    talk.say("2");
    assert!(talk.say("go back").starts_with("With pleasure. Which service?"));
}

/// A manicure of Awa's today at 15:00, and a customer who writes at 14:30.
fn booked_today(english: bool) -> Talk {
    let mut talk = Talk::with(Flows::new(source(english)).unwrap());
    talk.now = at("2026-12-01T08:00:00Z");
    talk.say(if english { "book manucure today 3pm with Awa" } else { "manucure rdv aujourd'hui 15h avec Awa" });
    talk.say(if english { "yes" } else { "oui" });
    assert_eq!(talk.agenda.mine.len(), 1);
    talk.now = at("2026-12-01T13:30:00Z");
    talk
}

#[test]
fn who_comes_late_is_heard() {
    for (text, answer) in [
        (
            "Je serai en retard de 15 min",
            "Noté, Awa est au courant : vous arrivez à 15:15 au lieu de 15:00. À bientôt.",
        ),
        ("j'arrive dans 40 min", "Noté, Awa est au courant : vous arrivez à 15:10 au lieu de 15:00. À bientôt."),
        ("j'arrive dans 20 min", "Merci, à tout à l'heure : Manucure à 15:00."),
        (
            "je suis en retard, je serai là à 15h20",
            "Noté, Awa est au courant : vous arrivez à 15:20 au lieu de 15:00. À bientôt.",
        ),
        ("je serai un peu en retard", "Noté, Awa est au courant de votre retard. À bientôt."),
    ] {
        let mut talk = booked_today(false);
        assert_eq!(talk.say(text), answer);
        assert!(talk.running.is_none() && !talk.handed_over, "{text}");
    }
    let mut talk = booked_today(true);
    assert_eq!(talk.say("15 min late sorry"), "Noted, Awa knows: you come at 15:15 instead of 15:00. See you soon.");
    let (start, free) = (talk.agenda.mine[0].starts_at, talk.agenda.mine[0].free_at);
    assert_eq!(
        (start, free),
        (at("2026-12-01T14:00:00Z"), at("2026-12-01T15:00:00Z")),
        "the time after it is taken as well"
    );
}

#[test]
fn where_the_next_customer_waits_a_person_decides() {
    let person = "Noté, je préviens Awa : une personne de l'équipe vous répond ici dès que possible.";
    let mut talk = booked_today(false);
    talk.busy("Awa", "2026-12-01T14:45:00Z", 45);
    assert_eq!(talk.say("en retard de 15 min"), person);
    assert!(talk.handed_over);
    let mut talk = booked_today(false);
    assert_eq!(talk.say("deux heures de retard"), person, "too late for anything");
    let mut talk = Talk::fr();
    assert_eq!(talk.say("je serai en retard de 15 min"), "-", "nothing is booked");
}

#[test]
fn lateness_in_the_middle_of_something_else_goes_back_to_it() {
    let mut talk = booked_today(false);
    talk.say("devis");
    let answer = talk.say("au fait j'aurai 10 min de retard");
    assert!(
        answer
            .ends_with("Et pour revenir à votre demande : Que pouvons-nous faire pour vous ? Décrivez en une phrase."),
        "{answer}"
    );
    assert!(talk.running.is_some());
}
