//! Hands mails over, and classifies what comes of it.
//!
//! What a server answers with 4xx may pass later, 5xx never will (RFC 5321, 4.2.1). A connection that breaks after the final
//! dot leaves the outcome open, and nobody can be asked: a repetition has the same Message-ID, by which the receiver can drop
//! it.

use std::borrow::Cow;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, numbered,
};
use palabre_actors::ports::{Gateway, Pending};

use super::connection::{Failure, FailureKind, MailServer, Stage};
use super::mail::{self, Envelope};
use super::unsubscribe::Links;
use super::{MailAccount, codes, mailbox};
use crate::config::Channel;
use crate::gateway::ConnectError;
use crate::gateway::media::FilesOut;

/// A channel's way out.
#[derive(Debug)]
pub struct SmtpGateway {
    account: MailAccount,
    sender: Address,
    server: MailServer,
    links: Option<Links>,
    files: FilesOut,
}

impl SmtpGateway {
    /// A channel's gateway. `links`: the mails carry List-Unsubscribe.
    ///
    /// # Errors
    /// [`ConnectError`]: the settings make no connection.
    pub(super) fn new(channel: &Channel, account: &MailAccount, links: Option<Links>) -> Result<Self, ConnectError> {
        let sender = mailbox::wire(&channel.address);
        let domain = sender.as_ref().map(lettre::Address::domain);
        let domain =
            domain.ok_or_else(|| ConnectError("the sender's address has no domain of the internet".to_owned()))?;
        let server = MailServer::new(account, domain).map_err(ConnectError)?;
        Ok(Self {
            account: account.clone(),
            sender: channel.address.clone(),
            server,
            links,
            files: FilesOut::default(),
        })
    }

    /// It sends these files.
    pub(super) fn with_files(self, files: FilesOut) -> Self {
        Self { files, ..self }
    }

    async fn hand_over(&self, request: OutboundRequest<'_>) -> Result<Receipt, SendError> {
        let text: Cow<'_, str> = match request.content {
            OutboundContent::Text(text) => text.into(),
            OutboundContent::Choices { text, choices } => numbered(text, choices).into(),
            OutboundContent::Action(_) => return Err(SendError::unsupported_action()),
            OutboundContent::Template { .. } => return Err(known("smtp_template")),
        };
        let link = self.links.as_ref().map(|links| links.of_message(request.message, request.to));
        let envelope = Envelope { account: &self.account, sender: &self.sender, unsubscribe: link.as_deref() };
        let files = self.files.all(request.message).await?;
        let mail = mail::write(envelope, request.message, request.to, (&*text, files.as_slice()));
        let mail = mail.ok_or_else(|| known("smtp_bad_address"))?;
        self.server.deliver(&mail).await.map_err(|failure| classified(&failure))?;
        Ok(receipt(request.message))
    }
}

fn receipt(message: &Outbound) -> Receipt {
    Receipt { provider_message_id: ProviderMessageId::new(&mail::id_of(message)) }
}

/// What became of a mail whose delivery failed. What the server said beside its code is never repeated: it names the
/// recipient.
fn classified(failure: &Failure) -> SendError {
    let code = match (failure.stage, &failure.kind) {
        (Stage::Dot, FailureKind::TimedOut | FailureKind::Broken | FailureKind::Tls) => {
            let detail = "the connection to the mail server broke after the mail was written".to_owned();
            return SendError { class: SendErrorClass::Unknown, code: None, throttled: false, detail };
        }
        (Stage::LoggingIn, FailureKind::Said(500..) | FailureKind::Unsupported) => "smtp_login".to_owned(),
        (_, FailureKind::Tls) => "smtp_tls".to_owned(),
        (Stage::Sender, FailureKind::Said(500..)) => "smtp_sender".to_owned(),
        (_, FailureKind::Unsupported) => "smtp_utf8".to_owned(),
        (_, FailureKind::Said(code)) => format!("smtp_{code}"),
        (_, FailureKind::TimedOut | FailureKind::Broken) => "smtp_away".to_owned(),
    };
    // Greylisting and a full mailbox are about one mail: they say nothing against the server, nor about the next recipient.
    let is_about_one = matches!((failure.stage, &failure.kind), (Stage::Recipient | Stage::Dot, FailureKind::Said(said)) if *said != 421);
    match codes::find(&code) {
        Some(_) => SendError { throttled: is_about_one, ..known(&code) },
        None => {
            let permanent = matches!(failure.kind, FailureKind::Said(500..));
            let class = if permanent { SendErrorClass::Reject } else { SendErrorClass::Retry { after: None } };
            let detail = "the mail server refused, with a code that is not known".to_owned();
            SendError { class, code: Some(code), throttled: is_about_one, detail }
        }
    }
}

fn known(code: &str) -> SendError {
    let found = codes::find(code);
    SendError {
        class: found.map_or(SendErrorClass::Reject, |found| found.class),
        code: Some(code.to_owned()),
        throttled: found.is_some_and(|found| found.throttled),
        detail: found.map_or_else(String::new, |found| found.explain(Language::En).to_owned()),
    }
}

impl Gateway for SmtpGateway {
    fn send<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(self.hand_over(request))
    }

    /// No mail server tells what it took before.
    fn find<'a>(&'a self, _request: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        Box::pin(std::future::ready(Ok(Found::CannotTell)))
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        codes::find(code).map(|known| known.class)
    }

    fn on_unknown(&self) -> OnUnknown {
        self.account.on_unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_has_its_class() {
        let retry = |class| matches!(class, SendErrorClass::Retry { .. });
        let is = |expected: SendErrorClass| move |class: SendErrorClass| class == expected;
        type Is<'a> = &'a dyn Fn(SendErrorClass) -> bool;
        let table: [(Stage, FailureKind, Is<'_>); 15] = [
            (Stage::Connecting, FailureKind::Broken, &retry),
            (Stage::Connecting, FailureKind::TimedOut, &retry),
            (Stage::Connecting, FailureKind::Said(421), &retry),
            (Stage::Connecting, FailureKind::Tls, &is(SendErrorClass::Misconfigured)),
            (Stage::LoggingIn, FailureKind::Said(535), &is(SendErrorClass::Misconfigured)),
            (Stage::LoggingIn, FailureKind::Said(454), &retry),
            (Stage::Sender, FailureKind::Said(550), &is(SendErrorClass::Misconfigured)),
            (Stage::Recipient, FailureKind::Said(450), &retry),
            (Stage::Recipient, FailureKind::Said(550), &is(SendErrorClass::Reject)),
            (Stage::Recipient, FailureKind::Said(599), &is(SendErrorClass::Reject)),
            (Stage::Recipient, FailureKind::Broken, &retry),
            (Stage::Data, FailureKind::TimedOut, &retry),
            (Stage::Dot, FailureKind::Said(451), &retry),
            (Stage::Dot, FailureKind::Said(554), &is(SendErrorClass::Reject)),
            (Stage::Dot, FailureKind::Broken, &is(SendErrorClass::Unknown)),
        ];
        for (stage, kind, is_right) in table {
            let failure = Failure { stage, kind };
            let error = classified(&failure);
            assert!(is_right(error.class), "{failure:?}: {:?}", error.class);
        }
        // Ten recipients whose servers want to see us again do not stop the mails of everybody.
        for (stage, said, is_about_one) in [
            (Stage::Recipient, 450, true),
            (Stage::Recipient, 499, true),
            (Stage::Dot, 452, true),
            (Stage::Recipient, 421, false),
            (Stage::Dot, 421, false),
            (Stage::Sender, 450, false),
            (Stage::Connecting, 450, false),
        ] {
            let error = classified(&Failure { stage, kind: FailureKind::Said(said) });
            assert_eq!(error.throttled, is_about_one, "{stage:?} {said}");
        }
    }
}
