//! Texts that are said unless the tenant writes others.

use super::Language;
use super::tidying::tidy;

/// After STOP, after START, after HELP, at first, after CONFIRM.
pub(super) fn built_in(language: Language, tenant: &str, longest: usize) -> [String; 5] {
    let texts = match language {
        Language::Fr => [
            format!("{tenant} : c'est noté, vous ne recevrez plus de messages. Répondez START pour reprendre."),
            format!("{tenant} : c'est noté, vous recevrez de nouveau nos messages. Répondez STOP pour les arrêter."),
            format!(
                "{tenant} : posez votre question ici, nous vous répondrons. Répondez STOP pour ne plus rien recevoir."
            ),
            format!("{tenant} : pouvons-nous vous écrire ici ? Répondez CONFIRMER pour accepter, STOP pour refuser."),
            format!("{tenant} : merci, c'est confirmé. Répondez STOP à tout moment pour ne plus rien recevoir."),
        ],
        Language::En => [
            format!("{tenant}: you will not get any more messages. Reply START to resume."),
            format!("{tenant}: you will get our messages again. Reply STOP to end them."),
            format!("{tenant}: ask your question here and we will answer. Reply STOP to get no more messages."),
            format!("{tenant}: may we write to you here? Reply CONFIRM to accept, STOP to refuse."),
            format!("{tenant}: thank you, that is confirmed. Reply STOP at any time to get no more messages."),
        ],
    };
    texts.map(|text| tidy(&text, longest))
}

/// After STOP PROMOTIONS, after RESUME PROMOTIONS.
pub(super) fn built_in_of_marketing(language: Language, tenant: &str, longest: usize) -> [String; 2] {
    let texts = match language {
        Language::Fr => [
            format!("{tenant} : c'est noté, plus de promotions. Nous répondons toujours à vos messages."),
            format!("{tenant} : c'est noté, vous recevrez de nouveau nos promotions."),
        ],
        Language::En => [
            format!("{tenant}: no more promotions. We still answer your messages."),
            format!("{tenant}: you will get our promotions again."),
        ],
    };
    texts.map(|text| tidy(&text, longest))
}
