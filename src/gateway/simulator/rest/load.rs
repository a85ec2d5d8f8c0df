//! The simulated REST provider for a load driver: takes sends and writes webhooks without a server of its own.

use std::borrow::Cow;

use super::{RestAccounts, RestApi, RestCall, RestLedger, RestSent, path_of};
use crate::config::Channel;
use crate::gateway::simulator::CustomerMessage;
use crate::gateway::simulator::load::{
    Draft, Filling, Gap, Gapped, LoadAnswer, LoadRequest, LoadResponder, LoadSent, LoadWebhooks, put,
};

/// Messages that are remembered for a daemon that asks after a kill.
const REMEMBERED: usize = 1 << 16;

/// Takes sends of the channels that it knows.
pub(super) struct RestResponder<P> {
    api: P,
    channels: Vec<Channel>,
    ledger: RestLedger,
    /// What the ids that it gives begin with.
    run: u64,
}

impl<P: RestApi> RestResponder<P> {
    pub(super) fn new(api: P, channels: &[Channel], run: u64) -> Self {
        // A channel's place is that of the whole list, so all are kept.
        Self { api, channels: channels.to_vec(), ledger: RestLedger::of_last(REMEMBERED), run }
    }
}

impl<P: RestApi> LoadResponder for RestResponder<P> {
    fn respond(&self, request: &LoadRequest<'_>, on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer {
        match self.api.read(&self.ledger, RestAccounts { channels: &self.channels, webhooks_at: None }, request) {
            RestCall::Send(send) => {
                let Some(channel) = self.channels.get(send.channel) else {
                    return LoadAnswer { status: "404 Not Found", json: self.api.refusal(404, None).to_string() };
                };
                let sequence = self.ledger.next_sequence();
                let sent = RestSent::of(&send, channel, self.api.id_of(self.run, sequence), sequence);
                let json = self.api.taken(&sent).to_string();
                let (to, text) = (Cow::Borrowed(sent.to.as_str()), Cow::Borrowed(sent.text.as_str()));
                on_sent(LoadSent { channel: Some(send.channel), to, text });
                self.ledger.take(sent);
                LoadAnswer { status: "200 OK", json }
            }
            RestCall::File(_) => LoadAnswer { status: line(404), json: self.api.refusal(404, None).to_string() },
            RestCall::List(list) => LoadAnswer { status: "200 OK", json: list.to_string() },
            RestCall::Answer(status, body) => LoadAnswer { status: line(status), json: body.to_string() },
        }
    }
}

fn line(status: u16) -> &'static str {
    match status {
        200 => "200 OK",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        404 => "404 Not Found",
        _ => "500 Internal Server Error",
    }
}

/// One channel's webhook for one text.
pub(super) struct RestLayout<P> {
    api: P,
    channel: Channel,
    request: Gapped,
    body: Gapped,
    proof_at: usize,
}

impl<P: RestApi> RestLayout<P> {
    /// `None`: the head has no place for the proof.
    pub(super) fn new(api: P, channel: &Channel, base_url: &str, customer: &str, text: &str) -> Option<Self> {
        let message = CustomerMessage {
            channel: channel.id.to_string(),
            id: Gap::Id.mark().to_owned(),
            from: format!("{}:{customer}", channel.address.scheme()),
            text: text.to_owned(),
            ..CustomerMessage::default()
        };
        let body = api.message(channel, &message).to_string();
        let (name, proof) = api.proof(channel, body.as_bytes());
        let mark = "w".repeat(proof.len());
        let host = base_url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nContent-Type: application/json\r\n{name}: {mark}\r\n\
             Content-Length: {}\r\n\r\n",
            path_of(channel),
            body.len()
        );
        let proof_at = head.find(&mark)?;
        let (request, body) = (Gapped::new(&format!("{head}{body}")), Gapped::new(&body));
        Some(Self { api, channel: channel.clone(), request, body, proof_at })
    }
}

impl<P: RestApi> LoadWebhooks for RestLayout<P> {
    fn write(&self, filling: &Filling, draft: &mut Draft) {
        self.request.fill(filling, &mut draft.request);
        self.body.fill(filling, &mut draft.signed);
        let (_, proof) = self.api.proof(&self.channel, &draft.signed);
        put(&mut draft.request, self.proof_at, &proof);
    }
}
