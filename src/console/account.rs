//! One's own account: name and language, password, second factor, devices.

use actix_web::http::StatusCode;
use actix_web::web;
use minijinja::value::Serde;
use minijinja::{Value, context};
use qrcodegen::{QrCode, QrCodeEcc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::invitation::weakness;
use super::routes::PageRoutes;
use super::session::Hidden;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::ServiceError;
use crate::service::people;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/account", page);
    routes.post("/account", set_profile);
    routes.post("/account/password", change_password);
    routes.post("/account/devices", sign_out_of);
    routes.get("/account/code", enrolment);
    routes.post("/account/code", enable);
    routes.post("/account/code/off", disable);
}

#[derive(Serialize)]
struct Device {
    id: String,
    name: String,
    since: String,
    seen: String,
    is_here: bool,
}

#[derive(Deserialize)]
struct Profile {
    name: String,
    language: String,
}

#[derive(Deserialize)]
struct Passwords {
    present: Hidden,
    password: Hidden,
    again: Hidden,
}

#[derive(Deserialize)]
struct Code {
    code: Hidden,
}

#[derive(Deserialize)]
struct Which {
    /// Empty: all but this one.
    device: String,
}

async fn page(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    shown(&state, &member, None).await
}

/// The page, with what was wrong: in which part of it, and the word of the texts.
async fn shown(state: &ConsoleState, member: &Member, wrong: Option<(&str, &str)>) -> Result<Page, ConsoleError> {
    let devices = people::devices(&state.deps.people, &member.person).await?;
    let (push_key, pushes) = match &state.deps.push {
        Some(push) => (Some(push.public_key().await?), push.count(&member.person).await?),
        None => (None, 0),
    };
    let display = state.display(member);
    let devices: Vec<Device> = devices
        .into_iter()
        .map(|device| Device {
            id: device.id.to_string(),
            name: device.device,
            since: display.moment(device.created_at),
            seen: display.moment(device.seen_at),
            is_here: device.id == member.session,
        })
        .collect();
    let user = &member.person.user;
    let shown = context! {
        name => user.name.as_str(),
        email => user.email.as_str(),
        has_code => user.totp_enabled_at.is_some(),
        codes_left => user.recovery_codes.len(),
        devices => Value::from(Serde(devices)),
        push_key,
        pushes,
        wrong_in => wrong.map(|(part, _)| part.to_owned()),
        wrong => wrong.map(|(_, word)| word.to_owned()),
    };
    let page = state.page(("people/account.html", "account"), member, shown)?;
    Ok(if wrong.is_some() { page.with_status(StatusCode::BAD_REQUEST) } else { page })
}

async fn set_profile(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(profile): Form<Profile>,
) -> Result<Page, ConsoleError> {
    let language = profile.language.parse().map_err(|_| ConsoleError::BadForm)?;
    match people::set_profile(&state.deps.people, &member.person, (&profile.name, language)).await {
        Ok(()) => Ok(Page::see("/console/account")),
        Err(ServiceError::Invalid(_)) => shown(&state, &member, Some(("profile", "name"))).await,
        Err(error) => Err(error.into()),
    }
}

async fn change_password(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(form): Form<Passwords>,
) -> Result<Page, ConsoleError> {
    let wrong = if form.password.0.expose_secret() == form.again.0.expose_secret() {
        let passwords = (&form.present.0, &form.password.0);
        match people::change_password(&state.deps.people, &member.person, passwords).await {
            Ok(()) => return Ok(Page::see("/console/account")),
            Err(ServiceError::Invalid(_)) => "present",
            Err(ServiceError::WeakPassword(why)) => weakness(why),
            Err(error) => return Err(error.into()),
        }
    } else {
        "different"
    };
    shown(&state, &member, Some(("password", wrong))).await
}

async fn sign_out_of(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(which): Form<Which>,
) -> Result<Page, ConsoleError> {
    let device = match which.device.as_str() {
        "" => None,
        id => Some(id.parse::<Uuid>().map_err(|_| ConsoleError::BadForm)?),
    };
    people::sign_out_of(&state.deps.people, &member.person, device).await?;
    Ok(Page::see("/console/account"))
}

async fn enrolment(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    enrolling(&state, &member, None).await
}

async fn enrolling(state: &ConsoleState, member: &Member, wrong: Option<&str>) -> Result<Page, ConsoleError> {
    let enrolment = people::enrol(&state.deps.people, &member.person).await?;
    let (path, size) = qr_code(&enrolment.url).ok_or(ConsoleError::BadForm)?;
    let secret: Vec<String> =
        enrolment.secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
    let shown = context! { path, size, secret => secret.join(" "), wrong, codes => () };
    let page = state.page(("people/code.html", "account"), member, shown)?;
    Ok(if wrong.is_some() { page.with_status(StatusCode::BAD_REQUEST) } else { page })
}

async fn enable(member: Member, state: web::Data<ConsoleState>, Form(form): Form<Code>) -> Result<Page, ConsoleError> {
    match people::enable(&state.deps.people, &member.person, &form.code.0).await {
        Ok(codes) => {
            let shown = context! { codes, wrong => (), path => "", size => 0, secret => "" };
            state.page(("people/code.html", "account"), &member, shown)
        }
        Err(ServiceError::Invalid("code")) => enrolling(&state, &member, Some("wrong")).await,
        Err(error) => Err(error.into()),
    }
}

async fn disable(member: Member, state: web::Data<ConsoleState>, Form(form): Form<Code>) -> Result<Page, ConsoleError> {
    match people::disable_code(&state.deps.people, &member.person, &form.code.0).await {
        Ok(()) => Ok(Page::see("/console/account")),
        Err(ServiceError::Invalid("code")) => shown(&state, &member, Some(("code", "wrong"))).await,
        Err(error) => Err(error.into()),
    }
}

/// The dark squares of a QR code as the path of a drawing, with the quiet zone around them, and its size.
fn qr_code(text: &str) -> Option<(String, i32)> {
    const QUIET: i32 = 4;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let squares = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let path = squares
        .filter(|(x, y)| code.get_module(*x, *y))
        .fold(String::new(), |path, (x, y)| format!("{path}M{},{}h1v1h-1z", x + QUIET, y + QUIET));
    Some((path, code.size() + 2 * QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_a_drawing() {
        let (path, size) = qr_code("otpauth://totp/Palabre:awa@belle.example?secret=ABC").unwrap();
        assert!(size > 25 && path.starts_with("M4,4h1v1h-1z"), "{size} {path}");
        assert!(path.chars().all(|c| c.is_ascii_digit() || "M,hv-z".contains(c)));
    }
}
