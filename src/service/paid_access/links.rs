//! Signed links: to claim what was paid, and to a plan's page for a member whom the bot knows.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::digest::{hex, hmac_sha256};

/// Digits of a signature: 64 bits, which nobody guesses over the network.
const SIGNATURE_DIGITS: usize = 16;

/// Signs with one key.
pub(super) struct Links<'k>(&'k [u8]);

impl<'k> Links<'k> {
    pub(super) const fn new(key: &'k [u8]) -> Self {
        Self(key)
    }

    /// What a payer sends the bot to be let in: at most 64 of `A-Z a-z 0-9 _ -` with its prefix (Bot API, deep linking).
    pub(super) fn claim(&self, subscription: Uuid) -> String {
        let id = subscription.simple().to_string();
        let signature = self.sign("claim", &id);
        format!("{id}_{signature}")
    }

    /// The subscription of a token that [`Links::claim`] made.
    pub(super) fn claimed(&self, token: &str) -> Option<Uuid> {
        let (id, signature) = token.split_once('_')?;
        self.fits("claim", id, signature).then(|| id.parse().ok()).flatten()
    }

    /// What a payer sends the bot from another account to have what they bought there. It holds until it is moved again, which
    /// changes `bound_at`.
    pub(super) fn moving(&self, subscription: Uuid, bound_at: Timestamp) -> String {
        let id = subscription.simple().to_string();
        let signature = self.sign("move", &format!("{id} {}", bound_at.timestamp()));
        format!("{id}_{signature}")
    }

    /// The subscription that a token of [`Links::moving`] is about. Whether it holds is for [`Links::may_move`].
    pub(super) fn moved(token: &str) -> Option<Uuid> {
        token.split_once('_')?.0.parse().ok()
    }

    /// Whether a token of [`Links::moving`] holds.
    pub(super) fn may_move(&self, token: &str, subscription: Uuid, bound_at: Timestamp) -> bool {
        let id = subscription.simple().to_string();
        let text = format!("{id} {}", bound_at.timestamp());
        token.split_once('_').is_some_and(|(of, signature)| of == id && self.fits("move", &text, signature))
    }

    /// Names a member in a link that the bot gives them.
    pub(super) fn member(&self, tenant: &TenantId, member: &Address) -> String {
        let path = member.as_str().replace(':', ".");
        let signature = self.sign("member", &format!("{tenant} {path}"));
        format!("{path}_{signature}")
    }

    /// The member of a token that [`Links::member`] made.
    pub(super) fn named(&self, tenant: &TenantId, token: &str) -> Option<Address> {
        let (path, signature) = token.rsplit_once('_')?;
        let fits = self.fits("member", &format!("{tenant} {path}"), signature);
        fits.then(|| Address::from_normalised(&path.replacen('.', ":", 1)))
    }

    fn sign(&self, purpose: &str, text: &str) -> String {
        let mac = hmac_sha256(self.0, &[format!("palabre {purpose} {text}").as_bytes()]);
        hex(&mac[..SIGNATURE_DIGITS / 2])
    }

    fn fits(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let expected = self.sign(purpose, text);
        signature.len() == SIGNATURE_DIGITS && bool::from(expected.as_bytes().ct_eq(signature.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_for_what_they_were_made_for() {
        let (links, others) = (Links::new(b"one key"), Links::new(b"another key"));
        let (id, belle, taxi) = (Uuid::now_v7(), TenantId::new("belle"), TenantId::new("taxi"));
        let token = links.claim(id);
        assert!(token.len() + "claim_".len() <= 64 && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        assert_eq!(links.claimed(&token), Some(id));
        let member = Address::from_normalised("telegram:123456789");
        let named = links.member(&belle, &member);
        assert_eq!(links.named(&belle, &named), Some(member));
        assert_eq!((links.named(&taxi, &named), others.named(&belle, &named)), (None, None));
        let (bound, later) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(30));
        let moving = links.moving(id, bound);
        assert!(moving.len() + "move_".len() <= 64 && Links::moved(&moving) == Some(id));
        assert!(links.may_move(&moving, id, bound) && !links.may_move(&moving, id, later));
        assert!(!links.may_move(&token, id, bound) && !others.may_move(&moving, id, bound));
        assert_eq!(links.claimed(&moving), None, "each link does what it was made for");
        let mut wrong = vec![token.clone() + "0", token.replace('_', ""), String::new(), "_".to_owned(), named];
        wrong.push(format!("{}_{}", Uuid::now_v7().simple(), token.split_once('_').unwrap().1));
        for wrong in wrong {
            assert_eq!((links.claimed(&wrong), others.claimed(&token)), (None, None), "{wrong}");
        }
    }
}
