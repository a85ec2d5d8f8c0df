//! Names of all metrics, with their kind and meaning.

use palabre_actors::runtime::metric as core_metric;

/// Requests answered, by `route` and `status`.
pub const HTTP_REQUESTS: &str = "palabre_http_requests_total";
/// From a request's head to the last byte of its answer, by `route`.
pub const HTTP_REQUEST_SECONDS: &str = "palabre_http_request_seconds";
/// Requests whose answer is not written yet.
pub const HTTP_IN_FLIGHT: &str = "palabre_http_in_flight_count";
/// Connections that were ended because of what came on them, or what did not, by `reason`.
pub const HTTP_CONNECTIONS_ENDED: &str = "palabre_http_connections_ended_total";
/// Its reasons: requests that are not HTTP, heads that did not come, answers that were not read, an address that has its share.
pub const CONNECTION_REASONS: &[&str] = &["malformed", "slow_head", "slow_reader", "too_many"];
/// What became of webhooks, by `tenant`, `channel` and `outcome`.
pub const WEBHOOK_OUTCOMES: &str = "palabre_webhook_outcomes_total";
/// Webhooks for which no channel was found, by `route`.
pub const WEBHOOK_STRAYS: &str = "palabre_webhook_strays_total";

pub const PROCESS_RESIDENT_MEMORY: &str = "palabre_process_resident_memory_bytes";
/// CPU time used, user and system. A gauge that only grows.
pub const PROCESS_CPU: &str = "palabre_process_cpu_seconds_total";
/// Open file descriptors.
pub const PROCESS_OPEN_FDS: &str = "palabre_process_open_fds_count";
pub const PROCESS_THREADS: &str = "palabre_process_threads_count";
/// Since the process started.
pub const PROCESS_UPTIME: &str = "palabre_process_uptime_seconds";
/// Panics of any thread or task.
pub const PROCESS_PANICS: &str = "palabre_process_panics_total";
/// Always 1; the `version` label says what runs.
pub const PROCESS_BUILD: &str = "palabre_process_build_info";
/// Log lines lost because standard output could not keep up.
pub const LOGS_DROPPED: &str = "palabre_logs_dropped_lines_total";

/// What became of errors for Sentry, by `result`.
pub const SENTRY_EVENTS: &str = "palabre_sentry_events_total";
/// Its words: posted, refused or unanswered, too many of a kind, too many at once.
pub const SENTRY_RESULTS: &[&str] = &["sent", "failed", "limited", "dropped"];
/// What became of spans for the collector, by `result`.
pub const OTLP_SPANS: &str = "palabre_otlp_spans_total";
/// Its words: posted, refused or unanswered, too many at once.
pub const OTLP_RESULTS: &[&str] = &["exported", "failed", "dropped"];

/// Rows that one transaction of the store wrote.
pub const STORE_BATCH_ROWS: &str = "palabre_store_batch_rows";
/// Seconds of one transaction of the store.
pub const STORE_COMMIT_SECONDS: &str = "palabre_store_commit_seconds";
/// Transactions that failed; their entries were tried one by one.
pub const STORE_FAILED_BATCHES: &str = "palabre_store_failed_batches_total";
/// Transactions that another one was in the way of; they were written again.
pub const STORE_COLLISIONS: &str = "palabre_store_collisions_total";

/// 1 while the database takes what is written, 0 while its disk is full or fails.
pub const STORE_WRITABLE: &str = "palabre_store_writable";

/// How often the tenants' files were taken over, refused, or failed to be taken over, by `result`.
pub const CONFIG_RELOADS: &str = "palabre_config_reloads_total";
/// 1 while a tenant's file does not hold and what it said before counts.
pub const CONFIG_REFUSED: &str = "palabre_config_reload_refused";
/// Tenants that are served.
pub const CONFIG_TENANTS: &str = "palabre_config_tenants";
/// Words of [`CONFIG_RELOADS`].
pub const CONFIG_RELOAD_RESULTS: &[&str] = &["applied", "refused", "failed"];

/// Rows that were deleted because they were older than their retention, by `table`.
pub const RETENTION_ROWS: &str = "palabre_retention_deleted_rows_total";
/// Whole months that were.
pub const RETENTION_MONTHS: &str = "palabre_retention_dropped_months_total";
/// How often it failed.
pub const RETENTION_FAILURES: &str = "palabre_retention_failures_total";
/// Lines of journals that are durable, by `tenant`.
pub const JOURNAL_LINES: &str = "palabre_journal_lines_total";
/// How often a journal could not be written, by `tenant`.
pub const JOURNAL_FAILURES: &str = "palabre_journal_failures_total";
/// How far a journal is behind the event log, by `tenant`.
pub const JOURNAL_BEHIND_SECONDS: &str = "palabre_journal_behind_seconds";
/// Attempts to fetch a file of a message, by `tenant` and `outcome`.
pub const MEDIA_FILES: &str = "palabre_media_files_total";
/// Files of messages that wait to be fetched.
pub const MEDIA_WAITING: &str = "palabre_media_waiting";
/// Events of payment systems that were applied.
pub const PAYMENT_EVENTS: &str = "palabre_payment_events_total";
/// Outcomes of Stripe's events that change nothing, although somebody may have paid.
pub const PAYMENTS_NOT_TAKEN: &[&str] = &["unknown_account", "missing_account", "other_mode"];
/// Changes of subscriptions' states.
pub const ACCESS_CHANGES: &str = "palabre_access_changes_total";

/// Look-ups in CRMs, by `tenant` and `outcome` (`found`, `absent`, `failed`).
pub const CRM_LOOKUPS: &str = "palabre_crm_lookups_total";
/// Contacts by what the tenant's CRM knows of them, by `tenant` and `state` (`found`, `absent`, `pending`).
pub const CRM_CONTACTS: &str = "palabre_crm_contacts_count";
/// Events that were posted to endpoints, by `tenant`, `webhook` and `outcome`.
pub const EVENTS_OUT: &str = "palabre_events_out_total";
/// Pushes to browsers of people, by `outcome`.
pub const PUSHES: &str = "palabre_push_notices_total";
/// Events that wait for an endpoint.
pub const EVENTS_OUT_WAITING: &str = "palabre_events_out_waiting_count";
/// Events that are not tried again.
pub const EVENTS_OUT_DEAD: &str = "palabre_events_out_dead_count";
/// How long the oldest event has waited.
pub const EVENTS_OUT_OLDEST_SECONDS: &str = "palabre_events_out_oldest_seconds";
/// 1 for an endpoint that answered 410.
pub const EVENTS_OUT_DISABLED: &str = "palabre_events_out_disabled";
/// Questions to assistants, by `tenant` and `outcome`.
pub const ASSISTANT_ANSWERS: &str = "palabre_assistant_answers_total";
/// How long they took.
pub const ASSISTANT_SECONDS: &str = "palabre_assistant_answer_seconds";
/// Tokens of assistants, by `tenant` and `kind`.
pub const ASSISTANT_TOKENS: &str = "palabre_assistant_tokens_total";
/// What assistants cost, by `tenant`.
pub const ASSISTANT_COST: &str = "palabre_assistant_cost_micros_total";

/// When the certificate of the public URL ends, in seconds since 1970.
pub const CERTIFICATE_ENDS: &str = "palabre_public_certificate_ends_seconds";
/// 1 while the certificate of the public URL is believed, 0 while it is not.
pub const CERTIFICATE_BELIEVED: &str = "palabre_public_certificate_believed";
/// How long the oldest message without a turn has waited; 0 when none does.
pub const UNANSWERED_OLDEST_SECONDS: &str = "palabre_ingress_oldest_seconds";
/// How long the oldest message out that is due has waited to be sent, by `tenant`; 0 when none does.
pub const DUE_OLDEST_SECONDS: &str = "palabre_outbox_oldest_due_seconds";
/// Paid chats in which the bot lost its rights, by `tenant`.
pub const STUCK_CHATS: &str = "palabre_access_stuck_chats_count";
/// 1 while a chain of the audit log is not whole, by `tenant` (`-`: the installation's).
pub const AUDIT_BROKEN: &str = "palabre_audit_broken";

/// Messages that are kept in the spool and not in the database yet.
pub const SPOOL_RECORDS: &str = "palabre_spool_records";
/// What they take of the disk.
pub const SPOOL_BYTES: &str = "palabre_spool_bytes";
/// How long the oldest has waited; 0 when none does.
pub const SPOOL_OLDEST_SECONDS: &str = "palabre_spool_oldest_seconds";
/// Messages that were kept because the database was away.
pub const SPOOL_KEPT: &str = "palabre_spool_kept_total";
/// Messages that went from the spool into the database.
pub const SPOOL_DRAINED: &str = "palabre_spool_drained_total";
/// Messages that could not be kept: the spool is full, or its disk fails.
pub const SPOOL_REFUSED: &str = "palabre_spool_refused_total";
/// Messages that the database refused for good; they are in `refused.spool`.
pub const SPOOL_SET_ASIDE: &str = "palabre_spool_set_aside_total";
/// Places in the spool's files that are damaged.
pub const SPOOL_DAMAGED: &str = "palabre_spool_damaged_total";
/// 1 while Redis answers, 0 while it does not; not there without one.
pub const REDIS_UP: &str = "palabre_redis_up";
/// Questions for permits that were answered by this node's share, because Redis did not answer.
pub const REDIS_FALLBACKS: &str = "palabre_redis_fallbacks_total";
/// Seconds that Redis took to answer a question for permits.
pub const REDIS_SCRIPT_SECONDS: &str = "palabre_redis_script_seconds";
/// Nodes that are alive, as far as this one knows.
pub const NODES: &str = "palabre_cluster_nodes_count";
/// How many seconds this node's clock is ahead of the database's, negative: behind; only with PostgreSQL.
pub const CLOCK_AHEAD_SECONDS: &str = "palabre_cluster_clock_ahead_seconds";

/// Every metric with its kind and meaning, in the order of the handbook's table.
pub const CATALOGUE: &[Metric] = &[
    Metric::counter(HTTP_REQUESTS, "Requests answered, by route and status"),
    Metric::histogram(HTTP_REQUEST_SECONDS, "From a request's head to the last byte of its answer, by route"),
    Metric::gauge(HTTP_IN_FLIGHT, "Requests whose answer is not written yet"),
    Metric::counter(HTTP_CONNECTIONS_ENDED, "Connections that were ended because of what came, or did not, by reason"),
    Metric::counter(WEBHOOK_OUTCOMES, "What became of webhooks, by tenant, channel and outcome"),
    Metric::counter(WEBHOOK_STRAYS, "Webhooks for which no channel was found, by route"),
    Metric::counter(core_metric::ACCEPTED, "Webhook messages made durable, by kind (new, duplicate)"),
    Metric::counter(core_metric::REFUSED, "Webhooks refused because too many waited already"),
    Metric::histogram(core_metric::ACCEPT_BATCH, "Messages of one accept batch"),
    Metric::counter(core_metric::REDELIVERED, "Accepted messages brought back from the store"),
    Metric::counter(core_metric::TURNS, "Accepted messages whose turn was committed, by tenant, channel and outcome"),
    Metric::histogram(core_metric::TURN_SECONDS, "From a webhook's arrival to its turn's commit"),
    Metric::counter(core_metric::TURN_CONFLICTS, "Turns that lost a race and were decided again"),
    Metric::gauge(core_metric::RESIDENT, "Conversations in memory"),
    Metric::counter(core_metric::POISONED, "Messages set aside because they panicked their conversation repeatedly"),
    Metric::counter(core_metric::PANICS, "Actors that panicked, by actor; each is rebuilt from the store"),
    Metric::counter(core_metric::QUARANTINED, "Tenants put to rest because they used their restart budget up"),
    Metric::counter(core_metric::SENDS, "Attempts to hand a message to a provider, by tenant, channel and result"),
    Metric::counter(core_metric::DELIVERED, "Messages that the contact has, by tenant and channel"),
    Metric::counter(core_metric::CHECKS_UNANSWERED, "Checks before a send that could not be answered, by check"),
    Metric::histogram(core_metric::SEND_SECONDS, "How long a provider took to answer a send"),
    Metric::gauge(core_metric::SENDING, "Messages being sent"),
    Metric::gauge(core_metric::CHANNEL_STATE, "1 for the state that a channel is in, by tenant, channel and state"),
    Metric::counter(
        core_metric::DEAD,
        "Messages that will not be tried again by themselves, by tenant, channel and state",
    ),
    Metric::gauge(core_metric::DAY_USED, "Used share of limits.per_day, by tenant"),
    Metric::gauge(core_metric::BUDGET_USED, "Used share of a budget, by tenant and period (day, month)"),
    Metric::gauge(core_metric::BUDGET_ALERT, "1 while so much of a budget is used that people should hear of it"),
    Metric::histogram(STORE_BATCH_ROWS, "Rows that one transaction wrote"),
    Metric::histogram(STORE_COMMIT_SECONDS, "How long one transaction took"),
    Metric::counter(STORE_FAILED_BATCHES, "Transactions that failed and were tried entry by entry"),
    Metric::counter(STORE_COLLISIONS, "Transactions that met another one on PostgreSQL and were written again"),
    Metric::gauge(STORE_WRITABLE, "1 while the database takes what is written, 0 while its disk is full or fails"),
    Metric::counter(RETENTION_ROWS, "Rows deleted because they were older than their retention, by table"),
    Metric::counter(RETENTION_MONTHS, "Whole months of PostgreSQL deleted for the same reason"),
    Metric::counter(
        CONFIG_RELOADS,
        "How often the tenants' files were taken over, refused, or failed to be taken over",
    ),
    Metric::gauge(CONFIG_REFUSED, "1 while a tenant's file does not hold and what it said before counts"),
    Metric::gauge(CONFIG_TENANTS, "Tenants that are served"),
    Metric::counter(RETENTION_FAILURES, "How often what is older than its retention could not be deleted"),
    Metric::counter(JOURNAL_LINES, "Lines of journals that are durable, by tenant"),
    Metric::counter(JOURNAL_FAILURES, "How often a journal could not be written, by tenant"),
    Metric::gauge(JOURNAL_BEHIND_SECONDS, "How far a journal is behind the event log, by tenant"),
    Metric::counter(MEDIA_FILES, "Attempts to fetch a file of a message, by tenant and outcome"),
    Metric::gauge(MEDIA_WAITING, "Files of messages that wait to be fetched"),
    Metric::counter(PAYMENT_EVENTS, "Events of payment systems that were applied, by what came of them"),
    Metric::counter(ACCESS_CHANGES, "Changes of subscriptions' states"),
    Metric::counter(CRM_LOOKUPS, "Look-ups in CRMs, by tenant and outcome"),
    Metric::gauge(CRM_CONTACTS, "Contacts by what the tenant's CRM knows of them, by tenant and state"),
    Metric::counter(EVENTS_OUT, "Events posted to endpoints of webhooks, by tenant, webhook and outcome"),
    Metric::counter(PUSHES, "Pushes to browsers of people, by what came of them"),
    Metric::gauge(EVENTS_OUT_WAITING, "Events that wait for an endpoint, by tenant and webhook"),
    Metric::gauge(EVENTS_OUT_DEAD, "Events that an endpoint never took, by tenant and webhook"),
    Metric::gauge(EVENTS_OUT_OLDEST_SECONDS, "How long the oldest event has waited for an endpoint"),
    Metric::gauge(EVENTS_OUT_DISABLED, "1 for an endpoint that answered 410 and gets nothing more"),
    Metric::counter(ASSISTANT_ANSWERS, "Questions to assistants, by tenant and what came of them"),
    Metric::histogram(ASSISTANT_SECONDS, "How long a question to an assistant took"),
    Metric::counter(ASSISTANT_TOKENS, "Tokens of assistants as the endpoints count them, by tenant and kind"),
    Metric::counter(ASSISTANT_COST, "What assistants cost, in millionths of the tenant's currency"),
    Metric::gauge(CERTIFICATE_ENDS, "When the certificate of the public URL ends"),
    Metric::gauge(CERTIFICATE_BELIEVED, "1 while the certificate of the public URL is believed, 0 while it is not"),
    Metric::gauge(UNANSWERED_OLDEST_SECONDS, "How long the oldest message without a turn has waited"),
    Metric::gauge(DUE_OLDEST_SECONDS, "How long the oldest message that is due has waited to be sent, by tenant"),
    Metric::gauge(STUCK_CHATS, "Paid chats in which the bot lost its rights, by tenant"),
    Metric::gauge(AUDIT_BROKEN, "1 while a chain of the audit log is not whole, by tenant"),
    Metric::gauge(SPOOL_RECORDS, "Messages kept beside the database because it was away"),
    Metric::gauge(SPOOL_BYTES, "What they take of the disk"),
    Metric::gauge(SPOOL_OLDEST_SECONDS, "How long the oldest of them has waited"),
    Metric::counter(SPOOL_KEPT, "Messages that were kept beside the database"),
    Metric::counter(SPOOL_DRAINED, "Messages that went from the spool into the database"),
    Metric::counter(SPOOL_REFUSED, "Messages that the spool could not keep"),
    Metric::counter(SPOOL_SET_ASIDE, "Messages of the spool that the database refused for good"),
    Metric::counter(SPOOL_DAMAGED, "Damaged places of the spool"),
    Metric::gauge(REDIS_UP, "1 while Redis answers, 0 while it does not"),
    Metric::counter(REDIS_FALLBACKS, "Questions for permits that this node's share answered, without Redis"),
    Metric::histogram(REDIS_SCRIPT_SECONDS, "How long Redis took to answer a question for permits"),
    Metric::gauge(NODES, "Nodes that are alive, as far as this one knows"),
    Metric::gauge(CLOCK_AHEAD_SECONDS, "How many seconds this node's clock is ahead of the database's"),
    Metric::gauge(PROCESS_RESIDENT_MEMORY, "Resident memory"),
    Metric::gauge(PROCESS_CPU, "CPU time used, user and system"),
    Metric::gauge(PROCESS_OPEN_FDS, "Open file descriptors"),
    Metric::gauge(PROCESS_THREADS, "Threads"),
    Metric::gauge(PROCESS_UPTIME, "Time since the process started"),
    Metric::counter(PROCESS_PANICS, "Panics of any thread or task"),
    Metric::gauge(PROCESS_BUILD, "Always 1; the version label says what runs"),
    Metric::counter(LOGS_DROPPED, "Log lines lost because standard output could not keep up"),
    Metric::counter(SENTRY_EVENTS, "Errors for Sentry, by what became of them"),
    Metric::counter(OTLP_SPANS, "Spans for the collector of traces, by what became of them"),
];

#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name at Prometheus.
    pub name: &'static str,
    /// What it counts, for people.
    pub help: &'static str,
    pub kind: MetricKind,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations per bucket.
    Histogram,
}

impl Metric {
    const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricKind::Counter }
    }

    const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricKind::Gauge }
    }

    const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricKind::Histogram }
    }

    /// Whether it is a counter without labels.
    pub(super) fn is_plain_counter(self) -> bool {
        const LABELLED: [&str; 25] = [
            ASSISTANT_ANSWERS,
            ASSISTANT_COST,
            ASSISTANT_TOKENS,
            CONFIG_RELOADS,
            CRM_LOOKUPS,
            HTTP_REQUESTS,
            EVENTS_OUT,
            OTLP_SPANS,
            SENTRY_EVENTS,
            HTTP_CONNECTIONS_ENDED,
            WEBHOOK_OUTCOMES,
            WEBHOOK_STRAYS,
            RETENTION_ROWS,
            MEDIA_FILES,
            PAYMENT_EVENTS,
            ACCESS_CHANGES,
            JOURNAL_LINES,
            JOURNAL_FAILURES,
            core_metric::ACCEPTED,
            core_metric::TURNS,
            core_metric::PANICS,
            core_metric::SENDS,
            core_metric::DELIVERED,
            core_metric::CHECKS_UNANSWERED,
            core_metric::DEAD,
        ];
        self.kind == MetricKind::Counter && !LABELLED.contains(&self.name)
    }

    pub(super) fn describe(self) {
        match self.kind {
            MetricKind::Counter => ::metrics::describe_counter!(self.name, self.help),
            MetricKind::Gauge => ::metrics::describe_gauge!(self.name, self.help),
            MetricKind::Histogram => ::metrics::describe_histogram!(self.name, self.help),
        }
    }
}
