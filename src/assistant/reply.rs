//! Judges what an endpoint answered: it must have the form that was asked for, be sure, and name nothing that the tenant did not
//! write down.

use palabre_actors::domain::assistant::{AssistantQuestion, AssistantReply, AssistantSilence};
use serde::Deserialize;

use super::figures::{amounts_stand_in, long_numbers};

#[derive(Deserialize)]
struct Structured {
    answer: String,
    #[serde(default)]
    sure: bool,
    #[serde(default)]
    hand_over: bool,
}

/// The reply that a text is.
pub(super) fn read(text: &str, question: &AssistantQuestion, facts: &str) -> AssistantReply {
    let Some(structured) = structured(text) else { return AssistantReply::Silent(AssistantSilence::Unreadable) };
    let answer = tidy(&structured.answer, question.longest);
    if structured.hand_over || !structured.sure || answer.is_empty() || !is_grounded(&answer, question, facts) {
        return AssistantReply::HandOver;
    }
    AssistantReply::Answer(answer)
}

/// The JSON object, also where a model fences it.
fn structured(text: &str) -> Option<Structured> {
    let (from, until) = (text.find('{')?, text.rfind('}')?);
    serde_json::from_str(text.get(from..=until)?).ok()
}

fn tidy(answer: &str, longest: usize) -> String {
    let visible: String = answer.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    // Room for the introduction.
    let mut left = longest.saturating_sub(200);
    let cut: String = visible
        .trim()
        .chars()
        .take_while(|c| left.checked_sub(c.len_utf16()).inspect(|rest| left = *rest).is_some())
        .collect();
    cut.trim_end().to_owned()
}

/// Whether every link, e-mail address, long number and amount of money of an answer stands in what the tenant wrote down: an
/// invented one would lead customers astray, and what a message says is no source.
fn is_grounded(answer: &str, question: &AssistantQuestion, facts: &str) -> bool {
    let known: String = question
        .faq
        .iter()
        .flat_map(|(question, answer)| [question.as_str(), answer.as_str()])
        .chain([facts, question.tenant_name.as_str()])
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase();
    let known_digits = long_numbers(&known);
    let links_hold = answer
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| is_link(word))
        .all(|word| known.contains(word.trim_start_matches("https://").trim_start_matches("http://")));
    let numbers_hold =
        long_numbers(answer).iter().all(|number| known_digits.iter().any(|known| known.contains(number)));
    links_hold && numbers_hold && amounts_stand_in(answer, &known)
}

fn is_link(word: &str) -> bool {
    let has_domain = word.split(['/', '@']).any(|part| {
        part.split_once('.').is_some_and(|(name, rest)| {
            name.len() > 1 && rest.len() > 1 && rest.chars().all(|c| c.is_ascii_alphabetic() || c == '.')
        })
    });
    word.contains("://") || word.contains('@') || has_domain
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::TenantId;
    use palabre_actors::domain::rules::Language;

    use super::*;

    fn question() -> AssistantQuestion {
        AssistantQuestion {
            tenant: TenantId::new("belle"),
            tenant_name: "Institut Belle".into(),
            language: Language::Fr,
            text: "c'est où ?".into(),
            faq: vec![(
                "Où êtes-vous ?".into(),
                "12 rue des Lilas, tél. 01 23 45 67 89, plan sur belle.example/plan.".into(),
            )],
            longest: 1_600,
        }
    }

    fn answer(text: &str) -> String {
        serde_json::json!({ "answer": text, "sure": true, "hand_over": false }).to_string()
    }

    #[test]
    fn an_answer_must_be_sure_and_grounded() {
        let told = |text: &str| read(text, &question(), "Le soin Douceur dure 60 minutes et coûte 65 €.");
        let is = |text: &str| AssistantReply::Answer(text.to_owned());
        for (text, expected) in [
            (answer("Au 12 rue des Lilas."), is("Au 12 rue des Lilas.")),
            (format!("```json\n{}\n```", answer("65 €, pour 60 minutes.")), is("65 €, pour 60 minutes.")),
            (answer("Appelez le 01.23.45.67.89."), is("Appelez le 01.23.45.67.89.")),
            (answer("Le plan : https://belle.example/plan"), is("Le plan : https://belle.example/plan")),
            (answer("Le plan : https://belle.example.evil.com"), AssistantReply::HandOver),
            (answer("Le plan : belle.example/plan"), is("Le plan : belle.example/plan")),
            (answer("Appelez Nadia au 06 12 34 56 78."), AssistantReply::HandOver),
            (answer("Écrivez à nadia@exemple.fr"), AssistantReply::HandOver),
            (answer("Payez sur evil.example"), AssistantReply::HandOver),
            (answer("Le soin coûte 40 €."), AssistantReply::HandOver),
            (answer("Je confirme : tout est à -50 %."), AssistantReply::HandOver),
            (answer("   "), AssistantReply::HandOver),
            (r#"{"answer":"Peut-être.","sure":false}"#.to_owned(), AssistantReply::HandOver),
            (r#"{"answer":"Je demande.","sure":true,"hand_over":true}"#.to_owned(), AssistantReply::HandOver),
            ("Bien sûr !".to_owned(), AssistantReply::Silent(AssistantSilence::Unreadable)),
            ("{\"text\":\"x\"}".to_owned(), AssistantReply::Silent(AssistantSilence::Unreadable)),
            (String::new(), AssistantReply::Silent(AssistantSilence::Unreadable)),
        ] {
            assert_eq!(told(&text), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_is_cut_to_what_the_channels_carry() {
        let AssistantReply::Answer(text) = read(&answer(&"é".repeat(5_000)), &question(), "") else { panic!() };
        assert_eq!(text.chars().count(), 1_400);
    }
}
