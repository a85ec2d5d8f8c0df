//! Calls that are no messages, against the structs of the type crate, which follow the Bot API's documentation.

use frankenstein::methods;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::actions::call_of;
use super::super::chats::MigratedChats;

/// Whether a struct of the type crate takes these parameters, all of them, as they are.
fn takes<T: DeserializeOwned + Serialize>(parameters: &Value) -> bool {
    let read: Result<T, _> = serde_json::from_value(parameters.clone());
    read.is_ok_and(|read| serde_json::to_value(read).unwrap() == *parameters)
}

fn is_described(method: &str, parameters: &Value) -> bool {
    match method {
        "answerCallbackQuery" => takes::<methods::AnswerCallbackQueryParams>(parameters),
        "answerPreCheckoutQuery" => takes::<methods::AnswerPreCheckoutQueryParams>(parameters),
        "answerChatJoinRequestQuery" => takes::<methods::AnswerChatJoinRequestQueryParams>(parameters),
        "createChatInviteLink" => takes::<methods::CreateChatInviteLinkParams>(parameters),
        "revokeChatInviteLink" => takes::<methods::RevokeChatInviteLinkParams>(parameters),
        "approveChatJoinRequest" => takes::<methods::ApproveChatJoinRequestParams>(parameters),
        "declineChatJoinRequest" => takes::<methods::DeclineChatJoinRequestParams>(parameters),
        "banChatMember" => takes::<methods::BanChatMemberParams>(parameters),
        "unbanChatMember" => takes::<methods::UnbanChatMemberParams>(parameters),
        "createInvoiceLink" => takes::<methods::CreateInvoiceLinkParams>(parameters),
        "refundStarPayment" => takes::<methods::RefundStarPaymentParams>(parameters),
        "editUserStarSubscription" => takes::<methods::EditUserStarSubscriptionParams>(parameters),
        "sendChatAction" => takes::<methods::SendChatActionParams>(parameters),
        "getChatMember" => takes::<methods::GetChatMemberParams>(parameters),
        "getStarTransactions" => takes::<methods::GetStarTransactionsParams>(parameters),
        _ => false,
    }
}

#[test]
fn every_action_is_a_call_that_the_type_crate_knows() {
    let chat = "telegram:-1001234567890";
    let user = "telegram:123456789";
    let actions = [
        ("answer_callback", json!({ "query": "1", "text": "Noté", "alert": true })),
        ("answer_checkout", json!({ "query": "1", "ok": true })),
        ("answer_checkout", json!({ "query": "1", "ok": false, "error": "Ce prix n'est plus le bon." })),
        ("answer_join", json!({ "query": "1", "result": "approve" })),
        ("invite_link", json!({ "chat": chat, "name": "0190a0b0", "join_request": true, "expires_at": 1_800_000_000 })),
        ("revoke_link", json!({ "chat": chat, "link": "https://t.me/+abc" })),
        ("approve", json!({ "chat": chat, "user": user })),
        ("decline", json!({ "chat": chat, "user": user })),
        ("ban", json!({ "chat": chat, "user": user })),
        ("remove", json!({ "chat": chat, "user": user })),
        ("unban", json!({ "chat": chat, "user": user })),
        ("typing", json!({})),
        (
            "invoice_link",
            json!({
                "title": "Accès Premium", "description": "Le salon", "payload": "0190a0b0", "stars": 500, "period_s": 2_592_000,
            }),
        ),
        ("refund", json!({ "user": user, "charge": "charge-1" })),
        ("cancel_subscription", json!({ "user": user, "charge": "charge-1" })),
    ];
    let (chats, to) = (MigratedChats::default(), Address::from_normalised(user));
    for (kind, arguments) in actions {
        let call = call_of(&chats, &to, &Action { kind: kind.to_owned(), arguments }).unwrap();
        assert!(is_described(call.method, &call.parameters), "{kind}: {} {}", call.method, call.parameters);
    }
    // What no method takes is seen.
    let mut wrong = json!({ "chat_id": -100, "user_id": 5, "only_if_banned": true });
    assert!(is_described("unbanChatMember", &wrong));
    wrong["only_when_banned"] = true.into();
    assert!(!is_described("unbanChatMember", &wrong) && !is_described("banChatMembers", &json!({})));
}

#[test]
fn questions_about_chats_and_payments_are_calls_that_the_type_crate_knows() {
    assert!(is_described("getChatMember", &json!({ "chat_id": -1_001_234_567_890_i64, "user_id": 5 })));
    assert!(is_described("getStarTransactions", &json!({ "offset": 100, "limit": 100 })));
    for answer in [
        json!({ "pre_checkout_query_id": "1", "ok": true }),
        json!({ "pre_checkout_query_id": "1", "ok": false, "error_message": "Ce prix n'est plus le bon." }),
    ] {
        assert!(is_described("answerPreCheckoutQuery", &answer));
    }
    let join = json!({ "chat_join_request_query_id": "1", "result": "decline" });
    assert!(is_described("answerChatJoinRequestQuery", &join));
}
