//! `/console/settings`: the tenant's file with the line that rules each setting, what may be changed here, and the way back.

use actix_web::http::StatusCode;
use actix_web::web;
use minijinja::context;
use serde::{Deserialize, Serialize};

use super::display::shown;
use super::routes::PageRoutes;
use super::setup::{Fields, Trouble, access, deps};
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::Permission;
use crate::service::setup::{self, HandoverAnswers, REPLIES, RulingLine, ruling_lines};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/settings", show);
    routes.post("/settings/replies", save_replies);
    routes.post("/settings/handover", save_handover);
    routes.post("/settings/undo", undo);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SettingsQuery {
    /// What was just done.
    done: String,
}

/// What forms have that did not hold; the others have what the file says.
#[derive(Default)]
struct Typed {
    replies: Option<Vec<String>>,
    handover: Option<HandoverAnswers>,
    trouble: Trouble,
}

/// A setting in plain words.
#[derive(Serialize)]
struct SettingLine {
    /// The words of its page, or the key where there are none.
    label: String,
    /// What it is about, when it is one of a list.
    of: String,
    value: String,
    line: usize,
}

#[derive(Serialize)]
struct ReplyLine<'a> {
    key: &'static str,
    text: &'a str,
}

/// `GET /console/settings`
async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<SettingsQuery>,
) -> Result<Page, ConsoleError> {
    page(&member, &state, &query.done, Typed::default()).await
}

async fn page(member: &Member, state: &ConsoleState, done: &str, typed: Typed) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingRead)?;
    let folder = &deps(state)?.folder;
    let (file, document) = match setup::document(&member.caller, folder, &member.tenant).await {
        Ok(read) => read,
        Err(failure) => {
            let told = Trouble::of(state, member.language, failure)?.told;
            return state.page(("settings.html", "settings"), member, context! { told, is_readable => false });
        }
    };
    let may_write = member.caller.may(Permission::SettingWrite);
    // The file has phone numbers and addresses of people.
    let sees_content = member.caller.may(Permission::ContentRead);
    let replies = typed.replies.unwrap_or_else(|| setup::replies(&document));
    let reply_lines: Vec<ReplyLine<'_>> =
        REPLIES.iter().zip(&replies).map(|(key, text)| ReplyLine { key, text }).collect();
    let handover = typed.handover.unwrap_or_else(|| HandoverAnswers::of(&document));
    let previous = setup::previous(&member.caller, folder, &file).await;
    let previous = previous.ok().flatten().filter(|_| may_write);
    let replaced_at = previous.as_ref().and_then(|previous| previous.replaced_at).map(chrono::DateTime::from);
    let lines = if sees_content { ruling_lines(&file.text) } else { Vec::new() };
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let context = context! {
        is_readable => true,
        file => name,
        lines => shown(lines.iter().map(|it| setting(member, state, it)).collect::<Vec<_>>()),
        text => sees_content.then_some(file.text.as_str()),
        may_write,
        replies => shown(reply_lines),
        handover => context! {
            calls_people => handover.calls_people,
            keywords => handover.keywords.as_str(),
            on_anger => handover.on_anger,
            after_misses => handover.after_misses.as_str(),
            hand_back_after => handover.hand_back_after.as_str(),
            notify => handover.notify.as_str(),
            unread_after => handover.unread_after.as_str(),
        },
        can_undo => previous.is_some(),
        replaced_at => replaced_at.map(|at| state.display(member).moment(at)),
        wrong => shown(&typed.trouble.wrong),
        told => typed.trouble.told.as_deref(),
        done => state.pages.texts().find(member.language, "settings", &format!("done_{done}")),
    };
    let page = state.page(("settings.html", "settings"), member, context)?;
    let is_fine = typed.trouble.wrong.is_empty() && typed.trouble.told.is_none();
    Ok(if is_fine { page } else { page.with_status(StatusCode::BAD_REQUEST) })
}

/// A line of the file in plain words: `channels[0].address` is `Adresse`, of `channels 1`.
fn setting(member: &Member, state: &ConsoleState, ruling: &RulingLine) -> SettingLine {
    let (of, key) = match ruling.key.split_once('[') {
        Some((list, rest)) => {
            let (at, key) = rest.split_once("].").unwrap_or((rest, ""));
            let number = at.parse::<usize>().map_or(0, |at| at + 1);
            let name = state.pages.texts().find(member.language, "settings", &format!("list_{list}")).unwrap_or(list);
            (format!("{name} {number}"), format!("{list}.{key}"))
        }
        None => (String::new(), ruling.key.clone()),
    };
    let words = format!("key_{}", key.replace('.', "_"));
    let label = state.pages.texts().find(member.language, "settings", &words);
    SettingLine { label: label.map_or(key, ToOwned::to_owned), of, value: ruling.value.clone(), line: ruling.line }
}

/// `POST /console/settings/replies`
async fn save_replies(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let replies: Vec<String> = REPLIES.iter().map(|key| form.0.text(key, 2_000)).collect();
    match setup::set_replies(&member.caller, access(&state)?, &member.tenant, &replies).await {
        Ok(()) => saved(&state, "saved").await,
        Err(failure) => {
            let trouble = Trouble::of(&state, member.language, failure)?;
            page(&member, &state, "", Typed { replies: Some(replies), trouble, ..Typed::default() }).await
        }
    }
}

/// `POST /console/settings/handover`
async fn save_handover(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let answers = HandoverAnswers {
        calls_people: fields.is_checked("calls_people"),
        keywords: fields.text("keywords", 1_000),
        on_anger: fields.is_checked("on_anger"),
        after_misses: fields.line("after_misses", 4),
        hand_back_after: fields.line("hand_back_after", 20),
        notify: fields.text("notify", 1_000),
        unread_after: fields.line("unread_after", 20),
    };
    match setup::set_handover(&member.caller, access(&state)?, &member.tenant, &answers).await {
        Ok(()) => saved(&state, "saved").await,
        Err(failure) => {
            let trouble = Trouble::of(&state, member.language, failure)?;
            page(&member, &state, "", Typed { handover: Some(answers), trouble, ..Typed::default() }).await
        }
    }
}

/// `POST /console/settings/undo`: takes the last change back.
async fn undo(member: Member, state: web::Data<ConsoleState>, _form: Form<Fields>) -> Result<Page, ConsoleError> {
    match setup::undo(&member.caller, access(&state)?, &member.tenant).await {
        Ok(()) => saved(&state, "undone").await,
        Err(failure) => {
            let trouble = Trouble::of(&state, member.language, failure)?;
            page(&member, &state, "", Typed { trouble, ..Typed::default() }).await
        }
    }
}

async fn saved(state: &ConsoleState, done: &str) -> Result<Page, ConsoleError> {
    deps(state)?.reload.reload().await;
    Ok(Page::see(&format!("/console/settings?done={done}")))
}
