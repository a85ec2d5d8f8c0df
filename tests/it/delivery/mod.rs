//! Delivery seen from outside: what reaches the provider, what the database holds, what `palabre explain` says of it.

mod breaker;
mod budget;
mod consent;
mod fairness;
mod late_failures;
mod rate_limits;
mod retries;
mod unknown;
mod window;

use std::process::Command;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, When};
use uuid::Uuid;

use crate::daemon::{Setup, Tenant, World, on_postgres};

pub const ANNE: &str = "+33612345678";
pub const BOB: &str = "+33687654321";
pub const CHLOE: &str = "+33698765432";

/// Sweeps, questions and retries without waiting; nothing is paced.
pub fn quick() -> Setup {
    let channel = "per_second = 10000\npair = \"off\"\nretry.initial = \"20ms\"\nretry.cap = \"50ms\"";
    Setup {
        daemon: "[runtime]\nsweep_every = \"50ms\"\nask_after = \"50ms\"".to_owned(),
        whatsapp: channel.to_owned(),
        sms: channel.to_owned(),
        ..Setup::default()
    }
}

/// The same with more keys of the WhatsApp channels.
pub fn quick_with(whatsapp: &str) -> Setup {
    let quick = quick();
    Setup { whatsapp: format!("{}\n{whatsapp}", quick.whatsapp), ..quick }
}

/// Whatever goes to a contact by WhatsApp meets this.
pub fn on_whatsapp(contact: &str, fault: Fault) -> Rule {
    Rule::always(fault).when(When::To(format!("whatsapp:{contact}")))
}

pub fn too_many(retry_after_secs: u64) -> Fault {
    Fault::TooManyRequests { retry_after_secs: Some(retry_after_secs) }
}

pub fn refuse(code: u32) -> Fault {
    Fault::Refuse { status: 400, code }
}

/// A message that a person asks for, as its row is written.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    pub body: &'a str,
    /// JSON
    pub template: Option<&'a str>,
    pub not_urgent: bool,
    pub expires_at: Option<&'a str>,
}

impl World {
    /// Writes the row of a message to a contact who has a conversation by WhatsApp. Answers its id.
    pub async fn ask_for(&self, tenant: Tenant, contact: &str, asked: Asked<'_>) -> String {
        let (id, flow, tenant) = (Uuid::now_v7(), Uuid::now_v7(), tenant.id);
        let quoted = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"));
        let (template, expires_at) = (quoted(asked.template), quoted(asked.expires_at));
        let (body, urgent, now) = (asked.body, !asked.not_urgent, now());
        self.execute(&format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
             next_attempt_at, correlation_id, created_at, updated_at, urgent, template, expires_at) \
             SELECT '{id}', tenant_id, channel_id, id, address, '{body}', 'manual', 'pending', 0, {now}, '{flow}', \
             {now}, {now}, {urgent}, {template}, {expires_at} FROM conversations \
             WHERE tenant_id = '{tenant}' AND address = 'whatsapp:{contact}'"
        ))
        .await;
        id.to_string()
    }

    /// The id of the message out with this text in it.
    pub async fn id_of(&self, text: &str) -> String {
        let rows = format!("FROM messages_out WHERE body LIKE '%{text}%'");
        self.until(&format!("SELECT count(*) {rows}"), 1).await;
        self.value(&format!("SELECT id {rows}")).await
    }

    /// Waits until a message is in a state, with this reason.
    pub async fn until_is(&self, id: &str, state: &str, reason: Option<&str>) {
        let reason = reason.map_or_else(|| "IS NULL".to_owned(), |reason| format!("= '{reason}'"));
        let sql = format!(
            "SELECT count(*) FROM messages_out WHERE id = '{id}' AND state = '{state}' AND coalesce(blocked_reason, last_error) {reason}"
        );
        self.until(&sql, 1).await;
    }

    /// How many seconds lie between two columns' or expressions' times of a message.
    pub async fn seconds_between(&self, id: &str, earlier: &str, later: &str) -> f64 {
        let seconds = if on_postgres() {
            format!("extract(epoch FROM ({later} - {earlier}))::float8")
        } else {
            format!("(julianday({later}) - julianday({earlier})) * 86400.0")
        };
        self.value(&format!("SELECT {seconds} FROM messages_out WHERE id = '{id}'")).await
    }

    /// The events of a message, as `type` or `type:reason`, in their order.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let sql = format!(
            "SELECT event_type || coalesce(':' || coalesce(payload->>'code', payload->>'reason'), '') FROM event_log \
             WHERE entity_id = '{id}' ORDER BY {}",
            as_written()
        );
        self.rows(&sql, |row| row.try_get_by_index::<String>(0).expect("text")).await
    }

    /// Everything that waits for another attempt may be tried now.
    pub async fn make_due(&self) {
        self.execute(&format!("UPDATE messages_out SET next_attempt_at = {} WHERE state = 'pending'", now())).await;
    }

    /// Every contact last wrote long ago.
    pub async fn close_windows(&self) {
        self.execute("UPDATE conversations SET last_inbound_at = '2026-01-01T00:00:00.000000Z'").await;
    }

    /// `palabre explain ID` in English and in French: each must say its part.
    pub fn explains(&self, id: &str, english: &str, french: &str) {
        for (language, expected) in [("en", english), ("fr", french)] {
            let said = self.explained(id, language);
            assert!(said.contains(expected), "no `{expected}` in:\n{said}");
            assert!(!said.contains("no words") && !said.contains("pas de mots"), "{said}");
        }
    }

    /// What `palabre explain ID` says in a language.
    pub fn explained(&self, id: &str, language: &str) -> String {
        let told = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(["explain", id, "--language", language, "--config"])
            .arg(self.config())
            .output()
            .expect("the program starts");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }

    /// Waits until a channel stands so.
    pub async fn until_channel(&self, channel: &str, state: &str) {
        let tenant = channel.strip_suffix("-sms").unwrap_or(channel);
        let line = format!("palabre_channel_state{{tenant=\"{tenant}\",channel=\"{channel}\",state=\"{state}\"}}");
        self.until_metric(&line, 1.0).await;
    }

    /// What Twilio took, in order: to whom, and what.
    pub fn taken_texts(&self) -> Vec<(String, String)> {
        self.twilio.sends().into_iter().map(|sent| (sent.to, sent.body)).collect()
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.twilio.set_faults(Faults::none());
    }
}

/// A time zone in which it is about noon, so that the day does not end during a test; and when it ends (UTC).
pub fn where_it_is_noon() -> (String, chrono::NaiveDateTime) {
    let now = chrono::Utc::now();
    let hour: u32 = now.format("%H").to_string().parse().expect("an hour");
    let ahead = 12 - i64::from(hour);
    let timezone = match ahead {
        0 => "Etc/GMT".to_owned(),
        // These names have their signs the other way round.
        1.. => format!("Etc/GMT-{ahead}"),
        _ => format!("Etc/GMT+{}", -ahead),
    };
    let midnight = now.date_naive().and_hms_opt(0, 0, 0).expect("midnight") + chrono::TimeDelta::hours(24 - ahead);
    (timezone, midnight)
}

/// The line of `/metrics` that counts dead letters of a channel.
pub fn dead_letters(channel: &str) -> String {
    format!("palabre_outbox_dead_total{{tenant=\"{channel}\",channel=\"{channel}\",state=\"dead\"}}")
}

/// The database's own clock, as the tables write times.
pub fn now() -> &'static str {
    if on_postgres() { "now()" } else { "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')" }
}

/// The order in which events and consents were written.
pub fn as_written() -> &'static str {
    if on_postgres() { "created_at, id" } else { "rowid" }
}

/// What the fallback says to a text.
pub fn echo(text: &str) -> String {
    format!("Vous avez écrit : {text}")
}
