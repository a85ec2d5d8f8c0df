//! Dialogues with customers who say it in their own way.

use super::*;

#[test]
fn one_message_tells_the_whole_ride() {
    let mut talk = Talk::fr();
    talk.dialogue(&[
        (
            "un taxi de Kipé à l'aéroport demain 8h pour 4 personnes",
            "Votre course : Kipé → aéroport, mardi 1er décembre à 08:00, 4 personnes. Je cherche un chauffeur ? (oui / non)",
        ),
        (
            "ah non on est 5",
            "Votre course : Kipé → aéroport, mardi 1er décembre à 08:00, 5 personnes. Je cherche un chauffeur ? (oui / non)",
        ),
        ("oui", "Je cherche un chauffeur, deux minutes."),
    ]);
    assert_eq!(
        talk.offers,
        ["Course : Kipé → aéroport, mardi 1er décembre à 08:00, 5 personnes. OUI pour la prendre."]
    );
    talk.dialogue(&[
        ("un taxi demain 8h pour l'aéroport", "D'où partez-vous ? Envoyez votre position ou écrivez le lieu."),
        ("Kipé", "Votre course : Kipé → aéroport, mardi 1er décembre à 08:00. Je cherche un chauffeur ? (oui / non)"),
        (
            "oui on est 2",
            "Votre course : Kipé → aéroport, mardi 1er décembre à 08:00, 2 personnes. Je cherche un chauffeur ? (oui / non)",
        ),
    ]);
}

#[test]
fn what_is_asked_of_a_ride_or_a_booking_begins_none() {
    for (said, begins) in [
        ("j'ai oublié mon téléphone dans le taxi", false),
        ("vous prenez la carte ? c'est pour un taxi", false),
        ("un taxi svp", true),
        ("vous cherchez des chauffeurs ?", false),
        ("je voudrais un rdv, vous avez quels horaires", true),
    ] {
        let answer = Talk::fr().say(said);
        assert_eq!(answer != "-", begins, "{said}: {answer}");
    }
}

#[test]
fn passengers_are_asked_for_where_seats_are_known() {
    let mut source = source(false);
    source.drivers[0].seats = Some(4);
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("un taxi de Kipé à Ratoma", "Maintenant, ou à quelle heure ?"),
        ("maintenant", "Combien de passagers ?"),
        (
            "juste moi",
            "Votre course : Kipé → Ratoma, lundi 30 novembre à 10:00, 1 personne. Je cherche un chauffeur ? (oui / non)",
        ),
    ]);
}

#[test]
fn nobody_has_to_say_a_keyword_or_to_answer_as_asked() {
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("slt manucure demain 15h possible ?", "Manucure mardi 1er décembre à 15:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("attendez", "Prenez votre temps, je reste là."),
        ("c bon", "C'est réservé. Rappel lundi 30 novembre à 14:00. Pour déplacer ou annuler, écrivez-le ici."),
        (
            "c'est à quelle heure déjà mon rdv ?",
            "Votre rendez-vous : Manucure mardi 1er décembre à 15:00 avec Awa. Pour déplacer ou annuler, écrivez-le ici.",
        ),
        ("décaler mon rdv", "Votre rendez-vous : Manucure mardi 1er décembre à 15:00. Quel jour vous arrangerait ?"),
        ("jeudi même heure", "Manucure jeudi 3 décembre à 15:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("oui", "C'est déplacé : Manucure jeudi 3 décembre à 15:00 avec Awa."),
    ]);
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("rdv soin", "Quel jour vous arrange ?"),
        ("c'est combien ?", "Soin du visage : 65 €. Quel jour vous arrange ?"),
        ("merci", "Quel jour vous arrange ?"),
        ("demain", "Mardi 1er décembre, il reste 09:00, 14:30 ou 18:00. Laquelle ?"),
        ("oui", "Laquelle de ces heures : 09:00, 14:30, 18:00 ?"),
        ("plus tard", "Mardi 1er décembre, il reste 09:30, 14:30 ou 18:00. Laquelle ?"),
        (
            "vous avez quoi comme heures ?",
            "Mardi 1er décembre, il reste 09:00, 10:00, 11:00, 14:00, 15:00, 16:00, 17:00 ou 18:00. Laquelle ?",
        ),
        ("16h", "Soin du visage mardi 1er décembre à 16:00 avec Awa, 65 €. Je réserve ? (oui / non)"),
    ]);
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("Manucure", "Quel jour vous arrange ?"),
        ("demain 10h", "Manucure mardi 1er décembre à 10:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("non c'est trop tôt", "Mardi 1er décembre, il reste 10:30, 15:00 ou 18:00. Laquelle ?"),
        ("la 2e", "Manucure mardi 1er décembre à 15:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
    ]);
    for said in [
        "combien la manucure samedi ?",
        "j'ai adoré ma manucure hier",
        "la manucure de Fatou était belle samedi dernier",
    ] {
        assert_eq!(Talk::fr().say(said), "-", "{said}");
    }
}

#[test]
fn several_people_book_together() {
    let mut source = source(false);
    let table = Service { capacity: 6, ..service("table", "Table", 120, "", &["Terrasse"]) };
    source.services = vec![table];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("rdv", "Pour combien de personnes ?"),
        (
            "on sera 8",
            "Nous prenons 6 personnes au plus à la fois. Pour combien ? Pour un plus grand groupe, écrivez « conseiller ».",
        ),
        ("alors 4", "Quel jour vous arrange ?"),
        ("demain soir", "Mardi 1er décembre à 17:00 (6 places) vous irait ?"),
        ("17h", "Table pour 4 mardi 1er décembre à 17:00, Terrasse. Je réserve ? (oui / non)"),
        ("plutôt pour 5", "Table pour 5 mardi 1er décembre à 17:00, Terrasse. Je réserve ? (oui / non)"),
        ("oui", "C'est réservé. Rappel lundi 30 novembre à 16:00. Pour déplacer ou annuler, écrivez-le ici."),
        ("une réservation pour deux demain 17h", "17:00 est pris. 14:30 (6 places) ou 15:00 (6 places) vous irait ?"),
    ]);
    assert_eq!(talk.agenda.mine[0].party.people, 5);
    let mut talk = Talk::fr();
    talk.dialogue(&[(
        "rdv manucure demain 15h pour deux",
        "Ce rendez-vous est pour une personne ; pour la suivante, écrivez ensuite « rdv ». Manucure mardi 1er décembre à 15:00 avec Awa, 35 €. Je réserve ? (oui / non)",
    )]);
}
