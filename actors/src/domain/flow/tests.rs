//! Dialogues with flows, as customers write them, and what the checks of flows find.

use crate::domain::address::Identity;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::answers::AnswerKind;
use super::*;
use crate::domain::booking::{BookingState, Busy};
use crate::domain::folding::fold;
use crate::domain::hours::OpenSpan;

mod checks;
mod corrections;
mod freely;
mod late;
mod pictures;
mod walks;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours() -> Hours {
    let day: Vec<OpenSpan> = vec!["09:00-12:30".parse().unwrap(), "14:00-19:00".parse().unwrap()];
    Hours { week: [vec![], day.clone(), day.clone(), day.clone(), day.clone(), day, vec![]], ..Hours::default() }
}

fn service(id: &str, name: &str, minutes: i64, price: &str, resources: &[&str]) -> Service {
    Service {
        price: Some(price.into()).filter(|price: &String| !price.is_empty()),
        resources: resources.iter().map(ToString::to_string).collect(),
        words: if id == "manucure" { vec!["ongles".into(), "manicure".into()] } else { vec![] },
        ..Service::new(id.into(), name.into(), TimeDelta::minutes(minutes))
    }
}

fn source(english: bool) -> FlowsSource {
    FlowsSource {
        flows: built_in::NAMES.iter().filter_map(|name| built_in::flow(name, english)).collect(),
        services: vec![
            service("manucure", "Manucure", 45, "35 €", &["Awa", "Sophie"]),
            service("pedicure", "Pédicure", 60, "", &["Sophie"]),
            service("soin", "Soin du visage", 60, "65 €", &["Awa"]),
        ],
        policy: BookingPolicy::default(),
        hours: hours(),
        zone: Tz::Europe__Paris,
        english,
        tenant_name: "Institut Belle".into(),
        texts: BTreeMap::new(),
        templates: BookingTemplates::default(),
        drivers: vec![driver()],
        fares: crate::domain::fare::Fares::default(),
    }
}

fn driver() -> crate::domain::offer::Driver {
    crate::domain::offer::Driver {
        name: "Mamadou".into(),
        person: Identity::from_stored("+224620000001"),
        phone: "+224620000001".into(),
        car: "Toyota grise".into(),
        plate: "RC 1234 A".into(),
        rating: "4,8".into(),
        seats: None,
    }
}

/// A customer in front of a tenant's flows, Monday 30 November 2026, 10:00 in Paris.
struct Talk {
    flows: Flows,
    now: Timestamp,
    agenda: Agenda,
    running: Option<Running>,
    handed_over: bool,
    leads: Vec<crate::domain::lead::Lead>,
    offers: Vec<String>,
    reminders: Vec<(Timestamp, Reminder)>,
    milestones: Vec<String>,
}

impl Talk {
    fn with(flows: Flows) -> Self {
        Self {
            flows,
            now: at("2026-11-30T09:00:00Z"),
            agenda: Agenda::default(),
            running: None,
            handed_over: false,
            leads: vec![],
            offers: vec![],
            reminders: vec![],
            milestones: vec![],
        }
    }

    fn fr() -> Self {
        Self::with(Flows::new(source(false)).unwrap())
    }

    fn en() -> Self {
        Self::with(Flows::new(source(true)).unwrap())
    }

    fn busy(&mut self, resource: &str, from: &str, minutes: i64) {
        let from = at(from);
        self.agenda.busy.push(Busy::whole(resource.into(), from, from + TimeDelta::minutes(minutes)));
    }

    fn say(&mut self, text: &str) -> String {
        let folded = fold(text);
        let knows = |text: &str| text.contains("carte ?") || text.contains("horaires");
        let agenda = Arc::new(self.agenda.clone());
        let scene = Scene {
            now: self.now,
            text,
            folded: &folded,
            location: None,
            agenda: &agenda,
            contact_name: Some("Nadia"),
            phone: Some("+33612345678"),
            knows: &knows,
        };
        match self.flows.listen(self.running.as_ref(), &scene) {
            None => "-".to_owned(),
            Some(made) => self.take(made),
        }
    }

    fn take(&mut self, made: Move) -> String {
        let mut said = Vec::new();
        for saying in made.sayings {
            said.push(match saying {
                Saying::Text(text) => text,
                Saying::Answer { then } => format!("[FAQ] {then}"),
            });
        }
        for effect in made.effects {
            match effect {
                Effect::Booking(change) => self.agenda.apply(&change),
                Effect::Remind { at, reminder } => self.reminders.push((at, reminder)),
                Effect::HoldEnds { .. } => {}
                Effect::Waiting(change) => self.agenda.apply_waiting(&change),
                Effect::Lead(lead) => self.leads.push(lead),
                Effect::Offer { text, .. } => self.offers.push(text),
            }
        }
        self.milestones.extend(made.milestones.iter().map(|(flow, milestone)| match milestone {
            Milestone::Started => format!("{flow} started"),
            Milestone::Completed => format!("{flow} completed"),
            Milestone::Abandoned(why) => format!("{flow} abandoned: {why}"),
        }));
        self.running = made.running;
        self.handed_over |= made.hand_over;
        said.join(" / ")
    }

    /// Lines of a dialogue: what the customer says, and what comes back.
    #[track_caller]
    fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, expected) in lines {
            let answer = self.say(said);
            assert_eq!(&answer, expected, "to {said:?}");
        }
    }

    fn booked(&self) -> Vec<String> {
        let confirmed = self.agenda.mine.iter().filter(|booking| booking.state == BookingState::Confirmed);
        confirmed
            .map(|booking| {
                format!("{} {} {}", booking.service, booking.resource, booking.starts_at.format("%m-%d %H:%M"))
            })
            .collect()
    }
}

#[test]
fn a_booking_step_by_step() {
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("bonjour je voudrais un rdv", "Avec plaisir. Pour quelle prestation ? 1 Manucure 45 min, 35 € · 2 Pédicure 60 min · 3 Soin du visage 60 min, 65 €"),
        ("1", "Quel jour vous arrange ?"),
        ("dem1 aprem", "Mardi 1er décembre, il reste 14:00, 16:00 ou 18:00. Laquelle ?"),
        ("la 2e", "Manucure mardi 1er décembre à 16:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("oui", "C'est réservé. Rappel lundi 30 novembre à 15:00. Pour déplacer ou annuler, écrivez-le ici."),
    ]);
    assert_eq!(talk.booked(), ["manucure Awa 12-01 15:00"]);
    assert_eq!(talk.milestones, ["booking started", "booking completed"]);
    assert_eq!(talk.reminders.len(), 2);
    assert!(talk.running.is_none());
}

#[test]
fn a_booking_all_at_once() {
    let mut talk = Talk::fr();
    talk.busy("Awa", "2026-12-01T14:00:00Z", 30);
    talk.busy("Sophie", "2026-12-01T14:00:00Z", 60);
    talk.dialogue(&[
        ("slt rdv manucure demain 15h possible ?", "15:00 est pris. 14:00 ou 15:30 vous irait ?"),
        ("15h30", "Manucure mardi 1er décembre à 15:30 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("ok", "C'est réservé. Rappel lundi 30 novembre à 14:30. Pour déplacer ou annuler, écrivez-le ici."),
    ]);
    assert_eq!(talk.booked(), ["manucure Awa 12-01 14:30"]);
}

#[test]
fn a_correction_at_the_end_keeps_the_time() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure demain 15h30");
    talk.dialogue(&[
        ("non plutôt jeudi même heure", "Manucure jeudi 3 décembre à 15:30 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("plutôt 16h", "Manucure jeudi 3 décembre à 16:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("avec Sophie", "Manucure jeudi 3 décembre à 16:00 avec Sophie, 35 €. Je réserve ? (oui / non)"),
    ]);
    assert_eq!(talk.agenda.mine.len(), 1, "what was kept before is free again");
    talk.say("oui");
    assert_eq!(talk.booked(), ["manucure Sophie 12-03 15:00"]);
}

#[test]
fn a_question_in_the_middle_is_answered_and_the_flow_goes_on() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure");
    talk.dialogue(&[
        ("vous prenez la carte ?", "[FAQ] Et pour revenir à votre demande : Quel jour vous arrange ?"),
        ("samedi", "Samedi 5 décembre, il reste 09:00, 14:30 ou 18:00. Laquelle ?"),
    ]);
}

#[test]
fn leaving_books_nothing_and_frees_what_was_kept() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure demain 15h30");
    assert_eq!(talk.agenda.busy.len(), 1);
    talk.dialogue(&[("laisse tomber", "D'accord, rien n'est réservé. Écrivez « rdv » quand vous voulez.")]);
    assert!(talk.agenda.busy.is_empty() && talk.running.is_none());
    assert_eq!(talk.milestones, ["booking started", "booking abandoned: cancelled"]);
}

#[test]
fn two_misses_bring_a_person() {
    let mut talk = Talk::fr();
    talk.say("rdv");
    talk.dialogue(&[
        ("le truc là comme l'autre fois", "Je n'ai pas compris. Pour quelle prestation ? 1 Manucure 45 min, 35 € · 2 Pédicure 60 min · 3 Soin du visage 60 min, 65 €"),
        ("bah comme d'hab", "Je préviens une personne de l'équipe, elle vous répond ici dès que possible."),
    ]);
    assert!(talk.handed_over && talk.running.is_none());
}

#[test]
fn days_that_cannot_be_are_asked_about() {
    for (said, expected) in [
        ("hier", "Ce moment est déjà passé. Quel jour vous arrange ?"),
        ("31 novembre", "Ce jour n'existe pas. Quel jour vous arrange ?"),
        ("le 3 mai", "Nous ne prenons pas encore de rendez-vous si loin. Quel jour plus proche vous arrange ?"),
        ("mardi prochain", "Mardi 1er ou mardi 8 ?"),
        ("dimanche", "Nous sommes fermés dimanche 6 décembre. Mardi 8 décembre à 09:00 ou 18:00 vous irait ?"),
        ("demain 22h", "22:00 n'est pas possible. 17:30 ou 18:00 vous irait ?"),
        ("le plus tôt possible", "Mardi 1er décembre, il reste 09:00, 14:30 ou 18:00. Laquelle ?"),
    ] {
        let mut talk = Talk::fr();
        talk.say("rdv manucure");
        talk.dialogue(&[(said, expected)]);
        assert!(!talk.handed_over);
    }
    let mut talk = Talk::fr();
    talk.say("rdv manucure mardi prochain");
    talk.dialogue(&[("le 8", "Mardi 8 décembre, il reste 09:00, 14:30 ou 18:00. Laquelle ?")]);
}

#[test]
fn a_booking_moves_and_is_cancelled() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure demain 15h30");
    talk.say("oui");
    talk.dialogue(&[
        (
            "je peux plus venir demain on peut décaler ?",
            "Votre rendez-vous : Manucure mardi 1er décembre à 15:30. Quel jour vous arrangerait ?",
        ),
        ("jeudi 10h", "Manucure jeudi 3 décembre à 10:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("oui", "C'est déplacé : Manucure jeudi 3 décembre à 10:00 avec Awa."),
    ]);
    assert_eq!(talk.booked(), ["manucure Awa 12-03 09:00"]);
    talk.dialogue(&[
        (
            "on peut décaler mon rdv ?",
            "Votre rendez-vous : Manucure jeudi 3 décembre à 10:00. Quel jour vous arrangerait ?",
        ),
        ("annule plutôt", "C'est annulé. Bonne journée."),
    ]);
    assert!(talk.booked().is_empty() && talk.agenda.busy.is_empty());
}

#[test]
fn a_booking_is_cancelled_once_that_is_confirmed() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure demain 15h30");
    talk.say("oui");
    talk.dialogue(&[
        ("j'annule mon rdv", "Annuler Manucure mardi 1er décembre à 15:30 ? (oui / non)"),
        ("non", "D'accord, votre rendez-vous est maintenu : Manucure mardi 1er décembre à 15:30."),
        ("j'annule mon rdv", "Annuler Manucure mardi 1er décembre à 15:30 ? (oui / non)"),
        ("oui", "C'est annulé. Bonne journée."),
    ]);
    assert!(talk.booked().is_empty());
}

#[test]
fn a_reminder_is_answered() {
    let remind = |talk: &mut Talk| {
        let (when, reminder) = talk.reminders[0].clone();
        talk.now = when;
        let agenda = Arc::new(talk.agenda.clone());
        let scene = Scene {
            now: when,
            text: "",
            folded: "",
            location: None,
            agenda: &agenda,
            contact_name: None,
            phone: None,
            knows: &|_| false,
        };
        match talk.flows.remind(&reminder, talk.running.as_ref(), &scene) {
            Some(made) => talk.take(made),
            None => "-".to_owned(),
        }
    };
    let booked = || {
        let mut talk = Talk::fr();
        talk.say("rdv manucure jeudi 15h30");
        talk.say("oui");
        talk
    };
    let mut talk = booked();
    assert_eq!(remind(&mut talk), "Rappel : Manucure jeudi 3 décembre à 15:30. Vous venez ? (oui / non)");
    talk.dialogue(&[("oui", "Merci, à bientôt."), ("oui", "-")]);
    assert_eq!(talk.booked(), ["manucure Awa 12-03 14:30"]);

    let mut talk = booked();
    remind(&mut talk);
    talk.dialogue(&[
        ("non", "D'accord. On déplace ou on annule ? 1 Déplacer · 2 Annuler"),
        ("1", "Votre rendez-vous : Manucure jeudi 3 décembre à 15:30. Quel jour vous arrangerait ?"),
        ("vendredi 16h", "Manucure vendredi 4 décembre à 16:00 avec Awa, 35 €. Je réserve ? (oui / non)"),
        ("oui", "C'est déplacé : Manucure vendredi 4 décembre à 16:00 avec Awa."),
    ]);
    assert_eq!(talk.booked(), ["manucure Awa 12-04 15:00"]);
    assert_eq!(remind(&mut talk), "-", "a booking that moved is not reminded of by its old time");

    let mut talk = booked();
    remind(&mut talk);
    talk.dialogue(&[
        ("non", "D'accord. On déplace ou on annule ? 1 Déplacer · 2 Annuler"),
        ("2", "C'est annulé. Bonne journée."),
    ]);
    assert!(talk.booked().is_empty());
}

#[test]
fn a_time_that_was_taken_meanwhile_is_told() {
    let mut talk = Talk::fr();
    talk.say("rdv soin du visage demain aprem");
    talk.busy("Awa", "2026-12-01T14:30:00Z", 90);
    let offered = talk.running.clone().unwrap().appointment.unwrap().offered;
    assert_eq!(offered.len(), 3);
    talk.dialogue(&[("16h", "16:00 vient d'être pris, désolé. 14:30 ou 17:00 vous irait ?")]);
}

#[test]
fn a_lead_is_taken() {
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("bjr besoin d'un devis fuite salle de bain urgent", "C'est noté. À quel nom ?"),
        ("Diallo", "Merci Diallo. Un e-mail pour le devis ? (« non » si vous préférez ici)"),
        (
            "diallo@exemple",
            "Cette adresse e-mail ne semble pas juste. Un e-mail pour le devis ? (« non » si vous préférez ici)",
        ),
        ("diallo@exemple.fr", "Merci. Institut Belle vous recontacte dès que possible."),
    ]);
    let lead = &talk.leads[0];
    assert_eq!(
        (lead.name.as_deref(), lead.email.as_deref(), lead.urgent),
        (Some("Diallo"), Some("diallo@exemple.fr"), true)
    );
    assert_eq!(lead.need, "bjr besoin d'un devis fuite salle de bain urgent");

    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("devis", "Que pouvons-nous faire pour vous ? Décrivez en une phrase."),
        ("peindre un salon de 20 m2", "C'est noté. À quel nom ?"),
        ("c'est Martin", "Merci Martin. Un e-mail pour le devis ? (« non » si vous préférez ici)"),
        ("pardon, Martine", "Merci Martine. Un e-mail pour le devis ? (« non » si vous préférez ici)"),
        ("non", "Merci. Institut Belle vous recontacte dès que possible."),
    ]);
    assert_eq!((talk.leads[0].email.as_deref(), talk.leads[0].name.as_deref()), (None, Some("Martine")));
}

#[test]
fn a_ride_is_offered() {
    let mut talk = Talk::fr();
    talk.dialogue(&[
        ("taxi", "D'où partez-vous ? Envoyez votre position ou écrivez le lieu."),
        ("Kipé", "Où allez-vous ?"),
        ("à l'aéroport", "Maintenant, ou à quelle heure ?"),
        ("mtn", "Votre course : Kipé → aéroport, lundi 30 novembre à 10:00. Je cherche un chauffeur ? (oui / non)"),
        (
            "plutôt 11h",
            "Votre course : Kipé → aéroport, lundi 30 novembre à 11:00. Je cherche un chauffeur ? (oui / non)",
        ),
        ("oui", "Je cherche un chauffeur, deux minutes."),
    ]);
    assert_eq!(talk.offers, ["Course : Kipé → aéroport, lundi 30 novembre à 11:00. OUI pour la prendre."]);
}

#[test]
fn one_goes_back_hears_again_and_begins_anew() {
    let mut talk = Talk::fr();
    talk.say("taxi");
    talk.say("Kipé");
    talk.dialogue(&[
        ("quoi ?", "Où allez-vous ?"),
        ("retour", "D'où partez-vous ? Envoyez votre position ou écrivez le lieu."),
        ("Ratoma", "Où allez-vous ?"),
        ("recommencer", "D'accord, on recommence. D'où partez-vous ? Envoyez votre position ou écrivez le lieu."),
        ("Kaloum", "Où allez-vous ?"),
        ("je veux parler à quelqu'un", "Je préviens une personne de l'équipe, elle vous répond ici dès que possible."),
    ]);
    assert!(talk.handed_over);
}

#[test]
fn another_flow_is_begun_in_the_middle() {
    let mut talk = Talk::fr();
    talk.say("rdv");
    let answer = talk.say("finalement je voudrais un devis pour une salle de bain");
    assert_eq!(answer, "C'est noté. À quel nom ?");
    assert_eq!(talk.milestones, ["booking started", "booking abandoned: switched", "lead started"]);
}

#[test]
fn it_speaks_english() {
    let mut talk = Talk::en();
    talk.dialogue(&[
        (
            "hi, I'd like an appointment",
            "With pleasure. Which service? 1 Manucure 45 min, 35 € · 2 Pédicure 60 min · 3 Soin du visage 60 min, 65 €",
        ),
        ("a manicure please", "Which day suits you?"),
        ("tmrw afternoon", "Tuesday 1 December: 14:00, 16:00 or 18:00 are free. Which one?"),
        ("half past three", "Manucure on Tuesday 1 December at 15:30 with Awa, 35 €. Shall I book it? (yes / no)"),
        (
            "no, rather Thursday same time",
            "Manucure on Thursday 3 December at 15:30 with Awa, 35 €. Shall I book it? (yes / no)",
        ),
        (
            "yes please",
            "It is booked. I will remind you Wednesday 2 December at 14:30. To move or cancel, just write it here.",
        ),
        (
            "I can't make it, can we reschedule?",
            "Your appointment: Manucure on Thursday 3 December at 15:30. Which day would suit you?",
        ),
        ("never mind, cancel it", "It is cancelled. Have a nice day."),
    ]);
}

#[test]
fn a_flow_that_changed_begins_again_or_goes_on() {
    let mut talk = Talk::fr();
    talk.say("taxi");
    talk.say("Kipé");
    let mut changed = source(false);
    let ride = changed.flows.iter_mut().find(|flow| flow.name == "ride").unwrap();
    ride.on_change = OnChange::Restart;
    if let StepKind::Ask { text, .. } = &mut ride.steps[0].kind {
        "D'où partez-vous exactement ?".clone_into(text);
    }
    let running = talk.running.clone();
    talk.flows = Flows::new(changed.clone()).unwrap();
    talk.dialogue(&[(
        "aéroport",
        "Désolé, nous avons changé quelque chose entre-temps : on reprend. D'où partez-vous exactement ?",
    )]);
    for flow in &mut changed.flows {
        flow.on_change = OnChange::Continue;
    }
    talk.flows = Flows::new(changed).unwrap();
    talk.running = running;
    talk.dialogue(&[("aéroport", "Maintenant, ou à quelle heure ?")]);
}

#[test]
fn what_a_conversation_remembers_is_read_back() {
    let mut talk = Talk::fr();
    talk.say("rdv manucure demain aprem");
    let running = talk.running.clone().unwrap();
    let stored = serde_json::to_value(&running).unwrap();
    assert_eq!(serde_json::from_value::<Running>(stored).unwrap(), running);
    assert!(!format!("{running:?}").contains("Awa"));
}
