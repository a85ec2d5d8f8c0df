//! Connections to one mail server, and how far a delivery got.
//!
//! A connection that was used is kept for the next mail. What fails before the final dot of a mail was surely not taken;
//! what breaks after it may have been.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, response::Code};
use secrecy::ExposeSecret as _;

use super::mail::Mail;
use super::mailbox::is_plain;
use super::{MailAccount, Security};
use crate::gateway::unreached::is_caused_by;

/// Connections that are kept.
const MOST_IDLE: usize = 8;

/// How long an unused one is kept. Servers wait for five minutes (RFC 5321, 4.5.3.2.7), relays for less.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// One mail server as one account uses it.
pub(super) struct MailServer {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// Where a delivery was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection, no greeting, no TLS.
    Connecting,
    /// The login.
    LoggingIn,
    Sender,
    Recipient,
    /// `DATA` was refused, or broke off before the final dot.
    Data,
    /// After the final dot.
    Dot,
}

/// A delivery that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub stage: Stage,
    pub kind: FailureKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// What the server said: a code from 400 to 599.
    Said(u16),
    /// No answer in time.
    TimedOut,
    /// The connection broke, or never came about.
    Broken,
    /// TLS was refused, or its certificate is not believed.
    Tls,
    /// The server has no way to log in, or cannot write such an address.
    Unsupported,
}

impl MailServer {
    /// # Errors
    /// Why there is no TLS: certificates that cannot be read.
    pub fn new(account: &MailAccount, domain: &str) -> Result<Self, String> {
        let tls = match account.security {
            Security::None => None,
            Security::Tls | Security::Starttls => Some(tls(account)?),
        };
        let credentials = account.login.as_ref();
        Ok(Self {
            host: account.host.clone(),
            port: account.port,
            security: account.security,
            tls,
            credentials: credentials
                .map(|login| Credentials::new(login.username.clone(), login.password.expose_secret().to_owned())),
            hello: ClientId::Domain(domain.to_owned()),
            timeout: account.timeout,
            idle: Mutex::default(),
        })
    }

    /// Hands a mail over, within the account's deadline.
    pub async fn deliver(&self, mail: &Mail) -> Result<(), Failure> {
        let after_dot = AtomicBool::new(false);
        match tokio::time::timeout(self.timeout, self.attempt(mail, &after_dot)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let stage = if after_dot.load(Ordering::Relaxed) { Stage::Dot } else { Stage::Data };
                Err(Failure { stage, kind: FailureKind::TimedOut })
            }
        }
    }

    /// Opens a connection and closes it: whether the set-up works. The deadline is that of each step, so that a failure tells
    /// which one was not answered.
    pub async fn probe(&self) -> Result<(), Failure> {
        let mut connection = self.open().await?;
        let _ = tokio::time::timeout(self.timeout, connection.abort()).await;
        Ok(())
    }

    async fn attempt(&self, mail: &Mail, after_dot: &AtomicBool) -> Result<(), Failure> {
        if let Some(mut connection) = self.take_idle() {
            // It may have been closed meanwhile: nothing of the mail was written yet, so another connection takes it.
            if connection.command(Rset).await.is_ok() {
                let outcome = transmit(&mut connection, mail, after_dot).await;
                return self.finish(connection, outcome).await;
            }
        }
        let mut connection = self.open().await?;
        let outcome = transmit(&mut connection, mail, after_dot).await;
        self.finish(connection, outcome).await
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let implicit = self.tls.clone().filter(|_| self.security == Security::Tls);
        let server = (self.host.as_str(), self.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, implicit, None);
        let mut connection = self.step(Stage::Connecting, connecting).await?;
        if let (Security::Starttls, Some(tls)) = (self.security, &self.tls) {
            if !connection.can_starttls() {
                return Err(Failure { stage: Stage::Connecting, kind: FailureKind::Tls });
            }
            self.step(Stage::Connecting, connection.starttls(tls.clone(), &self.hello)).await?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            self.step(Stage::LoggingIn, connection.auth(&mechanisms, credentials)).await?;
        }
        Ok(connection)
    }

    /// One step towards an open connection, which has the whole deadline.
    async fn step<T>(&self, stage: Stage, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(done) => done.map_err(|error| Failure::at(stage, &error)),
            Err(_) => Err(Failure { stage, kind: FailureKind::TimedOut }),
        }
    }

    /// Keeps a connection that still speaks, and ends any other.
    async fn finish(&self, mut connection: AsyncSmtpConnection, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let speaks = match &outcome {
            Ok(()) => true,
            Err(failure) => matches!(failure.kind, FailureKind::Said(code) if code != 421),
        };
        if !speaks {
            connection.abort().await;
            return outcome;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((connection, Instant::now()));
        }
        drop(idle);
        outcome
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_TIME);
        idle.pop().map(|(connection, _)| connection)
    }
}

async fn transmit(connection: &mut AsyncSmtpConnection, mail: &Mail, after_dot: &AtomicBool) -> Result<(), Failure> {
    let plain = is_plain(&mail.from) && is_plain(&mail.to);
    let mut parameters = Vec::new();
    if !plain {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure { stage: Stage::Recipient, kind: FailureKind::Unsupported });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let at = |stage| move |error: Error| Failure::at(stage, &error);
    let sender = MailCommand::new(Some(mail.from.clone()), parameters);
    connection.command(sender).await.map_err(at(Stage::Sender))?;
    connection.command(Rcpt::new(mail.to.clone(), Vec::new())).await.map_err(at(Stage::Recipient))?;
    connection.command(Data).await.map_err(at(Stage::Data))?;
    after_dot.store(true, Ordering::Relaxed);
    connection.message(&mail.bytes).await.map_err(at(Stage::Dot))?;
    Ok(())
}

fn tls(account: &MailAccount) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(account.host.clone());
    if let Some(pem) = &account.ca {
        let certificate = Certificate::from_pem(pem).map_err(|_| "ca holds no certificate in PEM".to_owned())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|_| "the certificates of ca cannot be used".to_owned())
}

impl Failure {
    /// An error of lettre's may repeat what the server said, which names the recipient: only its kind is kept.
    fn at(stage: Stage, error: &Error) -> Self {
        let kind = if let Some(code) = error.status() {
            FailureKind::Said(number(code))
        } else if error.is_timeout() {
            FailureKind::TimedOut
        } else if error.is_tls() || is_caused_by::<rustls::Error>(error) {
            FailureKind::Tls
        } else if error.is_client() {
            FailureKind::Unsupported
        } else {
            FailureKind::Broken
        };
        Self { stage, kind }
    }
}

fn number(code: Code) -> u16 {
    code.into()
}

/// Shows no credentials.
impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailServer").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}
