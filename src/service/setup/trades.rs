//! What a tenant of a trade begins with: hours, services, a flow. Its FAQ entries are in `service/faq/templates`.

use palabre_actors::domain::rules::Language;

use super::super::faq::TRADES;

/// A text in French and in English.
type Texts = (&'static str, &'static str);

#[derive(Debug)]
pub struct Trade {
    /// The word of the command line, and of the FAQ templates.
    pub id: &'static str,
    name: Texts,
    /// Opening hours, Monday first; empty: closed.
    pub(super) hours: [&'static [&'static str]; 7],
    pub(super) services: &'static [ServiceSketch],
    /// A built-in flow, with the words that begin it.
    pub(super) flow: Option<(&'static str, &'static [&'static str], &'static [&'static str])>,
    pub(super) fallback: Texts,
}

/// Something that can be booked.
#[derive(Debug)]
pub(super) struct ServiceSketch {
    pub(super) id: &'static str,
    name: Texts,
    pub(super) duration: &'static str,
    pub(super) price: &'static str,
}

pub(super) fn of(texts: Texts, language: Language) -> &'static str {
    match language {
        Language::Fr => texts.0,
        Language::En => texts.1,
    }
}

impl Trade {
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        ALL.iter().find(|trade| trade.id == id)
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self, language: Language) -> &'static str {
        of(self.name, language)
    }
}

impl ServiceSketch {
    pub(super) fn name(&self, language: Language) -> &'static str {
        of(self.name, language)
    }
}

const SHOP: &[&str] = &["09:00-12:30", "14:00-19:00"];
const DAY: &[&str] = &["09:00-18:00"];
const EVENING: &[&str] = &["12:00-14:30", "19:00-22:30"];
const ALWAYS: &[&str] = &["00:00-24:00"];
const CLOSED: &[&str] = &[];

/// Words that ask for the flow that books.
pub(super) const BOOKING_WORDS: Texts = ("rendez-vous rdv réserver", "appointment book booking");

const THANKS: Texts = (
    "Merci, nous avons bien reçu votre message et nous vous répondons vite.",
    "Thank you, we have your message and answer soon.",
);

/// The trades, in the order in which they are offered.
pub static ALL: [Trade; 6] = [
    Trade {
        id: TRADES[0],
        name: ("Institut de beauté, coiffure", "Beauty salon, hairdresser"),
        hours: [CLOSED, SHOP, SHOP, SHOP, SHOP, DAY, CLOSED],
        services: &[
            ServiceSketch { id: "manucure", name: ("Manucure", "Manicure"), duration: "45m", price: "28 €" },
            ServiceSketch { id: "soin-visage", name: ("Soin du visage", "Facial"), duration: "1h", price: "65 €" },
            ServiceSketch { id: "massage", name: ("Massage", "Massage"), duration: "1h", price: "75 €" },
        ],
        flow: Some(("booking", &["rendez-vous", "rdv", "réserver"], &["appointment", "book", "booking"])),
        fallback: THANKS,
    },
    Trade {
        id: TRADES[1],
        name: ("Artisan, dépannage", "Tradesperson, repairs"),
        hours: [DAY, DAY, DAY, DAY, DAY, CLOSED, CLOSED],
        services: &[],
        flow: Some(("lead", &["devis", "rappel", "me rappeler"], &["quote", "estimate", "call me back"])),
        fallback: THANKS,
    },
    Trade {
        id: TRADES[2],
        name: ("Vente en direct, boutique", "Live selling, shop"),
        hours: [DAY, DAY, DAY, DAY, DAY, DAY, CLOSED],
        services: &[],
        flow: None,
        fallback: THANKS,
    },
    Trade {
        id: TRADES[3],
        name: ("Taxi, VTC", "Taxi, private hire"),
        hours: [ALWAYS; 7],
        services: &[],
        flow: Some(("lead", &["réserver", "course"], &["book", "ride"])),
        fallback: THANKS,
    },
    Trade {
        id: TRADES[4],
        name: ("Restaurant, traiteur", "Restaurant, caterer"),
        hours: [CLOSED, EVENING, EVENING, EVENING, EVENING, EVENING, CLOSED],
        services: &[ServiceSketch { id: "table", name: ("Table", "Table"), duration: "1h30m", price: "" }],
        flow: Some(("booking", &["réserver", "table", "réservation"], &["book", "table", "reservation"])),
        fallback: THANKS,
    },
    Trade {
        id: TRADES[5],
        name: ("Créateur, chaîne payante", "Creator, paid channel"),
        hours: [DAY, DAY, DAY, DAY, DAY, CLOSED, CLOSED],
        services: &[],
        flow: None,
        fallback: THANKS,
    },
];
