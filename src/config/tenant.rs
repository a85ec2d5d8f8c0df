//! Validation of `tenants/*.toml`.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use figment::value::Dict;
use palabre_actors::domain::address::{HomeCountry, Scheme, Unnamed};
use palabre_actors::domain::budget::BudgetPolicy;
use palabre_actors::domain::channel::ChannelTemplate;
use palabre_actors::domain::consent::Keywords;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::{BotText, ExtraKeywords, Language, Replies, RuleError, Rules, RulesSource};
use palabre_actors::domain::template::Template;

use super::assistant::{assistant, with_assistant};
use super::busy::calendars;
use super::channel::{Checked, Reading, channel};
use super::country::country;
use super::crm::crm;
use super::document::Scope;
use super::doubts::unlikely;
use super::escalation::{doubts, escalation};
use super::faq::{doubts as doubts_of_faq, faq};
use super::fields::{
    address, amount, choice, decimal, duration, duration_up_to, number, or_default, quoted, settled, slug, text,
};
use super::flows;
use super::hours::hours;
use super::imprint::imprint;
use super::journal::journal;
use super::loops::loops;
use super::masking::masked;
use super::raw::{RawBudget, RawKeywords, RawSession, RawTenant};
use super::suggest;
use super::template::templates;
use super::types::{Channel, Limits, Sales, Tenant};
use super::webhooks::webhooks;
use super::{fallback, media, paid_access};

/// Defaults of a tenant's file; `docs/configuration.md` lists them.
const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
const LIVE_SESSION_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
const PER_SECOND: u32 = 10;
const PER_CONTACT_PER_MINUTE: u32 = 5;
const PER_DAY: u32 = 1000;
const WEIGHT: u32 = 1;
const ALERT_AT: f64 = 0.8;
const DEFERRED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LONGEST_DEFERRAL: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const TIMEZONE: chrono_tz::Tz = chrono_tz::UTC;

/// What the tenant is called. `None`: something was reported.
pub(super) fn id(root: &Scope<'_>, raw: &RawTenant) -> Option<TenantId> {
    root.required("id", raw.id.as_deref(), "name the tenant, such as `id = \"institut-belle\"`")
        .and_then(|raw| slug(root, "id", raw))
        .map(TenantId::new)
}

/// The sender accounts, each in its place, whether it holds or not.
pub(super) fn channels(
    root: &Scope<'_>,
    (raw, own): (&RawTenant, Vec<Dict>),
    tenant: Option<&TenantId>,
    reading: Reading<'_>,
) -> Vec<Checked> {
    let limits = &raw.limits;
    let raw = raw.channels.as_deref().unwrap_or_default();
    if raw.is_empty() {
        root.required("channels", None::<()>, "add a `[[channels]]` table: without one nobody can write");
    }
    raw.iter()
        .zip(own.into_iter().chain(std::iter::repeat_with(Dict::new)))
        .enumerate()
        .map(|(index, channel_of)| channel(&root.element("channels", index), channel_of, (tenant, limits), reading))
        .collect()
}

/// One business, with the id and the channels that were made already. `None`: something was reported.
pub(super) fn tenant(
    root: &Scope<'_>,
    raw: &RawTenant,
    id: Option<TenantId>,
    channels: Vec<Checked>,
    reading: Reading<'_>,
) -> Option<Tenant> {
    let name = match raw.name.as_deref() {
        Some(name) => text(root, "name", name).map(ToOwned::to_owned),
        None => id.as_ref().map(|id| id.as_str().to_owned()),
    };
    let timezone = raw.timezone.as_deref().map_or(Some(TIMEZONE), |raw| timezone(root, raw));
    let country = country(root, raw.country.as_deref(), timezone);
    let home = country.flatten();
    let limits = root.table("limits");
    let limit = |key: &str, raw: Option<i64>, default: u32| -> Option<u32> {
        or_default(raw, default, |raw| number(&limits, key, raw, 1..=i64::from(u32::MAX)))
    };
    let weight = or_default(raw.limits.weight, WEIGHT, |raw| number(&limits, "weight", raw, 1..=100));
    let per_second = limit("per_second", raw.limits.per_second, PER_SECOND);
    let per_day = limit("per_day", raw.limits.per_day, PER_DAY);
    let per_contact = limit("per_contact_per_minute", raw.limits.per_contact_per_minute, PER_CONTACT_PER_MINUTE);
    let budget = budget(&root.table("budget"), &raw.budget);
    let outbox = root.table("outbox");
    let deferred_for = or_default(raw.outbox.deferred_for.as_ref(), DEFERRED_FOR, |raw| {
        duration_up_to(&outbox, "deferred_for", raw, LONGEST_DEFERRAL)
    });
    let rules = rules(root, (raw, &channels, reading), (id.as_ref(), name.as_deref(), home), per_contact);
    let hours = hours(&root.table("hours"), &raw.hours);
    let escalation = escalation(root, raw, home);
    let assistant = assistant(root, raw.assistant.as_ref(), reading.secrets);
    let has_a_way_out = fallback::check(root, raw);
    fallback::doubts(root, raw, &channels);
    silence(root, raw);
    unlikely(root, raw);
    let stripe_account = paid_access::account(&root.table("stripe"), &raw.stripe);
    let plans = paid_access::plans(root, raw.plans.as_deref(), &channels);
    let imprint = imprint(&root.table("imprint"), &raw.imprint);
    let journal = journal(&root.table("journal"), raw.journal.as_ref(), reading.secrets.folder);
    let webhooks = webhooks(root, raw, reading.secrets);
    let crm = crm(&root.table("crm"), raw.crm.as_ref(), reading.secrets, reading.secrets.folder);
    let calendars = calendars(root, raw, reading.secrets);
    let media = media::of_tenant(&root.table("media"), &raw.media);
    let (rules, hours) = (rules?, hours?);
    let (escalation, notify) = escalation?;
    let assistant = assistant?;
    let around = flows::Surroundings {
        hours: &hours,
        zone: timezone?,
        home,
        english: rules.source().language == Language::En,
        tenant_name: name.as_deref().unwrap_or_default(),
        folder: reading.secrets.folder,
        files: reading.secrets.files,
        templates: rules.source().templates.iter().map(|template| template.name.as_str()).collect(),
    };
    let flows = flows::flows(root, raw, &around, root.problems())?;
    let rules = rules.with_hours(hours, timezone?).with_escalation(escalation);
    let rules = with_assistant(rules, assistant.as_ref());
    let rules = match flows {
        Some(flows) => rules.with_flows(flows),
        None => rules,
    };
    let carriers = carriers_of_templates(&channels);
    let mut channels: Vec<Channel> = channels.into_iter().map(|channel| channel.whole).collect::<Option<_>>()?;
    know_templates(&mut channels, &rules.source().templates, &carriers);
    doubts(root, &notify, &channels);
    let tenant = Tenant {
        id: id?,
        name: name?,
        timezone: timezone?,
        country: country?,
        channels,
        limits: Limits { weight: weight?, per_second: per_second?, per_day: per_day? },
        budget: budget?,
        deferred_for: deferred_for?,
        notify,
        faq_places: (0..rules.source().faq.len()).map(|at| root.element("faq", at).place("question")).collect(),
        rules: Arc::new(rules),
        assistant,
        access: Sales { stripe_account: stripe_account?, plans: plans?, imprint: imprint? },
        journal: journal?,
        webhooks: webhooks?,
        crm: crm?,
        calendars: calendars?,
        media: media?,
    };
    has_a_way_out.then_some(tenant)
}

/// Channels whose provider has templates.
fn carriers_of_templates(channels: &[Checked]) -> HashSet<ChannelId> {
    let with = |channel: &&Checked| channel.provider.is_some_and(|provider| provider.capabilities().templates);
    channels.iter().filter(with).filter_map(|channel| channel.id.clone()).collect()
}

/// Which of the tenant's templates each channel's provider knows.
fn know_templates(channels: &mut [Channel], templates: &[Template], carriers: &HashSet<ChannelId>) {
    for channel in channels.iter_mut().filter(|channel| carriers.contains(&channel.id)) {
        let known = templates.iter().filter(|template| template.is_for(&channel.id));
        Arc::make_mut(&mut channel.profile).templates = known
            .map(|template| {
                let (content_id, variable_names) = (template.content_id.clone(), template.variables.clone());
                (template.name.clone(), ChannelTemplate { content_id, variable_names })
            })
            .collect();
    }
}

/// Whoever writes to this tenant gets no answer: that may be meant, but seldom is.
fn silence(root: &Scope<'_>, raw: &RawTenant) {
    // A misspelt key may be the one that is missed.
    let doubtful = root.is_incomplete("") || root.is_incomplete("replies");
    if raw.faq.as_deref().unwrap_or_default().is_empty() && raw.replies.fallback.is_none() && !doubtful {
        let reason = "neither `faq` nor `replies.fallback`: whoever writes gets no answer".to_owned();
        root.warning("replies.fallback", reason, "write a fallback, unless people answer everything");
    }
}

fn budget(scope: &Scope<'_>, raw: &RawBudget) -> Option<BudgetPolicy> {
    let sum = |key: &str, raw: Option<f64>| settled(raw.map(|raw| amount(scope, key, raw)));
    let (per_day, per_month) = (sum("per_day", raw.per_day), sum("per_month", raw.per_month));
    let alert_at = or_default(raw.alert_at, ALERT_AT, |raw| decimal(scope, "alert_at", raw, 0.0..=1.0));
    let hard_stop = raw.hard_stop.unwrap_or(false);
    // A misspelt `per_day` was reported as such.
    if hard_stop && raw.per_day.is_none() && raw.per_month.is_none() && !scope.is_incomplete("") {
        let help = "set `per_day` or `per_month` beside it";
        scope.warning("hard_stop", format!("`{}` stops nothing without a budget", scope.name("hard_stop")), help);
    }
    Some(BudgetPolicy { per_day_micros: per_day?, per_month_micros: per_month?, alert_at: alert_at?, hard_stop })
}

fn timezone(root: &Scope<'_>, raw: &str) -> Option<chrono_tz::Tz> {
    let zone = chrono_tz::Tz::from_str(raw).ok();
    if zone.is_none() {
        let zones = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let help = suggest::closest(raw, zones).map_or_else(
            || "use a name of the IANA database, such as `Europe/Paris`".to_owned(),
            |zone| format!("did you mean `{zone}`?"),
        );
        root.error("timezone", format!("there is no time zone {}", quoted(raw)), &help);
    }
    zone
}

fn rules(
    root: &Scope<'_>,
    (raw, channels, reading): (&RawTenant, &[Checked], Reading<'_>),
    (id, name, home): (Option<&TenantId>, Option<&str>, Option<HomeCountry>),
    per_contact_per_minute: Option<u32>,
) -> Option<Rules> {
    let languages = [("fr", Language::Fr), ("en", Language::En)];
    let language = raw.language.as_deref();
    let language = language.map_or(Some(Language::default()), |raw| choice(root, "language", raw, &languages));
    let sellers = sellers(root, raw.sellers.as_deref(), home);
    let session_idle = idle(&root.table("session"), &raw.session, SESSION_IDLE);
    let live_session_idle = idle(&root.table("live_session"), &raw.live_session, LIVE_SESSION_IDLE);
    let loops = loops(&root.table("loops"), &raw.loops);
    let faq = faq(root, raw.faq.as_deref().unwrap_or_default());
    doubts_of_faq(root, &faq.entries, &Keywords::new(&extra_keywords(&raw.keywords), &mut Vec::new()));
    let ids: Vec<&str> = raw.channels.iter().flatten().filter_map(|channel| channel.id.as_deref()).collect();
    let own_language = language.unwrap_or_default().as_str();
    let raw_templates = raw.templates.as_deref().unwrap_or_default();
    let templates = templates(root, raw_templates, (&ids, channels, reading.secrets), own_language);
    let replies = Replies {
        fallback: raw.replies.fallback.clone(),
        seller: raw.replies.seller.clone(),
        opt_out: raw.replies.opt_out.clone(),
        opt_in: raw.replies.opt_in.clone(),
        help: raw.replies.help.clone(),
        welcome: raw.replies.welcome.clone(),
        confirmed: raw.replies.confirmed.clone(),
        bot: bot_texts(raw),
    };
    // Texts are checked even when something else is wrong: whatever is missing is stood in for.
    let checked = Rules::new(RulesSource {
        tenant: id.cloned().unwrap_or_else(|| TenantId::new("tenant")),
        tenant_name: name.unwrap_or_default().to_owned(),
        language: language.unwrap_or_default(),
        sellers: sellers.clone().unwrap_or_default(),
        double_opt_in: raw.consent.double_opt_in.unwrap_or(false),
        templates: templates.all,
        faq: faq.entries,
        replies,
        keywords: extra_keywords(&raw.keywords),
        longest_text: longest_text(channels),
        per_contact_per_minute: per_contact_per_minute.unwrap_or(PER_CONTACT_PER_MINUTE),
        loops: loops.clone().unwrap_or_default(),
        session_idle: session_idle.unwrap_or(SESSION_IDLE),
        live_session_idle: live_session_idle.unwrap_or(LIVE_SESSION_IDLE),
    });
    let rules = checked.map_err(|errors| {
        for error in errors {
            rule_error(root, &error);
        }
    });
    // What was reported above must not be taken for valid because it was stood in for.
    id?;
    name?;
    language?;
    sellers?;
    session_idle?;
    live_session_idle?;
    loops?;
    per_contact_per_minute?;
    rules.ok().filter(|_| faq.valid && templates.valid)
}

/// The tenant's words for what the bot says of itself.
fn bot_texts(raw: &RawTenant) -> Vec<(BotText, String)> {
    let replies = &raw.replies;
    let own = [
        (BotText::Menu, &replies.menu),
        (BotText::AskStop, &replies.ask_stop),
        (BotText::Voice, &replies.voice),
        (BotText::Picture, &replies.picture),
        (BotText::Sign, &replies.sign),
        (BotText::Person, &replies.person),
        (BotText::PersonClosed, &replies.person_closed),
        (BotText::Closed, &raw.hours.closed_reply),
    ];
    own.into_iter().filter_map(|(text, own)| Some((text, own.clone()?))).collect()
}

/// What every channel of the tenant carries.
fn longest_text(channels: &[Checked]) -> usize {
    let carried = channels.iter().filter_map(|channel| Some(channel.provider?.capabilities().longest_text));
    carried.min().unwrap_or(usize::MAX)
}

/// Who they are, whichever kind of account they write from.
fn sellers(root: &Scope<'_>, raw: Option<&[String]>, home: Option<HomeCountry>) -> Option<HashSet<String>> {
    let mut sellers = HashSet::new();
    let mut valid = true;
    for (index, raw) in raw.unwrap_or_default().iter().enumerate() {
        let key = format!("sellers[{index}]");
        match address(root, &key, raw, (Unnamed::Phone(Scheme::Whatsapp), home)) {
            None => valid = false,
            Some(seller) => {
                if !sellers.insert(seller.identity().as_str().to_owned()) {
                    root.warning(&key, format!("`{}` stands here twice", root.name(&key)), "");
                }
            }
        }
    }
    valid.then_some(sellers)
}

fn idle(scope: &Scope<'_>, raw: &RawSession, default: Duration) -> Option<Duration> {
    raw.idle_after.as_ref().map_or(Some(default), |raw| duration(scope, "idle_after", raw))
}

/// The domain's complaint about a text or a word, unless what it stumbled over was reported already.
fn rule_error(root: &Scope<'_>, error: &RuleError) {
    if root.is_reported(&error.field) {
        return;
    }
    let (reason, help) = error.message.split_once("; ").unwrap_or((&error.message, ""));
    let reason = if reason.starts_with("line ") { format!("does not hold: {reason}") } else { reason.to_owned() };
    root.wrong(&error.field, &masked(&reason), &masked(help));
}

fn extra_keywords(raw: &RawKeywords) -> ExtraKeywords {
    ExtraKeywords {
        stop: raw.stop.clone().unwrap_or_default(),
        start: raw.start.clone().unwrap_or_default(),
        help: raw.help.clone().unwrap_or_default(),
    }
}
