//! What holds in a tenant's file, and is probably not what was meant.

use super::document::Scope;
use super::raw::{RawReplies, RawTenant};

pub(super) fn unlikely(root: &Scope<'_>, raw: &RawTenant) {
    free_budget(root, raw);
    single_braces(root, raw);
    wordless_welcome(root, raw);
    nameless_seller(root, raw);
}

/// Who sells must say on the page who they are.
fn nameless_seller(root: &Scope<'_>, raw: &RawTenant) {
    let is_sold = raw.plans.as_ref().is_some_and(|plans| !plans.is_empty());
    if is_sold && raw.imprint.name.is_none() && !root.is_incomplete("imprint") {
        root.table("imprint").warning(
            "name",
            "`imprint.name` is missing: the pages of the plans do not say who sells".to_owned(),
            "write `[imprint]` with name, address, registration and email: the law asks for it",
        );
    }
}

/// A budget adds up what messages cost, and nothing costs anything.
fn free_budget(root: &Scope<'_>, raw: &RawTenant) {
    let channels = raw.channels.as_deref().unwrap_or_default();
    let limited = [("per_day", raw.budget.per_day), ("per_month", raw.budget.per_month)];
    let Some((key, _)) = limited.into_iter().find(|(_, limit)| limit.is_some()) else { return };
    let budget = root.table("budget");
    let is_doubtful = channels.is_empty()
        || budget.is_reported(key)
        || (0..channels.len()).any(|at| root.is_incomplete(&format!("channels[{at}]")));
    if !is_doubtful && channels.iter().all(|channel| channel.cost.is_none()) {
        let reason = format!("`{}` is never reached: no channel says what a message costs", budget.name(key));
        budget.warning(key, reason, "write `cost` in each `[[channels]]` table, such as `cost = 0.045`");
    }
}

/// `{contact.name}` is sent as it stands.
fn single_braces(root: &Scope<'_>, raw: &RawTenant) {
    let RawReplies {
        fallback,
        seller,
        opt_out,
        opt_in,
        help,
        welcome,
        confirmed,
        menu,
        ask_stop,
        voice,
        picture,
        sign,
        person,
        person_closed,
    } = &raw.replies;
    let replies = [
        ("fallback", fallback),
        ("seller", seller),
        ("opt_out", opt_out),
        ("opt_in", opt_in),
        ("help", help),
        ("welcome", welcome),
        ("confirmed", confirmed),
        ("menu", menu),
        ("ask_stop", ask_stop),
        ("voice", voice),
        ("picture", picture),
        ("sign", sign),
        ("person", person),
        ("person_closed", person_closed),
    ];
    let replies = replies.into_iter().map(|(key, text)| (format!("replies.{key}"), text));
    let faq = raw.faq.iter().flatten().enumerate().map(|(at, entry)| (format!("faq[{at}].answer"), &entry.answer));
    let closed = [("hours.closed_reply".to_owned(), &raw.hours.closed_reply)];
    for (key, text) in replies.chain(faq).chain(closed) {
        if let Some(name) = text.as_deref().and_then(in_single_braces) {
            let reason = format!("`{key}` has `{{{name}}}`, which customers will read as it stands");
            root.warning(&key, reason, &format!("write `{{{{ {name} }}}}`, with two braces on each side"));
        }
    }
}

/// A name with a dot in single braces: `contact.name` of `Merci {contact.name}`.
fn in_single_braces(text: &str) -> Option<&str> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let (name, rest) = after.split_once('}')?;
        let name = name.trim();
        let (object, field) = name.split_once('.')?;
        let is_name =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_single = !before.ends_with('{') && !rest.starts_with('}');
        (is_single && is_name(object) && is_name(field)).then_some(name)
    })
}

/// Whoever is asked to confirm must be told how, and how to refuse.
fn wordless_welcome(root: &Scope<'_>, raw: &RawTenant) {
    let (Some(true), Some(welcome)) = (raw.consent.double_opt_in, raw.replies.welcome.as_deref()) else { return };
    let lowered = welcome.to_lowercase();
    let names = |words: &[&str]| lowered.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word));
    let missing = match (names(&["oui", "yes", "ok", "start"]), names(&["stop"])) {
        (true, true) => return,
        (false, true) => "no word to confirm with",
        (true, false) => "no STOP",
        (false, false) => "neither OUI nor STOP",
    };
    let reason = format!("`replies.welcome` names {missing}: who reads it does not know what to answer");
    root.warning(
        "replies.welcome",
        reason,
        "end it like `Répondez OUI pour recevoir nos messages, STOP pour ne plus rien recevoir.`",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_single_braces_are_seen() {
        for (text, expected) in [
            ("Merci {contact.name}", Some("contact.name")),
            ("Merci { contact.name } !", Some("contact.name")),
            ("{{ contact.name }} {tenant.name}", Some("tenant.name")),
            ("Merci {{ contact.name }}", None),
            ("Merci {{contact.name}}", None),
            ("{% if contact.name %}a{% endif %}", None),
            ("{ouvert}", None),
            ("a { b", None),
            ("{1.5}", None),
            ("", None),
        ] {
            assert_eq!(in_single_braces(text), expected, "{text}");
        }
    }
}
