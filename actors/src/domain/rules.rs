//! Rules of a tenant: the validated part of its configuration that decisions need.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;

use super::Timestamp;
use super::address::{Address, Identity};
pub use super::consent::ExtraKeywords;
use super::consent::Keywords;
use super::dates::to_utc;
pub use super::faq::FaqEntry;
use super::faq::{FaqExplanation, FaqIndex, FaqReading};
use super::flow::Flows;
use super::folding::fold;
use super::hours::{Hours, advertising_waits_until, french_zone};
use super::ids::TenantId;
pub use super::language::Language;
use super::loop_watch::LoopPolicy;
pub use super::rule_error::RuleError;
use super::template::{Template, TemplateUse};

mod escalation;
mod questions;
mod templates;
mod texts;

pub use self::escalation::Escalation;
pub use self::questions::{ConsentWord, Shadowed, consent_words, shadowed};
use self::texts::Texts;
pub use self::texts::{BotText, Facts, TemplateFailed, TextName};

/// A tenant's rules, as its configuration gives them: texts are not compiled yet, words are not folded yet.
/// `Debug` does not show the sellers' numbers.
#[derive(Clone)]
pub struct RulesSource {
    /// Whose rules these are.
    pub tenant: TenantId,
    /// The name customers know, for templates.
    pub tenant_name: String,
    /// The language of texts that the tenant did not write itself.
    pub language: Language,
    /// The tenant's own people, as the configuration names them: each by the [`Identity`] of their address.
    pub sellers: HashSet<String>,
    /// Whether contacts are asked to confirm before the tenant may write of its own accord.
    pub double_opt_in: bool,
    /// Texts that providers have approved.
    pub templates: Vec<Template>,
    /// Questions with known answers, in the order of the file.
    pub faq: Vec<FaqEntry>,
    /// Texts.
    pub replies: Replies,
    /// More words for STOP, START and HELP than the built-in ones.
    pub keywords: ExtraKeywords,
    /// The longest text that every channel of the tenant carries, in UTF-16 units, the strictest way to count characters.
    pub longest_text: usize,
    /// Automatic answers to one contact in any 60 seconds (I7).
    pub per_contact_per_minute: u32,
    /// When a contact counts as a robot; `None`: never.
    pub loops: Option<LoopPolicy>,
    /// A session closes when nobody wrote for this long.
    pub session_idle: Duration,
    /// A live session closes when no seller wrote for this long.
    pub live_session_idle: Duration,
}

impl fmt::Debug for RulesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesSource")
            .field("tenant", &self.tenant)
            .field("language", &self.language)
            .field("sellers", &self.sellers.len())
            .field("double_opt_in", &self.double_opt_in)
            .field("templates", &self.templates.len())
            .field("faq", &self.faq.len())
            .field("per_contact_per_minute", &self.per_contact_per_minute)
            .field("session_idle", &self.session_idle)
            .field("live_session_idle", &self.live_session_idle)
            .finish_non_exhaustive()
    }
}

/// `[assistant]` as the rules need it; the rest is the adapter's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssistantPolicy {
    /// Whom it asks when it does not know, as the contact reads it.
    pub person: Option<String>,
}

/// A tenant's rules, checked and compiled once. Immutable; a reload replaces the whole.
#[derive(Debug)]
pub struct Rules {
    source: RulesSource,
    keywords: Keywords,
    faq: FaqIndex,
    texts: Texts,
    hours: Hours,
    timezone: chrono_tz::Tz,
    flows: Option<Arc<Flows>>,
    escalation: Escalation,
    assistant: Option<AssistantPolicy>,
}

impl Rules {
    /// Checks and compiles a tenant's rules.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(source: RulesSource) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        if source.session_idle.is_zero() {
            errors.push(RuleError { field: "session_idle".to_owned(), message: "must be longer than zero".to_owned() });
        }
        let keywords = Keywords::new(&source.keywords, &mut errors);
        questions::check(&source.faq, &mut errors);
        templates::check(&source, &mut errors);
        let texts = Texts::new(&source, &mut errors);
        if errors.is_empty() {
            let faq = FaqIndex::new(&source.faq);
            Ok(Self {
                source,
                keywords,
                faq,
                texts,
                hours: Hours::default(),
                timezone: chrono_tz::Tz::UTC,
                flows: None,
                escalation: Escalation::default(),
                assistant: None,
            })
        } else {
            Err(errors)
        }
    }

    /// These rules with the tenant's time zone and business hours. Without them it is always open, and its clocks show UTC.
    #[must_use]
    pub fn with_hours(self, hours: Hours, timezone: chrono_tz::Tz) -> Self {
        Self { hours, timezone, ..self }
    }

    /// These rules with flows.
    #[must_use]
    pub fn with_flows(self, flows: Flows) -> Self {
        Self { flows: Some(Arc::new(flows)), ..self }
    }

    /// The tenant's flows, if it has any.
    #[must_use]
    pub fn flows(&self) -> Option<&Flows> {
        self.flows.as_deref()
    }

    /// Whether decisions need what is booked and offered ([`super::conversation::State::agenda`]).
    #[must_use]
    pub fn needs_agenda(&self) -> bool {
        self.flows.as_deref().is_some_and(Flows::needs_agenda)
    }

    /// These rules with what calls a person.
    #[must_use]
    pub fn with_escalation(self, escalation: Escalation) -> Self {
        Self { escalation, ..self }
    }

    /// These rules with an assistant.
    #[must_use]
    pub fn with_assistant(self, assistant: AssistantPolicy) -> Self {
        Self { assistant: Some(assistant), ..self }
    }

    /// The tenant's assistant, if it has one.
    #[must_use]
    pub fn assistant(&self) -> Option<&AssistantPolicy> {
        self.assistant.as_ref()
    }

    /// When a person is called.
    #[must_use]
    pub fn escalation(&self) -> &Escalation {
        &self.escalation
    }

    /// Whether the tenant is closed then.
    #[must_use]
    pub fn is_closed(&self, at: Timestamp) -> bool {
        self.hours.are_known() && !self.hours.is_open(at.with_timezone(&self.timezone).naive_local())
    }

    /// When the tenant opens next, in its local time; `None` while it is open.
    #[must_use]
    pub fn opens_at(&self, at: Timestamp) -> Option<NaiveDateTime> {
        self.hours.opens_at(at.with_timezone(&self.timezone).naive_local())
    }

    /// When advertising may be sent to an address again, where a law that is known has a say. `None`: now.
    #[must_use]
    pub fn advertising_waits_until(&self, to: &Address, at: Timestamp) -> Option<Timestamp> {
        let zone = french_zone(to.is_phone().then(|| to.path()), self.hours.country, self.timezone)?;
        let until = advertising_waits_until(at.with_timezone(&zone).naive_local())?;
        Some(to_utc(until, zone).first())
    }

    /// The entries of the file that stay beside others: one with the same question takes the place of the file's.
    pub fn entries_beside<'a>(&'a self, entries: &[FaqEntry]) -> impl Iterator<Item = &'a FaqEntry> + use<'a> {
        let asked: HashSet<String> = entries.iter().map(|entry| fold(&entry.question)).collect();
        self.source.faq.iter().filter(move |entry| !asked.contains(&fold(&entry.question)))
    }

    /// The same with more FAQ entries behind those of the file that stay beside them.
    ///
    /// # Errors
    /// Everything that is wrong, at once; `faq[n]` counts on from those entries of the file.
    pub fn with_entries(&self, entries: Vec<FaqEntry>) -> Result<Self, Vec<RuleError>> {
        let mut source = self.source.clone();
        source.faq = self.entries_beside(&entries).cloned().collect();
        source.faq.extend(entries);
        let Self { source, keywords, faq, texts, .. } = Self::new(source)?;
        Ok(Self {
            source,
            keywords,
            faq,
            texts,
            hours: self.hours.clone(),
            timezone: self.timezone,
            escalation: self.escalation.clone(),
            assistant: self.assistant.clone(),
            flows: self.flows.clone(),
        })
    }

    /// When the tenant is open, in its local time.
    #[must_use]
    pub fn hours(&self) -> &Hours {
        &self.hours
    }

    /// The tenant's time zone.
    #[must_use]
    pub fn timezone(&self) -> chrono_tz::Tz {
        self.timezone
    }

    /// What the rules were made of.
    #[must_use]
    pub fn source(&self) -> &RulesSource {
        &self.source
    }

    /// Whether the configuration names a person as one of the tenant's own people.
    #[must_use]
    pub fn is_seller(&self, person: &Identity) -> bool {
        self.source.sellers.contains(person.as_str())
    }

    /// The template of that name.
    #[must_use]
    pub fn template(&self, name: &str) -> Option<&Template> {
        self.source.templates.iter().find(|template| template.name == name)
    }

    /// How whole messages are read as STOP, START or HELP.
    #[must_use]
    pub fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    /// Which FAQ entries a message asks for, by their places in [`RulesSource::faq`].
    #[must_use]
    pub fn read_faq(&self, text: &str) -> FaqReading {
        self.faq.read(text)
    }

    /// Which FAQ entries a message asks for, and why.
    #[must_use]
    pub fn explain_faq(&self, text: &str) -> FaqExplanation {
        self.faq.explain(text)
    }

    /// Writes a text; `None` when the tenant wants silence there.
    #[must_use]
    pub fn write(&self, text: TextName, facts: &Facts<'_>) -> Option<Result<String, TemplateFailed>> {
        self.texts.write(text, facts)
    }

    /// The template that says the same as a text; `None` when there is none, or when something that it needs is not known
    /// of this contact.
    #[must_use]
    pub fn write_template(&self, text: TextName, facts: &Facts<'_>) -> Option<TemplateUse> {
        let TextName::Answer(entry) = text else { return None };
        let written = self.texts.write_template(entry, facts)?;
        let known = self.template(&written.name)?;
        known.missing(&written.variables).is_empty().then_some(written)
    }

    /// Whether a text is there to be written.
    #[must_use]
    pub fn has(&self, text: TextName) -> bool {
        self.texts.has(text)
    }
}

/// Texts of the tenant: minijinja templates. `None` takes the built-in text of the tenant's language, or silence where
/// the field says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// When nothing else fits. `None`: silence.
    pub fallback: Option<String>,
    /// To a seller's message. `None`: silence.
    pub seller: Option<String>,
    /// After STOP.
    pub opt_out: Option<String>,
    /// After START.
    pub opt_in: Option<String>,
    /// After HELP.
    pub help: Option<String>,
    /// The first words to a contact who is asked to confirm (double opt-in).
    pub welcome: Option<String>,
    /// After CONFIRMER.
    pub confirmed: Option<String>,
    /// The tenant's words for what the bot says of itself; the built-in ones for those that are missing.
    pub bot: Vec<(BotText, String)>,
}

/// The rules of tenants together with their rows of `faq_entries`. The adapters keep it fresh.
pub trait RulesBook: Send + Sync {
    /// The rules with the tenant's rows; `None` when it has no rows, so that the configuration's rules hold.
    fn rules(&self, tenant: &TenantId) -> Option<Arc<Rules>>;
}

/// A book without rows.
impl RulesBook for () {
    fn rules(&self, _: &TenantId) -> Option<Arc<Rules>> {
        None
    }
}

/// Whether somebody is one of the tenant's own people. The adapters keep it fresh from `seller_phones`.
pub trait SellerBook: Send + Sync {
    /// Whether a row of `seller_phones` of the tenant names this person.
    fn is_registered(&self, tenant: &TenantId, person: &Identity) -> bool;

    /// Whether the tenant has any.
    fn has_any(&self, tenant: &TenantId) -> bool {
        let _ = tenant;
        false
    }
}

/// A book with nobody in it: only the configuration's sellers count.
impl SellerBook for () {
    fn is_registered(&self, _: &TenantId, _: &Identity) -> bool {
        false
    }
}
