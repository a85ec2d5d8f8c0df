//! Simulated Twilio behind the simulators' common trait, as the lab hosts it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;
use secrecy::ExposeSecret as _;

use super::load::{Layout, Responder};
use super::{
    Answer, CallbackPlan, Daemon, Faults, InboundMessage, Policy, Rule, Sent, SimulatedAccount, SimulatedNumber,
    Simulator, SimulatorConfig, SimulatorError, When, fresh_sid,
};
use crate::config::Channel;
use crate::gateway::simulator::load::{LoadResponder, LoadWebhooks};
use crate::gateway::simulator::{
    Attachment, CustomerMessage, Forgery, SampleChannel, SentMessage, SimulatedProvider, Simulation, StartOptions,
    Webhook, lock,
};
use crate::gateway::twilio::Kind;

/// Twilio's simulator, for the lab.
#[derive(Clone, Copy, Debug)]
pub struct TwilioSimulation;

impl Simulation for TwilioSimulation {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[("twilio-whatsapp", Scheme::Whatsapp), ("twilio-sms", Scheme::Sms)]
    }

    fn start(&self, options: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError> {
        let channels = Arc::new(Mutex::new(Vec::new()));
        let (known, on_sent) = (Arc::clone(&channels), options.on_sent);
        let config = SimulatorConfig {
            listen: options.listen,
            seed: options.seed,
            on_send: Some(Arc::new(move |sent: &Sent| on_sent(neutral(sent, &lock(&known))))),
            ..SimulatorConfig::new([])
        };
        Ok(Arc::new(Provided { simulator: Simulator::start(config)?, channels }))
    }

    fn fresh_id(&self) -> String {
        fresh_sid()
    }

    fn base_urls(&self, channel: &Channel) -> Vec<(&'static str, String)> {
        let Some((_, account)) = Kind::of(&channel.provider) else { return Vec::new() };
        let backup = account.backup_api_base_url.clone().map(|backup| ("backup_api_base_url", backup));
        [("api_base_url", account.api_base_url.clone())].into_iter().chain(backup).collect()
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        let SampleChannel { id, provider, address, account, secret_file, base_url } = sample;
        format!(
            "[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\n\
             account_sid = \"AC{account:032x}\"\nauth_token = {{ file = \"{secret_file}\" }}\n\
             api_base_url = \"{base_url}\"\n"
        )
    }

    fn load_responder(&self, channels: &[Channel], run: u64) -> Box<dyn LoadResponder> {
        Box::new(Responder::new(channels, run))
    }

    fn load_webhooks(
        &self,
        channel: &Channel,
        base_url: &str,
        customer: &str,
        text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError> {
        let layout = Layout::new(channel, base_url, customer, text).ok_or(SimulatorError::Unwritten)?;
        Ok(Box::new(layout))
    }
}

struct Provided {
    simulator: Simulator,
    channels: Arc<Mutex<Vec<Known>>>,
}

/// What is kept of a channel.
struct Known {
    id: String,
    kind: Kind,
    account_sid: String,
    wire: String,
}

impl Provided {
    fn inbound(&self, message: &CustomerMessage) -> Result<InboundMessage, SimulatorError> {
        let channels = lock(&self.channels);
        let channel = channels.iter().find(|known| known.id == message.channel).ok_or(SimulatorError::NoAccount)?;
        let (account, from) = (&channel.account_sid, wire(&message.from));
        let mut inbound = InboundMessage::text(channel.kind, &channel.id, account, from, &channel.wire, &message.text);
        inbound.sid.clone_from(&message.id);
        if let Some(name) = &message.name {
            inbound.profile_name.clone_from(name);
        }
        inbound = match message.attachment {
            Attachment::None => inbound,
            Attachment::Button { text, payload } => {
                inbound.with("ButtonText", text).with("ButtonPayload", payload).with("MessageType", "button")
            }
            Attachment::Location { latitude, longitude, label } => inbound
                .with("Latitude", latitude)
                .with("Longitude", longitude)
                .with("Label", label)
                .with("MessageType", "location"),
            Attachment::Image => inbound
                .with("NumMedia", "1")
                .with("MediaUrl0", &self.simulator.file_url(account, "photo"))
                .with("MediaContentType0", "image/jpeg")
                .with("MessageType", "image"),
        };
        if message.provider_confirmed_stop {
            inbound = inbound.with("OptOutType", "STOP");
        }
        inbound.more.extend(message.parameters.iter().cloned());
        Ok(inbound)
    }

    fn account_of(&self, channel: &str) -> Result<String, SimulatorError> {
        let channels = lock(&self.channels);
        let known = channels.iter().find(|known| known.id == channel);
        known.map(|known| known.account_sid.clone()).ok_or(SimulatorError::NoAccount)
    }
}

impl SimulatedProvider for Provided {
    fn base_url(&self) -> String {
        self.simulator.base_url()
    }

    fn set_channels(&self, channels: &[Channel]) {
        let (mut known, mut accounts, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for channel in channels {
            let Some((kind, account)) = Kind::of(&channel.provider) else { continue };
            known.push(Known {
                id: channel.id.to_string(),
                kind,
                account_sid: account.account_sid.clone(),
                wire: kind.wire(&channel.address),
            });
            numbers.push(SimulatedNumber {
                account_sid: account.account_sid.clone(),
                wire: kind.wire(&channel.address),
                path: format!("/webhooks/{}/{}", kind.provider(), channel.id),
            });
            accounts.push(SimulatedAccount::new(&account.account_sid, account.auth_token.expose_secret()));
        }
        *lock(&self.channels) = known;
        self.simulator.set_accounts(&accounts);
        self.simulator.set_numbers(numbers);
    }

    fn set_daemon(&self, daemon: Daemon) {
        self.simulator.set_daemon(daemon);
    }

    fn set_misconfigured(&self, misconfigured: bool) {
        self.simulator.set_misconfigured(misconfigured);
    }

    fn set_faults(&self, mut faults: Faults) {
        for Rule { when, .. } in &mut faults.rules {
            if let When::To(address) | When::From(address) = when {
                *address = wire(address).to_owned();
            }
        }
        self.simulator.set_faults(faults);
    }

    fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        self.simulator.faults_met()
    }

    fn set_callbacks(&self, plans: Vec<(u32, CallbackPlan)>) {
        self.simulator.mix_callbacks(plans);
    }

    fn callbacks_to_come(&self) -> u64 {
        self.simulator.callbacks_to_come()
    }

    fn enforce_rules(&self, templates: &[Template]) {
        let templates: HashMap<_, _> =
            templates.iter().map(|template| (template.content_id.clone(), numbered(template))).collect();
        self.simulator.set_policy(Policy { obeys_stop: true, templates, ..Policy::default() });
    }

    fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        self.simulator.sign(&self.inbound(message)?).map(Webhook::from)
    }

    fn forged_webhook(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError> {
        let mut inbound = self.inbound(message)?;
        match forgery {
            Forgery::Unsigned => {}
            Forgery::SignedBy(other) => inbound.account_sid = self.account_of(other)?,
            Forgery::UnknownChannel => inbound.path = format!("/webhooks/{}/nobody", inbound.kind.provider()),
        }
        let mut signed = self.simulator.sign(&inbound)?;
        if forgery == Forgery::Unsigned {
            signed.signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
        }
        Ok(signed.into())
    }

    fn deliver<'a>(&'a self, message: &'a CustomerMessage) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(async { self.simulator.deliver(&self.inbound(message)?).await })
    }

    fn report<'a>(
        &'a self,
        id: &'a str,
        status: &'a str,
        code: Option<u32>,
    ) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(self.simulator.report(id, status, code))
    }
}

fn neutral(sent: &Sent, channels: &[Known]) -> SentMessage {
    let of_account = |known: &&Known| known.account_sid == sent.account_sid;
    // A messaging service sends from whichever of its numbers it likes, and a send through it names none.
    let own = channels.iter().filter(of_account).find(|known| Some(&known.wire) == sent.from.as_ref());
    let channel = own.or_else(|| channels.iter().find(of_account).filter(|_| sent.from.is_none()));
    SentMessage {
        sequence: sent.sequence,
        at: sent.at,
        created_at: sent.created_at,
        id: sent.sid.clone(),
        message_id: sent.mid.clone(),
        channel: channel.map(|known| known.id.clone()),
        to: stored(&sent.to),
        from: sent.from.as_deref().map(stored),
        text: sent.body.clone(),
        template: sent.content_sid.clone(),
        file: sent.media_url.clone(),
    }
}

/// An address as the tables keep it, from how Twilio writes it.
fn stored(wire: &str) -> String {
    if wire.contains(':') { wire.to_owned() } else { format!("sms:{wire}") }
}

/// An address as Twilio writes it, from how the tables keep it.
fn wire(stored: &str) -> &str {
    stored.strip_prefix("sms:").unwrap_or(stored)
}

/// A template's text with `{{1}}` in its places, as Twilio has it.
fn numbered(template: &Template) -> String {
    let place = |name: &str| template.variables.iter().position(|known| known == name.trim()).map(|at| at + 1);
    let Some(body) = &template.body else {
        let places: Vec<String> = (1..=template.variables.len()).map(|number| format!("{{{{{number}}}}}")).collect();
        return format!("[{}] {}", template.name, places.join(", ")).trim_end().to_owned();
    };
    let (mut text, mut rest) = (String::new(), body.as_str());
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, further)) = after.split_once("}}") else { break };
        text.push_str(before);
        match place(name) {
            Some(number) => text.push_str(&format!("{{{{{number}}}}}")),
            None => text.push_str(name),
        }
        rest = further;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_s_places_are_numbered_as_its_variables_are() {
        let mut template = Template {
            name: "rappel".to_owned(),
            language: "fr".to_owned(),
            content_id: "HX1".to_owned(),
            variables: vec!["prenom".to_owned(), "heure".to_owned()],
            body: Some("À {{ heure }}, {{prenom}} !".to_owned()),
            channels: Vec::new(),
        };
        assert_eq!(numbered(&template), "À {{2}}, {{1}} !");
        template.body = None;
        assert_eq!(numbered(&template), "[rappel] {{1}}, {{2}}");
    }
}
