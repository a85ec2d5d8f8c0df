//! Check of the clock: against the `Date` of whoever answers over HTTP, and against PostgreSQL's.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use palabre_actors::domain::Timestamp;
use url::Url;

use super::database::DatabaseAnswer;
use super::finding::{DoctorFinding, text};
use super::{ASK_TIME, Installation};

const CHECK: &str = "clock";

/// Codes of a second factor are of half a minute, and nodes compare leases: a few seconds are no harm.
const DOUBTFUL: TimeDelta = TimeDelta::seconds(5);
/// Signed webhooks of some providers are refused when they are minutes old.
const WRONG: TimeDelta = TimeDelta::seconds(60);

/// Those who are asked at once.
const MOST: usize = 4;

pub(super) async fn check(
    of: &Installation<'_>,
    client: &reqwest::Client,
    database: &DatabaseAnswer,
) -> Vec<DoctorFinding> {
    let config = of.config();
    let channels = of.tenants().flat_map(|tenant| &tenant.channels);
    let urls = channels.filter_map(|channel| channel.provider.api_base_url.as_deref());
    let origins: BTreeSet<String> =
        urls.chain(config.http.public_base_url.as_deref()).filter_map(origin).take(MOST).collect();
    let asked = join_all(origins.iter().map(|origin| date(client, origin))).await;
    let mut apart: Vec<TimeDelta> = asked.into_iter().flatten().collect();
    if let DatabaseAnswer::Facts(_, server) = database {
        apart.extend(*server);
    }
    let Some(most) = apart.into_iter().max_by_key(TimeDelta::abs) else {
        return vec![DoctorFinding::doubtful(
            CHECK,
            text("nobody could be asked for the time", "personne n'a pu donner l'heure"),
            text("look at `timedatectl`", "regarder `timedatectl`"),
        )];
    };
    vec![judged(most)]
}

fn judged(apart: TimeDelta) -> DoctorFinding {
    let seconds = apart.num_seconds();
    let off = text(
        format!("this machine's clock is {seconds} s from others'"),
        format!("l'horloge de cette machine est à {seconds} s de celle des autres"),
    );
    let todo = text(
        "let it be set over the network (`timedatectl set-ntp true`)",
        "la faire régler par le réseau (`timedatectl set-ntp true`)",
    );
    match apart.abs() {
        apart if apart >= WRONG => DoctorFinding::wrong(CHECK, off, todo),
        apart if apart >= DOUBTFUL => DoctorFinding::doubtful(CHECK, off, todo),
        _ => DoctorFinding::good(CHECK, text("it is right", "elle est à l'heure")),
    }
}

fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

/// How far our clock is ahead of the one behind a URL. It is told in whole seconds, and we hear it a moment later.
async fn date(client: &reqwest::Client, origin: &str) -> Option<TimeDelta> {
    let before = Utc::now();
    let answer = client.head(origin).timeout(ASK_TIME).send().await.ok()?;
    let after: Timestamp = Utc::now();
    let told = answer.headers().get("date")?.to_str().ok()?;
    let theirs = DateTime::parse_from_rfc2822(told).ok()?.with_timezone(&Utc) + TimeDelta::milliseconds(500);
    Some(before + (after - before) / 2 - theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::SetupLevel;

    #[test]
    fn a_clock_is_right_within_seconds() {
        for (seconds, level) in [
            (0, SetupLevel::Good),
            (4, SetupLevel::Good),
            (-30, SetupLevel::Doubtful),
            (59, SetupLevel::Doubtful),
            (-61, SetupLevel::Wrong),
            (86_400, SetupLevel::Wrong),
        ] {
            assert_eq!(judged(TimeDelta::seconds(seconds)).level, level, "{seconds}");
        }
    }
}
