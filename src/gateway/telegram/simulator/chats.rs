//! Chats of the simulated Telegram: who is in them, what a bot may do there, and payments in Stars.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::answers::{chat_of, refusal};
use super::{World, lock};

/// Calls that only an administrator of the chat may make.
const OF_ADMINISTRATORS: [&str; 6] = [
    "createChatInviteLink",
    "approveChatJoinRequest",
    "declineChatJoinRequest",
    "banChatMember",
    "unbanChatMember",
    "revokeChatInviteLink",
];

/// The refusal of a call that the bot may not make, or that makes no sense.
pub(super) fn refuses(world: &World, bot: &str, method: &str, parameters: &Value) -> Option<HttpResponse> {
    let chat = chat_of(parameters)?;
    if OF_ADMINISTRATORS.contains(&method) && lock(&world.without_rights).contains(&chat) {
        return Some(refusal(400, "Bad Request: not enough rights to manage the chat", &Value::Null));
    }
    let user = parameters["user_id"].as_i64()?;
    let is_own = user.to_string() == bot;
    let is_unknown = method == "getChatMember" && !is_own && !lock(&world.members).contains_key(&(chat, user));
    is_unknown.then(|| refusal(400, "Bad Request: PARTICIPANT_ID_INVALID", &Value::Null))
}

/// What a call that was answered with yes makes of the chat.
pub(super) fn apply(world: &World, method: &str, parameters: &Value) {
    let (Some(chat), Some(user)) = (chat_of(parameters), parameters["user_id"].as_i64()) else { return };
    let mut members = lock(&world.members);
    match method {
        "approveChatJoinRequest" => drop(members.insert((chat, user), "member".to_owned())),
        "banChatMember" => {
            // A ban with an end has ended by the time that anybody looks.
            let status = if parameters["until_date"].is_null() { "kicked" } else { "left" };
            members.insert((chat, user), status.to_owned());
        }
        "unbanChatMember" => {
            if let Some(status) = members.get_mut(&(chat, user)).filter(|status| status.as_str() == "kicked") {
                "left".clone_into(status);
            }
        }
        _ => {}
    }
}

/// `getChatMember`
pub(super) fn member(world: &World, bot: &str, parameters: &Value) -> Value {
    let (chat, user) = (chat_of(parameters).unwrap_or_default(), parameters["user_id"].as_i64().unwrap_or_default());
    if user.to_string() == bot {
        let may = !lock(&world.without_rights).contains(&chat);
        return json!({
            "status": if may { "administrator" } else { "member" },
            "user": { "id": user, "is_bot": true, "first_name": "Simulated" },
            "can_invite_users": may, "can_restrict_members": may,
        });
    }
    let status = lock(&world.members).get(&(chat, user)).cloned();
    json!({
        "status": status.as_deref().unwrap_or("left"),
        "user": { "id": user, "is_bot": false, "first_name": "Simulated" },
    })
}

/// `getStarTransactions`
pub(super) fn transactions(world: &World, parameters: &Value) -> Value {
    let number = |key: &str, usual: u64| usize::try_from(parameters[key].as_u64().unwrap_or(usual)).unwrap_or_default();
    let transactions = lock(&world.transactions);
    let page: Vec<&Value> = transactions.iter().skip(number("offset", 0)).take(number("limit", 100)).collect();
    json!({ "transactions": page })
}
