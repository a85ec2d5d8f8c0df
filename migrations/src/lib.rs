//! The schema of Palabre's database, step by step. Each step is plain SQL for each backend and names no entity of the
//! daemon, so that an old step never changes its meaning.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261121_000001_house;
mod m20261121_000002_delivery;
mod m20261121_000003_told;
mod m20261121_000004_nodes;
mod m20261121_000005_held;
mod m20261121_000006_duties;
mod m20261121_000007_backlog;
mod m20261121_000008_failing;
mod m20261121_000009_reserves;
mod m20261122_000010_horizon;
mod m20261122_000011_samples;
mod m20261122_000012_leased;
mod m20261130_000013_plain_names;
mod m20261130_000020_conversation_list;
mod m20261130_000021_search;
mod m20261130_000030_timers;
mod m20261130_000040_blocked_reason;
mod m20261130_000050_identity;
mod m20261130_000060_consent_scope;
mod m20261130_000070_people;
mod m20261130_000075_waiting;
mod m20261130_000076_notes;
mod m20261130_000077_daily_figures;
mod m20261130_000080_faq_entries;
mod m20261130_000085_bookings;
mod m20261130_000090_choices;
mod m20261130_000095_polling;
mod m20261130_000096_presentation;
mod m20261130_000110_access;
mod m20261130_000120_faq_author;
mod m20261130_000130_access_chats;
mod m20261130_000140_journals;
mod m20261130_000150_events_out;
mod m20261130_000170_order_lines;
mod m20261130_000190_kept_ids;
mod m20261201_000200_privacy;
mod m20261201_000210_chat_members;
mod m20261201_000220_assistant_and_quiet_hours;
mod m20261201_000221_broadcasts;
mod m20261201_000230_media;
mod m20261201_000250_setup_steps;
mod m20261201_000280_crm;
mod m20261201_000290_access_moves;
mod m20261201_000340_late_bookings;
mod m20261201_000341_waiting_list;
mod m20261201_000342_calendar_feeds;
mod m20261201_000343_ride_ratings;
mod m20261201_000350_push_subscriptions;
mod m20261201_000360_parties;
mod m20261201_000361_offers_of_contacts;
mod m20261201_000370_scheduled_messages;
mod m20261201_000380_oidc_subjects;
mod m20261201_000390_actions_exempt;

/// All steps, in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_house::Migration),
            Box::new(m20261121_000002_delivery::Migration),
            Box::new(m20261121_000003_told::Migration),
            Box::new(m20261121_000004_nodes::Migration),
            Box::new(m20261121_000005_held::Migration),
            Box::new(m20261121_000006_duties::Migration),
            Box::new(m20261121_000007_backlog::Migration),
            Box::new(m20261121_000008_failing::Migration),
            Box::new(m20261121_000009_reserves::Migration),
            Box::new(m20261122_000010_horizon::Migration),
            Box::new(m20261122_000011_samples::Migration),
            Box::new(m20261122_000012_leased::Migration),
            Box::new(m20261130_000013_plain_names::Migration),
            Box::new(m20261130_000020_conversation_list::Migration),
            Box::new(m20261130_000021_search::Migration),
            Box::new(m20261130_000030_timers::Migration),
            Box::new(m20261130_000040_blocked_reason::Migration),
            Box::new(m20261130_000050_identity::Migration),
            Box::new(m20261130_000060_consent_scope::Migration),
            Box::new(m20261130_000070_people::Migration),
            Box::new(m20261130_000075_waiting::Migration),
            Box::new(m20261130_000076_notes::Migration),
            Box::new(m20261130_000077_daily_figures::Migration),
            Box::new(m20261130_000080_faq_entries::Migration),
            Box::new(m20261130_000085_bookings::Migration),
            Box::new(m20261130_000090_choices::Migration),
            Box::new(m20261130_000095_polling::Migration),
            Box::new(m20261130_000096_presentation::Migration),
            Box::new(m20261130_000110_access::Migration),
            Box::new(m20261130_000120_faq_author::Migration),
            Box::new(m20261130_000130_access_chats::Migration),
            Box::new(m20261130_000140_journals::Migration),
            Box::new(m20261130_000150_events_out::Migration),
            Box::new(m20261130_000170_order_lines::Migration),
            Box::new(m20261130_000190_kept_ids::Migration),
            Box::new(m20261201_000200_privacy::Migration),
            Box::new(m20261201_000210_chat_members::Migration),
            Box::new(m20261201_000220_assistant_and_quiet_hours::Migration),
            Box::new(m20261201_000221_broadcasts::Migration),
            Box::new(m20261201_000230_media::Migration),
            Box::new(m20261201_000250_setup_steps::Migration),
            Box::new(m20261201_000280_crm::Migration),
            Box::new(m20261201_000290_access_moves::Migration),
            Box::new(m20261201_000340_late_bookings::Migration),
            Box::new(m20261201_000341_waiting_list::Migration),
            Box::new(m20261201_000342_calendar_feeds::Migration),
            Box::new(m20261201_000343_ride_ratings::Migration),
            Box::new(m20261201_000350_push_subscriptions::Migration),
            Box::new(m20261201_000360_parties::Migration),
            Box::new(m20261201_000361_offers_of_contacts::Migration),
            Box::new(m20261201_000370_scheduled_messages::Migration),
            Box::new(m20261201_000380_oidc_subjects::Migration),
            Box::new(m20261201_000390_actions_exempt::Migration),
        ]
    }
}
