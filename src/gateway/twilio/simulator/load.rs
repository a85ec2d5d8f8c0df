//! The simulated Twilio for a load driver: takes sends and writes webhooks at a few microseconds each.

mod taken;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use self::taken::{Found, Taken};
use super::InboundMessage;
use crate::config::Channel;
use crate::gateway::simulator::load::{
    Draft, Filling, Gap, Gapped, LoadAnswer, LoadRequest, LoadResponder, LoadSent, LoadWebhooks, put,
};
use crate::gateway::twilio::Kind;
use crate::gateway::twilio::form::Form;
use crate::gateway::twilio::signature::{SIGNATURE_HEADER, Signer};

/// Messages in a page of the list, as with Twilio at most.
const MOST_LISTED: usize = 1_000;
/// Stands where the signature goes: as wide as a base64 HMAC-SHA1.
const SIGNATURE_MARK: &str = "wwwwwwwwwwwwwwwwwwwwwwwwwwww";

/// Takes sends of the accounts that it knows, and lists what it took.
pub(super) struct Responder {
    /// By path: the `Authorization` that it takes.
    accounts: HashMap<String, String>,
    /// By our sender's address: the channel's place.
    channels: HashMap<String, usize>,
    /// What the ids that it gives begin with.
    run: u64,
    taken: RefCell<Taken>,
}

impl Responder {
    pub(super) fn new(channels: &[Channel], run: u64) -> Self {
        let (mut accounts, mut places) = (HashMap::new(), HashMap::new());
        for (place, channel) in channels.iter().enumerate() {
            let Some((kind, account)) = Kind::of(&channel.provider) else { continue };
            let credentials = format!("{}:{}", account.account_sid, account.auth_token.expose_secret());
            let path = format!("/2010-04-01/Accounts/{}/Messages.json", account.account_sid);
            accounts.insert(path, format!("Basic {}", STANDARD.encode(credentials)));
            places.insert(kind.wire(&channel.address), place);
        }
        Self { accounts, channels: places, run, taken: RefCell::new(Taken::new()) }
    }

    fn take(&self, account: &str, body: &[u8], on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer {
        let (mut from, mut to, mut text) = (Cow::default(), Cow::default(), Cow::default());
        for (key, value) in form_urlencoded::parse(body) {
            match &*key {
                "From" => from = value,
                "To" => to = value,
                "Body" => text = value,
                _ => {}
            }
        }
        let now = chrono::Utc::now().timestamp();
        let number = self.taken.borrow_mut().put(account, (&from, &to), &text, now);
        on_sent(LoadSent { channel: self.channels.get(&*from).copied(), to, text });
        let sid = self.sid(number);
        let json = format!(r#"{{"sid":"{sid}","status":"queued","error_code":null,"error_message":null}}"#);
        LoadAnswer { status: "201 Created", json }
    }

    /// What was taken from one number for another, the newest first (`To` and `From` as Twilio takes them; the day that
    /// `DateSent>` names is always today).
    fn list(&self, account: &str, query: &str) -> LoadAnswer {
        let (mut from, mut to, mut most) = (Cow::default(), Cow::default(), 50);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "From" => from = value,
                "To" => to = value,
                "PageSize" => most = value.parse().unwrap_or(most).min(MOST_LISTED),
                _ => {}
            }
        }
        let taken = self.taken.borrow();
        let (found, more) = taken.list(account, (&from, &to), most, chrono::Utc::now().timestamp());
        let messages: Vec<_> = found.iter().map(|found| self.listed(found)).collect();
        let next = more.then(|| format!("{account}?Page=1"));
        LoadAnswer { status: "200 OK", json: json!({ "messages": messages, "next_page_uri": next }).to_string() }
    }

    fn listed(&self, found: &Found<'_>) -> Value {
        let date = chrono::DateTime::from_timestamp(found.at, 0).map(|at| at.to_rfc2822());
        json!({
            "sid": self.sid(found.number),
            "body": found.body,
            "direction": "outbound-api",
            "status": "queued",
            "date_created": date,
        })
    }

    fn sid(&self, number: u64) -> String {
        format!("SM{:016x}{number:016x}", self.run)
    }
}

impl LoadResponder for Responder {
    fn respond(&self, request: &LoadRequest<'_>, on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer {
        match (self.accounts.get(request.path), request.method) {
            (None, _) => refusal("404 Not Found"),
            (Some(expected), _) if request.authorization != Some(expected) => refusal("401 Unauthorized"),
            (Some(_), "POST") => self.take(request.path, request.body, on_sent),
            (Some(_), _) => self.list(request.path, request.query),
        }
    }
}

fn refusal(status: &'static str) -> LoadAnswer {
    let code = status.split(' ').next().unwrap_or_default();
    LoadAnswer { status, json: format!(r#"{{"code":20{code},"message":"{status}","status":{code}}}"#) }
}

/// One channel's webhook for one text.
pub(super) struct Layout {
    signer: Signer,
    request: Gapped,
    /// The URL with the sorted parameters behind it.
    signed: Gapped,
    signature_at: usize,
}

impl Layout {
    /// `None`: the channel is another provider's, or the simulator wrote no form.
    pub(super) fn new(channel: &Channel, base_url: &str, customer: &str, text: &str) -> Option<Self> {
        let (kind, account) = Kind::of(&channel.provider)?;
        let from = format!("{}{customer}", kind.prefix());
        let (id, own) = (channel.id.as_str(), kind.wire(&channel.address));
        let mut message = InboundMessage::text(kind, id, &account.account_sid, &from, &own, text);
        message.sid = format!("SM{}", Gap::Id.mark());
        let (path, body) = (&message.path, message.form());
        let mut signed = format!("{base_url}{path}");
        for (key, value) in Form::parse(body.as_bytes()).ok()?.pairs() {
            signed.push_str(key);
            signed.push_str(value);
        }
        let host = base_url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nI-Twilio-Idempotency-Token: {}\r\n\
             {SIGNATURE_HEADER}: {SIGNATURE_MARK}\r\nContent-Length: {}\r\n\r\n",
            message.sid,
            body.len()
        );
        let signature_at = head.find(SIGNATURE_MARK)?;
        let signer = Signer::new(&account.auth_token);
        let request = Gapped::new(&format!("{head}{body}"));
        Some(Self { signer, request, signed: Gapped::new(&signed), signature_at })
    }
}

impl LoadWebhooks for Layout {
    fn write(&self, filling: &Filling, draft: &mut Draft) {
        self.request.fill(filling, &mut draft.request);
        self.signed.fill(filling, &mut draft.signed);
        // With no parameters apart, what is signed is this very text.
        let signature = std::str::from_utf8(&draft.signed).map(|text| self.signer.sign_url(text)).unwrap_or_default();
        put(&mut draft.request, self.signature_at, &signature);
    }
}

#[cfg(test)]
mod tests;
