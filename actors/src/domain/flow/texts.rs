//! Texts that the engine says of its own, in French and English.

use crate::domain::words::stored_words;

/// Texts that the engine says of its own, by the names under which a tenant overrides them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named after what it says")]
pub enum TextKey {
    NotUnderstood,
    HandOver,
    Cancelled,
    Restarted,
    Changed,
    Remind,
    Choose,
    BadEmail,
    BadPhone,
    BadNumber,
    BadDate,
    BackToIt,
    TakeYourTime,
    PriceIs,
    AskService,
    AskPeople,
    TooManyPeople,
    OneEach,
    AskDay,
    AskWhich,
    AskTime,
    DayPast,
    NoSuchDay,
    TooFar,
    Closed,
    Full,
    NothingFree,
    Taken,
    JustTaken,
    Propose,
    NotThen,
    WhichOfThem,
    YourBooking,
    OfDay,
    ConfirmBooking,
    Booked,
    BookedSoon,
    Moved,
    NotBooked,
    AskMove,
    AskCancel,
    BookingCancelled,
    BookingKept,
    NoBooking,
    StaffBooked,
    StaffMoved,
    StaffCancelled,
    Reminder,
    ReminderSoon,
    SeeYou,
    NotComing,
    WaitHint,
    OnList,
    OffList,
    StillWaiting,
    PlaceFree,
    OnTime,
    LateNoted,
    LateUnsaid,
    LatePerson,
    OnDuty,
    OffDuty,
    OfferTaken,
    OfferTooLarge,
    OfferYours,
    Assigned,
    DriverThere,
    CustomerTold,
    RideOver,
    AskRating,
    Rated,
    NobodyFree,
    OfferCalledOff,
    RideCalledOff,
}

stored_words!(TextKey {
    NotUnderstood => "not_understood",
    HandOver => "hand_over",
    Cancelled => "cancelled",
    Restarted => "restarted",
    Changed => "changed",
    Remind => "remind",
    Choose => "choose",
    BadEmail => "bad_email",
    BadPhone => "bad_phone",
    BadNumber => "bad_number",
    BadDate => "bad_date",
    BackToIt => "back_to_it",
    TakeYourTime => "take_your_time",
    PriceIs => "price_is",
    AskService => "ask_service",
    AskPeople => "ask_people",
    TooManyPeople => "too_many_people",
    OneEach => "one_each",
    AskDay => "ask_day",
    AskWhich => "ask_which",
    AskTime => "ask_time",
    DayPast => "day_past",
    NoSuchDay => "no_such_day",
    TooFar => "too_far",
    Closed => "closed",
    Full => "full",
    NothingFree => "nothing_free",
    Taken => "taken",
    JustTaken => "just_taken",
    Propose => "propose",
    NotThen => "not_then",
    WhichOfThem => "which_of_them",
    YourBooking => "your_booking",
    OfDay => "of_day",
    ConfirmBooking => "confirm_booking",
    Booked => "booked",
    BookedSoon => "booked_soon",
    Moved => "moved",
    NotBooked => "not_booked",
    AskMove => "ask_move",
    AskCancel => "ask_cancel",
    BookingCancelled => "booking_cancelled",
    BookingKept => "booking_kept",
    NoBooking => "no_booking",
    StaffBooked => "staff_booked",
    StaffMoved => "staff_moved",
    StaffCancelled => "staff_cancelled",
    Reminder => "reminder",
    ReminderSoon => "reminder_soon",
    SeeYou => "see_you",
    NotComing => "not_coming",
    WaitHint => "wait_hint",
    OnList => "on_list",
    OffList => "off_list",
    StillWaiting => "still_waiting",
    PlaceFree => "place_free",
    OnTime => "on_time",
    LateNoted => "late_noted",
    LateUnsaid => "late_unsaid",
    LatePerson => "late_person",
    OnDuty => "on_duty",
    OffDuty => "off_duty",
    OfferTaken => "offer_taken",
    OfferTooLarge => "offer_too_large",
    OfferYours => "offer_yours",
    Assigned => "assigned",
    DriverThere => "driver_there",
    CustomerTold => "customer_told",
    RideOver => "ride_over",
    AskRating => "ask_rating",
    Rated => "rated",
    NobodyFree => "nobody_free",
    OfferCalledOff => "offer_called_off",
    RideCalledOff => "ride_called_off",
});

impl TextKey {
    /// The built-in text.
    pub(super) const fn built_in(self, english: bool) -> &'static str {
        if english { self.english() } else { self.french() }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::NotUnderstood => "Je n'ai pas compris. {{ question }}",
            Self::HandOver => "Je préviens une personne de l'équipe, elle vous répond ici dès que possible.",
            Self::Cancelled => "D'accord, j'arrête là. Écrivez « {{ word }} » quand vous voulez.",
            Self::Restarted => "D'accord, on recommence. {{ question }}",
            Self::Changed => "Désolé, nous avons changé quelque chose entre-temps : on reprend. {{ question }}",
            Self::Remind => "Toujours là ? {{ question }}",
            Self::Choose => "{{ question }} {{ options }}",
            Self::BadEmail => "Cette adresse e-mail ne semble pas juste. {{ question }}",
            Self::BadPhone => "Ce numéro ne semble pas complet. {{ question }}",
            Self::BadNumber => "Il me faut un nombre. {{ question }}",
            Self::BadDate => "Je n'ai pas compris la date. {{ question }}",
            Self::BackToIt => "Et pour revenir à votre demande : {{ question }}",
            Self::TakeYourTime => "Prenez votre temps, je reste là.",
            Self::PriceIs => "{{ service }} : {{ price }}. {{ question }}",
            Self::AskService => "Avec plaisir. Pour quelle prestation ? {{ options }}",
            Self::AskPeople => "Pour combien de personnes ?",
            Self::TooManyPeople => {
                "Nous prenons {{ places }} personnes au plus à la fois. Pour combien ? Pour un plus grand groupe, écrivez « conseiller »."
            }
            Self::OneEach => "Ce rendez-vous est pour une personne ; pour la suivante, écrivez ensuite « {{ word }} ».",
            Self::AskDay => "Quel jour vous arrange ?",
            Self::AskWhich => "{{ options }} ?",
            Self::AskTime => "À quelle heure ?",
            Self::DayPast => "Ce moment est déjà passé. Quel jour vous arrange ?",
            Self::NoSuchDay => "Ce jour n'existe pas. Quel jour vous arrange ?",
            Self::TooFar => "Nous ne prenons pas encore de rendez-vous si loin. Quel jour plus proche vous arrange ?",
            Self::Closed => "Nous sommes fermés {{ date }}. {{ options }}",
            Self::Full => "C'est complet {{ date }}. {{ options }}",
            Self::NothingFree => "Il ne reste rien de libre à ce moment. Un autre jour vous arrange ?",
            Self::Taken => "{{ time }} est pris. {{ options }}",
            Self::JustTaken => "{{ time }} vient d'être pris, désolé. {{ options }}",
            Self::Propose => "{{ options }} vous irait ?",
            Self::NotThen => "{{ time }} n'est pas possible. {{ options }}",
            Self::WhichOfThem => "Laquelle de ces heures : {{ options }} ?",
            Self::YourBooking => {
                "Votre rendez-vous : {{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}. Pour déplacer ou annuler, écrivez-le ici."
            }
            Self::OfDay => "{{ date }}, il reste {{ options }}. Laquelle ?",
            Self::ConfirmBooking => {
                "{{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}{% if price %}, {{ price }}{% endif %}. Je réserve ? (oui / non)"
            }
            Self::Booked => "C'est réservé. Rappel {{ what }}. Pour déplacer ou annuler, écrivez-le ici.",
            Self::BookedSoon => {
                "C'est réservé : {{ service }} {{ date }} à {{ time }}. Pour déplacer ou annuler, écrivez-le ici."
            }
            Self::Moved => {
                "C'est déplacé : {{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}."
            }
            Self::NotBooked => "D'accord, rien n'est réservé. Écrivez « {{ word }} » quand vous voulez.",
            Self::AskMove => "Votre rendez-vous : {{ service }} {{ date }} à {{ time }}. Quel jour vous arrangerait ?",
            Self::AskCancel => "Annuler {{ service }} {{ date }} à {{ time }} ? (oui / non)",
            Self::BookingCancelled => "C'est annulé. Bonne journée.",
            Self::BookingKept => "D'accord, votre rendez-vous est maintenu : {{ service }} {{ date }} à {{ time }}.",
            Self::NoBooking => {
                "Vous n'avez pas de rendez-vous à venir chez nous. Pour en prendre un, écrivez « {{ word }} »."
            }
            Self::StaffBooked => {
                "Votre rendez-vous est noté : {{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}. Pour déplacer ou annuler, écrivez-le ici."
            }
            Self::StaffMoved => {
                "Votre rendez-vous est déplacé : {{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}. Si cela ne vous convient pas, écrivez-le ici."
            }
            Self::StaffCancelled => {
                "Votre rendez-vous est annulé, désolé : {{ service }} {{ date }} à {{ time }}. Pour en prendre un autre, écrivez « {{ word }} »."
            }
            Self::Reminder => "Rappel : {{ service }} {{ date }} à {{ time }}. Vous venez ? (oui / non)",
            Self::ReminderSoon => "Rappel : {{ service }} aujourd'hui à {{ time }}. À tout à l'heure.",
            Self::SeeYou => "Merci, à bientôt.",
            Self::NotComing => "D'accord. On déplace ou on annule ? 1 Déplacer · 2 Annuler",
            Self::WaitHint => "Ou écrivez « prévenez-moi », et je vous écris si une place se libère.",
            Self::OnList => {
                "C'est noté : je vous écris ici si une place se libère pour {{ service }}{% if date %} {{ date }}{% endif %}. Pour quitter la liste, écrivez « plus besoin »."
            }
            Self::OffList => "D'accord, vous n'attendez plus de place. Pour un rendez-vous, écrivez « {{ word }} ».",
            Self::StillWaiting => {
                "D'accord. Je vous écris si une autre place se libère. Pour quitter la liste, écrivez « plus besoin »."
            }
            Self::PlaceFree => {
                "Une place s'est libérée : {{ service }} {{ date }} à {{ time }}{% if people %}, {% else %} avec {% endif %}{{ resource }}{% if price %}, {{ price }}{% endif %}. Je la garde pour vous jusqu'à {{ what }}. Je réserve ? (oui / non)"
            }
            Self::OnTime => "Merci, à tout à l'heure : {{ service }} à {{ time }}.",
            Self::LateNoted => {
                "Noté, {{ resource }} est au courant : vous arrivez à {{ what }} au lieu de {{ time }}. À bientôt."
            }
            Self::LateUnsaid => "Noté, {{ resource }} est au courant de votre retard. À bientôt.",
            Self::LatePerson => {
                "Noté, je préviens {{ resource }} : une personne de l'équipe vous répond ici dès que possible."
            }
            Self::OnDuty => "Vous êtes de service. PAUSE pour arrêter.",
            Self::OffDuty => "Vous êtes en pause. DISPO pour reprendre.",
            Self::OfferTaken => "Course déjà prise.",
            Self::OfferTooLarge => {
                "Ils sont {{ people }}, votre voiture a {{ places }} places : je demande aux autres."
            }
            Self::OfferYours => "La course est à vous. {{ what }} Écrivez ARRIVÉ sur place, FINI à la fin.",
            Self::DriverThere => "Votre chauffeur est là : {{ resource }}{% if what %}, {{ what }}{% endif %}.",
            Self::CustomerTold => "Le client est prévenu. Écrivez FINI à la fin de la course.",
            Self::RideOver => "C'est noté, la course est finie.",
            Self::AskRating => "Merci d'avoir choisi {{ tenant.name }}. Votre note pour la course, de 1 à 5 ?",
            Self::Rated => "Merci, c'est noté.",
            Self::Assigned => "Votre chauffeur : {{ resource }}, {{ what }}.",
            Self::OfferCalledOff => "La course est annulée.",
            Self::RideCalledOff => "Votre demande est annulée, désolé. Écrivez « {{ word }} » pour en faire une autre.",
            Self::NobodyFree => "Aucun chauffeur n'est libre pour le moment. Écrivez « {{ word }} » pour réessayer.",
        }
    }

    const fn english(self) -> &'static str {
        match self {
            Self::NotUnderstood => "I did not understand. {{ question }}",
            Self::HandOver => "I am telling somebody of the team; they will answer you here as soon as they can.",
            Self::Cancelled => "All right, I stop here. Write \"{{ word }}\" whenever you like.",
            Self::Restarted => "All right, let us start again. {{ question }}",
            Self::Changed => "Sorry, something changed in the meantime, so let us start again. {{ question }}",
            Self::Remind => "Still there? {{ question }}",
            Self::Choose => "{{ question }} {{ options }}",
            Self::BadEmail => "That e-mail address does not look right. {{ question }}",
            Self::BadPhone => "That number does not look complete. {{ question }}",
            Self::BadNumber => "I need a number. {{ question }}",
            Self::BadDate => "I did not understand the date. {{ question }}",
            Self::BackToIt => "And back to your request: {{ question }}",
            Self::TakeYourTime => "Take your time, I am here.",
            Self::PriceIs => "{{ service }}: {{ price }}. {{ question }}",
            Self::AskService => "With pleasure. Which service? {{ options }}",
            Self::AskPeople => "For how many people?",
            Self::TooManyPeople => {
                "We take {{ places }} people at once at most. For how many? For a larger group, write \"person\"."
            }
            Self::OneEach => "This appointment is for one person; for the next one, write \"{{ word }}\" afterwards.",
            Self::AskDay => "Which day suits you?",
            Self::AskWhich => "{{ options }}?",
            Self::AskTime => "At what time?",
            Self::DayPast => "That is in the past. Which day suits you?",
            Self::NoSuchDay => "There is no such day. Which day suits you?",
            Self::TooFar => "We do not take bookings that far ahead yet. Which nearer day suits you?",
            Self::Closed => "We are closed on {{ date }}. {{ options }}",
            Self::Full => "We are fully booked on {{ date }}. {{ options }}",
            Self::NothingFree => "Nothing is free then. Would another day suit you?",
            Self::Taken => "{{ time }} is taken. {{ options }}",
            Self::JustTaken => "{{ time }} has just been taken, sorry. {{ options }}",
            Self::Propose => "Would {{ options }} suit you?",
            Self::NotThen => "{{ time }} is not possible. {{ options }}",
            Self::WhichOfThem => "Which of these times: {{ options }}?",
            Self::YourBooking => {
                "Your appointment: {{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}. To move or cancel, just write it here."
            }
            Self::OfDay => "{{ date }}: {{ options }} are free. Which one?",
            Self::ConfirmBooking => {
                "{{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}{% if price %}, {{ price }}{% endif %}. Shall I book it? (yes / no)"
            }
            Self::Booked => "It is booked. I will remind you {{ what }}. To move or cancel, just write it here.",
            Self::BookedSoon => {
                "It is booked: {{ service }} on {{ date }} at {{ time }}. To move or cancel, just write it here."
            }
            Self::Moved => {
                "It is moved: {{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}."
            }
            Self::NotBooked => "All right, nothing is booked. Write \"{{ word }}\" whenever you like.",
            Self::AskMove => "Your appointment: {{ service }} on {{ date }} at {{ time }}. Which day would suit you?",
            Self::AskCancel => "Cancel {{ service }} on {{ date }} at {{ time }}? (yes / no)",
            Self::BookingCancelled => "It is cancelled. Have a nice day.",
            Self::BookingKept => "All right, your appointment stays: {{ service }} on {{ date }} at {{ time }}.",
            Self::NoBooking => "You have no appointment with us at the moment. To make one, write \"{{ word }}\".",
            Self::StaffBooked => {
                "Your appointment is booked: {{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}. To move or cancel, just write it here."
            }
            Self::StaffMoved => {
                "Your appointment has been moved: {{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}. If that does not suit you, just write it here."
            }
            Self::StaffCancelled => {
                "Your appointment is cancelled, sorry: {{ service }} on {{ date }} at {{ time }}. To make another one, write \"{{ word }}\"."
            }
            Self::Reminder => "Reminder: {{ service }} on {{ date }} at {{ time }}. Will you come? (yes / no)",
            Self::ReminderSoon => "Reminder: {{ service }} today at {{ time }}. See you soon.",
            Self::SeeYou => "Thank you, see you soon.",
            Self::NotComing => "All right. Move it or cancel it? 1 Move · 2 Cancel",
            Self::WaitHint => "Or write \"let me know\", and I will write to you when a place becomes free.",
            Self::OnList => {
                "Noted: I will write to you here when a place becomes free for {{ service }}{% if date %} on {{ date }}{% endif %}. To leave the list, write \"no longer needed\"."
            }
            Self::OffList => "All right, you are off the list. To make an appointment, write \"{{ word }}\".",
            Self::StillWaiting => {
                "All right. I will write to you when another place becomes free. To leave the list, write \"no longer needed\"."
            }
            Self::PlaceFree => {
                "A place is free: {{ service }} on {{ date }} at {{ time }}{% if people %}, {% else %} with {% endif %}{{ resource }}{% if price %}, {{ price }}{% endif %}. I keep it for you until {{ what }}. Shall I book it? (yes / no)"
            }
            Self::OnTime => "Thank you, see you soon: {{ service }} at {{ time }}.",
            Self::LateNoted => {
                "Noted, {{ resource }} knows: you come at {{ what }} instead of {{ time }}. See you soon."
            }
            Self::LateUnsaid => "Noted, {{ resource }} knows that you are late. See you soon.",
            Self::LatePerson => {
                "Noted, I am telling {{ resource }}: somebody of the team will answer you here as soon as they can."
            }
            Self::OnDuty => "You are on duty. PAUSE to stop.",
            Self::OffDuty => "You are off duty. DISPO to go on.",
            Self::OfferTaken => "That ride is taken already.",
            Self::OfferTooLarge => {
                "They are {{ people }}, and your car has {{ places }} seats: somebody else will take it."
            }
            Self::OfferYours => "The ride is yours. {{ what }} Write ARRIVED when you are there, DONE at the end.",
            Self::DriverThere => "Your driver is there: {{ resource }}{% if what %}, {{ what }}{% endif %}.",
            Self::CustomerTold => "The customer knows. Write DONE at the end of the ride.",
            Self::RideOver => "Noted, the ride is over.",
            Self::AskRating => "Thank you for choosing {{ tenant.name }}. How was the ride, from 1 to 5?",
            Self::Rated => "Thank you, noted.",
            Self::Assigned => "Your driver: {{ resource }}, {{ what }}.",
            Self::OfferCalledOff => "The ride is called off.",
            Self::RideCalledOff => "Your request is called off, sorry. Write \"{{ word }}\" to make another one.",
            Self::NobodyFree => "No driver is free at the moment. Write \"{{ word }}\" to try again.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{FACTS, Text};
    use super::*;

    #[test]
    fn every_text_of_the_engine_uses_known_names_in_both_languages() {
        let known: Vec<String> =
            FACTS.iter().map(|name| (*name).to_owned()).chain(["tenant".into(), "contact".into()]).collect();
        for key in TextKey::ALL {
            for english in [false, true] {
                Text::new(key.built_in(english), &known).unwrap_or_else(|error| panic!("{key}: {error}"));
            }
        }
    }
}
