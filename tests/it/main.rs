//! Tests from outside: the daemon as a process, real HTTP, a provider that misbehaves on demand; and the conventions of
//! the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should stop")]
#![allow(clippy::duplicate_mod, reason = "some run on both databases")]

mod alertmanager;
mod alerts_fire;
mod appointments;
#[path = "appointments.rs"]
mod appointments_on_postgres;
mod assistant;
#[path = "assistant.rs"]
mod assistant_on_postgres;
mod away;
mod backup;
#[path = "backup.rs"]
mod backup_on_postgres;
#[path = "console/browser.rs"]
mod browser;
mod console;
#[path = "console/access_in_a_browser.rs"]
mod console_access_in_a_browser;
#[path = "console/agenda_in_a_browser.rs"]
mod console_agenda_in_a_browser;
#[path = "console/every_page_in_a_browser.rs"]
mod console_every_page_in_a_browser;
#[path = "console/faq_in_a_browser.rs"]
mod console_faq_in_a_browser;
#[path = "console/in_a_browser.rs"]
mod console_in_a_browser;
#[path = "console/inbox_in_a_browser.rs"]
mod console_inbox_in_a_browser;
#[path = "console/media_in_a_browser.rs"]
mod console_media_in_a_browser;
#[path = "console/mod.rs"]
mod console_on_postgres;
#[path = "console/outgoing_in_a_browser.rs"]
mod console_outgoing_in_a_browser;
#[path = "console/privacy_in_a_browser.rs"]
mod console_privacy_in_a_browser;
#[path = "console/setup_in_a_browser.rs"]
mod console_setup_in_a_browser;
mod conventions;
mod crm;
#[path = "crm.rs"]
mod crm_on_postgres;
mod daemon;
mod delivery;
mod delivery_on_postgres;
mod demo;
mod deploy;
mod deploy_samples;
mod discreet;
mod doctor;
#[path = "doctor.rs"]
mod doctor_on_postgres;
mod escalation;
#[path = "escalation.rs"]
mod escalation_on_postgres;
mod events_out;
mod every_channel;
mod faq;
#[path = "faq.rs"]
mod faq_on_postgres;
mod faults;
mod flows;
#[path = "flows.rs"]
mod flows_on_postgres;
mod gateway;
mod greenapi;
mod handbook;
mod http_stand_in;
mod journal;
#[path = "journal.rs"]
mod journal_on_postgres;
mod journeys;
#[path = "journeys.rs"]
mod journeys_on_postgres;
mod live_sales;
#[path = "live_sales.rs"]
mod live_sales_on_postgres;
mod logs;
mod media;
mod media_bucket;
#[path = "media.rs"]
mod media_on_postgres;
mod metrics;
mod moving;
mod nodes_on_postgres;
mod observers;
mod one_person;
mod operators;
#[path = "operators/mod.rs"]
mod operators_on_postgres;
mod paid_access;
mod privacy;
#[path = "privacy.rs"]
mod privacy_on_postgres;
mod prometheus;
mod push;
#[path = "push.rs"]
mod push_on_postgres;
mod reload;
mod retention;
#[path = "retention.rs"]
mod retention_on_postgres;
mod rolling_on_postgres;
mod sandbox;
mod scenarios;
#[path = "scenarios.rs"]
mod scenarios_on_postgres;
mod smtp;
mod stand_in;
mod still;
#[path = "still.rs"]
mod still_on_postgres;
mod telegram;
mod torture;
mod watched;
mod whatsapp_cloud;
