//! Accounts that the simulated Twilio knows.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::gateway::twilio::signature::Signer;

/// An account of the simulated Twilio.
#[derive(Clone, Debug)]
pub struct SimulatedAccount {
    /// `AC…`
    pub sid: String,
    /// Its primary auth token.
    pub auth_token: SecretString,
}

impl SimulatedAccount {
    /// An account.
    #[must_use]
    pub fn new(sid: &str, auth_token: &str) -> Self {
        Self { sid: sid.to_owned(), auth_token: SecretString::from(auth_token) }
    }
}

/// What is kept of an account.
pub(super) struct Known {
    authorization: String,
    pub signer: Signer,
}

impl Known {
    /// Whether the header carries this account's credentials.
    pub fn admits(&self, authorization: Option<&str>) -> bool {
        authorization == Some(self.authorization.as_str())
    }
}

pub(super) fn known(accounts: &[SimulatedAccount]) -> HashMap<String, Known> {
    let known = |account: &SimulatedAccount| {
        let credentials = format!("{}:{}", account.sid, account.auth_token.expose_secret());
        let authorization = format!("Basic {}", STANDARD.encode(credentials));
        (account.sid.clone(), Known { authorization, signer: Signer::new(&account.auth_token) })
    };
    accounts.iter().map(known).collect()
}
