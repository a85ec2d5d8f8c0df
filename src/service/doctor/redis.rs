//! Check of Redis, where the nodes share one.

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::cache::{RedisProblem, ping};

const CHECK: &str = "redis";

pub(super) async fn check(of: &Installation<'_>) -> Vec<DoctorFinding> {
    let Some(redis) = &of.config().redis else { return Vec::new() };
    vec![match ping(&redis.url).await {
        Ok(()) => DoctorFinding::good(CHECK, text("it answers", "il répond")),
        Err(RedisProblem::Refused) => DoctorFinding::wrong(
            CHECK,
            text("it refuses the credentials", "il refuse les identifiants"),
            text("compare redis.url with the server's users", "comparer redis.url avec les utilisateurs du serveur"),
        ),
        Err(RedisProblem::BadUrl) => DoctorFinding::wrong(
            CHECK,
            text("redis.url leads to no server", "redis.url ne mène à aucun serveur"),
            text("write it like redis://127.0.0.1:6379", "l'écrire comme redis://127.0.0.1:6379"),
        ),
        Err(RedisProblem::Away) => DoctorFinding::doubtful(
            CHECK,
            text(
                "it does not answer: each node keeps to its share of every rate limit",
                "il ne répond pas : chaque nœud s'en tient à sa part de chaque limite",
            ),
            text("start it (docs/runbooks/redis.md)", "le démarrer (docs/runbooks/redis.md)"),
        ),
    }]
}
