//! Texts that the bot says around its answers.

use super::Language;

/// Texts around the answers, each with its key in `[replies]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BotText {
    /// Before the entries of a menu.
    Menu,
    /// To who seems to want no more messages.
    AskStop,
    /// To a voice note.
    Voice,
    /// To a picture, a video, a sticker or a file.
    Picture,
    /// To a thumb, a heart, anything else without words.
    Sign,
    /// To who gets a person.
    Person,
    /// To who gets a person, while the tenant is closed.
    PersonClosed,
    /// While the tenant is closed, instead of the fallback; `hours.closed_reply`. There is none unless the tenant writes it.
    Closed,
}

impl BotText {
    pub(super) const ALL: [Self; 8] = [
        Self::Menu,
        Self::AskStop,
        Self::Voice,
        Self::Picture,
        Self::Sign,
        Self::Person,
        Self::PersonClosed,
        Self::Closed,
    ];

    /// Its key in a tenant's file.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Menu => "replies.menu",
            Self::AskStop => "replies.ask_stop",
            Self::Voice => "replies.voice",
            Self::Picture => "replies.picture",
            Self::Sign => "replies.sign",
            Self::Person => "replies.person",
            Self::PersonClosed => "replies.person_closed",
            Self::Closed => "hours.closed_reply",
        }
    }

    /// What is said unless the tenant says it; empty for what is not said then.
    pub(super) const fn built_in(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Menu, Language::Fr) => "Vous vouliez dire :",
            (Self::Menu, Language::En) => "Did you mean:",
            (Self::AskStop, Language::Fr) => {
                "Voulez-vous ne plus recevoir de messages ? Répondez STOP pour ne plus en recevoir."
            }
            (Self::AskStop, Language::En) => "Do you want no more messages? Reply STOP to get no more.",
            (Self::Voice, Language::Fr) => "Je ne peux pas écouter les messages vocaux. Pouvez-vous l'écrire ici ?",
            (Self::Voice, Language::En) => "I cannot listen to voice messages. Could you write it here?",
            (Self::Picture, Language::Fr) => "Bien reçu. Dites-nous en quelques mots ce que vous souhaitez.",
            (Self::Picture, Language::En) => "Got it. Please tell us in a few words what you would like.",
            (Self::Sign, Language::Fr) => "Merci. Pour une question, écrivez-la ici en quelques mots.",
            (Self::Sign, Language::En) => "Thank you. If you have a question, write it here in a few words.",
            (Self::Person, Language::Fr) => "Je préviens tout de suite une personne de l'équipe, qui vous répond ici.",
            (Self::Person, Language::En) => "I am telling someone of the team right now. They will answer you here.",
            (Self::PersonClosed, Language::Fr) => {
                "C'est noté. Nous sommes fermés en ce moment : une personne vous répond ici dès l'ouverture."
            }
            (Self::PersonClosed, Language::En) => {
                "Noted. We are closed at the moment: someone will answer you here as soon as we open."
            }
            (Self::Closed, _) => "",
        }
    }
}
