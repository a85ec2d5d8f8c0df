//! Parses addresses as people and providers write them into the form that the tables hold.

use super::identity::strip_trunk;
use super::national::{HomeCountry, international};
use super::{Address, AddressError, Scheme, Unnamed};

/// Longer than any address: RFC 5321 allows an e-mail 254 characters.
const LONGEST_BYTES: usize = 512;
/// E.164.
const MOST_DIGITS: usize = 15;
/// The shortest international numbers in use, country code included.
const FEWEST_DIGITS: usize = 8;

pub(super) fn parse(hint: Scheme, text: &str, home: Option<HomeCountry>) -> Result<Address, AddressError> {
    if text.len() > LONGEST_BYTES {
        return Err(AddressError::TooLong);
    }
    let (scheme, path) = split(hint, text.trim_matches(is_blank));
    let path = path.trim_matches(is_blank);
    if path.is_empty() {
        return Err(AddressError::Empty);
    }
    match scheme {
        Scheme::Telegram => telegram(path),
        Scheme::Mailto => mail(path),
        Scheme::Sandbox => sandbox(path),
        Scheme::Whatsapp => match business_scoped(path).or_else(|| private_chat(path)) {
            Some(address) => Ok(address),
            None => phone(scheme, path, home),
        },
        Scheme::Sms => match sms_sender(path) {
            Some(address) => Ok(address),
            None => phone(scheme, path, home),
        },
    }
}

pub(super) fn written(text: &str, unnamed: Unnamed, home: Option<HomeCountry>) -> Result<Address, AddressError> {
    let text = tidied(text);
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let named = scheme_written(text)?;
    let hint = match (named, unnamed) {
        (Some(named), Unnamed::Only(scheme)) if named != scheme => return Err(AddressError::OtherScheme),
        (Some(scheme), _) | (None, Unnamed::Phone(scheme) | Unnamed::Only(scheme)) => scheme,
        (None, Unnamed::Refused) => return Err(AddressError::NoScheme),
    };
    let only_phones = named.is_none() && matches!(unnamed, Unnamed::Phone(_));
    match parse(hint, text, home) {
        // A short code, a name, an e-mail address: of which kind of account?
        Ok(address) if only_phones && !address.is_phone() => Err(AddressError::NoScheme),
        Err(AddressError::BadPhone) if only_phones && text.contains(char::is_alphabetic) => Err(AddressError::NoScheme),
        read => read,
    }
}

pub(super) fn scheme_written(text: &str) -> Result<Option<Scheme>, AddressError> {
    match text.split_once(':') {
        Some((before, _)) if before.eq_ignore_ascii_case("tel") => Ok(None),
        Some((before, _)) => scheme_of(before).map(Some).ok_or(AddressError::UnknownScheme),
        None => Ok(None),
    }
}

fn scheme_of(word: &str) -> Option<Scheme> {
    Scheme::ALL.iter().copied().find(|scheme| word.eq_ignore_ascii_case(scheme.as_str()))
}

fn split(hint: Scheme, text: &str) -> (Scheme, &str) {
    let Some((before, path)) = text.split_once(':') else {
        return (hint, text);
    };
    if before.eq_ignore_ascii_case("tel") {
        return (hint, path);
    }
    scheme_of(before).map_or((hint, text), |scheme| (scheme, path))
}

/// White space, and the invisible marks that address books put around numbers.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn telegram(path: &str) -> Result<Address, AddressError> {
    match path.parse::<i64>() {
        Ok(id) if id != 0 => Ok(Address::new(Scheme::Telegram, &id.to_string())),
        _ => Err(AddressError::BadTelegramId),
    }
}

fn mail(path: &str) -> Result<Address, AddressError> {
    let forbidden = |c: char| is_blank(c) || c.is_control() || "()<>[]\\,;:\"".contains(c);
    let lower = path.to_lowercase();
    match lower.split_once('@') {
        Some((local, domain))
            if (1..=64).contains(&local.len())
                && !domain.contains('@')
                && !domain.is_empty()
                && domain.split('.').all(|label| !label.is_empty())
                && lower.len() <= 254
                && !lower.contains(forbidden) =>
        {
            Ok(Address::new(Scheme::Mailto, &lower))
        }
        _ => Err(AddressError::BadMail),
    }
}

/// `belle`, `belle/anna`
fn sandbox(path: &str) -> Result<Address, AddressError> {
    let is_name = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let fits = match path.split_once('/') {
        Some((sandbox, customer)) => is_name(sandbox) && is_name(customer),
        None => is_name(path),
    };
    if fits { Ok(Address::new(Scheme::Sandbox, &path.to_ascii_lowercase())) } else { Err(AddressError::BadSandboxName) }
}

/// `US.1234`: a country and what Meta made up for the user.
fn business_scoped(path: &str) -> Option<Address> {
    let (country, id) = path.split_once('.')?;
    let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
    let is_id = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (is_country && is_id).then(|| Address::new(Scheme::Whatsapp, &format!("{}.{id}", country.to_ascii_uppercase())))
}

/// `123456789012345@lid`, which WhatsApp shows instead of a number that its owner hides, and `120363000000000000@g.us`, a group.
fn private_chat(path: &str) -> Option<Address> {
    let (id, kind) = path.split_once('@')?;
    let is_id = (5..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let kind = ["lid", "g.us"].into_iter().find(|known| kind.eq_ignore_ascii_case(known))?;
    is_id.then(|| Address::new(Scheme::Whatsapp, &format!("{id}@{kind}")))
}

/// A short code, or a sender that is a name: at most 11 characters of the GSM alphabet, with a letter (3GPP TS 23.040, 9.1.2.5).
/// Its case stays: it is what phones show.
fn sms_sender(path: &str) -> Option<Address> {
    let is_short_code = (3..FEWEST_DIGITS).contains(&path.len()) && path.bytes().all(|b| b.is_ascii_digit());
    let is_name =
        path.chars().count() <= 11 && path.chars().any(char::is_alphabetic) && path.chars().all(is_in_gsm_alphabet);
    (is_short_code || is_name).then(|| Address::new(Scheme::Sms, path))
}

/// The default alphabet and its extension (3GPP TS 23.038, 6.2.1), without line breaks.
fn is_in_gsm_alphabet(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || " @_!\"#$%&'()*+,-./:;<=>?^{}\\[~]|".contains(c)
        || "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€".contains(c)
}

/// An address that no scheme's form fits, as a provider gave it: at most 128 characters, none of them invisible.
pub(super) fn unusual(scheme: Scheme, text: &str) -> Option<Address> {
    let shown: String = text
        .trim_matches(is_blank)
        .chars()
        .filter(|c| !c.is_control() && (*c == ' ' || !is_blank(*c)))
        .take(128)
        .collect();
    (!shown.is_empty()).then(|| Address::new(scheme, &shown))
}

/// Without the white space and the invisible marks around it.
pub(super) fn tidied(text: &str) -> &str {
    text.trim_matches(is_blank)
}

fn phone(scheme: Scheme, path: &str, home: Option<HomeCountry>) -> Result<Address, AddressError> {
    let mut number = bare(path)?;
    // No country code begins with 0: a + before it is one too many.
    if let Some(international) = number.strip_prefix("00").or_else(|| number.strip_prefix("+00")) {
        number = format!("+{international}");
    }
    // `+33 (0)6 …`: people like to keep the trunk prefix, which nobody can dial behind the country code.
    let without_trunk = number.strip_prefix('+').and_then(strip_trunk).map(|digits| format!("+{digits}"));
    let number = without_trunk.filter(|number| is_clean(number)).unwrap_or(number);
    if is_clean(&number) {
        return Ok(Address::new(scheme, &number));
    }
    if number.starts_with('+') {
        return Err(AddressError::BadPhone);
    }
    let home = home.ok_or(AddressError::CountryUnknown)?;
    let number = international(&number, home).filter(|number| is_clean(number)).ok_or(AddressError::NotNational)?;
    Ok(Address::new(scheme, &number))
}

/// Digits, with a `+` before them if there was one; what people put between them falls away.
fn bare(path: &str) -> Result<String, AddressError> {
    let mut number = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '+' | '＋' if number.is_empty() => number.push('+'),
            '0'..='9' => number.push(c),
            // Full-width, Arabic and Persian digits.
            '０'..='９' | '٠'..='٩' | '۰'..='۹' => number.push(char::from(b'0' + (c as u32 & 0xF) as u8)),
            '.' | '/' | '(' | ')' | '-' | '\u{2010}'..='\u{2015}' => {}
            c if is_blank(c) => {}
            _ => return Err(AddressError::BadPhone),
        }
        if number.len() > MOST_DIGITS + 5 {
            return Err(AddressError::BadPhone);
        }
    }
    Ok(number)
}

/// `+` and 8 to 15 digits, the first of which is not 0. Such a number is taken as it stands: providers send nothing else.
fn is_clean(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}
