//! Simulated Telegram for a load driver: takes `sendMessage` and writes updates at a few microseconds each.

use std::cell::Cell;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;

use super::{HEADER, settings};
use crate::config::Channel;
use crate::gateway::simulator::load::{
    Draft, Filling, Gap, Gapped, LoadAnswer, LoadRequest, LoadResponder, LoadSent, LoadWebhooks, put,
};
use crate::gateway::telegram::NAME;

/// Stands where the numbers of message and update go.
const NUMBER_MARK: &str = "100000000000000001";

/// Takes messages of the bots that it knows.
pub(super) struct BotResponder {
    /// By path: the channel's place.
    channels: HashMap<String, usize>,
    taken: Cell<u64>,
}

#[derive(Deserialize)]
struct Sent<'a> {
    chat_id: i64,
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

impl BotResponder {
    pub(super) fn new(channels: &[Channel]) -> Self {
        let paths = channels.iter().enumerate().filter_map(|(place, channel)| {
            Some((format!("/bot{}/sendMessage", settings(channel).ok()?.token()), place))
        });
        Self { channels: paths.collect(), taken: Cell::new(0) }
    }
}

impl LoadResponder for BotResponder {
    fn respond(&self, request: &LoadRequest<'_>, on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer {
        let channel = self.channels.get(request.path).copied();
        let (Some(_), Ok(sent)) = (channel, serde_json::from_slice::<Sent<'_>>(request.body)) else {
            let json = json!({ "ok": false, "error_code": 404, "description": "Not Found" }).to_string();
            return LoadAnswer { status: "404 Not Found", json };
        };
        let number = self.taken.get() + 1;
        self.taken.set(number);
        // Customers of a load are numbers of phones without their plus.
        on_sent(LoadSent { channel, to: format!("{NAME}:+{}", sent.chat_id).into(), text: sent.text });
        let json = format!(r#"{{"ok":true,"result":{{"message_id":{number},"date":1700000000}}}}"#);
        LoadAnswer { status: "200 OK", json }
    }
}

/// One channel's update for one text.
pub(super) struct UpdateLayout {
    request: Gapped,
    /// Where the numbers go.
    numbers: Vec<usize>,
}

impl UpdateLayout {
    /// `None`: the channel is another provider's, or is polled.
    pub(super) fn new(channel: &Channel, base_url: &str, customer: &str, text: &str) -> Option<Self> {
        let bot = settings(channel).ok()?;
        let secret = bot.secret()?;
        let id = customer.trim_start_matches('+');
        let text = serde_json::to_string(text).ok()?;
        let body = format!(
            r#"{{"update_id":{NUMBER_MARK},"message":{{"message_id":{NUMBER_MARK},"from":{{"id":{id},"is_bot":false,"first_name":"Camille","language_code":"fr"}},"chat":{{"id":{id},"first_name":"Camille","type":"private"}},"date":1700000000,"text":{text}}}}}"#
        );
        let host = base_url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let head = format!(
            "POST /webhooks/{NAME}/{} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{HEADER}: {secret}\r\n\
             Content-Length: {}\r\n\r\n",
            channel.id,
            body.len()
        );
        let request = format!("{head}{body}");
        let numbers = request.match_indices(NUMBER_MARK).map(|(at, _)| at).collect();
        Some(Self { request: Gapped::new(&request), numbers })
    }
}

impl LoadWebhooks for UpdateLayout {
    fn write(&self, filling: &Filling, draft: &mut Draft) {
        self.request.fill(filling, &mut draft.request);
        // The same id gives the same number, and another one another number: 2^53 of them, so that any reader of JSON can.
        let digits = filling.id.get(..Gap::Id.mark().len().min(13)).unwrap_or_default();
        let number = u64::from_str_radix(digits, 16).unwrap_or_default();
        let number = (100_000_000_000_000_000 + number).to_string();
        self.numbers.iter().for_each(|at| put(&mut draft.request, *at, &number));
    }
}
