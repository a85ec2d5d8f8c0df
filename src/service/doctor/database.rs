//! Check of the database: whether it answers, is up to date, and keeps what it is given.

use std::path::PathBuf;

use chrono::{TimeDelta, Utc};

use super::finding::{DoctorFinding, DoctorText, text};
use super::{ASK_TIME, Installation, files};
use crate::store::{DatabaseFacts, ServerFacts, sqlite_path};

const CHECK: &str = "database";

/// What the database said, asked once for all checks.
#[derive(Debug)]
pub(super) enum DatabaseAnswer {
    /// SQLite, and there is no file of this name yet.
    NoFile(PathBuf),
    /// With how far this machine's clock is ahead of the server's.
    Facts(DatabaseFacts, Option<TimeDelta>),
    /// It does not answer, in sqlx's own words, which name neither password nor row.
    Silent(String),
}

pub(super) async fn ask(of: &Installation<'_>) -> DatabaseAnswer {
    let url = &of.config().database.url;
    if let Some(file) = sqlite_path(url).filter(|file| !file.exists()) {
        return DatabaseAnswer::NoFile(file);
    }
    match tokio::time::timeout(ASK_TIME, DatabaseFacts::read(url)).await {
        Ok(Ok(facts)) => {
            let apart = facts.server.map(|server| Utc::now() - server.now);
            DatabaseAnswer::Facts(facts, apart)
        }
        Ok(Err(error)) => DatabaseAnswer::Silent(error.to_string()),
        Err(_) => DatabaseAnswer::Silent("no answer in time".to_owned()),
    }
}

pub(super) fn check(of: &Installation<'_>, answer: &DatabaseAnswer) -> Vec<DoctorFinding> {
    let why = match answer {
        DatabaseAnswer::Facts(facts, _) => return judged(of, facts),
        DatabaseAnswer::NoFile(file) => {
            return vec![DoctorFinding::doubtful(
                CHECK,
                text(
                    format!("there is no database yet: {}", file.display()),
                    format!("il n'y a pas encore de base : {}", file.display()),
                ),
                text("start the daemon, which makes it", "démarrer le serveur, qui la crée"),
            )];
        }
        DatabaseAnswer::Silent(why) => why,
    };
    vec![DoctorFinding::wrong(
        CHECK,
        text(format!("it does not answer: {why}"), format!("elle ne répond pas : {why}")),
        text(
            "start it, and compare database.url; meanwhile messages wait in the spool",
            "la démarrer, et vérifier database.url ; en attendant les messages restent dans le spool",
        ),
    )]
}

fn judged(of: &Installation<'_>, facts: &DatabaseFacts) -> Vec<DoctorFinding> {
    let megabytes = facts.bytes / 1_000_000;
    let mut findings = vec![DoctorFinding::good(
        CHECK,
        text(format!("{} answers, {megabytes} MB", facts.version), format!("{} répond, {megabytes} Mo", facts.version)),
    )];
    if facts.missing_migrations > 0 {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{} migrations are missing", facts.missing_migrations),
                format!("il manque {} migrations", facts.missing_migrations),
            ),
            text(
                "restart the daemon, or run `palabre migrate` (the changelog says what an update needs)",
                "redémarrer le serveur, ou lancer `palabre migrate` (le changelog dit ce qu'une mise à jour demande)",
            ),
        ));
    }
    for setting in &facts.unsafe_settings {
        findings.push(DoctorFinding::wrong(
            CHECK,
            text(
                format!("the setting {setting} lets a power cut lose messages that were acknowledged"),
                format!("le réglage {setting} fait perdre des messages acquittés à la moindre coupure"),
            ),
            text(format!("turn {setting} on"), format!("activer {setting}")),
        ));
    }
    findings.extend(facts.server.iter().flat_map(of_server));
    if let Some(folder) = sqlite_path(&of.config().database.url).and_then(|file| file.parent().map(ToOwned::to_owned)) {
        findings.push(files::room(CHECK, &folder));
    }
    findings
}

fn of_server(server: &ServerFacts) -> Vec<DoctorFinding> {
    let mut findings = Vec::new();
    let mut doubtful = |what: DoctorText, todo: DoctorText| findings.push(DoctorFinding::doubtful(CHECK, what, todo));
    if server.long_transactions > 0 {
        let (count, minutes) = (server.long_transactions, server.longest_s / 60);
        doubtful(
            text(
                format!("{count} transactions have been open for minutes, the longest for {minutes}"),
                format!("{count} transactions sont ouvertes depuis des minutes, la plus longue depuis {minutes}"),
            ),
            text(
                "end what holds them (pg_stat_activity): they keep old rows from being cleaned up",
                "terminer ce qui les tient (pg_stat_activity) : elles empêchent de nettoyer les vieilles lignes",
            ),
        );
    }
    if server.connections * 10 >= server.max_connections * 9 {
        let (used, most) = (server.connections, server.max_connections);
        doubtful(
            text(
                format!("{used} of {most} connections are in use"),
                format!("{used} connexions sur {most} sont prises"),
            ),
            text(
                "raise max_connections, or end other programs'",
                "relever max_connections, ou fermer celles des autres",
            ),
        );
    }
    if server.is_read_only {
        findings.push(DoctorFinding::wrong(
            CHECK,
            text(
                "it takes no changes: it is a read replica, or was set read-only",
                "elle n'accepte pas d'écriture : c'est une réplique, ou elle est en lecture seule",
            ),
            text("give database.url the server that takes changes", "donner à database.url le serveur qui écrit"),
        ));
    }
    findings
}
