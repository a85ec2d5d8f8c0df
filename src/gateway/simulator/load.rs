//! Provider's side of a load test: signed webhooks and answers to sends, at a few microseconds each.
//!
//! A load driver shares its cores with what it measures. So webhooks are laid out once with gaps of fixed width for what
//! differs from message to message, and sends are answered on the driver's own thread, without faults or callbacks.

use std::borrow::Cow;

/// What differs from message to message in a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// 32 hexadecimal digits of the provider's message id.
    Id,
    /// Six digits of the customer's number.
    Customer,
    /// 16 hexadecimal digits that tell the text from every other.
    Token,
}

impl Gap {
    /// What stands in its place where a request is laid out. No other part of a request looks like it, and it is as wide
    /// as what will stand there.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Id => "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            Self::Customer => "zzzzzz",
            Self::Token => "yyyyyyyyyyyyyyyy",
        }
    }
}

/// What stands in the gaps of one message.
#[derive(Clone, Debug)]
pub struct Filling {
    /// For [`Gap::Id`].
    pub id: String,
    /// For [`Gap::Customer`].
    pub customer: String,
    /// For [`Gap::Token`].
    pub token: String,
}

/// Where a request is written; use the same again.
#[derive(Debug, Default)]
pub struct Draft {
    /// The whole request.
    pub request: Vec<u8>,
    pub signed: Vec<u8>,
}

/// Writes the webhooks of one channel and one text.
pub trait LoadWebhooks {
    /// Writes the whole HTTP request into `draft.request`. The same filling gives the same bytes: a repetition.
    fn write(&self, filling: &Filling, draft: &mut Draft);
}

/// A text with gaps of fixed width.
#[derive(Debug)]
pub struct Gapped {
    text: String,
    gaps: Vec<(usize, Gap)>,
}

impl Gapped {
    /// Finds the marks in a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let kinds = [Gap::Id, Gap::Customer, Gap::Token];
        let gaps = kinds.iter().flat_map(|gap| text.match_indices(gap.mark()).map(|(at, _)| (at, *gap))).collect();
        Self { text: text.to_owned(), gaps }
    }

    /// Replaces what is in `into` by the text with its gaps filled.
    pub fn fill(&self, filling: &Filling, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(self.text.as_bytes());
        for (at, gap) in &self.gaps {
            let value = match gap {
                Gap::Id => &filling.id,
                Gap::Customer => &filling.customer,
                Gap::Token => &filling.token,
            };
            put(into, *at, value);
        }
    }
}

/// Writes a value over what stands at a place, where it fits.
pub fn put(into: &mut [u8], at: usize, value: &str) {
    if let Some(place) = into.get_mut(at..at + value.len()) {
        place.copy_from_slice(value.as_bytes());
    }
}

/// Answers sends, one at a time.
pub trait LoadResponder {
    /// The answer to a request. `on_sent` is called when it is a send that is taken.
    fn respond(&self, request: &LoadRequest<'_>, on_sent: &mut dyn FnMut(LoadSent<'_>)) -> LoadAnswer;
}

/// A request as the load driver's server read it.
#[derive(Clone, Copy, Debug)]
pub struct LoadRequest<'a> {
    /// `POST`
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// What stands behind the `?`.
    pub query: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
}

/// A message that was taken.
#[derive(Debug, PartialEq, Eq)]
pub struct LoadSent<'a> {
    /// The place of its channel among those that the responder was made for.
    pub channel: Option<usize>,
    /// To whom, as the provider writes it.
    pub to: Cow<'a, str>,
    pub text: Cow<'a, str>,
}

/// What a send is answered with.
#[derive(Debug, PartialEq, Eq)]
pub struct LoadAnswer {
    /// `201 Created`
    pub status: &'static str,
    /// A JSON document.
    pub json: String,
}
