//! Validation of `[[services]]`, `[booking]`, `[[flows]]`, and of the files that hold a flow.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{NaiveTime, TimeDelta, Timelike, Weekday};
use palabre_actors::domain::address::{HomeCountry, Scheme, Unnamed};
use palabre_actors::domain::booking::Service;
use palabre_actors::domain::flow::answers::AnswerKind;
use palabre_actors::domain::flow::{
    BookingTemplates, FlowError, FlowSource, Flows, FlowsSource, OnChange, OptionSource, StepKind, StepSource, built_in,
};
use palabre_actors::domain::hours::Hours;
use palabre_actors::domain::offer::Driver;
use palabre_actors::domain::party::MOST_PLACES;
use palabre_actors::domain::slots::BookingPolicy;

use super::document::{Document, Scope};
use super::fields::{address, choice, duration, number, or_default, quoted, settled, slug};
use super::files_read::FilesRead;
use super::problem::Problems;
use super::raw::{RawDuration, RawTenant};
use super::raw_flows::{RawBooking, RawDriver, RawFlow, RawOption, RawService, RawStep};
use super::rides::fares;
use super::source::Source;
use super::suggest;

/// A flow waits for its customer as long as this, unless it says otherwise.
const TIMEOUT: TimeDelta = TimeDelta::hours(2);
/// Misses in a row that bring a person, unless the flow says otherwise.
const ATTEMPTS: u32 = 2;

/// What flows need of the rest of a tenant.
pub(super) struct Surroundings<'a> {
    pub(super) hours: &'a Hours,
    pub(super) zone: chrono_tz::Tz,
    pub(super) home: Option<HomeCountry>,
    pub(super) english: bool,
    pub(super) tenant_name: &'a str,
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    /// Notes each file.
    pub(super) files: &'a FilesRead,
    /// The tenant's templates.
    pub(super) templates: Vec<&'a str>,
}

/// The tenant's flows. `None`: something was reported. `Some(None)`: it has none.
pub(super) fn flows(
    root: &Scope<'_>,
    raw: &RawTenant,
    around: &Surroundings<'_>,
    problems: &Problems,
) -> Option<Option<Flows>> {
    let raw_flows = raw.flows.as_deref().unwrap_or_default();
    let services: Option<Vec<Service>> = raw
        .services
        .iter()
        .flatten()
        .enumerate()
        .map(|(at, raw)| service(&root.element("services", at), raw))
        .collect();
    let drivers: Option<Vec<Driver>> = raw
        .drivers
        .iter()
        .flatten()
        .enumerate()
        .map(|(at, raw)| driver(&root.element("drivers", at), raw, around.home))
        .collect();
    let fares = fares(&root.table("rides"), &raw.rides);
    let booking = policy(&root.table("booking"), &raw.booking, around);
    let read: Vec<Option<ReadFlow<'_>>> =
        raw_flows.iter().enumerate().map(|(at, raw)| flow(&root.element("flows", at), raw, around, problems)).collect();
    if raw_flows.is_empty() {
        if raw.services.as_ref().is_some_and(|services| !services.is_empty()) {
            let reason = "`services` can be booked by nobody: there is no flow that books".to_owned();
            root.warning("services", reason, "add `[[flows]]` with `use = \"booking\"`");
        }
        return booking.and(services).and(drivers).and(fares).map(|_| None);
    }
    let read: Vec<ReadFlow<'_>> = read.into_iter().collect::<Option<_>>()?;
    let (policy, templates) = booking?;
    let source = FlowsSource {
        flows: read.iter().map(|read| read.source.clone()).collect(),
        services: services?,
        policy,
        hours: around.hours.clone(),
        zone: around.zone,
        english: around.english,
        tenant_name: around.tenant_name.to_owned(),
        texts: raw.flow_texts.clone(),
        templates,
        drivers: drivers?,
        fares: fares?,
    };
    match Flows::new(source) {
        Ok(flows) => Some(Some(flows)),
        Err(errors) => {
            errors.iter().for_each(|error| complain(root, &read, error));
            None
        }
    }
}

/// A flow as it was read, and what its file is, if it has one.
struct ReadFlow<'a> {
    source: FlowSource,
    scope: Scope<'a>,
    file: Option<Document>,
}

fn complain(root: &Scope<'_>, read: &[ReadFlow<'_>], error: &FlowError) {
    let (reason, help) = error.message.split_once("; ").unwrap_or((&error.message, ""));
    let Some(flow) = error.flow.and_then(|at| read.get(at)) else {
        let key =
            error.field.strip_prefix("texts.").map_or_else(|| error.field.clone(), |key| format!("flow_texts.{key}"));
        return root.wrong(&key, reason, help);
    };
    let within = |scope: &Scope<'_>| {
        let scope = error.step.map_or_else(|| scope.clone(), |step| scope.element("steps", step));
        // A key that is left out has no place: its table has.
        scope.wrong(&error.field, reason, help);
    };
    match &flow.file {
        Some(document) => within(&Scope::root(document, root.problems())),
        None => within(&flow.scope),
    }
}

fn time(scope: &Scope<'_>, key: &str, raw: &RawDuration) -> Option<TimeDelta> {
    TimeDelta::from_std(duration(scope, key, raw)?).ok()
}

fn service(scope: &Scope<'_>, raw: &RawService) -> Option<Service> {
    let name = scope.required("name", raw.name.as_deref(), "what customers call it");
    let id = match raw.id.as_deref() {
        Some(id) => slug(scope, "id", id).map(str::to_owned),
        None => scope.required("id", None::<String>, "such as `id = \"manucure\"`"),
    };
    let help = "how long it takes, such as `duration = \"45m\"`";
    let taken = scope.required("duration", raw.duration.as_ref(), help).and_then(|raw| time(scope, "duration", raw));
    let buffer = or_default(raw.buffer.as_ref(), TimeDelta::zero(), |raw| time(scope, "buffer", raw));
    let capacity = or_default(raw.capacity, 1, |raw| number(scope, "capacity", raw, 1..=i64::from(MOST_PLACES)));
    let times = raw.times.iter().flatten().enumerate().map(|(at, text)| {
        let time = time_of_week(text);
        if time.is_none() {
            let reason = format!("cannot be {}", quoted(text));
            scope.wrong(&format!("times[{at}]"), &reason, "write day and time like `tue 18:30`");
        }
        time
    });
    let times: Option<Vec<_>> = times.collect();
    let mut service = Service::new(id?, name?.to_owned(), taken?);
    service.buffer = buffer?;
    service.capacity = capacity?;
    service.times = times?;
    service.price.clone_from(&raw.price);
    service.resources = raw.resources.clone().unwrap_or_default();
    service.words = raw.words.clone().unwrap_or_default();
    Some(service)
}

/// `tue 18:30`
fn time_of_week(text: &str) -> Option<(Weekday, NaiveTime)> {
    let (day, time) = text.trim().split_once(' ')?;
    let time: NaiveTime = time.trim().parse().ok()?;
    Some((day.parse().ok()?, time)).filter(|(_, time)| time.minute().is_multiple_of(5))
}

fn driver(scope: &Scope<'_>, raw: &RawDriver, home: Option<HomeCountry>) -> Option<Driver> {
    let name = scope.required("name", raw.name.as_deref(), "what customers read");
    let help = "where they get offers, such as `address = \"+224620000001\"`";
    let written = scope.required("address", raw.address.as_deref(), help)?;
    let address = address(scope, "address", written, (Unnamed::Phone(Scheme::Whatsapp), home))?;
    let phone = raw.phone.clone().or_else(|| address.is_phone().then(|| address.path().to_owned()));
    Some(Driver {
        name: name?.to_owned(),
        person: address.identity(),
        phone: phone.unwrap_or_default(),
        car: raw.car.clone().unwrap_or_default(),
        plate: raw.plate.clone().unwrap_or_default(),
        rating: raw.rating.clone().unwrap_or_default(),
        seats: settled(raw.seats.map(|raw| number(scope, "seats", raw, 1..=99)))?,
    })
}

fn policy(scope: &Scope<'_>, raw: &RawBooking, around: &Surroundings<'_>) -> Option<(BookingPolicy, BookingTemplates)> {
    let default = BookingPolicy::default();
    let or = |key: &str, raw: Option<&RawDuration>, default| or_default(raw, default, |raw| time(scope, key, raw));
    let lead_time = or("lead_time", raw.lead_time.as_ref(), default.lead_time);
    let furthest = or("furthest", raw.furthest.as_ref(), default.furthest);
    let hold = or("hold", raw.hold.as_ref(), default.hold);
    let waiting_hold = or("waiting_hold", raw.waiting_hold.as_ref(), default.waiting_hold);
    let every = or("every", raw.every.as_ref(), default.every).filter(|every| {
        let holds = every.num_minutes() >= 5 && every.num_minutes() % 5 == 0;
        if !holds {
            scope.wrong("every", "must be a multiple of five minutes", "");
        }
        holds
    });
    let template = |key: &str, raw: &Option<String>| {
        let Some(name) = raw.as_deref() else { return Some(None) };
        let known = around.templates.contains(&name);
        if !known {
            let help = suggest::help(name, &around.templates);
            scope.wrong(key, &format!("names no template of this tenant: {}", quoted(name)), &help);
        }
        known.then(|| Some(name.to_owned()))
    };
    let reminder = template("reminder_template", &raw.reminder_template);
    let booked = template("booked_template", &raw.booked_template);
    let moved = template("moved_template", &raw.moved_template);
    let cancelled = template("cancelled_template", &raw.cancelled_template);
    let waiting = template("waiting_template", &raw.waiting_template);
    let (lead_time, furthest, every, hold) = (lead_time?, furthest?, every?, hold?);
    let policy = BookingPolicy { lead_time, furthest, every, hold, waiting_hold: waiting_hold? };
    let (reminder, booked, moved) = (reminder?, booked?, moved?);
    let templates = BookingTemplates { reminder, booked, moved, cancelled: cancelled?, waiting: waiting? };
    Some((policy, templates))
}

fn flow<'a>(scope: &Scope<'a>, raw: &RawFlow, around: &Surroundings<'_>, problems: &Problems) -> Option<ReadFlow<'a>> {
    let given = [raw.built_in.is_some(), raw.file.is_some(), raw.steps.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        let help = format!("write one of them; built-in flows are {}", suggest::list(&built_in::NAMES));
        scope.wrong("", "has to have `use`, `file` or `steps`", &help);
        return None;
    }
    let (mut source, file) = match (&raw.built_in, &raw.file) {
        (Some(name), _) => {
            let Some(flow) = built_in::flow(name, around.english) else {
                scope.wrong("use", &format!("cannot be {}", quoted(name)), &suggest::help(name, &built_in::NAMES));
                return None;
            };
            (flow, None)
        }
        (None, Some(path)) => {
            let (source, file) = read_file(scope, path, around, problems)?;
            (source, Some(file))
        }
        (None, None) => {
            let name =
                scope.required("name", raw.name.as_deref(), "what the flow is called, such as `name = \"devis\"`");
            (steps(scope, raw, name)?, None)
        }
    };
    settings(scope, raw, &mut source)?;
    Some(ReadFlow { source, scope: scope.clone(), file })
}

fn read_file(
    scope: &Scope<'_>,
    path: &str,
    around: &Surroundings<'_>,
    problems: &Problems,
) -> Option<(FlowSource, Document)> {
    let full = around.folder.join(path);
    let read = std::fs::read_to_string(&full);
    around.files.note(&full, read.as_deref().unwrap_or_default().as_bytes(), false);
    let Ok(text) = read else {
        scope.wrong("file", "cannot be read", "it is relative to palabre.toml's folder");
        return None;
    };
    let (source, tree) = Source::parse(&full.display().to_string(), &text, problems);
    let document = Document::new(source, BTreeMap::new());
    let before = problems.errors();
    let raw: RawFlow = document.read(tree?, problems);
    let root = Scope::root(&document, problems);
    let stem = Path::new(path).file_stem().and_then(std::ffi::OsStr::to_str);
    let mut read = steps(&root, &raw, raw.name.as_deref().or(stem))?;
    settings(&root, &raw, &mut read)?;
    (problems.errors() == before).then_some((read, document))
}

fn settings(scope: &Scope<'_>, raw: &RawFlow, source: &mut FlowSource) -> Option<()> {
    if let Some(keywords) = &raw.keywords {
        source.keywords.clone_from(keywords);
    }
    if let Some(raw) = &raw.remind_after {
        source.remind_after = Some(time(scope, "remind_after", raw)?);
    }
    if let Some(raw) = &raw.timeout {
        source.timeout = time(scope, "timeout", raw)?;
    }
    if let Some(raw) = raw.attempts {
        source.attempts = number(scope, "attempts", raw, 1..=5)?;
    }
    if let Some(raw) = raw.on_change.as_deref() {
        let ways = [("restart", OnChange::Restart), ("continue", OnChange::Continue)];
        source.on_change = choice(scope, "on_change", raw, &ways)?;
    }
    Some(())
}

fn steps(scope: &Scope<'_>, raw: &RawFlow, name: Option<&str>) -> Option<FlowSource> {
    let steps: Vec<Option<StepSource>> =
        raw.steps.iter().flatten().enumerate().map(|(at, raw)| step(&scope.element("steps", at), at, raw)).collect();
    Some(FlowSource {
        name: name?.to_owned(),
        keywords: Vec::new(),
        steps: steps.into_iter().collect::<Option<_>>()?,
        remind_after: None,
        timeout: TIMEOUT,
        attempts: ATTEMPTS,
        on_change: OnChange::default(),
    })
}

fn step(scope: &Scope<'_>, at: usize, raw: &RawStep) -> Option<StepSource> {
    let id = raw.id.clone().unwrap_or_else(|| format!("step-{}", at + 1));
    let kinds = kinds(scope, raw, &id)?;
    let [kind] = <[StepKind; 1]>::try_from(kinds)
        .map_err(|kinds| {
            let help = "write one of `say`, `ask`, `choose`, `confirm`, `call`, `book`, `lead`, `offer`, `hand_over`";
            let reason = if kinds.is_empty() { "does nothing" } else { "does several things" };
            scope.wrong("", reason, help);
        })
        .ok()?;
    Some(StepSource { id, kind, next: raw.next.clone() })
}

fn kinds(scope: &Scope<'_>, raw: &RawStep, id: &str) -> Option<Vec<StepKind>> {
    let save = || raw.save.clone().unwrap_or_else(|| id.to_owned());
    let mut kinds = Vec::new();
    let text = |text: &String| text.clone();
    kinds.extend(raw.say.as_ref().map(|say| StepKind::Say { text: text(say) }));
    if let Some(ask) = &raw.ask {
        let words: Vec<(&str, AnswerKind)> = AnswerKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
        let answer = raw.answer.as_deref().map_or(Some(AnswerKind::Text), |raw| choice(scope, "type", raw, &words))?;
        kinds.push(StepKind::Ask {
            text: text(ask),
            answer,
            save: save(),
            optional: raw.optional.unwrap_or(false),
            retry: raw.retry.clone(),
            from_opening: raw.from_opening.unwrap_or(false),
            where_seats_count: raw.where_seats_count.unwrap_or(false),
        });
    }
    if let Some(choose) = &raw.choose {
        let options: Vec<Option<OptionSource>> = raw
            .options
            .iter()
            .flatten()
            .enumerate()
            .map(|(at, raw)| option(&scope.element("options", at), raw))
            .collect();
        let options = options.into_iter().collect::<Option<_>>()?;
        kinds.push(StepKind::Choose { text: text(choose), options, save: save() });
    }
    kinds.extend(raw.confirm.as_ref().map(|confirm| StepKind::Confirm { text: text(confirm), no: raw.no.clone() }));
    kinds.extend(raw.call.as_ref().map(|flow| StepKind::Call { flow: text(flow) }));
    kinds.extend(raw.book.as_ref().map(|book| StepKind::Book { service: (book != "any").then(|| text(book)) }));
    kinds.extend(raw.lead.filter(|lead| *lead).map(|_| StepKind::Lead));
    kinds.extend(raw.offer.as_ref().map(|offer| StepKind::Offer { text: text(offer) }));
    kinds.extend(raw.hand_over.as_ref().map(|hand_over| StepKind::HandOver { text: text(hand_over) }));
    Some(kinds)
}

fn option(scope: &Scope<'_>, raw: &RawOption) -> Option<OptionSource> {
    let label = scope.required("label", raw.label.as_deref(), "what customers read")?;
    Some(OptionSource {
        value: raw.value.clone().unwrap_or_else(|| label.to_owned()),
        label: label.to_owned(),
        words: raw.words.clone().unwrap_or_default(),
        next: raw.next.clone(),
    })
}
