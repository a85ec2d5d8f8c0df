//! Calls of the Bot API that are no messages: answers to queries, and what an administrator of a chat does.
//!
//! Each may be made twice without harm, so one whose answer was lost is simply made again. What is so already (the person
//! is in, the query was answered) counts as done.

use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::send::{Receipt, SendError, SendErrorClass};
use serde_json::{Value, json};

use super::call::{Api, CallError, bad_address};
use super::chats::MigratedChats;
use super::codes::NO_RIGHTS;
use super::decode::message_id;
use super::update::ANSWER_CALLBACK;

/// Steps of places in chats. Whoever asks for them looks at what becomes of them, and asks anew when the bot has its rights back;
/// kept waiting for that, they would keep the person's other messages waiting as well.
const ASKED_ANEW: [&str; 3] = ["invite_link", "ban", "unban"];

/// Sends an invoice in Stars.
const INVOICE: &str = "invoice";

/// A call as an action asks for it.
pub(super) struct ActionCall {
    pub method: &'static str,
    pub parameters: Value,
    /// Refusals that mean that it is so already.
    done: &'static [&'static str],
}

/// Does what an action asks for. The receipt's id is what Telegram calls the result: the link of `invite_link` and
/// `invoice_link`; elsewhere the method's name.
pub(super) async fn perform(
    (api, chats): (&Api, &MigratedChats),
    to: &Address,
    action: &Action,
) -> Result<Receipt, SendError> {
    if action.kind == INVOICE {
        return invoice(api, chats, to, action).await;
    }
    let call = call_of(chats, to, action)?;
    let link = |raw: &serde_json::value::RawValue| {
        let result: Value = serde_json::from_str(raw.get()).ok()?;
        Some(result.as_str().or_else(|| result["invite_link"].as_str()).map(str::to_owned))
    };
    let receipt = |id: &str| Receipt { provider_message_id: ProviderMessageId::new(id) };
    match api.call(call.method, &call.parameters, link).await {
        Ok(Some(link)) => Ok(Receipt::received(&link).unwrap_or_else(|| receipt(call.method))),
        Ok(None) => Ok(receipt(call.method)),
        Err(CallError::Refused(refusal)) if refusal.code.is_some_and(|code| call.done.contains(&code.code)) => {
            Ok(receipt(call.method))
        }
        Err(error) => {
            if let (CallError::Refused(refusal), Some(chat)) = (error, call.parameters["chat_id"].as_i64())
                && let Some(to) = refusal.migrated_to
            {
                // The next attempt goes to the new id.
                chats.note(chat, to);
            }
            let error = error.classified(true);
            let is_asked_anew = ASKED_ANEW.contains(&action.kind.as_str()) && error.code.as_deref() == Some(NO_RIGHTS);
            Err(if is_asked_anew { SendError { class: SendErrorClass::Reject, ..error } } else { error })
        }
    }
}

/// Makes an invoice's link and sends it: `invoice_link`'s arguments, and the `text` in front of it. Made again, it makes another
/// link to the same purchase.
async fn invoice(api: &Api, chats: &MigratedChats, to: &Address, action: &Action) -> Result<Receipt, SendError> {
    let wanted = Action { kind: "invoice_link".to_owned(), arguments: action.arguments.clone() };
    let made = Box::pin(perform((api, chats), to, &wanted)).await?;
    let text = action.arguments.get("text").and_then(Value::as_str).unwrap_or_default();
    let chat_id = to.path().parse().map(|id| chats.present_id(id)).map_err(|_| bad_address())?;
    let parameters = json!({ "chat_id": chat_id, "text": format!("{text} {}", made.provider_message_id) });
    let number = |raw: &serde_json::value::RawValue| {
        let sent: Value = serde_json::from_str(raw.get()).ok()?;
        sent["message_id"].as_i64()
    };
    let number = api.call("sendMessage", &parameters, number).await.map_err(|error| error.classified(false))?;
    Ok(Receipt { provider_message_id: message_id(chat_id, number) })
}

/// `chat` and `user` of an action are addresses (`telegram:-100…`) or bare ids; left out, they are the row's own contact.
pub(super) fn call_of(chats: &MigratedChats, to: &Address, action: &Action) -> Result<ActionCall, SendError> {
    const NONE: &[&str] = &[];
    const STAYS_OR_IS_OUT: &[&str] = &["telegram_not_in", "telegram_administrator"];
    let given = |key: &str| action.arguments.get(key).filter(|value| !value.is_null()).cloned();
    let text = |key: &str| given(key).filter(Value::is_string).ok_or_else(|| incomplete(key));
    let id = |key: &str| -> Result<i64, SendError> {
        let number = match given(key) {
            None => to.path().parse().ok(),
            Some(Value::String(text)) => text.strip_prefix("telegram:").unwrap_or(&text).parse().ok(),
            Some(value) => value.as_i64(),
        };
        number.ok_or_else(|| incomplete(key))
    };
    let chat = || id("chat").map(|chat| chats.present_id(chat));
    let call = |method, parameters, done| Ok(ActionCall { method, parameters, done });
    match action.kind.as_str() {
        ANSWER_CALLBACK => {
            let alert = given("alert").and_then(|value| value.as_bool()).unwrap_or_default();
            let parameters = optional(
                json!({ "callback_query_id": text("query")?, "show_alert": alert }),
                [("text", given("text"))],
            );
            call("answerCallbackQuery", parameters, &["telegram_query_too_old"])
        }
        "answer_checkout" => {
            let ok = given("ok").and_then(|value| value.as_bool()).ok_or_else(|| incomplete("ok"))?;
            let query = json!({ "pre_checkout_query_id": text("query")?, "ok": ok });
            call("answerPreCheckoutQuery", optional(query, [("error_message", given("error"))]), NONE)
        }
        "answer_join" => {
            let parameters = json!({ "chat_join_request_query_id": text("query")?, "result": text("result")? });
            call("answerChatJoinRequestQuery", parameters, &["telegram_query_too_old"])
        }
        "invite_link" => {
            let by_request = given("join_request").and_then(|value| value.as_bool()).unwrap_or(true);
            let parameters = json!({ "chat_id": chat()?, "creates_join_request": by_request });
            let parameters = optional(parameters, [("name", given("name")), ("expire_date", given("expires_at"))]);
            call("createChatInviteLink", parameters, NONE)
        }
        "revoke_link" => {
            let parameters = json!({ "chat_id": chat()?, "invite_link": text("link")? });
            call("revokeChatInviteLink", parameters, &["telegram_link_gone"])
        }
        "approve" => {
            let parameters = json!({ "chat_id": chat()?, "user_id": id("user")? });
            call("approveChatJoinRequest", parameters, &["telegram_already_in"])
        }
        "decline" => {
            let parameters = json!({ "chat_id": chat()?, "user_id": id("user")? });
            call("declineChatJoinRequest", parameters, &["telegram_no_request"])
        }
        "ban" => {
            let parameters = json!({ "chat_id": chat()?, "user_id": id("user")? });
            call("banChatMember", parameters, STAYS_OR_IS_OUT)
        }
        // A ban that ends by itself: a minute, because one of less than thirty seconds has no end (Bot API).
        "remove" => {
            let until = chrono::Utc::now().timestamp() + 60;
            let parameters = json!({ "chat_id": chat()?, "user_id": id("user")?, "until_date": until });
            call("banChatMember", parameters, STAYS_OR_IS_OUT)
        }
        // Without `only_if_banned`, it would remove a member who is in.
        "unban" => {
            let parameters = json!({ "chat_id": chat()?, "user_id": id("user")?, "only_if_banned": true });
            call("unbanChatMember", parameters, STAYS_OR_IS_OUT)
        }
        "typing" => {
            let chat = to.path().parse().map_err(|_| bad_address())?;
            call("sendChatAction", json!({ "chat_id": chats.present_id(chat), "action": "typing" }), NONE)
        }
        "invoice_link" => {
            let parameters = json!({
                "title": text("title")?,
                "description": text("description")?,
                "payload": text("payload")?,
                "provider_token": "",
                "currency": "XTR",
                "prices": [{ "label": text("title")?, "amount": given("stars").ok_or_else(|| incomplete("stars"))? }],
            });
            call("createInvoiceLink", optional(parameters, [("subscription_period", given("period_s"))]), NONE)
        }
        "refund" => {
            let parameters = json!({ "user_id": id("user")?, "telegram_payment_charge_id": text("charge")? });
            call("refundStarPayment", parameters, &["telegram_refunded"])
        }
        "cancel_subscription" => {
            let cancelled = given("cancelled").and_then(|value| value.as_bool()).unwrap_or(true);
            let charge = text("charge")?;
            let parameters =
                json!({ "user_id": id("user")?, "telegram_payment_charge_id": charge, "is_canceled": cancelled });
            call("editUserStarSubscription", parameters, NONE)
        }
        _ => Err(SendError::unsupported_action()),
    }
}

fn optional<const N: usize>(mut parameters: Value, more: [(&str, Option<Value>); N]) -> Value {
    if let Value::Object(fields) = &mut parameters {
        fields.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
    parameters
}

/// The action lacks an argument, or has another kind of value there; only its name is told.
fn incomplete(key: &str) -> SendError {
    SendError {
        class: SendErrorClass::Reject,
        code: Some("telegram_incomplete".to_owned()),
        throttled: false,
        detail: format!("the action's `{key}` is missing, or is of another kind"),
    }
}
