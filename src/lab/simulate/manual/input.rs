//! Customers' messages, as people type them or scripts post them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use palabre_actors::domain::address::{Address, Unnamed};
use serde::Deserialize;

use super::channels::HostedChannels;
use crate::config::suggest;
use crate::gateway::simulator::CustomerMessage;

/// Names for customers who show none.
const NAMES: [&str; 16] = [
    "Camille", "Emma", "Lucas", "Oliver", "Inès", "Grace", "Hugo", "Amelia", "Moussa", "Jack", "Chloé", "Harry", "Léa",
    "Ruby", "Théo", "Olivia",
];

/// A name for a number: the same each time, and another for the next number.
fn name_of(number: &str) -> &'static str {
    let digits = number.bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0_usize, |number, digit| (number * 10 + usize::from(digit - b'0')) % NAMES.len());
    NAMES.get(number).copied().unwrap_or("Camille")
}

/// A customer's message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer {
    /// To which channel.
    pub(super) channel: String,
    /// Their number, with `+` and its country, or another address of the channel's kind.
    pub(super) from: String,
    #[serde(default)]
    pub(super) text: String,
    /// The name they show.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// What the provider calls it: the same again is a repeated webhook.
    #[serde(default)]
    pub(super) sid: Option<String>,
    /// More of the provider's parameters, or other values: `NumMedia`, `ButtonText`, …
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
}

/// What a typed line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Message(Customer),
    Help,
    Nothing,
    /// What is wrong with it.
    Wrong(String),
}

impl HostedChannels {
    /// Reads a line: `CHANNEL NUMBER TEXT`, or a text that goes on as the last customer.
    pub(super) fn read(&self, line: &str, last: Option<&Customer>) -> Typed {
        let line = line.trim();
        match line {
            "" => return Typed::Nothing,
            "?" | "help" => return Typed::Help,
            _ => {}
        }
        let (channel, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if self.channels.iter().any(|known| known.id == channel) {
            let (from, text) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
            if from.is_empty() || text.trim().is_empty() {
                return Typed::Wrong(format!("write a number and a text behind {channel}"));
            }
            let (channel, from, text) = (channel.to_owned(), from.to_owned(), text.trim().to_owned());
            return Typed::Message(Customer { channel, from, text, ..Customer::default() });
        }
        let names_a_number = rest.trim_start().starts_with(['+', '0']);
        match last {
            Some(last) if !names_a_number => Typed::Message(Customer {
                channel: last.channel.clone(),
                from: last.from.clone(),
                text: line.to_owned(),
                ..Customer::default()
            }),
            _ => Typed::Wrong(format!("{}; write CHANNEL NUMBER TEXT", self.no_channel(channel))),
        }
    }

    /// The message as its simulator takes it. `fresh_id`: an id of the channel's provider.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub(super) fn message(
        &self,
        customer: &Customer,
        fresh_id: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<CustomerMessage, String> {
        let known = self.channels.iter().find(|known| known.id == customer.channel);
        let channel = known.ok_or_else(|| self.no_channel(&customer.channel))?;
        let scheme = channel.scheme;
        let from = Address::written(&customer.from, Unnamed::Only(scheme), channel.country);
        let from = from.map_err(|error| format!("`from` is {error}: {}", error.help()))?;
        Ok(CustomerMessage {
            channel: channel.id.clone(),
            id: customer.sid.clone().map_or_else(|| fresh_id(&channel.id), Ok)?,
            from: from.as_str().to_owned(),
            text: customer.text.clone(),
            name: Some(customer.name.as_deref().unwrap_or_else(|| name_of(from.as_str())).to_owned()),
            parameters: customer.parameters.clone().into_iter().collect(),
            ..CustomerMessage::default()
        })
    }

    /// The address of a channel.
    pub(super) fn sender(&self, id: &str) -> Option<&str> {
        self.channels.iter().find(|known| known.id == id).map(|known| known.address.as_str())
    }

    /// Where the provider of a channel is simulated.
    pub(super) fn provider_of(&self, id: &str) -> Option<SocketAddr> {
        self.channels.iter().find(|known| known.id == id).map(|known| known.provider)
    }

    /// For those who misspelt one.
    pub(super) fn no_channel(&self, id: &str) -> String {
        let known: Vec<&str> = self.channels.iter().map(|known| known.id.as_str()).collect();
        format!("no channel is called {id}: {}", suggest::help(id, &known))
    }
}

#[cfg(test)]
mod tests {
    use super::super::channels::tests::hosted;
    use super::*;

    fn open() -> HostedChannels {
        hosted("127.0.0.1:8080", Some("http://127.0.0.1:4010"), None).unwrap()
    }

    fn customer(channel: &str, from: &str, text: &str) -> Customer {
        Customer { channel: channel.to_owned(), from: from.to_owned(), text: text.to_owned(), ..Customer::default() }
    }

    #[test]
    fn lines_are_read_as_they_are_meant() {
        let hosted = open();
        let anne = customer("belle-wa", "+33639980101", "Bonjour");
        let said = |text: &str| Typed::Message(Customer { text: text.to_owned(), ..anne.clone() });
        for (line, last, expected) in [
            ("belle-wa +33639980101 Bonjour", None, said("Bonjour")),
            ("  belle-wa  +33639980101   Bonjour  ", None, said("Bonjour")),
            ("STOP", Some(&anne), said("STOP")),
            ("Et le samedi ?", Some(&anne), said("Et le samedi ?")),
            ("", Some(&anne), Typed::Nothing),
            ("?", None, Typed::Help),
        ] {
            assert_eq!(hosted.read(line, last), expected, "{line}");
        }
        for (line, last, told) in [
            ("STOP", None, "CHANNEL NUMBER TEXT"),
            ("belle-w +33639980101 Bonjour", Some(&anne), "did you mean `belle-wa`?"),
            ("belle-wa", None, "a number and a text"),
            ("belle-wa +33639980101", None, "a number and a text"),
        ] {
            assert!(matches!(hosted.read(line, last), Typed::Wrong(why) if why.contains(told)), "{line}");
        }
    }

    #[test]
    fn each_number_has_a_name_of_its_own_and_keeps_it() {
        let hosted = open();
        let id = |_: &str| Ok(String::new());
        let name = |from: &str| hosted.message(&customer("belle-sms", from, "x"), id).unwrap().name.unwrap();
        let numbers: Vec<_> = (0..16).map(|number| format!("+336399801{number:02}")).collect();
        let names: std::collections::BTreeSet<_> = numbers.iter().map(|number| name(number)).collect();
        assert_eq!(names.len(), NAMES.len(), "{names:?}");
        assert_eq!(name("+33639980101"), name("+33 6 39 98 01 01"));
    }

    #[test]
    fn messages_are_the_providers_own() {
        let hosted = open();
        let id = |_: &str| Ok("SM2".to_owned());
        let message = hosted.message(&customer("belle-wa", "+33 6 39 98 01 01", "Bonjour"), id).unwrap();
        assert_eq!((&*message.channel, &*message.id, &*message.from), ("belle-wa", "SM2", "whatsapp:+33639980101"));
        let text = r#"{"channel":"belle-sms","from":"+33639980101","text":"x","sid":"SM1","name":"Anne","parameters":{"NumMedia":"1"}}"#;
        let message = hosted.message(&serde_json::from_str(text).unwrap(), id).unwrap();
        assert_eq!((message.from.as_str(), message.id.as_str()), ("sms:+33639980101", "SM1"));
        assert_eq!(message.name.as_deref(), Some("Anne"));
        assert!(message.parameters.contains(&("NumMedia".to_owned(), "1".to_owned())));
        assert!(
            hosted
                .message(&customer("belle-wa", "0639980101", "x"), id)
                .unwrap_err()
                .contains("with + and its country code")
        );
        assert!(hosted.message(&customer("bele-wa", "+33639980101", "x"), id).unwrap_err().contains("belle-wa"));
    }
}
