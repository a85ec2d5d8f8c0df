//! Summary of a valid configuration, tenant by tenant, for people.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use super::{counted, keys_to, language, scopes, webhook};
use crate::config::{Channel, Config, Loaded, Tenant};
use crate::gateway;

/// Writes it.
pub(super) fn write(Loaded { config, warnings, .. }: &Loaded, out: &mut impl Write) -> io::Result<()> {
    for warning in warnings {
        writeln!(out, "{warning}")?;
    }
    for tenant in &config.tenants {
        write_tenant(tenant, config, out)?;
        writeln!(out)?;
    }
    write_directions(config, out)?;
    let channels: usize = config.tenants.iter().map(|tenant| tenant.channels.len()).sum();
    writeln!(
        out,
        "ok: {}, {}, {}, {}",
        counted(config.tenants.len(), "tenant"),
        counted(channels, "channel"),
        counted(config.api.keys.len(), "API key"),
        counted(warnings.len(), "warning")
    )
}

/// What its phone numbers without `+` mean.
fn numbers(tenant: &Tenant) -> String {
    match tenant.country {
        Some(country) => format!("without + are those of {country}"),
        None => "without + are refused: no `country`, and the time zone is nobody's".to_owned(),
    }
}

fn write_tenant(tenant: &Tenant, config: &Config, out: &mut impl Write) -> io::Result<()> {
    let rules = tenant.rules.source();
    writeln!(out, "{} ({})", tenant.id, tenant.name)?;
    let mut line = |what: &str, value: &str| writeln!(out, "  {what:<9} {value}");
    line("speaks", &format!("{}, in {}", language(tenant), tenant.timezone))?;
    line("numbers", &numbers(tenant))?;
    line(
        "limits",
        &format!(
            "{} sent a second, {} a day; {} automatic answers a minute to one contact",
            tenant.limits.per_second, tenant.limits.per_day, rules.per_contact_per_minute
        ),
    )?;
    line("budget", &budget(tenant))?;
    line(
        "consent",
        if rules.double_opt_in {
            "double opt-in: nothing of its own accord before a contact confirms"
        } else {
            "no double opt-in; silence after STOP"
        },
    )?;
    let (questions, sellers) = (counted(rules.faq.len(), "question"), counted(rules.sellers.len(), "seller"));
    line("knows", &format!("{questions}, {sellers}, {}", counted(rules.templates.len(), "template")))?;
    for template in &rules.templates {
        let channels: Vec<&str> = template.channels.iter().map(|channel| channel.as_str()).collect();
        let only = if channels.is_empty() { String::new() } else { format!(", by {} alone", channels.join(", ")) };
        line("template", &format!("{} ({}){only}", template.name, template.variables.join(", ")))?;
    }
    line("api", &keys(tenant, config))?;
    for channel in &tenant.channels {
        line("channel", &format!("{} · {} · {}", channel.id, channel.provider.name(), channel.address))?;
        line("", &webhook(config, channel))?;
        line("", &manners(channel))?;
    }
    Ok(())
}

fn budget(tenant: &Tenant) -> String {
    let budget = &tenant.budget;
    let sum = |micros: Option<i64>, period: &str| micros.map(|micros| format!("{} a {period}", amount(micros)));
    let sums: Vec<String> =
        [sum(budget.per_day_micros, "day"), sum(budget.per_month_micros, "month")].into_iter().flatten().collect();
    if sums.is_empty() {
        return "none".to_owned();
    }
    let stop = if budget.hard_stop { "then only what is urgent goes" } else { "nothing stops" };
    format!("{}, alert from {:.0} %, {stop}", sums.join(", "), budget.alert_at * 100.0)
}

/// `12`, `12.5`, `0.045`
fn amount(micros: i64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whose keys open the tenant, and for what; never their values.
fn keys(tenant: &Tenant, config: &Config) -> String {
    let keys: Vec<String> =
        keys_to(tenant, config).map(|key| format!("{} ({})", key.name, scopes(key).join(", "))).collect();
    if keys.is_empty() { "no key".to_owned() } else { format!("{}: {}", counted(keys.len(), "key"), keys.join(", ")) }
}

/// How a channel sends, as far as somebody has to know it.
fn manners(channel: &Channel) -> String {
    let (profile, account) = (&channel.profile, &channel.provider);
    let mut manners = vec![match profile.window {
        Some(window) => format!("free text for {} after a contact wrote", hours(window)),
        None => "free text at any time".to_owned(),
    }];
    manners.push(match &profile.fallback {
        Some(fallback) => format!("{fallback} takes over when it fails"),
        None => "no other channel takes over".to_owned(),
    });
    if profile.cost_micros > 0 {
        manners.push(format!("costs {}", amount(profile.cost_micros)));
    }
    if !profile.keep_order {
        manners.push("in any order".to_owned());
    }
    // Where the provider's API usually is goes without saying.
    let usual = gateway::provider(account.name()).and_then(|provider| provider.capabilities().api_base_url);
    if let Some(base) = account.api_base_url.as_deref().filter(|base| usual != Some(base)) {
        manners.push(format!("sends to {base}"));
    }
    if let Some(backup) = &account.backup_api_base_url {
        manners.push(format!("or to {backup}"));
    }
    manners.join(" · ")
}

/// `24h` rather than `1day`, as the configuration has it.
fn hours(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ => humantime::format_duration(time).to_string(),
    }
}

fn write_directions(config: &Config, out: &mut impl Write) -> io::Result<()> {
    if config.tenants.iter().all(|tenant| tenant.channels.is_empty()) {
        return Ok(());
    }
    write!(out, "Paste each URL into the provider's \"when a message comes in\" setting")?;
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    let names: BTreeSet<&str> = channels.map(|channel| channel.provider.name()).collect();
    let suffixes = names.into_iter().filter_map(gateway::provider).filter_map(|provider| provider.webhook_suffix());
    let whys: BTreeSet<&str> = suffixes.map(|(_, why)| why).collect();
    writeln!(out, "{}", if whys.is_empty() { "." } else { ", with what follows the #:" })?;
    for why in whys {
        writeln!(out, "{why}")?;
    }
    if config.http.public_base_url.is_some() {
        writeln!(out, "Status callbacks need no setting: every message names its own.")?;
    } else {
        writeln!(
            out,
            "Set http.public_base_url to see whole URLs here. Without it no message can name where its status"
        )?;
        writeln!(out, "goes: what is sent stays `sent`, delivered or not.")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_as_they_are_written() {
        for (seconds, expected) in [(86_400, "24h"), (90, "1m 30s")] {
            assert_eq!(hours(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn amounts_are_told_without_ado() {
        for (micros, expected) in
            [(0, "0"), (12_000_000, "12"), (12_500_000, "12.5"), (45_000, "0.045"), (1, "0.000001")]
        {
            assert_eq!(amount(micros), expected);
        }
    }
}
