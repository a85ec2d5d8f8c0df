//! Earlier answers that are corrected, and other times that are asked for.

use super::*;

#[test]
fn another_time_or_day_replaces_the_one_that_was_said() {
    let confirms = |day: &str, time: &str| format!("Manucure {day} à {time} avec Awa, 35 €. Je réserve ? (oui / non)");
    for (said, day, time) in [
        ("plutôt 16h", "jeudi 3 décembre", "16:00"),
        ("non 16", "jeudi 3 décembre", "16:00"),
        ("plutôt 4", "jeudi 3 décembre", "16:00"),
        ("à 5 plutôt", "jeudi 3 décembre", "17:00"),
        ("et si on disait 17h ?", "jeudi 3 décembre", "17:00"),
        ("et si on disait 17 ?", "jeudi 3 décembre", "17:00"),
        ("vous pouvez faire 4 à la place ?", "jeudi 3 décembre", "16:00"),
        ("10h au lieu de 15h30", "jeudi 3 décembre", "10:00"),
        ("ok mais plutôt vers 11", "jeudi 3 décembre", "11:00"),
        ("non mardi plutôt", "mardi 1er décembre", "15:30"),
        ("en fait vendredi", "vendredi 4 décembre", "15:30"),
        ("plutôt le 4", "vendredi 4 décembre", "15:30"),
        ("vendredi au lieu de jeudi", "vendredi 4 décembre", "15:30"),
    ] {
        let mut talk = Talk::fr();
        assert_eq!(talk.say("rdv manucure jeudi 15h30"), confirms("jeudi 3 décembre", "15:30"));
        assert_eq!(talk.say(said), confirms(day, time), "{said}");
        assert_eq!(talk.agenda.mine.len(), 1, "what was kept before is free again: {said}");
    }
    let confirms =
        |day: &str, time: &str| format!("Manucure on {day} at {time} with Awa, 35 €. Shall I book it? (yes / no)");
    for (said, day, time) in [
        ("can you do 4 instead", "Thursday 3 December", "16:00"),
        ("actually 5pm", "Thursday 3 December", "17:00"),
        ("could we make it 4?", "Thursday 3 December", "16:00"),
        ("ok make it five", "Thursday 3 December", "17:00"),
        ("what about 10?", "Thursday 3 December", "10:00"),
        ("4pm instead of 3:30", "Thursday 3 December", "16:00"),
        ("no, Tuesday instead", "Tuesday 1 December", "15:30"),
        ("sorry I meant Friday", "Friday 4 December", "15:30"),
    ] {
        let mut talk = Talk::en();
        let first = talk.say("an appointment for a manicure on Thursday at 3:30pm");
        assert_eq!(first, confirms("Thursday 3 December", "15:30"));
        assert_eq!(talk.say(said), confirms(day, time), "{said}");
    }
}

#[test]
fn a_number_alone_is_a_pick_an_hour_or_people() {
    let confirms =
        |time: &str| format!("Manucure mardi 1er décembre à {time} avec Awa, 35 €. Je réserve ? (oui / non)");
    for (said, time) in [("2", "16:00"), ("4", "16:00"), ("17", "17:00"), ("à 5", "17:00"), ("la 3", "18:00")] {
        let mut talk = Talk::fr();
        talk.dialogue(&[(
            "rdv manucure demain aprem",
            "Mardi 1er décembre, il reste 14:00, 16:00 ou 18:00. Laquelle ?",
        )]);
        assert_eq!(talk.say(said), confirms(time), "{said}");
    }
    let mut source = source(false);
    source.services = vec![Service { capacity: 6, ..service("table", "Table", 120, "", &["Terrasse"]) }];
    let mut talk = Talk::with(Flows::new(source).unwrap());
    talk.dialogue(&[
        ("une table pour 4 demain 17h", "Table pour 4 mardi 1er décembre à 17:00, Terrasse. Je réserve ? (oui / non)"),
        ("plutôt 5", "Table pour 5 mardi 1er décembre à 17:00, Terrasse. Je réserve ? (oui / non)"),
        ("plutôt 16h", "Table pour 5 mardi 1er décembre à 16:00, Terrasse. Je réserve ? (oui / non)"),
    ]);
    assert_eq!(talk.agenda.mine.len(), 1);
}

#[test]
fn several_people_are_no_hour() {
    let mut source = source(true);
    source.services = vec![Service { capacity: 6, ..service("table", "Table", 120, "", &["Terrace"]) }];
    let flows = || Flows::new(source.clone()).unwrap();
    for (said, people) in [
        ("an appointment, we are three, tomorrow at 3pm", 3),
        ("book a table for two tomorrow at 3", 2),
        ("can we book tomorrow at 3, party of 5", 5),
        ("booking tomorrow 3pm, there will be four of us", 4),
    ] {
        let answer = Talk::with(flows()).say(said);
        let expected =
            format!("Table for {people} on Tuesday 1 December at 15:00, Terrace. Shall I book it? (yes / no)");
        assert_eq!(answer, expected, "{said}");
    }
}

#[test]
fn a_ride_keeps_what_a_correction_leaves_out() {
    let mut talk = Talk::fr();
    let ride = |when: &str| format!("Votre course : Kipé → Ratoma, {when}. Je cherche un chauffeur ? (oui / non)");
    for (said, when) in [
        ("un taxi de Kipé à Ratoma jeudi 8h", "jeudi 3 décembre à 08:00"),
        ("plutôt 9h", "jeudi 3 décembre à 09:00"),
        ("vendredi plutôt", "vendredi 4 décembre à 09:00"),
        ("et si on disait 7", "vendredi 4 décembre à 07:00"),
        ("vous pouvez faire 8 à la place ?", "vendredi 4 décembre à 08:00"),
        ("en fait on est 3", "vendredi 4 décembre à 08:00, 3 personnes"),
    ] {
        assert_eq!(talk.say(said), ride(when), "{said}");
    }
}

#[test]
fn who_asks_for_other_times_gets_other_days_where_none_is_left() {
    let mut talk = Talk::fr();
    talk.say("rdv soin demain aprem");
    talk.busy("Awa", "2026-12-01T08:00:00Z", 600);
    talk.dialogue(&[
        (
            "vous avez d'autres heures ?",
            "C'est complet mardi 1er décembre. Mercredi 2 décembre à 09:00 ou 18:00 vous irait ? Ou écrivez « prévenez-moi », et je vous écris si une place se libère.",
        ),
        ("la 2e", "Soin du visage mercredi 2 décembre à 18:00 avec Awa, 65 €. Je réserve ? (oui / non)"),
    ]);
    let mut talk = Talk::en();
    talk.say("an appointment for a soin tomorrow afternoon");
    talk.busy("Awa", "2026-12-01T08:00:00Z", 600);
    talk.dialogue(&[(
        "do you have other times?",
        "We are fully booked on Tuesday 1 December. Would Wednesday 2 December at 09:00 or 18:00 suit you? Or write \"let me know\", and I will write to you when a place becomes free.",
    )]);
    // One is left, and they have seen it.
    let mut talk = Talk::fr();
    talk.busy("Awa", "2026-12-01T08:00:00Z", 540);
    talk.dialogue(&[
        ("rdv soin demain", "Mardi 1er décembre à 18:00 vous irait ?"),
        ("quelles heures vous avez ?", "Mardi 1er décembre à 18:00 vous irait ?"),
        ("autre chose ?", "Mercredi 2 décembre à 09:00, 14:30 ou 18:00 vous irait ?"),
        ("14h30", "Soin du visage mercredi 2 décembre à 14:30 avec Awa, 65 €. Je réserve ? (oui / non)"),
    ]);
}
