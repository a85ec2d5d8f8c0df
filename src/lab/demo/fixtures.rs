//! Fixtures of the demo: four tenants, their channels, twelve customers and their scripts. Every number is from a range
//! that is kept for fiction.

use std::time::Duration;

use crate::gateway::simulator::Attachment;

#[derive(Debug)]
pub(super) struct Business {
    pub id: &'static str,
    /// The name customers know.
    pub name: &'static str,
    /// Its file, as it would lie in `config/tenants/`.
    pub file: &'static str,
    /// The file, beside it in `secrets/`, that its auth token comes from.
    pub secret: &'static str,
}

/// A sender account that customers write to.
#[derive(Debug)]
pub(super) struct DemoSender {
    pub business: &'static Business,
    /// The channel's slug.
    pub channel: &'static str,
    /// Our sender, as the tables keep it.
    pub address: &'static str,
}

/// Someone who writes.
#[derive(Debug)]
pub(super) struct Customer {
    /// What they call themselves.
    pub name: &'static str,
    /// Where they write.
    pub sender: &'static DemoSender,
    /// From where, as the tables keep it.
    pub from: &'static str,
    /// What they do, one after the other.
    pub script: &'static [Step],
}

/// What a customer does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Writes, and waits for what is to be expected.
    Say(ScriptedMessage),
    /// Writes to another sender.
    SayTo(&'static DemoSender, ScriptedMessage),
    /// Writes several messages without waiting in between, then waits for so many answers.
    Burst(&'static [ScriptedMessage], usize),
    /// Lets time pass.
    Wait(Duration),
    /// An operator inserts the customer's number into `seller_phones`; goes on when it counts.
    BecomeSeller,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ScriptedMessage {
    pub text: &'static str,
    /// What comes with it, or instead of it.
    pub attachment: Attachment,
    /// Whether it is a STOP that the provider has obeyed and confirmed already.
    pub provider_confirmed_stop: bool,
    /// How often the provider delivers it.
    pub delivered: Delivered,
    /// What follows.
    pub expects: Expects,
}

/// How often the provider delivers a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    Once,
    /// Again after its answer, as after a lost response.
    Again,
    /// So many times at once.
    AtOnce(usize),
}

/// What follows a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expects {
    Answer,
    Silence,
    /// One or none: it depends on what else is going on.
    Either,
}

const BELLE: Business = Business {
    id: "institut-belle",
    name: "Institut Belle",
    file: include_str!("tenants/institut-belle.toml"),
    secret: "belle",
};
const MARTIN: Business = Business {
    id: "martin-plomberie",
    name: "Martin Plomberie",
    file: include_str!("tenants/martin-plomberie.toml"),
    secret: "martin",
};
const FATOU: Business =
    Business { id: "chez-fatou", name: "Chez Fatou", file: include_str!("tenants/chez-fatou.toml"), secret: "fatou" };
const BLEU: Business =
    Business { id: "taxi-bleu", name: "Taxi Bleu", file: include_str!("tenants/taxi-bleu.toml"), secret: "bleu" };

pub(super) static BUSINESSES: [&Business; 4] = [&BELLE, &MARTIN, &FATOU, &BLEU];

const BELLE_WA: DemoSender = DemoSender { business: &BELLE, channel: "belle-wa", address: "whatsapp:+15005550101" };
const MARTIN_SMS: DemoSender = DemoSender { business: &MARTIN, channel: "martin-sms", address: "sms:+15005550102" };
const FATOU_WA: DemoSender = DemoSender { business: &FATOU, channel: "fatou-wa", address: "whatsapp:+15005550103" };
const BLEU_WA: DemoSender = DemoSender { business: &BLEU, channel: "bleu-wa", address: "whatsapp:+15005550104" };
const BLEU_SMS: DemoSender = DemoSender { business: &BLEU, channel: "bleu-sms", address: "sms:+15005550105" };

pub(super) static SENDERS: [&DemoSender; 5] = [&BELLE_WA, &MARTIN_SMS, &FATOU_WA, &BLEU_WA, &BLEU_SMS];

/// The customer whose first answer is cut off after the provider took it: its outcome is unknown, and it must not be sent
/// twice (I5).
pub(super) const CUT_OFF: &str = "whatsapp:+447700900110";
/// The customer whose first answer meets a 429.
pub(super) const TOLD_TO_WAIT: &str = "whatsapp:FR.13491208655302741918";
/// The customer whose last answer never reaches the phone.
pub(super) const UNREACHABLE: &str = "sms:+33639980006";

pub(super) static CUSTOMERS: [&Customer; 12] = [
    &Customer { name: "Camille", sender: &BELLE_WA, from: "whatsapp:+33639980001", script: CAMILLE },
    &Customer { name: "Inès", sender: &BELLE_WA, from: "whatsapp:+33639980002", script: INES },
    &Customer { name: "Sarah", sender: &BELLE_WA, from: "whatsapp:+33639980003", script: SARAH },
    &Customer { name: "Paul", sender: &MARTIN_SMS, from: "sms:+33639980004", script: PAUL },
    &Customer { name: "Léa", sender: &MARTIN_SMS, from: "sms:+33639980005", script: LEA },
    &Customer { name: "Hugo", sender: &MARTIN_SMS, from: UNREACHABLE, script: HUGO },
    &Customer { name: "Fatou", sender: &FATOU_WA, from: "whatsapp:+33639980007", script: FATOU_HERSELF },
    &Customer { name: "Aminata", sender: &FATOU_WA, from: "whatsapp:+33639980008", script: AMINATA },
    &Customer { name: "Nadia", sender: &FATOU_WA, from: "whatsapp:+33639980009", script: NADIA },
    &Customer { name: "John", sender: &BLEU_WA, from: CUT_OFF, script: JOHN },
    &Customer { name: "Chloé", sender: &BLEU_WA, from: TOLD_TO_WAIT, script: CHLOE },
    &Customer { name: "Karim", sender: &BLEU_SMS, from: "sms:+33639980012", script: KARIM },
];

impl ScriptedMessage {
    /// Something that may or may not be answered.
    pub const fn small_talk(text: &'static str) -> Self {
        Self::new(text).perhaps()
    }

    const fn new(text: &'static str) -> Self {
        Self {
            text,
            attachment: Attachment::None,
            provider_confirmed_stop: false,
            delivered: Delivered::Once,
            expects: Expects::Answer,
        }
    }

    const fn with(self, attachment: Attachment) -> Self {
        Self { attachment, ..self }
    }

    const fn confirmed_by_provider(self) -> Self {
        Self { provider_confirmed_stop: true, ..self }
    }

    const fn delivered(self, delivered: Delivered) -> Self {
        Self { delivered, ..self }
    }

    const fn unanswered(self) -> Self {
        Self { expects: Expects::Silence, ..self }
    }

    const fn perhaps(self) -> Self {
        Self { expects: Expects::Either, ..self }
    }
}

const fn ask(text: &'static str) -> Step {
    Step::Say(ScriptedMessage::new(text))
}

const fn into_silence(text: &'static str) -> Step {
    Step::Say(ScriptedMessage::new(text).unanswered())
}

const fn wait_ms(milliseconds: u64) -> Step {
    Step::Wait(Duration::from_millis(milliseconds))
}

const CAMILLE: &[Step] = &[
    ask("Bonjour, quels sont vos horaires ?"),
    wait_ms(250),
    ask("Et le soin du visage, c'est combien ?"),
    wait_ms(350),
    ask("Parfait, à samedi alors !"),
];

const INES: &[Step] = &[
    wait_ms(120),
    Step::Say(ScriptedMessage::new("Ma peau réagit, vous en pensez quoi ?").with(Attachment::Image)),
    wait_ms(300),
    Step::Say(
        ScriptedMessage::new("").with(Attachment::Button { text: "Je confirme mon rendez-vous", payload: "confirm-4" }),
    ),
];

const SARAH: &[Step] = &[
    wait_ms(60),
    ask("Vous avez de la place jeudi matin ?"),
    wait_ms(200),
    ask("Désabonnez-moi !"),
    into_silence("Finalement, vous êtes encore là ?"),
    into_silence("Quels sont vos horaires ?"),
    Step::SayTo(&BLEU_WA, ScriptedMessage::new("Un taxi pour la gare, c'est combien ?")),
    wait_ms(500),
    ask("Reprendre"),
    ask("Et donc, vos horaires ?"),
];

const PAUL: &[Step] = &[
    wait_ms(180),
    Step::Say(ScriptedMessage::new("Bonjour, il me faut un devis pour une fuite").delivered(Delivered::Again)),
    wait_ms(400),
    ask("Merci, je vous envoie la photo"),
];

const LEA: &[Step] =
    &[wait_ms(300), Step::Say(ScriptedMessage::new("Vous intervenez le dimanche ?").delivered(Delivered::AtOnce(20)))];

const HUGO: &[Step] = &[
    wait_ms(450),
    Step::Burst(
        &[
            ScriptedMessage::new("Allô, il y a de l'eau partout"),
            ScriptedMessage::new("C'est une urgence"),
            ScriptedMessage::new("Vous faites un devis avant ?"),
            ScriptedMessage::new("Ça monte").unanswered(),
            ScriptedMessage::new("J'ai coupé l'eau").unanswered(),
            ScriptedMessage::new("Enfin je crois").unanswered(),
            ScriptedMessage::new("Non, ça coule encore").unanswered(),
            ScriptedMessage::new("Vous êtes là ?").unanswered(),
        ],
        3,
    ),
];

const FATOU_HERSELF: &[Step] =
    &[ask("Le live commence, robe rouge à 25 euros !"), wait_ms(1_200), ask("Plus que deux robes rouges")];

const AMINATA: &[Step] =
    &[wait_ms(200), ask("Je vends avec Fatou ce soir"), Step::BecomeSeller, ask("Il reste trois robes bleues")];

const NADIA: &[Step] = &[
    wait_ms(700),
    Step::Burst(
        &[
            ScriptedMessage::new("Je prends la robe rouge").perhaps(),
            ScriptedMessage::new("Comment payer ?").perhaps(),
            ScriptedMessage::new("La livraison est à combien ?").perhaps(),
            ScriptedMessage::new("Arrêt"),
        ],
        1,
    ),
    into_silence("Allô, et ma robe ?"),
];

const JOHN: &[Step] = &[
    ask("Hello, how much to the airport?"),
    Step::Say(ScriptedMessage::new("").with(Attachment::Location {
        latitude: "48.8584",
        longitude: "2.2945",
        label: "Eiffel Tower",
    })),
];

const CHLOE: &[Step] = &[wait_ms(350), ask("C'est combien pour l'aéroport ?")];

const KARIM: &[Step] = &[
    wait_ms(240),
    ask("Aide"),
    wait_ms(300),
    Step::Say(ScriptedMessage::new("STOP").confirmed_by_provider().unanswered()),
    into_silence("Un taxi à 8 h demain ?"),
];

/// What customers go on talking about, with their sender's own words left to chance.
pub(super) static SMALL_TALK: [&str; 8] = [
    "Bonjour, vous êtes là ?",
    "Quels sont vos horaires ?",
    "C'est combien ?",
    "Un devis, s'il vous plaît",
    "La livraison est comprise ?",
    "How much to the station?",
    "Merci beaucoup",
    "À demain",
];
