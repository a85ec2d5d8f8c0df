//! The Twilio gateway against its simulator, Twilio's own client, and Twilio's description of its API.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod corpus;
mod description;
mod registry;
mod sends;
mod simulated;
mod templates;

use std::sync::Arc;
use std::time::Duration;

use palabre::config::{Channel, OnUnknown};
use palabre::gateway::client;
use palabre::gateway::twilio::simulator::SimulatedAccount;
use palabre::gateway::twilio::{Kind, TwilioAccount, TwilioGateway};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::message::{Generation, Outbound, OutboundKind};
use palabre_actors::domain::send::{OutboundContent, OutboundRequest};
use secrecy::SecretString;

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const PUBLIC: &str = "https://hooks.example.com";

pub fn account(api_base_url: &str) -> TwilioAccount {
    TwilioAccount {
        account_sid: ACCOUNT.to_owned(),
        auth_token: SecretString::from(TOKEN),
        previous_auth_token: None,
        shared_key: None,
        api_base_url: api_base_url.to_owned(),
        backup_api_base_url: None,
        messaging_service_sid: None,
        timeout: Duration::from_secs(30),
        on_unknown: OnUnknown::Resend,
    }
}

pub fn simulated_account() -> SimulatedAccount {
    SimulatedAccount::new(ACCOUNT, TOKEN)
}

pub fn channel(kind: Kind, account: TwilioAccount) -> Channel {
    let address = match kind {
        Kind::Whatsapp => "whatsapp:+14155238886",
        Kind::Sms => "sms:+14155238886",
    };
    Channel {
        id: ChannelId::new("belle"),
        tenant: TenantId::new("institut-belle"),
        address: Address::from_normalised(address),
        provider: account.of_channel(kind),
        profile: Arc::default(),
    }
}

pub fn gateway(kind: Kind, account: TwilioAccount) -> TwilioGateway {
    let channel = channel(kind, account.clone());
    TwilioGateway::new(client::new().unwrap(), kind, &channel, &account, Some(PUBLIC)).unwrap()
}

pub fn message(to: &str, body: &str) -> Outbound {
    Outbound {
        id: OutboundId::fresh(),
        tenant: TenantId::new("institut-belle"),
        channel: ChannelId::new("belle"),
        conversation: ConversationId::fresh(),
        in_reply_to: None,
        to: Address::from_normalised(to),
        body: body.to_owned(),
        template: None,
        choices: Vec::new(),
        action: None,
        presentation: None,
        kind: OutboundKind::Reply,
        urgent: true,
        expires_at: None,
        generation: Generation::first(chrono::Utc::now()),
        correlation: CorrelationId::fresh(),
        attempts: 1,
        created_at: chrono::Utc::now(),
    }
}

/// The message as free text.
pub fn text(message: &Outbound) -> OutboundRequest<'_> {
    OutboundRequest {
        message,
        channel: &message.channel,
        to: &message.to,
        content: OutboundContent::Text(&message.body),
    }
}

/// The message as a template.
pub fn template<'a>(message: &'a Outbound, content_id: &'a str, values: &[&'a str]) -> OutboundRequest<'a> {
    let variables = values.iter().map(|value| ("a place", *value)).collect();
    OutboundRequest { content: OutboundContent::Template { content_id, variables }, ..text(message) }
}
