//! What is said in a live session, in French and in English.

use crate::domain::rules::Language;

/// Texts around a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after what it says; the fields are what it speaks of")]
pub enum LiveText<'a> {
    /// To a client: their order is written down.
    Noted {
        lines: &'a str,
        name: Option<&'a str>,
    },
    AlreadyNoted {
        lines: &'a str,
        reference: &'a str,
    },
    WhichReference,
    OrderCancelled {
        lines: &'a str,
    },
    NothingToCancel,
    /// To a client who orders while the seller pauses.
    NoOrdersNow,
    /// To a client whose question nobody has answered.
    Wait {
        tenant: &'a str,
    },
    /// To a client when the live session ends.
    Thanks {
        tenant: &'a str,
        name: Option<&'a str>,
        lines: Option<&'a str>,
    },
    /// To the seller.
    Help,
    NoLive,
    Paused,
    Resumed,
    Stats {
        minutes: i64,
        clients: usize,
        buyers: usize,
        orders: &'a str,
        waiting: usize,
    },
    Summary {
        minutes: i64,
        clients: usize,
        buyers: usize,
        orders: &'a str,
        waiting: usize,
    },
    Broadcast {
        count: usize,
    },
    BroadcastEmpty,
    BroadcastNobody,
    BroadcastTooLong {
        most: usize,
    },
}

impl LiveText<'_> {
    /// The text in a language.
    #[must_use]
    pub fn write(self, language: Language) -> String {
        match language {
            Language::Fr => self.french(),
            Language::En => self.english(),
        }
    }

    fn french(self) -> String {
        match self {
            Self::Noted { lines, name } => {
                let name = name.map(|name| format!(", {name}")).unwrap_or_default();
                format!("{lines} : c'est noté à votre nom{name}. Nous confirmons après le live.")
            }
            Self::AlreadyNoted { lines, reference } => {
                format!("{lines} : c'est déjà noté à votre nom. Pour en prendre deux, écrivez « 2 {reference} ».")
            }
            Self::WhichReference => "Quelle référence ? Écrivez par exemple : je prends R12 taille M.".to_owned(),
            Self::OrderCancelled { lines } => format!("{lines} : c'est annulé."),
            Self::NothingToCancel => "Rien n'est noté à votre nom dans ce live.".to_owned(),
            Self::NoOrdersNow => {
                "Le live est en pause : nous ne prenons pas de commande pour le moment. Écrivez-la de nouveau à la reprise."
                    .to_owned()
            }
            Self::Wait { tenant } => format!("{tenant} vous répond pendant le live."),
            Self::Thanks { tenant, name, lines } => {
                let name = name.map(|name| format!(", {name}")).unwrap_or_default();
                let lines = lines.map(|lines| format!(" Votre commande : {lines}. Nous la confirmons bientôt."));
                format!("Merci d'avoir suivi le live de {tenant}{name}.{}", lines.unwrap_or_default())
            }
            Self::Help => "Pendant un live :\nFIN : le terminer\nPAUSE, REPRENDS : suspendre et reprendre les commandes\nSTATS : \
                qui écrit, ce qui est commandé\nDIFFUSE texte : écrire aux personnes de ce live\nAIDE : cette liste\nTout autre \
                message ouvre un live, ou le garde ouvert."
                .to_owned(),
            Self::NoLive => "Aucun live n'est ouvert. Votre prochain message en ouvre un ; AIDE donne les commandes.".to_owned(),
            Self::Paused => "Live en pause : les commandes ne sont plus prises. REPRENDS pour reprendre.".to_owned(),
            Self::Resumed => "Le live reprend : les commandes sont prises de nouveau.".to_owned(),
            Self::Stats { minutes, clients, buyers, orders, waiting } => {
                format!("Live en cours depuis {minutes} min : {}.", counted_fr(clients, buyers, orders, waiting))
            }
            Self::Summary { minutes, clients, buyers, orders, waiting } => {
                let list = if waiting > 0 { " La liste est dans la console, page Live." } else { "" };
                format!("Live de {minutes} min : {}.{list}", counted_fr(clients, buyers, orders, waiting))
            }
            Self::Broadcast { count: 1 } => "Envoi à 1 personne de ce live.".to_owned(),
            Self::Broadcast { count } => format!("Envoi à {count} personnes de ce live."),
            Self::BroadcastEmpty => "Écrivez le texte derrière DIFFUSE, par exemple : DIFFUSE La R12 passe à 30 €.".to_owned(),
            Self::BroadcastNobody => "Personne n'a encore écrit dans ce live : rien n'est envoyé.".to_owned(),
            Self::BroadcastTooLong { most } => {
                format!("Ce texte est trop long : {most} caractères au plus. Rien n'est envoyé.")
            }
        }
    }

    fn english(self) -> String {
        match self {
            Self::Noted { lines, name } => {
                let name = name.map(|name| format!(", {name}")).unwrap_or_default();
                format!("{lines}: noted for you{name}. We confirm after the live.")
            }
            Self::AlreadyNoted { lines, reference } => {
                format!("{lines}: this is noted for you already. To take two, write \"2 {reference}\".")
            }
            Self::WhichReference => "Which reference? Write for example: I take R12 size M.".to_owned(),
            Self::OrderCancelled { lines } => format!("{lines}: cancelled."),
            Self::NothingToCancel => "Nothing is noted for you in this live.".to_owned(),
            Self::NoOrdersNow => {
                "The live is paused: we take no orders at the moment. Please write it again when it goes on.".to_owned()
            }
            Self::Wait { tenant } => format!("{tenant} will answer you during the live."),
            Self::Thanks { tenant, name, lines } => {
                let name = name.map(|name| format!(", {name}")).unwrap_or_default();
                let lines = lines.map(|lines| format!(" Your order: {lines}. We will confirm it soon."));
                format!("Thank you for watching the live of {tenant}{name}.{}", lines.unwrap_or_default())
            }
            Self::Help => "During a live:\nFINISH: end it\nPAUSE, RESUME: stop and go on taking orders\nSTATS: who writes, what is \
                ordered\nBROADCAST text: write to the people of this live\nHELP: this list\nAny other message opens a live, or keeps \
                it open."
                .to_owned(),
            Self::NoLive => "No live is open. Your next message opens one; HELP lists the commands.".to_owned(),
            Self::Paused => "The live is paused: orders are not taken. RESUME to go on.".to_owned(),
            Self::Resumed => "The live goes on: orders are taken again.".to_owned(),
            Self::Stats { minutes, clients, buyers, orders, waiting } => {
                format!("Live for {minutes} min so far: {}.", counted_en(clients, buyers, orders, waiting))
            }
            Self::Summary { minutes, clients, buyers, orders, waiting } => {
                let list = if waiting > 0 { " The list is in the console, page Live." } else { "" };
                format!("Live of {minutes} min: {}.{list}", counted_en(clients, buyers, orders, waiting))
            }
            Self::Broadcast { count: 1 } => "Sending to 1 person of this live.".to_owned(),
            Self::Broadcast { count } => format!("Sending to {count} people of this live."),
            Self::BroadcastEmpty => "Write the text behind BROADCAST, for example: BROADCAST R12 is 30 € now.".to_owned(),
            Self::BroadcastNobody => "Nobody has written in this live yet: nothing is sent.".to_owned(),
            Self::BroadcastTooLong { most } => {
                format!("This text is too long: {most} characters at most. Nothing is sent.")
            }
        }
    }
}

fn counted_fr(clients: usize, buyers: usize, orders: &str, waiting: usize) -> String {
    let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count < 2 { one } else { many });
    let orders = if orders.is_empty() { String::new() } else { format!(" ({orders})") };
    format!(
        "{}, {}{orders}, {}",
        plural(clients, "personne", "personnes"),
        plural(buyers, "commande", "commandes"),
        plural(waiting, "question sans réponse", "questions sans réponse"),
    )
}

fn counted_en(clients: usize, buyers: usize, orders: &str, waiting: usize) -> String {
    let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let orders = if orders.is_empty() { String::new() } else { format!(" ({orders})") };
    format!(
        "{}, {}{orders}, {}",
        plural(clients, "person", "people"),
        plural(buyers, "order", "orders"),
        plural(waiting, "question without an answer", "questions without an answer"),
    )
}
