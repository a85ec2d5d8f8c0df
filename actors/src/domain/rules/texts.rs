//! Texts of a tenant's rules: minijinja templates, compiled and tried out when the rules are built, rendered within
//! bounds, and tidied.

use std::collections::BTreeMap;
use std::io;

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};

use super::{Language, RuleError, RulesSource};
use crate::domain::template::TemplateUse;

mod bot;
mod built_in;
mod tidying;

pub use self::bot::BotText;
use self::built_in::{built_in, built_in_of_marketing};
use self::tidying::tidy;

/// Instructions that one rendering may take: thousands of times what a sensible text needs, and over in a millisecond or
/// so. Without it a tenant's loop would hold everyone else's turns up (I9).
const FUEL: u64 = 20_000;
/// What one rendering may write before it is stopped. What goes beyond the channels' longest text is cut
/// off anyway.
const MOST_BYTES: usize = 16 * 1024;
/// The longest template.
const LONGEST_SOURCE: usize = 16 * 1024;

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextName {
    /// `replies.fallback`
    Fallback,
    /// `replies.seller`
    Seller,
    /// `replies.opt_out`
    OptOut,
    /// `replies.opt_in`
    OptIn,
    /// `replies.help`
    Help,
    /// `replies.welcome`
    Welcome,
    /// `replies.confirmed`
    Confirmed,
    /// After STOP PROMOTIONS.
    MarketingStopped,
    /// After RESUME PROMOTIONS.
    MarketingResumed,
    /// `faq[n].answer`
    Answer(usize),
    /// One that the bot says of itself.
    Bot(BotText),
}

/// What templates may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `message.body`
    pub body: &'a str,
    /// `contact.name`; undefined when nobody knows it, which writes nothing.
    pub contact_name: Option<&'a str>,
}

/// A template broke on a message. What it says of the message stays untold (I10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a template failed")]
pub struct TemplateFailed;

/// Names that templates know. Everything else is a typo.
const KNOWN: [&str; 7] = ["message", "message.body", "contact", "contact.name", "tenant", "tenant.name", "tenant.id"];

#[derive(Debug)]
pub(super) struct Texts {
    environment: Environment<'static>,
    tenant: Value,
    longest: usize,
    fallback: Option<Text>,
    seller: Option<Text>,
    opt_out: WithBuiltIn,
    opt_in: WithBuiltIn,
    help: WithBuiltIn,
    welcome: WithBuiltIn,
    confirmed: WithBuiltIn,
    /// After STOP PROMOTIONS, and after RESUME PROMOTIONS.
    marketing: [String; 2],
    answers: Vec<Text>,
    /// In the order of [`BotText::ALL`].
    bot: Vec<WithBuiltIn>,
    /// The template of each answer that has one.
    templates: BTreeMap<usize, TemplateTexts>,
}

#[derive(Debug)]
struct TemplateTexts {
    name: String,
    variables: Vec<(String, Text)>,
}

#[derive(Debug)]
enum Text {
    /// Nothing to fill in, and tidy already.
    Fixed(String),
    /// The name of a template in the environment.
    Template(String),
}

/// What consent calls for is said even when the tenant's own words fail.
#[derive(Debug)]
struct WithBuiltIn {
    own: Option<Text>,
    built_in: String,
}

impl Texts {
    pub(super) fn new(source: &RulesSource, errors: &mut Vec<RuleError>) -> Self {
        let tenant = context! { id => source.tenant.as_str(), name => source.tenant_name.as_str() };
        let longest = source.longest_text;
        let mut compiler = Compiler { environment: Environment::new(), tenant, longest, errors };
        compiler.environment.set_fuel(Some(FUEL));
        let replies = &source.replies;
        let fallback = compiler.optional("replies.fallback", replies.fallback.as_deref());
        let seller = compiler.optional("replies.seller", replies.seller.as_deref());
        let own = [&replies.opt_out, &replies.opt_in, &replies.help, &replies.welcome, &replies.confirmed];
        let fields = ["opt_out", "opt_in", "help", "welcome", "confirmed"].map(|name| format!("replies.{name}"));
        let mut built_in = built_in(source.language, &source.tenant_name, longest).into_iter();
        let mut own = own.into_iter().zip(&fields).map(|(own, field)| compiler.optional(field, own.as_deref()));
        let [opt_out, opt_in, help, welcome, confirmed] = std::array::from_fn(|_| WithBuiltIn {
            own: own.next().flatten(),
            built_in: built_in.next().unwrap_or_default(),
        });
        let bot = BotText::ALL.map(|text| {
            let own = replies.bot.iter().find(|(named, _)| *named == text).map(|(_, own)| own.as_str());
            let own = compiler.optional(text.key(), own);
            WithBuiltIn { own, built_in: tidy(text.built_in(source.language), longest) }
        });
        let answers = source
            .faq
            .iter()
            .enumerate()
            .map(|(at, entry)| compiler.compile(format!("faq[{at}].answer"), &entry.answer))
            .collect();
        let templates = source
            .faq
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some((at, compiler.template(at, entry.template.as_ref()?))))
            .collect();
        let Compiler { environment, tenant, .. } = compiler;
        Self {
            environment,
            tenant,
            longest,
            fallback,
            seller,
            opt_out,
            opt_in,
            help,
            welcome,
            confirmed,
            marketing: built_in_of_marketing(source.language, &source.tenant_name, longest),
            answers,
            bot: Vec::from(bot),
            templates,
        }
    }

    pub(super) fn has(&self, name: TextName) -> bool {
        match name {
            TextName::Fallback => self.fallback.is_some(),
            TextName::Seller => self.seller.is_some(),
            TextName::OptOut | TextName::OptIn | TextName::Help | TextName::Welcome | TextName::Confirmed => true,
            TextName::MarketingStopped | TextName::MarketingResumed => true,
            TextName::Answer(at) => at < self.answers.len(),
            TextName::Bot(text) => self.bot(text).is_some(),
        }
    }

    pub(super) fn write(&self, name: TextName, facts: &Facts<'_>) -> Option<Result<String, TemplateFailed>> {
        match name {
            TextName::Fallback => self.fallback.as_ref().map(|text| self.render(text, facts)),
            TextName::Seller => self.seller.as_ref().map(|text| self.render(text, facts)),
            TextName::Answer(at) => self.answers.get(at).map(|text| self.render(text, facts)),
            TextName::Bot(text) => self.bot(text).map(|text| Ok(self.surely(text, facts))),
            TextName::OptOut => Some(Ok(self.surely(&self.opt_out, facts))),
            TextName::OptIn => Some(Ok(self.surely(&self.opt_in, facts))),
            TextName::Help => Some(Ok(self.surely(&self.help, facts))),
            TextName::Welcome => Some(Ok(self.surely(&self.welcome, facts))),
            TextName::Confirmed => Some(Ok(self.surely(&self.confirmed, facts))),
            TextName::MarketingStopped => Some(Ok(self.marketing[0].clone())),
            TextName::MarketingResumed => Some(Ok(self.marketing[1].clone())),
        }
    }

    fn bot(&self, text: BotText) -> Option<&WithBuiltIn> {
        let text = self.bot.get(text as usize)?;
        (text.own.is_some() || !text.built_in.is_empty()).then_some(text)
    }

    /// The template of an answer. A variable that breaks on this message is left out.
    pub(super) fn write_template(&self, entry: usize, facts: &Facts<'_>) -> Option<TemplateUse> {
        let texts = self.templates.get(&entry)?;
        let filled = |(name, text): &(String, Text)| Some((name.clone(), self.render(text, facts).ok()?));
        let variables = texts.variables.iter().filter_map(filled).collect();
        Some(TemplateUse { name: texts.name.clone(), variables }.on_one_line())
    }

    fn surely(&self, text: &WithBuiltIn, facts: &Facts<'_>) -> String {
        let own = text.own.as_ref().and_then(|own| self.render(own, facts).ok());
        own.filter(|own| !own.is_empty()).unwrap_or_else(|| text.built_in.clone())
    }

    fn render(&self, text: &Text, facts: &Facts<'_>) -> Result<String, TemplateFailed> {
        match text {
            Text::Fixed(text) => Ok(text.clone()),
            Text::Template(name) => {
                render(&self.environment, name, (&self.tenant, self.longest), facts).map_err(|_| TemplateFailed)
            }
        }
    }
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    (tenant, longest): (&Value, usize),
    facts: &Facts<'_>,
) -> Result<String, minijinja::Error> {
    let contact = match facts.contact_name {
        Some(name) => context! { name => name },
        None => context! {},
    };
    let known = context! { message => context! { body => facts.body }, contact => contact, tenant => tenant.clone() };
    let mut page = BoundedOutput(Vec::with_capacity(256));
    let outcome = environment.get_template(name)?.render_captured_to(known, &mut page).map(drop);
    match outcome {
        // A full page is no failure: the rest would have been cut off.
        Err(error) if !page.is_full() => Err(error),
        _ => Ok(tidy(&String::from_utf8_lossy(&page.0), longest)),
    }
}

/// What a template renders to, up to [`MOST_BYTES`].
struct BoundedOutput(Vec<u8>);

impl BoundedOutput {
    fn is_full(&self) -> bool {
        self.0.len() >= MOST_BYTES
    }
}

impl io::Write for BoundedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MOST_BYTES - self.0.len();
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = room.min(bytes.len());
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compiles texts one by one and tries each out, so that a message never meets a broken one.
struct Compiler<'e> {
    environment: Environment<'static>,
    tenant: Value,
    longest: usize,
    errors: &'e mut Vec<RuleError>,
}

impl Compiler<'_> {
    fn optional(&mut self, field: &str, source: Option<&str>) -> Option<Text> {
        source.map(|source| self.compile(field.to_owned(), source))
    }

    fn template(&mut self, entry: usize, used: &TemplateUse) -> TemplateTexts {
        let compiled = used
            .variables
            .iter()
            .map(|(name, text)| (name.clone(), self.compile(format!("faq[{entry}].template_variables.{name}"), text)));
        TemplateTexts { name: used.name.clone(), variables: compiled.collect() }
    }

    fn compile(&mut self, field: String, source: &str) -> Text {
        let refuse = |message: String| RuleError { field: field.clone(), message };
        if source.trim().is_empty() {
            self.errors.push(refuse("is empty: leave it out, or write what shall be said".to_owned()));
        } else if source.len() > LONGEST_SOURCE {
            self.errors.push(refuse(format!("is longer than {LONGEST_SOURCE} bytes")));
        } else if !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark)) {
            let fixed = tidy(source, usize::MAX);
            let length = fixed.encode_utf16().count();
            if length > self.longest {
                self.errors.push(refuse(format!("has {length} characters; a message holds {}", self.longest)));
            }
            return Text::Fixed(fixed);
        } else if let Err(error) = self.environment.add_template_owned(field.clone(), source.to_owned()) {
            self.errors.push(refuse(explain(&error)));
        } else if let Some(message) = self.unknown_name(&field, source).or_else(|| self.try_out(&field)) {
            self.errors.push(refuse(message));
        }
        Text::Template(field)
    }

    /// A name that no message will have, also where the trial does not come by.
    fn unknown_name(&self, field: &str, source: &str) -> Option<String> {
        let names = self.environment.get_template(field).ok()?.undeclared_variables(true);
        let mut unknown: Vec<String> = names.into_iter().filter(|name| !KNOWN.contains(&name.as_str())).collect();
        unknown.sort();
        let name = unknown.first()?;
        let others: String = unknown.iter().skip(1).map(|other| format!(" (and `{other}`)")).collect();
        let line = source.find(name.as_str()).map(|at| 1 + source[..at].matches('\n').count());
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let meant = KNOWN
            .iter()
            .filter(|known| known.contains('.'))
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Some(match meant {
            Some((_, meant)) => format!("{place}unknown name `{name}`{others}; did you mean `{meant}`?"),
            None => {
                format!(
                    "{place}unknown name `{name}`{others}; known are message.body, contact.name, tenant.name, tenant.id"
                )
            }
        })
    }

    /// Renders it with everything known, where an undefined name is an error, and with nothing known.
    fn try_out(&mut self, field: &str) -> Option<String> {
        let trials = [
            (UndefinedBehavior::Strict, Facts { body: "Bonjour, êtes-vous ouverts ?", contact_name: Some("Camille") }),
            (UndefinedBehavior::Lenient, Facts { body: "Bonjour", contact_name: None }),
            (UndefinedBehavior::Lenient, Facts { body: "", contact_name: None }),
        ];
        let failed = trials.iter().find_map(|(undefined, facts)| {
            self.environment.set_undefined_behavior(*undefined);
            let error = render(&self.environment, field, (&self.tenant, self.longest), facts).err()?;
            let unnamed = if facts.contact_name.is_none() { " (when the contact's name is not known)" } else { "" };
            Some(format!("{}{unnamed}", explain(&error)))
        });
        self.environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        failed
    }
}

fn explain(error: &minijinja::Error) -> String {
    let place = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("{place}takes too long: a template may take {FUEL} steps"),
        (kind, Some(detail)) => format!("{place}{kind}: {detail}"),
        (kind, None) => format!("{place}{kind}"),
    }
}

#[cfg(test)]
mod tests;
