//! Content of a row on a channel: its text, a template that the channel's provider knows, or its action.

use crate::domain::channel::ChannelProfile;
use crate::domain::message::Outbound;
use crate::domain::send::OutboundContent;

/// Whether a channel can send the message in any form.
pub(crate) fn carries(message: &Outbound, profile: &ChannelProfile) -> bool {
    free_content(message, profile).is_some()
}

/// Whether a fallback can send it in place of its own channel. An action is a call of its own channel's provider.
pub(crate) fn fallback_carries(message: &Outbound, profile: &ChannelProfile) -> bool {
    message.action.is_none() && carries(message, profile)
}

/// What it costs on a channel, in millionths of the tenant's currency. Messages are charged, actions are not.
pub(crate) fn cost_micros(message: &Outbound, profile: &ChannelProfile) -> i64 {
    if message.action.is_some() { 0 } else { profile.cost_micros }
}

/// The content while free text is allowed: the text, or the template of a message without text. An action is always allowed.
pub(crate) fn free_content<'a>(message: &'a Outbound, profile: &'a ChannelProfile) -> Option<OutboundContent<'a>> {
    if let Some(action) = &message.action {
        Some(OutboundContent::Action(action))
    } else if message.body.is_empty() && message.files().is_empty() {
        template_content(message, profile)
    } else if message.choices.is_empty() {
        Some(OutboundContent::Text(&message.body))
    } else {
        Some(OutboundContent::Choices { text: &message.body, choices: &message.choices })
    }
}

/// The content while free text is not allowed: the message's template, if it has one that the channel's provider knows.
pub(crate) fn template_content<'a>(message: &'a Outbound, profile: &'a ChannelProfile) -> Option<OutboundContent<'a>> {
    let used = message.template.as_ref()?;
    let known = profile.templates.get(&used.name)?;
    let value = |(place, name): (usize, &'a String)| {
        let value = used.variables.get(name).or_else(|| used.variables.get(&place.to_string()));
        (name.as_str(), value.map_or("", String::as_str))
    };
    let variables = (1..).zip(&known.variable_names).map(value).collect();
    Some(OutboundContent::Template { content_id: &known.content_id, variables })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::channel::ChannelTemplate;
    use crate::domain::template::TemplateUse;
    use crate::testing::harness::outbound;

    fn profile() -> ChannelProfile {
        let variable_names = vec!["prenom".to_owned(), "heure".to_owned()];
        let known = ChannelTemplate { content_id: "HX1".to_owned(), variable_names };
        ChannelProfile { templates: BTreeMap::from([("rappel".to_owned(), known)]), ..ChannelProfile::default() }
    }

    fn used(name: &str, variables: &[(&str, &str)]) -> Option<TemplateUse> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(TemplateUse { name: name.to_owned(), variables })
    }

    #[test]
    fn text_goes_as_text_and_a_template_with_its_values_in_order() {
        let profile = profile();
        let with = |body: &str, template| Outbound { body: body.to_owned(), template, ..outbound() };
        let both = with("Bonjour", used("rappel", &[("prenom", "Anne"), ("2", "9 h")]));
        assert_eq!(free_content(&both, &profile), Some(OutboundContent::Text("Bonjour")));
        let variables = vec![("prenom", "Anne"), ("heure", "9 h")];
        let content = OutboundContent::Template { content_id: "HX1", variables };
        assert_eq!(template_content(&both, &profile), Some(content.clone()));
        let alone = with("", both.template.clone());
        assert_eq!(free_content(&alone, &profile), Some(content));
        assert!(!carries(&alone, &ChannelProfile::default()), "a channel that does not know the template");
        assert!(carries(&both, &ChannelProfile::default()), "the text is enough");
        assert_eq!(template_content(&with("x", used("other", &[])), &profile), None);
    }
}
