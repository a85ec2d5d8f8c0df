//! What connects a channel: the fields that a person fills in, and where to click at the provider.

use palabre_actors::domain::rules::Language;

use super::{Bilingual, provider};

/// A text in the reader's language.
#[must_use]
pub const fn said(text: Bilingual, language: Language) -> &'static str {
    match language {
        Language::En => text.0,
        Language::Fr => text.1,
    }
}

/// How a channel of a provider is connected.
#[derive(Debug)]
pub struct ChannelSetup {
    /// What people call it.
    pub name: &'static str,
    /// What one needs for it.
    pub about: Bilingual,
    pub address: SetupAddress,
    pub fields: &'static [SetupField],
    /// Keys that are written as they stand here.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Whether customers' messages come in by it.
    pub takes_messages: bool,
    /// Where the webhook URL goes. `None`: there is no URL to paste.
    pub webhook: Option<Bilingual>,
    /// What is to be done after the channel is saved, where there is no URL to paste.
    pub afterwards: Option<Bilingual>,
    /// A picture (SVG) of where to click.
    pub picture: Option<Bilingual>,
}

/// Where the sender's address comes from.
#[derive(Clone, Copy, Debug)]
pub enum SetupAddress {
    /// It is typed in, without its scheme.
    Typed {
        label: Bilingual,
        /// How it is written.
        help: Bilingual,
    },
    /// It stands before the colon of this field.
    BeforeColonOf(&'static str),
}

/// A key of a provider's own.
#[derive(Clone, Copy, Debug)]
pub struct SetupField {
    pub key: &'static str,
    pub label: Bilingual,
    /// Where it is found, and how it looks.
    pub help: Bilingual,
    pub kind: SetupFieldKind,
    pub is_optional: bool,
}

/// What a [`SetupField`] takes.
#[derive(Clone, Copy, Debug)]
pub enum SetupFieldKind {
    Text,
    /// A secret of the provider's.
    Secret,
    /// A secret that is made up here, and that the provider is told once.
    MadeUp,
    /// One of these: the value, and what people call it.
    Choice(&'static [(&'static str, &'static str)]),
}

impl SetupField {
    pub(super) const fn text(key: &'static str, label: Bilingual, help: Bilingual) -> Self {
        Self { key, label, help, kind: SetupFieldKind::Text, is_optional: false }
    }

    pub(super) const fn secret(key: &'static str, label: Bilingual, help: Bilingual) -> Self {
        Self { kind: SetupFieldKind::Secret, ..Self::text(key, label, help) }
    }

    pub(super) const fn made_up(key: &'static str, label: Bilingual, help: Bilingual) -> Self {
        Self { kind: SetupFieldKind::MadeUp, ..Self::text(key, label, help) }
    }

    pub(super) const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

/// The URL that a channel's provider posts to, with what its console needs behind it.
#[must_use]
pub fn webhook_url(public_base_url: &str, name: &str, channel: &str) -> String {
    let suffix = provider(name).and_then(|provider| provider.webhook_suffix()).map_or("", |(suffix, _)| suffix);
    format!("{public_base_url}/webhooks/{name}/{channel}{suffix}")
}
