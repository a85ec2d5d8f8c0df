//! Fakes behind the server: a gateway with a simple signature, and a scripted reception.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use actix_web::http::header::HeaderName;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, NewInbound};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::{AccountNews, Clock, Pending, StatusUpdate};
use tokio::sync::Semaphore;

use crate::gateway::{Received, Receiver, Rejection, WebhookProtocol, WebhookRequest};
use crate::http::{Accepted, ChannelEndpoint, Receivers, Refusal};
use crate::service::messages::{NotSent, Outgoing, OutgoingMessage};

pub(super) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(super) const WHATSAPP: &str = "whatsapp:+14155238886";
pub(super) const SMS: &str = "+14155238886";

/// What the fake gateway takes for a signature.
pub(super) fn sign(url: &str, body: &[u8]) -> String {
    format!("signed:{url}:{}", body.len())
}

pub(super) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_780_000_000, 0).unwrap()
    }
}

/// Two channels of one tenant on one number: `belle-wa` and `belle-sms`.
pub(super) struct FakeReceivers {
    whatsapp: Arc<ChannelEndpoint>,
    sms: Arc<ChannelEndpoint>,
}

impl FakeReceivers {
    pub(super) fn new() -> Self {
        let endpoint = |channel: &str| {
            let (tenant, channel) = (TenantId::new("institut-belle"), ChannelId::new(channel));
            let gateway = Gateway { tenant: tenant.clone(), channel: channel.clone() };
            Arc::new(ChannelEndpoint::new(tenant, channel, Arc::new(gateway)))
        };
        Self { whatsapp: endpoint("belle-wa"), sms: endpoint("belle-sms") }
    }
}

impl Receivers for FakeReceivers {
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<ChannelEndpoint>> {
        match (provider, channel) {
            ("twilio-whatsapp", "belle-wa") => Some(self.whatsapp.clone()),
            ("twilio-sms", "belle-sms") => Some(self.sms.clone()),
            _ => None,
        }
    }

    fn by_account(&self, provider: &str, account: &str, address: &str) -> Option<Arc<ChannelEndpoint>> {
        match (provider, account, address) {
            ("twilio", ACCOUNT, WHATSAPP) => Some(self.whatsapp.clone()),
            ("twilio" | "twilio-sms", ACCOUNT, SMS) => Some(self.sms.clone()),
            _ => None,
        }
    }

    fn of_provider(&self, _: &str) -> Vec<Arc<ChannelEndpoint>> {
        Vec::new()
    }
}

struct Gateway {
    tenant: TenantId,
    channel: ChannelId,
}

impl Gateway {
    fn read(request: WebhookRequest<'_>) -> Result<Vec<(String, String)>, Rejection> {
        let signature = request.header(PROTOCOL.proof.as_ref().unwrap());
        if !request.is("application/x-www-form-urlencoded") && !request.is("application/json") {
            return Err(Rejection::MediaType("send a form or JSON"));
        }
        let text = std::str::from_utf8(request.body).map_err(|_| Rejection::Malformed("not UTF-8"))?;
        assert!(request.url.ends_with(request.query));
        if signature != Some(&sign(request.url, request.body)) {
            return Err(Rejection::BadSignature);
        }
        Ok(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }
}

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(HeaderName::from_static("x-twilio-signature")),
    acknowledgement: ("text/xml", "<Response/>"),
    on_bad_proof: "check http.public_base_url",
    on_not_ours: "compare it with `palabre check`",
};

impl Receiver for Gateway {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let fields = Self::read(request)?;
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let id = field("MessageSid").ok_or(Rejection::Malformed("MessageSid is missing"))?;
        if id == "nothing" {
            return Ok(Received::Nothing);
        }
        // `SM1+SM2`: two messages, a status and something that means nothing, in one request.
        if let Some((first, second)) = id.split_once('+') {
            let message = |id: &str| self.message(id, &fields, correlation, now);
            let status = Received::Status(self.status(first, now));
            let inner = Received::Batch(vec![message(second), Received::Nothing]);
            return Ok(Received::Batch(vec![message(first), status, inner]));
        }
        Ok(self.message(id, &fields, correlation, now))
    }

    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        let fields = Self::read(request)?;
        let id = fields.iter().find(|(key, _)| key == "MessageSid").ok_or(Rejection::Malformed("no MessageSid"))?;
        Ok(Received::Status(self.status(&id.1, now)))
    }
}

impl Gateway {
    fn message(&self, id: &str, fields: &[(String, String)], correlation: CorrelationId, now: Timestamp) -> Received {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        Received::Message(Box::new(NewInbound {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            provider_message_id: ProviderMessageId::new(id),
            id_per_chat: false,
            from: Address::from_normalised(field("From").unwrap_or("")),
            to: Address::from_normalised(field("To").unwrap_or("")),
            content: Content { body: field("Body").unwrap_or("").to_owned(), ..Content::default() },
            correlation,
            received_at: now,
            spooled: false,
        }))
    }

    fn status(&self, id: &str, now: Timestamp) -> StatusUpdate {
        StatusUpdate {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            scheme: Scheme::Whatsapp,
            id: None,
            generation: None,
            provider_message_id: ProviderMessageId::new(id),
            status: DeliveryStatus::Delivered,
            code: None,
            failure: None,
            pricing: None,
            at: now,
        }
    }
}

/// Accepts everything, unless told otherwise.
#[derive(Default)]
pub(super) struct FakeReception {
    pub(super) accepted: Mutex<Vec<NewInbound>>,
    pub(super) statuses: Mutex<Vec<StatusUpdate>>,
    pub(super) accounts: Mutex<Vec<AccountNews>>,
    /// What it will say next, before it turns friendly again.
    pub(super) next: Mutex<VecDeque<Result<Accepted, Refusal>>>,
    /// When set, every message waits for a permit here before its commit.
    pub(super) gate: Mutex<Option<Arc<Semaphore>>>,
    /// A permit for every message that arrived at the gate.
    pub(super) arrived: Mutex<Option<Arc<Semaphore>>>,
}

impl FakeReception {
    pub(super) fn will(&self, answer: Result<Accepted, Refusal>) {
        self.next.lock().unwrap().push_back(answer);
    }

    /// Messages wait from now on: (permits let them pass, permits tell that they came).
    pub(super) fn close_gate(&self) -> (Arc<Semaphore>, Arc<Semaphore>) {
        let (gate, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        *self.gate.lock().unwrap() = Some(gate.clone());
        *self.arrived.lock().unwrap() = Some(arrived.clone());
        (gate, arrived)
    }
}

impl crate::http::Reception for FakeReception {
    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>> {
        Box::pin(async move {
            let gate = self.gate.lock().unwrap().clone();
            if let Some(arrived) = self.arrived.lock().unwrap().as_ref() {
                arrived.add_permits(1);
            }
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            let answer = self.next.lock().unwrap().pop_front().unwrap_or(Ok(Accepted::New));
            if answer == Ok(Accepted::New) {
                self.accepted.lock().unwrap().push(message);
            }
            answer
        })
    }

    fn status(&self, update: StatusUpdate) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let answer = self.next.lock().unwrap().pop_front().unwrap_or(Ok(Accepted::New));
            self.statuses.lock().unwrap().push(update);
            answer.map(|_| ())
        })
    }

    fn account(&self, news: AccountNews) -> Pending<'_, Result<(), Refusal>> {
        self.accounts.lock().unwrap().push(news);
        Box::pin(async { Ok(()) })
    }
}

/// Takes every message to send, and remembers it.
#[derive(Default)]
pub(super) struct FakeOutgoing {
    pub(super) messages: Mutex<Vec<OutgoingMessage>>,
    /// What conversations were asked for.
    pub(super) requests: Mutex<Vec<(TenantId, ConversationId, Request)>>,
    /// What is answered instead of taking one.
    pub(super) refuse: Mutex<Option<NotSent>>,
}

impl Outgoing for FakeOutgoing {
    fn send(&self, message: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        let refused = self.refuse.lock().unwrap().clone();
        let answer = match refused {
            Some(refused) => Err(refused),
            None => {
                self.messages.lock().unwrap().push(message);
                Ok(OutboundId(uuid::Uuid::from_u128(0x019c_1a2b_0000_7000_8000_0000_0000_0042)))
            }
        };
        Box::pin(async move { answer })
    }

    fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }

    fn request(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        let refused = self.refuse.lock().unwrap().clone();
        let answer = refused.map_or_else(|| Ok(()), Err).map(|()| {
            self.requests.lock().unwrap().push((tenant, conversation, request));
            let message = OutboundId(uuid::Uuid::from_u128(0x019c_1a2b_0000_7000_8000_0000_0000_0042));
            Performed { changed: true, version: 8, message: Some(message), timer: None }
        });
        Box::pin(async move { answer })
    }
}
