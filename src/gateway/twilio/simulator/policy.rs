//! Policy of the simulated Twilio and WhatsApp: customer-service window, STOP on SMS, limits, templates.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::message::InboundMessage;
use crate::gateway::simulator::lock;
use crate::gateway::twilio::Kind;
use crate::gateway::twilio::form::Form;

/// Words that Twilio itself obeys on SMS, whole messages only.
const STOP: [&str; 8] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];

/// What senders are held to. Nothing, unless told.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// How long after a contact's last message WhatsApp takes free text; later 63016. (Truly 24 hours.)
    pub window: Option<Duration>,
    /// Whether STOP by SMS is obeyed: 21610 from then on, until START.
    pub obeys_stop: bool,
    /// How many messages each sender may send; then 63018.
    pub most_per_sender: Option<u64>,
    /// The texts of templates by their ContentSid, with `{{1}}` in their places. With any here, a ContentSid that is not
    /// gets 21655, and variables that do not fit get 21656.
    pub templates: HashMap<String, String>,
}

/// Keeps the policy.
#[derive(Debug, Default)]
pub(super) struct Police(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    policy: Policy,
    /// Contact and sender → when the contact last wrote.
    heard: HashMap<(String, String), Instant>,
    stopped: HashSet<(String, String)>,
    sent: HashMap<String, u64>,
}

impl Police {
    pub fn set(&self, policy: Policy) {
        *lock(&self.0) = Seen { policy, ..Seen::default() };
    }

    pub fn close_window(&self, contact: &str) {
        lock(&self.0).heard.retain(|(who, _), _| who != contact);
    }

    /// A contact wrote.
    pub fn heard(&self, message: &InboundMessage) {
        let mut seen = lock(&self.0);
        let pair = || (message.from.clone(), message.to.clone());
        if seen.policy.window.is_some() {
            seen.heard.insert(pair(), Instant::now());
        }
        if seen.policy.obeys_stop && message.kind == Kind::Sms {
            let word = message.body.trim().to_uppercase();
            if STOP.contains(&word.as_str()) {
                seen.stopped.insert(pair());
            } else if START.contains(&word.as_str()) {
                seen.stopped.remove(&pair());
            }
        }
    }

    /// Whether a send that is well-formed may go out, which is counted; or the code and its text.
    pub fn admits(&self, form: &Form) -> Result<(), (u32, &'static str)> {
        let mut seen = lock(&self.0);
        let field = |name| form.get(name).unwrap_or_default().to_owned();
        let (to, from) = (field("To"), field("From"));
        let pair = (to, from.clone());
        let template = form.get("ContentSid");
        if seen.stopped.contains(&pair) {
            return Err((21610, "Attempt to send to unsubscribed recipient"));
        }
        if let Some(text) = template.filter(|_| !seen.policy.templates.is_empty()) {
            let text = seen.policy.templates.get(text).ok_or((21655, "The ContentSid is Invalid"))?;
            render(text, form.get("ContentVariables")).ok_or((21656, "The ContentVariables Parameter is invalid"))?;
        }
        if let Some(window) = seen.policy.window.filter(|_| template.is_none() && pair.0.starts_with("whatsapp:")) {
            let open = seen.heard.get(&pair).is_some_and(|heard| heard.elapsed() < window);
            if !open {
                return Err((63016, "Failed to send freeform message because you are outside the allowed window"));
            }
        }
        if let Some(most) = seen.policy.most_per_sender {
            let sent = seen.sent.entry(from).or_default();
            if *sent >= most {
                return Err((63018, "Rate limit exceeded for Channel"));
            }
            *sent += 1;
        }
        Ok(())
    }

    /// What becomes of a template, where its text is known.
    pub fn rendered(&self, form: &Form) -> Option<String> {
        let content_sid = form.get("ContentSid")?;
        let seen = lock(&self.0);
        Some(match seen.policy.templates.get(content_sid) {
            Some(text) => render(text, form.get("ContentVariables")).unwrap_or_default(),
            None => String::new(),
        })
    }
}

/// The text with each `{{n}}` replaced. `None`: the variables are no JSON object of texts, or not those of the text.
fn render(text: &str, variables: Option<&str>) -> Option<String> {
    let variables: BTreeMap<String, String> = serde_json::from_str(variables.unwrap_or("{}")).ok()?;
    let mut rendered = text.to_owned();
    for (place, value) in &variables {
        let place = format!("{{{{{place}}}}}");
        if !text.contains(&place) || value.is_empty() {
            return None;
        }
        rendered = rendered.replace(&place, value);
    }
    let all_given =
        text.split("{{").skip(1).all(|place| variables.keys().any(|name| place.starts_with(&format!("{name}}}}}"))));
    all_given.then_some(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_its_own_variables_and_no_others() {
        let text = "Bonjour {{1}}, à {{2}} !";
        for (variables, rendered) in [
            (Some(r#"{"1":"Camille","2":"9 h"}"#), Some("Bonjour Camille, à 9 h !")),
            (Some(r#"{"1":"Camille","3":"9 h"}"#), None),
            (Some(r#"{"1":""}"#), None),
            (Some(r#"["Camille"]"#), None),
            (Some(r#"{"1":1}"#), None),
            (None, None),
        ] {
            assert_eq!(render(text, variables).as_deref(), rendered, "{variables:?}");
        }
        assert_eq!(render("Bonjour !", None).as_deref(), Some("Bonjour !"));
        assert_eq!(render("Bonjour !", Some("{}")).as_deref(), Some("Bonjour !"));
        assert_eq!(render("Bonjour !", Some(r#"{"1":"x"}"#)), None);
    }
}
