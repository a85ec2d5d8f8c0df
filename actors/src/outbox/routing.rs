//! The form in which a message leaves: through which account, to which address, as text or as a template.

use super::channel_health::{BreakerPermit, ChannelHealth};
use super::sender_pool::TenantSenders;
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::channel::ChannelProfile;
use crate::domain::ids::ChannelId;
use crate::domain::message::Outbound;
use crate::domain::send::{OutboundContent, OutboundRequest};
use crate::ports::Via;

/// The way that one attempt takes.
pub(super) struct Routing {
    /// The right to try it.
    pub(super) breaker_permit: BreakerPermit,
    /// Who gets it, as this account addresses them.
    pub(super) to: Address,
    /// The account, when it is not the message's own.
    pub(super) via: Option<Via>,
}

impl Routing {
    /// The message's own account, or the one that takes over while that is paused or broken, when it can carry the
    /// message.
    ///
    /// # Errors
    /// Both are shut: when to look again, and why the message's own is.
    pub(super) fn choose(
        senders: &TenantSenders,
        own: &std::sync::Arc<ChannelHealth>,
        message: &Outbound,
        now: Timestamp,
    ) -> Result<Self, (Timestamp, &'static str)> {
        let shut = match own.begin(now) {
            Ok(breaker_permit) => return Ok(Self { breaker_permit, to: message.to.clone(), via: None }),
            Err(shut) => shut,
        };
        let other = own.profile.fallback.as_ref().and_then(|fallback| senders.account(fallback));
        let detour = other.and_then(|other| {
            let to = message.to.on(other.profile.scheme)?;
            carries(message, &other.profile).then_some(())?;
            let breaker_permit = other.begin(now).ok()?;
            Some(Self { breaker_permit, to, via: Some(other.as_via()) })
        });
        detour.ok_or(shut)
    }

    pub(super) fn profile(&self) -> &ChannelProfile {
        &self.breaker_permit.account().profile
    }

    pub(super) fn channel(&self) -> &ChannelId {
        &self.breaker_permit.account().channel_key.channel
    }

    pub(super) fn letter<'a>(&'a self, message: &'a Outbound, form: OutboundContent<'a>) -> OutboundRequest<'a> {
        OutboundRequest { message, channel: self.channel(), to: &self.to, form }
    }
}

/// Whether there is any form in which a channel can say it.
pub(super) fn carries(message: &Outbound, profile: &ChannelProfile) -> bool {
    free_form(message, profile).is_some()
}

/// What is said while free text may be sent: the text, or the template when there is none.
pub(super) fn free_form<'a>(message: &'a Outbound, profile: &'a ChannelProfile) -> Option<OutboundContent<'a>> {
    if message.body.is_empty() { template(message, profile) } else { Some(OutboundContent::Text(&message.body)) }
}

/// What is said otherwise: the message's template, if it has one and the channel's provider knows it.
pub(super) fn template<'a>(message: &'a Outbound, profile: &'a ChannelProfile) -> Option<OutboundContent<'a>> {
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
        assert_eq!(free_form(&both, &profile), Some(OutboundContent::Text("Bonjour")));
        let variables = vec![("prenom", "Anne"), ("heure", "9 h")];
        let form = OutboundContent::Template { content_id: "HX1", variables };
        assert_eq!(template(&both, &profile), Some(form.clone()));
        let alone = with("", both.template.clone());
        assert_eq!(free_form(&alone, &profile), Some(form));
        assert!(!carries(&alone, &ChannelProfile::default()), "a channel that does not know the template");
        assert!(carries(&both, &ChannelProfile::default()), "the text is enough");
        assert_eq!(template(&with("x", used("other", &[])), &profile), None);
    }
}
