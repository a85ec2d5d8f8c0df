//! Who is in a chat, what was paid in Stars, and answers to queries that wait (`getChatMember`,
//! `getStarTransactions`, `answerPreCheckoutQuery`, `answerChatJoinRequestQuery`).
//!
//! A bot cannot list a chat's members; it can ask about one at a time, reliably where it is an administrator
//! (<https://core.telegram.org/bots/api#getchatmember>).

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::send::SendErrorClass;
use palabre_actors::ports::Pending;
use serde::Deserialize;
use serde_json::json;

use super::TelegramBot;
use super::call::{Api, CallError};
use super::codes::NO_RIGHTS;
use super::update::Member;
use crate::gateway::ConnectError;
use crate::gateway::channel_event::{Membership, OwnRights, Price};
use crate::gateway::chat_directory::{ChatDirectory, ChatPlace, DirectoryError, LoggedPayment, PaymentPage, WaitedFor};

/// Transactions of a page: the most that Telegram gives.
const PAGE: usize = 100;

/// How long an answer may take that somebody waits for: Telegram gives up after ten seconds.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Refusals that mean that the person was never there.
const NEVER_THERE: [&str; 2] = ["telegram_not_in", "telegram_no_user"];

pub(super) struct BotDirectory {
    api: Api,
    /// The bot's own id.
    own: i64,
    /// The bot's name: of its channel, or once it was asked for; it seldom changes.
    username: OnceLock<String>,
}

impl BotDirectory {
    pub fn new(client: reqwest::Client, bot: &TelegramBot) -> Result<Self, ConnectError> {
        let own = bot.id.parse().map_err(|_| ConnectError("the bot's id is no number".to_owned()))?;
        let username = bot.username.clone().map(OnceLock::from).unwrap_or_default();
        Ok(Self { api: Api::new(client, bot)?, own, username })
    }

    async fn member(&self, chat: &Address, user: i64) -> Result<Option<Member>, DirectoryError> {
        let chat: i64 = chat.path().parse().map_err(|_| refused("telegram_chat_not_found"))?;
        let read = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).ok();
        match self.api.call("getChatMember", &json!({ "chat_id": chat, "user_id": user }), read).await {
            Ok(member) => Ok(Some(member)),
            Err(CallError::Refused(refusal)) if refusal.code.is_some_and(|code| NEVER_THERE.contains(&code.code)) => {
                Ok(None)
            }
            Err(error) => Err(unanswered(error)),
        }
    }
}

impl ChatDirectory for BotDirectory {
    fn place<'a>(&'a self, chat: &'a Address, who: &'a Address) -> Pending<'a, Result<ChatPlace, DirectoryError>> {
        Box::pin(async move {
            let user: i64 = who.path().parse().map_err(|_| refused("telegram_chat_not_found"))?;
            let member = self.member(chat, user).await?;
            Ok(member.map_or(ChatPlace { membership: Membership::Outside, is_bot: false }, |member| ChatPlace {
                membership: member.membership(),
                is_bot: member.user.is_bot,
            }))
        })
    }

    fn own_rights<'a>(&'a self, chat: &'a Address) -> Pending<'a, Result<OwnRights, DirectoryError>> {
        Box::pin(async move {
            let nobody = OwnRights { membership: Membership::Outside, can_invite: false, can_restrict: false };
            Ok(self.member(chat, self.own).await?.map_or(nobody, |own| own.rights()))
        })
    }

    fn payments(&self, from: u64) -> Pending<'_, Result<PaymentPage, DirectoryError>> {
        Box::pin(async move {
            let read = |raw: &serde_json::value::RawValue| serde_json::from_str::<Transactions>(raw.get()).ok();
            let asked = json!({ "offset": from, "limit": PAGE });
            let found = self.api.call("getStarTransactions", &asked, read).await.map_err(unanswered)?;
            let count = found.transactions.len();
            Ok(PaymentPage {
                payments: found.transactions.into_iter().filter_map(Transaction::payment).collect(),
                next: from + u64::try_from(count).unwrap_or_default(),
                is_last: count < PAGE,
            })
        })
    }

    fn start_link<'a>(&'a self, start: &'a str) -> Pending<'a, Result<Option<String>, DirectoryError>> {
        Box::pin(async move { Ok(Some(super::start_link(self.username().await?, start))) })
    }

    fn answer<'a>(&'a self, answer: WaitedFor<'a>) -> Pending<'a, Result<(), DirectoryError>> {
        let (method, parameters) = match answer {
            WaitedFor::Checkout { query, refusal: None } => {
                ("answerPreCheckoutQuery", json!({ "pre_checkout_query_id": query, "ok": true }))
            }
            WaitedFor::Checkout { query, refusal: Some(why) } => {
                ("answerPreCheckoutQuery", json!({ "pre_checkout_query_id": query, "ok": false, "error_message": why }))
            }
            WaitedFor::Join { query, may } => {
                let result = if may { "approve" } else { "decline" };
                ("answerChatJoinRequestQuery", json!({ "chat_join_request_query_id": query, "result": result }))
            }
        };
        Box::pin(async move {
            let answered = self.api.call_within(ANSWER_TIME, method, &parameters, |_| Some(())).await;
            answered.map_err(unanswered)
        })
    }
}

impl BotDirectory {
    async fn username(&self) -> Result<&str, DirectoryError> {
        if let Some(known) = self.username.get() {
            return Ok(known);
        }
        let read = |raw: &serde_json::value::RawValue| serde_json::from_str::<Named>(raw.get()).ok();
        let me = self.api.call("getMe", &json!({}), read).await.map_err(unanswered)?;
        Ok(self.username.get_or_init(|| me.username))
    }
}

/// <https://core.telegram.org/bots/api#user>
#[derive(Deserialize)]
struct Named {
    username: String,
}

/// <https://core.telegram.org/bots/api#startransactions>, the oldest first.
#[derive(Deserialize)]
struct Transactions {
    transactions: Vec<Transaction>,
}

/// <https://core.telegram.org/bots/api#startransaction>: of a refund, the id is that of the payment.
#[derive(Deserialize)]
struct Transaction {
    id: String,
    amount: i64,
    date: i64,
    /// Of what came in.
    #[serde(default)]
    source: Option<Partner>,
    /// Of what went out.
    #[serde(default)]
    receiver: Option<Partner>,
}

/// <https://core.telegram.org/bots/api#transactionpartneruser>, and others, which carry no invoice.
#[derive(Deserialize)]
struct Partner {
    #[serde(default)]
    invoice_payload: Option<String>,
    #[serde(default)]
    subscription_period: Option<i64>,
}

impl Transaction {
    fn payment(self) -> Option<LoggedPayment> {
        let is_refund = self.receiver.is_some();
        let partner = self.receiver.or(self.source)?;
        Some(LoggedPayment {
            payload: partner.invoice_payload,
            charge: self.id,
            at: DateTime::from_timestamp(self.date, 0)?,
            price: Price { currency: "XTR".to_owned(), amount: self.amount },
            period: partner.subscription_period.map(TimeDelta::seconds),
            is_refund,
        })
    }
}

fn refused(code: &str) -> DirectoryError {
    DirectoryError::Refused(code.to_owned())
}

fn unanswered(error: CallError) -> DirectoryError {
    let error = error.classified(true);
    let code = error.code.unwrap_or_default();
    match error.class {
        // Only somebody of the chat can change that.
        SendErrorClass::Retry { .. } if code == NO_RIGHTS => DirectoryError::Refused(code),
        SendErrorClass::Retry { .. } | SendErrorClass::Unknown => DirectoryError::Away(code),
        _ => DirectoryError::Refused(code),
    }
}
