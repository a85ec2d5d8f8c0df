//! What must be so at the end of the story: the database, the chat and Stripe tell the same.

use std::collections::BTreeSet;

use super::narrator::Observed;
use crate::lab::verdict::{Finding, Verdict};

/// What was seen, and what is left.
#[derive(Clone, Debug, Default)]
pub(super) struct AccessEvidence {
    pub observed: Observed,
    /// Events of Stripe in the table, and how many of them were applied.
    pub kept: usize,
    pub applied: usize,
    /// What the bot wrote to the member.
    pub told: Vec<String>,
    /// Who is in the chat, and who should be.
    pub members: BTreeSet<i64>,
    pub expected: BTreeSet<i64>,
    /// The subscription's state, and those of its places.
    pub state: String,
    pub places: Vec<String>,
    /// Bans, and ends of bans that would remove nobody who is in.
    pub bans: usize,
    pub unbans: usize,
    /// Requests that Stripe refused: they named no key, no account, or another one.
    pub refused: usize,
    /// What the daemon logged, and what may not stand there.
    pub log: String,
    pub secrets: Vec<String>,
}

/// Judges all of it.
pub(super) fn judge(evidence: &AccessEvidence) -> Vec<Verdict> {
    vec![once_in(evidence), once_told(evidence), discreet(evidence), entitled(evidence), same(evidence)]
}

fn once_in(evidence: &AccessEvidence) -> Verdict {
    let mut finding = Finding::of("I2", "once in");
    let posted = evidence.observed.posted.len();
    let distinct: BTreeSet<&String> = evidence.observed.posted.iter().collect();
    finding.exercised(posted - distinct.len(), "no event was posted twice");
    finding.must(evidence.kept == distinct.len(), || format!("{} events are kept", evidence.kept));
    finding.must(evidence.applied == evidence.kept, || format!("{} events were applied", evidence.applied));
    finding.verdict(format!("{posted} webhooks of {} events, each kept once and applied", distinct.len()))
}

fn once_told(evidence: &AccessEvidence) -> Verdict {
    let mut finding = Finding::of("I5", "once out");
    let distinct: BTreeSet<&String> = evidence.told.iter().collect();
    finding.exercised(evidence.told.len(), "nothing was told");
    finding.must(distinct.len() == evidence.told.len(), || "something was told twice".to_owned());
    finding.must(evidence.bans == evidence.unbans, || {
        format!("{} bans and {} ends of bans: somebody who pays could not come back", evidence.bans, evidence.unbans)
    });
    finding.verdict(format!("{} messages to the member, none of them twice", evidence.told.len()))
}

fn discreet(evidence: &AccessEvidence) -> Verdict {
    let mut finding = Finding::of("I10", "discreet");
    finding.exercised(evidence.log.len(), "the log is empty");
    for (at, secret) in evidence.secrets.iter().enumerate() {
        finding.must(!evidence.log.contains(secret), || format!("secret number {at} stands in the log"));
    }
    finding.verdict("no key, token, number or e-mail in the log".to_owned())
}

fn entitled(evidence: &AccessEvidence) -> Verdict {
    let mut finding = Finding::of("I13", "entitled");
    let sightings = &evidence.observed.sightings;
    finding.exercised(sightings.iter().filter(|one| one.may_be_in).count(), "she never was to be in");
    finding.exercised(sightings.iter().filter(|one| !one.may_be_in).count(), "she never was to be out");
    for one in sightings {
        finding.must(one.is_in == one.may_be_in, || {
            format!("day {}: {}", one.day, if one.is_in { "in without a right" } else { "out though she has a right" })
        });
    }
    if let Some(missed) = evidence.observed.missed {
        finding.must(false, || format!("it never came: {missed}"));
    }
    finding.verdict(format!(
        "{} looks on {} days: in while paid or in grace, out after it",
        sightings.len(),
        days(evidence)
    ))
}

fn same(evidence: &AccessEvidence) -> Verdict {
    let mut finding = Finding::of("I13", "same picture");
    finding.must(evidence.members == evidence.expected, || {
        format!("{} are in the chat, {} should be", evidence.members.len(), evidence.expected.len())
    });
    finding.must(evidence.state == "active", || format!("the subscription is {}", evidence.state));
    finding.must(evidence.places == ["in"], || format!("the member's places are {:?}", evidence.places));
    finding.must(evidence.refused == 0, || format!("Stripe refused {} requests", evidence.refused));
    finding.verdict(
        "the database, the chat and Stripe tell the same; every request named the creator's account".to_owned(),
    )
}

fn days(evidence: &AccessEvidence) -> usize {
    evidence.observed.sightings.iter().map(|one| one.day).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::narrator::Sighting;
    use super::*;

    fn sound() -> AccessEvidence {
        let sighting = |day, may_be_in| Sighting { day, is_in: may_be_in, may_be_in };
        AccessEvidence {
            observed: Observed {
                sightings: vec![sighting(0, true), sighting(35, false), sighting(36, true)],
                posted: ["evt_1", "evt_2", "evt_1"].map(str::to_owned).to_vec(),
                missed: None,
            },
            kept: 2,
            applied: 2,
            told: ["a", "b"].map(str::to_owned).to_vec(),
            members: [1, 2].into(),
            expected: [1, 2].into(),
            state: "active".to_owned(),
            places: vec!["in".to_owned()],
            bans: 1,
            unbans: 1,
            refused: 0,
            log: "a line".to_owned(),
            secrets: vec!["a secret".to_owned()],
        }
    }

    /// What changes the evidence so that a check must fail.
    type Breach = fn(&mut AccessEvidence);

    #[test]
    fn every_check_can_fail() {
        assert!(judge(&sound()).iter().all(|verdict| verdict.holds), "{:?}", judge(&sound()));
        let breaches: [(usize, Breach); 12] = [
            (0, |all| all.kept = 3),
            (0, |all| all.applied = 1),
            (0, |all| all.observed.posted.truncate(2)),
            (1, |all| all.told.push("a".to_owned())),
            (1, |all| all.unbans = 0),
            (2, |all| all.log.push_str("a secret")),
            (3, |all| all.observed.sightings[1].is_in = true),
            (3, |all| all.observed.sightings[2].is_in = false),
            (3, |all| all.observed.missed = Some("an invitation")),
            (4, |all| all.members = [1, 2, 3].into()),
            (4, |all| all.state = "grace".to_owned()),
            (4, |all| all.refused = 1),
        ];
        for (number, (check, breach)) in breaches.into_iter().enumerate() {
            let mut evidence = sound();
            breach(&mut evidence);
            let broken: Vec<usize> = (0..5).filter(|at| !judge(&evidence)[*at].holds).collect();
            assert_eq!(broken, [check], "breach {number}");
        }
    }
}
