//! One customer's story over four channels: WhatsApp, Telegram, SMS and e-mail, and who she is on each.
//!
//! It is played beside the scripts, at a tenant of its own. Nothing here is a shortcut: the shop speaks to the daemon by its API,
//! the customer by webhooks, and by the links that she gets.

mod mail_server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use serde_json::{Value, json};

pub(super) use self::mail_server::SimulatedMailServer;
use super::run::DemoRun;
use crate::gateway::simulator::{CustomerMessage, SentMessage};
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::verdict::{Finding, Verdict};
use crate::lab::waiting::comes_true_within;
use crate::store::Dump;
use crate::store::operator::{PageRequest, Tenants};

pub(super) const TENANT: &str = "atelier-nour";
/// The files that its secrets come from: the account's, the bot's token, its webhooks', and the links' of mails.
pub(super) const SECRETS: [&str; 4] = ["nour", BOT_TOKEN, "nour-bot-webhook", "nour-mail"];
pub(super) const BOT_TOKEN: &str = "nour-bot";
/// The bot's id.
pub(super) const BOT: &str = "7000000004";

const WHATSAPP: &str = "nour-wa";
const SMS: &str = "nour-sms";
const TELEGRAM: &str = "nour-tg";
const MAIL: &str = "nour-mail";
pub(super) const CHANNELS: [&str; 4] = [WHATSAPP, SMS, TELEGRAM, MAIL];

/// Who it is about, on each channel. The number is of the range for fiction.
const ON_WHATSAPP: &str = "whatsapp:+33639980020";
const BY_SMS: &str = "sms:+33639980020";
const ON_TELEGRAM: &str = "telegram:630000020";
const BY_MAIL: &str = "mailto:mariam@example.org";
pub(super) const ADDRESSES: [&str; 4] = [ON_WHATSAPP, BY_SMS, ON_TELEGRAM, BY_MAIL];

/// The longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(10);
/// What she takes to notice that nobody answers.
const NOTICING_SILENCE: Duration = Duration::from_millis(300);

/// The tenant's file. `base_url`: where the simulator of a provider listens; `mail`: the port of the mail server.
pub(super) fn file(base_url: impl Fn(&str) -> String, mail: u16) -> String {
    let file = include_str!("../tenants/atelier-nour.toml");
    let file = file.replace("{twilio}", &base_url("twilio-whatsapp"));
    file.replace("{telegram}", &base_url("telegram")).replace("{mail}", &mail.to_string())
}

/// Whether a message left through a channel of the story's.
pub(super) fn is_of_it(sent: &SentMessage) -> bool {
    sent.channel.as_deref().is_some_and(|channel| CHANNELS.contains(&channel))
}

/// What came of the story.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// What never happened though it was waited for: the story ends there.
    missed: Option<&'static str>,
    /// The contacts behind her addresses.
    contacts: BTreeSet<String>,
    /// Her addresses that have a contact.
    known: usize,
    /// The channels on which she got something.
    reached: BTreeSet<String>,
    /// What she got after she ended it by the mail's link.
    after_the_end: usize,
}

/// Plays it.
pub(super) struct Journey<'a> {
    demo: &'a DemoRun,
    mail: &'a SimulatedMailServer,
    daemon: SocketAddr,
    api: SocketAddr,
    key: &'a str,
}

/// What was waited for and did not come.
struct Missed(&'static str);

impl<'a> Journey<'a> {
    pub fn new(
        demo: &'a Arc<DemoRun>,
        mail: &'a SimulatedMailServer,
        (daemon, api): (SocketAddr, SocketAddr),
        key: &'a str,
    ) -> Self {
        Self { demo, mail, daemon, api, key }
    }

    pub async fn play(&self) -> Told {
        let missed = self.scenes().await.err();
        let mut told = Told { missed: missed.map(|missed| missed.0), ..Told::default() };
        if let Some(what) = told.missed {
            self.say(&format!("✗ waited in vain: {what}"));
        }
        let (store, tenant) = (self.demo.store.operator(), TenantId::new(TENANT));
        for address in ADDRESSES {
            let contact = store.contact_at(&tenant, &Address::from_normalised(address)).await.ok().flatten();
            told.known += usize::from(contact.is_some());
            told.contacts.extend(contact.map(|contact| contact.id.to_string()));
        }
        let got = self.got_in_all();
        told.reached.extend(got.into_iter().filter_map(|sent| sent.channel));
        if !self.mail.mails().is_empty() {
            told.reached.insert(MAIL.to_owned());
        }
        if told.missed.is_none() {
            let before = self.got_in_all().len() + self.mail.mails().len();
            self.write(WHATSAPP, ON_WHATSAPP, "Et ma robe, elle est prête ?").await;
            self.write(TELEGRAM, ON_TELEGRAM, "Vous êtes là ?").await;
            tokio::time::sleep(NOTICING_SILENCE).await;
            told.after_the_end = self.got_in_all().len() + self.mail.mails().len() - before;
            self.say("  silence on every channel: what she said in a mail counts everywhere");
        }
        told
    }

    async fn scenes(&self) -> Result<(), Missed> {
        self.asks(WHATSAPP, ON_WHATSAPP, "Bonjour, vous êtes ouverts quand ?").await?;
        let bot = self.link(&json!({ "channel": TELEGRAM })).await?;
        self.sends(ON_WHATSAPP, &json!({ "text": format!("Notre bot vous tient au courant : {bot}") })).await?;
        let (_, payload) = bot.split_once("?start=").ok_or(Missed("a link to the bot"))?;
        self.say("  Mariam opens the bot by the link that she got on WhatsApp: the bot knows who she is");
        self.asks(TELEGRAM, ON_TELEGRAM, &format!("/start {payload}")).await?;
        self.asks(TELEGRAM, ON_TELEGRAM, "C'est combien, une retouche ?").await?;
        self.asks(SMS, BY_SMS, "Vous êtes ouverts quand ?").await?;

        let page = self.link(&json!({ "to": BY_MAIL })).await?;
        self.sends(BY_MAIL, &json!({ "subject": "Est-ce bien vous ?", "text": format!("Ouvrez ce lien : {page}") }))
            .await?;
        let path = page.strip_prefix(PUBLIC_BASE_URL).ok_or(Missed("a page"))?;
        if !self.posts(path).await {
            return Err(Missed("the page that asks whether it is her"));
        }
        self.say("  she opens the page of the mail, and says yes");
        self.sends(BY_MAIL, &json!({ "subject": "Votre robe est prête", "text": "Elle vous attend." })).await?;
        let unsubscribe = self.mail.mails().last().and_then(|mail| mail_server::unsubscribe_link(mail));
        let unsubscribe = unsubscribe.ok_or(Missed("a link that ends the mails"))?;
        let path = unsubscribe.strip_prefix(PUBLIC_BASE_URL).ok_or(Missed("a link that ends the mails"))?;
        if !self.posts(path).await {
            return Err(Missed("the end of the mails"));
        }
        self.say("  her mail program ends the mails by their List-Unsubscribe");
        let (store, tenant) = (self.demo.store.operator(), TenantId::new(TENANT));
        let theirs = Tenants::Of(vec![tenant]);
        let stopped = async || {
            let page = PageRequest { before: None, limit: 1 };
            store.opt_outs(&theirs, page).await.is_ok_and(|found| !found.is_empty())
        };
        if comes_true_within(DEADLINE, stopped).await { Ok(()) } else { Err(Missed("the STOP of the mail's link")) }
    }

    /// She writes, and waits for one answer.
    async fn asks(&self, channel: &'static str, from: &str, text: &str) -> Result<(), Missed> {
        let had = self.got(channel).len();
        self.write(channel, from, text).await;
        if !comes_true_within(DEADLINE, async || self.got(channel).len() > had).await {
            return Err(Missed("an answer"));
        }
        if let Some(answer) = self.got(channel).get(had) {
            self.say(&format!("  ← {channel:<9} {}", answer.text));
        }
        Ok(())
    }

    async fn write(&self, channel: &'static str, from: &str, text: &str) {
        let shown = if text.starts_with("/start ") { "/start …" } else { text };
        self.say(&format!("  → {channel:<9} {shown}"));
        let Ok(id) = self.demo.host.fresh_id(channel) else { return };
        let message = CustomerMessage {
            channel: channel.to_owned(),
            id,
            from: from.to_owned(),
            text: text.to_owned(),
            name: Some("Mariam".to_owned()),
            ..CustomerMessage::default()
        };
        // One that is not taken brings no answer, which is missed.
        let _ = self.demo.host.deliver(&message).await;
    }

    /// The shop writes by the API, and it arrives.
    async fn sends(&self, to: &str, what: &Value) -> Result<(), Missed> {
        let is_mail = to == BY_MAIL;
        let count = || if is_mail { self.mail.mails().len() } else { self.got(WHATSAPP).len() };
        let had = count();
        let mut body = json!({ "tenant": TENANT, "to": to, "channel": if is_mail { MAIL } else { WHATSAPP } });
        if let (Some(body), Some(what)) = (body.as_object_mut(), what.as_object()) {
            body.extend(what.clone());
        }
        self.api("messages", &body).await.ok_or(Missed("the API"))?;
        if comes_true_within(DEADLINE, async || count() > had).await {
            let shown = what["subject"].as_str().unwrap_or("a link");
            self.say(&format!("  ← {:<9} the shop sends: {shown}", if is_mail { MAIL } else { WHATSAPP }));
            return Ok(());
        }
        Err(Missed("a message of the shop's"))
    }

    /// A link for her.
    async fn link(&self, to: &Value) -> Result<String, Missed> {
        let (store, tenant) = (self.demo.store.operator(), TenantId::new(TENANT));
        let contact = store.contact_at(&tenant, &Address::from_normalised(ON_WHATSAPP)).await.ok().flatten();
        let contact = contact.ok_or(Missed("a contact"))?;
        let made = self.api(&format!("contacts/{}/link", contact.id), to).await;
        made.and_then(|made| made["url"].as_str().map(str::to_owned)).ok_or(Missed("a link"))
    }

    /// She confirms what a link of ours opens. Whether it was taken.
    async fn posts(&self, path: &str) -> bool {
        let answer = self.demo.client.post(format!("http://{}{path}", self.daemon)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn api(&self, path: &str, body: &Value) -> Option<Value> {
        let asked =
            self.demo.client.post(format!("http://{}/api/v1/{path}", self.api)).bearer_auth(self.key).json(body);
        let answer = asked.send().await.ok()?;
        if answer.status().is_success() { answer.json().await.ok() } else { None }
    }

    fn got_in_all(&self) -> Vec<SentMessage> {
        self.demo.host.sent().into_iter().filter(is_of_it).collect()
    }

    fn got(&self, channel: &str) -> Vec<SentMessage> {
        self.got_in_all().into_iter().filter(|sent| sent.channel.as_deref() == Some(channel)).collect()
    }

    fn say(&self, what: &str) {
        self.demo.printer.note(format!("Mariam {what}"));
    }
}

/// Takes the story's rows out of a dump, and returns them: the checks of the scripts do not know its channels.
pub(super) fn taken_from(dump: &mut Dump) -> Dump {
    Dump {
        inbound: dump.inbound.extract_if(.., |row| row.tenant_id == TENANT).collect(),
        outbound: dump.outbound.extract_if(.., |row| row.tenant_id == TENANT).collect(),
        events: dump.events.extract_if(.., |row| row.tenant_id == TENANT).collect(),
        ..Dump::default()
    }
}

/// One person on four channels, and silent on all of them after one word; and every message came to its end.
pub(super) fn one_person(told: &Told, dump: &Dump, secrets: &[String]) -> Verdict {
    let mut finding = Finding::of("", "one person");
    finding.must(told.missed.is_none(), || format!("waited in vain: {}", told.missed.unwrap_or_default()));
    finding.must(told.contacts.len() == 1 && told.known == ADDRESSES.len(), || {
        format!("{} of {} addresses are known, as {} contacts", told.known, ADDRESSES.len(), told.contacts.len())
    });
    finding.must(told.reached.len() == CHANNELS.len(), || format!("{} channels reached her", told.reached.len()));
    finding.must(told.after_the_end == 0, || format!("{} messages after she ended it", told.after_the_end));
    for row in &dump.inbound {
        finding.must(row.state == "processed", || format!("{} is {}", row.id, row.state));
    }
    for row in &dump.outbound {
        let ended = ["sent", "delivered", "read", "suppressed"].contains(&row.state.as_str());
        finding.must(ended, || format!("{} is {}", row.id, row.state));
        finding.must(row.attempts <= 1, || format!("{} was tried {} times", row.id, row.attempts));
    }
    for event in &dump.events {
        let shows = secrets.iter().any(|secret| event.payload.contains(secret.as_str()));
        finding.must(!shows, || format!("event {} shows what nobody may print", event.id));
    }
    finding.exercised(dump.outbound.len(), "nothing was sent");
    finding.verdict(format!(
        "Mariam on {} channels is one contact; {} messages in, {} out; after one STOP nothing more",
        told.reached.len(),
        dump.inbound.len(),
        dump.outbound.len()
    ))
}
