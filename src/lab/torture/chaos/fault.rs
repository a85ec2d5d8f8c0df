//! Faults of a chaos day: what each does, and who has to tell it.

use crate::lab::torture::installation::ServerKind;
use crate::lab::torture::surroundings::{MadeByCommands, Surroundings};

/// A fault, with those who have to tell it.
#[derive(Clone, Debug)]
pub(super) struct ChaosFault {
    pub(super) name: String,
    pub(super) told: Told,
    /// The alert that fires.
    pub(super) alert: String,
    /// What `palabre doctor` finds: a check, or what one is about.
    pub(super) doctor: String,
    pub(super) kind: FaultKind,
}

/// How the nodes tell a fault to whoever asks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// One of them does not answer.
    ByNoAnswer,
    /// This component of `/api/health` is not up.
    By(String),
    /// The alert alone tells it.
    ByAlert,
}

#[derive(Clone, Debug)]
pub(super) enum FaultKind {
    NodeKilled,
    NodeStandsStill,
    ServerAway(ServerKind),
    ProvidersDown,
    FileWrong,
    ClockJumps,
    Made(MadeByCommands),
}

impl MadeByCommands {
    /// The server that is out of reach meanwhile.
    pub(super) fn away(&self) -> Option<ServerKind> {
        self.database_away.then_some(ServerKind::Database)
    }
}

impl FaultKind {
    /// Whether messages may have to wait on the nodes' disks, from where they come back node by node.
    pub(super) fn keeps_messages(&self) -> bool {
        match self {
            Self::ServerAway(server) => *server == ServerKind::Database,
            Self::Made(made) => made.component.as_deref() == Some("store"),
            _ => false,
        }
    }
}

impl ChaosFault {
    /// Those that can always be made.
    const ALWAYS: [(&str, Option<&str>, &str, &str, FaultKind); 6] = [
        ("a node killed", None, "PalabreDown", "daemon", FaultKind::NodeKilled),
        ("a node stands still", None, "PalabreDown", "daemon", FaultKind::NodeStandsStill),
        (
            "postgresql crashed and away",
            Some("store"),
            "PalabreDatabaseAway",
            "database",
            FaultKind::ServerAway(ServerKind::Database),
        ),
        (
            "redis crashed and away",
            Some("redis"),
            "PalabreRedisAway",
            "redis",
            FaultKind::ServerAway(ServerKind::Redis),
        ),
        ("the providers down", Some("channels"), "PalabreChannelOpen", "channels", FaultKind::ProvidersDown),
        ("a tenant's file wrong", Some("configuration"), "PalabreConfigRefused", "configuration", FaultKind::FileWrong),
    ];

    /// Those that can be made here.
    pub(super) fn all(surroundings: &Surroundings) -> Vec<Self> {
        let always = Self::ALWAYS.into_iter().map(|(name, component, alert, doctor, kind)| Self {
            name: name.to_owned(),
            told: component.map_or(Told::ByNoAnswer, |component| Told::By(component.to_owned())),
            alert: alert.to_owned(),
            doctor: doctor.to_owned(),
            kind,
        });
        let clock = surroundings.clock_library.iter().map(|_| Self {
            name: "a node's clock jumps".to_owned(),
            told: Told::By("clock".to_owned()),
            alert: "PalabreClockWrong".to_owned(),
            doctor: "clock".to_owned(),
            kind: FaultKind::ClockJumps,
        });
        let made = surroundings.faults.iter().map(|made| Self {
            name: made.name.clone(),
            told: made.component.clone().map_or(Told::ByAlert, Told::By),
            alert: made.alert.clone(),
            doctor: made.doctor.clone(),
            kind: FaultKind::Made(made.clone()),
        });
        always.chain(clock).chain(made).collect()
    }
}
